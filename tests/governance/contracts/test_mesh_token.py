"""Each function of MeshToken: what it does, and beside it what it refuses."""

from __future__ import annotations

from collections.abc import Sequence

import ape
import pytest
from ape.api import AccountAPI
from ape.contracts import ContractInstance
from ape.managers.chain import ChainManager
from ape.managers.project import ProjectManager
from eth_account.signers.local import LocalAccount

from oracles.chain.typed import Domain, delegation_message, permit_message

from .conftest import SUPPLY, ZERO, delegate, error, refusal, refused_call

SECP256K1_N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
FOREVER = 2**40


def domain(token: ContractInstance, chain: ChainManager) -> Domain:
    return Domain("Mesh", chain.chain_id, token.address)


def votes_changed(receipt: object, token: ContractInstance) -> list[tuple[str, int, int]]:
    return [
        (log.delegate, log.previousVotes, log.newVotes)
        for log in receipt.decode_logs(token.DelegateVotesChanged)  # type: ignore[attr-defined]
    ]


class TestConstructor:
    def test_gives_the_first_supply_to_the_holder(self, token: ContractInstance, owner: AccountAPI) -> None:
        assert (token.name(), token.symbol(), token.decimals()) == ("Mesh", "MESH", 18)
        assert token.totalSupply() == token.balanceOf(owner) == SUPPLY

    def test_describes_its_signing_domain(self, token: ContractInstance, chain: ChainManager) -> None:
        fields = token.eip712Domain()
        assert list(fields)[1:5] == ["Mesh", "1", chain.chain_id, token.address]
        message = permit_message(domain(token, chain), ZERO, ZERO, 0, 0, 0)
        assert bytes(token.DOMAIN_SEPARATOR()) == bytes(message.header)

    def test_refuses_a_supply_that_does_not_pack(self, project: ProjectManager, owner: AccountAPI) -> None:
        with ape.reverts():
            owner.deploy(project.MeshToken, "Mesh", "MESH", 2**96, owner, owner)
        token = owner.deploy(project.MeshToken, "Mesh", "MESH", 2**96 - 1, owner, owner)
        assert token.totalSupply() == 2**96 - 1

    def test_refuses_no_holder(self, project: ProjectManager, owner: AccountAPI) -> None:
        with ape.reverts():
            owner.deploy(project.MeshToken, "Mesh", "MESH", 1, ZERO, owner)

    def test_refuses_no_owner(self, project: ProjectManager, owner: AccountAPI) -> None:
        with ape.reverts():
            owner.deploy(project.MeshToken, "Mesh", "MESH", 1, owner, ZERO)


class TestTransfer:
    def test_moves_tokens(self, token: ContractInstance, owner: AccountAPI, stranger: AccountAPI) -> None:
        receipt = token.transfer(stranger, 5, sender=owner)
        (log,) = receipt.decode_logs(token.Transfer)
        assert (log.sender, log.receiver, log.value) == (owner, stranger, 5)
        assert (token.balanceOf(owner), token.balanceOf(stranger)) == (SUPPLY - 5, 5)

    def test_to_oneself_changes_nothing(self, token: ContractInstance, owner: AccountAPI) -> None:
        delegate(token, owner, sender=owner)
        token.transfer(owner, SUPPLY, sender=owner)
        assert token.balanceOf(owner) == token.getVotes(owner) == SUPPLY

    def test_refuses_more_than_the_balance(
        self, token: ContractInstance, owner: AccountAPI, stranger: AccountAPI
    ) -> None:
        told = error("ERC20InsufficientBalance(address,uint256,uint256)", stranger, 0, 1)
        assert refusal(token.transfer, owner, 1, sender=stranger) == told

    def test_refuses_the_zero_address(self, token: ContractInstance, owner: AccountAPI) -> None:
        assert refusal(token.transfer, ZERO, 1, sender=owner) == error("ERC20InvalidReceiver(address)", ZERO)
        assert refusal(token.transfer, owner, 1, sender=ZERO) == error("ERC20InvalidSender(address)", ZERO)


