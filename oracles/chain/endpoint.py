"""One JSON-RPC endpoint: requests with a time limit, retries, and a chain id that is checked before
anything is believed.
"""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import anyio
import httpx
import stamina

from oracles.chain.answers import AnswerRefused, AnswerTooLong, open_client, read_answer
from oracles.chain.block import quantity, unhex
from oracles.chain.errors import (
    AnswerTooBig,
    BlockUnknown,
    CallReverted,
    ChainError,
    ChainUnavailable,
    DeploymentFault,
    RpcError,
    WrongChain,
)
from oracles.chain.revert import revert_reason

T = TypeVar("T")

Observer = Callable[[str, str, float], None]
"""Told of each request: method, outcome (`ok`, `error` or `unavailable`), seconds."""

MAX_ANSWER = 64 * 1024 * 1024
"""Bytes of an answer; ranges of logs are asked for in pieces far below it."""

_LOGS = "eth_getLogs"
"""The one question that can be asked in smaller pieces."""
_LIMIT_EXCEEDED = -32005  # EIP-1474; Infura says so of too many logs, too
_TOO_BIG_STATUS = (413, 504)
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
        try:
            self._url = rpc_url(url)
        except ValueError as fault:
            raise DeploymentFault(f"WESTWORLD_RPC_URLS: {fault}") from None
        port = f":{self._url.port}" if self._url.port else ""
        self.name = f"{self._url.scheme}://{self._url.host}{port}"
        self._http = open_client(request_seconds)
        self._request_seconds = request_seconds
        self._chain_id = chain_id
        self._checked = False
        self._attempts = attempts
        self._observe = observe

    async def close(self) -> None:
        """Close the HTTP connections."""
        await self._http.aclose()

    async def request(self, method: str, *params: Any, read: Callable[[Any], T]) -> T:
        """The result of one request, as `read` makes it of the JSON: a result that it cannot read is none.

        Raises `ChainUnavailable` after the retries, `WrongChain`, `CallReverted`, `BlockUnknown`, `RpcError`
        or, for logs, `AnswerTooBig`.
        """
        if not self._checked:
            await self._check_chain_id()
        return await self._retried(method, params, read)

    async def _check_chain_id(self) -> None:
        # Checked again after each outage: what answers next may be another node behind the same address.
        found = await self._retried("eth_chainId", (), quantity)
        if found != self._chain_id:
            raise WrongChain(self.name, self._chain_id, found)
        self._checked = True

    async def _retried(self, method: str, params: tuple[Any, ...], read: Callable[[Any], T]) -> T:
        async for attempt in stamina.retry_context(
            on=ChainUnavailable, attempts=self._attempts, timeout=None, wait_initial=0.1, wait_max=2.0
        ):
            with attempt:
                return await self._once(method, params, read)
        raise AssertionError("stamina either returns or raises")

    async def _once(self, method: str, params: tuple[Any, ...], read: Callable[[Any], T]) -> T:
        began = time.monotonic()
        outcome = "unavailable"
        try:
            with anyio.fail_after(self._request_seconds):
                answer = json.loads(await self._post(method, params))
            if not isinstance(answer, dict):
                raise ValueError(f"{method} was answered with something that is not JSON-RPC")
            if answer.get("error") is not None:  # some send null beside a result
                outcome = "error"
                raise self._named(method, answer["error"])
            outcome = "ok"
            return _read(method, answer, read)
        except (httpx.HTTPError, OSError, AnswerRefused, ValueError, RecursionError) as fault:
            if method == _LOGS and _is_too_big(fault):
                raise AnswerTooBig(self.name, method, _plain(fault)) from None
            outcome = "unavailable"
            self._checked = False
            # The cause is left out: its text may hold the whole URL.
            raise ChainUnavailable(self.name, _plain(fault)) from None
        finally:
            if self._observe is not None:
                self._observe(method, outcome, time.monotonic() - began)

    async def _post(self, method: str, params: tuple[Any, ...]) -> bytes:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        async with self._http.stream("POST", self._url, json=request) as response:
            response.raise_for_status()
            return await read_answer(response, MAX_ANSWER)

    def _named(self, method: str, error: Any) -> Exception:
        if not isinstance(error, dict):
            return ChainUnavailable(self.name, f"{method} failed: {error}")
        message, code, data = str(error.get("message", "")), error.get("code"), error.get("data")
        code = code if isinstance(code, int) else 0
        lowered = message.lower()
        if any(sign in lowered for sign in _UNKNOWN_BLOCK):
            return BlockUnknown(f"asked for by {method}")
        if code == 3 or "revert" in lowered:
            returned = unhex(data) if isinstance(data, str) and data.startswith("0x") else b""
            return CallReverted(revert_reason(returned) or message, returned)
        if code == _LIMIT_EXCEEDED and method == _LOGS:
            return AnswerTooBig(self.name, method, message)
        if code in (429, _LIMIT_EXCEEDED):
            return ChainUnavailable(self.name, f"{method} was limited: {message}")
        return RpcError(self.name, method, code, message, data)


def rpc_url(text: str) -> httpx.URL:
    """An endpoint's URL; raises `ValueError`, which quotes nothing of it: it may hold a key."""
    with suppress(httpx.InvalidURL):
        url = httpx.URL(text)
        named = url.host and "%" not in url.host  # what httpx escapes is in no host's name
        if url.scheme in ("http", "https") and named and (url.port is None or 0 < url.port < 2**16):
            return url
    raise ValueError(
        "must be http(s)://host[:port]/…; in a user name or password, write / as %2F, @ as %40, : as %3A"
    )


def _read(method: str, answer: dict[str, Any], read: Callable[[Any], T]) -> T:
    try:
        return read(answer["result"])
    except ChainError:
        raise
    except Exception:  # whatever the reader stumbles over, it is not what the method gives
        raise ValueError(f"{method} was answered with something else than it gives") from None


def _is_too_big(fault: Exception) -> bool:
    if isinstance(fault, httpx.HTTPStatusError):
        return fault.response.status_code in _TOO_BIG_STATUS
    return isinstance(fault, (AnswerTooLong, TimeoutError, httpx.ReadTimeout))


def _plain(fault: Exception) -> str:
    match fault:
        case httpx.HTTPStatusError():
            return f"HTTP status {fault.response.status_code}"
        case TimeoutError() | httpx.TimeoutException():
            return "no answer in time"
        case json.JSONDecodeError() | UnicodeDecodeError() | RecursionError():
            return "the answer is not JSON"
        case ValueError() | AnswerRefused():
            return str(fault)
        case _:
            return type(fault).__name__
