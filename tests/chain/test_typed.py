"""Typed data, deployments and fees: plain values, checked against independent computation."""

import json
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_account import Account
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from oracles.chain.deployment import Deployment
from oracles.chain.errors import DeploymentFault
from oracles.chain.fees import GWEI, FeePolicy, Fees
from oracles.chain.typed import (
    COMMITTEE_NAME,
    Domain,
    Report,
    ballot_message,
    delegation_message,
    digest,
    extended_ballot_message,
    permit_message,
    report_message,
    sign,
    signer,
)

ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
DOMAIN = Domain(COMMITTEE_NAME, 31337, ADDRESS)
KEY = Account.create()
TOPIC, PAYLOAD, CONFIG = (bytes([number]) * 32 for number in (1, 2, 3))
DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"


def _by_hand(kind: str, types: list[str], values: list[Any]) -> bytes:
    """EIP-712's digest, written out as the standard has it."""
    domain = encode(
        ["bytes32", "bytes32", "bytes32", "uint256", "address"],
        [keccak(text=DOMAIN_TYPE), keccak(text=DOMAIN.name), keccak(text="1"), 31337, ADDRESS],
    )
    struct = encode(["bytes32", *types], [keccak(text=kind), *values])
    return keccak(b"\x19\x01" + keccak(domain) + keccak(struct))


@given(sequence=st.integers(0, 2**256 - 1), deadline=st.integers(0, 2**256 - 1))
def test_a_report_hashes_as_the_standard_says(sequence: int, deadline: int) -> None:
    report = Report(TOPIC, sequence, 5, PAYLOAD, CONFIG, deadline)
    kind = "Report(bytes32 topic,uint256 sequence,uint256 observedBlock,"
    kind += "bytes32 payloadHash,bytes32 configDigest,uint256 deadline)"
    types = ["bytes32", "uint256", "uint256", "bytes32", "bytes32", "uint256"]
    values = [TOPIC, sequence, 5, PAYLOAD, CONFIG, deadline]
    assert digest(report_message(DOMAIN, report)) == _by_hand(kind, types, values)


def test_governance_messages_hash_as_their_references_say() -> None:
    ballot = "uint256 proposalId,uint8 support,address voter,uint256 nonce"
    numbers = ["uint256", "uint8", "address", "uint256"]
    assert digest(ballot_message(DOMAIN, 7, 1, ADDRESS, 2)) == _by_hand(
        f"Ballot({ballot})", numbers, [7, 1, ADDRESS, 2]
    )
    assert digest(extended_ballot_message(DOMAIN, 7, 1, ADDRESS, 2, "why", b"p")) == _by_hand(
        f"ExtendedBallot({ballot},string reason,bytes params)",
        [*numbers, "bytes32", "bytes32"],
        [7, 1, ADDRESS, 2, keccak(text="why"), keccak(b"p")],
    )
    assert digest(delegation_message(DOMAIN, ADDRESS, 2, 9)) == _by_hand(
        "Delegation(address delegatee,uint256 nonce,uint256 expiry)",
        ["address", "uint256", "uint256"],
        [ADDRESS, 2, 9],
    )
    assert digest(permit_message(DOMAIN, ADDRESS, ADDRESS, 5, 2, 9)) == _by_hand(
        "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)",
        ["address", "address", "uint256", "uint256", "uint256"],
        [ADDRESS, ADDRESS, 5, 2, 9],
    )


def test_a_signature_names_its_signer_and_nothing_else_does() -> None:
    message = report_message(DOMAIN, Report(TOPIC, 1, 2, PAYLOAD, CONFIG, 3))
    signature = sign(KEY, message)
    assert len(signature) == 65 and signer(message, signature) == KEY.address
    other = report_message(DOMAIN, Report(TOPIC, 2, 2, PAYLOAD, CONFIG, 3))
    assert signer(other, signature) != KEY.address
    for broken in (b"", signature[:-1], bytes(65)):
        with pytest.raises(ValueError, match="not a signature"):
            signer(message, broken)


GOOD = {
    "chain_id": 1,
    "deployed_block": 2,
    "contracts": {"Charter": {"address": ADDRESS, "api_version": "1"}},
}


def test_a_deployment_is_read(tmp_path: Path) -> None:
    (tmp_path / "d.json").write_text(json.dumps(GOOD))
    deployment = Deployment.load(tmp_path / "d.json")
    assert (deployment.chain_id, deployment.deployed_block) == (1, 2)
    assert deployment.address("Charter") == ADDRESS


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"chain_id": 0}, "chain_id"),
        ({"surplus": 1}, "surplus"),
        ({"contracts": {"Charter": {"address": "0x1", "api_version": "1"}}}, "contracts.Charter.address"),
    ],
)
def test_a_deployment_that_is_wrong_says_where(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    (tmp_path / "d.json").write_text(json.dumps(GOOD | change))
    with pytest.raises(DeploymentFault, match=said):
        Deployment.load(tmp_path / "d.json")


def test_a_deployment_that_is_missing_or_no_json_says_so(tmp_path: Path) -> None:
    with pytest.raises(DeploymentFault, match="cannot read"):
        Deployment.load(tmp_path / "d.json")
    (tmp_path / "d.json").write_text("{")
    with pytest.raises(DeploymentFault, match="not valid"):
        Deployment.load(tmp_path / "d.json")


wei = st.integers(1, 10**13)


@given(base=wei, tip=wei, later_base=wei, later_tip=wei)
def test_a_replacement_is_always_dear_enough_and_never_over_the_ceiling(
    base: int, tip: int, later_base: int, later_tip: int
) -> None:
    policy = FeePolicy(ceiling=10**13)
    first = policy.first(base, tip)
    assert (first is None) == (2 * base + tip > policy.ceiling)
    if first is not None:
        assert first == Fees(2 * base + tip, tip)
        second = policy.replacement(first, later_base, later_tip)
        if second is not None:
            assert second.max_fee * 10 >= first.max_fee * 11 and second.tip * 10 >= first.tip * 11
            assert second.max_fee >= 2 * later_base + later_tip
            assert second.tip <= second.max_fee <= policy.ceiling


def test_fees_over_the_ceiling_are_not_paid() -> None:
    assert FeePolicy(ceiling=GWEI).first(GWEI, 1) is None
