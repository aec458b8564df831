"""Each function of Governor but the tracks: what it does, and beside it what it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import ape
import pytest
from ape.api import AccountAPI
from ape.contracts import ContractInstance
from ape.managers.project import ProjectManager
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from oracles.chain.governor import Proposal
from oracles.chain.typed import ballot_message, digest, extended_ballot_message, sign
from oracles.governance.ballot import Support, sign_ballot
from oracles.governance.proposal import STANDARD, draft, operation_id, proposal_id

from .conftest import (
    ABSTAIN,
    ACTIVE,
    AGAINST,
    CANCELED,
    DEFEATED,
    EXECUTED,
    EXECUTOR_DELAY,
    FOR,
    PENDING,
    QUEUED,
    SHARES,
    SUCCEEDED,
    SUPPLY,
    THRESHOLD,
    UNIT,
    VOTING_DELAY,
    VOTING_PERIOD,
    ZERO,
    Dao,
    call_to,
    deploy_governor,
    error,
    hashed,
    refusal,
    refused_call,
    standard_track,
    word,
)

SECP256K1_N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
FRACTIONAL = 255
ALL_FOR = bytes(16) + (600 * UNIT).to_bytes(16, "big") + bytes(16)
"""The parameters by which the first wallet gives all its votes for a proposal."""
REASONED = {"castVoteWithReason": ("so",), "castVoteWithReasonAndParams": ("so", b"")}
"""How a vote is cast with a reason, and what follows on proposal and support."""


def unexpected(proposal: Proposal, current: int, *states: int) -> bytes:
    expected = sum(1 << state for state in states).to_bytes(32, "big")
    signature = "GovernorUnexpectedProposalState(uint256,uint8,bytes32)"
    return error(signature, proposal_id(proposal), current, expected)


class TestDescribesItself:
    def test_as_the_reference_does(self, dao: Dao) -> None:
        governor = dao.governor
        assert (governor.name(), governor.version()) == ("Westworld Governor", "1")
        assert governor.COUNTING_MODE() == "support=bravo,fractional&quorum=for,abstain&params=fractional"
        assert governor.CLOCK_MODE() == "mode=timestamp"
        assert governor.clock() >= dao.now
        assert governor.token() == dao.token
        assert governor.timelock() == dao.executor
        assert list(governor.eip712Domain())[1:5] == ["Westworld Governor", "1", dao.chain.chain_id, governor]
        assert (governor.votingDelay(), governor.votingPeriod()) == (VOTING_DELAY, VOTING_PERIOD)
        assert governor.proposalThreshold() == THRESHOLD
        assert bytes(governor.BALLOT_TYPEHASH()) == keccak(
            text="Ballot(uint256 proposalId,uint8 support,address voter,uint256 nonce)"
        )
        assert bytes(governor.EXTENDED_BALLOT_TYPEHASH()) == keccak(
            text="ExtendedBallot(uint256 proposalId,uint8 support,address voter,uint256 nonce,"
            "string reason,bytes params)"
        )

    @pytest.mark.parametrize("identifier", ["01ffc9a7", "cdbdfcee", "a8f8a668", "4e2312e0"])
    def test_by_erc165(self, dao: Dao, identifier: str) -> None:
        assert dao.governor.supportsInterface(bytes.fromhex(identifier))
        assert not dao.governor.supportsInterface(b"\xff" * 4)

    @pytest.mark.feature("K5.2")
    def test_a_quorum_of_five_percent(self, dao: Dao) -> None:
        governor = dao.governor
        assert (governor.quorumNumerator(), governor.quorumDenominator()) == (5, 100)
        assert governor.quorum(dao.now - 1) == SUPPLY // 20

    def test_reads_past_votes(self, dao: Dao, voters: Sequence[AccountAPI]) -> None:
        timepoint = dao.now - 1
        for voter, share in zip(voters, SHARES, strict=True):
            assert dao.governor.getVotes(voter, timepoint) == share * UNIT
            assert dao.governor.getVotesWithParams(voter, timepoint, b"x") == share * UNIT
        future = refusal(dao.governor.getVotes, voters[0], dao.now + 999, sender=voters[0])
        assert future[:4] == error("ERC5805FutureLookup(uint256,uint48)", 0, 0)[:4]
        assert refusal(dao.governor.quorum, dao.now + 999, sender=voters[0])[:4] == future[:4]
        with_params = refusal(
            dao.governor.getVotesWithParams, voters[0], dao.now + 999, b"", sender=voters[0]
        )
        assert with_params[:4] == future[:4]

    def test_refuses_a_token_whose_clock_counts_blocks(
        self, project: ProjectManager, dao: Dao, owner: AccountAPI
    ) -> None:
        with ape.reverts():
            deploy_governor(project, owner, dao.target, [standard_track(dao.executor)])


class TestPropose:
    def test_stores_and_announces(self, dao: Dao, voters: Sequence[AccountAPI]) -> None:
        proposal = draft([replace(dao.number_call(), value=3), dao.number_call(8)], "why")
        arguments = (*proposal.arguments(), proposal.description)
        receipt = dao.governor.propose(*arguments, sender=voters[0])
        identifier = proposal_id(proposal)

        (log,) = receipt.decode_logs(dao.governor.ProposalCreated)
        start, end = receipt.timestamp + VOTING_DELAY, receipt.timestamp + VOTING_DELAY + VOTING_PERIOD
        assert (log.proposalId, log.proposer, log.description) == (identifier, voters[0], "why")
        assert (log.voteStart, log.voteEnd, log.signatures) == (start, end, ["", ""])
        targets, values, calldatas = proposal.arguments()
        assert (log.targets, log.values) == (targets, values)
        assert [bytes(calldata) for calldata in log.calldatas] == calldatas

        governor = dao.governor
        assert governor.hashProposal(*hashed(proposal)) == identifier
        assert governor.getProposalId(*hashed(proposal)) == identifier
        assert (governor.proposalSnapshot(identifier), governor.proposalDeadline(identifier)) == (start, end)
        assert (governor.proposalProposer(identifier), governor.proposalEta(identifier)) == (voters[0], 0)
        assert governor.proposalNeedsQueuing(identifier)
        assert tuple(governor.proposalVotes(identifier)) == (0, 0, 0)
        assert governor.proposalCount() == 1
        assert dao.state(proposal) == PENDING

    def test_refuses_the_same_again(self, dao: Dao, voters: Sequence[AccountAPI]) -> None:
        proposal = dao.propose(dao.number_call())
        arguments = (*proposal.arguments(), proposal.description)
        assert refusal(dao.governor.propose, *arguments, sender=voters[0]) == unexpected(proposal, PENDING)

    def test_refuses_too_few_votes(self, dao: Dao, stranger: AccountAPI) -> None:
        proposal = draft([dao.number_call()], "why")
        signature = "GovernorInsufficientProposerVotes(address,uint256,uint256)"
        told = error(signature, stranger, 0, THRESHOLD)
        arguments = (*proposal.arguments(), proposal.description)
        assert refusal(dao.governor.propose, *arguments, sender=stranger) == told

    def test_refuses_arrays_of_unequal_length_and_none(self, dao: Dao, voters: Sequence[AccountAPI]) -> None:
        signature = "GovernorInvalidProposalLength(uint256,uint256,uint256)"
        target = dao.target.address
        for arrays, counts in (
            (([], [], []), (0, 0, 0)),
            (([target], [], [b""]), (1, 1, 0)),
            (([target], [0], []), (1, 0, 1)),
            (([target, target], [0], [b""]), (2, 1, 1)),
        ):
            told = error(signature, *counts)
            assert refusal(dao.governor.propose, *arrays, "why", sender=voters[0]) == told

    def test_refuses_what_is_beyond_the_bounds(self, dao: Dao, voters: Sequence[AccountAPI]) -> None:
        target = dao.target.address
        for arguments in (
            ([target] * 9, [0] * 9, [b""] * 9, "why"),
            ([target], [0], [bytes(2_177)], "why"),
            ([target], [0], [b""], "x" * 4_097),
        ):
            assert refusal(dao.governor.propose, *arguments, sender=voters[0]) == b""
        full = ([target] * 8, [0] * 8, [bytes(2_176)] * 8, "x" * 4_096)
        dao.governor.propose(*full, sender=voters[0])

    def test_only_by_whom_the_description_names(self, dao: Dao, voters: Sequence[AccountAPI]) -> None:
        proposal = draft([dao.number_call()], "why", proposer=voters[0].address)
        arguments = (*proposal.arguments(), proposal.description)
        told = error("GovernorRestrictedProposer(address)", voters[1])
        assert refusal(dao.governor.propose, *arguments, sender=voters[1]) == told
        upper = f"why#proposer=0x{voters[0].address[2:].upper()}"
        assert refusal(dao.governor.propose, *proposal.arguments(), upper, sender=voters[1]) == told
        dao.governor.propose(*arguments, sender=voters[0])
        assert dao.governor.proposalProposer(proposal_id(proposal)) == voters[0]

    @pytest.mark.parametrize("suffix", ["#proposer=0x" + "g" * 40, "#proposer=0x12", "#proposer=" + "1" * 42])
    def test_by_anyone_if_the_suffix_is_no_address(
        self, dao: Dao, voters: Sequence[AccountAPI], suffix: str
    ) -> None:
        proposal = draft([dao.number_call()], "why")
        dao.governor.propose(*proposal.arguments(), proposal.description + suffix, sender=voters[1])
        assert dao.governor.proposalCount() == 1


class TestVote:
    def test_counts_each_way(self, dao: Dao, voters: Sequence[AccountAPI]) -> None:
        identifier = dao.open(proposal := dao.propose(dao.number_call()))
        assert dao.state(proposal) == ACTIVE
        for voter, support in zip(voters, (AGAINST, FOR, ABSTAIN), strict=False):
            assert not dao.governor.hasVoted(identifier, voter)
            receipt = dao.governor.castVote(identifier, support, sender=voter)
            assert dao.governor.hasVoted(identifier, voter)
            (log,) = receipt.decode_logs(dao.governor.VoteCast)
            weight = dao.token.getVotes(voter)
            assert (log.voter, log.proposalId, log.support) == (voter, identifier, support)
            assert (log.weight, log.reason) == (weight, "")
        assert tuple(dao.governor.proposalVotes(identifier)) == (600 * UNIT, 250 * UNIT, 100 * UNIT)

    def test_with_a_reason(self, dao: Dao, voters: Sequence[AccountAPI]) -> None:
        identifier = dao.open(dao.propose(dao.number_call()))
        receipt = dao.governor.castVoteWithReason(identifier, FOR, "so", sender=voters[0])
        assert [log.reason for log in receipt.decode_logs(dao.governor.VoteCast)] == ["so"]
        told = refusal(dao.governor.castVoteWithReason, identifier, FOR, "x" * 1_025, sender=voters[1])
        assert told == b""

    def test_with_params(self, dao: Dao, voters: Sequence[AccountAPI]) -> None:
        identifier = dao.open(dao.propose(dao.number_call()))
        vote = dao.governor.castVoteWithReasonAndParams
        receipt = vote(identifier, FRACTIONAL, "so", ALL_FOR, sender=voters[0])
        (log,) = receipt.decode_logs(dao.governor.VoteCastWithParams)
        assert (log.reason, bytes(log.params)) == ("so", ALL_FOR)
        receipt = vote(identifier, FOR, "so", b"", sender=voters[1])
        assert len(receipt.decode_logs(dao.governor.VoteCast)) == 1
        told = error("GovernorAlreadyCastVote(address)", voters[0])
        assert refusal(vote, identifier, FRACTIONAL, "so", ALL_FOR, sender=voters[0]) == told

    def test_refuses_twice_and_nonsense(self, dao: Dao, voters: Sequence[AccountAPI]) -> None:
        identifier = dao.open(dao.propose(dao.number_call()))
        dao.governor.castVote(identifier, FOR, sender=voters[0])
        told = error("GovernorAlreadyCastVote(address)", voters[0])
        assert refusal(dao.governor.castVote, identifier, AGAINST, sender=voters[0]) == told
        told = error("GovernorInvalidVoteType()")
        assert refusal(dao.governor.castVote, identifier, 3, sender=voters[1]) == told

    def test_refuses_before_and_after(self, dao: Dao, voters: Sequence[AccountAPI]) -> None:
        proposal = dao.propose(dao.number_call())
        identifier = proposal_id(proposal)
        vote = dao.governor.castVote
        assert refusal(vote, identifier, FOR, sender=voters[0]) == unexpected(proposal, PENDING, ACTIVE)
        dao.close(proposal)
        assert refusal(vote, identifier, FOR, sender=voters[0]) == unexpected(proposal, DEFEATED, ACTIVE)
        told = error("GovernorNonexistentProposal(uint256)", 1)
        assert refusal(vote, 1, FOR, sender=voters[0]) == told

    @pytest.mark.parametrize("ballot", REASONED)
    def test_with_a_reason_refuses_twice_and_nonsense(
        self, dao: Dao, voters: Sequence[AccountAPI], ballot: str
    ) -> None:
        vote, last = getattr(dao.governor, ballot), REASONED[ballot]
        identifier = dao.open(dao.propose(dao.number_call()))
        vote(identifier, FOR, *last, sender=voters[0])
        told = error("GovernorAlreadyCastVote(address)", voters[0])
        assert refusal(vote, identifier, AGAINST, *last, sender=voters[0]) == told
        told = error("GovernorInvalidVoteType()")
        assert refusal(vote, identifier, 3, *last, sender=voters[1]) == told
        assert tuple(dao.governor.proposalVotes(identifier)) == (0, 600 * UNIT, 0)

    @pytest.mark.parametrize("ballot", REASONED)
    def test_with_a_reason_refuses_before_and_after(
        self, dao: Dao, voters: Sequence[AccountAPI], ballot: str
    ) -> None:
        vote, last = getattr(dao.governor, ballot), REASONED[ballot]
        proposal = dao.propose(dao.number_call())
        identifier = proposal_id(proposal)
        told = unexpected(proposal, PENDING, ACTIVE)
        assert refusal(vote, identifier, FOR, *last, sender=voters[0]) == told
        dao.close(proposal)
        told = unexpected(proposal, DEFEATED, ACTIVE)
        assert refusal(vote, identifier, FOR, *last, sender=voters[0]) == told
        told = error("GovernorNonexistentProposal(uint256)", 1)
        assert refusal(vote, 1, FOR, *last, sender=voters[0]) == told

    def test_refuses_malformed_params(self, dao: Dao, voters: Sequence[AccountAPI]) -> None:
        identifier = dao.open(dao.propose(dao.number_call()))
        vote = dao.governor.castVoteWithReasonAndParams
        assert refusal(vote, identifier, FOR, "so", bytes(257), sender=voters[0]) == b""
        data = bytes(vote.encode_input(identifier, FOR, "so", b"\xff" * 256))
        offset = slice(4 + 3 * 32, 4 + 4 * 32)
        begin = 4 + int.from_bytes(data[offset], "big")
        for malformed in (
            data[: offset.start],  # no word of params
            data[: offset.start] + b"\xff" * 32 + data[offset.stop :],  # they begin nowhere
            data[:begin] + b"\xff" * 32 + data[begin + 32 :],  # they never end
        ):
            assert refused_call(dao.governor, malformed, sender=voters[0]) == b""
        assert not dao.governor.hasVoted(identifier, voters[0])

    def test_reads_params_that_end_early_as_zeros(self, dao: Dao, voters: Sequence[AccountAPI]) -> None:
        identifier = dao.open(dao.propose(dao.number_call()))
        vote = dao.governor.castVoteWithReasonAndParams
        data = bytes(vote.encode_input(identifier, FRACTIONAL, "so", ALL_FOR[:47] + b"\xff"))
        receipt = voters[0].transfer(dao.governor, 0, data=data[:-17])
        (log,) = receipt.decode_logs(dao.governor.VoteCastWithParams)
        assert bytes(log.params) == ALL_FOR

    def test_counts_what_was_held_at_the_snapshot(self, dao: Dao, voters: Sequence[AccountAPI]) -> None:
        identifier = dao.open(dao.propose(dao.number_call()))
        dao.token.transfer(voters[1], 600 * UNIT, sender=voters[0])
        for voter in voters[:2]:
            dao.governor.castVote(identifier, FOR, sender=voter)
        assert dao.governor.proposalVotes(identifier)[1] == 850 * UNIT

    def test_remembers_who_voted_on_many_proposals(self, dao: Dao, voters: Sequence[AccountAPI]) -> None:
        proposals = [dao.propose(dao.number_call(number)) for number in range(5)]
        identifiers = [dao.open(proposal) for proposal in proposals]
        for identifier in identifiers[::2]:
            dao.governor.castVote(identifier, FOR, sender=voters[0])
        seen = [dao.governor.hasVoted(identifier, voters[0]) for identifier in identifiers]
        assert seen == [True, False, True, False, True]
        assert dao.governor.nonces(voters[0]) == 0
        assert not dao.governor.hasVoted(1, voters[0])


class TestVoteBySignature:
    def test_counts_for_the_signer(
        self, dao: Dao, keys: Sequence[LocalAccount], stranger: AccountAPI
    ) -> None:
        identifier = dao.open(dao.propose(dao.number_call()))
        ballot = sign_ballot(keys[1], dao.domain, identifier, Support.FOR, 0)
        receipt = dao.governor.castVoteBySig(*ballot.arguments(), sender=stranger)
        assert [log.voter for log in receipt.decode_logs(dao.governor.VoteCast)] == [keys[1].address]
        assert dao.governor.nonces(keys[1].address) == 1
        assert dao.governor.hasVoted(identifier, keys[1].address)
        told = error("GovernorInvalidSignature(address)", keys[1].address)
        assert refusal(dao.governor.castVoteBySig, *ballot.arguments(), sender=stranger) == told

    @pytest.mark.parametrize(
        "fault", ["support", "voter", "nonce", "chain", "contract", "short", "malleable"]
    )
    def test_refuses_what_was_not_signed_so(
        self, dao: Dao, keys: Sequence[LocalAccount], stranger: AccountAPI, fault: str
    ) -> None:
        identifier = dao.open(dao.propose(dao.number_call()))
        domain = dao.domain
        if fault == "chain":
            domain = replace(domain, chain_id=1)
        if fault == "contract":
            domain = replace(domain, contract=dao.token.address)
        ballot = sign_ballot(keys[1], domain, identifier, Support.FOR, 1 if fault == "nonce" else 0)
        if fault == "support":
            ballot = replace(ballot, support=Support.AGAINST)
        if fault == "voter":
            ballot = replace(ballot, voter=keys[0].address)
        if fault == "short":
            ballot = replace(ballot, signature=ballot.signature[:64])
        if fault == "malleable":
            r, s, v = (
                ballot.signature[:32],
                int.from_bytes(ballot.signature[32:64], "big"),
                ballot.signature[64],
            )
            twin = r + (SECP256K1_N - s).to_bytes(32, "big") + bytes([55 - v])
            ballot = replace(ballot, signature=twin)
        told = error("GovernorInvalidSignature(address)", ballot.voter)
        assert refusal(dao.governor.castVoteBySig, *ballot.arguments(), sender=stranger) == told

    def test_with_reason_and_params(
        self, dao: Dao, keys: Sequence[LocalAccount], stranger: AccountAPI
    ) -> None:
        identifier = dao.open(dao.propose(dao.number_call()))
        voter = keys[0].address
        message = extended_ballot_message(dao.domain, identifier, FRACTIONAL, voter, 0, "so", ALL_FOR)
        signature = sign(keys[0], message)
        vote = dao.governor.castVoteWithReasonAndParamsBySig
        told = error("GovernorInvalidSignature(address)", voter)
        cast = (identifier, FRACTIONAL, voter)
        assert refusal(vote, *cast, "no", ALL_FOR, signature, sender=stranger) == told
        receipt = vote(*cast, "so", ALL_FOR, signature, sender=stranger)
        assert [log.reason for log in receipt.decode_logs(dao.governor.VoteCastWithParams)] == ["so"]
        assert refusal(vote, *cast, "so", ALL_FOR, signature, sender=stranger) == told

    def test_by_a_contract_wallet(
        self, project: ProjectManager, dao: Dao, owner: AccountAPI, voters: Sequence[AccountAPI]
    ) -> None:
        wallet = owner.deploy(project.ContractWallet, False)
        dao.token.transfer(wallet, 10 * UNIT, sender=voters[0])
        wallet.forward(dao.token, error("delegate(address)", wallet), sender=owner)
        identifier = dao.open(dao.propose(dao.number_call()))
        signature = digest(ballot_message(dao.domain, identifier, FOR, wallet.address, 0))
        told = error("GovernorInvalidSignature(address)", wallet)
        vote = dao.governor.castVoteBySig
        assert refusal(vote, identifier, FOR, wallet, signature[::-1], sender=owner) == told
        vote(identifier, FOR, wallet, signature, sender=owner)
        assert dao.governor.proposalVotes(identifier)[1] == 10 * UNIT

    def test_refuses_a_wallet_that_burns_gas(
        self, project: ProjectManager, dao: Dao, owner: AccountAPI
    ) -> None:
        wallet = owner.deploy(project.ContractWallet, True)
        identifier = dao.open(dao.propose(dao.number_call()))
        told = error("GovernorInvalidSignature(address)", wallet)
        assert refusal(dao.governor.castVoteBySig, identifier, FOR, wallet, b"", sender=owner) == told


class TestOutcome:
    @pytest.mark.feature("K5.2")
    @pytest.mark.parametrize(
        ("supports", "outcome"),
        [
            ((FOR, AGAINST), SUCCEEDED),
            ((AGAINST, FOR), DEFEATED),
            ((ABSTAIN, FOR), SUCCEEDED),
            ((ABSTAIN,), DEFEATED),
            ((), DEFEATED),
        ],
    )
    def test_is_for_with_more_than_half(self, dao: Dao, supports: tuple[int, ...], outcome: int) -> None:
        proposal = dao.propose(dao.number_call())
        dao.vote(proposal, *supports)
        assert dao.state(proposal) == outcome

    @pytest.mark.feature("K5.2")
    def test_needs_five_percent(self, dao: Dao, voters: Sequence[AccountAPI]) -> None:
        short, enough = dao.propose(dao.number_call(1)), dao.propose(dao.number_call(2))
        dao.open(enough)
        for proposal in (short, enough):
            dao.governor.castVote(proposal_id(proposal), FOR, sender=voters[3])
        dao.governor.castVote(proposal_id(enough), ABSTAIN, sender=voters[4])
        dao.close(enough)
        assert (dao.state(short), dao.state(enough)) == (DEFEATED, SUCCEEDED)
        assert dao.governor.proposalQuorum(proposal_id(short)) == 50 * UNIT

    def test_a_tie_is_no_majority(self, dao: Dao, voters: Sequence[AccountAPI]) -> None:
        dao.token.transfer(voters[1], 175 * UNIT, sender=voters[0])
        proposal = dao.propose(dao.number_call())
        dao.vote(proposal, FOR, AGAINST)
        assert dao.state(proposal) == DEFEATED

    def test_of_an_unknown_proposal_is_refused(self, dao: Dao, stranger: AccountAPI) -> None:
        told = error("GovernorNonexistentProposal(uint256)", 1)
        for method in (dao.governor.state, dao.governor.proposalTrack, dao.governor.proposalQuorum):
            assert refusal(method, 1, sender=stranger) == told

    def test_its_quorum_is_not_known_before_the_vote_begins(self, dao: Dao, stranger: AccountAPI) -> None:
        proposal = dao.propose(dao.number_call())
        told = refusal(dao.governor.proposalQuorum, proposal_id(proposal), sender=stranger)
        assert told[:4] == error("ERC5805FutureLookup(uint256,uint48)", 0, 0)[:4]


class TestQueueAndExecute:
    def test_after_the_delay(self, dao: Dao, owner: AccountAPI) -> None:
        proposal = dao.propose(replace(dao.number_call(), value=2), dao.number_call(8))
        identifier = proposal_id(proposal)
        dao.vote(proposal, FOR)
        receipt = dao.governor.queue(*hashed(proposal), sender=owner)
        (log,) = receipt.decode_logs(dao.governor.ProposalQueued)
        assert (log.proposalId, log.etaSeconds) == (identifier, receipt.timestamp + EXECUTOR_DELAY)
        assert dao.governor.proposalEta(identifier) == log.etaSeconds
        assert dao.state(proposal) == QUEUED
        operation = operation_id(proposal, dao.governor.address)
        assert dao.executor.getTimestamp(operation) == log.etaSeconds

        early = refusal(dao.governor.execute, *hashed(proposal), sender=owner)
        assert (
            early[:4] == error("TimelockUnexpectedOperationState(bytes32,bytes32)", operation, bytes(32))[:4]
        )
        dao.until(log.etaSeconds)
        receipt = dao.execute(proposal, value=2)
        assert [log.proposalId for log in receipt.decode_logs(dao.governor.ProposalExecuted)] == [identifier]
        assert (dao.target.number(), dao.target.setter(), dao.target.balance) == (8, dao.executor, 2)
        assert dao.state(proposal) == EXECUTED
        told = unexpected(proposal, EXECUTED, QUEUED)
        assert refusal(dao.governor.execute, *hashed(proposal), sender=owner) == told

    def test_refuse_what_has_not_passed(self, dao: Dao, owner: AccountAPI) -> None:
        queue, execute = dao.governor.queue, dao.governor.execute
        proposal = dao.propose(dao.number_call())
        assert refusal(queue, *hashed(proposal), sender=owner) == unexpected(proposal, PENDING, SUCCEEDED)
        dao.open(proposal)
        assert refusal(queue, *hashed(proposal), sender=owner) == unexpected(proposal, ACTIVE, SUCCEEDED)
        dao.close(proposal)
        assert refusal(queue, *hashed(proposal), sender=owner) == unexpected(proposal, DEFEATED, SUCCEEDED)
        assert refusal(execute, *hashed(proposal), sender=owner) == unexpected(proposal, DEFEATED, QUEUED)
        other = draft([dao.number_call(99)], "why")
        told = error("GovernorNonexistentProposal(uint256)", proposal_id(other))
        assert refusal(queue, *hashed(other), sender=owner) == told
        assert refusal(execute, *hashed(other), sender=owner) == told

    def test_refuse_to_skip_the_queue(self, dao: Dao, owner: AccountAPI) -> None:
        proposal = dao.propose(dao.number_call())
        dao.vote(proposal, FOR)
        told = unexpected(proposal, SUCCEEDED, QUEUED)
        assert refusal(dao.governor.execute, *hashed(proposal), sender=owner) == told

    def test_pass_on_why_a_call_failed(self, dao: Dao, owner: AccountAPI) -> None:
        proposal = dao.propose(dao.number_call(), call_to(dao.target, "refuse"))
        dao.vote(proposal, FOR)
        dao.queue(proposal)
        told = error("Error(string)", "governance_target: refused")
        assert refusal(dao.governor.execute, *hashed(proposal), sender=owner) == told
        assert dao.state(proposal) == QUEUED


class TestCancel:
    def test_by_the_proposer_before_the_vote(
        self, dao: Dao, owner: AccountAPI, voters: Sequence[AccountAPI]
    ) -> None:
        proposal = dao.propose(dao.number_call())
        receipt = dao.governor.cancel(*hashed(proposal), sender=voters[0])
        logs = receipt.decode_logs(dao.governor.ProposalCanceled)
        assert [log.proposalId for log in logs] == [proposal_id(proposal)]
        assert dao.state(proposal) == CANCELED
        dao.close(proposal)
        told = unexpected(proposal, CANCELED, SUCCEEDED)
        assert refusal(dao.governor.queue, *hashed(proposal), sender=owner) == told

    def test_refuses_others(self, dao: Dao, voters: Sequence[AccountAPI]) -> None:
        proposal = dao.propose(dao.number_call())
        signature = "GovernorUnableToCancel(uint256,address)"
        told = error(signature, proposal_id(proposal), voters[1])
        assert refusal(dao.governor.cancel, *hashed(proposal), sender=voters[1]) == told
        dao.open(proposal)
        assert refusal(dao.governor.cancel, *hashed(proposal), sender=voters[1]) == told
        other = draft([dao.number_call(99)], "why")
        told = error("GovernorNonexistentProposal(uint256)", proposal_id(other))
        assert refusal(dao.governor.cancel, *hashed(other), sender=voters[0]) == told


class TestDeposits:
    def test_are_refused(self, dao: Dao, owner: AccountAPI) -> None:
        governor, told = dao.governor, error("GovernorDisabledDeposit()")
        assert refused_call(governor, b"", sender=owner, value=1) == told
        assert refusal(governor.onERC721Received, owner, owner, 1, b"", sender=owner) == told
        assert refusal(governor.onERC1155Received, owner, owner, 1, 1, b"", sender=owner) == told
        assert refusal(governor.onERC1155BatchReceived, owner, owner, [1], [1], b"", sender=owner) == told


class TestSettings:
    @pytest.mark.parametrize(
        ("setter", "getter", "value", "event"),
        [
            ("setVotingDelay", "votingDelay", 9, "VotingDelaySet"),
            ("setVotingPeriod", "votingPeriod", 9, "VotingPeriodSet"),
            ("setProposalThreshold", "proposalThreshold", 9, "ProposalThresholdSet"),
            ("updateQuorumNumerator", "quorumNumerator", 9, "QuorumNumeratorUpdated"),
        ],
    )
    def test_change_by_vote_alone(
        self, dao: Dao, stranger: AccountAPI, setter: str, getter: str, value: int, event: str
    ) -> None:
        method = getattr(dao.governor, setter)
        for caller in (stranger, dao.executor):
            told = dao.ungoverned(caller)
            assert refusal(method, value, sender=caller) == told
        receipt = dao.pass_(call_to(dao.governor, setter, value))
        assert len(receipt.decode_logs(getattr(dao.governor, event))) == 1
        assert getattr(dao.governor, getter)() == value

    def test_change_the_executor_by_vote_alone(
        self, dao: Dao, stranger: AccountAPI, new_executor: ContractInstance
    ) -> None:
        for caller in (stranger, dao.executor):
            told = dao.ungoverned(caller)
            assert refusal(dao.governor.updateTimelock, new_executor, sender=caller) == told
        receipt = dao.pass_(call_to(dao.governor, "updateTimelock", new_executor.address))
        (log,) = receipt.decode_logs(dao.governor.TimelockChange)
        assert (log.oldTimelock, log.newTimelock) == (dao.executor, new_executor)
        assert dao.governor.timelock() == new_executor
        dao.pass_(dao.number_call())
        assert dao.target.setter() == new_executor

    @pytest.mark.parametrize(
        ("setter", "value", "told"),
        [
            ("setVotingPeriod", 0, error("GovernorInvalidVotingPeriod(uint256)", 0)),
            ("setVotingPeriod", 2**24, error("GovernorInvalidVotingPeriod(uint256)", 2**24)),
            ("setVotingDelay", 2**24, error("Error(string)", "tracks: voting delay over 194 days")),
            (
                "updateQuorumNumerator",
                101,
                error("GovernorInvalidQuorumTooLarge(uint256,uint256)", 101, 100),
            ),
            ("updateTimelock", ZERO, error("GovernorInvalidTrack(bytes32)", word(STANDARD))),
            ("updateTimelock", "0x" + "ab" * 20, error("GovernorInvalidTrack(bytes32)", word(STANDARD))),
        ],
    )
    def test_refuse_nonsense(
        self, dao: Dao, owner: AccountAPI, setter: str, value: int | str, told: bytes
    ) -> None:
        proposal = dao.propose(call_to(dao.governor, setter, value))
        dao.vote(proposal, FOR)
        dao.queue(proposal)
        assert refusal(dao.governor.execute, *hashed(proposal), sender=owner) == told

    def test_a_new_quorum_changes_no_vote_that_has_begun(
        self, dao: Dao, voters: Sequence[AccountAPI]
    ) -> None:
        change = dao.propose(call_to(dao.governor, "updateQuorumNumerator", 100))
        dao.vote(change, FOR)
        dao.queue(change)
        running = dao.propose(dao.number_call())
        dao.open(running)
        dao.execute(change)
        dao.governor.castVote(proposal_id(running), FOR, sender=voters[0])
        dao.close(running)
        assert dao.state(running) == SUCCEEDED

    @pytest.mark.parametrize("victim", ["governor", "charter_executor", "target"])
    def test_refuse_an_executor_that_is_none(self, dao: Dao, victim: str) -> None:
        proposal = dao.propose(call_to(dao.governor, "updateTimelock", getattr(dao, victim).address))
        dao.vote(proposal, FOR)
        dao.queue(proposal)
        told = error("GovernorInvalidTrack(bytes32)", word(STANDARD))
        assert refusal(dao.governor.execute, *hashed(proposal), sender=dao.owner) == told

    def test_what_waits_with_the_executor_of_before_is_cancelled(
        self, dao: Dao, owner: AccountAPI, new_executor: ContractInstance
    ) -> None:
        waiting = dao.propose(dao.number_call())
        change = dao.propose(call_to(dao.governor, "updateTimelock", new_executor.address))
        dao.open(change)
        for proposal in (waiting, change):
            dao.governor.castVote(proposal_id(proposal), FOR, sender=dao.voters[0])
        dao.close(change)
        dao.governor.queue(*hashed(waiting), sender=owner)
        dao.queue(change)
        assert dao.state(waiting) == QUEUED
        dao.execute(change)
        assert dao.state(waiting) == CANCELED
        told = unexpected(waiting, CANCELED, QUEUED)
        assert refusal(dao.governor.execute, *hashed(waiting), sender=owner) == told
