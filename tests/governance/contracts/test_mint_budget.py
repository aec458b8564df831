"""MeshToken's owner gives budgets, and minters create tokens within them: nobody else, and nothing beyond."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from ape.api import AccountAPI
from ape.contracts import ContractInstance
from ape.managers.chain import ChainManager
from ape.managers.project import ProjectManager

from .conftest import SUPPLY, ZERO, delegate, error, refusal

CEILING = 2**96 - 1
MOST = 2**256 - 1
EXCEEDED = "MeshTokenExceededBudget(address,uint256,uint256)"


@pytest.fixture
def minter(token: ContractInstance, owner: AccountAPI, voters: Sequence[AccountAPI]) -> AccountAPI:
    """A wallet with a budget of ten."""
    token.setMintBudget(voters[0], 10, sender=owner)
    return voters[0]


class TestBudget:
    def test_is_set_by_the_owner(
        self, token: ContractInstance, owner: AccountAPI, stranger: AccountAPI
    ) -> None:
        for old, new in ((0, 10), (10, 4), (4, 0)):
            receipt = token.setMintBudget(stranger, new, sender=owner)
            (log,) = receipt.decode_logs(token.MintBudgetSet)
            assert (log.minter, log.oldBudget, log.newBudget) == (stranger, old, new)
            assert token.mintBudget(stranger) == new

    def test_is_set_by_nobody_else(
        self, token: ContractInstance, minter: AccountAPI, stranger: AccountAPI
    ) -> None:
        for sender in (stranger, minter):
            told = error("OwnableUnauthorizedAccount(address)", sender)
            assert refusal(token.setMintBudget, minter, 1, sender=sender) == told

    def test_creates_no_token_by_itself(self, token: ContractInstance, minter: AccountAPI) -> None:
        assert (token.totalSupply(), token.balanceOf(minter)) == (SUPPLY, 0)


class TestMint:
    def test_creates_tokens_and_their_votes(
        self, token: ContractInstance, minter: AccountAPI, stranger: AccountAPI, voters: Sequence[AccountAPI]
    ) -> None:
        delegate(token, voters[1], sender=stranger)
        receipt = token.mint(stranger, 4, sender=minter)
        (moved,) = receipt.decode_logs(token.Transfer)
        assert (moved.sender, moved.receiver, moved.value) == (ZERO, stranger, 4)
        (voted,) = receipt.decode_logs(token.DelegateVotesChanged)
        assert (voted.delegate, voted.previousVotes, voted.newVotes) == (voters[1], 0, 4)
        assert (token.totalSupply(), token.balanceOf(stranger)) == (SUPPLY + 4, 4)
        assert (token.getVotes(voters[1]), token.getVotes(stranger)) == (4, 0)

    def test_creates_no_votes_for_who_has_not_delegated(
        self, token: ContractInstance, minter: AccountAPI, stranger: AccountAPI
    ) -> None:
        receipt = token.mint(stranger, 4, sender=minter)
        assert receipt.decode_logs(token.DelegateVotesChanged) == []
        assert (token.balanceOf(stranger), token.getVotes(stranger)) == (4, 0)

    def test_uses_the_budget_up(
        self, token: ContractInstance, minter: AccountAPI, stranger: AccountAPI
    ) -> None:
        assert refusal(token.mint, stranger, 11, sender=minter) == error(EXCEEDED, minter, 10, 11)
        token.mint(stranger, 4, sender=minter)
        assert refusal(token.mint, stranger, 7, sender=minter) == error(EXCEEDED, minter, 6, 7)
        token.mint(stranger, 6, sender=minter)
        assert refusal(token.mint, stranger, 1, sender=minter) == error(EXCEEDED, minter, 0, 1)
        assert (token.mintBudget(minter), token.balanceOf(stranger)) == (0, 10)

    def test_uses_up_even_the_greatest_budget(
        self, token: ContractInstance, owner: AccountAPI, stranger: AccountAPI
    ) -> None:
        token.setMintBudget(stranger, MOST, sender=owner)
        token.mint(stranger, 1, sender=stranger)
        assert token.mintBudget(stranger) == MOST - 1

    def test_refuses_who_has_no_budget(
        self, token: ContractInstance, minter: AccountAPI, owner: AccountAPI, stranger: AccountAPI
    ) -> None:
        for sender in (owner, stranger):
            assert refusal(token.mint, sender, 1, sender=sender) == error(EXCEEDED, sender, 0, 1)
            # Not even nothing: it would make the supply's history longer.
            assert refusal(token.mint, sender, 0, sender=sender) == error(EXCEEDED, sender, 0, 0)

    def test_refuses_what_a_later_vote_took_back(
        self, token: ContractInstance, minter: AccountAPI, owner: AccountAPI
    ) -> None:
        token.setMintBudget(minter, 3, sender=owner)
        assert refusal(token.mint, minter, 4, sender=minter) == error(EXCEEDED, minter, 3, 4)
        token.mint(minter, 3, sender=minter)

    def test_refuses_the_zero_address(self, token: ContractInstance, minter: AccountAPI) -> None:
        assert refusal(token.mint, ZERO, 1, sender=minter) == error("ERC20InvalidReceiver(address)", ZERO)

    def test_stops_at_the_ceiling(
        self, token: ContractInstance, owner: AccountAPI, stranger: AccountAPI
    ) -> None:
        token.setMintBudget(owner, MOST, sender=owner)
        told = error("ERC20ExceededSafeSupply(uint256,uint256)", CEILING + 1, CEILING)
        assert refusal(token.mint, stranger, CEILING + 1 - SUPPLY, sender=owner) == told
        assert refusal(token.mint, stranger, MOST, sender=owner) == error("Panic(uint256)", 0x11)
        token.mint(stranger, CEILING - SUPPLY, sender=owner)
        assert (token.totalSupply(), token.balanceOf(stranger)) == (CEILING, CEILING - SUPPLY)

    def test_changes_no_past_supply(
        self, token: ContractInstance, chain: ChainManager, minter: AccountAPI, stranger: AccountAPI
    ) -> None:
        before = chain.blocks.head.timestamp
        chain.mine(timestamp=before + 10)
        receipt = token.mint(stranger, 4, sender=minter)
        chain.mine(timestamp=receipt.timestamp + 10)
        assert token.getPastTotalSupply(before) == SUPPLY
        assert token.getPastTotalSupply(receipt.timestamp) == SUPPLY + 4


class TestOwner:
    def test_moves_in_one_step(
        self, token: ContractInstance, owner: AccountAPI, stranger: AccountAPI
    ) -> None:
        receipt = token.transferOwnership(stranger, sender=owner)
        (log,) = receipt.decode_logs(token.OwnershipTransferred)
        assert (log.previousOwner, log.newOwner, token.owner()) == (owner, stranger, stranger)
        token.setMintBudget(owner, 1, sender=stranger)
        told = error("OwnableUnauthorizedAccount(address)", owner)
        assert refusal(token.setMintBudget, owner, 1, sender=owner) == told

    def test_is_named_at_birth(
        self, project: ProjectManager, owner: AccountAPI, stranger: AccountAPI
    ) -> None:
        token = owner.deploy(project.MeshToken, "Mesh", "MESH", SUPPLY, owner, stranger)
        assert token.owner() == stranger

    def test_can_be_given_up_for_good(
        self, token: ContractInstance, minter: AccountAPI, owner: AccountAPI
    ) -> None:
        receipt = token.renounceOwnership(sender=owner)
        (log,) = receipt.decode_logs(token.OwnershipTransferred)
        assert (log.previousOwner, log.newOwner, token.owner()) == (owner, ZERO, ZERO)
        told = error("OwnableUnauthorizedAccount(address)", owner)
        assert refusal(token.setMintBudget, owner, 1, sender=owner) == told
        token.mint(minter, 10, sender=minter)

    def test_is_changed_by_nobody_else(
        self, token: ContractInstance, minter: AccountAPI, stranger: AccountAPI
    ) -> None:
        for sender in (stranger, minter):
            told = error("OwnableUnauthorizedAccount(address)", sender)
            assert refusal(token.transferOwnership, sender, sender=sender) == told
            assert refusal(token.renounceOwnership, sender=sender) == told

    def test_is_never_the_zero_address(self, token: ContractInstance, owner: AccountAPI) -> None:
        told = error("OwnableInvalidOwner(address)", ZERO)
        assert refusal(token.transferOwnership, ZERO, sender=owner) == told
