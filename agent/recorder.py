"""What was refused becomes ledger entries: the first of a kind at once, floods summed up.

A batch is durable in the ledger before the enforcer is asked for the next, so no drop goes unrecorded; after
a crash one may be told twice. Names that the charter doesn't know leave only as keyed hashes, values never.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import anyio
import structlog

from agent.charter_sync import InForce
from agent.enforcer import Enforcer
from agent.kernel.enforcement import DropEvent
from agent.kernel.reasons import Reason
from agent.meters import AgentMeters
from oracles.charter.chain_source import EMPTY_POLICY
from oracles.charter.entry import Attempt, Entry, encode, metric_text
from oracles.charter.policy import Policy
from oracles.charter.vocabulary import Kind
from oracles.ledger.errors import LedgerStopped
from oracles.ledger.ledger import Ledger

UNLISTED_LIMIT = 64
UNLISTED_SECONDS = 60
"""Within so many seconds so many entries name what the charter doesn't know. A sender chooses such names, so
beyond this they are summed under no name: a flood of invented ones must not fill the ledger."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Key:
    kind: Kind
    metric: str
    reason: Reason


class Recorder:
    """Writes the node's ledger. `in_force` tells which policy is enforced at the moment."""

    def __init__(
        self,
        ledger: Ledger,
        node: str,
        name_secret: bytes,
        in_force: Callable[[], InForce | None],
        meters: AgentMeters,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ledger = ledger
        self._node = node
        self._secret = name_secret
        self._in_force = in_force
        self._meters = meters
        self._clock = clock
        self._since = 0
        self._unlisted = 0

    async def run(self, enforcer: Enforcer, period: float = 1.0) -> None:
        """Records until cancelled, or until the ledger takes no more: what is left stays in the kernel."""
        try:
            async for batch in enforcer.events(period):
                await self.record(batch, enforcer.scope)
        except* LedgerStopped as stopped:
            _log.critical("recording ended", reason=str(stopped.exceptions[0]))

    async def record(self, batch: list[DropEvent], scope: Callable[[Reason], str]) -> None:
        """Makes a batch durable: one entry for each kind of violation, metric and reason in it."""
        in_force = self._in_force()
        policy = in_force.policy if in_force else EMPTY_POLICY
        now = int(self._clock())
        if not 0 <= now - self._since < UNLISTED_SECONDS:
            self._since, self._unlisted = now, 0
        sums = self._sum(batch, policy)
        async with anyio.create_task_group() as group:
            for key, count in sums.items():
                attempt = Attempt(
                    node=self._node,
                    time=now,
                    kind=key.kind,
                    metric=key.metric,
                    reason=key.reason.name.lower(),
                    count=count,
                    charter_version=in_force.version if in_force else 0,
                    observed_block=in_force.observed_block if in_force else 0,
                    scope=scope(key.reason),
                )
                group.start_soon(self._ledger.append_async, encode(attempt))
        # Counted once durable: what Prometheus shows can be proved.
        for key, count in sums.items():
            self._meters.violation(key.kind, count)

    async def note(self, entry: Entry) -> None:
        """Writes one entry of another type; a ledger that has stopped is said, and holds up nothing else."""
        try:
            await self._ledger.append_async(encode(entry))
        except LedgerStopped as stopped:
            _log.critical("not recorded", entry=entry.type, reason=str(stopped))
            return
        _log.info("recorded", entry=entry.model_dump(mode="json", exclude={"node", "salt", "time"}))

    def _sum(self, batch: list[DropEvent], policy: Policy) -> dict[_Key, int]:
        sums: dict[_Key, int] = {}
        for event in batch:
            metric = metric_text(event.name, policy, self._secret) if event.name else ""
            listed = metric in policy.metrics or metric in policy.forbidden
            self._meters.denied(metric if listed else "", event.reason, event.count)
            if event.reason.violation is None:
                continue
            key = _Key(Kind(event.reason.violation), metric, event.reason)
            if key not in sums and metric and not listed:
                if self._unlisted < UNLISTED_LIMIT:
                    self._unlisted += 1
                else:
                    key = _Key(key.kind, "", key.reason)
            sums[key] = sums.get(key, 0) + event.count
        return sums
