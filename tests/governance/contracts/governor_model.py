"""What token, Governor and executors should do, in plain Python and by the reference's rules.

Nothing here knows how the contracts store or shorten anything: a quorum is computed anew whenever it is asked
for, a ballot is a list of three numbers. Functions return the signature of the error to expect, or "".
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from oracles.chain.governor import Proposal

from .conftest import (
    ABSTAIN,
    ACTIVE,
    AGAINST,
    CANCELED,
    DEFEATED,
    EXECUTED,
    FOR,
    PENDING,
    QUEUED,
    SUCCEEDED,
)
from .founding import Rules

NONEXISTENT = "GovernorNonexistentProposal(uint256)"
UNEXPECTED = "GovernorUnexpectedProposalState(uint256,uint8,bytes32)"
ALREADY = "GovernorAlreadyCastVote(address)"
BAD_TYPE = "GovernorInvalidVoteType()"
BAD_PARAMS = "GovernorInvalidVoteParams()"
TOO_MUCH = "GovernorExceedRemainingWeight(address,uint256,uint256)"
BAD_SIGNATURE = "GovernorInvalidSignature(address)"
TOO_FEW = "GovernorInsufficientProposerVotes(address,uint256,uint256)"
RESERVED = "GovernorReservedCall(address,bytes4,bytes32)"
UNPINNED = "GovernorUnpinnedCall(address,bytes4)"
UNABLE = "GovernorUnableToCancel(uint256,address)"
ONLY_CO_SIGNER = "GovernorOnlyCoSigner(address)"
NO_CO_SIGNATURE = "GovernorMissingCoSignature(uint256,address)"
NOT_READY = "TimelockUnexpectedOperationState(bytes32,bytes32)"
QUORUM_TOO_LARGE = "GovernorInvalidQuorumTooLarge(uint256,uint256)"
SUPER_TOO_SMALL = "GovernorInvalidSuperQuorumTooSmall(uint256,uint256)"
EXTENSION_TOO_LARGE = "GovernorPreventLateQuorumVoteExtensionTooLarge(uint256,uint256)"

FRACTIONAL = 255


@dataclass(frozen=True)
class Action:
    """What one call of a proposal does: `kind` says what, `argument` with which value."""

    kind: str
    argument: int
    value: int = 0


@dataclass
class Case:
    """A proposal, and what became of it."""

    proposal: Proposal
    actions: tuple[Action, ...]
    track: str
    proposer: int
    snapshot: int
    deadline: int
    stored: bool
    """Whether it can be named by its id alone."""
    ballots: dict[int, list[int]] = field(default_factory=dict)
    """Votes against, for and abstaining, by wallet."""
    quorum_seen: bool = False
    canceled: bool = False
    executed: bool = False
    eta: int = 0
    co_signature: int | None = None

    def tally(self, support: int) -> int:
        """All votes of one kind."""
        return sum(ballot[support] for ballot in self.ballots.values())

    def used(self, wallet: int) -> int:
        """How many of its votes a wallet has used."""
        return sum(self.ballots.get(wallet, ()))

    @property
    def only_replaces_who_watches(self) -> bool:
        """Whether every call replaces the guardian or the co-signer, who have no say in that."""
        return all(action.kind in ("guardian", "co_signer") for action in self.actions)


class Model:
    """All that is remembered. Wallets are numbers; `None` is nobody. `now` is the latest block's time."""

    def __init__(
        self,
        tracks: Iterable[Rules],
        owners: Mapping[str, str],
        balances: Iterable[int],
        guardian: int | None,
        co_signer: int | None,
        now: int,
    ) -> None:
        self.now = now
        self.tracks = {rules.name: rules for rules in tracks}
        self.owners = dict(owners)
        """The track that each kind of call belongs to."""
        self.balances = list(balances)
        self.supply = sum(self.balances)
        self.delegatees: list[int | None] = [*range(len(self.balances))]
        self.history = [(now, self.votes())]
        self.fractions = {
            rules.name: [(0, rules.quorum, rules.super_quorum)] for rules in self.tracks.values()
        }
        self.extension = {rules.name: rules.extension for rules in self.tracks.values()}
        self.guardian = guardian
        self.co_signer = co_signer
        self.cases: list[Case] = []
        self.done: dict[str, int] = {}
        """How often each kind of call was made."""

    # Tokens.

    def votes(self) -> list[int]:
        """The votes of each wallet now."""
        votes = [0] * len(self.balances)
        for balance, delegatee in zip(self.balances, self.delegatees, strict=True):
            if delegatee is not None:
                votes[delegatee] += balance
        return votes

    def votes_at(self, timepoint: int) -> list[int]:
        """The votes of each wallet at the end of a past second."""
        return self.history[bisect_right(self.history, timepoint, key=lambda entry: entry[0]) - 1][1]

    def transfer(self, source: int, destination: int, amount: int) -> None:
        """Moves tokens."""
        self.balances[source] -= amount
        self.balances[destination] += amount
        self.history.append((self.now, self.votes()))

    def delegate(self, wallet: int, delegatee: int | None) -> None:
        """Gives a wallet's votes to another, or to nobody."""
        self.delegatees[wallet] = delegatee
        self.history.append((self.now, self.votes()))

    # Where a proposal stands.

    def _fraction(self, case: Case) -> tuple[int, int]:
        entries = self.fractions[case.track]
        _, quorum, super_quorum = entries[bisect_right(entries, case.snapshot, key=lambda e: e[0]) - 1]
        return self.supply * quorum // 100, self.supply * super_quorum // 100

    def quorum(self, case: Case) -> int:
        """How many votes it needs."""
        return self._fraction(case)[0]

    def super_quorum(self, case: Case) -> int:
        """With how many in favour it need not wait."""
        return self._fraction(case)[1]

    def state(self, case: Case) -> int:
        """The state now."""
        if case.executed:
            return EXECUTED
        if case.canceled:
            return CANCELED
        if case.snapshot >= self.now:
            return PENDING
        in_favour, against = case.tally(FOR), case.tally(AGAINST)
        if in_favour < self.super_quorum(case) or in_favour <= against:
            if case.deadline >= self.now:
                return ACTIVE
            if in_favour + case.tally(ABSTAIN) < self.quorum(case) or in_favour <= against:
                return DEFEATED
        return QUEUED if case.eta else SUCCEEDED

    # Votes.

    def remaining(self, case: Case, wallet: int) -> int:
        """The votes that a wallet has left; only once the vote has begun."""
        return self.votes_at(case.snapshot)[wallet] - case.used(wallet)

    def vote_fault(self, case: Case, wallet: int, support: int, fractions: list[int] | None) -> str:
        """Why a vote is refused. `fractions` are those of the parameters, None if there are none."""
        if self.state(case) != ACTIVE:
            return UNEXPECTED
        remaining = self.remaining(case, wallet)
        if remaining == 0:
            return ALREADY
        if support == FRACTIONAL:
            if fractions is None:
                return BAD_PARAMS
            return TOO_MUCH if sum(fractions) > remaining else ""
        if support > ABSTAIN:
            return BAD_TYPE
        return BAD_PARAMS if fractions is not None else ""

    def vote(self, case: Case, wallet: int, support: int, fractions: list[int] | None = None) -> int:
        """Counts a vote that nothing is wrong with; returns its weight."""
        counted = [0, 0, 0]
        if fractions is None:
            counted[support] = self.remaining(case, wallet)
        else:
            counted = fractions
        ballot = case.ballots.setdefault(wallet, [0, 0, 0])
        for kind, votes in enumerate(counted):
            ballot[kind] += votes
        cast = case.tally(FOR) + case.tally(ABSTAIN)
        # A quorum of nothing is reached by the first vote that a quorum counts.
        if not case.quorum_seen and cast >= max(1, self.quorum(case)):
            case.quorum_seen = True
            case.deadline = max(case.deadline, self.now + self.extension[case.track])
        return sum(counted)

    # A proposal's way.

    def propose_fault(self, wallet: int, track: str, actions: Iterable[Action], *, again: bool) -> str:
        """Why a proposal is refused, at a time not yet reached by any later transfer."""
        rules = self.tracks[track]
        timepoint = min(self.now + rules.delay - rules.lookback, self.now - 1)
        if self.votes_at(timepoint)[wallet] < rules.threshold:
            return TOO_FEW
        return UNEXPECTED if again else self._call_fault(track, actions)

    def _call_fault(self, track: str, actions: Iterable[Action]) -> str:
        for action in actions:
            if self.owners[action.kind] != track:
                return RESERVED
            if action.value and self.tracks[track].pinned:
                return UNPINNED
        return ""

    def propose(
        self, wallet: int, track: str, actions: tuple[Action, ...], made: Proposal, kept: bool
    ) -> Case:
        """Remembers a proposal."""
        rules = self.tracks[track]
        opening = self.now + rules.delay
        case = Case(made, actions, track, wallet, opening - rules.lookback, opening + rules.period, kept)
        self.cases.append(case)
        return case

    def queue_fault(self, case: Case) -> str:
        """Why it is not queued."""
        return "" if self.state(case) == SUCCEEDED else UNEXPECTED

    def queue(self, case: Case) -> None:
        """Queues it."""
        case.eta = self.now + self.tracks[case.track].executor_delay

    def co_sign_fault(self, case: Case, wallet: int) -> str:
        """Why the co-signature is refused."""
        if self.state(case) not in (SUCCEEDED, QUEUED):
            return UNEXPECTED
        return "" if wallet == self.co_signer else ONLY_CO_SIGNER

    def cancel_fault(self, case: Case, wallet: int) -> str:
        """Why it is not cancelled."""
        state = self.state(case)
        own = wallet == case.proposer
        watched = wallet == self.guardian and not case.only_replaces_who_watches
        if not ((own and state == PENDING) or watched or (own and self.guardian is None)):
            return UNABLE
        return UNEXPECTED if state in (CANCELED, EXECUTED) else ""

    def execute_fault(self, case: Case) -> str:
        """Why it is not executed."""
        if self.state(case) != QUEUED:
            return UNEXPECTED
        if fault := self._call_fault(case.track, case.actions):
            return fault
        if (
            self.tracks[case.track].co_signed
            and not case.only_replaces_who_watches
            and self.co_signer is not None
            and case.co_signature != self.co_signer
        ):
            return NO_CO_SIGNATURE
        return NOT_READY if self.now < case.eta else ""

    def execute(self, case: Case) -> str:
        """Makes the calls; returns the error of the first that fails, and then nothing has happened."""
        before = (self.guardian, self.co_signer, dict(self.extension), dict(self.owners), dict(self.done))
        entries = {name: list(history) for name, history in self.fractions.items()}
        for action in case.actions:
            if fault := self._act(action):
                self.guardian, self.co_signer, self.extension, self.owners, self.done = before
                self.fractions = entries
                return fault
        case.executed = True
        return ""

    def _act(self, action: Action) -> str:
        number = action.argument
        wallet = number if number < len(self.balances) else None
        _, quorum, super_quorum = self.fractions["standard"][-1]
        match action.kind:
            case "guardian":
                self.guardian = wallet
            case "co_signer":
                self.co_signer = wallet
            case "quorum":
                if number > super_quorum:
                    return QUORUM_TOO_LARGE
                self.fractions["standard"].append((self.now, number, super_quorum))
            case "super_quorum":
                if number < quorum:
                    return SUPER_TOO_SMALL
                self.fractions["standard"].append((self.now, quorum, number))
            case "extension":
                if number > self.tracks["standard"].period:
                    return EXTENSION_TOO_LARGE
                self.extension["standard"] = number
            case "reserve":
                # The charter's track administers itself: what it owns, it alone can give away.
                self.owners["number"] = self.owners["reserve"] = "charter_amendment"
        self.done[action.kind] = self.done.get(action.kind, 0) + 1
        return ""
