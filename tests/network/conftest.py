"""A registry of nodes whose arbiter is a plain account, so that each rule can be tried by itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ape.api import AccountAPI
from ape.contracts import ContractInstance
from ape.managers.project import ProjectManager

SUPPLY = 10**24
MINIMUM_BOND = 1_000
UNBONDING = 7 * 86_400
KEY = b"\x01" * 32
ENDPOINT = "http://node.example:8000"


@pytest.fixture(scope="module")
def owner(accounts: list[AccountAPI]) -> AccountAPI:
    return accounts[0]


@pytest.fixture(scope="module")
def operator(accounts: list[AccountAPI]) -> AccountAPI:
    return accounts[1]


@pytest.fixture(scope="module")
def arbiter(accounts: list[AccountAPI]) -> AccountAPI:
    return accounts[2]


@pytest.fixture(scope="module")
def stranger(accounts: list[AccountAPI]) -> AccountAPI:
    return accounts[3]


@pytest.fixture(scope="module")
def treasury(accounts: list[AccountAPI]) -> AccountAPI:
    return accounts[4]


@pytest.fixture(scope="module")
def token(project: ProjectManager, owner: AccountAPI, operator: AccountAPI) -> ContractInstance:
    contract = owner.deploy(project.MeshToken, "Mesh", "MESH", SUPPLY, owner, owner)
    contract.transfer(operator, 100 * MINIMUM_BOND, sender=owner)
    return contract


@pytest.fixture(scope="module")
def nodes(
    project: ProjectManager,
    owner: AccountAPI,
    operator: AccountAPI,
    arbiter: AccountAPI,
    treasury: AccountAPI,
    token: ContractInstance,
) -> ContractInstance:
    contract = owner.deploy(project.NodeRegistry, token, treasury, MINIMUM_BOND, UNBONDING)
    contract.set_arbiter(arbiter, sender=owner)
    token.approve(contract, 2**256 - 1, sender=operator)
    return contract


@pytest.fixture
def register(nodes: ContractInstance, operator: AccountAPI) -> Callable[..., bytes]:
    """Registers a node of the operator and returns its id."""

    def make(key: bytes = KEY, bond: int = MINIMUM_BOND) -> bytes:
        receipt = nodes.register(key, ENDPOINT, bond, sender=operator)
        return bytes(receipt.events.filter(nodes.NodeRegistered)[0].node)

    return make


@pytest.fixture
def node(register: Callable[..., bytes]) -> bytes:
    return register()


@pytest.fixture(autouse=True)
def each_test(isolated: None) -> None:
    """Leaves the chain as it found it."""
