"""Enforcement outlives its agent, is adopted and swapped without a gap, and its loss is noticed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agent.kernel import bpf, bpffs, loading, self_check
from agent.kernel.enforcement import Enforcement, EnforcementUnavailable, Scope
from agent.kernel.hooks import HOOKS
from agent.kernel.image import CompilationFailed
from agent.kernel.reasons import Reason
from agent.kernel.rules import Destination, KernelRule

from .conftest import CACHE, Collector, Server, fresh_pins, made_cgroup

pytestmark = [pytest.mark.kernel, pytest.mark.feature("C10.1")]

CPU = KernelRule.allowing("cpu", rate_hz=1000, burst=1000)
SLOW = KernelRule.allowing("slow", rate_hz=Decimal("0.001"), burst=1)

HOLDER = """
import sys, time
from pathlib import Path
from agent.kernel.enforcement import Enforcement
from agent.kernel.rules import Destination, KernelRule
from decimal import Decimal

cgroup, pins, cache, to = sys.argv[1:]
held = Enforcement.start(Path(cgroup), Path(pins), [Destination.parse(to)], cache=Path(cache))
cpu = KernelRule.allowing("cpu", rate_hz=1000, burst=1000)
held.switch([cpu, KernelRule.allowing("slow", rate_hz=Decimal("0.001"), burst=1)], 5)
print(held.adopted, flush=True)
time.sleep(600)
"""


@pytest.fixture
def cgroup() -> Iterator[Path]:
    """For one test alone, as are the pins: what these tests do to them, no other test could bear."""
    yield from made_cgroup()


@pytest.fixture
def pins() -> Path:
    return fresh_pins()


@pytest.fixture
def enforcement(cgroup: Path, pins: Path, server: Server, server6: Server) -> Iterator[Enforcement]:
    """Running, with no policy yet."""
    one = Enforcement.start(cgroup, pins, [server.destination, server6.destination], cache=CACHE)
    yield one
    one.detach()


def hold(cgroup: Path, pins: Path, server: Server) -> subprocess.Popen[str]:
    """An agent of which nothing is left after SIGKILL but what it pinned."""
    arguments = [str(cgroup), str(pins), str(CACHE), str(server.destination)]
    agent = subprocess.Popen([sys.executable, "-c", HOLDER, *arguments], stdout=subprocess.PIPE, text=True)
    assert agent.stdout
    assert agent.stdout.readline() == "False\n"
    return agent


def test_nothing_gets_out_before_the_first_policy(
    enforcement: Enforcement, collector: Collector, server: Server, counted: Callable[[], dict[Reason, int]]
) -> None:
    assert enforcement.version == 0
    collector.refused(f"sock4.sendto(b'cpu:1|g', ('127.0.0.1', {server.destination.port}))")
    assert server.received() == []
    assert sum(counted().values()) == 1


def test_after_sigkill_the_kernel_goes_on_and_is_adopted(
    cgroup: Path, pins: Path, server: Server, collectors: Callable[..., Collector]
) -> None:
    agent = hold(cgroup, pins, server)
    collector = collectors()
    assert collector.send(b"slow:1|g", server.destination)
    agent.send_signal(signal.SIGKILL)
    agent.wait()
    assert not collector.send(b"user_location:1|g", server.destination)
    assert collector.send(b"cpu:1|g", server.destination)
    with Enforcement.start(cgroup, pins, [server.destination], cache=CACHE) as adopted:
        assert adopted.adopted
        assert adopted.version == 5
        assert adopted.attached()
        # What happened meanwhile is told, and tokens are where they were.
        assert [(event.reason, event.name) for event in adopted.collect()] == [
            (Reason.UNKNOWN_NAME, b"user_location")
        ]
        adopted.switch([CPU, SLOW], 6)
        assert not collector.send(b"slow:1|g", server.destination)
        assert adopted.self_check().faults == ()
        adopted.detach()
    assert collector.send(b"user_location:1|g", server.destination)
    assert server.received() == [b"slow:1|g", b"cpu:1|g", b"user_location:1|g"]


def test_programs_are_swapped_in_place_without_a_gap(
    enforcement: Enforcement, collector: Collector, server: Server
) -> None:
    enforcement.switch([CPU, KernelRule.allowing("steady", rate_hz=1_000_000, burst=60_000)], 1)
    links = [loading.link_path(enforcement.pins, hook) for hook in HOOKS]
    before = {path.name: path.stat().st_ino for path in links if path.exists()}
    to = ("127.0.0.1", server.destination.port)
    ended = threading.Event()
    results: dict[str, tuple[int, int]] = {}

    def send() -> None:
        while not ended.is_set():
            for name in ("steady", "forbidden"):
                passed, refused = collector.do(f"burst(sock4, b'{name}:1|g', {to!r}, 0.02, 0)")
                known = results.get(name, (0, 0))
                results[name] = known[0] + passed, known[1] + refused
            server.received()

    thread = threading.Thread(target=send)
    thread.start()
    try:
        for _ in range(3):
            enforcement.close()
            swapped = Enforcement.start(
                enforcement.cgroup, enforcement.pins, enforcement.destinations, cache=CACHE, reload=True
            )
            assert not swapped.adopted
            assert swapped.version == 1
            swapped.close()
    finally:
        ended.set()
        thread.join()
    assert results["forbidden"][0] == 0 < results["forbidden"][1]
    assert results["steady"][1] == 0 < results["steady"][0]
    # The same links, not second copies beside them.
    assert {path.name: path.stat().st_ino for path in links if path.exists()} == before
    with Enforcement.start(
        enforcement.cgroup, enforcement.pins, enforcement.destinations, cache=CACHE
    ) as adopted:
        assert adopted.adopted


def test_a_cgroup_removed_and_remade_is_noticed_and_taken_up(
    cgroup: Path, pins: Path, server: Server
) -> None:
    with Enforcement.start(cgroup, pins, [server.destination], cache=CACHE) as first:
        first.switch([CPU], 1)
        assert first.attached()
        cgroup.rmdir()
        assert not first.attached()
        cgroup.mkdir()
        assert not first.attached()
        check = first.self_check()
        assert not check.enforcing
        assert "removed and made again" in check.faults[0]
    with Enforcement.start(cgroup, pins, [server.destination], cache=CACHE) as second:
        assert not second.adopted
        assert second.attached()
        assert second.version == 1
        assert second.self_check().enforcing
        second.detach()


def test_the_self_check_proves_it_and_is_nobodys_violation(enforcement: Enforcement) -> None:
    assert enforcement.self_check().faults == ("no policy was switched in yet",)
    enforcement.switch([CPU], 1)
    for silenced in (False, True):
        enforcement.suspend(silenced)
        check = enforcement.self_check()
        assert check.faults == ()
        assert check.enforcing
        assert {Scope.DATAGRAM, Scope.DESTINATION, Scope.SOCKET} <= set(check.scopes)
        assert (Scope.UNIX in check.scopes) == (not check.missing)
    assert sum(enforcement.drops().values()) == 0
    assert enforcement.collect() == []


def test_the_self_check_sees_what_is_not_enforced(
    enforcement: Enforcement, monkeypatch: pytest.MonkeyPatch
) -> None:
    enforcement.switch([CPU], 1)
    for name in ("on_sock_create", "on_egress"):
        (enforcement.pins / "links" / name).unlink()
    assert not enforcement.attached()
    monkeypatch.setattr(enforcement, "attached", lambda: True)
    check = enforcement.self_check()
    assert not check.enforcing
    assert "ipv4 range: got out, but should have failed with EPERM" in check.faults
    assert "ipv4 stream: got out, but should have failed with EPERM" in check.faults
    assert any(fault.startswith("ipv4: the listener received") for fault in check.faults)


def test_a_frozen_cgroup_is_a_fault_and_holds_nobody_up(
    enforcement: Enforcement, monkeypatch: pytest.MonkeyPatch
) -> None:
    enforcement.switch([CPU], 1)
    with monkeypatch.context() as patched:
        patched.setattr(self_check, "SECONDS", 1.0)
        (enforcement.cgroup / "cgroup.freeze").write_text("1")
        check = enforcement.self_check()
        assert not check.enforcing
        assert check.faults == ("the self-check could not be made: the probe did not answer within 1 s",)
    (enforcement.cgroup / "cgroup.freeze").write_text("0")
    assert enforcement.self_check().enforcing
    assert sum(enforcement.drops().values()) == 0


def test_a_penalty_that_begins_during_the_self_check_is_no_fault(
    enforcement: Enforcement, monkeypatch: pytest.MonkeyPatch
) -> None:
    enforcement.switch([CPU], 1)
    run = self_check.run
    asked = []

    def suspended_meanwhile(*arguments: Any, silenced: bool, **scopes: Any) -> list[str]:
        asked.append(silenced)
        enforcement.suspend(True)
        return run(*arguments, silenced=silenced, **scopes)

    monkeypatch.setattr("agent.kernel.self_check.run", suspended_meanwhile)
    assert enforcement.self_check().faults == ()
    assert asked == [False, True]


def test_what_can_be_neither_adopted_nor_replaced_lets_nothing_out(
    cgroup: Path,
    server: Server,
    collectors: Callable[..., Collector],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pins = fresh_pins()
    with Enforcement.start(cgroup, pins, [server.destination], cache=CACHE) as earlier:
        earlier.switch([CPU], 1)
    collector = collectors()
    assert collector.send(b"cpu:1|g", server.destination)

    def fails(_: Path) -> None:
        raise CompilationFailed("no compiler here")

    with monkeypatch.context() as patched:
        patched.setattr("agent.kernel.enforcement.compiled", fails)
        with pytest.raises(EnforcementUnavailable, match="no compiler here; nothing gets out"):
            Enforcement.start(cgroup, pins, [server.destination], cache=CACHE, reload=True)
    assert not collector.send(b"cpu:1|g", server.destination)
    assert collector.refused("socket.socket(socket.AF_INET, socket.SOCK_DGRAM)")
    with Enforcement.start(cgroup, pins, [server.destination], cache=CACHE) as mended:
        assert not mended.adopted
        assert mended.version == 1
        assert collector.send(b"cpu:2|g", server.destination)
        mended.detach()
    assert server.received() == [b"cpu:1|g", b"cpu:2|g"]


def test_detaching_leaves_nothing(cgroup: Path, pins: Path) -> None:
    enforcement = Enforcement.start(cgroup, pins, [], cache=CACHE)
    enforcement.detach()
    assert not pins.exists()
    bpffs.clear(pins)


def test_a_kernel_that_refuses_is_unavailable(
    cgroup: Path, pins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(1, "bpf PROG_LOAD: Operation not permitted")

    monkeypatch.setattr("agent.kernel.bpf.load", refuse)
    with pytest.raises(EnforcementUnavailable) as caught:
        Enforcement.start(cgroup, pins, [], cache=CACHE)
    assert "Operation not permitted" in caught.value.missing[0]
    bpffs.clear(pins)


def test_an_attachment_that_fails_half_way_is_taken_back(
    cgroup: Path, pins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = bpf.link
    made: list[int] = []

    def fails_at_the_third(program: int, target: int, attach: int) -> int:
        if len(made) == 2:
            raise OSError(22, "bpf LINK_CREATE: Invalid argument")
        made.append(attach)
        return link(program, target, attach)

    monkeypatch.setattr("agent.kernel.bpf.link", fails_at_the_third)
    with pytest.raises(EnforcementUnavailable, match="LINK_CREATE"):
        Enforcement.start(cgroup, pins, [], cache=CACHE)
    assert made
    assert list((pins / "links").iterdir()) == []
    bpffs.clear(pins)


def test_a_cgroup_that_is_not_there_is_named(pins: Path) -> None:
    with pytest.raises(EnforcementUnavailable, match="there is no cgroup /nowhere"):
        Enforcement.start(Path("/nowhere"), pins, [Destination.parse("127.0.0.1:8125")])


def test_without_root_it_is_unavailable(cgroup: Path, pins: Path) -> None:
    child = os.fork()
    if child == 0:
        os.setuid(65534)
        try:
            Enforcement.start(cgroup, pins, [])
        except EnforcementUnavailable as error:
            os._exit(0 if error.missing == ("loading BPF programs needs root",) else 1)
        os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
