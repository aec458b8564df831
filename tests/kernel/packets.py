"""Ethernet frames with UDP datagrams, whole or broken on purpose, for BPF_PROG_TEST_RUN."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address

from agent.kernel.rules import Destination

UDP, TCP, ICMP = 17, 6, 1
HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION_OPTIONS = 0, 43, 44, 60
MORE_FRAGMENTS, DO_NOT_FRAGMENT = 0x2000, 0x4000


def udp(payload: bytes, port: int, *, length: int | None = None) -> bytes:
    return struct.pack("!HHHH", 40000, port, 8 + len(payload) if length is None else length, 0) + payload


def ipv4(
    body: bytes,
    to: IPv4Address,
    *,
    protocol: int = UDP,
    fragment: int = DO_NOT_FRAGMENT,
    options: bytes = b"",
    length: int | None = None,
) -> bytes:
    words = 5 + len(options) // 4
    total = 4 * words + len(body) if length is None else length
    head = struct.pack("!BBHHHBBH", 0x40 | words, 0, total, 1, fragment, 64, protocol, 0)
    return _ethernet(0x0800) + head + bytes([127, 0, 0, 1]) + to.packed + options + body


def ipv6(body: bytes, to: IPv6Address, *, following: int = UDP, length: int | None = None) -> bytes:
    head = struct.pack("!IHBB", 6 << 28, len(body) if length is None else length, following, 64)
    return _ethernet(0x86DD) + head + IPv6Address("::1").packed + to.packed + body


def _ethernet(kind: int) -> bytes:
    return bytes(12) + struct.pack("!H", kind)


def datagram(payload: bytes, to: Destination) -> bytes:
    """A well-formed frame to the destination."""
    body = udp(payload, to.port)
    return ipv4(body, to.address) if isinstance(to.address, IPv4Address) else ipv6(body, to.address)
