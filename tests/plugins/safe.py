"""A real Safe: the contracts that npm ships compiled (`@safe-global/safe-contracts`), deployed on the devnet.

Owners sign off-chain by EIP-712, anybody sends. A Safe acts by a transaction of its own (`SafeTx`) and signs
by ERC-1271, which its fallback handler answers (`SafeMessage`). Signatures stand in the order of the owners'
addresses, as the Safe wants them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ape.api import AccountAPI
from ape.contracts import ContractContainer, ContractInstance
from eth_account.messages import SignableMessage, encode_typed_data
from eth_account.signers.local import LocalAccount
from ethpm_types import ContractType

from oracles.chain.block import Call
from oracles.chain.typed import sign

ARTIFACTS = (
    Path(__file__).resolve().parents[1]
    / "node_modules"
    / "@safe-global"
    / "safe-contracts"
    / "build"
    / "artifacts"
    / "contracts"
)
ZERO = "0x" + "00" * 20

_TRANSACTION = (
    ("address", "to"),
    ("uint256", "value"),
    ("bytes", "data"),
    ("uint8", "operation"),
    ("uint256", "safeTxGas"),
    ("uint256", "baseGas"),
    ("uint256", "gasPrice"),
    ("address", "gasToken"),
    ("address", "refundReceiver"),
    ("uint256", "nonce"),
)
_MESSAGE = (("bytes", "message"),)


class SafeContracts(NamedTuple):
    """What all Safes of a chain share."""

    singleton: ContractInstance
    """The code that each Safe, a proxy, runs in its own storage."""
    factory: ContractInstance
    fallback_handler: ContractInstance
    """What answers ERC-1271 for a Safe."""


@dataclass(frozen=True)
class Safe:
    """A Safe, and the keys of its owners."""

    contract: ContractInstance
    handler: ContractInstance
    chain_id: int
    owners: Sequence[LocalAccount]

    @property
    def address(self) -> str:
        """The Safe's own address, which is what it acts as."""
        return str(self.contract.address)

    @property
    def nonce(self) -> int:
        """How many transactions the Safe has made; ape's own `nonce`, the account's, hides the Safe's."""
        return int(self.contract.call_view_method("nonce"))

    def transaction(self, call: Call) -> SignableMessage:
        """What owners sign for the Safe to make a call as its next transaction, without a refund."""
        values = (call.to, call.value, call.data, 0, 0, 0, 0, ZERO, ZERO, self.nonce)
        return self._typed("SafeTx", _TRANSACTION, values)

    def message(self, digest: bytes) -> SignableMessage:
        """What owners sign for the Safe to have signed a digest of 32 bytes (ERC-1271)."""
        return self._typed("SafeMessage", _MESSAGE, (digest,))

    def signatures(self, message: SignableMessage, signers: Sequence[LocalAccount]) -> bytes:
        """The signatures of some keys, 65 bytes each, in the order of their addresses."""
        ordered = sorted(signers, key=lambda signer: int(signer.address, 16))
        return b"".join(sign(signer, message) for signer in ordered)

    def arguments(self, call: Call, signers: Sequence[LocalAccount]) -> tuple[Any, ...]:
        """The arguments of `execTransaction`, signed by some keys for the Safe's present nonce."""
        signatures = self.signatures(self.transaction(call), signers)
        return (call.to, call.value, call.data, 0, 0, 0, 0, ZERO, ZERO, signatures)

    def execute(self, call: Call, signers: Sequence[LocalAccount], *, sender: AccountAPI) -> Any:
        """Makes a call as the Safe; returns the receipt.

        Raises ape's `ContractLogicError`: `GS020` or `GS026` for too few owners, `GS013` where the call
        itself reverts.
        """
        return self.contract.execTransaction(*self.arguments(call, signers), sender=sender)

    def _typed(self, name: str, fields: Sequence[tuple[str, str]], values: Sequence[Any]) -> SignableMessage:
        domain = {"chainId": self.chain_id, "verifyingContract": self.address}
        types = {name: [{"type": kind, "name": field} for kind, field in fields]}
        named = {field: value for (_, field), value in zip(fields, values, strict=True)}
        return encode_typed_data(domain, types, named)


def deploy_safe_contracts(deployer: AccountAPI) -> SafeContracts:
    """What Safes need on a chain. Raises `FileNotFoundError` where scripts/setup has not installed it."""
    return SafeContracts(
        deployer.deploy(_container("Safe.sol", "Safe")),
        deployer.deploy(_container("proxies/SafeProxyFactory.sol", "SafeProxyFactory")),
        deployer.deploy(
            _container("handler/CompatibilityFallbackHandler.sol", "CompatibilityFallbackHandler")
        ),
    )


def deploy_safe(
    contracts: SafeContracts,
    owners: Sequence[LocalAccount],
    threshold: int,
    *,
    sender: AccountAPI,
    salt: int = 0,
) -> Safe:
    """A Safe that acts when `threshold` of its owners sign. Two with the same owners need two salts."""
    singleton, factory, handler = contracts
    addresses = [owner.address for owner in owners]
    setup = singleton.setup.encode_input(addresses, threshold, ZERO, b"", handler.address, ZERO, 0, ZERO)
    receipt = factory.createProxyWithNonce(singleton.address, setup, salt, sender=sender)
    (made,) = receipt.decode_logs(factory.ProxyCreation)
    contract = ContractInstance(made.proxy, singleton.contract_type)
    return Safe(contract, handler, int(contract.provider.chain_id), owners)


def _container(file: str, name: str) -> ContractContainer:
    artifact = json.loads((ARTIFACTS / file / f"{name}.json").read_text(encoding="utf-8"))
    return ContractContainer(
        ContractType.model_validate(
            {
                "contractName": name,
                "abi": artifact["abi"],
                "deploymentBytecode": {"bytecode": artifact["bytecode"]},
            }
        )
    )
