"""The charter as the chain has it: finalized events are kept, newer ones only ever tighten."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

from agent.tighten import tighter
from oracles.chain.block import Block, Log
from oracles.chain.charter import Charter
from oracles.chain.finality import Cursor
from oracles.chain.follower import Follower
from oracles.chain.rpc import Rpc
from oracles.charter.chain_source import EMPTY_POLICY, CharterHistory, EnactedPolicy
from oracles.charter.charter_events import EVENT_NAMES, CharterEvent, charter_event
from oracles.charter.policy import Policy
from oracles.daemon.store import Store

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS charter_event ("
    "number INTEGER PRIMARY KEY, name TEXT NOT NULL, args TEXT NOT NULL, block INTEGER NOT NULL) STRICT",
)
_CURSOR = "charter"


@dataclass(frozen=True)
class InForce:
    """The policy to enforce, and what a ledger entry says of it."""

    policy: Policy
    version: int
    policy_hash: bytes
    observed_block: int
    """The block at which `version` was seen: finalized, or the latest while a tightening is pending."""
    faults: tuple[str, ...]
    """What the events of this version hold that no policy can."""
    final: bool
    """Whether `version` is finalized; before that, only what it tightens is in force."""

    @property
    def key(self) -> tuple[int, bytes]:
        """Differs if and only if the enforcer has to be switched."""
        return self.version, self.policy.hash

    def equals(self, other: "InForce") -> bool:
        """Whether the enforcer may stay as it is; nothing is hashed where the policy is the same object."""
        return (self.version, id(self.policy)) == (other.version, id(other.policy)) or self.key == other.key


@dataclass(frozen=True)
class _Computed:
    """A policy in force, and what it came from."""

    final: EnactedPolicy | None
    newest: EnactedPolicy
    day: date
    policy: Policy
    faults: tuple[str, ...]


class CharterSync:
    """Follows the Charter. What was finalized survives a restart; what was not is asked anew."""

    def __init__(self, rpc: Rpc, charter: Charter, store: Store, deployed_block: int) -> None:
        self._rpc = rpc
        self._charter = charter
        self._store = store
        self._follower = Follower(rpc, charter.filter(*EVENT_NAMES), deployed_block)
        self._history = CharterHistory()
        self._pending: EnactedPolicy | None = None
        self._latest: Block | None = None
        self._cursor: Cursor | None = None
        self._time = 0
        self._computed: _Computed | None = None

    async def load(self) -> None:
        """Takes up what an earlier process had finalized."""
        async with self._store.transaction() as transaction:
            self._cursor = await transaction.cursor(_CURSOR)
            self._time = await transaction.get("charter_time") or 0
            rows = await transaction.rows("SELECT name, args, block FROM charter_event ORDER BY number")
        for name, args, block in rows:
            event = charter_event(name, _from_json(args), block)
            if event is not None:
                self._history.apply(event)

    async def update(self) -> None:
        """Asks the chain. Raises `ChainDoubt` or `ChainStop` as the follower does; what is known stays."""
        while (span := await self._follower.next(self._cursor)) is not None:
            events = self._events(span.logs)
            async with self._store.transaction() as transaction:
                for event, block in events:
                    await transaction.execute(
                        "INSERT INTO charter_event (name, args, block) VALUES (?, ?, ?)",
                        (type(event).__name__, _to_json(event), block),
                    )
                await transaction.set_cursor(_CURSOR, span.cursor)
                await transaction.put("charter_time", span.head.timestamp)
            for event, _ in events:
                self._history.apply(event)
            self._cursor, self._time, self._latest = span.cursor, span.head.timestamp, None
        latest = await self._rpc.latest()
        if latest != self._latest:
            pending = await self._follower.pending(self._cursor)
            self._pending = self._foresee(pending.logs)
            self._latest = pending.head

    @property
    def finalized(self) -> Cursor | None:
        """The newest finalized block known; None before the first."""
        return self._cursor

    @property
    def finalized_time(self) -> int:
        """Its timestamp; 0 before the first."""
        return self._time

    def in_force(self) -> InForce | None:
        """What to enforce now; None while no version was ever enacted. Expiry counts by the chain's time."""
        final = self._history.latest
        newest = self._pending or final
        if newest is None:
            return None
        block = self._latest.number if newest is not final and self._latest else self._number()
        day = _day(max(self._time, self._latest.timestamp if self._latest else 0))
        policy, faults = self._compute(final, newest, day)
        return InForce(policy, newest.version, newest.policy_hash, block, faults, newest is final)

    def _compute(
        self, final: EnactedPolicy | None, newest: EnactedPolicy, day: date
    ) -> tuple[Policy, tuple[str, ...]]:
        """The policy and its faults, once for each change: both take long for many metrics."""
        known = self._computed
        if known and known.final is final and known.newest is newest and known.day == day:
            return known.policy, known.faults
        policy = newest.policy if newest is final else tighter(_policy(final), newest.policy)
        faults = newest.faults
        if not faults and not newest.faithful:
            faults = (f"version {newest.version} does not have the hash that was voted on",)
        self._computed = _Computed(final, newest, day, policy.on_day(day), faults)
        return self._computed.policy, faults

    def _number(self) -> int:
        return self._cursor.number if self._cursor else 0

    def _foresee(self, logs: tuple[Log, ...]) -> EnactedPolicy | None:
        """The newest version once these logs are final; None where they enact nothing."""
        events = self._events(logs)
        if not events:
            return None
        history = self._history.copy()
        enacted = [history.apply(event) for event, _ in events]
        return history.latest if any(enacted) else None

    def _events(self, logs: tuple[Log, ...]) -> list[tuple[CharterEvent, int]]:
        found = []
        for event in self._charter.events(logs):
            typed = charter_event(event.name, event.args, event.log.block_number)
            if typed is not None:
                found.append((typed, event.log.block_number))
        return found


def _policy(enacted: EnactedPolicy | None) -> Policy:
    return enacted.policy if enacted else EMPTY_POLICY


def _day(timestamp: int) -> date:
    return datetime.fromtimestamp(timestamp, UTC).date()


def _to_json(event: CharterEvent) -> str:
    fields = asdict(event)
    return json.dumps(
        {name: {"hex": value.hex()} if isinstance(value, bytes) else value for name, value in fields.items()}
    )


def _from_json(text: str) -> dict[str, Any]:
    return {
        name: bytes.fromhex(value["hex"]) if isinstance(value, dict) else value
        for name, value in json.loads(text).items()
    }
