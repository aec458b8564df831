"""Many ballots in one transaction: the good ones count, and no bad one spoils them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest
from ape.api import AccountAPI, ReceiptAPI
from ape.contracts import ContractInstance
from ape.exceptions import ContractLogicError
from ape.managers.project import ProjectManager
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from oracles.chain.typed import ballot_message, digest, sign
from oracles.governance.ballot import Ballot, Support, sign_ballot
from oracles.governance.proposal import proposal_id

from .ballots import FRACTIONAL
from .conftest import ABSTAIN, AGAINST, FOR, UNIT, Dao, error, refusal
from .other_dao import found
from .test_governor import SECP256K1_N

CLOSED = "GovernorUnexpectedProposalState(uint256,uint8,bytes32)"
UNKNOWN = "GovernorNonexistentProposal(uint256)"
NO_PARAMS = "GovernorInvalidVoteParams()"
NONSENSE = "GovernorInvalidVoteType()"
ALREADY = "GovernorAlreadyCastVote(address)"
UNSIGNED = "GovernorInvalidSignature(address)"


@dataclass(frozen=True)
class Poll:
    """Two proposals that can be voted on, one that cannot any more, and one that cannot yet."""

    dao: Dao
    one: int
    other: int
    over: int
    early: int

    def ballot(
        self,
        key: LocalAccount,
        support: int = FOR,
        nonce: int = 0,
        proposal: int | None = None,
        **domain: Any,
    ) -> Ballot:
        """The ballot of `key`, on the first proposal if not on another."""
        signed = replace(self.dao.domain, **domain)
        return sign_ballot(key, signed, self.one if proposal is None else proposal, Support(support), nonce)

    def send(self, *ballots: Ballot) -> ReceiptAPI:
        """The batch, by somebody who has no votes."""
        arguments = [ballot.arguments() for ballot in ballots]
        return self.dao.governor.castVotesBySig(arguments, sender=self.dao.owner)

    def skipped(self, receipt: ReceiptAPI) -> list[tuple[str, int, bytes]]:
        """Whose ballots were skipped, on what, and why."""
        logs = receipt.decode_logs(self.dao.governor.BallotSkipped)
        return [(log.voter, log.proposalId, bytes(log.reason)) for log in logs]

    def counted(self, receipt: ReceiptAPI) -> list[tuple[str, int, int, int, str]]:
        """The votes that were counted."""
        logs = receipt.decode_logs(self.dao.governor.VoteCast)
        return [(log.voter, log.proposalId, log.support, log.weight, log.reason) for log in logs]

    def votes(self, proposal: int | None = None) -> list[int]:
        """Votes against, for and abstaining, in tokens."""
        votes = self.dao.governor.proposalVotes(self.one if proposal is None else proposal)
        return [int(part) // UNIT for part in votes]


@pytest.fixture(scope="module")
def wallet(project: ProjectManager, dao: Dao, owner: AccountAPI) -> ContractInstance:
    """A contract that holds ten tokens, and answers for itself."""
    return funded(dao, owner.deploy(project.ContractWallet, False))


@pytest.fixture(scope="module")
def burner(project: ProjectManager, dao: Dao, owner: AccountAPI) -> ContractInstance:
    """One that burns what gas it gets."""
    return funded(dao, owner.deploy(project.ContractWallet, True))


def funded(dao: Dao, wallet: ContractInstance) -> ContractInstance:
    """Gives a wallet ten tokens and lets it vote."""
    dao.token.transfer(wallet, 10 * UNIT, sender=dao.voters[0])
    wallet.forward(dao.token, error("delegate(address)", wallet), sender=dao.owner)
    return wallet


@pytest.fixture(scope="module")
def poll(dao: Dao, wallet: ContractInstance, burner: ContractInstance) -> Poll:
    """What can be voted on, and what cannot; the wallets have their votes."""
    over = dao.propose(dao.number_call(), text="over")
    dao.close(over)
    one, other = (dao.propose(dao.number_call(), text=text) for text in ("one", "other"))
    dao.open(other)
    early = dao.propose(dao.number_call(), text="early")
    return Poll(dao, *map(proposal_id, (one, other, over, early)))


def selector_of(signature: str) -> bytes:
    """The selector of a custom error."""
    return bytes(keccak(text=signature)[:4])


def by_wallet(poll: Poll, wallet: ContractInstance, nonce: int = 0) -> Ballot:
    """The wallet's ballot, as it accepts it."""
    signature = digest(ballot_message(poll.dao.domain, poll.one, FOR, wallet.address, nonce))
    return Ballot(poll.one, Support.FOR, wallet.address, signature)


