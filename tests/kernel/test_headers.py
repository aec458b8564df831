"""Packets that no honest socket makes, given straight to the program."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

import pytest

from agent.kernel import bpf, loading
from agent.kernel.enforcement import Enforcement
from agent.kernel.reasons import Reason
from agent.kernel.rules import Destination, KernelRule

from .conftest import Server
from .packets import (
    DESTINATION_OPTIONS,
    FRAGMENT,
    HOP_BY_HOP,
    ICMP,
    MORE_FRAGMENTS,
    ROUTING,
    TCP,
    datagram,
    ipv4,
    ipv6,
    udp,
)

pytestmark = [pytest.mark.kernel, pytest.mark.feature("C10.1")]

LINE = b"cpu:1|g"


@pytest.fixture
def run(
    enforcement: Enforcement, counted: Callable[[], dict[Reason, int]]
) -> Callable[..., tuple[int, dict[Reason, int]]]:
    enforcement.switch([KernelRule.allowing("cpu", rate_hz=1000, burst=1000)], 1)
    program = bpf.get(loading.programs_folder(enforcement.pins) / "on_egress")

    def once(packet: bytes, gso_size: int = 0) -> tuple[int, dict[Reason, int]]:
        return bpf.test_run(program, packet, gso_size=gso_size)[0], counted()

    return once


def test_packets_with_broken_headers(
    run: Callable[..., tuple[int, dict[Reason, int]]], server: Server, server6: Server
) -> None:
    four, six = server.destination, server6.destination
    assert isinstance(four.address, IPv4Address)
    assert isinstance(six.address, IPv6Address)
    body4, body6 = udp(LINE, four.port), udp(LINE, six.port)
    assert run(datagram(LINE, four)) == (1, {})
    assert run(datagram(LINE, six)) == (1, {})
    assert run(datagram(LINE, four), gso_size=100) == (0, {Reason.GSO: 1})
    cases = [
        (ipv4(body4, four.address, fragment=MORE_FRAGMENTS), Reason.FRAGMENT),
        (ipv4(body4, four.address, fragment=185), Reason.FRAGMENT),
        (ipv4(body4, four.address, options=bytes(4)), Reason.IP_OPTIONS),
        (ipv4(body4, four.address, protocol=TCP), Reason.PROTOCOL),
        (ipv4(body4, four.address, protocol=ICMP), Reason.PROTOCOL),
        (ipv4(body4, four.address, length=20), Reason.LENGTH),
        (ipv4(udp(LINE, four.port, length=9), four.address), Reason.LENGTH),
        (ipv4(udp(LINE, four.port, length=400), four.address), Reason.LENGTH),
        (ipv4(body4[:6], four.address), Reason.LENGTH),
        (ipv6(body6, six.address, following=FRAGMENT), Reason.FRAGMENT),
        (ipv6(body6, six.address, following=HOP_BY_HOP), Reason.EXTENSION_HEADER),
        (ipv6(body6, six.address, following=ROUTING), Reason.EXTENSION_HEADER),
        (ipv6(body6, six.address, following=DESTINATION_OPTIONS), Reason.EXTENSION_HEADER),
        (ipv6(body6, six.address, following=TCP), Reason.PROTOCOL),
        (ipv6(body6, six.address, length=3), Reason.LENGTH),
        (bytes(12) + b"\x08\x06" + bytes(46), Reason.PROTOCOL),
        (datagram(LINE, Destination(four.address, 9)), Reason.DESTINATION),
        (datagram(LINE, Destination(IPv4Address("192.0.2.1"), four.port)), Reason.DESTINATION),
        (datagram(LINE, Destination(IPv6Address("2001:db8::1"), six.port)), Reason.DESTINATION),
    ]
    for packet, reason in cases:
        assert run(packet) == (0, {reason: 1}), reason
