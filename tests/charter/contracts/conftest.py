"""A charter in force, nodes with bonds, and a registry of violations where two of three auditors decide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from ape.api import AccountAPI
from ape.contracts import ContractInstance
from ape.managers.chain import ChainManager
from ape.managers.project import ProjectManager
from eth_abi import encode
from eth_utils import keccak

SUPPLY = 10**24
MINIMUM_BOND = 10_000
UNBONDING = 30 * 86_400
REVIEW = 3 * 86_400
RECENT = 50
MINIMUM_AGE = 5
GRACE = 5
POLICY = keccak(text="a policy")
KINDS = {
    "silent_collection": (3, 2),
    "metric_over_collection_rate": (2, 1),
    "destination_not_allowed": (0, 3),
    "enforcement_tampered": (3, 4),
    "datagram_malformed": (1, 0),
}
"""Severity and penalty of each kind in the charter of these tests."""


@dataclass(frozen=True)
class Roles:
    """Who does what; one account each."""

    owner: AccountAPI
    committee: AccountAPI
    treasury: AccountAPI
    operator: AccountAPI
    relayer: AccountAPI
    whistleblower: AccountAPI
    auditors: tuple[AccountAPI, ...]
    stranger: AccountAPI


@dataclass(frozen=True)
class Accusation:
    """What a whistleblower commits to, in the order of the commitment."""

    payee: str
    node: bytes
    kind: bytes
    metric: bytes
    charter_version: int
    observed_block: int
    evidence: bytes = field(default=b"\xe1" * 32)
    salt: bytes = field(default=b"\x5a" * 32)

    def arguments(self) -> tuple[Any, ...]:
        """The arguments of `reveal`."""
        return tuple(self.__dict__.values())

    def commitment(self, chain_id: int, registry: str) -> bytes:
        """The commitment, computed without the contract."""
        types = ["uint256", "address", "address", *["bytes32"] * 3, *["uint256"] * 2, *["bytes32"] * 2]
        return keccak(encode(types, [chain_id, registry, *self.arguments()]))

    def but(self, **changed: Any) -> Accusation:
        """The same accusation with something changed."""
        return replace(self, **changed)


@pytest.fixture(scope="module")
def roles(accounts: list[AccountAPI]) -> Roles:
    return Roles(
        owner=accounts[0],
        committee=accounts[1],
        treasury=accounts[2],
        operator=accounts[3],
        relayer=accounts[4],
        whistleblower=accounts[5],
        auditors=tuple(accounts[6:9]),
        stranger=accounts[9],
    )


@pytest.fixture(scope="module")
def charter(project: ProjectManager, roles: Roles) -> ContractInstance:
    """A charter without any version."""
    return roles.owner.deploy(project.Charter, GRACE)


@pytest.fixture(scope="module")
def enacted(charter: ContractInstance, roles: Roles) -> ContractInstance:
    """A charter at version 1 that allows `latency_p50`, forbids `user_location` and knows the kinds."""
    charter.allow_metric("latency_p50", "{}", sender=roles.owner)
    charter.forbid_metric("user_location", sender=roles.owner)
    for kind, (severity, penalty) in KINDS.items():
        charter.set_violation(kind, severity, penalty, sender=roles.owner)
    charter.enact(charter.draft_digest(), POLICY, sender=roles.owner)
    return charter


@pytest.fixture(scope="module")
def token(project: ProjectManager, roles: Roles) -> ContractInstance:
    contract = roles.owner.deploy(project.MeshToken, "Mesh", "MESH", SUPPLY, roles.owner, roles.owner)
    contract.transfer(roles.operator, 100 * MINIMUM_BOND, sender=roles.owner)
    return contract


@pytest.fixture(scope="module")
def nodes(project: ProjectManager, roles: Roles, token: ContractInstance) -> ContractInstance:
    contract = roles.owner.deploy(project.NodeRegistry, token, roles.treasury, MINIMUM_BOND, UNBONDING)
    token.approve(contract, 2**256 - 1, sender=roles.operator)
    return contract


@pytest.fixture(scope="module")
def registry(
    project: ProjectManager, roles: Roles, enacted: ContractInstance, nodes: ContractInstance
) -> ContractInstance:
    zero = "0x" + "00" * 20
    contract = roles.owner.deploy(
        project.ViolationRegistry, enacted, nodes, roles.committee, RECENT, REVIEW, zero
    )
    contract.set_auditors([auditor.address for auditor in roles.auditors], 2, sender=roles.owner)
    nodes.set_arbiter(contract, sender=roles.owner)
    return contract


@pytest.fixture(scope="module")
def node(registry: ContractInstance, nodes: ContractInstance, roles: Roles) -> bytes:
    """A node of the operator, with a bond whose fines do not divide evenly."""
    nodes.register(b"\x01" * 32, "http://node:1", MINIMUM_BOND + 3, sender=roles.operator)
    return keccak(encode(["address", "bytes32"], [roles.operator.address, b"\x01" * 32]))


@pytest.fixture
def accusation(roles: Roles, node: bytes, chain: ChainManager) -> Accusation:
    """The whistleblower saw `user_location` leave the node."""
    return Accusation(
        payee=roles.whistleblower.address,
        node=node,
        kind=keccak(text="silent_collection"),
        metric=keccak(text="user_location"),
        charter_version=1,
        observed_block=chain.blocks.head.number or 0,
    )


@pytest.fixture
def commit(registry: ContractInstance, roles: Roles, chain: ChainManager) -> Callable[[Accusation], None]:
    """Commits to an accusation, sent by the relayer; the next block may reveal it."""

    def send(accusation: Accusation) -> None:
        commitment = accusation.commitment(chain.chain_id, registry.address)
        registry.commit(commitment, sender=roles.relayer)
        chain.mine(MINIMUM_AGE - 1)

    return send


@pytest.fixture
def accuse(
    registry: ContractInstance, roles: Roles, commit: Callable[[Accusation], None]
) -> Callable[[Accusation], int]:
    """Commits and reveals; returns the number of the case."""

    def send(accusation: Accusation) -> int:
        commit(accusation)
        registry.reveal(*accusation.arguments(), sender=roles.relayer)
        return int(registry.case_count())

    return send


@pytest.fixture(autouse=True)
def each_test(isolated: None) -> None:
    """Leaves the chain as it found it."""
