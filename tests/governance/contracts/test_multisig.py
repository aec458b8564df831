"""A Safe between decision and execution: what passed on a co-signed track waits for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count

import pytest
from ape.api import AccountAPI
from ape.managers.project import ProjectManager
from eth_account import Account
from eth_account.signers.local import LocalAccount
from safe import Safe, SafeContracts, deploy_safe, deploy_safe_contracts

from oracles.chain.block import Call
from oracles.chain.governor import Proposal
from oracles.chain.typed import ballot_message, digest
from oracles.governance.ballot import Support, sign_ballot
from oracles.governance.proposal import CHARTER_AMENDMENT, STANDARD, proposal_id

from .conftest import (
    ACTIVE,
    CANCELED,
    CHARTER_EXECUTOR_DELAY,
    EXECUTED,
    EXECUTOR_DELAY,
    FOR,
    PENDING,
    QUEUED,
    SUCCEEDED,
    UNIT,
    ZERO,
    Dao,
    call_to,
    charter_track,
    deploy_governor,
    error,
    hand_over,
    hashed,
    refusal,
    standard_track,
    word,
)

OWNERS, SAFE_THRESHOLD = 3, 2
SAFE_SHARE = 50 * UNIT
"""What the Safe holds as a voter; just the quorum of five percent."""

MakeSafe = Callable[..., Safe]
MakeDao = Callable[..., Dao]


def unexpected(proposal: Proposal, current: int, *states: int) -> bytes:
    """How a step refuses a proposal that is in none of the states it is for."""
    expected = sum(1 << state for state in states).to_bytes(32, "big")
    signature = "GovernorUnexpectedProposalState(uint256,uint8,bytes32)"
    return error(signature, proposal_id(proposal), current, expected)


def missing(proposal: Proposal, safe: Safe) -> bytes:
    """How an execution is refused that a Safe has not consented to."""
    return error("GovernorMissingCoSignature(uint256,address)", proposal_id(proposal), safe.address)


def consent(dao: Dao, proposal: Proposal) -> Call:
    """The call by which a co-signer consents."""
    return call_to(dao.governor, "coSign", proposal_id(proposal))


def removal(dao: Dao, co_signer: str = ZERO) -> Call:
    """The call that replaces the co-signer."""
    return call_to(dao.governor, "setCoSigner", co_signer)


def queued(dao: Dao, *calls: Call, track: str = STANDARD) -> Proposal:
    """A proposal that passed, with its executor's delay over."""
    proposal = dao.propose(*calls, track=track)
    dao.vote(proposal, FOR)
    dao.queue(proposal)
    return proposal


def co_sign(dao: Dao, proposal: Proposal, safe: Safe) -> None:
    """The Safe consents, by as many owners as it needs."""
    safe.execute(consent(dao, proposal), safe.owners[:SAFE_THRESHOLD], sender=dao.owner)


def refused_execution(dao: Dao, proposal: Proposal) -> bytes:
    """What execution reverts with now. Fails if it does not revert."""
    return refusal(dao.governor.execute, *hashed(proposal), sender=dao.owner)


@pytest.fixture(scope="module")
def safe_contracts(owner: AccountAPI) -> SafeContracts:
    """What all Safes of the chain share."""
    return deploy_safe_contracts(owner)


@pytest.fixture(scope="module")
def make_safe(safe_contracts: SafeContracts, owner: AccountAPI) -> MakeSafe:
    """Makes Safes, two of three owners each, whose keys hold nothing else."""
    made = count(1)

    def make() -> Safe:
        salt = next(made)
        owners = [Account.from_key((1_000 * salt + number).to_bytes(32, "big")) for number in range(OWNERS)]
        return deploy_safe(safe_contracts, owners, SAFE_THRESHOLD, sender=owner, salt=salt)

    return make


@pytest.fixture(scope="module")
def safe(make_safe: MakeSafe) -> Safe:
    """The Safe that co-signs."""
    return make_safe()


@pytest.fixture(scope="module")
def other_safe(make_safe: MakeSafe) -> Safe:
    """A Safe with other owners, which nothing names yet."""
    return make_safe()


