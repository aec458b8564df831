"""Token, Governor and executors together, against a plain model: whatever anybody does in whatever order,

- votes are conserved, and past votes never change;
- nothing is executed that did not pass, on its own track, and wait;
- what was cancelled or defeated is never executed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from ape.api import AccountAPI
from ape.exceptions import ContractLogicError
from budgets import few
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from oracles.chain.governor import Proposal
from oracles.governance.proposal import CHARTER_AMENDMENT, STANDARD, draft, proposal_id

from .conftest import ABSTAIN, AGAINST, FOR, SHARES, SUPPLY, UNIT, ZERO, Dao, delegate, hashed

WALLETS = st.integers(0, len(SHARES) - 1)
MARGIN = 60
"""Seconds that a block's time may differ from what a rule assumed."""


@dataclass
class Case:
    """What the model knows of a proposal."""

    proposal: Proposal
    track: str
    proposer: int
    start: int
    end: int
    ballots: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Support and weight by wallet."""
    canceled: bool = False
    eta: int = 0
    executed: bool = False

    def tally(self, support: int) -> int:
        return sum(weight for chosen, weight in self.ballots.values() if chosen == support)

    def passed(self, now: int) -> bool:
        enough = self.tally(FOR) + self.tally(ABSTAIN) >= SUPPLY // 20
        return now > self.end and not self.canceled and enough and self.tally(FOR) > self.tally(AGAINST)


class Machine(RuleBasedStateMachine):
    """The contracts beside the model. `dao` is set before a run."""

    dao: Dao

    def __init__(self) -> None:
        super().__init__()
        self.snapshot = self.dao.chain.snapshot()
        self.balances = [share * UNIT for share in SHARES]
        self.delegatees: list[int | None] = list(range(len(SHARES)))
        self.history: list[tuple[int, list[int]]] = [(self.dao.now, list(self.balances))]
        self.cases: list[Case] = []

    def teardown(self) -> None:
        self.dao.chain.restore(self.snapshot)

    @property
    def voters(self) -> list[AccountAPI]:
        return list(self.dao.voters)

    def votes(self) -> list[int]:
        votes = [0] * len(SHARES)
        for balance, delegatee in zip(self.balances, self.delegatees, strict=True):
            if delegatee is not None:
                votes[delegatee] += balance
        return votes

    def votes_at(self, timepoint: int) -> list[int]:
        return self.history[bisect_right(self.history, timepoint, key=lambda entry: entry[0]) - 1][1]

    def settle(self, case: Case) -> int:
        """Moves away from the times at which the case's state changes, and returns the time."""
        while any(abs(self.dao.now - edge) <= MARGIN for edge in (case.start, case.end, case.eta)):
            self.dao.until(self.dao.now + 2 * MARGIN + 1)
        return self.dao.now

    @contextmanager
    def only_if(self, expected: bool) -> Iterator[None]:
        """What happens inside must revert unless `expected`."""
        try:
            yield
        except ContractLogicError:
            assert not expected, "the contracts refused what the model allows"
        else:
            assert expected, "the contracts allowed what the model refuses"

    @rule(source=WALLETS, destination=WALLETS, portion=st.integers(0, 100))
    def transfer(self, source: int, destination: int, portion: int) -> None:
        amount = self.balances[source] * portion // 100
        receipt = self.dao.token.transfer(self.voters[destination], amount, sender=self.voters[source])
        self.balances[source] -= amount
        self.balances[destination] += amount
        self.history.append((receipt.timestamp, self.votes()))

    @rule(wallet=WALLETS, delegatee=st.none() | WALLETS)
    def delegate(self, wallet: int, delegatee: int | None) -> None:
        address = ZERO if delegatee is None else self.voters[delegatee].address
        receipt = delegate(self.dao.token, address, sender=self.voters[wallet])
        self.delegatees[wallet] = delegatee
        self.history.append((receipt.timestamp, self.votes()))

    @rule(seconds=st.sampled_from([150, 800, 73 * 3_600]))
    def wait(self, seconds: int) -> None:
        self.dao.until(self.dao.now + seconds)

    @rule(proposer=WALLETS, charter=st.booleans(), honest=st.booleans())
    def propose(self, proposer: int, charter: bool, honest: bool) -> None:
        number = len(self.cases) + 1
        call = self.dao.charter_call(number) if charter else self.dao.number_call(number)
        track = CHARTER_AMENDMENT if charter == honest else STANDARD
        proposal = draft([call], "why", track=track)
        arguments = (*proposal.arguments(), proposal.description)
        self.dao.until(self.dao.now + 1)
        with self.only_if(honest and self.votes()[proposer] >= UNIT):
            self.dao.governor.propose(*arguments, sender=self.voters[proposer])
            identifier = proposal_id(proposal)
            start = self.dao.governor.proposalSnapshot(identifier)
            end = self.dao.governor.proposalDeadline(identifier)
            self.cases.append(Case(proposal, track, proposer, start, end))

    @precondition(lambda self: self.cases)
    @rule(data=st.data(), wallet=WALLETS, support=st.sampled_from([FOR, FOR, ABSTAIN, AGAINST]))
    def vote(self, data: Any, wallet: int, support: int) -> None:
        case = data.draw(st.sampled_from(self.cases))
        now = self.settle(case)
        open_ = case.start < now <= case.end and not case.canceled and wallet not in case.ballots
        with self.only_if(open_):
            self.dao.governor.castVote(proposal_id(case.proposal), support, sender=self.voters[wallet])
            case.ballots[wallet] = (support, self.votes_at(case.start)[wallet])

    @precondition(lambda self: self.cases)
    @rule(data=st.data(), wallet=WALLETS)
    def cancel(self, data: Any, wallet: int) -> None:
        case = data.draw(st.sampled_from(self.cases))
        now = self.settle(case)
        with self.only_if(now <= case.start and wallet == case.proposer and not case.canceled):
            self.dao.governor.cancel(*hashed(case.proposal), sender=self.voters[wallet])
            case.canceled = True

    @precondition(lambda self: self.cases)
    @rule(data=st.data())
    def queue(self, data: Any) -> None:
        case = data.draw(st.sampled_from(self.cases))
        now = self.settle(case)
        with self.only_if(case.passed(now) and case.eta == 0):
            self.dao.governor.queue(*hashed(case.proposal), sender=self.dao.owner)
            case.eta = self.dao.governor.proposalEta(proposal_id(case.proposal))

    @precondition(lambda self: self.cases)
    @rule(data=st.data())
    def execute(self, data: Any) -> None:
        case = data.draw(st.sampled_from(self.cases))
        now = self.settle(case)
        with self.only_if(0 < case.eta <= now and not case.executed):
            self.dao.governor.execute(*hashed(case.proposal), sender=self.dao.owner)
            case.executed = True
            assert case.passed(now)
            target = self.dao.charter if case.track == CHARTER_AMENDMENT else self.dao.target
            executor = self.dao.charter_executor if case.track == CHARTER_AMENDMENT else self.dao.executor
            assert target.setter() == executor
            assert target.number() == self.cases.index(case) + 1

    def votable(self) -> list[Case]:
        return [case for case in self.cases if not case.canceled and self.dao.now < case.end - 5 * MARGIN]

    @precondition(lambda self: self.votable())
    @rule(data=st.data())
    def take_through(self, data: Any) -> None:
        """The whole way to the queue at once, which single steps rarely complete."""
        case = data.draw(st.sampled_from(self.votable()))
        self.dao.until(max(self.dao.now, case.start) + MARGIN + 1)
        for wallet in range(len(SHARES)):
            if self.settle(case) < case.end and wallet not in case.ballots:
                support = data.draw(st.sampled_from([FOR, FOR, ABSTAIN, AGAINST]))
                self.dao.governor.castVote(proposal_id(case.proposal), support, sender=self.voters[wallet])
                case.ballots[wallet] = (support, self.votes_at(case.start)[wallet])
        self.dao.until(max(self.dao.now, case.end) + MARGIN + 1)
        with self.only_if(case.passed(self.dao.now)):
            self.dao.governor.queue(*hashed(case.proposal), sender=self.dao.owner)
            case.eta = self.dao.governor.proposalEta(proposal_id(case.proposal))

    @invariant()
    def votes_are_conserved(self) -> None:
        token = self.dao.token
        votes = [token.getVotes(voter) for voter in self.voters]
        assert votes == self.votes()
        idle = sum(b for b, d in zip(self.balances, self.delegatees, strict=True) if d is None)
        assert sum(votes) + idle == SUPPLY == token.totalSupply()

    @invariant()
    def past_votes_stand(self) -> None:
        for timepoint, _ in {self.history[0][0]: None, self.history[len(self.history) // 2][0]: None}.items():
            if timepoint < self.dao.now:
                past = [self.dao.token.getPastVotes(voter, timepoint) for voter in self.voters]
                assert past == self.votes_at(timepoint)

    @invariant()
    def only_what_passed_was_executed(self) -> None:
        for target, track in ((self.dao.target, STANDARD), (self.dao.charter, CHARTER_AMENDMENT)):
            assert target.calls() == sum(case.executed for case in self.cases if case.track == track)

    @invariant()
    def tallies_agree(self) -> None:
        for case in self.cases[-2:]:
            expected = tuple(case.tally(support) for support in (AGAINST, FOR, ABSTAIN))
            assert tuple(self.dao.governor.proposalVotes(proposal_id(case.proposal))) == expected


@pytest.mark.feature("C9.2")
def test_nothing_happens_but_by_vote(dao: Dao) -> None:
    machine = type("Bound", (Machine,), {"dao": dao})
    run_state_machine_as_test(machine, settings=few())
