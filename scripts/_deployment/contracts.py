"""Contracts as ape deploys them."""

from __future__ import annotations

from ape.contracts import ContractContainer
from ape.managers.project import ProjectManager
from ethpm_types import ContractType

from oracles.chain.contract import load_abi


def governor(project: ProjectManager) -> ContractContainer:
    """The Governor with its whole ABI: that of its own code and of the code that it hands calls on to.

    The compiler knows of the first alone (`contracts/governance/abi.toml`).
    """
    own = project.Governor.contract_type.model_dump(mode="json", by_alias=True, exclude_none=True)
    return ContractContainer(ContractType.model_validate(own | {"abi": load_abi("Governor").entries}))
