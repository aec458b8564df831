"""The charter kept in user space, where there is no eBPF: a statsd relay that forwards only what is allowed.

It holds back nobody who sends past it, so the agent that uses it is never `enforcing`: it says `degraded`.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import cast

import anyio

from agent.kernel.enforcement import DropEvent, Scope, SelfCheck
from agent.kernel.reasons import Reason
from agent.kernel.rules import Destination
from oracles.charter.chain_source import EMPTY_POLICY
from oracles.charter.decision import NodeDecider
from oracles.charter.policy import Policy

SCOPE = "relay"
MAX_DATAGRAM = 1432
MAX_LINES = 16
_PENDING_LIMIT = 1024

_NAME = re.compile(rb"[\x21-\x7e]+\Z")
_NAME_LIMIT = 64
_VALUE = re.compile(rb"(?P<value>-?\d{1,18}(?:\.\d{1,9})?)\|(?P<type>g|c|ms|s)\Z")
_TYPES = {b"g": "gauge", b"c": "counter", b"ms": "timer", b"s": "set"}


class LimiterUnavailable(Exception):
    """The relay's address cannot be had."""


class Limiter(asyncio.DatagramProtocol):
    """Decides datagrams as the kernel would, as far as it sees them: whole or not at all."""

    adopted = False

    def __init__(self, destination: Destination, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._destination = (str(destination.address), destination.port)
        self._clock = clock
        self._policy: Policy | None = None
        self._factor = 1
        self._suspended = False
        self._decider = NodeDecider(EMPTY_POLICY)
        self._drops: dict[tuple[Reason, bytes], int] = {}
        self._wakened = anyio.Event()
        self._transport: asyncio.DatagramTransport | None = None

    @classmethod
    async def start(cls, listen: str, destination: Destination) -> Limiter:
        """Opens the relay at `listen` (host:port). Raises LimiterUnavailable."""
        limiter = cls(destination)
        host, _, port = listen.rpartition(":")
        try:
            await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: limiter, local_addr=(host.strip("[]"), int(port))
            )
        except OSError as fault:
            raise LimiterUnavailable(
                f"cannot open the relay on {listen} (WESTWORLD_RELAY): {fault}"
            ) from None
        return limiter

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        # asyncio's own datagram transport isn't a DatagramTransport by inheritance.
        self._transport = cast(asyncio.DatagramTransport, transport)

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        if self._transport is None:
            raise LimiterUnavailable("the relay is not open")
        name = self._transport.get_extra_info("sockname")
        return str(name[0]), int(name[1])

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Called by the event loop: forwards a datagram, or counts why not."""
        refused = self.judge(data)
        if refused is None:
            if self._transport is not None:
                self._transport.sendto(data, self._destination)
            return
        # Beyond the limit names are not kept apart: a flood of invented ones must not fill the memory.
        key = refused if refused in self._drops or len(self._drops) < _PENDING_LIMIT else (refused[0], b"")
        self._drops[key] = self._drops.get(key, 0) + 1
        self._wakened.set()

    def judge(self, datagram: bytes) -> tuple[Reason, bytes] | None:
        """Why a datagram is refused, and the name that it is about; None lets it through."""
        if self._suspended:
            return Reason.SUSPENDED, b""
        if self._policy is None:
            return Reason.NO_POLICY, b""
        if len(datagram) > MAX_DATAGRAM:
            return Reason.OVERSIZED, b""
        lines = datagram.removesuffix(b"\n").split(b"\n")
        if len(lines) > MAX_LINES:
            return Reason.TOO_MANY_LINES, b""
        for line in lines:
            if (refused := self._judge_line(line)) is not None:
                return refused
        return None

    def _judge_line(self, line: bytes) -> tuple[Reason, bytes] | None:
        if not line:
            return Reason.EMPTY, b""
        if b"\0" in line:
            return Reason.NUL, b""
        name, colon, sample = line.partition(b":")
        if not colon or not _NAME.match(name):
            return Reason.NAME_SYNTAX, b""
        if len(name) > _NAME_LIMIT:
            return Reason.NAME_TOO_LONG, b""
        parsed = _VALUE.match(sample)
        if parsed is None:
            return (Reason.TAGS if b"#" in sample else Reason.VALUE_SYNTAX), name
        decision = self._decider.decide(
            name.decode(), _TYPES[parsed["type"]], Decimal(parsed["value"].decode()), self._clock()
        )
        return None if decision.allowed else (Reason[decision.reason.upper()], name)

    def apply(self, policy: Policy, version: int) -> None:
        """Decides by this policy from now on; rates begin anew."""
        self._policy = policy
        self._decider = NodeDecider(policy, self._factor)

    def suspend(self, suspended: bool) -> None:
        """Forwards nothing while suspended."""
        self._suspended = suspended

    def limit(self, factor: int) -> None:
        """Slows every rate `factor` times."""
        if factor != self._factor:
            self._factor = factor
            self._decider = NodeDecider(self._policy or EMPTY_POLICY, factor)

    async def events(self, period: float = 1.0) -> AsyncIterator[list[DropEvent]]:
        """What was refused, as the kernel tells it: at once after silence, then each `period` seconds."""
        while True:
            await self._wakened.wait()
            self._wakened = anyio.Event()
            drops, self._drops = self._drops, {}
            yield [
                DropEvent(reason, name, count, uid=None, cookie=0, destination=None, first=True)
                for (reason, name), count in drops.items()
            ]
            await anyio.sleep(period)

    def scope(self, reason: Reason) -> str:
        """Always the relay."""
        return SCOPE

    def attached(self) -> bool:
        """Whether the relay is open."""
        return self._transport is not None and not self._transport.is_closing()

    def self_check(self) -> SelfCheck:
        """Nothing is enforced: a sender need only send past the relay."""
        unheld = "user-space limiting only: a process that sends past the relay is not stopped"
        return SelfCheck((), tuple(f"{scope.value} scope" for scope in Scope), (unheld,))

    def close(self) -> None:
        """Closes the relay."""
        if self._transport is not None:
            self._transport.close()
