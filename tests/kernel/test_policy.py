"""A policy is switched as a whole."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from agent.kernel import bpf, loading
from agent.kernel.enforcement import Enforcement
from agent.kernel.reasons import Reason
from agent.kernel.rules import KernelRule

from .conftest import Collector, Server
from .packets import datagram

pytestmark = [pytest.mark.kernel, pytest.mark.feature("C10.1")]

CPU = KernelRule.allowing("cpu", rate_hz=1000, burst=1000)


def test_while_suspended_nothing_gets_out_and_violations_are_still_seen(
    enforcement: Enforcement, collector: Collector, server: Server, counted: Callable[[], dict[Reason, int]]
) -> None:
    enforcement.switch([CPU, KernelRule.forbidding(b"user_location")], 1)
    enforcement.suspend(True)
    assert not collector.send(b"cpu:1|g", server.destination)
    assert counted() == {Reason.SUSPENDED: 1}
    assert Reason.SUSPENDED.violation is None
    assert not collector.send(b"user_location:1|g", server.destination)
    assert counted() == {Reason.FORBIDDEN: 1}
    enforcement.switch([CPU], 2)
    assert not collector.send(b"cpu:1|g", server.destination)
    enforcement.suspend(False)
    assert collector.send(b"cpu:1|g", server.destination)
    assert server.received() == [b"cpu:1|g"]


def test_no_datagram_meets_half_of_each_policy(enforcement: Enforcement, server: Server) -> None:
    """Two policies of 500 names that share none; a datagram with a name of each may never pass."""
    even = [KernelRule(f"metric_{i}".encode(), maximum=9, interval_ns=0) for i in range(0, 1000, 2)]
    odd = [KernelRule(f"metric_{i}".encode(), maximum=9, interval_ns=0) for i in range(1, 1000, 2)]
    enforcement.switch(even, 1)
    program = bpf.get(loading.programs_folder(enforcement.pins) / "on_egress")
    mixed = datagram(b"metric_998:1|g\nmetric_1:1|g\nmetric_0:1|g\nmetric_999:1|g", server.destination)
    whole = [datagram(f"metric_{n}:1|g".encode(), server.destination) for n in (998, 999)]
    ended, verdicts = threading.Event(), set()

    def send() -> None:
        while not ended.is_set():
            verdicts.add(bpf.test_run(program, mixed, repeat=200)[0])

    thread = threading.Thread(target=send)
    thread.start()
    try:
        for version in range(2, 42):
            enforcement.switch(odd if version % 2 else even, version)
            # Done means done: the new policy decides from here on.
            verdict = [bpf.test_run(program, packet)[0] for packet in whole]
            assert verdict == ([0, 1] if version % 2 else [1, 0])
    finally:
        ended.set()
        thread.join()
    assert verdicts == {0}
    assert enforcement.version == 41


def test_a_faulty_policy_changes_nothing(
    enforcement: Enforcement, collector: Collector, server: Server
) -> None:
    enforcement.switch([CPU], 1)
    with pytest.raises(ValueError, match="metric gpu comes twice"):
        enforcement.switch([KernelRule.allowing("gpu"), KernelRule.forbidding(b"gpu")], 2)
    with pytest.raises(ValueError, match="reserved for the self-check"):
        enforcement.switch([KernelRule.allowing("westworld.self_check")], 2)
    with pytest.raises(ValueError, match="the kernel holds 16384"):
        enforcement.switch((KernelRule.allowing(f"m{i}") for i in range(16384)), 2)
    with pytest.raises(ValueError, match="factor 0 is not between"):
        enforcement.limit(0)
    assert enforcement.version == 1
    assert collector.send(b"cpu:1|g", server.destination)


def test_a_full_table_of_either_length_works(
    enforcement: Enforcement, collector: Collector, server: Server
) -> None:
    long = "n" * 40
    rules = [KernelRule.allowing(f"m{i}") for i in range(10_000)]
    rules += [KernelRule.allowing(f"{long}_{i}") for i in range(10_000)]
    for version in (1, 2, 3):
        enforcement.switch(rules, version)
    assert collector.send(f"m9999:1|g\n{long}_9999:1|g".encode(), server.destination)
    assert not collector.send(b"m10000:1|g", server.destination)
    enforcement.switch(rules[:1], 4)
    assert not collector.send(b"m9999:1|g", server.destination)
    assert collector.send(b"m0:1|g", server.destination)
