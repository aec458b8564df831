"""Rates: never more than allowed, on both CPUs at once, whatever is switched meanwhile."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

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


@pytest.mark.kernel
def test_a_higher_rate_holds_from_now_on_and_gives_no_burst(
    enforcement: Enforcement, collector: Collector, server: Server
) -> None:
    enforcement.switch([KernelRule.allowing("m", rate_hz=Decimal("0.0001"), burst=1)], 1)
    assert collector.send(b"m:1|g", server.destination)
    enforcement.switch([KernelRule.allowing("m", rate_hz=Decimal("0.001"), burst=5)], 2)
    assert not any(collector.send(b"m:1|g", server.destination) for _ in range(20))
    enforcement.switch([KernelRule.allowing("m", rate_hz=1000, burst=5)], 3)
    assert not collector.send(b"m:1|g", server.destination)
    assert any(collector.send(b"m:1|g", server.destination) for _ in range(1000))


@pytest.mark.kernel
def test_the_end_of_a_limit_is_its_end(
    enforcement: Enforcement, collector: Collector, server: Server
) -> None:
    enforcement.switch([KernelRule.allowing("m", rate_hz=10, burst=3)], 1)
    enforcement.limit(1000)
    assert sum(collector.send(b"m:1|g", server.destination) for _ in range(20)) == 3
    enforcement.limit(500)
    assert not any(collector.send(b"m:1|g", server.destination) for _ in range(20))
    enforcement.limit(1)
    assert any(collector.send(b"m:1|g", server.destination) for _ in range(100_000))


Arrival = tuple[int, int, int]
"""When, and the interval and burst of the rule then; times are in nanoseconds."""


def decided_by_gcra(arrivals: list[Arrival]) -> list[bool]:
    """As in source/rate.h."""
    due, decisions = 0, []
    for now, interval, burst in arrivals:
        following, tolerance = max(due, now) + interval, interval * burst
        decisions.append(following - now <= tolerance)
        due = following if decisions[-1] else min(due, now + tolerance)
    return decisions


@st.composite
def arrivals_under_changing_rules(draw: st.DrawFn) -> list[Arrival]:
    rules = draw(st.lists(st.tuples(st.integers(1, NANOSECONDS), st.integers(1, 50)), min_size=1, max_size=3))
    now, arrivals = NANOSECONDS * 100, []
    for gap, rule in draw(
        st.lists(st.tuples(st.integers(0, 3 * NANOSECONDS), st.sampled_from(rules)), min_size=1, max_size=60)
    ):
        now += gap
        arrivals.append((now, *rule))
    return arrivals


@given(arrivals_under_changing_rules())
def test_gcra_is_the_token_bucket_whatever_rules_come(arrivals: list[Arrival]) -> None:
    """The kernel's one number decides as the model's bucket of tokens does."""
    first, interval, burst = arrivals[0]
    bucket = Bucket(interval, burst, Fraction(burst), first)
    assert decided_by_gcra(arrivals) == [bucket.take(*arrival) for arrival in arrivals]


@given(arrivals_under_changing_rules())
def test_whoever_was_refused_passes_an_interval_later(arrivals: list[Arrival]) -> None:
    now, interval, burst = arrivals[-1]
    last, later = decided_by_gcra([*arrivals, (now + interval, interval, burst)])[-2:]
    assert last or later