class TestCounted:
    def test_as_single_votes_are(self, poll: Poll, keys: Sequence[LocalAccount]) -> None:
        governor = poll.dao.governor
        ballots = [
            poll.ballot(key, support)
            for key, support in zip(keys, (AGAINST, FOR, ABSTAIN, FOR, AGAINST), strict=True)
        ]
        arguments = [ballot.arguments() for ballot in ballots]
        assert governor.castVotesBySig.call(arguments, sender=poll.dao.owner) == 5
        snapshot = poll.dao.chain.snapshot()
        singles = [governor.castVoteBySig(*each, sender=poll.dao.owner) for each in arguments]
        alone = [log for receipt in singles for log in poll.counted(receipt)], poll.votes()
        poll.dao.chain.restore(snapshot)

        receipt = poll.send(*ballots)
        assert (poll.counted(receipt), poll.votes()) == alone
        assert poll.votes() == [590, 290, 100]
        assert poll.skipped(receipt) == []
        for key in keys:
            assert governor.hasVoted(poll.one, key.address)
            assert governor.nonces(key.address) == 1

    def test_on_several_proposals_with_one_nonce_after_another(
        self, poll: Poll, keys: Sequence[LocalAccount]
    ) -> None:
        receipt = poll.send(
            poll.ballot(keys[0], FOR, 0),
            poll.ballot(keys[1], AGAINST, 0, poll.other),
            poll.ballot(keys[0], ABSTAIN, 1, poll.other),
            poll.ballot(keys[1], FOR, 1),
        )
        assert poll.skipped(receipt) == []
        assert (poll.votes(), poll.votes(poll.other)) == ([0, 830, 0], [250, 0, 580])
        assert [poll.dao.governor.nonces(key.address) for key in keys[:2]] == [2, 2]

    def test_in_another_order_one_by_one(self, poll: Poll, keys: Sequence[LocalAccount]) -> None:
        """A ballot whose turn has not come is skipped; it counts in a later batch."""
        first, second = poll.ballot(keys[0], FOR, 0), poll.ballot(keys[0], FOR, 1, poll.other)
        receipt = poll.send(second, first)
        assert poll.skipped(receipt) == [(keys[0].address, poll.other, selector_of(UNSIGNED))]
        assert poll.skipped(poll.send(second)) == []
        assert (poll.votes(), poll.votes(poll.other)) == ([0, 580, 0], [0, 580, 0])

    def test_what_was_left_of_a_vote_in_parts(self, poll: Poll, keys: Sequence[LocalAccount]) -> None:
        governor, voter = poll.dao.governor, poll.dao.voters[0]
        params = bytes(16) + (UNIT).to_bytes(16, "big") + bytes(16)
        governor.castVoteWithReasonAndParams(poll.one, FRACTIONAL, "", params, sender=voter)
        receipt = poll.send(poll.ballot(keys[0], AGAINST))
        assert [weight for _, _, _, weight, _ in poll.counted(receipt)] == [579 * UNIT]
        assert poll.votes() == [579, 1, 0]
        assert governor.usedVotes(poll.one, voter) == 580 * UNIT

    def test_of_none_are_none(self, poll: Poll) -> None:
        assert poll.dao.governor.castVotesBySig.call([], sender=poll.dao.owner) == 0
        receipt = poll.send()
        assert (poll.skipped(receipt), poll.counted(receipt)) == ([], [])

    def test_by_a_contract_wallet(
        self, dao: Dao, wallet: ContractInstance, poll: Poll, keys: Sequence[LocalAccount]
    ) -> None:
        good = by_wallet(poll, wallet)
        bad = replace(good, signature=good.signature[::-1])
        receipt = poll.send(bad, good, poll.ballot(keys[1]))
        assert poll.skipped(receipt) == [(wallet.address, poll.one, selector_of(UNSIGNED))]
        assert poll.votes() == [0, 260, 0]
        assert dao.governor.nonces(wallet) == 1

    def test_up_to_sixty_four(self, poll: Poll, keys: Sequence[LocalAccount]) -> None:
        one = poll.ballot(keys[0]).arguments()
        method = poll.dao.governor.castVotesBySig
        assert method.call([one] * 64, sender=poll.dao.owner) == 1
        assert refusal(method, [one] * 65, sender=poll.dao.owner) == b""

    def test_fifty_mixed_ones(self, dao: Dao, poll: Poll, keys: Sequence[LocalAccount]) -> None:
        """Good and bad ones in turn, of five wallets on five proposals: each good one counts."""
        proposals = [dao.propose(dao.number_call(), text=f"{index}") for index in range(5)]
        identifiers = [dao.open(proposal) for proposal in proposals]
        good = [
            poll.ballot(key, (index + nonce) % 3, nonce, identifier)
            for nonce, identifier in enumerate(identifiers)
            for index, key in enumerate(keys)
        ]
        bad = [replace(ballot, signature=ballot.signature[::-1]) for ballot in good[::-1]]
        receipt = poll.send(*(ballot for pair in zip(good, bad, strict=True) for ballot in pair))
        assert len(poll.counted(receipt)) == len(poll.skipped(receipt)) == 25
        votes = {AGAINST: 620, FOR: 260, ABSTAIN: 100}
        for nonce, identifier in enumerate(identifiers):
            expected = {(support + nonce) % 3: part for support, part in votes.items()}
            assert poll.votes(identifier) == [expected[support] for support in range(3)]


