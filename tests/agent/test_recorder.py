"""Drops become ledger entries: summed by kind, durable before acknowledged, without anybody's data."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from agent.charter_sync import InForce
from agent.kernel.reasons import Reason
from agent.meters import AgentMeters
from agent.recorder import UNLISTED_LIMIT, Recorder
from oracles.charter.entry import Attempt, decode, keyed_name
from oracles.charter.policy import MetricRule, Policy
from oracles.ledger.ledger import Ledger
from tests.agent.fakes import NODE, FakeEnforcer, drop

pytestmark = pytest.mark.anyio

SECRET = bytes(32)
POLICY = Policy(version="1", metrics={"cpu": MetricRule()}, forbidden=frozenset({"user_location"}))


class Desk:
    """A recorder with its ledger and its metrics."""

    def __init__(self, path: Path) -> None:
        self.ledger = Ledger.open(path, segment_bytes=128 * 1024)
        self.registry = CollectorRegistry()
        self.enforcer = FakeEnforcer()
        in_force = InForce(POLICY, 3, POLICY.hash, 77, (), final=True)
        self.recorder = Recorder(
            self.ledger, NODE, SECRET, lambda: in_force, AgentMeters(self.registry), lambda: 1_700_000_000.9
        )

    def attempts(self) -> list[Attempt]:
        entries = [decode(entry) for entry in self.ledger.entries(0, self.ledger.size)]
        return [entry for entry in entries if isinstance(entry, Attempt)]

    def sample(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


@pytest.fixture
def desk(state: Path) -> Iterator[Desk]:
    desk = Desk(state / "ledger")
    yield desk
    desk.ledger.close()


@pytest.mark.feature("C3.1", "C5.1")
async def test_a_drop_becomes_an_entry_and_a_count(desk: Desk) -> None:
    desk.enforcer.batches = [[drop(Reason.FORBIDDEN, b"user_location")]]
    await desk.recorder.run(desk.enforcer)
    (entry,) = desk.attempts()
    assert (entry.node, entry.time, entry.kind, entry.metric) == (
        NODE,
        1_700_000_000,
        "metric_not_allowed",
        "user_location",
    )
    assert (entry.reason, entry.count, entry.charter_version, entry.observed_block, entry.scope) == (
        "forbidden",
        1,
        3,
        77,
        "datagram",
    )
    assert desk.sample("charter_violations_total", kind="metric_not_allowed") == 1
    assert desk.sample("metric_access_denied_total", metric="user_location", reason="forbidden") == 1


async def test_a_flood_is_summed_and_nothing_is_uncounted(desk: Desk) -> None:
    desk.enforcer.batches = [
        [drop(Reason.FORBIDDEN, b"user_location")],
        [
            drop(Reason.FORBIDDEN, b"user_location", 299_999),
            drop(Reason.RATE, b"cpu", 5),
            drop(Reason.RATE, b"cpu", 2),
        ],
    ]
    await desk.recorder.run(desk.enforcer)
    assert sorted((entry.metric, entry.count) for entry in desk.attempts()) == [
        ("cpu", 7),
        ("user_location", 1),
        ("user_location", 299_999),
    ]
    assert desk.sample("charter_violations_total", kind="metric_not_allowed") == 300_000
    assert desk.sample("charter_violations_total", kind="metric_over_collection_rate") == 7


async def test_a_name_that_the_charter_does_not_know_leaves_only_as_a_keyed_hash(desk: Desk) -> None:
    desk.enforcer.batches = [
        [drop(Reason.UNKNOWN_NAME, b"alice_at_home"), drop(Reason.NAME_SYNTAX, b"\xff\x00")]
    ]
    await desk.recorder.run(desk.enforcer)
    assert {entry.metric for entry in desk.attempts()} == {
        keyed_name(b"alice_at_home", SECRET),
        keyed_name(b"\xff\x00", SECRET),
    }
    assert not any(b"alice" in entry for entry in desk.ledger.entries(0, desk.ledger.size))
    assert desk.sample("metric_access_denied_total", metric="", reason="unknown_name") == 1


async def test_a_flood_of_invented_names_does_not_fill_the_ledger(desk: Desk) -> None:
    names = [b"invented_%d" % number for number in range(1000)]
    desk.enforcer.batches = [[drop(Reason.UNKNOWN_NAME, name) for name in names]]
    await desk.recorder.run(desk.enforcer)
    attempts = desk.attempts()
    assert len(attempts) == UNLISTED_LIMIT + 1
    assert sum(entry.count for entry in attempts) == 1000
    assert [entry.count for entry in attempts if not entry.metric] == [1000 - UNLISTED_LIMIT]


async def test_invented_names_that_come_in_many_batches_do_not_fill_it_either(desk: Desk) -> None:
    desk.enforcer.batches = [
        [drop(Reason.UNKNOWN_NAME, b"invented_%d" % (10 * batch + number)) for number in range(10)]
        for batch in range(20)
    ]
    await desk.recorder.run(desk.enforcer)
    attempts = desk.attempts()
    assert sum(bool(entry.metric) for entry in attempts) == UNLISTED_LIMIT
    assert sum(entry.count for entry in attempts) == 200


async def test_silence_by_standing_is_counted_but_no_violation(desk: Desk) -> None:
    desk.enforcer.batches = [[drop(Reason.SUSPENDED, b"cpu", 4), drop(Reason.NO_POLICY, b"", 2)]]
    await desk.recorder.run(desk.enforcer)
    assert desk.attempts() == []
    assert desk.sample("metric_access_denied_total", metric="cpu", reason="suspended") == 4
    assert desk.sample("metric_access_denied_total", metric="", reason="no_policy") == 2


async def test_what_the_ledger_did_not_take_is_not_acknowledged(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(fd: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    desk.enforcer.batches = [[drop(Reason.FORBIDDEN, b"user_location")], [drop(Reason.RATE, b"cpu")]]
    monkeypatch.setattr(os, "fdatasync", failing)
    await desk.recorder.run(desk.enforcer)
    assert desk.enforcer.acknowledged == 0
    assert desk.ledger.stopped is not None
    assert desk.sample("charter_violations_total", kind="metric_not_allowed") == 0