@pytest.fixture(scope="module")
def make_dao(project: ProjectManager, dao: Dao, owner: AccountAPI) -> MakeDao:
    """Makes a DAO over the same token, whose track `standard` is co-signed, and `charter_amendment` not."""

    def make(co_signer: str, guardian: str = ZERO) -> Dao:
        executor = owner.deploy(project.Timelock, EXECUTOR_DELAY, [], [], owner.address)
        charter_executor = owner.deploy(project.Timelock, CHARTER_EXECUTOR_DELAY, [], [], owner.address)
        governor = deploy_governor(
            project,
            owner,
            dao.token,
            [standard_track(executor, co_signed=True), charter_track(charter_executor)],
            [(dao.charter.address, b"\0" * 4, word(CHARTER_AMENDMENT))],
            guardian=guardian,
            co_signer=co_signer,
        )
        for timelock in (executor, charter_executor):
            hand_over(timelock, governor, owner)
        return replace(dao, governor=governor, executor=executor, charter_executor=charter_executor)

    return make


@pytest.fixture(scope="module")
def signed_dao(make_dao: MakeDao, safe: Safe) -> Dao:
    """A DAO whose track `standard` the Safe co-signs, and that nobody else watches."""
    return make_dao(safe.address)


@pytest.fixture(scope="module")
def voting_safe(dao: Dao, safe: Safe) -> Safe:
    """The Safe with tokens, which it delegates to itself by a transaction of its own."""
    dao.token.transfer(safe.address, SAFE_SHARE, sender=dao.voters[0])
    delegation = Call(dao.token.address, error("delegate(address)", safe.address))
    safe.execute(delegation, safe.owners[1:], sender=dao.owner)
    return safe


class TestSafe:
    def test_signs_what_its_contracts_reckon(self, signed_dao: Dao, safe: Safe) -> None:
        call = replace(signed_dao.number_call(), value=3)
        reckoned = safe.contract.getTransactionHash(
            call.to, call.value, call.data, 0, 0, 0, 0, ZERO, ZERO, safe.nonce
        )
        assert digest(safe.transaction(call)) == bytes(reckoned)
        reckoned = safe.handler.getMessageHashForSafe(safe.address, b"\x01" * 32)
        assert digest(safe.message(b"\x01" * 32)) == bytes(reckoned)
        assert safe.contract.VERSION() == "1.4.1"
        assert list(safe.contract.getOwners()) == [owner.address for owner in safe.owners]
        assert safe.contract.getThreshold() == SAFE_THRESHOLD

    def test_acts_by_any_two_of_three_once(self, signed_dao: Dao, safe: Safe) -> None:
        for number, missing_owner in enumerate(safe.owners):
            signers = [owner for owner in reversed(safe.owners) if owner != missing_owner]
            arguments = safe.arguments(signed_dao.number_call(number), signers)
            safe.contract.execTransaction(*arguments, sender=signed_dao.owner)
            assert (signed_dao.target.number(), signed_dao.target.setter()) == (number, safe.address)
            told = refusal(safe.contract.execTransaction, *arguments, sender=signed_dao.owner)
            assert told == error("Error(string)", "GS026")


