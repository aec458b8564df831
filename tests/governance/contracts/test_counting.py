"""Fractional ballots: a voter gives each way a part of its votes, in as many ballots as it likes.

What is accepted and what is refused is the reference's (OpenZeppelin 5.7 GovernorCountingFractional).
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from ape.api import AccountAPI
from eth_account.signers.local import LocalAccount

from oracles.chain.typed import extended_ballot_message, sign

from .ballots import FRACTIONAL, parts
from .conftest import (
    ABSTAIN,
    AGAINST,
    DEFEATED,
    FOR,
    SUCCEEDED,
    UNIT,
    Dao,
    delegate,
    error,
    refusal,
)

ALREADY = "GovernorAlreadyCastVote(address)"
EXCEEDS = "GovernorExceedRemainingWeight(address,uint256,uint256)"
MOST = 2**128 - 1


@pytest.fixture
def identifier(dao: Dao) -> int:
    """A proposal that can be voted on."""
    return dao.open(dao.propose(dao.number_call()))


def tally(dao: Dao, identifier: int) -> list[int]:
    """Votes against, for and abstaining, in tokens."""
    return [votes // UNIT for votes in dao.governor.proposalVotes(identifier)]


def used(dao: Dao, identifier: int, voter: AccountAPI) -> tuple[bool, int]:
    """Whether the voter has voted, and with how many tokens."""
    governor = dao.governor
    return governor.hasVoted(identifier, voter), governor.usedVotes(identifier, voter) // UNIT


class TestParts:
    def test_go_each_way(self, dao: Dao, identifier: int, voters: Sequence[AccountAPI]) -> None:
        vote = dao.governor.castVoteWithReasonAndParams
        receipt = vote(identifier, FRACTIONAL, "so", parts(1, 2, 3), sender=voters[0])
        (log,) = receipt.decode_logs(dao.governor.VoteCastWithParams)
        assert (log.voter, log.proposalId, log.support) == (voters[0], identifier, FRACTIONAL)
        assert (log.weight, log.reason, bytes(log.params)) == (6 * UNIT, "so", parts(1, 2, 3))
        assert tally(dao, identifier) == [1, 2, 3]
        assert used(dao, identifier, voters[0]) == (True, 6)
        assert used(dao, identifier, voters[1]) == (False, 0)

    def test_may_come_one_after_another(
        self, dao: Dao, identifier: int, voters: Sequence[AccountAPI]
    ) -> None:
        vote = dao.governor.castVoteWithReasonAndParams
        for given, total in ((parts(1, 2, 3), 6), (parts(0, 500, 0), 506), (parts(94, 0, 0), 600)):
            vote(identifier, FRACTIONAL, "", given, sender=voters[0])
            assert used(dao, identifier, voters[0]) == (True, total)
        assert tally(dao, identifier) == [95, 502, 3]
        told = error(ALREADY, voters[0])
        assert refusal(vote, identifier, FRACTIONAL, "", parts(0, 0, 0), sender=voters[0]) == told
        assert refusal(dao.governor.castVote, identifier, FOR, sender=voters[0]) == told

    @pytest.mark.parametrize(("support", "counted"), [(AGAINST, 590), (FOR, 590), (ABSTAIN, 590)])
    def test_leave_the_rest_to_a_plain_vote(
        self, dao: Dao, identifier: int, voters: Sequence[AccountAPI], support: int, counted: int
    ) -> None:
        vote = dao.governor.castVoteWithReasonAndParams
        vote(identifier, FRACTIONAL, "", parts(1, 4, 5), sender=voters[0])
        receipt = dao.governor.castVote(identifier, support, sender=voters[0])
        (log,) = receipt.decode_logs(dao.governor.VoteCast)
        assert (log.support, log.weight) == (support, counted * UNIT)
        expected = [1, 4, 5]
        expected[support] += counted
        assert tally(dao, identifier) == expected
        assert used(dao, identifier, voters[0]) == (True, 600)
        told = error(ALREADY, voters[0])
        assert refusal(dao.governor.castVote, identifier, support, sender=voters[0]) == told

    def test_may_be_all_at_once(self, dao: Dao, identifier: int, voters: Sequence[AccountAPI]) -> None:
        vote = dao.governor.castVoteWithReasonAndParams
        vote(identifier, FRACTIONAL, "", parts(100, 300, 200), sender=voters[0])
        assert tally(dao, identifier) == [100, 300, 200]
        assert used(dao, identifier, voters[0]) == (True, 600)
        told = error(ALREADY, voters[0])
        assert refusal(vote, identifier, FRACTIONAL, "", parts(0, 1, 0), sender=voters[0]) == told

    def test_of_a_plain_vote_are_all(self, dao: Dao, identifier: int, voters: Sequence[AccountAPI]) -> None:
        assert used(dao, identifier, voters[0]) == (False, 0)
        dao.governor.castVote(identifier, FOR, sender=voters[0])
        assert used(dao, identifier, voters[0]) == (True, 600)
        assert dao.governor.usedVotes(1, voters[0]) == 0

    def test_that_sum_to_nothing_change_nothing(
        self, dao: Dao, identifier: int, voters: Sequence[AccountAPI]
    ) -> None:
        vote = dao.governor.castVoteWithReasonAndParams
        for _ in range(2):
            receipt = vote(identifier, FRACTIONAL, "", parts(0, 0, 0), sender=voters[0])
            assert [log.weight for log in receipt.decode_logs(dao.governor.VoteCastWithParams)] == [0]
        assert used(dao, identifier, voters[0]) == (False, 0)
        dao.governor.castVote(identifier, FOR, sender=voters[0])
        assert tally(dao, identifier) == [0, 600, 0]

    def test_count_what_was_held_at_the_snapshot(
        self, dao: Dao, identifier: int, voters: Sequence[AccountAPI]
    ) -> None:
        vote = dao.governor.castVoteWithReasonAndParams
        vote(identifier, FRACTIONAL, "", parts(0, 10, 0), sender=voters[0])
        dao.token.transfer(voters[1], 600 * UNIT, sender=voters[0])
        vote(identifier, FRACTIONAL, "", parts(590, 0, 0), sender=voters[0])
        told = error(EXCEEDS, voters[1], 251 * UNIT, 250 * UNIT)
        assert refusal(vote, identifier, FRACTIONAL, "", parts(0, 251, 0), sender=voters[1]) == told
        assert tally(dao, identifier) == [590, 10, 0]

    def test_are_kept_apart_by_proposal_and_voter(self, dao: Dao, voters: Sequence[AccountAPI]) -> None:
        one, other = (dao.open(dao.propose(dao.number_call(number))) for number in range(2))
        vote = dao.governor.castVoteWithReasonAndParams
        vote(one, FRACTIONAL, "", parts(0, 10, 0), sender=voters[0])
        vote(other, FRACTIONAL, "", parts(0, 0, 600), sender=voters[0])
        vote(one, FRACTIONAL, "", parts(20, 0, 0), sender=voters[1])
        assert [used(dao, one, voter)[1] for voter in voters[:2]] == [10, 20]
        assert [used(dao, other, voter)[1] for voter in voters[:2]] == [600, 0]
        dao.governor.castVote(one, FOR, sender=voters[0])
        assert tally(dao, one) == [20, 600, 0]
        assert tally(dao, other) == [0, 0, 600]

    @pytest.mark.parametrize(
        ("given", "outcome"),
        [
            (parts(24, 26, 0), SUCCEEDED),
            (parts(25, 25, 10), DEFEATED),  # a tie
            (parts(1, 20, 30), SUCCEEDED),
            (parts(10, 20, 29), DEFEATED),  # 49 of 50 for the quorum
        ],
    )
    def test_decide(self, dao: Dao, voters: Sequence[AccountAPI], given: bytes, outcome: int) -> None:
        proposal = dao.propose(dao.number_call())
        identifier = dao.open(proposal)
        dao.governor.castVoteWithReasonAndParams(identifier, FRACTIONAL, "", given, sender=voters[0])
        if given == parts(24, 26, 0):
            dao.governor.castVote(identifier, ABSTAIN, sender=voters[3])
        dao.close(proposal)
        assert dao.state(proposal) == outcome


class TestRefusals:
    @pytest.mark.parametrize("length", [0, 1, 47, 49, 96])
    def test_params_of_another_length(
        self, dao: Dao, identifier: int, voters: Sequence[AccountAPI], length: int
    ) -> None:
        vote = dao.governor.castVoteWithReasonAndParams
        told = error("GovernorInvalidVoteParams()")
        assert refusal(vote, identifier, FRACTIONAL, "", bytes(length), sender=voters[0]) == told
        vote(identifier, FRACTIONAL, "", bytes(48), sender=voters[0])

    @pytest.mark.parametrize("ballot", ["castVote", "castVoteWithReason"])
    def test_no_params_at_all(
        self, dao: Dao, identifier: int, voters: Sequence[AccountAPI], ballot: str
    ) -> None:
        reason = ("",) if ballot == "castVoteWithReason" else ()
        told = error("GovernorInvalidVoteParams()")
        vote = getattr(dao.governor, ballot)
        assert refusal(vote, identifier, FRACTIONAL, *reason, sender=voters[0]) == told
        vote(identifier, FOR, *reason, sender=voters[0])

    @pytest.mark.parametrize("support", [AGAINST, FOR, ABSTAIN])
    def test_a_plain_vote_with_params(
        self, dao: Dao, identifier: int, voters: Sequence[AccountAPI], support: int
    ) -> None:
        vote = dao.governor.castVoteWithReasonAndParams
        told = error("GovernorInvalidVoteParams()")
        for params in (b"x", parts(0, 1, 0)):
            assert refusal(vote, identifier, support, "", params, sender=voters[0]) == told
        vote(identifier, support, "", b"", sender=voters[0])

    @pytest.mark.parametrize("support", [3, 254])
    def test_a_vote_for_nothing_known(
        self, dao: Dao, identifier: int, voters: Sequence[AccountAPI], support: int
    ) -> None:
        vote = dao.governor.castVoteWithReasonAndParams
        told = error("GovernorInvalidVoteType()")
        for params in (b"", parts(0, 1, 0)):
            assert refusal(vote, identifier, support, "", params, sender=voters[0]) == told

    def test_one_vote_too_many(self, dao: Dao, identifier: int, voters: Sequence[AccountAPI]) -> None:
        vote = dao.governor.castVoteWithReasonAndParams
        for given in (parts(601, 0, 0), parts(0, 601, 0), parts(0, 0, 601), parts(200, 200, 201)):
            told = error(EXCEEDS, voters[0], 601 * UNIT, 600 * UNIT)
            assert refusal(vote, identifier, FRACTIONAL, "", given, sender=voters[0]) == told
        vote(identifier, FRACTIONAL, "", parts(200, 200, 199), sender=voters[0])
        told = error(EXCEEDS, voters[0], 2 * UNIT, UNIT)
        assert refusal(vote, identifier, FRACTIONAL, "", parts(0, 2, 0), sender=voters[0]) == told
        vote(identifier, FRACTIONAL, "", parts(0, 0, 1), sender=voters[0])
        assert tally(dao, identifier) == [200, 200, 200]

    @pytest.mark.parametrize(
        "given", [(MOST, 0, 0), (0, MOST, 0), (0, 0, MOST), (MOST, MOST, MOST), (MOST, 1, 0)]
    )
    def test_what_would_overflow(
        self, dao: Dao, identifier: int, voters: Sequence[AccountAPI], given: tuple[int, int, int]
    ) -> None:
        vote = dao.governor.castVoteWithReasonAndParams
        told = error(EXCEEDS, voters[0], sum(given), 600 * UNIT)
        params = parts(*given, unit=1)
        assert refusal(vote, identifier, FRACTIONAL, "", params, sender=voters[0]) == told

    def test_who_had_no_votes(self, dao: Dao, identifier: int, stranger: AccountAPI) -> None:
        told = error(ALREADY, stranger)
        governor = dao.governor
        assert refusal(governor.castVote, identifier, FOR, sender=stranger) == told
        for params in (parts(0, 0, 0), b""):
            given = (identifier, FRACTIONAL, "", params)
            assert refusal(governor.castVoteWithReasonAndParams, *given, sender=stranger) == told
        delegate(dao.token, stranger, sender=dao.voters[0])
        assert refusal(governor.castVote, identifier, FOR, sender=stranger) == told


class TestBySignature:
    def ballot(
        self, dao: Dao, key: LocalAccount, identifier: int, nonce: int, given: bytes
    ) -> tuple[object, ...]:
        """The arguments of the voter's signed ballot."""
        message = extended_ballot_message(dao.domain, identifier, FRACTIONAL, key.address, nonce, "so", given)
        return identifier, FRACTIONAL, key.address, "so", given, sign(key, message)

    def test_in_parts(
        self,
        dao: Dao,
        identifier: int,
        voters: Sequence[AccountAPI],
        keys: Sequence[LocalAccount],
        stranger: AccountAPI,
    ) -> None:
        vote = dao.governor.castVoteWithReasonAndParamsBySig
        first = self.ballot(dao, keys[0], identifier, 0, parts(1, 2, 3))
        receipt = vote(*first, sender=stranger)
        (log,) = receipt.decode_logs(dao.governor.VoteCastWithParams)
        assert (log.voter, log.weight, bytes(log.params)) == (voters[0], 6 * UNIT, parts(1, 2, 3))
        # The votes would suffice for the same ballot once more.
        told = error("GovernorInvalidSignature(address)", voters[0])
        assert refusal(vote, *first, sender=stranger) == told
        vote(*self.ballot(dao, keys[0], identifier, 1, parts(4, 0, 0)), sender=stranger)
        assert tally(dao, identifier) == [5, 2, 3]
        assert used(dao, identifier, voters[0]) == (True, 10)
        assert dao.governor.nonces(voters[0]) == 2

    def test_with_other_params_than_were_signed(
        self, dao: Dao, identifier: int, keys: Sequence[LocalAccount], stranger: AccountAPI
    ) -> None:
        vote = dao.governor.castVoteWithReasonAndParamsBySig
        signed = self.ballot(dao, keys[0], identifier, 0, parts(1, 2, 3))
        told = error("GovernorInvalidSignature(address)", keys[0].address)
        for changed in (parts(3, 2, 1), parts(1, 2, 3)[:-1], b""):
            forged = (*signed[:4], changed, signed[5])
            assert refusal(vote, *forged, sender=stranger) == told
        vote(*signed, sender=stranger)

    def test_with_too_many_votes(
        self, dao: Dao, identifier: int, keys: Sequence[LocalAccount], stranger: AccountAPI
    ) -> None:
        vote = dao.governor.castVoteWithReasonAndParamsBySig
        told = error(EXCEEDS, keys[0].address, 601 * UNIT, 600 * UNIT)
        signed = self.ballot(dao, keys[0], identifier, 0, parts(601, 0, 0))
        assert refusal(vote, *signed, sender=stranger) == told
        assert dao.governor.nonces(keys[0].address) == 0
