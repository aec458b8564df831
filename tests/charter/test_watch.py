"""The committee's watch: every finalized event becomes a notice and a figure, once, through restarts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from oracles.chain.block import Block, Log
from oracles.chain.codec import Event
from oracles.chain.finality import Cursor
from oracles.chain.follower import Span
from oracles.charter.canonical import name_id
from oracles.charter.notices import Notice, Notices
from oracles.charter.watch import WATCH_SCHEMA, WATCHED, CommitteeWatch, WatchMeters
from oracles.charter.watch_daemon import WatchSettings
from oracles.daemon.errors import SettingsFault
from oracles.daemon.store import Store

NODE = b"\x11" * 32
KIND = name_id("silent_collection")
PAYEE = "0x" + "44" * 20


class Told:
    """A channel that keeps what it is told."""

    name = "told"

    def __init__(self) -> None:
        self.notices: list[Notice] = []

    async def send(self, notice: Notice) -> None:
        self.notices.append(notice)


class Chain:
    """A follower, a registry and an endpoint over a list of events, one block each."""

    def __init__(self, events: list[tuple[str, dict[str, Any]]]) -> None:
        self.blocks = [
            Event(name, args, Log("0x", (), b"", 10 + number, bytes([number]) * 32, b"", 0))
            for number, (name, args) in enumerate(events)
        ]

    async def next(self, after: Cursor | None) -> Span | None:
        first = 10 if after is None else after.number + 1
        if first - 10 >= len(self.blocks):
            return None
        log = self.blocks[first - 10].log
        return Span((log,), Block(first, log.block_hash, b"", 0))

    def events(self, logs: tuple[Log, ...]) -> list[Event]:
        return [event for event in self.blocks if event.log in logs]

    async def block_by_hash(self, block_hash: bytes) -> Block:
        return Block(10, block_hash, b"", 1_800_000_000)


OPENED = (
    "CaseOpened",
    {
        "case": 7,
        "node": NODE,
        "kind": KIND,
        "metric": b"\x02" * 32,
        "charter_version": 3,
        "observed_block": 9,
        "payee": PAYEE,
        "evidence": b"\x03" * 32,
    },
)
CONFIRMED = (
    "CaseResolved",
    {"case": 7, "node": NODE, "status": 2, "opened_at": 1_800_000_000, "resolved_at": 1_800_007_200},
)
PENALTY = ("PenaltyApplied", {"case": 7, "node": NODE, "penalty": 2, "fine": 20, "bounty": 10})
ATTEMPT = (
    "AttemptRecorded",
    {
        "node": NODE,
        "kind": name_id("metric_not_allowed"),
        "metric": b"\x02" * 32,
        "entry": 4,
        "charter_version": 3,
        "count": 12,
        "evidence": b"\x03" * 32,
    },
)
OVERRIDE = ("EmergencyOverride", {"id": 1, "who": PAYEE, "what": "halt\nBcc: x", "why": "a leak\x1b[31m"})


async def run(path: Path, chain: Chain, steps: int) -> tuple[list[Notice], str]:
    """One life of the watch."""
    told, registry = Told(), CollectorRegistry()
    async with Store.open(path / "state.db", schema=WATCH_SCHEMA) as store:
        notices = Notices(store, [told], registry)
        fake: Any = chain
        watch = CommitteeWatch(fake, fake, fake, store, notices, WatchMeters(registry))
        for _ in range(steps):
            await watch.step()
        await notices.deliver()
    return told.notices, generate_latest(registry).decode()


@pytest.mark.anyio
@pytest.mark.feature("C11.3")
async def test_case_is_told_when_it_opens_and_when_it_ends_with_the_time_it_took(tmp_path: Path) -> None:
    notices, metrics = await run(tmp_path, Chain([OPENED, CONFIRMED, PENALTY]), 4)

    assert [notice.key for notice in notices] == ["case-7-opened", "case-7-confirmed", "case-7-penalty"]
    assert "2.0 hours after it was opened" in notices[1].body
    assert "node_suspended_24h" in notices[2].subject
    assert "charter_committee_response_seconds_sum 7200.0" in metrics
    assert 'charter_committee_response_seconds_bucket{le="14400.0"} 1.0' in metrics
    assert 'charter_cases_opened_total{kind="silent_collection"} 1.0' in metrics
    assert 'charter_cases_resolved_total{outcome="confirmed"} 1.0' in metrics
    assert 'charter_penalties_total{penalty="node_suspended_24h"} 1.0' in metrics
    assert "charter_cases_open 0.0" in metrics


@pytest.mark.anyio
async def test_no_notice_holds_a_payee_or_a_metric(tmp_path: Path) -> None:
    notices, _ = await run(tmp_path, Chain([OPENED, ATTEMPT, CONFIRMED]), 3)

    for notice in notices:
        assert PAYEE not in notice.body + notice.subject
        assert (b"\x02" * 32).hex() not in notice.body
    assert "12 time(s): metric_not_allowed" in notices[1].body


@pytest.mark.anyio
async def test_restart_tells_nothing_twice_and_forgets_no_open_case(tmp_path: Path) -> None:
    chain = Chain([OPENED])
    first, _ = await run(tmp_path, chain, 2)
    second, metrics = await run(tmp_path, chain, 2)

    assert len(first) == 1
    assert second == []
    assert "charter_cases_open 1.0" in metrics
    assert "charter_case_oldest_opened_seconds 1.8e+09" in metrics


@pytest.mark.anyio
@pytest.mark.feature("C13.1")
async def test_override_is_told_with_who_what_and_why(tmp_path: Path) -> None:
    notices, metrics = await run(tmp_path, Chain([OVERRIDE]), 1)

    assert notices[0].body == f"Who: {PAYEE}\nWhat: halt Bcc: x\nWhy: a leak [31m\n"
    assert "charter_emergency_overrides_total 1.0" in metrics


@pytest.mark.anyio
async def test_attempts_are_counted_by_their_number(tmp_path: Path) -> None:
    refused = ("AttemptRefused", {"node": NODE, "entry": 5, "reason": 1})
    _, metrics = await run(tmp_path, Chain([ATTEMPT, refused]), 2)

    assert 'charter_attempts_recorded_total{kind="metric_not_allowed"} 12.0' in metrics
    assert "charter_attempts_refused_total 1.0" in metrics


class Flood(Chain):
    """All events in one span."""

    async def next(self, after: Cursor | None) -> Span | None:
        if after is not None:
            return None
        last = self.blocks[-1].log
        return Span(
            tuple(event.log for event in self.blocks), Block(last.block_number, last.block_hash, b"", 0)
        )


@pytest.mark.anyio
async def test_a_flood_of_attempts_is_one_notice_for_each_node_and_kind(tmp_path: Path) -> None:
    other = {**ATTEMPT[1], "kind": name_id("datagram_malformed"), "entry": 6}
    later = {**ATTEMPT[1], "entry": 9}
    events = [ATTEMPT, ("AttemptRecorded", other), ("AttemptRecorded", later)]
    notices, metrics = await run(tmp_path, Flood(events), 2)

    assert [notice.key.rpartition("-")[2] for notice in notices] == ["4", "6"]
    assert "24 time(s): metric_not_allowed" in notices[0].body
    assert "ledger entry 4 to 9" in notices[0].body
    assert "12 time(s): datagram_malformed" in notices[1].body
    assert 'charter_attempts_recorded_total{kind="metric_not_allowed"} 24.0' in metrics


def test_watched_events_are_the_contract_s() -> None:
    from oracles.chain.contract import load_abi

    abi = load_abi("ViolationRegistry")
    for event in WATCHED:
        assert len(abi.topic(event)) == 32


def settings(tmp_path: Path, **changes: Any) -> WatchSettings:
    return WatchSettings.load(
        deployment=tmp_path / "d.json", rpc_urls="http://127.0.0.1:1", state=tmp_path, **changes
    )


def test_channels_come_from_the_settings(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        smtp_host="mail",
        smtp_sender="a@example.org",
        smtp_recipients="b@example.org, c@example.org",
        slack_webhook="http://hook",
    ).channels()

    assert [channel.name for channel in found] == ["email", "slack"]


@pytest.mark.parametrize(
    ("changes", "message"), [({}, "nobody would be told"), ({"smtp_host": "mail"}, "WESTWORLD_SMTP_SENDER")]
)
def test_half_a_channel_is_a_clear_fault(tmp_path: Path, changes: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsFault, match=message):
        settings(tmp_path, **changes).channels()
