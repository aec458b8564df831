"""A member's memory: one payload for each round, durable, and proofs of others' double votes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from oracles.committee.messages import Proposal, Vote
from oracles.committee.report import Report
from oracles.committee.topic import Observation
from oracles.committee.votes import VoteStore

CONFIG, TOPIC = b"\1" * 32, b"\2" * 32


def proposal(payload: bytes, *, sequence: int = 5, config: bytes = CONFIG, deadline: int = 9) -> Proposal:
    return Proposal(
        chain_id=1,
        contract="0x" + "00" * 20,
        turn=0,
        block_hash=b"\3" * 32,
        report=Report(TOPIC, sequence, 4, payload * 32, config, deadline),
        observations=(Observation("ash", b"reading"),),
    )


def vote(payload: bytes, *, deadline: int = 9) -> Vote:
    return Vote(report=proposal(payload, deadline=deadline).report, signature=b"\7" * 65)


@pytest.fixture
def store(tmp_path: Path) -> VoteStore:
    return VoteStore(tmp_path / "votes.db")


def test_the_first_vote_of_a_round_holds(store: VoteStore) -> None:
    assert store.vote(proposal(b"a")) == b"a" * 32
    assert store.vote(proposal(b"b")) == b"a" * 32
    assert store.held(CONFIG, TOPIC, 5) == proposal(b"a")


def test_other_rounds_are_free(store: VoteStore) -> None:
    store.vote(proposal(b"a"))
    assert store.vote(proposal(b"b", sequence=6)) == b"b" * 32
    assert store.vote(proposal(b"b", config=b"\4" * 32)) == b"b" * 32


def test_the_same_payload_with_a_later_deadline_is_no_other_vote(store: VoteStore) -> None:
    store.vote(proposal(b"a"))
    assert store.vote(proposal(b"a", deadline=90)) == b"a" * 32


def test_tasks_that_vote_at_once_get_one_answer(store: VoteStore) -> None:
    offers = [proposal(bytes([letter])) for letter in range(97, 113)]
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(store.vote, offers))) == 1


def test_what_was_seen_never_changes(store: VoteStore) -> None:
    first, second = Observation("ash", b"1"), Observation("birch", b"2")
    assert store.frozen(TOPIC, 5) is None
    assert store.freeze(TOPIC, 5, [second, first, first]) == (first, second)
    assert store.freeze(TOPIC, 5, []) == (first, second)


def test_a_vote_outlives_sigkill_once_it_was_said(tmp_path: Path) -> None:
    script = textwrap.dedent(f"""
        import importlib.util, sys, time
        from pathlib import Path
        spec = importlib.util.spec_from_file_location("test_votes", {str(Path(__file__))!r})
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        store = module.VoteStore(Path({str(tmp_path)!r}) / "votes.db")
        print(store.vote(module.proposal(b"a")).hex(), flush=True)
        sys.stdin.read()
    """)
    child = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None and child.stdin is not None
    assert child.stdout.readline().strip() == (b"a" * 32).hex()
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    child.stdin.close()
    assert VoteStore(tmp_path / "votes.db").vote(proposal(b"b")) == b"a" * 32


def test_two_payloads_of_one_member_are_a_proof(store: VoteStore) -> None:
    store.witness("Ann", vote(b"a"))
    store.witness("Bob", vote(b"b"))
    assert store.double_votes() == []
    store.witness("Ann", vote(b"b"))
    [double] = store.double_votes()
    assert (double.member, double.first, double.second) == ("Ann", vote(b"a"), vote(b"b"))


def test_a_later_deadline_is_no_proof_and_takes_the_place(store: VoteStore) -> None:
    for deadline in (9, 90, 20):
        store.witness("Ann", vote(b"a", deadline=deadline))
    assert store.double_votes() == []
    assert store.witnessed(CONFIG, TOPIC, 5) == [("Ann", vote(b"a", deadline=90))]


def test_a_member_that_votes_for_everything_fills_no_disk(store: VoteStore) -> None:
    for letter in range(97, 120):
        store.witness("Ann", vote(bytes([letter])))
    assert len(store.witnessed(CONFIG, TOPIC, 5)) == 2
    assert len(store.double_votes()) == 1


def test_forgetting_keeps_votes_and_proofs(store: VoteStore) -> None:
    store.vote(proposal(b"a"))
    store.freeze(TOPIC, 5, [])
    for member, payload in (("Ann", b"a"), ("Ann", b"b"), ("Bob", b"a")):
        store.witness(member, vote(payload))
    store.forget(TOPIC, 6)
    assert store.held(CONFIG, TOPIC, 5) is None and store.frozen(TOPIC, 5) is None
    assert store.vote(proposal(b"b")) == b"a" * 32
    assert [member for member, _ in store.witnessed(CONFIG, TOPIC, 5)] == ["Ann", "Ann"]