class TestAllowance:
    def test_is_used_up(self, token: ContractInstance, owner: AccountAPI, stranger: AccountAPI) -> None:
        receipt = token.approve(stranger, 5, sender=owner)
        (log,) = receipt.decode_logs(token.Approval)
        assert (log.owner, log.spender, log.value) == (owner, stranger, 5)
        token.transferFrom(owner, stranger, 3, sender=stranger)
        assert (token.allowance(owner, stranger), token.balanceOf(stranger)) == (2, 3)

    def test_without_end_stays(
        self, token: ContractInstance, owner: AccountAPI, stranger: AccountAPI
    ) -> None:
        token.approve(stranger, 2**256 - 1, sender=owner)
        token.transferFrom(owner, stranger, 3, sender=stranger)
        assert token.allowance(owner, stranger) == 2**256 - 1

    def test_refuses_more_than_allowed(
        self, token: ContractInstance, owner: AccountAPI, stranger: AccountAPI
    ) -> None:
        token.approve(stranger, 5, sender=owner)
        told = error("ERC20InsufficientAllowance(address,uint256,uint256)", stranger, 5, 6)
        assert refusal(token.transferFrom, owner, stranger, 6, sender=stranger) == told

    def test_refuses_the_zero_address(self, token: ContractInstance, owner: AccountAPI) -> None:
        assert refusal(token.approve, ZERO, 1, sender=owner) == error("ERC20InvalidSpender(address)", ZERO)
        assert refusal(token.approve, owner, 1, sender=ZERO) == error("ERC20InvalidApprover(address)", ZERO)
        told = error("ERC20InvalidApprover(address)", ZERO)
        assert refusal(token.transferFrom, ZERO, owner, 0, sender=owner) == told


