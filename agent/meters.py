"""The agent's Prometheus metrics, beside those that every daemon has."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge

from agent.kernel.reasons import Reason
from agent.status import Status
from oracles.charter.vocabulary import Kind


class AgentMeters:
    """Counts since the start of this process; the ledger and the kernel keep what came before."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._violations = Counter(
            "charter_violations", "Violations stopped and recorded, by kind", ["kind"], registry=registry
        )
        self._denied = Counter(
            "metric_access_denied",
            "What was refused, by reason and metric (empty for names that the charter doesn't know)",
            ["metric", "reason"],
            registry=registry,
        )
        self._version = Gauge("charter_policy_version", "The charter version enforced", registry=registry)
        self._enforcing = Gauge(
            "westworld_agent_enforcing",
            "1 while enforcement is proved and nothing is missing",
            registry=registry,
        )
        self._scope = Gauge(
            "westworld_agent_scope", "1 for each scope that is enforced", ["scope"], registry=registry
        )
        self._missing = Gauge("westworld_agent_missing", "How many things are missing", registry=registry)
        self._suspended = Gauge("westworld_agent_suspended", "1 while nothing may get out", registry=registry)
        self._ledger = Gauge("westworld_ledger_entries", "Entries in the node's ledger", registry=registry)
        self._pins = Counter(
            "westworld_checkpoint_pins", "Checkpoints given to IPFS, by result", ["result"], registry=registry
        )
        for kind in Kind:
            self._violations.labels(kind.value)

    def violation(self, kind: Kind, count: int) -> None:
        """Counts violations that are in the ledger."""
        self._violations.labels(kind.value).inc(count)

    def expect(self, forbidden: Iterable[str]) -> None:
        """Begins these names' counts at zero: an increase is seen only from a number that was there."""
        for metric in forbidden:
            self._denied.labels(metric, Reason.FORBIDDEN.name.lower())

    def denied(self, metric: str, reason: Reason, count: int) -> None:
        """Counts refusals."""
        self._denied.labels(metric, reason.name.lower()).inc(count)

    def pinned(self, success: bool) -> None:
        """Counts an attempt to pin a checkpoint."""
        self._pins.labels("ok" if success else "failed").inc()

    def show(self, status: Status) -> None:
        """Shows the agent's state."""
        self._version.set(status.charter_version)
        self._enforcing.set(status.state == "enforcing")
        self._missing.set(len(status.missing))
        self._suspended.set(status.suspended)
        self._ledger.set(status.ledger_size)
        self._scope.clear()
        for scope in status.scopes:
            self._scope.labels(scope).set(1)
