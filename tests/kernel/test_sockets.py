"""Other ways out than a statsd datagram to an allowed server."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.kernel.enforcement import Enforcement
from agent.kernel.reasons import Reason
from agent.kernel.rules import Destination, KernelRule

from .conftest import CACHE, Collector, Server

pytestmark = [pytest.mark.kernel, pytest.mark.feature("C10.1")]

RULES = [KernelRule.allowing("cpu", rate_hz=1000, burst=1000)]


@pytest.fixture(autouse=True)
def policy(enforcement: Enforcement) -> None:
    enforcement.switch(RULES, 1)


@pytest.mark.parametrize(
    "kind",
    [
        "socket.AF_INET, socket.SOCK_STREAM",
        "socket.AF_INET6, socket.SOCK_STREAM",
        "socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP",
        "socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6",
        "socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW",
    ],
)
def test_other_internet_sockets_are_refused_even_to_root(
    collectors: Callable[..., Collector], counted: Callable[[], dict[Reason, int]], kind: str
) -> None:
    assert collectors(0).refused(f"socket.socket({kind})")
    assert counted() == {Reason.SOCKET: 1}


def test_datagram_sockets_are_not(collector: Collector) -> None:
    assert not collector.refused("socket.socket(socket.AF_INET, socket.SOCK_DGRAM)")
    assert not collector.refused("socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)")


@pytest.mark.parametrize("action", ["sendto(b'cpu:1|g', {})", "connect({})"])
def test_other_destinations_are_refused_and_named(
    enforcement: Enforcement, collector: Collector, server: Server, server6: Server, action: str
) -> None:
    for name, address, one in (("sock4", "127.0.0.1", server), ("sock6", "::1", server6)):
        assert not collector.refused(f"{name}.{action.format((address, one.destination.port))}")
        elsewhere = Destination.parse(f"[{address}]:9" if ":" in address else f"{address}:9")
        assert collector.refused(f"{name}.{action.format((address, elsewhere.port))}")
        (event,) = enforcement.collect(drain=False)
        enforcement.acknowledge()
        assert (event.reason, event.destination, event.name) == (Reason.DESTINATION, str(elsewhere), b"")


def test_an_ipv4_server_may_be_reached_through_an_ipv6_socket(collector: Collector, server: Server) -> None:
    to = f"::ffff:127.0.0.1', {server.destination.port}"
    assert not collector.refused(f"sock6.sendto(b'cpu:1|g', ('{to}))")
    assert collector.refused(f"sock6.sendto(b'gpu:1|g', ('{to}))")
    assert server.received() == [b"cpu:1|g"]


def test_unix_sockets_lead_nowhere(
    enforcement: Enforcement, collector: Collector, counted: Callable[[], dict[Reason, int]], tmp_path: Path
) -> None:
    if not any(hook.program == "on_unix_connect" for hook in enforcement.present):
        pytest.skip("this kernel is older than 6.7 and has no AF_UNIX hooks")
    tmp_path.chmod(0o755)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind("\0westworld-test-log")
        assert collector.refused(
            "socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'x', '\\0westworld-test-log')"
        )
        assert collector.refused(
            "socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).connect('\\0westworld-test-log')"
        )
    assert counted() == {Reason.UNIX: 2}
    # What a process passes to itself is nobody's business.
    assert collector.do("[a.send(b'x') for a, b in [socket.socketpair()]]") == [1]


def test_up_to_eight_servers_and_no_more(cgroup: Path, pins: Path) -> None:
    servers = [Destination.parse(f"192.0.2.{number}:8125") for number in range(1, 10)]
    with Enforcement.start(cgroup, pins, servers, cache=CACHE) as crowded:
        with pytest.raises(ValueError, match="9 destinations"):
            crowded.switch(RULES, 1)
        crowded.destinations = crowded.destinations[:8]
        crowded.switch(RULES, 1)
        crowded.detach()
