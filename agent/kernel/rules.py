"""What the kernel knows about one metric, and where a node's telemetry may go."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Self

NAME_LIMIT = 64
SHORT_NAME_LIMIT = 32
DECIMALS_LIMIT = 9
BURST_LIMIT = 65_535
#: With the greatest factor of `Enforcement.limit` this still fits the kernel's 64-bit nanoseconds.
TOLERANCE_LIMIT_NS = 2**53
NANOSECONDS = 1_000_000_000

_NAME = re.compile(rb"[a-zA-Z_:][a-zA-Z0-9_:.]{0,63}\Z")
_BOUND = 2**63
_LAYOUT = struct.Struct("=qqQQIBBBx")
_DESTINATION = struct.Struct("=16s2s6x")


class MetricType(IntEnum):
    """A statsd type, numbered as in `source/maps.h`."""

    GAUGE = 1
    COUNTER = 2
    TIMER = 3
    SET = 4


class Verdict(IntEnum):
    """What a name found in the kernel's table means."""

    ALLOWED = 1
    FORBIDDEN = 2
    PROBE = 3


@dataclass(frozen=True, slots=True)
class KernelRule:
    """One name of the charter as the kernel checks it.

    `minimum` and `maximum` are scaled: the value times 10**`decimals`. `interval_ns` is the time between two
    values at the allowed rate (0: not limited), and `burst` how many may come at once after a pause.
    A forbidden name needs nothing but its name: `KernelRule.forbidding(name)`.

    A name with a colon is a legal name in a charter, but statsd ends a name at its first colon, so no
    datagram can ever carry it.
    """

    name: bytes
    type: MetricType = MetricType.GAUGE
    minimum: int = 0
    maximum: int = 0
    decimals: int = 0
    interval_ns: int = NANOSECONDS
    burst: int = 2
    verdict: Verdict = Verdict.ALLOWED

    def __post_init__(self) -> None:
        """Refuses, with a ValueError that names the metric, what the kernel's table cannot hold."""
        if not _NAME.match(self.name):
            raise ValueError(
                f"metric {self.name!r}: a name is 1 to {NAME_LIMIT} bytes of [a-zA-Z_:][a-zA-Z0-9_:.]*"
            )
        where = f"metric {self.name.decode()}"
        if not 0 <= self.decimals <= DECIMALS_LIMIT:
            raise ValueError(f"{where}: decimals {self.decimals} is not between 0 and {DECIMALS_LIMIT}")
        if not -_BOUND < self.minimum <= self.maximum < _BOUND:
            raise ValueError(
                f"{where}: scaled bounds {self.minimum}..{self.maximum} must ascend within 64 bits"
            )
        if not 1 <= self.burst <= BURST_LIMIT:
            raise ValueError(f"{where}: burst {self.burst} is not between 1 and {BURST_LIMIT}")
        if not 0 <= self.interval_ns * self.burst <= TOLERANCE_LIMIT_NS:
            raise ValueError(
                f"{where}: {self.burst} values every {self.interval_ns} ns is too rare for the kernel's"
                f" clock; the product may not pass {TOLERANCE_LIMIT_NS} ns"
            )

    @classmethod
    def forbidding(cls, name: bytes) -> Self:
        """The rule of a name the charter forbids: its drops say so, instead of `unknown_name`."""
        return cls(name, verdict=Verdict.FORBIDDEN)

    @classmethod
    def allowing(
        cls,
        name: str,
        *,
        kind: MetricType = MetricType.GAUGE,
        minimum: Decimal | int = 0,
        maximum: Decimal | int = 100_000,
        decimals: int = 2,
        rate_hz: Decimal | int = 1,
        burst: int = 2,
    ) -> Self:
        """The rule in the charter's own units: bounds unscaled (rounded inwards), rate in values a second."""
        scale = 10**decimals
        low, high = Decimal(minimum) * scale, Decimal(maximum) * scale
        rate = Decimal(rate_hz)
        if rate <= 0:
            raise ValueError(f"metric {name}: rate_hz {rate_hz} must be more than 0")
        return cls(
            name.encode(),
            kind,
            int(low.to_integral_value("ROUND_CEILING")),
            int(high.to_integral_value("ROUND_FLOOR")),
            decimals,
            int((NANOSECONDS / rate).to_integral_value("ROUND_CEILING")),
            burst,
        )

    def packed(self, slot: int) -> bytes:
        """The table's value; `slot` is the index of the name's token."""
        return _LAYOUT.pack(
            self.minimum,
            self.maximum,
            self.interval_ns,
            self.interval_ns * self.burst,
            slot,
            self.type,
            self.decimals,
            self.verdict,
        )


RULE_SIZE = _LAYOUT.size
DESTINATION_SIZE = _DESTINATION.size


def slot_of(value: bytes) -> int:
    """The token's index in a packed rule read back from the kernel."""
    slot: int = _LAYOUT.unpack(value)[4]
    return slot


@dataclass(frozen=True, slots=True)
class Destination:
    """A statsd server to which datagrams may go; loopback is no exception."""

    address: IPv4Address | IPv6Address
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `192.0.2.1:8125` or `[2001:db8::1]:8125`; raises ValueError on anything else."""
        host, _, port = text.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ValueError(f"destination {text!r}: write address:port, or [address]:port for IPv6")
        return cls(ip_address(host.removeprefix("[").removesuffix("]")), int(port))

    def __str__(self) -> str:
        host = f"[{self.address}]" if self.address.version == 6 else str(self.address)
        return f"{host}:{self.port}"

    def packed(self) -> bytes:
        """Sixteen bytes of address, IPv4 as v4-mapped IPv6, and the port in network order."""
        return _DESTINATION.pack(mapped(self.address), self.port.to_bytes(2, "big"))


def mapped(address: IPv4Address | IPv6Address) -> bytes:
    """The address as sixteen bytes, IPv4 in the form of RFC 4291 section 2.5.5.2."""
    return address.packed if address.version == 6 else bytes(10) + b"\xff\xff" + address.packed
