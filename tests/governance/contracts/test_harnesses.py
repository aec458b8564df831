"""What lays internal functions open for the reference's suites, and that each exported example deploys."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ape.api import AccountAPI
from ape.contracts import ContractInstance
from ape.managers.chain import ChainManager
from ape.managers.project import ProjectManager
from web3 import Web3

from .conftest import ZERO, delegate, error, refusal

EXPORTED = Path(__file__).parents[3] / "build" / "reference"


@pytest.fixture(scope="module")
def open_token(project: ProjectManager, owner: AccountAPI) -> ContractInstance:
    """A token that anybody mints and burns."""
    return owner.deploy(project.MeshTokenHarness, "Mesh", "MESH")


class TestToken:
    def test_is_minted_by_anybody(self, open_token: ContractInstance, stranger: AccountAPI) -> None:
        assert open_token.totalSupply() == 0
        open_token.mint(stranger, 5, sender=stranger)
        assert (open_token.totalSupply(), open_token.balanceOf(stranger)) == (5, 5)
        told = error("ERC20InvalidReceiver(address)", ZERO)
        assert refusal(open_token.mint, ZERO, 5, sender=stranger) == told

    def test_is_burned_by_anybody_with_its_votes(
        self, open_token: ContractInstance, owner: AccountAPI, stranger: AccountAPI, chain: ChainManager
    ) -> None:
        delegate(open_token, stranger, sender=owner)
        before = open_token.mint(owner, 5, sender=stranger).timestamp
        receipt = open_token.burn(owner, 2, sender=stranger)
        (moved,) = receipt.decode_logs(open_token.Transfer)
        assert (moved.sender, moved.receiver, moved.value) == (owner, ZERO, 2)
        (voted,) = receipt.decode_logs(open_token.DelegateVotesChanged)
        assert (voted.delegate, voted.previousVotes, voted.newVotes) == (stranger, 5, 3)
        assert (open_token.totalSupply(), open_token.balanceOf(owner)) == (3, 3)
        assert open_token.delegates(owner) == stranger
        chain.mine(timestamp=receipt.timestamp + 10)
        assert open_token.getPastTotalSupply(receipt.timestamp) == 3
        assert before == receipt.timestamp or open_token.getPastTotalSupply(before) == 5

    def test_burns_no_more_than_there_is(
        self, open_token: ContractInstance, owner: AccountAPI, stranger: AccountAPI
    ) -> None:
        open_token.mint(stranger, 9, sender=owner)
        open_token.mint(owner, 5, sender=owner)
        told = error("ERC20InsufficientBalance(address,uint256,uint256)", owner, 5, 6)
        assert refusal(open_token.burn, owner, 6, sender=owner) == told
        told = error("ERC20InvalidSender(address)", ZERO)
        assert refusal(open_token.burn, ZERO, 0, sender=owner) == told
        open_token.burn(owner, 5, sender=owner)
        assert (open_token.totalSupply(), open_token.balanceOf(owner)) == (9, 0)


def test_only_the_harness_lays_anything_open(project: ProjectManager) -> None:
    for name, functions in (("MeshToken", {"burn"}), ("Timelock", {"grant", "revoke"})):
        shipped, laid = (
            {entry.name for entry in getattr(project, each).contract_type.mutable_methods}
            for each in (name, f"{name}Harness")
        )
        assert functions <= laid and not functions & shipped


def test_roles_are_given_and_taken_by_anybody(
    project: ProjectManager, owner: AccountAPI, stranger: AccountAPI
) -> None:
    timelock = owner.deploy(project.TimelockHarness, 5, [], [], ZERO)
    role = timelock.PROPOSER_ROLE()
    told = error("AccessControlUnauthorizedAccount(address,bytes32)", stranger, bytes(32))
    assert refusal(timelock.grantRole, role, stranger, sender=stranger) == told
    receipt = timelock.grant(role, stranger, sender=stranger)
    (log,) = receipt.decode_logs(timelock.RoleGranted)
    assert (bytes(log.role), log.account, log.sender) == (bytes(role), stranger, stranger)
    assert timelock.hasRole(role, stranger)
    receipt = timelock.revoke(role, stranger, sender=stranger)
    (log,) = receipt.decode_logs(timelock.RoleRevoked)
    assert (bytes(log.role), log.account) == (bytes(role), stranger)
    assert not timelock.hasRole(role, stranger)


def filled(value: Any, kind: str, known: dict[str, str]) -> Any:
    """An example's value as it is sent: names replaced by addresses, strings of digits by numbers."""
    if isinstance(value, list):
        return [filled(each, "", known) for each in value]
    if kind.startswith("uint"):
        return int(value)
    return known.get(value, value) if isinstance(value, str) else value


def test_each_exported_example_deploys_in_the_order_of_the_list(
    chain: ChainManager, accounts: Sequence[AccountAPI]
) -> None:
    web3: Web3 = chain.provider.web3
    deployer, known = accounts[0].address, {"@deployer": accounts[0].address}
    chain.provider.make_request("anvil_impersonateAccount", [deployer])
    contracts = {}
    for listed in json.loads((EXPORTED / "index.json").read_text())["contracts"]:
        content = json.loads((EXPORTED / listed["file"]).read_text())
        pairs = zip(content["example"], content["constructor"], strict=True)
        arguments = [filled(value, argument["type"], known) for value, argument in pairs]
        factory = web3.eth.contract(abi=content["abi"], bytecode=content["bytecode"])
        sent = factory.constructor(*arguments).transact({"from": deployer})
        at = web3.eth.wait_for_transaction_receipt(sent)["contractAddress"]
        assert at is not None
        assert web3.eth.get_code(at).startswith(bytes.fromhex(content["deployedBytecode"][2:]))
        known[f"@{content['contract']}"] = at
        contracts[content["contract"]] = web3.eth.contract(at, abi=content["abi"])
    governor, token = contracts["Governor"].functions, contracts["MeshTokenHarness"].functions
    # This one is answered by the code of the rules, which the shipped ABI tells of, too.
    assert governor.proposalGuardian().call() == ZERO
    assert governor.token().call() == known["@MeshTokenHarness"]
    assert governor.timelock().call() == known["@TimelockHarness"]
    web3.eth.wait_for_transaction_receipt(token.mint(deployer, 5).transact({"from": deployer}))
    assert token.balanceOf(deployer).call() == 5
