"""How many votes are enough, when they end a vote early, and when they make it go on.

The reference's GovernorVotesSuperQuorumFraction and GovernorPreventLateQuorum (OpenZeppelin 5.7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from ape.api import AccountAPI, ReceiptAPI
from ape.managers.project import ProjectManager

from oracles.chain.governor import Proposal
from oracles.governance.proposal import proposal_id

from .ballots import FRACTIONAL, parts
from .conftest import (
    ABSTAIN,
    ACTIVE,
    AGAINST,
    DEFEATED,
    EXECUTED,
    FOR,
    QUEUED,
    SUCCEEDED,
    SUPPLY,
    UNIT,
    VOTING_PERIOD,
    Dao,
    call_to,
    delegate,
    error,
    hashed,
    refusal,
)
from .faults import queued, refused_execution, unexpected
from .other_dao import found

QUORUM = 50 * UNIT
SUPER_QUORUM = 600 * UNIT
EXTENSION = 200


@pytest.fixture(scope="module")
def lively(project: ProjectManager, dao: Dao) -> Dao:
    """A DAO with a super-quorum of 60 percent, whose votes go on if their quorum comes late."""
    return found(project, dao, super_quorum=60, vote_extension=EXTENSION)


def cast(
    dao: Dao, identifier: int, voter: AccountAPI, against: int = 0, in_favour: int = 0, abstaining: int = 0
) -> ReceiptAPI:
    """Votes in parts, in the least units of the token."""
    params = parts(against, in_favour, abstaining, unit=1)
    return dao.governor.castVoteWithReasonAndParams(identifier, FRACTIONAL, "", params, sender=voter)


def extensions(dao: Dao, receipt: ReceiptAPI) -> list[tuple[int, int]]:
    """The proposals that a vote extended, and until when."""
    logs = receipt.decode_logs(dao.governor.ProposalExtended)
    return [(log.proposalId, log.extendedDeadline) for log in logs]


def late(dao: Dao, proposal: Proposal, seconds: int = 50) -> tuple[int, int]:
    """Lets the next block come that long before the end of the vote; returns the id and the deadline."""
    identifier = proposal_id(proposal)
    deadline = dao.governor.proposalDeadline(identifier)
    dao.chain.pending_timestamp = deadline - seconds
    return identifier, deadline


class TestSettings:
    def test_are_what_the_constructor_was_given(self, lively: Dao) -> None:
        governor = lively.governor
        assert (governor.quorumNumerator(), governor.superQuorumNumerator()) == (5, 60)
        assert governor.lateQuorumVoteExtension() == EXTENSION
        assert governor.quorum(lively.now - 1) == QUORUM
        assert governor.superQuorum(lively.now - 1) == SUPER_QUORUM

    @pytest.mark.parametrize(
        ("setter", "getter", "value", "event"),
        [
            ("updateSuperQuorumNumerator", "superQuorumNumerator", 5, "SuperQuorumNumeratorUpdated"),
            ("updateSuperQuorumNumerator", "superQuorumNumerator", 100, "SuperQuorumNumeratorUpdated"),
            ("updateQuorumNumerator", "quorumNumerator", 60, "QuorumNumeratorUpdated"),
            ("updateQuorumNumerator", "quorumNumerator", 0, "QuorumNumeratorUpdated"),
            (
                "setLateQuorumVoteExtension",
                "lateQuorumVoteExtension",
                VOTING_PERIOD,
                "LateQuorumVoteExtensionSet",
            ),
            ("setLateQuorumVoteExtension", "lateQuorumVoteExtension", 0, "LateQuorumVoteExtensionSet"),
        ],
    )
    def test_change_by_vote_alone(
        self, lively: Dao, stranger: AccountAPI, setter: str, getter: str, value: int, event: str
    ) -> None:
        governor = lively.governor
        for caller in (stranger, lively.executor):
            told = lively.ungoverned(caller)
            assert refusal(getattr(governor, setter), value, sender=caller) == told
        before = {name: getattr(governor, name)() for name in self.GETTERS}
        receipt = lively.pass_(call_to(governor, setter, value))
        (log,) = receipt.decode_logs(getattr(governor, event))
        assert tuple(log.event_arguments.values()) == (before[getter], value)
        assert {name: getattr(governor, name)() for name in self.GETTERS} == before | {getter: value}

    GETTERS = ("quorumNumerator", "superQuorumNumerator", "lateQuorumVoteExtension", "votingPeriod")

    @pytest.mark.parametrize(
        ("setter", "value", "told"),
        [
            ("updateQuorumNumerator", 61, error("GovernorInvalidQuorumTooLarge(uint256,uint256)", 61, 60)),
            ("updateQuorumNumerator", 101, error("GovernorInvalidQuorumTooLarge(uint256,uint256)", 101, 60)),
            (
                "updateSuperQuorumNumerator",
                4,
                error("GovernorInvalidSuperQuorumTooSmall(uint256,uint256)", 4, 5),
            ),
            (
                "updateSuperQuorumNumerator",
                101,
                error("GovernorInvalidSuperQuorumFraction(uint256,uint256)", 101, 100),
            ),
            (
                "setLateQuorumVoteExtension",
                VOTING_PERIOD + 1,
                error(
                    "GovernorPreventLateQuorumVoteExtensionTooLarge(uint256,uint256)",
                    VOTING_PERIOD + 1,
                    VOTING_PERIOD,
                ),
            ),
        ],
    )
    def test_refuse_nonsense(self, lively: Dao, setter: str, value: int, told: bytes) -> None:
        assert refused_execution(lively, call_to(lively.governor, setter, value)) == told

    def test_are_remembered(self, lively: Dao) -> None:
        governor = lively.governor
        changes = [("updateQuorumNumerator", 10), ("updateSuperQuorumNumerator", 70)]
        times = []
        for setter, value in changes:
            times.append(lively.pass_(call_to(governor, setter, value)).timestamp)
        lively.until(lively.now + 2)
        for timepoint, quorum, super_quorum in (
            (times[0] - 1, 5, 60),
            (times[0], 10, 60),
            (times[1] - 1, 10, 60),
            (times[1], 10, 70),
            (lively.now - 1, 10, 70),
        ):
            assert governor.quorumNumerator(timepoint) == quorum
            assert governor.superQuorumNumerator(timepoint) == super_quorum
            assert governor.quorum(timepoint) == SUPPLY * quorum // 100
            assert governor.superQuorum(timepoint) == SUPPLY * super_quorum // 100
        assert (governor.quorumNumerator(), governor.superQuorumNumerator()) == (10, 70)

    def test_of_the_future_are_not_known(self, lively: Dao, stranger: AccountAPI) -> None:
        told = refusal(lively.governor.superQuorum, lively.now + 999, sender=stranger)
        assert told[:4] == error("ERC5805FutureLookup(uint256,uint48)", 0, 0)[:4]

    def test_change_no_vote_that_has_begun(self, lively: Dao, voters: Sequence[AccountAPI]) -> None:
        governor = lively.governor
        change = queued(
            lively,
            call_to(governor, "updateSuperQuorumNumerator", 99),
            call_to(governor, "updateQuorumNumerator", 99),
        )
        running, counted = lively.propose(lively.number_call(1)), lively.propose(lively.number_call(2))
        lively.open(running)
        identifier = lively.open(counted)
        cast(lively, identifier, voters[1], in_favour=QUORUM)
        lively.execute(change)
        assert governor.proposalQuorum(identifier) == QUORUM
        governor.castVote(proposal_id(running), FOR, sender=voters[0])
        assert lively.state(running) == SUCCEEDED
        lively.close(counted)
        assert lively.state(counted) == SUCCEEDED
        after = lively.propose(lively.number_call(3))
        identifier = lively.open(after)
        governor.castVote(identifier, FOR, sender=voters[0])
        assert governor.proposalQuorum(identifier) == SUPPLY * 99 // 100
        lively.close(after)
        assert lively.state(after) == DEFEATED


class TestQuorum:
    @pytest.mark.parametrize(("missing", "outcome"), [(0, SUCCEEDED), (1, DEFEATED)])
    @pytest.mark.parametrize("abstaining", [0, QUORUM // 2])
    def test_is_reached_by_its_last_vote(
        self, lively: Dao, voters: Sequence[AccountAPI], missing: int, abstaining: int, outcome: int
    ) -> None:
        proposal = lively.propose(lively.number_call())
        identifier = lively.open(proposal)
        cast(lively, identifier, voters[0], abstaining=abstaining)
        cast(lively, identifier, voters[1], in_favour=QUORUM - abstaining - missing)
        lively.close(proposal)
        assert lively.state(proposal) == outcome

    def test_counts_no_votes_against(self, lively: Dao, voters: Sequence[AccountAPI]) -> None:
        proposal = lively.propose(lively.number_call())
        identifier = lively.open(proposal)
        cast(lively, identifier, voters[0], against=QUORUM - 2, in_favour=QUORUM - 1)
        lively.close(proposal)
        assert lively.state(proposal) == DEFEATED

    @pytest.mark.parametrize(
        ("support", "outcome"), [(FOR, SUCCEEDED), (ABSTAIN, DEFEATED), (None, DEFEATED)]
    )
    def test_of_nothing_needs_one_vote_for(
        self, lively: Dao, voters: Sequence[AccountAPI], support: int | None, outcome: int
    ) -> None:
        lively.pass_(call_to(lively.governor, "updateQuorumNumerator", 0))
        proposal = lively.propose(lively.number_call())
        identifier = lively.open(proposal)
        if support is not None:
            cast(lively, identifier, voters[0], in_favour=support == FOR, abstaining=support == ABSTAIN)
        lively.close(proposal)
        assert lively.governor.proposalQuorum(identifier) == 0
        assert lively.state(proposal) == outcome

    def test_of_no_supply_passes_nothing(
        self, project: ProjectManager, lively: Dao, owner: AccountAPI, voters: Sequence[AccountAPI]
    ) -> None:
        token = owner.deploy(project.MeshToken, "None", "NONE", 0, owner.address, owner.address)
        empty = found(project, replace(lively, token=token), threshold=0)
        proposal = empty.propose(empty.number_call())
        identifier = empty.open(proposal)
        told = error("GovernorAlreadyCastVote(address)", voters[0])
        assert refusal(empty.governor.castVote, identifier, FOR, sender=voters[0]) == told
        assert (empty.governor.proposalQuorum(identifier), empty.state(proposal)) == (0, ACTIVE)
        empty.close(proposal)
        assert empty.state(proposal) == DEFEATED


class TestSuperQuorum:
    def test_ends_the_vote(self, lively: Dao, voters: Sequence[AccountAPI]) -> None:
        proposal = lively.propose(lively.number_call())
        identifier = lively.open(proposal)
        cast(lively, identifier, voters[0], in_favour=SUPER_QUORUM - 1)
        assert lively.state(proposal) == ACTIVE
        told = unexpected(proposal, ACTIVE, SUCCEEDED)
        assert refusal(lively.governor.queue, *hashed(proposal), sender=lively.owner) == told

        lively.governor.castVote(identifier, FOR, sender=voters[4])
        assert lively.state(proposal) == SUCCEEDED
        assert lively.now < lively.governor.proposalDeadline(identifier)
        told = unexpected(proposal, SUCCEEDED, ACTIVE)
        for voter in voters[:2]:
            assert refusal(lively.governor.castVote, identifier, AGAINST, sender=voter) == told

        lively.queue(proposal)
        assert lively.state(proposal) == QUEUED
        assert lively.now < lively.governor.proposalDeadline(identifier)
        lively.execute(proposal)
        assert (lively.state(proposal), lively.target.number()) == (EXECUTED, 7)

    def test_is_reached_by_its_last_vote(self, lively: Dao, voters: Sequence[AccountAPI]) -> None:
        proposal = lively.propose(lively.number_call())
        identifier = lively.open(proposal)
        cast(lively, identifier, voters[0], in_favour=SUPER_QUORUM - 1)
        assert lively.state(proposal) == ACTIVE
        cast(lively, identifier, voters[0], in_favour=1)
        assert lively.state(proposal) == SUCCEEDED

    def test_counts_no_abstentions(self, lively: Dao, voters: Sequence[AccountAPI]) -> None:
        proposal = lively.propose(lively.number_call())
        identifier = lively.open(proposal)
        for voter, support in zip(voters, (ABSTAIN, FOR, FOR), strict=False):
            lively.governor.castVote(identifier, support, sender=voter)
        assert lively.state(proposal) == ACTIVE

    def test_needs_more_votes_for_than_against(self, lively: Dao, voters: Sequence[AccountAPI]) -> None:
        lively.pass_(call_to(lively.governor, "updateSuperQuorumNumerator", 10))
        proposal = lively.propose(lively.number_call())
        identifier = lively.open(proposal)
        cast(lively, identifier, voters[0], against=200 * UNIT)
        cast(lively, identifier, voters[0], in_favour=200 * UNIT)
        assert lively.state(proposal) == ACTIVE  # a tie
        cast(lively, identifier, voters[1], against=1, in_favour=1)
        assert lively.state(proposal) == ACTIVE
        cast(lively, identifier, voters[1], abstaining=UNIT)
        assert lively.state(proposal) == ACTIVE
        cast(lively, identifier, voters[1], in_favour=1)
        assert lively.state(proposal) == SUCCEEDED

    def test_lets_the_vote_run_if_most_are_against(self, lively: Dao, voters: Sequence[AccountAPI]) -> None:
        lively.pass_(call_to(lively.governor, "updateSuperQuorumNumerator", 10))
        proposal = lively.propose(lively.number_call())
        identifier = lively.open(proposal)
        for voter, support in zip(voters, (AGAINST, FOR), strict=False):
            lively.governor.castVote(identifier, support, sender=voter)
        assert lively.state(proposal) == ACTIVE
        lively.close(proposal)
        assert lively.state(proposal) == DEFEATED

    def test_of_nothing_is_reached_by_a_majority(self, lively: Dao, voters: Sequence[AccountAPI]) -> None:
        governor = lively.governor
        lively.pass_(
            call_to(governor, "updateQuorumNumerator", 0), call_to(governor, "updateSuperQuorumNumerator", 0)
        )
        proposal = lively.propose(lively.number_call())
        identifier = lively.open(proposal)
        cast(lively, identifier, voters[0], abstaining=1)
        assert lively.state(proposal) == ACTIVE
        cast(lively, identifier, voters[0], in_favour=1)
        assert lively.state(proposal) == SUCCEEDED

    @pytest.mark.parametrize(
        "share", [1, 50, 100, *(pytest.param(share, marks=pytest.mark.nightly) for share in (2, 3, 7, 99))]
    )
    def test_is_exact_for_every_share(self, lively: Dao, voters: Sequence[AccountAPI], share: int) -> None:
        if share < 60:
            lively.pass_(call_to(lively.governor, "updateQuorumNumerator", 0))
        lively.pass_(call_to(lively.governor, "updateSuperQuorumNumerator", share))
        for voter in voters[1:]:
            delegate(lively.token, voters[0], sender=voter)
        proposal = lively.propose(lively.number_call())
        identifier = lively.open(proposal)
        cast(lively, identifier, voters[0], in_favour=SUPPLY * share // 100 - 1)
        assert lively.state(proposal) == ACTIVE
        cast(lively, identifier, voters[0], in_favour=1)
        assert lively.state(proposal) == SUCCEEDED


class TestLateQuorum:
    @pytest.mark.parametrize("support", [FOR, ABSTAIN])
    def test_extends_the_vote(self, lively: Dao, voters: Sequence[AccountAPI], support: int) -> None:
        proposal = lively.propose(lively.number_call())
        identifier, deadline = late(lively, proposal)
        receipt = lively.governor.castVote(identifier, support, sender=voters[1])
        extended = receipt.timestamp + EXTENSION
        assert extended > deadline
        assert extensions(lively, receipt) == [(identifier, extended)]
        assert lively.governor.proposalDeadline(identifier) == extended

        lively.until(deadline + 1)
        assert lively.state(proposal) == ACTIVE
        lively.chain.pending_timestamp = extended
        receipt = lively.governor.castVote(identifier, AGAINST, sender=voters[2])
        assert receipt.timestamp == extended
        assert extensions(lively, receipt) == []
        assert lively.governor.proposalDeadline(identifier) == extended
        votes = [100 * UNIT, 0, 0]
        votes[support] += 250 * UNIT
        assert list(lively.governor.proposalVotes(identifier)) == votes
        lively.until(extended + 1)
        outcome = SUCCEEDED if support == FOR else DEFEATED
        told = unexpected(proposal, outcome, ACTIVE)
        assert refusal(lively.governor.castVote, identifier, FOR, sender=voters[0]) == told

    def test_is_answered_by_the_others(self, lively: Dao, voters: Sequence[AccountAPI]) -> None:
        proposal = lively.propose(lively.number_call())
        identifier, deadline = late(lively, proposal)
        lively.governor.castVote(identifier, FOR, sender=voters[1])
        lively.until(deadline + 1)
        lively.governor.castVote(identifier, AGAINST, sender=voters[0])
        lively.close(proposal)
        assert lively.state(proposal) == DEFEATED

    def test_extends_once(self, lively: Dao, voters: Sequence[AccountAPI]) -> None:
        proposal = lively.propose(lively.number_call())
        identifier, _ = late(lively, proposal)
        cast(lively, identifier, voters[1], in_favour=QUORUM)
        extended = lively.governor.proposalDeadline(identifier)
        lively.until(extended - 5)
        receipt = cast(lively, identifier, voters[1], in_favour=QUORUM)
        assert extensions(lively, receipt) == []
        assert lively.governor.proposalDeadline(identifier) == extended

    def test_extends_not_by_votes_against(self, lively: Dao, voters: Sequence[AccountAPI]) -> None:
        proposal = lively.propose(lively.number_call())
        identifier, deadline = late(lively, proposal)
        receipt = lively.governor.castVote(identifier, AGAINST, sender=voters[0])
        assert extensions(lively, receipt) == []
        receipt = cast(lively, identifier, voters[1], in_favour=QUORUM - 1)
        assert extensions(lively, receipt) == []
        assert lively.governor.proposalDeadline(identifier) == deadline
        receipt = cast(lively, identifier, voters[1], in_favour=1)
        assert extensions(lively, receipt) == [(identifier, receipt.timestamp + EXTENSION)]
        assert list(lively.governor.proposalVotes(identifier)) == [600 * UNIT, QUORUM, 0]

    def test_extends_not_if_it_came_early(self, lively: Dao, voters: Sequence[AccountAPI]) -> None:
        proposal = lively.propose(lively.number_call())
        identifier, deadline = late(lively, proposal, EXTENSION)
        receipt = lively.governor.castVote(identifier, FOR, sender=voters[1])
        assert receipt.timestamp + EXTENSION == deadline
        assert extensions(lively, receipt) == []
        lively.until(deadline - 5)
        receipt = lively.governor.castVote(identifier, AGAINST, sender=voters[2])
        assert extensions(lively, receipt) == []
        lively.until(deadline + 1)
        assert lively.state(proposal) == SUCCEEDED

    def test_extends_by_a_second_if_it_came_a_second_late(
        self, lively: Dao, voters: Sequence[AccountAPI]
    ) -> None:
        proposal = lively.propose(lively.number_call())
        identifier, deadline = late(lively, proposal, EXTENSION - 1)
        receipt = lively.governor.castVote(identifier, FOR, sender=voters[1])
        assert extensions(lively, receipt) == [(identifier, deadline + 1)]

    def test_extends_not_without_the_setting(self, dao: Dao, voters: Sequence[AccountAPI]) -> None:
        proposal = dao.propose(dao.number_call())
        identifier, deadline = late(dao, proposal, 0)
        receipt = dao.governor.castVote(identifier, FOR, sender=voters[0])
        assert (receipt.timestamp, extensions(dao, receipt)) == (deadline, [])
        assert dao.governor.proposalDeadline(identifier) == deadline

    def test_that_is_a_super_quorum_ends_the_vote(self, lively: Dao, voters: Sequence[AccountAPI]) -> None:
        proposal = lively.propose(lively.number_call())
        identifier, _ = late(lively, proposal)
        lively.governor.castVote(identifier, FOR, sender=voters[0])
        assert lively.state(proposal) == SUCCEEDED
        lively.queue(proposal)
        lively.execute(proposal)
        assert lively.state(proposal) == EXECUTED

    def test_and_a_super_quorum_in_the_time_gained(self, lively: Dao, voters: Sequence[AccountAPI]) -> None:
        proposal = lively.propose(lively.number_call())
        identifier, deadline = late(lively, proposal)
        lively.governor.castVote(identifier, FOR, sender=voters[1])
        lively.until(deadline + 1)
        lively.governor.castVote(identifier, FOR, sender=voters[0])
        assert lively.state(proposal) == SUCCEEDED
        assert lively.now < lively.governor.proposalDeadline(identifier)

    def test_extends_by_the_setting_of_the_day(self, lively: Dao, voters: Sequence[AccountAPI]) -> None:
        """As in the reference: the extension is no fraction, and has no history."""
        change = queued(lively, call_to(lively.governor, "setLateQuorumVoteExtension", VOTING_PERIOD))
        proposal = lively.propose(lively.number_call())
        identifier, _ = late(lively, proposal)
        lively.execute(change)
        receipt = lively.governor.castVote(identifier, FOR, sender=voters[1])
        assert extensions(lively, receipt) == [(identifier, receipt.timestamp + VOTING_PERIOD)]

    def test_stays_when_the_proposal_is_queued(self, lively: Dao, voters: Sequence[AccountAPI]) -> None:
        proposal = lively.propose(lively.number_call())
        identifier, _ = late(lively, proposal)
        lively.governor.castVote(identifier, FOR, sender=voters[1])
        lively.close(proposal)
        deadline = lively.governor.proposalDeadline(identifier)
        lively.queue(proposal)
        assert lively.governor.proposalDeadline(identifier) == deadline
        lively.execute(proposal)
        assert tuple(lively.governor.proposalVotes(identifier)) == (0, 250 * UNIT, 0)
