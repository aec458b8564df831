"""Real sockets in a real cgroup: what the charter allows arrives, and nothing else does."""

from __future__ import annotations

import socket
from collections.abc import Callable
from decimal import Decimal

import pytest

from agent.kernel.enforcement import NOBODY, Enforcement
from agent.kernel.reasons import Reason
from agent.kernel.rules import KernelRule, MetricType

from .conftest import Collector, Server

pytestmark = [pytest.mark.kernel, pytest.mark.feature("C10.1")]

LONG = "route_" * 10 + "rate"
RULES = [
    KernelRule.allowing("cpu_percent", maximum=100, rate_hz=1000, burst=1000),
    KernelRule.allowing("packets", kind=MetricType.COUNTER, decimals=0, rate_hz=1000, burst=1000),
    KernelRule.allowing("handshake", kind=MetricType.TIMER, decimals=6, rate_hz=1000, burst=1000),
    KernelRule.allowing("peers", kind=MetricType.SET, decimals=0, rate_hz=1000, burst=1000),
    KernelRule.allowing("celsius", minimum=-40, maximum=125, decimals=1, rate_hz=1000, burst=1000),
    KernelRule.allowing(LONG, rate_hz=1000, burst=1000),
    KernelRule.allowing("slow_one", rate_hz=Decimal("0.001"), burst=1),
    KernelRule.forbidding(b"user_location"),
]

ALLOWED = [
    b"cpu_percent:0|g",
    b"cpu_percent:100|g",
    b"cpu_percent:99.99|g\n",
    b"packets:100000|c",
    b"handshake:12.345678|ms",
    b"peers:17|s",
    b"celsius:-40|g",
    b"celsius:-0.5|g",
    LONG.encode() + b":1|g",
    b"cpu_percent:1|g\npackets:2|c\ncelsius:3.5|g",
    b"\n".join([b"cpu_percent:1|g"] * 16),
]

REFUSED = [
    (b"user_location:52.520008|g", Reason.FORBIDDEN),
    (b"user_location", Reason.NAME_SYNTAX),
    (b"cpu_percent:52.520008|g", Reason.PRECISION),
    (b"cpu_percent:100.01|g", Reason.RANGE),
    (b"cpu_percent:-1|g", Reason.RANGE),
    (b"cpu_percent:9999999999999999999|g", Reason.RANGE),
    (b"celsius:-40.1|g", Reason.RANGE),
    (b"packets:1|g", Reason.TYPE),
    (b"cpu_percen:1|g", Reason.UNKNOWN_NAME),
    (b"cpu_percentt:1|g", Reason.UNKNOWN_NAME),
    (LONG.encode()[:-1] + b":1|g", Reason.UNKNOWN_NAME),
    (b"westworld.self_check:1|g", Reason.UNKNOWN_NAME),
    (b"x" * 65 + b":1|g", Reason.NAME_TOO_LONG),
    (b"cpu_percent\0:1|g", Reason.NUL),
    (b"cpu_percent:1\0|g", Reason.NUL),
    (b"cpu_percent:1|g\0", Reason.NUL),
    (b"cpu percent:1|g", Reason.NAME_SYNTAX),
    ("größe:1|g".encode(), Reason.NAME_SYNTAX),
    (b":1|g", Reason.NAME_SYNTAX),
    (b"cpu_percent:|g", Reason.VALUE_SYNTAX),
    (b"cpu_percent:+1|g", Reason.VALUE_SYNTAX),
    (b"cpu_percent:1e1|g", Reason.VALUE_SYNTAX),
    (b"cpu_percent:nan|g", Reason.VALUE_SYNTAX),
    (b"cpu_percent:1.|g", Reason.VALUE_SYNTAX),
    (b"cpu_percent:1,5|g", Reason.VALUE_SYNTAX),
    (b"cpu_percent:1:2|g", Reason.VALUE_SYNTAX),
    (b"cpu_percent:1", Reason.VALUE_SYNTAX),
    (b"cpu_percent:1|", Reason.TYPE_SYNTAX),
    (b"cpu_percent:1|h", Reason.TYPE_SYNTAX),
    (b"cpu_percent:1|gg", Reason.TYPE_SYNTAX),
    (b"cpu_percent:1|g\r\n", Reason.TYPE_SYNTAX),
    (b"cpu_percent:1|g|#user:alice", Reason.TAGS),
    (b"packets:1|c|@0.001", Reason.SUFFIX),
    (b"cpu_percent:1|g:2|g", Reason.SUFFIX),
    (b"", Reason.EMPTY),
    (b"\n", Reason.EMPTY),
    (b"cpu_percent:1|g\n\n", Reason.EMPTY),
    (b"\n".join([b"cpu_percent:1|g"] * 17), Reason.TOO_MANY_LINES),
    (b"cpu_percent:1|g\nuser_location:1|g", Reason.FORBIDDEN),
    (b"\n".join([b"cpu_percent:1|g"] * 89), Reason.TOO_MANY_LINES),
    (b"\n".join([b"cpu_percent:1|g"] * 90), Reason.OVERSIZED),
    # Too large for one linear buffer, so it is refused before its length is looked at.
    (b"cpu_percent:1|g\n" * 3000, Reason.NONLINEAR),
]


