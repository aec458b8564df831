"""The agent's hold on the kernel: one object that starts, adopts, switches, watches and proves enforcement."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

from agent.kernel.reasons import Reason
from agent.kernel.rules import Destination, KernelRule


class EnforcementUnavailable(Exception):
    """This machine cannot enforce in the kernel; `missing` says what it lacks, in words for an operator."""

    def __init__(self, missing: Sequence[str]) -> None:
        self.missing = tuple(missing)
        super().__init__("the kernel cannot enforce the charter here: " + "; ".join(self.missing))


class Scope(StrEnum):
    """A way out of the telemetry cgroup that the kernel closes or checks."""

    DATAGRAM = "datagram"  # every UDP datagram is parsed and decided
    DESTINATION = "destination"  # connect and sendto reach allowed servers only
    SOCKET = "socket"  # TCP, raw and all other Internet sockets are refused
    UNIX = "unix"  # connect and sendto over AF_UNIX are refused (kernels since 6.7)


@dataclass(frozen=True, slots=True)
class DropEvent:
    """One refusal, or `count` equal ones within a collection period."""

    reason: Reason
    name: bytes  # as sent, cut at 64 bytes; empty where there is none or where a flood outran attribution
    count: int
    uid: int | None  # of the socket's owner; None where a flood outran attribution
    cookie: int  # of the first offending socket, 0 if not known
    destination: str | None  # "address:port" for Reason.DESTINATION
    first: bool  # reported at once as the first of its kind in this period


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """What a process inside the telemetry cgroup found. `enforcing` is said only if `faults` is empty."""

    scopes: tuple[Scope, ...]
    missing: tuple[str, ...]  # scopes this kernel cannot give, in words
    faults: tuple[str, ...]  # what should have failed and did not, or the other way round

    @property
    def enforcing(self) -> bool:
        return not self.faults and Scope.DATAGRAM in self.scopes


class Enforcement:
    """Programs, links and maps on one telemetry cgroup. All calls block briefly; call from a worker thread.

    `with` or `close()` lets go of the file descriptors only: enforcement stays until `detach()`.
    """

    adopted: bool
    version: int

    @classmethod
    def start(cls, cgroup: Path, pins: Path, destinations: Iterable[Destination]) -> Self:
        """Adopts what is pinned under `pins` and runs on `cgroup`, or loads and attaches it anew.

        Before the first `switch` nothing gets out (`Reason.NO_POLICY`).
        Raises EnforcementUnavailable(missing).
        """
        raise NotImplementedError

    def switch(self, rules: Iterable[KernelRule], version: int) -> None:
        """Puts a whole policy in force as one; token state of names that stay survives.

        Raises ValueError if a name comes twice or there are too many, with nothing changed.
        """
        raise NotImplementedError

    def suspend(self, suspended: bool) -> None:
        """While suspended, nothing gets out (`Reason.SUSPENDED`, which is no violation)."""
        raise NotImplementedError

    def limit(self, factor: int) -> None:
        """Slows every allowed rate `factor` times (1..1024): 1 is the charter's own rate."""
        raise NotImplementedError

    def drops(self) -> Mapping[Reason, int]:
        """Everything refused since the maps were made, exact, by reason; survives the agent."""
        raise NotImplementedError

    def passed(self) -> int:
        """Datagrams let through since the maps were made."""
        raise NotImplementedError

    def events(self, period: float = 1.0) -> AsyncIterator[list[DropEvent]]:
        """Yields batches of drops: the first of a kind at once, the rest summed up each `period` seconds.

        Asking for the next batch acknowledges the last: make it durable before. What was not acknowledged
        is told again to the next holder, so nothing is lost (and after a crash something may be told twice).
        Over time the counts add up to `drops()` exactly.
        """
        raise NotImplementedError

    def attached(self) -> bool:
        """Whether every link is still on the cgroup's present incarnation (removing the folder detaches)."""
        raise NotImplementedError

    def self_check(self, uid: int = 65534) -> SelfCheck:
        """Sends from inside the cgroup as `uid`: forbidden sends must fail and an allowed one must arrive."""
        raise NotImplementedError

    def detach(self) -> None:
        """Ends enforcement: links, programs and maps are unpinned."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError
