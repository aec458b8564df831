"""Every drop is counted, the first of a kind told at once, and floods add up exactly."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

import anyio
import pytest

from agent.kernel import bpf, loading
from agent.kernel.enforcement import DropEvent, Enforcement
from agent.kernel.reasons import Reason
from agent.kernel.rules import KernelRule

from .conftest import CACHE, Collector, Server
from .packets import datagram

pytestmark = [pytest.mark.kernel, pytest.mark.feature("C10.1")]


@pytest.fixture(autouse=True)
def policy(enforcement: Enforcement) -> None:
    enforcement.switch([KernelRule.allowing("cpu", rate_hz=1, burst=1)], 1)


def total(events: list[DropEvent]) -> Counter[Reason]:
    sums: Counter[Reason] = Counter()
    for event in events:
        sums[event.reason] += event.count
    return sums


@pytest.mark.anyio
async def test_the_first_of_a_kind_is_told_at_once_and_the_rest_summed_up(
    enforcement: Enforcement, collector: Collector, server: Server
) -> None:
    batches = enforcement.events(period=3600)
    with anyio.fail_after(30):
        for name in (b"one", b"two"):
            assert not collector.send(name + b":1|g", server.destination)
            (event,) = await anext(batches)
            assert (event.name, event.count, event.first) == (name, 1, True)
    for _ in range(5):
        assert not collector.send(b"one:1|g", server.destination)
    await batches.aclose()
    enforcement.acknowledge()
    (rest,) = enforcement.collect()
    assert (rest.name, rest.count, rest.first) == (b"one", 5, False)
    # The period is over, so the next is a first again.
    enforcement.acknowledge()
    assert not collector.send(b"one:1|g", server.destination)
    (event,) = enforcement.collect(drain=False)
    assert event.first


@pytest.mark.anyio
async def test_events_are_summed_up_each_period(
    enforcement: Enforcement,
    collector: Collector,
    server: Server,
    counted: Callable[[], dict[Reason, int]],
) -> None:
    sent, met = 50, Counter[Reason]()
    for _ in range(sent):
        assert not collector.send(b"zoo:1|g", server.destination)
    with anyio.fail_after(60):
        async for batch in enforcement.events(period=0.1):
            met += total(batch)
            if met[Reason.UNKNOWN_NAME] >= sent:
                break
    assert met == counted() == {Reason.UNKNOWN_NAME: sent}


def test_a_flood_of_kinds_outruns_attribution_but_not_counting(
    enforcement: Enforcement, server: Server, counted: Callable[[], dict[Reason, int]]
) -> None:
    program = bpf.get(loading.programs_folder(enforcement.pins) / "on_egress")
    for number in range(5000):
        bpf.test_run(program, datagram(f"name_{number}:1|g".encode(), server.destination), repeat=3)
    events = enforcement.collect()
    assert total(events) == counted() == {Reason.UNKNOWN_NAME: 15_000}
    assert max(event.count for event in events if event.name) <= 3
    (rest,) = [event for event in events if event.uid is None]
    assert rest.count >= 15_000 - 3 * 1024


def test_counts_add_up_while_two_cpus_flood(
    enforcement: Enforcement,
    collectors: Callable[..., Collector],
    server: Server,
    counted: Callable[[], dict[Reason, int]],
) -> None:
    to = ("127.0.0.1", server.destination.port)
    pair = [collectors(), collectors()]
    for cpu, collector in enumerate(pair):
        collector.ask(f"burst(sock4, b'flood_{cpu}:1|g', {to!r}, 1, {cpu})")
    events: list[DropEvent] = []
    until = time.monotonic() + 1
    while time.monotonic() < until:
        events += enforcement.collect()
        enforcement.acknowledge()
    refused = sum(collector.answer()[1] for collector in pair)
    for _ in range(2):  # both periods
        events += enforcement.collect()
        enforcement.acknowledge()
    assert total(events) == counted() == {Reason.UNKNOWN_NAME: refused}


def test_what_was_not_acknowledged_is_told_again(
    enforcement: Enforcement, collector: Collector, server: Server
) -> None:
    for _ in range(3):
        assert not collector.send(b"zoo:1|g", server.destination)
    told = enforcement.collect()
    assert total(told) == {Reason.UNKNOWN_NAME: 3}
    before = enforcement.drops()
    # A second holder, as if the first had died here: it has acknowledged nothing.
    with Enforcement.start(
        enforcement.cgroup, enforcement.pins, enforcement.destinations, cache=CACHE
    ) as following:
        again = following.collect()
        assert sorted(map(repr, again)) == sorted(map(repr, told))
        following.acknowledge()
        assert following.collect() == []
        assert following.drops() == before
