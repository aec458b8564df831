"""One JSON-RPC endpoint: requests with a time limit, retries, and a chain id that is checked before
anything is believed.
"""

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx
import stamina

from oracles.chain.block import unhex
from oracles.chain.errors import BlockUnknown, CallReverted, ChainUnavailable, RpcError, WrongChain
from oracles.chain.revert import revert_reason

Observer = Callable[[str, str, float], None]
"""Told of each request: method, outcome (`ok`, `error` or `unavailable`), seconds."""

MAX_ANSWER = 64 * 1024 * 1024
"""Bytes of an answer; ranges of logs are asked for in pieces far below it."""

_UNKNOWN_BLOCK = (
    "unknown block",
    "header not found",
    "resource not found",
    "not canonical",
    "block not found",
)


class Endpoint:
    """A JSON-RPC URL. Messages show its host only, since paths and user names often are keys."""

    def __init__(
        self,
        url: str,
        chain_id: int,
        *,
        request_seconds: float,
        attempts: int,
        observe: Observer | None = None,
    ) -> None:
        parts = urlsplit(url)
        self.name = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
        self._url = url
        self._http = httpx.AsyncClient(timeout=request_seconds, trust_env=False)
        self._request_seconds = request_seconds
        self._chain_id = chain_id
        self._checked = False
        self._attempts = attempts
        self._observe = observe

    async def close(self) -> None:
        """Close the HTTP connections."""
        await self._http.aclose()

    async def request(self, method: str, *params: Any) -> Any:
        """The result of one request.

        Raises `ChainUnavailable` after the retries, `WrongChain`, `CallReverted`, `BlockUnknown` or
        `RpcError`.
        """
        if not self._checked:
            await self._check_chain_id()
        return await self._retried(method, params)

    async def _check_chain_id(self) -> None:
        # Checked again after each outage: what answers next may be another node behind the same address.
        found = int(await self._retried("eth_chainId", ()), 16)
        if found != self._chain_id:
            raise WrongChain(self.name, self._chain_id, found)
        self._checked = True

    async def _retried(self, method: str, params: tuple[Any, ...]) -> Any:
        async for attempt in stamina.retry_context(
            on=ChainUnavailable, attempts=self._attempts, timeout=None, wait_initial=0.1, wait_max=2.0
        ):
            with attempt:
                return await self._once(method, params)
        raise AssertionError("stamina either returns or raises")

    async def _once(self, method: str, params: tuple[Any, ...]) -> Any:
        began = time.monotonic()
        outcome = "unavailable"
        try:
            with anyio.fail_after(self._request_seconds):
                answer = json.loads(await self._post(method, params))
            if not isinstance(answer, dict) or ("result" not in answer and "error" not in answer):
                raise ValueError(f"{method} was answered with something that is not JSON-RPC")
            if "error" in answer:
                outcome = "error"
                raise self._named(method, answer["error"])
            outcome = "ok"
            return answer["result"]
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, RecursionError) as fault:
            self._checked = False
            # The cause is left out: its text may hold the whole URL.
            raise ChainUnavailable(self.name, _plain(fault)) from None
        finally:
            if self._observe is not None:
                self._observe(method, outcome, time.monotonic() - began)

    async def _post(self, method: str, params: tuple[Any, ...]) -> bytes:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        said = bytearray()
        async with self._http.stream("POST", self._url, json=request) as response:
            response.raise_for_status()
            async for chunk in response.aiter_bytes():
                said += chunk
                if len(said) > MAX_ANSWER:
                    raise ValueError(f"{method} was answered with more than {MAX_ANSWER} bytes")
        return bytes(said)

    def _named(self, method: str, error: Any) -> Exception:
        if not isinstance(error, dict):
            return ChainUnavailable(self.name, f"{method} failed: {error}")
        message, code, data = str(error.get("message", "")), int(error.get("code", 0)), error.get("data")
        lowered = message.lower()
        if any(sign in lowered for sign in _UNKNOWN_BLOCK):
            return BlockUnknown(f"asked for by {method}")
        if code == 3 or "revert" in lowered:
            returned = unhex(data) if isinstance(data, str) and data.startswith("0x") else b""
            return CallReverted(revert_reason(returned) or message, returned)
        if code == 429 or code == -32005:
            return ChainUnavailable(self.name, f"{method} was limited: {message}")
        return RpcError(self.name, method, code, message, data)


def _plain(fault: Exception) -> str:
    match fault:
        case httpx.HTTPStatusError():
            return f"HTTP status {fault.response.status_code}"
        case TimeoutError() | httpx.TimeoutException():
            return "no answer in time"
        case json.JSONDecodeError() | UnicodeDecodeError() | RecursionError():
            return "the answer is not JSON"
        case ValueError():
            return str(fault)
        case _:
            return type(fault).__name__
