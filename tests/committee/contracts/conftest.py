"""A committee of three with a threshold of two, and keys that can sign for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from ape.api import AccountAPI
from ape.contracts import ContractInstance
from ape.managers.chain import ChainManager
from ape.managers.project import ProjectManager
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

TOPIC = keccak(text="charter")
PAYLOAD = b"what was seen"

Report = tuple[bytes, int, int, bytes, bytes, int]
"""topic, sequence, observed block, payload hash, configuration digest, deadline."""

REPORT_TYPE = {
    "Report": [
        {"name": "topic", "type": "bytes32"},
        {"name": "sequence", "type": "uint256"},
        {"name": "observedBlock", "type": "uint256"},
        {"name": "payloadHash", "type": "bytes32"},
        {"name": "configDigest", "type": "bytes32"},
        {"name": "deadline", "type": "uint256"},
    ]
}


def sorted_keys(seeds: Iterable[str]) -> list[LocalAccount]:
    """Accounts made from `seeds`, by ascending address."""
    keys = [Account.from_key(keccak(text=seed)) for seed in seeds]
    return sorted(keys, key=lambda key: int(key.address, 16))


def sign(key: LocalAccount, report: Report, *, contract: str, chain_id: int) -> bytes:
    """The signature of `report`, made by eth-account alone: a second opinion on the typed data."""
    domain = {
        "name": "Westworld OracleCommittee",
        "version": "1",
        "chainId": chain_id,
        "verifyingContract": contract,
    }
    names = [field["name"] for field in REPORT_TYPE["Report"]]
    message = dict(zip(names, report, strict=True))
    return bytes(key.sign_message(encode_typed_data(domain, REPORT_TYPE, message)).signature)


@pytest.fixture(scope="session")
def owner(accounts: list[AccountAPI]) -> AccountAPI:
    return accounts[0]


@pytest.fixture(scope="session")
def stranger(accounts: list[AccountAPI]) -> AccountAPI:
    return accounts[1]


@pytest.fixture(scope="session")
def keys() -> list[LocalAccount]:
    return sorted_keys(f"member {i}" for i in range(3))


@pytest.fixture
def sink(project: ProjectManager, owner: AccountAPI) -> ContractInstance:
    return owner.deploy(project.ReportSink)


@pytest.fixture
def committee(
    project: ProjectManager, owner: AccountAPI, keys: list[LocalAccount], sink: ContractInstance
) -> ContractInstance:
    contract = owner.deploy(project.OracleCommittee, [key.address for key in keys], 2)
    contract.set_topic(TOPIC, sink, sender=owner)
    return contract


@pytest.fixture
def make_report(committee: ContractInstance, chain: ChainManager) -> Callable[..., Report]:
    """A report that would be accepted; each keyword makes one thing differ."""

    def make(**changed: Any) -> Report:
        fields: dict[str, Any] = {
            "topic": TOPIC,
            "sequence": 7,
            "observed_block": chain.blocks.height - 1,
            "payload_hash": keccak(PAYLOAD),
            "config_digest": bytes(committee.config_digest()),
            "deadline": chain.pending_timestamp + 1_000,
        }
        assert not changed.keys() - fields.keys()
        return tuple((fields | changed).values())

    return make


@pytest.fixture
def signed(committee: ContractInstance, chain: ChainManager) -> Callable[..., list[bytes]]:
    """Signatures of one report by several keys, in the keys' order."""

    def make(report: Report, *signers: LocalAccount) -> list[bytes]:
        return [sign(key, report, contract=committee.address, chain_id=chain.chain_id) for key in signers]

    return make


@pytest.fixture(autouse=True)
def each_test(isolated: None) -> None:
    """Leaves the chain as it found it."""
