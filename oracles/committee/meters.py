"""What a committee member counts, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

from oracles.committee.messages import Reason


class CommitteeMeters:
    """Counters of one process, by topic."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._votes = Counter(
            "westworld_committee_votes", "Votes given to proposals", ["topic"], registry=registry
        )
        self._refusals = Counter(
            "westworld_committee_refusals",
            "Proposals this member did not sign, by reason",
            ["topic", "reason"],
            registry=registry,
        )
        self._handed_in = Counter(
            "westworld_committee_reports_handed_in",
            "Reports this member finished as a leader",
            ["topic"],
            registry=registry,
        )
        self._double_votes = Counter(
            "westworld_committee_double_votes",
            "Members seen to vote for two payloads of one sequence",
            ["topic"],
            registry=registry,
        )
        self._sequence = Gauge(
            "westworld_committee_sequence", "The sequence that is open", ["topic"], registry=registry
        )

    def voted(self, topic: str) -> None:
        """A vote was given."""
        self._votes.labels(topic).inc()

    def refused(self, topic: str, reason: Reason) -> None:
        """A proposal was not signed."""
        self._refusals.labels(topic, reason.value).inc()

    def handed_in(self, topic: str) -> None:
        """A report was finished."""
        self._handed_in.labels(topic).inc()

    def double_vote(self, topic: str) -> None:
        """A double vote was seen."""
        self._double_votes.labels(topic).inc()

    def open(self, topic: str, sequence: int) -> None:
        """A sequence is open."""
        self._sequence.labels(topic).set(sequence)
