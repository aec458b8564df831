"""Asking the other members over HTTP."""

from __future__ import annotations

from collections.abc import Mapping

import anyio
import httpx
import structlog
from pydantic import TypeAdapter, ValidationError

from oracles.chain.answers import UNPACKED, read_answer
from oracles.chain.typed import Domain
from oracles.committee.authentic import SENDER_HEADER, SIGNATURE_HEADER, Line
from oracles.committee.messages import MAX_MESSAGE_BYTES, Answer, Request
from oracles.committee.report import SignatureInvalid, Signing

_ANSWER: TypeAdapter[Answer] = TypeAdapter(Answer)

_log = structlog.get_logger(__name__)


class PeerFaultError(Exception):
    """A member's answer cannot be used."""


class HttpPeers:
    """`view.Peers` over HTTP. `urls` says where each member listens; one without a URL is never asked."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        urls: Mapping[str, str],
        *,
        topic: str,
        domain: Domain,
        signing: Signing,
        timeout: float,
    ) -> None:
        self._client = client
        self._urls = urls
        self._topic = topic
        self._domain = domain
        self._signing = signing
        self._timeout = timeout

    async def ask(self, requests: Mapping[str, Request]) -> dict[str, Answer]:
        """Ask several members at once, `timeout` seconds at most; each fault is that member's alone."""
        answers: dict[str, Answer] = {}

        async def one(member: str, request: Request) -> None:
            try:
                with anyio.fail_after(self._timeout):
                    answers[member] = await self._ask(member, request)
            except Exception as fault:
                # What httpx lets through of sockets has no common base, and here a task group would wrap it.
                reason = str(fault) or type(fault).__name__
                _log.info("no answer", member=member, message=request.type, reason=reason)

        async with anyio.create_task_group() as group:
            for member, request in requests.items():
                if member in self._urls:
                    group.start_soon(one, member, request)
        return answers

    async def _ask(self, member: str, request: Request) -> Answer:
        body = request.model_dump_json().encode()
        line = Line(self._domain, self._topic, self._signing.address, member)
        headers = {
            SENDER_HEADER: self._signing.address,
            SIGNATURE_HEADER: self._signing.sign(line.request(body)).hex(),
            "Content-Type": "application/json",
            **UNPACKED,
        }
        url = f"{self._urls[member].rstrip('/')}/v1/committee/{self._topic}"
        async with self._client.stream("POST", url, content=body, headers=headers) as response:
            if response.status_code != 200:
                raise PeerFaultError(f"HTTP {response.status_code}")
            said = await read_answer(response, MAX_MESSAGE_BYTES)
        try:
            signature = bytes.fromhex(response.headers.get(SIGNATURE_HEADER, ""))
            signer = self._signing.signer(line.reverse().answer(body, said), signature)
            if signer != member:
                raise PeerFaultError(f"signed by {signer}")
            return _ANSWER.validate_json(said)
        except (SignatureInvalid, ValidationError, ValueError) as fault:
            raise PeerFaultError(f"not an answer: {fault}") from None
