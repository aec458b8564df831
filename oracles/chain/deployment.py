"""What is deployed where: the file that `ape run deploy` writes and daemons read (WESTWORLD_DEPLOYMENT)."""

from pathlib import Path
from typing import Annotated

from eth_utils.address import is_address, to_checksum_address
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from oracles.chain.errors import DeploymentFault


def _address(text: str) -> str:
    if not is_address(text):
        raise ValueError(f"{text!r} is not an address")
    return to_checksum_address(text)


class DeployedContract(BaseModel):
    """One contract: where it is and which API version it was deployed with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: Annotated[str, AfterValidator(_address)]
    api_version: str


class Deployment(BaseModel):
    """All contracts of one deployment. `deployed_block` is the first block whose events matter."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    chain_id: int = Field(gt=0)
    deployed_block: int = Field(ge=0)
    contracts: dict[str, DeployedContract]

    @classmethod
    def load(cls, path: Path) -> "Deployment":
        """Read the file; raises `DeploymentFault` saying what is wrong with it, and where."""
        try:
            return cls.model_validate_json(path.read_text(encoding="utf-8"))
        except OSError as fault:
            raise DeploymentFault(f"cannot read the deployment file {path}: {fault.strerror}") from None
        except ValidationError as fault:
            where = "; ".join(
                f"{'.'.join(map(str, error['loc'])) or 'file'}: {error['msg']}" for error in fault.errors()
            )
            raise DeploymentFault(f"the deployment file {path} is not valid: {where}") from None

    def address(self, name: str) -> str:
        """A contract's address in checksum form; raises `DeploymentFault` if the deployment has none of
        that name.
        """
        try:
            return self.contracts[name].address
        except KeyError:
            raise DeploymentFault(
                f"the deployment names no contract {name}; it has {', '.join(sorted(self.contracts))}"
            ) from None
