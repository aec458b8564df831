"""Audits of ledgers and of metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from charter_strategies import rule
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from oracles.chain.block import Block, Log
from oracles.chain.codec import Event
from oracles.charter.audit import AuditRefused, audit_ledger, audit_metrics
from oracles.charter.entry import AgentStarted, Attempt, encode, evidence_hash
from oracles.charter.node_audit import NodeRecord, audit_node, events_of
from oracles.charter.node_client import NodeClient
from oracles.charter.policy import Policy
from oracles.charter.vocabulary import Kind, Standing
from oracles.ledger.ledger import Ledger
from oracles.ledger.note import Signer, Verifier

NODE, OTHER = "0x" + "11" * 32, "0x" + "22" * 32
NAME = f"westworld/node/{NODE}"
SEED = b"k" * 32
POLICY = Policy(version="1", metrics={"m": rule(maximum=5)}, forbidden=frozenset({"user_location"}))


def attempt(node: str = NODE, count: int = 1) -> bytes:
    return encode(
        Attempt(
            node=node,
            time=1,
            kind=Kind.METRIC_NOT_ALLOWED,
            metric="user_location",
            reason="forbidden",
            count=count,
            charter_version=1,
            observed_block=1,
            scope="datagram",
        )
    )


def signer() -> Signer:
    return Signer(NAME, SEED)


def verifier() -> Verifier:
    from nacl.signing import SigningKey

    return Verifier(NAME, bytes(SigningKey(SEED).verify_key))


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "ledger"
    with Ledger.open(path, signer()) as opened:
        opened.append(encode(AgentStarted(node=NODE, time=1, release="0.1.0", adopted=False)))
        opened.append(attempt(count=2))
        opened.append(attempt(OTHER))
        opened.append(attempt(count=3))
        opened.checkpoint()
    return path


@pytest.mark.feature("C7.2")
def test_ledger_is_whole_and_a_node_s_entries_are_found(ledger: Path) -> None:
    report = audit_ledger(ledger, NODE, [verifier()])

    assert report.sound
    assert (report.size, report.signed, report.signature) == (4, 4, True)
    assert [one.index for one in report.entries] == [0, 1, 3]
    assert report.attempts == {("metric_not_allowed", "user_location"): 5}


@pytest.mark.feature("C7.2")
@pytest.mark.feature("C3.3")
def test_first_bad_entry_is_named(ledger: Path) -> None:
    segment = ledger / "segments" / "000000"
    data = bytearray(segment.read_bytes())
    place = data.index(b'"count":2')
    data[place + 8] = ord("1")
    segment.write_bytes(data)

    report = audit_ledger(ledger)

    assert not report.sound
    assert report.fault is not None
    assert report.fault.startswith("entry 1 ")
    assert [one.index for one in report.entries] == [0]


def test_torn_tail_is_said_and_is_no_fault(ledger: Path) -> None:
    segment = ledger / "segments" / "000000"
    data = bytearray(segment.read_bytes())
    end = len(data.rstrip(b"\0"))
    end += -end % 8
    data[end : end + 20] = b"\x30\x00\x00\x00" + b"torn".ljust(16, b"x")
    segment.write_bytes(data)

    report = audit_ledger(ledger)

    assert report.sound
    assert report.torn is not None
    assert "4 durable entries" in report.torn


def test_entry_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    with Ledger.open(path, signer()) as opened:
        opened.append(attempt())
        opened.append(b"hello")

    report = audit_ledger(path)

    assert report.fault == "entry 1: it is no JSON"
    assert report.size == 1


def test_folder_without_a_ledger_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AuditRefused):
        audit_ledger(tmp_path)


def record(*told: tuple[int, bytes]) -> NodeRecord:
    log = Log("0x" + "00" * 20, (), b"", 7, b"", b"", 0)
    events = tuple(
        Event(
            "AttemptRecorded",
            {"node": bytes.fromhex(NODE[2:]), "entry": index, "evidence": evidence, "payee": "0xsecret"},
            log,
        )
        for index, evidence in told
    )
    return NodeRecord(
        NODE, Standing.ACTIVE, "http://node", verifier().public_key, 0, Block(9, b"", b"", 0), events
    )


async def audited(entries: list[bytes], shown: list[bytes], found: NodeRecord, tmp_path: Path) -> Any:
    from base64 import b64encode

    with Ledger.open(tmp_path / "node", signer()) as opened:
        for entry in entries:
            opened.append(entry)
        note = opened.checkpoint()

    async def checkpoint(request: Request) -> Response:
        return PlainTextResponse(note)

    async def page(request: Request) -> Response:
        start, end = int(request.query_params["start"]), int(request.query_params["end"])
        return JSONResponse({"entries": [b64encode(entry).decode() for entry in shown[start:end]]})

    app = Starlette(routes=[Route("/v1/checkpoint", checkpoint), Route("/v1/entries", page)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
        return await audit_node(NodeClient(client, private=True), found)


@pytest.mark.anyio
async def test_node_that_shows_what_it_signed_and_reported_is_sound(tmp_path: Path) -> None:
    entries = [attempt() for _ in range(300)]

    report = await audited(entries, entries, record((7, evidence_hash(entries[7]))), tmp_path)

    assert report.sound
    assert (report.size, report.signed) == (300, 300)


@pytest.mark.anyio
async def test_node_that_shows_another_entry_than_it_reported_is_caught(tmp_path: Path) -> None:
    entries = [attempt(), attempt(), attempt()]

    report = await audited(entries, entries, record((1, b"\x01" * 32)), tmp_path)

    assert report.fault == "entry 1: it is not the one that was reported to the chain"


@pytest.mark.anyio
async def test_node_that_shows_other_entries_than_it_signed_is_caught(tmp_path: Path) -> None:
    entries = [attempt(), attempt()]

    report = await audited(entries, [entries[0], attempt()], record(), tmp_path)

    assert "not those that the node signed" in (report.fault or "")


@pytest.mark.anyio
async def test_node_whose_ledger_became_shorter_is_caught(tmp_path: Path) -> None:
    entries = [attempt()]

    report = await audited(entries, entries, record((4, b"\x01" * 32)), tmp_path)

    assert report.fault == "entry 4: the chain has it, but the node's ledger ends before it"


@pytest.mark.anyio
async def test_checkpoint_of_another_key_is_caught(tmp_path: Path) -> None:
    entries = [attempt()]
    found = record()
    other = NodeRecord(NODE, Standing.ACTIVE, found.endpoint, b"\x05" * 32, 0, found.block, ())

    report = await audited(entries, entries, other, tmp_path)

    assert "the checkpoint is not the node's" in (report.fault or "")


def test_record_shows_events_of_the_node_without_a_payee() -> None:
    found = record((1, b"\x01" * 32))

    assert events_of(bytes.fromhex(OTHER[2:]), found.events) == ()
    assert found.rows() == [
        {"block": 7, "event": "AttemptRecorded", "entry": 1, "evidence": "0x" + "01" * 32}
    ]


@pytest.mark.feature("C7.3")
def test_metrics_are_decided_each_by_itself() -> None:
    text = """["m", "user_location", {"name": "m", "value": 4.25}, {"name": "m", "value": 9},
      {"name": "alice_home", "value": 1}, {"name": "m", "value": 1, "type": "counter"},
      {"name": "m", "value": "52.5"}, {"name": "m", "value": 1.123}, {"name": "m", "labels": {"r": "eu"}}]"""

    found = audit_metrics(text, POLICY)

    assert [one.decision.reason for one in found] == [
        "allowed",
        "forbidden",
        "allowed",
        "range",
        "unknown_name",
        "type",
        "value_syntax",
        "precision",
        "label",
    ]
    assert "propose an amendment" in found[4].message


def test_metrics_may_come_as_an_object() -> None:
    found = audit_metrics('{"m": 3, "user_location": {"value": 1}}', POLICY)

    assert [(one.metric, one.decision.allowed) for one in found] == [("m", True), ("user_location", False)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no JSON"),
        ("5", "a list of metrics"),
        ("[5]", "metric 0: it has to be a name"),
        ('[{"value": 1}]', "metric 0: it has to be a name"),
        ('[{"name": "m", "colour": 1}]', "metric 0 (m): unknown key colour"),
        ('[{"name": "m", "labels": {"a": 1}}]', "labels have to be an object of texts"),
    ],
)
def test_what_is_no_list_of_metrics_is_refused(text: str, message: str) -> None:
    with pytest.raises(AuditRefused) as refused:
        audit_metrics(text, POLICY)

    assert message in str(refused.value)