class TestCoSignedTrack:
    @pytest.mark.feature("M3.1")
    @pytest.mark.feature("K7.2")
    def test_what_passed_waits_for_the_safes_transaction(self, signed_dao: Dao, safe: Safe) -> None:
        dao = signed_dao
        proposal = queued(dao, dao.number_call())
        assert refused_execution(dao, proposal) == missing(proposal, safe)
        assert (dao.state(proposal), dao.target.number()) == (QUEUED, 0)

        receipt = safe.execute(consent(dao, proposal), safe.owners[:SAFE_THRESHOLD], sender=dao.owner)
        (log,) = receipt.decode_logs(dao.governor.ProposalCoSigned)
        assert (log.proposalId, log.coSigner) == (proposal_id(proposal), safe.address)
        assert dao.governor.coSignatureOf(proposal_id(proposal)) == safe.address
        dao.execute(proposal)
        assert (dao.state(proposal), dao.target.number(), dao.target.setter()) == (EXECUTED, 7, dao.executor)

    @pytest.mark.feature("K7.2")
    @pytest.mark.parametrize("fault", ["one owner", "one owner twice", "a stranger", "another call"])
    def test_a_safe_short_of_its_threshold_consents_to_nothing(
        self, signed_dao: Dao, safe: Safe, other_safe: Safe, fault: str
    ) -> None:
        dao = signed_dao
        proposal = queued(dao, dao.number_call())
        first, second = safe.owners[:2]
        signers = {
            "one owner": [first],
            "one owner twice": [first, first],
            "a stranger": [first, other_safe.owners[0]],
            "another call": [first, second],
        }[fault]
        arguments = list(safe.arguments(consent(dao, proposal), signers))
        if fault == "another call":
            arguments[2] = dao.governor.coSign.encode_input(1)
        told = error("Error(string)", "GS020" if fault == "one owner" else "GS026")
        assert refusal(safe.contract.execTransaction, *arguments, sender=dao.owner) == told
        assert dao.governor.coSignatureOf(proposal_id(proposal)) == ZERO
        assert refused_execution(dao, proposal) == missing(proposal, safe)

    @pytest.mark.feature("K7.2")
    def test_nobody_else_consents(self, signed_dao: Dao, safe: Safe, other_safe: Safe) -> None:
        dao = signed_dao
        proposal = queued(dao, dao.number_call())
        callers = (dao.owner, dao.voters[0], dao.executor, safe.owners[0], other_safe)
        for caller in callers:
            told = error("GovernorOnlyCoSigner(address)", caller.address)
            got = refusal(dao.governor.coSign, proposal_id(proposal), sender=caller.address)
            assert got == told
        arguments = other_safe.arguments(consent(dao, proposal), other_safe.owners)
        told = refusal(other_safe.contract.execTransaction, *arguments, sender=dao.owner)
        assert told == error("Error(string)", "GS013")
        assert refused_execution(dao, proposal) == missing(proposal, safe)

    def test_the_safe_may_consent_before_the_proposal_is_queued(self, signed_dao: Dao, safe: Safe) -> None:
        dao = signed_dao
        proposal = dao.propose(dao.number_call())
        dao.vote(proposal, FOR)
        assert dao.state(proposal) == SUCCEEDED
        co_sign(dao, proposal, safe)
        dao.queue(proposal)
        dao.execute(proposal)
        assert dao.target.number() == 7

    def test_not_before_it_passed_nor_after_execution(self, signed_dao: Dao, safe: Safe) -> None:
        dao = signed_dao
        proposal = dao.propose(dao.number_call())

        def refused(current: int) -> bool:
            told = unexpected(proposal, current, SUCCEEDED, QUEUED)
            direct = refusal(dao.governor.coSign, proposal_id(proposal), sender=safe.address)
            arguments = safe.arguments(consent(dao, proposal), safe.owners)
            through = refusal(safe.contract.execTransaction, *arguments, sender=dao.owner)
            return direct == told and through == error("Error(string)", "GS013")

        assert refused(PENDING)
        dao.open(proposal)
        assert refused(ACTIVE)
        dao.governor.castVote(proposal_id(proposal), FOR, sender=dao.voters[0])
        dao.close(proposal)
        dao.queue(proposal)
        co_sign(dao, proposal, safe)
        dao.execute(proposal)
        assert refused(EXECUTED)
        told = error("GovernorNonexistentProposal(uint256)", 1)
        assert refusal(dao.governor.coSign, 1, sender=safe.address) == told

    @pytest.mark.feature("K7.2")
    def test_consent_to_one_is_none_to_another(self, signed_dao: Dao, safe: Safe) -> None:
        dao = signed_dao
        consented, other = queued(dao, dao.number_call(1)), queued(dao, dao.number_call(2))
        co_sign(dao, consented, safe)
        assert refused_execution(dao, other) == missing(other, safe)
        dao.execute(consented)
        assert dao.target.number() == 1

    def test_consent_does_not_shorten_the_executors_delay(self, signed_dao: Dao, safe: Safe) -> None:
        dao = signed_dao
        proposal = dao.propose(dao.number_call())
        dao.vote(proposal, FOR)
        co_sign(dao, proposal, safe)
        told = unexpected(proposal, SUCCEEDED, QUEUED)
        assert refused_execution(dao, proposal) == told
        dao.governor.queue(*hashed(proposal), sender=dao.owner)
        early = error("TimelockUnexpectedOperationState(bytes32,bytes32)", bytes(32), bytes(32))[:4]
        assert refused_execution(dao, proposal)[:4] == early


class TestOtherTracks:
    @pytest.mark.feature("K7.2")
    def test_a_vote_makes_a_track_co_signed_and_the_safe_agrees_to_the_way_back(
        self, signed_dao: Dao, safe: Safe
    ) -> None:
        dao = signed_dao
        for co_signed in (True, False):
            settings = charter_track(dao.charter_executor, co_signed=co_signed)
            change = queued(dao, call_to(dao.governor, "setTrack", settings), track=CHARTER_AMENDMENT)
            if not co_signed:
                assert refused_execution(dao, change) == missing(change, safe)
                co_sign(dao, change, safe)
            dao.execute(change)
        dao.pass_(dao.charter_call(), track=CHARTER_AMENDMENT)
        assert dao.charter.number() == 7

    @pytest.mark.feature("K7.2")
    def test_a_track_that_is_not_co_signed_needs_nothing(self, signed_dao: Dao) -> None:
        assert not signed_dao.governor.track(word(CHARTER_AMENDMENT)).coSigned
        signed_dao.pass_(signed_dao.charter_call(), track=CHARTER_AMENDMENT)
        assert signed_dao.charter.number() == 7

    def test_without_a_co_signer_a_co_signed_track_needs_nothing(self, make_dao: MakeDao) -> None:
        dao = make_dao(ZERO)
        proposal = dao.propose(dao.number_call())
        dao.vote(proposal, FOR)
        told = error("GovernorOnlyCoSigner(address)", dao.owner)
        assert refusal(dao.governor.coSign, proposal_id(proposal), sender=dao.owner) == told
        dao.queue(proposal)
        dao.execute(proposal)
        assert dao.target.number() == 7