class TestSkipped:
    FAULTS = (
        ("another's signature", UNSIGNED),
        ("no signature", UNSIGNED),
        ("too short", UNSIGNED),
        ("too long", UNSIGNED),
        ("malleable", UNSIGNED),
        ("zeros", UNSIGNED),
        ("other nonce", UNSIGNED),
        ("other chain", UNSIGNED),
        ("other contract", UNSIGNED),
        ("other version", UNSIGNED),
        ("other name", UNSIGNED),
        ("other proposal", UNSIGNED),
        ("other support", UNSIGNED),
        ("no such support", NONSENSE),
        ("fractional", NO_PARAMS),
        ("no such proposal", UNKNOWN),
        ("closed", CLOSED),
        ("not yet open", CLOSED),
        ("no votes", ALREADY),
        ("voted already", ALREADY),
    )

    def faulty(self, poll: Poll, key: LocalAccount, fault: str) -> Ballot:
        """A ballot of `key` with that fault."""
        good = poll.ballot(key)
        r, s, v = good.signature[:32], int.from_bytes(good.signature[32:64], "big"), good.signature[64]
        powerless = Account.from_key(b"\x01" * 32)
        return {
            "another's signature": lambda: replace(poll.ballot(powerless), voter=key.address),
            "no signature": lambda: replace(good, signature=b""),
            "too short": lambda: replace(good, signature=good.signature[:64]),
            "too long": lambda: replace(good, signature=good.signature + b"\0"),
            "malleable": lambda: replace(
                good, signature=r + (SECP256K1_N - s).to_bytes(32, "big") + bytes([55 - v])
            ),
            "zeros": lambda: replace(good, signature=bytes(65)),
            "other nonce": lambda: poll.ballot(key, nonce=1),
            "other chain": lambda: poll.ballot(key, chain_id=1),
            "other contract": lambda: poll.ballot(key, contract=poll.dao.token.address),
            "other version": lambda: poll.ballot(key, version="2"),
            "other name": lambda: poll.ballot(key, name="Another Governor"),
            "other proposal": lambda: replace(poll.ballot(key, proposal=poll.other), proposal=poll.one),
            "other support": lambda: replace(good, support=Support.AGAINST),
            "no such support": lambda: self.other_support(poll, key, 3),
            "fractional": lambda: self.other_support(poll, key, FRACTIONAL),
            "no such proposal": lambda: poll.ballot(key, proposal=1),
            "closed": lambda: poll.ballot(key, proposal=poll.over),
            "not yet open": lambda: poll.ballot(key, proposal=poll.early),
            "no votes": lambda: poll.ballot(powerless),
            "voted already": lambda: good,
        }[fault]()

    def other_support(self, poll: Poll, key: LocalAccount, support: int) -> Ballot:
        """A signed ballot that supports what a batch cannot."""
        signature = sign(key, ballot_message(poll.dao.domain, poll.one, support, key.address, 0))
        return Ballot(poll.one, cast(Support, support), key.address, signature)

    @pytest.mark.parametrize(("fault", "reason"), FAULTS)
    def test_one_by_one(self, poll: Poll, keys: Sequence[LocalAccount], fault: str, reason: str) -> None:
        governor, key = poll.dao.governor, keys[1]
        if fault == "voted already":
            governor.castVote(poll.one, FOR, sender=poll.dao.voters[1])
        bad = self.faulty(poll, key, fault)
        alone = refusal(governor.castVoteBySig, *bad.arguments(), sender=poll.dao.owner)
        assert alone[:4] == selector_of(reason)
        receipt = poll.send(bad, poll.ballot(keys[0]), bad)
        skipped = (bad.voter, bad.proposal, selector_of(reason))
        assert poll.skipped(receipt) == [skipped, skipped]
        assert [voter for voter, *_ in poll.counted(receipt)] == [keys[0].address]
        assert governor.nonces(bad.voter) == 0
        if fault not in ("voted already", "no votes"):
            assert not governor.hasVoted(poll.one, bad.voter)
            assert poll.votes() == [0, 580, 0]
            # The bad one did not use up the nonce of the good one.
            assert poll.skipped(poll.send(poll.ballot(key))) == []
            assert poll.votes() == [0, 830, 0]

    def test_all_kinds_at_once(self, poll: Poll, keys: Sequence[LocalAccount]) -> None:
        kinds = [(fault, reason) for fault, reason in self.FAULTS if fault != "voted already"]
        bad = [self.faulty(poll, keys[1], fault) for fault, _ in kinds]
        receipt = poll.send(*bad, *(poll.ballot(key) for key in keys))
        expected = [
            (ballot.voter, ballot.proposal, selector_of(reason))
            for ballot, (_, reason) in zip(bad, kinds, strict=True)
        ]
        assert poll.skipped(receipt) == expected
        assert [voter for voter, *_ in poll.counted(receipt)] == [key.address for key in keys]
        assert poll.votes() == [0, 980, 0]

    def test_replayed(self, poll: Poll, keys: Sequence[LocalAccount]) -> None:
        governor, good = poll.dao.governor, poll.ballot(keys[1])
        receipt = poll.send(good, good)
        assert poll.skipped(receipt) == [(keys[1].address, poll.one, selector_of(ALREADY))]
        assert poll.skipped(poll.send(good)) == [(keys[1].address, poll.one, selector_of(ALREADY))]
        assert governor.nonces(keys[1].address) == 1
        assert poll.votes() == [0, 250, 0]

    def test_what_comes_after_the_end_of_the_vote(
        self, project: ProjectManager, dao: Dao, keys: Sequence[LocalAccount]
    ) -> None:
        """The batch itself ends it, by a super-quorum."""
        lively = found(project, dao, super_quorum=60)
        identifier = lively.open(lively.propose(lively.number_call()))
        poll = Poll(lively, identifier, identifier, identifier, identifier)
        receipt = poll.send(poll.ballot(keys[1]), poll.ballot(keys[0]), poll.ballot(keys[2]))
        assert poll.votes() == [0, 830, 0]
        assert poll.skipped(receipt) == [(keys[2].address, identifier, selector_of(CLOSED))]


