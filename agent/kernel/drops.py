"""What the kernel refused: exact counters, the first of a kind at once, floods as sums."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address

from agent.kernel.bpf import wait_for_programs
from agent.kernel.control import Control
from agent.kernel.maps import Map
from agent.kernel.reasons import Reason
from agent.kernel.ring import Ring

_REASONS = 32
_KIND = struct.Struct("=II64s")
_TALLY = struct.Struct("=QQQ")
_ANNOUNCEMENT = struct.Struct("=II64sQ")
_KEY = bytes(4)


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


def _event(reason: int, uid: int, name: bytes, cookie: int, count: int, first: bool) -> DropEvent:
    destination = None
    if reason == Reason.DESTINATION:
        address = IPv6Address(name[:16])
        port = int.from_bytes(name[16:18], "big")
        destination = f"{address.ipv4_mapped}:{port}" if address.ipv4_mapped else f"[{address}]:{port}"
        name = b""
    return DropEvent(Reason(reason), name.rstrip(b"\0"), count, uid, cookie, destination, first)


class Drops:
    """Reads the kernel's accounts. What `collect` returned is told again until `acknowledge`."""

    def __init__(self, maps: Mapping[str, Map], control: Control) -> None:
        self._control = control
        self._totals, self._told = maps["totals"], maps["told"]
        self._kinds = maps["kinds_0"], maps["kinds_1"]
        self._ring = Ring(maps["announcements"])
        self._drained: list[bytes] = []
        self._owed: dict[int, int] = {}

    @property
    def fd(self) -> int:
        """Readable as soon as the first of a kind waits to be collected."""
        return self._ring.fd

    def by_reason(self) -> dict[Reason, int]:
        """Everything refused since the maps were made, without the self-check's probes."""
        columns = self._totals.columns(_KEY)
        return {reason: columns[reason] for reason in Reason}

    def probes(self) -> dict[Reason, int]:
        """What the self-check's own sockets were refused."""
        columns = self._totals.columns(_KEY)
        return {reason: columns[2 * _REASONS + reason] for reason in Reason}

    def passed(self) -> int:
        """Datagrams let through."""
        return self._totals.columns(_KEY)[3 * _REASONS]

    def collect(self, drain: bool) -> list[DropEvent]:
        """The first of each kind since the last acknowledgement; with `drain` also the sums of the period,
        which ends.

        Draining waits for a few milliseconds until the kernel no longer counts in that period.
        """
        events = []
        for record in self._ring.read():
            reason, uid, name, cookie = _ANNOUNCEMENT.unpack(record)
            events.append(_event(reason, uid, name, cookie, 1, True))
        if drain:
            events += self._drain() + self._unattributed()
        return events

    def acknowledge(self) -> None:
        """Forgets, in the kernel, what `collect` returned."""
        self._ring.acknowledge()
        if self._drained:
            self._kinds[self._control.period ^ 1].delete_batch(b"".join(self._drained))
            self._drained = []
        for reason, told in self._owed.items():
            self._told.update(struct.pack("=I", reason), struct.pack("=Q", told))
        self._owed = {}

    def _drain(self) -> list[DropEvent]:
        """The tallies of the period before, if a crash left any; else of the one that ends now."""
        tallies = list(self._kinds[self._control.period ^ 1].items())
        if not tallies:
            self._control.flip_period()
            wait_for_programs()
            tallies = list(self._kinds[self._control.period ^ 1].items())
        self._drained = [key for key, _ in tallies]
        events = []
        for key, value in tallies:
            reason, uid, name = _KIND.unpack(key)
            count, cookie, announced = _TALLY.unpack(value)
            if count > announced:
                events.append(_event(reason, uid, name, cookie, count - announced, False))
        return events

    def _unattributed(self) -> list[DropEvent]:
        columns = self._totals.columns(_KEY)[_REASONS : 2 * _REASONS]
        events = []
        for reason in Reason:
            raw = self._told.lookup(struct.pack("=I", reason)) or bytes(8)
            new = columns[reason] - int.from_bytes(raw, "little")
            if new:
                self._owed[reason] = columns[reason]
                events.append(DropEvent(reason, b"", new, None, 0, None, False))
        return events

    def close(self) -> None:
        """Unmaps the ring."""
        self._ring.close()
