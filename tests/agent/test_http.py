"""What a node shows the network, and what it answers to wrong questions."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from agent.http import ledger_routes
from agent.status import State, Status
from oracles.ledger.ledger import Ledger, leaf_hash
from oracles.ledger.note import Signer
from oracles.ledger.verify import open_checkpoint, verify_consistency, verify_inclusion

SIGNER = Signer("westworld/node/0xab", bytes(32), 1)
STATUS = Status(
    node="0xab",
    state=State.DEGRADED,
    scopes=(),
    missing=("no policy",),
    limits=(),
    standing="active",
    suspended=False,
    charter_version=3,
    charter_final=True,
    finalized_block=9,
    ledger_size=300,
    adopted=True,
)


@pytest.fixture
def ledger(state: Path) -> Iterator[Ledger]:
    with Ledger.open(state / "ledger", segment_bytes=128 * 1024) as ledger:
        for number in range(300):
            ledger.append(b"%d" % number)
        yield ledger


@pytest.fixture
def client(ledger: Ledger) -> TestClient:
    return TestClient(Starlette(routes=ledger_routes(ledger, lambda: STATUS)))


def test_checkpoint_entries_and_proofs_fit_together(client: TestClient, ledger: Ledger) -> None:
    assert client.get("/v1/checkpoint").status_code == 503
    ledger.rotate(SIGNER)
    answer = client.get("/v1/checkpoint")
    assert answer.headers["content-type"].startswith("text/plain")
    checkpoint = open_checkpoint(answer.content, [SIGNER.verifier])
    assert checkpoint.size == 300

    entries = [b64decode(e) for e in client.get("/v1/entries?start=10&end=14").json()["entries"]]
    assert entries == [b"10", b"11", b"12", b"13"]
    found = client.get("/v1/proof/inclusion?index=11&size=300").json()["proof"]
    proof = [bytes.fromhex(one) for one in found]
    assert verify_inclusion(11, 300, leaf_hash(b"11"), proof, checkpoint.root)
    found = client.get("/v1/proof/consistency?old=100&new=300").json()["proof"]
    proof = [bytes.fromhex(one) for one in found]
    assert verify_consistency(100, 300, ledger.root(100), checkpoint.root, proof)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v1/entries", 400),
        ("/v1/entries?start=0", 400),
        ("/v1/entries?start=-1&end=2", 400),
        ("/v1/entries?start=x&end=2", 400),
        ("/v1/entries?start=0&end=257", 400),
        ("/v1/entries?start=0&end=9999999999999999999", 400),
        ("/v1/entries?start=299&end=301", 404),
        ("/v1/entries?start=5&end=4", 404),
        ("/v1/proof/inclusion?index=300&size=300", 404),
        ("/v1/proof/inclusion?index=0&size=301", 404),
        ("/v1/proof/consistency?old=2&new=1", 404),
        ("/v1/proof/consistency?old=2", 400),
    ],
)
def test_a_wrong_question_gets_a_reason(client: TestClient, path: str, code: int) -> None:
    answer = client.get(path)
    assert answer.status_code == code
    assert answer.json()["error"]


def test_the_state_is_shown_as_it_is(client: TestClient) -> None:
    assert Status.model_validate_json(client.get("/v1/status").content) == STATUS
