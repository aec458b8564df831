"""Everything that `ape run deploy` deploys, by its own functions, on the development plan."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from ape.api import AccountAPI
from ape.contracts import ContractInstance
from ape.managers.chain import ChainManager

from scripts import deploy
from scripts._deployment.plan import Plan

PLAN = Path(__file__).parents[3] / "deploy" / "environments" / "development" / "plan.yaml"
Contracts = dict[str, ContractInstance]


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan.load(PLAN)


@pytest.fixture(scope="module")
def first_block(chain: ChainManager) -> int:
    """The block from which on the deployment is."""
    return (chain.blocks.head.number or 0) + 1


@pytest.fixture(scope="module")
def members(accounts: Sequence[AccountAPI]) -> Sequence[AccountAPI]:
    """The plan's holders of tokens; the first is its oracle, the second its auditor."""
    return accounts[1:4]


@pytest.fixture(scope="module")
def contracts(
    plan: Plan, first_block: int, accounts: Sequence[AccountAPI], members: Sequence[AccountAPI]
) -> Contracts:
    """All contracts, wired, the deployer's powers given up, and the members' votes delegated."""
    deployer = accounts[0]
    made = deploy.deploy(plan, deployer)
    deploy.publish_charter(plan, made["Charter"], deployer)
    deploy.seat(plan, made, deployer)
    deploy.share_out(plan, made, deployer)
    deploy.hand_over(made, deployer)
    for member in members:
        # ape has a `delegate` of its own on every address, which hides the token's.
        made["MeshToken"].invoke_transaction("delegate", member, sender=member)
    return made


@pytest.fixture(autouse=True)
def each_test(isolated: None) -> None:
    """Leaves the chain as it found it."""
