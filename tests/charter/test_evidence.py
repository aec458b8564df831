"""Evidence is sealed to every auditor and to nobody else; reports bind all that they say."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import replace

import pytest
from eth_abi.abi import decode
from eth_utils.crypto import keccak
from nacl.public import PrivateKey, SealedBox
from nacl.secret import SecretBox
from pydantic import ValidationError

from oracles.chain.contract import load_abi
from oracles.charter.canonical import name_id
from oracles.charter.evidence import (
    MAX_EVIDENCE_BYTES,
    Evidence,
    EvidenceRefused,
    SealedEvidence,
    seal,
    unseal,
)
from oracles.charter.violation_report import NOBODY, Report, Scene, report_violation
from oracles.charter.vocabulary import Kind

ALICE, BOB, EVE = (PrivateKey.generate() for _ in range(3))
AUDITORS = {"0xAA": bytes(ALICE.public_key), "0xBB": bytes(BOB.public_key), "0xCC": bytes(32)}
REGISTRY = "0x" + "22" * 20
NODE = "0x" + "11" * 32
PAYEE = "0x" + "44" * 20
SCENE = Scene(31337, REGISTRY, 3, 120, AUDITORS, minimum_age=5, listed=True)
CONTENT = b"52.5200, 13.4050 at 12:01\0raw"
EVIDENCE = Evidence("user_location", CONTENT)


def test_each_auditor_opens_it_and_nobody_else() -> None:
    sealed, salted = seal(EVIDENCE, AUDITORS)
    again = SealedEvidence.from_json(sealed.to_json())

    assert unseal(again, "0xaa", ALICE) == unseal(again, "0xBB", BOB) == salted
    assert salted.evidence == EVIDENCE
    assert "0x" + salted.hash.hex() == sealed.evidence
    with pytest.raises(EvidenceRefused, match="does not open"):
        unseal(again, "0xAA", EVE)
    with pytest.raises(EvidenceRefused, match="it was not sealed to 0xCC"):
        unseal(again, "0xCC", EVE)


def test_nothing_of_the_content_shows_and_equal_contents_differ() -> None:
    one, other = seal(EVIDENCE, AUDITORS)[0], seal(EVIDENCE, AUDITORS)[0]

    assert CONTENT not in one.to_json()
    assert b"user_location" not in one.to_json()
    assert b64encode(CONTENT) not in one.to_json()
    assert one.evidence != other.evidence  # salted: the hash of what can be guessed tells nothing


def test_altered_evidence_is_refused() -> None:
    sealed, _ = seal(EVIDENCE, AUDITORS)
    flipped = bytearray(b64decode(sealed.content))
    flipped[-1] ^= 1
    altered = sealed.model_copy(update={"content": b64encode(bytes(flipped)).decode()})
    another = sealed.model_copy(update={"evidence": "0x" + "00" * 32})

    with pytest.raises(EvidenceRefused, match="does not open"):
        unseal(altered, "0xAA", ALICE)
    with pytest.raises(EvidenceRefused, match="not what its hash says"):
        unseal(another, "0xAA", ALICE)


@pytest.mark.parametrize("content", [b"", b"x" * (MAX_EVIDENCE_BYTES + 1)])
def test_evidence_of_a_strange_size_is_refused(content: bytes) -> None:
    with pytest.raises(EvidenceRefused, match="are possible"):
        seal(Evidence("user_location", content), AUDITORS)


def test_without_an_auditor_s_key_nothing_is_sealed() -> None:
    with pytest.raises(EvidenceRefused, match="no auditor has published a key"):
        seal(EVIDENCE, {"0xCC": bytes(32)})


def test_what_names_no_metric_is_refused() -> None:
    key, plain = bytes(range(32)), bytes(32) + b"no name"
    sealed = SealedEvidence(
        evidence="0x" + keccak(plain).hex(),
        content=b64encode(bytes(SecretBox(key).encrypt(plain))).decode(),
        keys={"0xaa": b64encode(SealedBox(ALICE.public_key).encrypt(key)).decode()},
    )

    with pytest.raises(EvidenceRefused, match="names no metric"):
        unseal(sealed, "0xAA", ALICE)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"format":"westworld-evidence/2"}'])
def test_file_that_is_no_sealed_evidence_is_refused(data: bytes) -> None:
    with pytest.raises(EvidenceRefused, match="this is no sealed evidence"):
        SealedEvidence.from_json(data)


def made() -> tuple[Report, SealedEvidence]:
    return report_violation(Kind.SILENT_COLLECTION, PAYEE, NODE, EVIDENCE, SCENE)


@pytest.mark.feature("C4.1")
def test_report_says_who_did_what_and_the_evidence_is_sealed() -> None:
    report, sealed = made()

    assert report.kind is Kind.SILENT_COLLECTION
    assert (report.node, report.metric, report.charter_version) == (NODE, "user_location", 3)
    assert report.evidence == sealed.evidence
    assert unseal(sealed, "0xAA", ALICE).evidence == EVIDENCE
    assert Report.model_validate_json(report.to_json()) == report


def test_a_name_that_the_charter_does_not_list_is_on_chain_only_as_a_salted_hash() -> None:
    listed, _ = made()
    unlisted, sealed = report_violation(
        Kind.SILENT_COLLECTION, PAYEE, NODE, EVIDENCE, replace(SCENE, listed=False)
    )

    assert listed.metric_id == "0x" + name_id("user_location").hex()
    assert name_id("user_location") not in unlisted.reveal_data
    assert b"user_location" not in unlisted.reveal_data
    assert unlisted.metric_id == "0x" + unseal(sealed, "0xAA", ALICE).metric_id(listed=False).hex()


@pytest.mark.feature("C4.1")
def test_calls_are_the_contract_s_and_the_commitment_hides_the_report() -> None:
    report, _ = made()
    abi = load_abi("ViolationRegistry")

    assert report.commit_data == abi.encode("commit", report.commitment)
    assert report.reveal_data == abi.encode("reveal", *report.arguments)
    commit = json.loads(report.for_relayer("commit"))
    assert commit["data"] == "0x" + report.commit_data.hex()
    assert commit["chain_id"] == 31337
    for secret in (PAYEE[2:], NODE[2:], name_id("user_location").hex(), report.salt[2:]):
        assert secret not in commit["data"]
    payee = decode(["address"], report.reveal_data[4:36])[0]
    assert payee.lower() == PAYEE


@pytest.mark.parametrize(
    "change",
    [
        {"payee": NOBODY},
        {"chain_id": 1},
        {"registry": "0x" + "33" * 20},
        {"node": "0x" + "12" * 32},
        {"salt": "0x" + "00" * 32},
        {"observed_block": 121},
        {"charter_version": 4},
        {"metric_id": "0x" + "13" * 32},
    ],
)
def test_commitment_binds_everything(change: dict[str, object]) -> None:
    report, _ = made()

    assert report.model_copy(update=change).commitment != report.commitment


@pytest.mark.parametrize(
    ("reporter", "target", "metric"),
    [("nobody", NODE, "m"), (PAYEE, "0x12", "m"), (PAYEE, NODE, "not a name")],
)
def test_what_is_no_report_is_refused(reporter: str, target: str, metric: str) -> None:
    with pytest.raises(ValidationError):
        report_violation(Kind.SILENT_COLLECTION, reporter, target, Evidence(metric, CONTENT), SCENE)
