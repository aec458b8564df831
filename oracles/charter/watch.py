"""The audit committee's watch: follows the ViolationRegistry's finalized events into notices and metrics.

Open cases and their times are kept in the daemon's store, so that a restart forgets nothing. A notice names
numbers, kinds and times; never a payee, never a name that the charter does not know.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from oracles.chain.codec import Event
from oracles.chain.follower import Follower
from oracles.chain.rpc import Rpc
from oracles.chain.violation_registry import ViolationRegistry
from oracles.charter.canonical import name_id
from oracles.charter.notices import NOTICE_SCHEMA, Notice, Notices
from oracles.charter.vocabulary import Kind, Penalty
from oracles.daemon.store import Store, Transaction

WATCHED = (
    "AttemptRecorded",
    "AttemptRefused",
    "CaseOpened",
    "CaseResolved",
    "PenaltyApplied",
    "EmergencyOverride",
)
WATCH_SCHEMA = (
    *NOTICE_SCHEMA,
    "CREATE TABLE IF NOT EXISTS charter_case (number INTEGER PRIMARY KEY, opened_at INTEGER NOT NULL, "
    "resolved_at INTEGER) STRICT",
)
Times = Mapping[int, int]
"""Block number → its time in Unix seconds."""
_CURSOR = "violations"
_STATUSES = {2: "confirmed", 3: "dismissed", 4: "expired"}
_KINDS = {name_id(kind.value): kind for kind in Kind}
_HOUR = 3600
_BUCKETS = tuple(hours * _HOUR for hours in (0.25, 1, 4, 12, 24, 72, 168, 336))


class WatchMeters:
    """What the committee sees of the chain; counts begin at the start of this process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Put the metrics into `registry`, all at zero."""
        self.attempts = Counter(
            "charter_attempts_recorded", "Stopped attempts on-chain, by kind", ["kind"], registry=registry
        )
        self.refused = Counter(
            "charter_attempts_refused", "Attempts that the registry refused", registry=registry
        )
        self.opened = Counter("charter_cases_opened", "Cases opened, by kind", ["kind"], registry=registry)
        self.resolved = Counter(
            "charter_cases_resolved", "Cases ended, by outcome", ["outcome"], registry=registry
        )
        self.open = Gauge("charter_cases_open", "Cases that wait for the committee", registry=registry)
        self.oldest = Gauge(
            "charter_case_oldest_opened_seconds",
            "Unix time at which the oldest open case was opened, 0 if none is open",
            registry=registry,
        )
        self.response = Histogram(
            "charter_committee_response_seconds",
            "From a case's opening to its end, in seconds of chain time",
            buckets=_BUCKETS,
            registry=registry,
        )
        self.penalties = Counter(
            "charter_penalties", "Penalties applied, by penalty", ["penalty"], registry=registry
        )
        self.overrides = Counter(
            "charter_emergency_overrides", "Emergency overrides logged on-chain", registry=registry
        )
        for kind in (*Kind, "unknown"):
            self.attempts.labels(str(kind))
            self.opened.labels(str(kind))
        for outcome in _STATUSES.values():
            self.resolved.labels(outcome)
        for penalty in Penalty:
            self.penalties.labels(penalty.value)


class CommitteeWatch:
    """One loop: `step` takes the next finalized events; notices go out by `Notices.deliver`."""

    def __init__(
        self,
        rpc: Rpc,
        registry: ViolationRegistry,
        follower: Follower,
        store: Store,
        notices: Notices,
        meters: WatchMeters,
    ) -> None:
        """Watch `registry` through `follower`, which has to follow `registry.filter(*WATCHED)`."""
        self._rpc = rpc
        self._registry = registry
        self._follower = follower
        self._store = store
        self._notices = notices
        self._meters = meters
        self._handlers: Mapping[str, Callable[[Transaction, Event, Times], Awaitable[None]]] = {
            "CaseOpened": self._case_opened,
            "CaseResolved": self._case_resolved,
            "PenaltyApplied": self._penalty,
            "EmergencyOverride": self._override,
        }

    async def step(self) -> None:
        """Take the next finalized span: its effects, its notices and the cursor become durable together.

        Raises what the follower raises.
        """
        async with self._store.transaction() as transaction:
            cursor = await transaction.cursor(_CURSOR)
        span = await self._follower.next(cursor)
        if span is None:
            await self._show_open()
            return
        events = self._registry.events(span.logs)
        opened = {event.log.block_number: event.log for event in events if event.name == "CaseOpened"}
        times = {
            number: (await self._rpc.block_by_hash(log.block_hash)).timestamp
            for number, log in opened.items()
        }
        async with self._store.transaction() as transaction:
            for alike in _attempts(events):
                await self._notices.queue(transaction, _stopped(alike))
            for event in events:
                if event.name in self._handlers:
                    await self._handlers[event.name](transaction, event, times)
            await transaction.set_cursor(_CURSOR, span.cursor)
        self._count(events)
        await self._show_open()

    def _count(self, events: list[Event]) -> None:
        """Counted only once durable: a span that is taken again after a fault is not counted twice."""
        for event in events:
            args = event.args
            match event.name:
                case "AttemptRecorded":
                    self._meters.attempts.labels(_kind(args["kind"])).inc(args["count"])
                case "AttemptRefused":
                    self._meters.refused.inc()
                case "CaseOpened":
                    self._meters.opened.labels(_kind(args["kind"])).inc()
                case "CaseResolved":
                    self._meters.resolved.labels(_STATUSES.get(args["status"], "unknown")).inc()
                    self._meters.response.observe(args["resolved_at"] - args["opened_at"])
                case "PenaltyApplied":
                    self._meters.penalties.labels(_penalty(args["penalty"])).inc()
                case "EmergencyOverride":
                    self._meters.overrides.inc()

    async def _show_open(self) -> None:
        async with self._store.transaction() as transaction:
            rows = await transaction.rows(
                "SELECT COUNT(*), COALESCE(MIN(opened_at), 0) FROM charter_case WHERE resolved_at IS NULL"
            )
        self._meters.open.set(rows[0][0])
        self._meters.oldest.set(rows[0][1])

    async def _case_opened(self, transaction: Transaction, event: Event, times: Times) -> None:
        args = event.args
        opened_at = times[event.log.block_number]
        await transaction.execute(
            "INSERT INTO charter_case VALUES (?, ?, NULL) ON CONFLICT (number) DO NOTHING",
            (args["case"], opened_at),
        )
        await self._notices.queue(
            transaction,
            Notice(
                f"case-{args['case']}-opened",
                f"Westworld charter: case {args['case']} waits for review ({_kind(args['kind'])})",
                f"Case {args['case']} was opened at {_time(opened_at)} against node 0x{args['node'].hex()}: "
                f"{_kind(args['kind'])}, charter version {args['charter_version']}, "
                f"observed at block {args['observed_block']}.\n"
                f"The evidence has the hash 0x{args['evidence'].hex()}; its file is sealed to the auditors.\n"
                f"Decide with: charter-admin confirm {args['case']}, or charter-admin dismiss "
                f"{args['case']} --reason …\n",
            ),
        )

    async def _case_resolved(self, transaction: Transaction, event: Event, times: Times) -> None:
        args = event.args
        outcome = _STATUSES.get(args["status"], "unknown")
        await transaction.execute(
            "INSERT INTO charter_case VALUES (?, ?, ?) "
            "ON CONFLICT (number) DO UPDATE SET resolved_at = excluded.resolved_at",
            (args["case"], args["opened_at"], args["resolved_at"]),
        )
        hours = (args["resolved_at"] - args["opened_at"]) / _HOUR
        await self._notices.queue(
            transaction,
            Notice(
                f"case-{args['case']}-{outcome}",
                f"Westworld charter: case {args['case']} {outcome}",
                f"Case {args['case']} against node 0x{args['node'].hex()} was {outcome} at "
                f"{_time(args['resolved_at'])}, {hours:.1f} hours after it was opened.\n",
            ),
        )

    async def _penalty(self, transaction: Transaction, event: Event, times: Times) -> None:
        args = event.args
        await self._notices.queue(
            transaction,
            Notice(
                f"case-{args['case']}-penalty",
                f"Westworld charter: {_penalty(args['penalty'])} applied in case {args['case']}",
                f"Node 0x{args['node'].hex()}: {_penalty(args['penalty'])}; "
                f"fine {args['fine']}, bounty {args['bounty']} (smallest units of the token).\n",
            ),
        )

    async def _override(self, transaction: Transaction, event: Event, times: Times) -> None:
        args = event.args
        await self._notices.queue(
            transaction,
            Notice(
                f"override-{args['id']}",
                f"Westworld charter: emergency override {args['id']}",
                f"Who: {args['who']}\nWhat: {_line(args['what'])}\nWhy: {_line(args['why'])}\n",
            ),
        )


def _attempts(events: Iterable[Event]) -> Iterable[list[Event]]:
    """The attempts of one node and kind together: a flood of them is one notice."""
    alike: dict[tuple[bytes, bytes], list[Event]] = {}
    for event in events:
        if event.name == "AttemptRecorded":
            alike.setdefault((event.args["node"], event.args["kind"]), []).append(event)
    return alike.values()


def _stopped(alike: list[Event]) -> Notice:
    first, last = alike[0].args, alike[-1].args
    node, kind = first["node"].hex(), _kind(first["kind"])
    entries = str(first["entry"]) if first is last else f"{first['entry']} to {last['entry']}"
    return Notice(
        f"attempt-{node}-{first['entry']}",
        f"Westworld charter: {kind} stopped on a node",
        f"Node 0x{node} stopped {sum(event.args['count'] for event in alike)} time(s): {kind}.\n"
        f"Charter version {last['charter_version']}, ledger entry {entries}, "
        f"block {alike[-1].log.block_number}.\n"
        "The node reported it itself, so it costs the node nothing; nobody needs to act.\n",
    )


def _kind(kind: bytes) -> str:
    found = _KINDS.get(kind)
    return found.value if found else "unknown"


def _penalty(code: int) -> str:
    try:
        return Penalty.from_code(code).value
    except ValueError:
        return "unknown"


def _line(text: str) -> str:
    """On-chain text as one harmless line: no control characters reach a terminal or a mail header."""
    return "".join(character if character.isprintable() else " " for character in text)


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