class TestReplacement:
    @pytest.mark.feature("K7.2")
    def test_removal_never_needs_the_safe(self, signed_dao: Dao, safe: Safe) -> None:
        dao = signed_dao
        waiting = queued(dao, dao.number_call())
        receipt = dao.pass_(removal(dao))
        (log,) = receipt.decode_logs(dao.governor.CoSignerSet)
        assert (log.oldCoSigner, log.newCoSigner) == (safe.address, ZERO)
        assert dao.governor.coSigner() == ZERO
        dao.execute(waiting)
        assert dao.target.number() == 7

    @pytest.mark.feature("K7.2")
    def test_replacement_never_needs_either_safe(self, signed_dao: Dao, safe: Safe, other_safe: Safe) -> None:
        dao = signed_dao
        dao.pass_(removal(dao), removal(dao, other_safe.address))
        assert dao.governor.coSigner() == other_safe.address

    @pytest.mark.feature("K7.2")
    def test_consent_of_a_replaced_safe_is_void(self, signed_dao: Dao, safe: Safe, other_safe: Safe) -> None:
        dao = signed_dao
        proposal = queued(dao, dao.number_call())
        co_sign(dao, proposal, safe)
        dao.pass_(removal(dao, other_safe.address))
        assert refused_execution(dao, proposal) == missing(proposal, other_safe)
        told = error("GovernorOnlyCoSigner(address)", safe.address)
        assert refusal(dao.governor.coSign, proposal_id(proposal), sender=safe.address) == told
        co_sign(dao, proposal, other_safe)
        dao.execute(proposal)
        assert dao.target.number() == 7

    def test_consent_counts_again_when_the_safe_is_back(
        self, signed_dao: Dao, safe: Safe, other_safe: Safe
    ) -> None:
        dao = signed_dao
        proposal = queued(dao, dao.number_call())
        co_sign(dao, proposal, safe)
        dao.pass_(removal(dao, other_safe.address))
        assert refused_execution(dao, proposal) == missing(proposal, other_safe)
        dao.pass_(removal(dao, safe.address))
        dao.execute(proposal)
        assert dao.target.number() == 7

    @pytest.mark.feature("K7.2")
    @pytest.mark.parametrize("place", ["before", "after", "on another contract"])
    def test_another_call_beside_it_is_not_exempt(self, signed_dao: Dao, safe: Safe, place: str) -> None:
        dao = signed_dao
        calls = {
            "before": [dao.number_call(), removal(dao)],
            "after": [removal(dao), dao.number_call()],
            "on another contract": [replace(removal(dao), to=dao.target.address)],
        }[place]
        proposal = queued(dao, *calls)
        assert refused_execution(dao, proposal) == missing(proposal, safe)
        assert (dao.governor.coSigner(), dao.target.number()) == (safe.address, 0)

    def test_not_by_the_safe_itself(self, signed_dao: Dao, safe: Safe, other_safe: Safe) -> None:
        told = error("GovernorOnlyExecutor(address)", safe.address)
        got = refusal(signed_dao.governor.setCoSigner, other_safe.address, sender=safe.address)
        assert got == told


