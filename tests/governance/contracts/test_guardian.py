"""Who can cancel a proposal, and until when: the guardian, and the proposer (GovernorProposalGuardian)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from ape.api import AccountAPI
from ape.managers.project import ProjectManager

from oracles.chain.governor import Proposal
from oracles.governance.proposal import operation_id, proposal_id

from .conftest import (
    ACTIVE,
    AGAINST,
    CANCELED,
    DEFEATED,
    EXECUTED,
    FOR,
    PENDING,
    QUEUED,
    SUCCEEDED,
    UNIT,
    ZERO,
    Dao,
    call_to,
    error,
    hashed,
    refusal,
)
from .faults import queued, unexpected
from .other_dao import found

CANCELABLE = (PENDING, ACTIVE, DEFEATED, SUCCEEDED, QUEUED)


@pytest.fixture(scope="module")
def guardian(accounts: Sequence[AccountAPI]) -> AccountAPI:
    """Who can cancel, and holds no votes."""
    return accounts[7]


@pytest.fixture(scope="module")
def guarded(project: ProjectManager, dao: Dao, guardian: AccountAPI) -> Dao:
    """A DAO with a guardian."""
    return found(project, dao, guardian=guardian)


def brought(dao: Dao, proposal: Proposal, state: int) -> Proposal:
    """Brings a new proposal into that state."""
    if state in (ACTIVE, CANCELED):
        dao.open(proposal)
    if state == DEFEATED:
        dao.vote(proposal, AGAINST)
    if state in (SUCCEEDED, QUEUED, EXECUTED):
        dao.vote(proposal, FOR)
    if state in (QUEUED, EXECUTED):
        dao.queue(proposal)
    if state == EXECUTED:
        dao.execute(proposal)
    assert state == CANCELED or dao.state(proposal) == state
    return proposal


def unable(proposal: Proposal, account: AccountAPI) -> bytes:
    """That the account cannot cancel the proposal."""
    return error("GovernorUnableToCancel(uint256,address)", proposal_id(proposal), account)


class TestGuardian:
    @pytest.mark.parametrize("state", CANCELABLE)
    def test_cancels_until_the_execution(self, guarded: Dao, guardian: AccountAPI, state: int) -> None:
        proposal = brought(guarded, guarded.propose(guarded.number_call()), state)
        operation = operation_id(proposal, guarded.governor.address)
        assert guarded.executor.isOperation(operation) == (state == QUEUED)
        receipt = guarded.governor.cancel(*hashed(proposal), sender=guardian)
        logs = receipt.decode_logs(guarded.governor.ProposalCanceled)
        assert [log.proposalId for log in logs] == [proposal_id(proposal)]
        assert [bytes(log.id) for log in receipt.decode_logs(guarded.executor.Cancelled)] == (
            [operation] if state == QUEUED else []
        )
        assert not guarded.executor.isOperation(operation)
        assert guarded.state(proposal) == CANCELED
        for method, expected in ((guarded.governor.queue, SUCCEEDED), (guarded.governor.execute, QUEUED)):
            told = unexpected(proposal, CANCELED, expected)
            assert refusal(method, *hashed(proposal), sender=guarded.owner) == told

    @pytest.mark.parametrize("state", [EXECUTED, CANCELED])
    def test_cancels_nothing_that_is_over(self, guarded: Dao, guardian: AccountAPI, state: int) -> None:
        proposal = brought(guarded, guarded.propose(guarded.number_call()), state)
        if state == CANCELED:
            guarded.governor.cancel(*hashed(proposal), sender=guardian)
        told = unexpected(proposal, state, *CANCELABLE)
        assert refusal(guarded.governor.cancel, *hashed(proposal), sender=guardian) == told

    def test_can_do_nothing_else(self, guarded: Dao, guardian: AccountAPI) -> None:
        governor = guarded.governor
        told = error("GovernorOnlyExecutor(address)", guardian)
        assert refusal(governor.setProposalGuardian, guardian, sender=guardian) == told
        assert refusal(governor.setVotingDelay, 1, sender=guardian) == told
        assert refusal(governor.relay, guarded.target, 0, b"", sender=guardian) == told
        identifier = guarded.open(guarded.propose(guarded.number_call()))
        told = error("GovernorAlreadyCastVote(address)", guardian)
        assert refusal(governor.castVote, identifier, FOR, sender=guardian) == told

    @pytest.mark.parametrize("state", CANCELABLE)
    def test_leaves_the_proposer_the_time_before_the_vote(
        self, guarded: Dao, voters: Sequence[AccountAPI], state: int
    ) -> None:
        proposal = brought(guarded, guarded.propose(guarded.number_call()), state)
        cancel = guarded.governor.cancel
        assert refusal(cancel, *hashed(proposal), sender=voters[1]) == unable(proposal, voters[1])
        if state != PENDING:
            assert refusal(cancel, *hashed(proposal), sender=voters[0]) == unable(proposal, voters[0])
            return
        cancel(*hashed(proposal), sender=voters[0])
        assert guarded.state(proposal) == CANCELED

    def test_cancels_what_it_proposed_itself(
        self, guarded: Dao, guardian: AccountAPI, voters: Sequence[AccountAPI]
    ) -> None:
        guarded.pass_(call_to(guarded.governor, "setProposalGuardian", voters[0].address))
        proposal = queued(guarded, guarded.number_call())
        told = unable(proposal, guardian)
        assert refusal(guarded.governor.cancel, *hashed(proposal), sender=guardian) == told
        guarded.governor.cancel(*hashed(proposal), sender=voters[0])
        assert guarded.state(proposal) == CANCELED


class TestNoGuardian:
    @pytest.mark.parametrize("state", CANCELABLE)
    def test_leaves_it_to_the_proposer(self, dao: Dao, voters: Sequence[AccountAPI], state: int) -> None:
        assert dao.governor.proposalGuardian() == ZERO
        proposal = brought(dao, dao.propose(dao.number_call()), state)
        told = unable(proposal, voters[1])
        assert refusal(dao.governor.cancel, *hashed(proposal), sender=voters[1]) == told
        dao.governor.cancel(*hashed(proposal), sender=voters[0])
        assert dao.state(proposal) == CANCELED
        assert not dao.executor.isOperation(operation_id(proposal, dao.governor.address))

    @pytest.mark.parametrize("state", [EXECUTED, CANCELED])
    def test_leaves_nothing_that_is_over(self, dao: Dao, voters: Sequence[AccountAPI], state: int) -> None:
        proposal = brought(dao, dao.propose(dao.number_call()), state)
        if state == CANCELED:
            dao.governor.cancel(*hashed(proposal), sender=voters[0])
        told = unexpected(proposal, state, *CANCELABLE)
        assert refusal(dao.governor.cancel, *hashed(proposal), sender=voters[0]) == told


class TestReplacement:
    @pytest.mark.parametrize("successor", [ZERO, "voter"])
    def test_is_announced(
        self, guarded: Dao, guardian: AccountAPI, voters: Sequence[AccountAPI], successor: str
    ) -> None:
        following = ZERO if successor == ZERO else voters[1].address
        receipt = guarded.pass_(call_to(guarded.governor, "setProposalGuardian", following))
        (log,) = receipt.decode_logs(guarded.governor.ProposalGuardianSet)
        assert (log.oldProposalGuardian, log.newProposalGuardian) == (guardian, following)
        assert guarded.governor.proposalGuardian() == following
        proposal = guarded.propose(guarded.number_call())
        told = unable(proposal, guardian)
        assert refusal(guarded.governor.cancel, *hashed(proposal), sender=guardian) == told

    def test_is_refused_to_everybody_else(self, guarded: Dao, stranger: AccountAPI) -> None:
        for caller in (stranger, guarded.executor):
            told = guarded.ungoverned(caller)
            assert refusal(guarded.governor.setProposalGuardian, stranger, sender=caller) == told

    @pytest.mark.parametrize("count", [1, 3])
    @pytest.mark.parametrize("state", CANCELABLE)
    def test_needs_no_leave(self, guarded: Dao, guardian: AccountAPI, state: int, count: int) -> None:
        if count == 3 and state != QUEUED:
            return
        calls = [call_to(guarded.governor, "setProposalGuardian", ZERO)] * count
        proposal = brought(guarded, guarded.propose(*calls), state)
        told = unable(proposal, guardian)
        assert refusal(guarded.governor.cancel, *hashed(proposal), sender=guardian) == told
        if state == QUEUED:
            guarded.execute(proposal)
            assert guarded.governor.proposalGuardian() == ZERO

    @pytest.mark.parametrize("first", [True, False])
    @pytest.mark.parametrize("hidden", ["target", "setting", "other Governor", "no selector"])
    def test_hides_no_other_call(
        self, guarded: Dao, dao: Dao, guardian: AccountAPI, hidden: str, first: bool
    ) -> None:
        replacement = call_to(guarded.governor, "setProposalGuardian", ZERO)
        other = {
            "target": guarded.number_call(),
            "setting": call_to(guarded.governor, "setVotingDelay", 0),
            "other Governor": call_to(dao.governor, "setProposalGuardian", ZERO),
            "no selector": type(replacement)(guarded.governor.address, replacement.data[:3]),
        }[hidden]
        calls = [other, replacement] if first else [replacement, other]
        proposal = brought(guarded, guarded.propose(*calls), QUEUED)
        guarded.governor.cancel(*hashed(proposal), sender=guardian)
        assert guarded.state(proposal) == CANCELED
        assert guarded.governor.proposalGuardian() == guardian

    def test_is_still_cancelled_by_its_proposer_before_the_vote(
        self, guarded: Dao, guardian: AccountAPI, voters: Sequence[AccountAPI]
    ) -> None:
        replacement = call_to(guarded.governor, "setProposalGuardian", ZERO)
        proposal = guarded.propose(replacement)
        assert refusal(guarded.governor.cancel, *hashed(proposal), sender=guardian) == unable(
            proposal, guardian
        )
        guarded.governor.cancel(*hashed(proposal), sender=voters[0])
        assert guarded.state(proposal) == CANCELED

    def test_is_not_cancelled_by_a_guardian_who_proposed_it(
        self, guarded: Dao, guardian: AccountAPI, voters: Sequence[AccountAPI]
    ) -> None:
        guarded.token.transfer(guardian, 100 * UNIT, sender=voters[0])
        guarded.token.invoke_transaction("delegate", guardian, sender=guardian)
        guarded.until(guarded.now + 2)
        proposal = guarded.propose(call_to(guarded.governor, "setProposalGuardian", voters[1].address))
        brought(guarded, proposal, ACTIVE)
        told = unable(proposal, guardian)
        assert refusal(guarded.governor.cancel, *hashed(proposal), sender=guardian) == told
