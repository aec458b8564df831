"""Rates: never more than allowed, on both CPUs at once, whatever is switched meanwhile."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.kernel.enforcement import Enforcement
from agent.kernel.reasons import Reason
from agent.kernel.rules import NANOSECONDS, KernelRule

from .conftest import Collector, Server
from .model import Bucket

pytestmark = [pytest.mark.feature("C10.1")]

CPUS = sorted(os.sched_getaffinity(0))[:2] if hasattr(os, "sched_getaffinity") else [0]


@pytest.mark.kernel
@pytest.mark.parametrize("factor", [1, 4])
def test_two_cpus_at_once_get_no_more_than_the_rate(
    enforcement: Enforcement,
    collectors: Callable[..., Collector],
    server: Server,
    counted: Callable[[], dict[Reason, int]],
    factor: int,
) -> None:
    rule = KernelRule.allowing("burst_me", rate_hz=2000, burst=10)
    enforcement.switch([rule], 1)
    enforcement.limit(factor)
    pair = [collectors() for _ in CPUS]
    to = ("127.0.0.1", server.destination.port)
    start = time.monotonic_ns()
    for collector, cpu in zip(pair, CPUS, strict=True):
        collector.ask(f"burst(sock4, b'burst_me:1|g', {to!r}, 0.5, {cpu})")
    answers = [collector.answer() for collector in pair]
    took = time.monotonic_ns() - start
    passed, refused = (sum(column) for column in zip(*answers, strict=True))
    allowed = rule.burst + took // (rule.interval_ns * factor) + 1
    assert rule.burst <= passed <= allowed
    assert counted() == {Reason.RATE: refused}


@pytest.mark.kernel
def test_a_switch_gives_no_fresh_burst(
    enforcement: Enforcement, collector: Collector, server: Server
) -> None:
    slow = KernelRule.allowing("slow", rate_hz=Decimal("0.001"), burst=1)
    enforcement.switch([slow], 1)
    assert collector.send(b"slow:1|g", server.destination)
    for version in range(2, 6):
        enforcement.switch([KernelRule.allowing(f"other_{version}"), slow], version)
        assert not collector.send(b"slow:1|g", server.destination)
    # Gone and back again, it is a new metric; nor does a newcomer inherit anybody's token.
    enforcement.switch([KernelRule.allowing("newcomer", burst=1)], 6)
    assert collector.send(b"newcomer:1|g", server.destination)
    enforcement.switch([slow], 7)
    assert collector.send(b"slow:1|g", server.destination)


@pytest.mark.kernel
def test_a_lower_rate_holds_at_once(enforcement: Enforcement, collector: Collector, server: Server) -> None:
    enforcement.switch([KernelRule.allowing("m", rate_hz=1000, burst=1000)], 1)
    assert all(collector.send(b"m:1|g", server.destination) for _ in range(20))
    enforcement.switch([KernelRule.allowing("m", rate_hz=Decimal("0.001"), burst=1)], 2)
    assert sum(collector.send(b"m:1|g", server.destination) for _ in range(20)) <= 1


def arrivals_by_gcra(interval: int, burst: int, times: list[int]) -> list[bool]:
    """As in source/rate.h."""
    due, decisions = 0, []
    for now in times:
        following = max(due, now) + interval
        decisions.append(following - now <= interval * burst)
        due = following if decisions[-1] else due
    return decisions


@given(
    st.integers(1, NANOSECONDS),
    st.integers(1, 50),
    st.lists(st.integers(0, 3 * NANOSECONDS), min_size=1, max_size=60),
)
def test_gcra_is_the_token_bucket(interval: int, burst: int, gaps: list[int]) -> None:
    """The kernel's one number decides as the model's bucket of tokens does."""
    times = [NANOSECONDS * 100 + sum(gaps[: i + 1]) for i in range(len(gaps))]
    bucket = Bucket(KernelRule(b"m", interval_ns=interval, burst=burst), Decimal(burst), times[0])
    exact = [bucket.take(now, 1) for now in times]
    gcra = arrivals_by_gcra(interval, burst, times)
    # The bucket counts in decimals of 28 places, so that it may miss the last instant of an interval.
    assert sum(gcra) - sum(exact) in (0, 1)