class TestGuardian:
    @pytest.mark.feature("K7.2")
    def test_a_safe_cancels_but_not_its_own_removal(self, make_dao: MakeDao, safe: Safe) -> None:
        dao = make_dao(ZERO, guardian=safe.address)
        proposal = queued(dao, dao.number_call())
        cancel = call_to(dao.governor, "cancel", *hashed(proposal))
        safe.execute(cancel, safe.owners[:SAFE_THRESHOLD], sender=dao.owner)
        assert dao.state(proposal) == CANCELED

        own = queued(dao, call_to(dao.governor, "setProposalGuardian", ZERO))
        cancel = call_to(dao.governor, "cancel", *hashed(own))
        told = error("GovernorUnableToCancel(uint256,address)", proposal_id(own), safe.address)
        assert refusal(dao.governor.cancel, *hashed(own), sender=safe.address) == told
        arguments = safe.arguments(cancel, safe.owners)
        got = refusal(safe.contract.execTransaction, *arguments, sender=dao.owner)
        assert got == error("Error(string)", "GS013")
        dao.execute(own)
        assert dao.governor.proposalGuardian() == ZERO

    @pytest.mark.feature("K7.2")
    @pytest.mark.parametrize("removed", ["setProposalGuardian", "setCoSigner"])
    @pytest.mark.parametrize("watch", ["one Safe is both", "two Safes in league"])
    def test_guardian_and_co_signer_together_keep_neither_seat(
        self, make_dao: MakeDao, safe: Safe, other_safe: Safe, watch: str, removed: str
    ) -> None:
        guardian = safe if watch == "one Safe is both" else other_safe
        dao = make_dao(safe.address, guardian=guardian.address)
        proposal = queued(dao, call_to(dao.governor, removed, ZERO))
        told = error("GovernorUnableToCancel(uint256,address)", proposal_id(proposal), guardian.address)
        assert refusal(dao.governor.cancel, *hashed(proposal), sender=guardian.address) == told
        dao.execute(proposal)
        left = {"setProposalGuardian": dao.governor.coSigner, "setCoSigner": dao.governor.proposalGuardian}
        assert left[removed]() != ZERO


class TestVote:
    def test_of_a_safe_by_its_own_transaction(self, dao: Dao, voting_safe: Safe) -> None:
        identifier = dao.open(dao.propose(dao.number_call()))
        vote = call_to(dao.governor, "castVote", identifier, FOR)
        voting_safe.execute(vote, voting_safe.owners[1:], sender=dao.owner)
        assert dao.governor.proposalVotes(identifier)[1] == SAFE_SHARE

    def test_of_a_safe_by_its_owners_signatures(
        self, dao: Dao, voting_safe: Safe, keys: Sequence[LocalAccount]
    ) -> None:
        identifier = dao.open(dao.propose(dao.number_call()))
        signed = digest(ballot_message(dao.domain, identifier, FOR, voting_safe.address, 0))
        message = voting_safe.message(signed)
        vote = dao.governor.castVoteBySig
        told = error("GovernorInvalidSignature(address)", voting_safe.address)
        for signers in ((), voting_safe.owners[:1], keys[:2]):
            signature = voting_safe.signatures(message, signers)
            got = refusal(vote, identifier, FOR, voting_safe.address, signature, sender=dao.owner)
            assert got == told
        signature = voting_safe.signatures(message, voting_safe.owners[:SAFE_THRESHOLD])
        vote(identifier, FOR, voting_safe.address, signature, sender=dao.owner)
        assert dao.governor.proposalVotes(identifier)[1] == SAFE_SHARE
        got = refusal(vote, identifier, FOR, voting_safe.address, signature, sender=dao.owner)
        assert got == told

    def test_of_a_safe_in_a_batch(self, dao: Dao, voting_safe: Safe, keys: Sequence[LocalAccount]) -> None:
        identifier = dao.open(dao.propose(dao.number_call()))
        message = voting_safe.message(
            digest(ballot_message(dao.domain, identifier, FOR, voting_safe.address, 0))
        )

        def batch(
            signers: Sequence[LocalAccount], *others: LocalAccount
        ) -> list[tuple[int, int, str, bytes]]:
            own = (identifier, FOR, voting_safe.address, voting_safe.signatures(message, signers))
            singles = [sign_ballot(key, dao.domain, identifier, Support.FOR, 0).arguments() for key in others]
            return [*singles[:1], own, *singles[1:]]

        receipt = dao.governor.castVotesBySig(batch(voting_safe.owners[:1], keys[1]), sender=dao.owner)
        (log,) = receipt.decode_logs(dao.governor.BallotSkipped)
        told = error("GovernorInvalidSignature(address)", ZERO)[:4]
        assert (log.voter, log.proposalId, bytes(log.reason)) == (voting_safe.address, identifier, told)
        assert dao.governor.nonces(voting_safe.address) == 0
        assert dao.governor.proposalVotes(identifier)[1] == dao.token.getVotes(dao.voters[1])

        signers = voting_safe.owners[:SAFE_THRESHOLD]
        receipt = dao.governor.castVotesBySig(batch(signers, keys[2], keys[3]), sender=dao.owner)
        cast = [log.voter for log in receipt.decode_logs(dao.governor.VoteCast)]
        assert cast == [keys[2].address, voting_safe.address, keys[3].address]
        assert dao.governor.nonces(voting_safe.address) == 1