class TestPermit:
    def sign(
        self,
        token: ContractInstance,
        chain: ChainManager,
        key: LocalAccount,
        spender: str,
        deadline: int = FOREVER,
    ) -> tuple[int, bytes, bytes]:
        nonce = token.nonces(key.address)
        message = permit_message(domain(token, chain), key.address, spender, 9, nonce, deadline)
        signed = key.sign_message(message)
        return signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")

    def test_allows(
        self, token: ContractInstance, chain: ChainManager, keys: Sequence[LocalAccount], stranger: AccountAPI
    ) -> None:
        signature = self.sign(token, chain, keys[0], stranger.address)
        arguments = (keys[0].address, stranger, 9, FOREVER, *signature)
        token.permit(*arguments, sender=stranger)
        assert token.allowance(keys[0].address, stranger) == 9
        assert token.nonces(keys[0].address) == 1
        assert (
            refusal(token.permit, *arguments, sender=stranger)[:4]
            == error("ERC2612InvalidSigner(address,address)", ZERO, ZERO)[:4]
        )

    def test_refuses_another_signer(
        self, token: ContractInstance, chain: ChainManager, keys: Sequence[LocalAccount], stranger: AccountAPI
    ) -> None:
        nonce = token.nonces(keys[0].address)
        message = permit_message(domain(token, chain), keys[0].address, stranger.address, 9, nonce, FOREVER)
        signed = keys[1].sign_message(message)
        signature = (signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big"))
        arguments = (keys[0].address, stranger, 9, FOREVER, *signature)
        told = error("ERC2612InvalidSigner(address,address)", keys[1].address, keys[0].address)
        assert refusal(token.permit, *arguments, sender=stranger) == told

    def test_refuses_after_the_deadline(
        self, token: ContractInstance, chain: ChainManager, keys: Sequence[LocalAccount], stranger: AccountAPI
    ) -> None:
        signature = self.sign(token, chain, keys[0], stranger.address, deadline=1)
        told = error("ERC2612ExpiredSignature(uint256)", 1)
        assert refusal(token.permit, keys[0].address, stranger, 9, 1, *signature, sender=stranger) == told

    def test_refuses_a_malleable_signature(
        self, token: ContractInstance, chain: ChainManager, keys: Sequence[LocalAccount], stranger: AccountAPI
    ) -> None:
        v, r, s = self.sign(token, chain, keys[0], stranger.address)
        twin = (SECP256K1_N - int.from_bytes(s, "big")).to_bytes(32, "big")
        told = error("ECDSAInvalidSignatureS(bytes32)", twin)
        arguments = (keys[0].address, stranger, 9, FOREVER)
        assert refusal(token.permit, *arguments, 55 - v, r, twin, sender=stranger) == told
        assert refusal(token.permit, *arguments, 29, r, s, sender=stranger) == error(
            "ECDSAInvalidSignature()"
        )


class TestDelegation:
    def test_moves_votes_with_the_tokens(
        self, token: ContractInstance, owner: AccountAPI, stranger: AccountAPI, voters: Sequence[AccountAPI]
    ) -> None:
        receipt = delegate(token, voters[0], sender=owner)
        (log,) = receipt.decode_logs(token.DelegateChanged)
        assert (log.delegator, log.fromDelegate, log.toDelegate) == (owner, ZERO, voters[0])
        assert votes_changed(receipt, token) == [(voters[0], 0, SUPPLY)]
        delegate(token, stranger, sender=stranger)
        receipt = token.transfer(stranger, 5, sender=owner)
        assert votes_changed(receipt, token) == [(voters[0], SUPPLY, SUPPLY - 5), (stranger, 0, 5)]
        assert token.delegates(owner) == voters[0]

    def test_to_nobody_takes_the_votes_back(self, token: ContractInstance, owner: AccountAPI) -> None:
        delegate(token, owner, sender=owner)
        assert token.getVotes(owner) == SUPPLY
        receipt = delegate(token, ZERO, sender=owner)
        assert votes_changed(receipt, token) == [(owner, SUPPLY, 0)]
        assert (token.getVotes(owner), token.getVotes(ZERO), token.delegates(owner)) == (0, 0, ZERO)

    def test_to_oneself_gives_the_votes_that_were_idle(
        self, token: ContractInstance, owner: AccountAPI
    ) -> None:
        receipt = delegate(token, owner, sender=owner)
        (log,) = receipt.decode_logs(token.DelegateChanged)
        assert (log.delegator, log.fromDelegate, log.toDelegate) == (owner, ZERO, owner)
        assert votes_changed(receipt, token) == [(owner, 0, SUPPLY)]
        assert (token.delegates(owner), token.getVotes(owner)) == (owner, SUPPLY)

    @pytest.mark.parametrize("to", ["nobody", "oneself", "another"])
    def test_to_the_same_again_moves_no_votes(
        self, token: ContractInstance, owner: AccountAPI, stranger: AccountAPI, to: str
    ) -> None:
        delegatee = {"nobody": ZERO, "oneself": owner.address, "another": stranger.address}[to]
        delegate(token, delegatee, sender=owner)
        votes, checkpoints = token.getVotes(delegatee), token.numCheckpoints(delegatee)
        receipt = delegate(token, delegatee, sender=owner)
        (log,) = receipt.decode_logs(token.DelegateChanged)
        assert (log.delegator, log.fromDelegate, log.toDelegate) == (owner, delegatee, delegatee)
        assert votes_changed(receipt, token) == []
        assert (token.getVotes(delegatee), token.numCheckpoints(delegatee)) == (votes, checkpoints)
        assert votes == (0 if to == "nobody" else SUPPLY)

    def test_without_tokens_moves_no_votes(self, token: ContractInstance, stranger: AccountAPI) -> None:
        receipt = delegate(token, stranger, sender=stranger)
        assert len(receipt.decode_logs(token.DelegateChanged)) == 1
        assert votes_changed(receipt, token) == []
        assert (token.delegates(stranger), token.getVotes(stranger)) == (stranger, 0)

    def test_without_delegation_nobody_votes(self, token: ContractInstance, owner: AccountAPI) -> None:
        assert (token.getVotes(owner), token.numCheckpoints(owner)) == (0, 0)

    def test_by_signature(
        self,
        token: ContractInstance,
        chain: ChainManager,
        owner: AccountAPI,
        keys: Sequence[LocalAccount],
        stranger: AccountAPI,
    ) -> None:
        token.transfer(keys[0].address, 7, sender=owner)
        signed = keys[0].sign_message(delegation_message(domain(token, chain), stranger.address, 0, FOREVER))
        signature = (signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big"))
        token.delegateBySig(stranger, 0, FOREVER, *signature, sender=owner)
        assert (token.delegates(keys[0].address), token.getVotes(stranger)) == (stranger, 7)

        again = refusal(token.delegateBySig, stranger, 0, FOREVER, *signature, sender=owner)
        assert again == error("InvalidAccountNonce(address,uint256)", keys[0].address, 1)

    def test_by_signature_refuses_after_its_expiry(self, token: ContractInstance, owner: AccountAPI) -> None:
        told = error("VotesExpiredSignature(uint256)", 1)
        assert refusal(token.delegateBySig, owner, 0, 1, 27, bytes(32), bytes(32), sender=owner) == told

    def test_by_signature_refuses_nonsense(self, token: ContractInstance, owner: AccountAPI) -> None:
        told = error("ECDSAInvalidSignature()")
        assert refusal(token.delegateBySig, owner, 0, FOREVER, 27, bytes(32), bytes(32), sender=owner) == told


class TestPastVotes:
    def test_are_what_they_were(
        self, token: ContractInstance, chain: ChainManager, owner: AccountAPI, stranger: AccountAPI
    ) -> None:
        delegate(token, owner, sender=owner)
        expected = {chain.blocks.head.timestamp: SUPPLY}
        for number in range(1, 12):
            chain.mine(timestamp=chain.blocks.head.timestamp + 10)
            token.transfer(stranger, 1, sender=owner)
            expected[chain.blocks.head.timestamp] = SUPPLY - number
        chain.mine(timestamp=chain.blocks.head.timestamp + 10)

        assert token.numCheckpoints(owner) == 12
        for position, (timepoint, votes) in enumerate(expected.items()):
            assert token.getPastVotes(owner, timepoint) == votes
            assert token.getPastVotes(owner, timepoint + 5) == votes
            assert list(token.checkpoints(owner, position)) == [timepoint, votes]
        assert token.getPastVotes(owner, min(expected) - 1) == 0
        assert token.getPastTotalSupply(min(expected)) == SUPPLY
        assert token.getPastTotalSupply(1) == 0

    def test_refuse_the_present(
        self, token: ContractInstance, chain: ChainManager, owner: AccountAPI
    ) -> None:
        future = chain.blocks.head.timestamp + 1_000
        for answer in (
            refusal(token.getPastVotes, owner, future, sender=owner),
            refusal(token.getPastTotalSupply, future, sender=owner),
        ):
            assert answer[:36] == error("ERC5805FutureLookup(uint256,uint48)", future, 0)[:36]

    def test_refuse_a_checkpoint_that_is_not_there(self, token: ContractInstance, owner: AccountAPI) -> None:
        assert refusal(token.checkpoints, owner, 0, sender=owner) == error("Panic(uint256)", 0x32)

    def test_count_seconds(self, token: ContractInstance, chain: ChainManager) -> None:
        assert token.CLOCK_MODE() == "mode=timestamp"
        assert token.clock() >= chain.blocks.head.timestamp


def test_refuses_what_it_does_not_know(token: ContractInstance, owner: AccountAPI) -> None:
    assert refused_call(token, b"\x12\x34\x56\x78", sender=owner) == b""