class TestGas:
    def test_of_a_wallet_that_burns_it_is_bounded(
        self,
        dao: Dao,
        burner: ContractInstance,
        wallet: ContractInstance,
        poll: Poll,
        keys: Sequence[LocalAccount],
    ) -> None:
        burning = Ballot(poll.one, Support.FOR, burner.address, b"")
        receipt = poll.send(burning, poll.ballot(keys[1]), burning, by_wallet(poll, wallet))
        skipped = (burner.address, poll.one, selector_of(UNSIGNED))
        assert poll.skipped(receipt) == [skipped, skipped]
        assert poll.votes() == [0, 260, 0]
        assert 1_000_000 < receipt.gas_used < 1_500_000
        assert dao.governor.nonces(burner) == 0

    def test_that_is_too_little_for_a_wallet_spoils_no_ballot(
        self, dao: Dao, wallet: ContractInstance, poll: Poll, keys: Sequence[LocalAccount]
    ) -> None:
        """With whatever gas: either the wallet's ballot counts or nothing happens."""
        arguments = [poll.ballot(keys[1]).arguments(), by_wallet(poll, wallet).arguments()]
        data = bytes(dao.governor.castVotesBySig.encode_input(arguments))
        outcomes = set()
        for gas in range(300_000, 900_001, 50_000):
            call = {"from": dao.owner.address, "to": dao.governor.address, "data": data, "gas": gas}
            try:
                outcomes.add(bytes(dao.chain.provider.web3.eth.call(call)))
            except Exception as fault:
                outcomes.add(bytes.fromhex(str(getattr(fault, "data", None) or "0x")[2:]))
        assert outcomes == {error("GovernorInsufficientGas()"), (2).to_bytes(32, "big")}

    def test_is_asked_for_wallets_alone(self, dao: Dao, poll: Poll, keys: Sequence[LocalAccount]) -> None:
        arguments = [poll.ballot(key).arguments() for key in keys]
        dao.governor.castVotesBySig(arguments, sender=dao.owner, gas_limit=450_000)
        assert poll.votes() == [0, 980, 0]

    def test_runs_out_for_all_or_none(
        self, dao: Dao, wallet: ContractInstance, poll: Poll, keys: Sequence[LocalAccount]
    ) -> None:
        arguments = [poll.ballot(keys[1]).arguments(), by_wallet(poll, wallet).arguments()]
        with pytest.raises(ContractLogicError):
            dao.governor.castVotesBySig(arguments, sender=dao.owner, gas_limit=500_000)
        assert poll.votes() == [0, 0, 0]
        dao.governor.castVotesBySig(arguments, sender=dao.owner, gas_limit=900_000)
        assert poll.votes() == [0, 260, 0]