@pytest.fixture(autouse=True)
def policy(enforcement: Enforcement) -> None:
    enforcement.switch(RULES, 1)


def test_allowed_datagrams_arrive(collector: Collector, server: Server, server6: Server) -> None:
    for payload in ALLOWED:
        for one in (server, server6):
            assert collector.send(payload, one.destination), payload
            assert one.received() == [payload]


def test_other_datagrams_meet_eperm_and_are_counted_by_reason(
    collector: Collector, server: Server, server6: Server, counted: Callable[[], dict[Reason, int]]
) -> None:
    for payload, reason in REFUSED:
        for one in (server, server6):
            assert not collector.send(payload, one.destination), payload
            assert counted() == {reason: 1}, payload
    assert server.received() == server6.received() == []


def test_a_connected_socket_is_filtered_too(collector: Collector, server: Server) -> None:
    collector.do(f"sock4.connect(('127.0.0.1', {server.destination.port}))")
    assert collector.do("sock4.send(b'cpu_percent:1|g')") == 15
    assert collector.refused("sock4.send(b'user_location:1|g')")
    assert server.received() == [b"cpu_percent:1|g"]


def test_the_excess_over_the_rate_is_dropped(
    collector: Collector, server: Server, counted: Callable[[], dict[Reason, int]]
) -> None:
    assert collector.send(b"slow_one:1|g", server.destination)
    assert not collector.send(b"slow_one:1|g", server.destination)
    assert counted() == {Reason.RATE: 1}
    assert server.received() == [b"slow_one:1|g"]


def test_segmentation_offload_is_refused(
    collector: Collector, server: Server, counted: Callable[[], dict[Reason, int]]
) -> None:
    collector.do("sock4.setsockopt(17, 103, 15)")  # SOL_UDP, UDP_SEGMENT
    assert not collector.send(b"cpu_percent:1|g" * 3, server.destination)
    assert counted() == {Reason.GSO: 1}
    assert server.received() == []


def test_pages_that_can_still_change_are_refused(
    collector: Collector, server: Server, counted: Callable[[], dict[Reason, int]]
) -> None:
    assert collector.refused(f"splice(sock4, b'cpu_percent:1|g', ('127.0.0.1', {server.destination.port}))")
    assert counted() == {Reason.NONLINEAR: 1}
    assert server.received() == []


def test_ip_options_are_refused(
    collector: Collector, server: Server, counted: Callable[[], dict[Reason, int]]
) -> None:
    collector.do("sock4.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, bytes([1, 1, 1, 0]))")
    assert not collector.send(b"cpu_percent:1|g", server.destination)
    assert counted() == {Reason.IP_OPTIONS: 1}


def test_ipv6_extension_headers_are_refused(
    collectors: Callable[..., Collector], server6: Server, counted: Callable[[], dict[Reason, int]]
) -> None:
    root = collectors(0)  # the only one who may set them
    root.do("sock6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_DSTOPTS, bytes([0, 0, 1, 4, 0, 0, 0, 0]))")
    assert not root.send(b"cpu_percent:1|g", server6.destination)
    assert counted() == {Reason.EXTENSION_HEADER: 1}
    assert server6.received() == []


def test_an_event_names_the_collector_which_is_not_root(
    enforcement: Enforcement, collector: Collector, server: Server
) -> None:
    collector.send(b"user_location:1|g", server.destination)
    (event,) = enforcement.collect(drain=False)
    assert (event.reason, event.name, event.count, event.uid) == (
        Reason.FORBIDDEN,
        b"user_location",
        1,
        NOBODY,
    )
    assert event.cookie == collector.do(
        f"int.from_bytes(sock4.getsockopt({socket.SOL_SOCKET}, 57, 8), 'little')"
    )
    assert event.first
