"""What a leader does next, given the answers so far. A pure state machine: no clock, no chain, no network.

The leader first gathers what at least `threshold` members saw, so that a proposal can contain it; then
proposes. What members already signed goes before anything new. It casts its own vote last, when that
completes the report: until then it can still change the proposal for the sake of an observation that it had
not heard of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from oracles.committee.messages import Proposal, Reason, Refusal, Vote
from oracles.committee.report import Report
from oracles.committee.share import within_share
from oracles.committee.topic import Observation
from oracles.committee.view import Configuration

_PATIENCE = 2  # how often a silent member is asked before the leader goes on without it

_PASSING = frozenset(
    {
        Reason.OTHER_CONFIGURATION,
        Reason.SEQUENCE_NOT_OPEN,
        Reason.UNKNOWN_BLOCK,
        Reason.NOT_FROZEN,
        Reason.CHAIN_IN_DOUBT,
    }
)
"""Refusals that may turn into a vote once the member has caught up with the chain."""


@dataclass(frozen=True)
class Ask:
    """Ask these members what they saw."""

    members: tuple[str, ...]


@dataclass(frozen=True)
class Compute:
    """Verify these observations and compute a proposal from the good ones."""

    observations: tuple[Observation, ...]


@dataclass(frozen=True)
class Propose:
    """Ask these members to sign."""

    proposal: Proposal
    members: tuple[str, ...]


@dataclass(frozen=True)
class VoteSelf:
    """Judge the proposal as any member would, and vote."""

    proposal: Proposal


@dataclass(frozen=True)
class Finish:
    """Hand the report in; signatures are in ascending order of their signers."""

    proposal: Proposal
    report: Report
    votes: tuple[Vote, ...]


@dataclass(frozen=True)
class Idle:
    """Nothing can be done before the next step; `why` goes to the log."""

    why: str


Action = Ask | Compute | Propose | VoteSelf | Finish | Idle


class Lead:
    """One leader's attempt at one sequence under one configuration."""

    def __init__(self, own: str, configuration: Configuration) -> None:
        self._own = own
        self._members = configuration.members
        self._threshold = configuration.threshold
        self._seen: set[str] = set()
        self._said: dict[str, tuple[Observation, ...]] = {}
        self._asked: Counter[str] = Counter()
        self._contacted: set[tuple[str, bytes]] = set()
        self._heard: set[str] = {own}
        self._proposals: dict[bytes, Proposal] = {}
        self._votes: dict[bytes, dict[str, Vote]] = {}
        self._refused: set[tuple[bytes, str]] = set()
        self._computed: tuple[Observation, ...] | None = None
        self._finished = False

    # --- what happened

    def begin_step(self) -> None:
        """A new step: every member may be contacted again, once for each thing."""
        self._contacted.clear()

    def frozen(self, member: str, observations: tuple[Observation, ...]) -> None:
        """A member said what it saw; the observations were verified."""
        self._heard.add(member)
        self._seen.add(member)
        self._add(member, observations)

    def held(self, proposal: Proposal) -> None:
        """A member already voted for this proposal, and this member found it sound."""
        self._proposals.setdefault(proposal.report.payload_hash, proposal)

    def computed(self, observations: tuple[Observation, ...], proposal: Proposal | None) -> None:
        """The proposal over these observations; None if there is nothing to report."""
        self._computed = observations
        if proposal is not None:
            self._proposals[proposal.report.payload_hash] = proposal

    def voted(self, member: str, vote: Vote) -> None:
        """A member signed; the signature was checked."""
        self._heard.add(member)
        votes = self._votes.setdefault(vote.report.payload_hash, {})
        known = votes.get(member)
        if known is None or known.report.deadline < vote.report.deadline:
            votes[member] = vote

    def refused(self, member: str, proposal: Proposal, refusal: Refusal) -> None:
        """A member did not sign."""
        self._heard.add(member)
        if refusal.reason not in _PASSING:
            self._refused.add((proposal.report.payload_hash, member))
        self._add(member, refusal.missing)

    def handed_in(self) -> None:
        """The report is on its way; the leader's work is done."""
        self._finished = True

    # --- what to do

    def next(self) -> Action:
        """The next thing to do. Each action is answered by the methods above, or the member asked stays
        silent.
        """
        if self._finished:
            return Idle("the report was handed in")
        if (done := self._complete()) is not None:
            return done
        awaited = self._awaited()
        if due := self._contact(awaited, b""):
            self._asked.update(due)
            return Ask(due)
        if awaited:
            return Idle(f"waiting for what {', '.join(awaited)} saw")
        chosen, ready = self._choose()
        union = tuple(sorted({one for said in self._said.values() for one in said}))
        if not ready and union != self._computed:
            return Compute(union)
        if chosen is None:
            return Idle(
                "no payload can reach the threshold" if self._proposals else "there is nothing to report"
            )
        return self._pursue(chosen)

    def _add(self, member: str, observations: tuple[Observation, ...]) -> None:
        # Whatever a member says that it saw, it has one share: nobody can make a proposal too large.
        said = self._said.get(member, ()) + observations
        self._said[member] = within_share(said, len(self._members))

    def _complete(self) -> Finish | None:
        for payload_hash, proposal in sorted(self._proposals.items()):
            by_report: dict[Report, list[Vote]] = {}
            votes = self._votes.get(payload_hash, {})
            for member in self._members:
                if member in votes:
                    by_report.setdefault(votes[member].report, []).append(votes[member])
            for report, same in by_report.items():
                if len(same) >= self._threshold:
                    return Finish(proposal, report, tuple(same))
        return None

    def _awaited(self) -> list[str]:
        """Whose observations are worth waiting for: everybody's for a while, and `threshold` members' at any
        rate.
        """
        enough = len(self._seen) >= self._threshold
        return [
            member
            for member in self._members
            if member not in self._seen and not (enough and self._asked[member] >= _PATIENCE)
        ]

    def _contact(self, members: Iterable[str], about: bytes) -> tuple[str, ...]:
        """Those that were not contacted about this in this step; from now on they were, and have yet to
        answer.
        """
        due = tuple(member for member in members if (member, about) not in self._contacted)
        self._contacted.update((member, about) for member in due)
        self._heard.difference_update(set(due) - {self._own})
        return due

    def _choose(self) -> tuple[Proposal | None, bool]:
        """The best proposal that can still reach the threshold, and whether members that answer suffice for
        it.

        Best is what those who answer can complete, and among such what has the most votes already.
        """
        bound = {member for votes in self._votes.values() for member in votes}
        best: tuple[int, int, bytes] | None = None
        for payload_hash in self._proposals:
            votes = self._votes.get(payload_hash, {}).keys()
            free = {m for m in self._members if m not in bound and (payload_hash, m) not in self._refused}
            if len(votes | free) < self._threshold:
                continue
            certain = min(self._threshold, len(votes | (free & self._heard)))
            rank = (-certain, -len(votes), payload_hash)
            best = rank if best is None else min(best, rank)
        if best is None:
            return None, False
        return self._proposals[best[2]], -best[0] >= self._threshold

    def _pursue(self, proposal: Proposal) -> Action:
        payload_hash, report = proposal.report.payload_hash, proposal.report
        votes = {m for m, vote in self._votes.get(payload_hash, {}).items() if vote.report == report}
        open_to = [m for m in self._members if m not in votes and (payload_hash, m) not in self._refused]
        if (
            self._own in open_to
            and len(votes) + 1 >= self._threshold
            and self._contact([self._own], payload_hash)
        ):
            return VoteSelf(proposal)
        if due := self._contact((m for m in open_to if m != self._own), payload_hash):
            return Propose(proposal, due)
        return Idle(f"{len(votes)} of {self._threshold} votes")
