"""The "charter" topic against nodes that are honest, broken, slow, lying, or of two minds."""

from __future__ import annotations

import sqlite3
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from eth_abi.abi import decode as abi_decode
from frames import frame_over

from oracles.chain.block import Block
from oracles.chain.errors import ChainError, ChainUnavailable, WrongChain
from oracles.charter.attempts import CharterTopic, ledger_origin
from oracles.charter.canonical import name_id
from oracles.charter.entry import AgentStarted, Attempt, encode, evidence_hash
from oracles.charter.fitting import fit
from oracles.charter.histories import HISTORY_SCHEMA, Histories
from oracles.charter.node_client import NodeClient
from oracles.charter.registers import RegisteredNode
from oracles.charter.report import ReportedAttempt, checkpoints_root, choose
from oracles.charter.sighting import (
    Body,
    SeenEntry,
    Sighting,
    Split,
    node_source,
    observe_body,
    read_observation,
)
from oracles.charter.vocabulary import Kind
from oracles.committee.messages import MAX_MEMBERS, MAX_MESSAGE_BYTES, Frozen
from oracles.committee.topic import MAX_PAYLOAD_BYTES, Moment, Observation, ObservationRefused
from oracles.daemon.store import Store
from oracles.ledger.merkle import Frontier, consistency_path, inclusion_path, leaf_hash, node_hash
from oracles.ledger.note import LARGEST, Checkpoint, Signer

pytestmark = pytest.mark.anyio

BLOCK = Block(500, b"\5" * 32, b"\4" * 32, 1_000)
MOMENT = Moment("charter", 7, BLOCK, 2_000)
PAYLOAD = ["bytes32", "(bytes32,uint256,bytes32,bytes32,uint256,uint256,uint256,bytes32)[]"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Node:
    """A node's ledger and its HTTP surface. `fault` makes it misbehave."""

    def __init__(self, number: int) -> None:
        self.id = bytes([number]) * 32
        self.source = node_source(self.id)
        self.signer = Signer(ledger_origin(self.id), bytes([number]) * 32)
        self.entries: list[bytes] = []
        self.next_entry = 0
        self.fault = ""
        self.signers = [self.signer]

    def rotate(self) -> None:
        epoch = len(self.signers)
        self.signer = Signer(ledger_origin(self.id), bytes([100 + epoch]) * 32, epoch)
        self.signers.append(self.signer)

    @property
    def registered(self) -> RegisteredNode:
        key = self.signer.verifier
        return RegisteredNode(self.id, f"http://node{self.id[0]}", key.public_key, key.epoch, self.next_entry)

    def started(self) -> None:
        self.entries.append(encode(AgentStarted(node=self.source, time=1, release="1", adopted=False)))

    def attempt(self, **changed: Any) -> bytes:
        fields: dict[str, Any] = {
            "node": self.source,
            "time": 1,
            "kind": "metric_not_allowed",
            "metric": "user_location",
            "reason": "forbidden",
            "charter_version": 3,
            "observed_block": 490,
            "scope": "datagram",
        }
        entry = encode(Attempt(**(fields | changed)))
        self.entries.append(entry)
        return entry

    def tree(self, size: int) -> tuple[list[bytes], Frontier]:
        nodes: list[bytes] = []
        frontier = Frontier()
        for entry in self.entries[:size]:
            frontier.append(leaf_hash(entry), nodes)
        return nodes, frontier

    def note(self) -> bytes:
        _, frontier = self.tree(len(self.entries))
        return self.signer.sign(
            Checkpoint(
                self.signer.verifier.name, len(self.entries), frontier.root(), self.registered.epoch
            ).text()
        )

    async def answer(self, request: httpx.Request) -> httpx.Response:
        path, query = request.url.path, {k: int(v) for k, v in request.url.params.items()}
        if self.fault == "down":
            raise httpx.ConnectError("refused")
        if self.fault == "hangs":
            await anyio.sleep_forever()
        if self.fault == "flood":
            return httpx.Response(200, content=b"x" * 10_000_000)
        if path == "/v1/checkpoint":
            note = Signer(self.signer.verifier.name, b"\x99" * 32).sign if self.fault == "other key" else None
            text = self.note()
            return httpx.Response(200, content=note("x\n1\n\n") if note else text)
        if path == "/v1/entries":
            end = min(query["end"], len(self.entries))
            found = [] if self.fault == "withholds" else self.entries[query["start"] : end]
            return httpx.Response(200, json={"entries": [b64encode(entry).decode() for entry in found]})
        if path == "/v1/proof/inclusion":
            nodes, _ = self.tree(query["size"])
            proof = inclusion_path(nodes.__getitem__, query["index"], query["size"])
            if self.fault == "false proof":
                proof = [node_hash(hash_, hash_) for hash_ in proof]
        else:
            nodes, _ = self.tree(query["new"])
            proof = consistency_path(nodes.__getitem__, query["old"], query["new"])
        return httpx.Response(200, json={"proof": [hash_.hex() for hash_ in proof]})


class World:
    """Nodes, and what the contracts say of them: version 3 is in force and allows `battery`."""

    def __init__(self, *nodes: Node) -> None:
        self.nodes = {node.id: node for node in nodes}
        self.faults: list[ChainError] = []

    async def node_ids(self, at: Block) -> list[bytes]:
        return list(self.nodes)

    async def node(self, node: bytes, at: Block) -> RegisteredNode | None:
        if self.faults:
            raise self.faults.pop(0)
        return self.nodes[node].registered if node in self.nodes else None

    async def ledger_key(self, node: bytes, epoch: int, at: Block) -> bytes:
        return self.nodes[node].signers[epoch].verifier.public_key

    async def judge(self, metric: bytes, version: int, block_number: int, at: Block) -> tuple[bool, bool]:
        return version == 3, metric == name_id("battery")

    async def charter_version(self, at: Block) -> int:
        return 3

    async def recent_blocks(self, at: Block) -> int:
        return 100

    async def answer(self, request: httpx.Request) -> httpx.Response:
        [node] = [node for node in self.nodes.values() if request.url.host == f"node{node.id[0]}"]
        return await node.answer(request)


@pytest.fixture
async def histories(tmp_path: Path) -> AsyncIterator[Histories]:
    async with Store.open(tmp_path / "state.db", schema=HISTORY_SCHEMA) as store:
        yield Histories(store)


def topic(world: World, histories: Histories, *, node_seconds: float = 60) -> CharterTopic:
    client = httpx.AsyncClient(transport=httpx.MockTransport(world.answer))
    return CharterTopic(
        world, NodeClient(client, private=True), histories, node_seconds=node_seconds, round_seconds=90
    )


async def report(topic: CharterTopic, observations: list[Observation]) -> tuple[bytes, list[Any]]:
    for observation in observations:
        await topic.verify(MOMENT, observation)
    payload = await topic.payload(MOMENT, observations)
    assert payload is not None and len(payload) <= MAX_PAYLOAD_BYTES
    root, attempts = abi_decode(PAYLOAD, payload)
    return root, [ReportedAttempt(*attempt) for attempt in attempts]


async def test_an_attempt_in_a_ledger_is_reported_with_its_salted_hash(histories: Histories) -> None:
    node = Node(1)
    node.started()
    entry = node.attempt(count=4)
    charter = topic(World(node), histories)
    root, [attempt] = await report(charter, await charter.observe(MOMENT))
    assert attempt == ReportedAttempt(
        node.id, 1, name_id("metric_not_allowed"), name_id("user_location"), 3, 490, 4, evidence_hash(entry)
    )
    checkpoint = Checkpoint("", 2, node.tree(2)[1].root(), 0)
    assert root == checkpoints_root([(node.id, checkpoint)])


async def test_without_nodes_there_is_nothing_to_report(histories: Histories) -> None:
    charter = topic(World(), histories)
    assert await charter.observe(MOMENT) == []
    assert await charter.payload(MOMENT, []) is None


async def test_handled_allowed_old_and_unenforced_entries_are_passed_over(histories: Histories) -> None:
    node = Node(1)
    node.attempt()
    node.attempt(metric="battery")
    node.attempt(observed_block=399)
    node.attempt(charter_version=2)
    node.entries.append(b'{"not":"an entry"}')
    node.attempt(metric="battery", kind="metric_over_collection_rate")
    node.next_entry = 1
    charter = topic(World(node), histories)
    _, attempts = await report(charter, await charter.observe(MOMENT))
    assert [(a.entry, a.kind) for a in attempts] == [(5, name_id("metric_over_collection_rate"))]


async def test_what_the_chain_has_not_reached_waits_and_keeps_its_place(histories: Histories) -> None:
    node = Node(1)
    node.attempt(observed_block=501)
    node.attempt()
    charter = topic(World(node), histories)
    _, attempts = await report(charter, await charter.observe(MOMENT))
    assert attempts == []
    later = Moment("charter", 8, Block(501, b"\6" * 32, BLOCK.hash, 1_010), 2_000)
    [observation] = await charter.observe(later)
    _, body = read_observation(observation)
    assert [seen.index for seen in body.entries] == [0, 1]  # type: ignore[union-attr]


async def test_a_long_ledger_of_other_entries_is_passed_over_in_rounds(histories: Histories) -> None:
    node = Node(1)
    for _ in range(1_500):
        node.started()
    node.attempt()
    charter = topic(World(node), histories)
    first = await report(charter, await charter.observe(MOMENT))
    second = await report(charter, await charter.observe(MOMENT))
    assert (first[1], [attempt.entry for attempt in second[1]]) == ([], [1_500])


@pytest.mark.parametrize("fault", ["down", "flood", "other key", "withholds", "false proof"])
async def test_a_bad_node_harms_no_other(histories: Histories, fault: str) -> None:
    good, bad = Node(1), Node(2)
    for node in (good, bad):
        node.attempt()
        node.attempt()
    bad.fault = fault
    charter = topic(World(good, bad), histories)
    observations = await charter.observe(MOMENT)
    assert [observation.source for observation in observations] == [good.source]


async def test_a_node_that_never_answers_is_left_out(histories: Histories) -> None:
    node = Node(1)
    node.fault = "hangs"
    assert await topic(World(node), histories, node_seconds=0.05).observe(MOMENT) == []


async def test_the_chain_going_down_while_an_oracle_observes_is_waited_out(
    histories: Histories, tmp_path: Path
) -> None:
    node = Node(1)
    node.attempt()
    world = World(node)
    world.faults.append(ChainUnavailable("there", "no answer in time"))
    charter = topic(world, histories)
    results: list[object] = []
    seen = anyio.Event()

    async def step() -> None:
        results.append("began")
        results[-1] = [observation.source for observation in await charter.observe(MOMENT)]
        seen.set()

    async with frame_over(None, tmp_path) as frame:
        frame.tasks.start_soon(frame.cycle, "own", step)
        await seen.wait()
    assert results == ["began", [node.source]]


async def test_a_chain_that_is_another_one_ends_an_observation_and_waits_for_no_node(
    histories: Histories,
) -> None:
    silent = Node(2)
    silent.fault = "hangs"
    world = World(Node(1), silent)
    world.faults.append(WrongChain("there", 1, 2))
    with pytest.raises(WrongChain):
        await topic(world, histories).observe(MOMENT)


@pytest.mark.feature("C3.3")
async def test_a_node_with_two_histories_is_caught_and_both_notes_are_kept(histories: Histories) -> None:
    node = Node(1)
    node.attempt()
    charter = topic(World(node), histories)
    [honest] = await charter.observe(MOMENT)
    node.entries.clear()
    node.attempt(metric="another")
    seen = await charter.observe(MOMENT)
    splits = [o for o in seen if isinstance(read_observation(o)[1], Split)]
    assert len(splits) == 1
    _, attempts = await report(charter, [honest, *seen])
    assert [(a.kind, a.entry, a.observed_block) for a in attempts] == [
        (name_id(Kind.LEDGER_TAMPERED), 0, 500)
    ]
    node.next_entry = 1
    assert not [o for o in await charter.observe(MOMENT) if isinstance(read_observation(o)[1], Split)]


@pytest.mark.feature("C3.3")
async def test_one_history_for_each_oracle_is_caught_through_the_others_observation(
    histories: Histories, tmp_path: Path
) -> None:
    mine, theirs = Node(1), Node(1)
    mine.attempt()
    theirs.attempt(metric="another")
    async with Store.open(tmp_path / "other.db", schema=HISTORY_SCHEMA) as store:
        [other] = await topic(World(theirs), Histories(store)).observe(MOMENT)
    charter = topic(World(mine), histories)
    [own] = await charter.observe(MOMENT)
    _, attempts = await report(charter, [own, other])
    assert attempts == []  # two versions of one entry: neither counts
    assert await histories.split(mine.id, 0, 0) is not None


@pytest.mark.feature("C3.3")
async def test_a_tree_that_does_not_continue_the_last_one_is_doubted(histories: Histories) -> None:
    node = Node(1)
    node.attempt()
    charter = topic(World(node), histories)
    await charter.observe(MOMENT)
    node.entries.clear()
    node.attempt(metric="another")
    node.started()
    assert await charter.observe(MOMENT) == []
    assert [doubt[0] for doubt in await histories.doubts()] == [node.id]


@pytest.mark.feature("C3.3")
async def test_a_new_key_hides_no_split_that_the_old_one_signed(histories: Histories, tmp_path: Path) -> None:
    mine, theirs = Node(1), Node(1)
    mine.attempt()
    theirs.attempt(metric="another")
    charter = topic(World(mine), histories)
    async with Store.open(tmp_path / "other.db", schema=HISTORY_SCHEMA) as store:
        other = topic(World(theirs), Histories(store))
        await report(charter, [*await charter.observe(MOMENT), *await other.observe(MOMENT)])
        for node in (mine, theirs):
            node.rotate()
            node.rotate()  # twice: no number of new keys helps
        seen = [(o, read_observation(o)[1]) for o in await charter.observe(MOMENT)]
        [(split, body)] = [(o, body) for o, body in seen if isinstance(body, Split)]
        for one in (charter, other):
            _, attempts = await report(one, [split])
            assert [(a.kind, a.entry) for a in attempts] == [(name_id(Kind.LEDGER_TAMPERED), 0)]
    early = observe_body(
        mine.id, Split(first=min(mine.note(), body.first), second=max(mine.note(), body.first))
    )
    with pytest.raises(ObservationRefused, match="contradict nothing"):
        await charter.verify(MOMENT, early)
    mine.signers.pop()
    mine.signer = mine.signers[-1]
    with pytest.raises(ObservationRefused, match="epoch 2 has not begun"):
        await charter.verify(MOMENT, early)


@pytest.mark.parametrize("more", [0, 1])
async def test_a_ledger_that_begins_anew_with_a_new_key_is_doubted(histories: Histories, more: int) -> None:
    node = Node(1)
    node.attempt()
    charter = topic(World(node), histories)
    assert await charter.observe(MOMENT)
    node.rotate()
    assert await charter.observe(MOMENT)
    node.entries.clear()
    node.rotate()
    for metric in ("another", "battery")[: 1 + more]:
        node.attempt(metric=metric)
    assert await charter.observe(MOMENT) == []
    assert [doubt[0] for doubt in await histories.doubts()] == [node.id]


async def test_every_change_to_an_observation_is_refused(histories: Histories) -> None:
    node, other = Node(1), Node(2)
    for one in (node, other):
        one.attempt()
        one.attempt()
    charter = topic(World(node, other), histories)
    observation, foreign = await charter.observe(MOMENT)
    await charter.verify(MOMENT, observation)
    _, body = read_observation(observation)
    entries = body.entries  # type: ignore[union-attr]
    wrong = [
        Observation(other.source, observation.body),
        Observation("0x" + "77" * 32, observation.body),
        Observation("node", observation.body),
        Observation(node.source, observation.body + b" "),
        Observation(node.source, b"{}"),
        observe_body(node.id, body.model_copy(update={"entries": entries[::-1]})),
        observe_body(
            node.id, body.model_copy(update={"entries": (entries[0].model_copy(update={"index": 1}),)})
        ),
        observe_body(node.id, body.model_copy(update={"note": read_observation(foreign)[1].note})),  # type: ignore[union-attr]
        observe_body(node.id, Split(first=node.note(), second=node.note())),
    ]
    for changed in wrong:
        with pytest.raises(ObservationRefused):
            await charter.verify(MOMENT, changed)
    node.next_entry = 1
    with pytest.raises(ObservationRefused, match="handled already"):
        await charter.verify(MOMENT, observation)


def signed(node: Node, size: int, root: bytes = bytes(32), epoch: int = 0) -> bytes:
    """A checkpoint over a tree that nobody has."""
    signer = Signer(node.signer.verifier.name, node.id, epoch)
    return signer.sign(Checkpoint(signer.verifier.name, size, root, epoch).text())


async def test_a_tree_larger_than_any_is_refused_and_the_largest_is_not(histories: Histories) -> None:
    node = Node(1)
    charter = topic(World(node), histories)
    await charter.verify(MOMENT, observe_body(node.id, Sighting(note=signed(node, LARGEST))))
    for note in (signed(node, LARGEST + 1), signed(node, 10**19 - 1), signed(node, 1, epoch=LARGEST + 1)):
        with pytest.raises(ObservationRefused, match=r"below 2\^63"):
            await charter.verify(MOMENT, observe_body(node.id, Sighting(note=note)))
        with pytest.raises(ObservationRefused, match=r"below 2\^63"):
            await charter.verify(MOMENT, observe_body(node.id, Split(first=note, second=note)))


async def test_a_split_of_the_largest_tree_is_reported_and_ends_no_oracle(histories: Histories) -> None:
    node = Node(1)
    charter = topic(World(node), histories)
    first, second = sorted(signed(node, LARGEST, root) for root in (b"\1" * 32, b"\2" * 32))
    split = observe_body(node.id, Split(first=first, second=second))
    _, [attempt] = await report(charter, [split])
    assert attempt.entry == LARGEST - 1
    assert split in await charter.observe(MOMENT)
    for handled in (LARGEST, 2**256 - 1):
        node.next_entry = handled
        assert split not in await charter.observe(MOMENT)


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        (OverflowError("too large"), ObservationRefused),
        (RecursionError("too deep"), ObservationRefused),
        (sqlite3.OperationalError("disk I/O error"), sqlite3.OperationalError),
        (ChainUnavailable("there", "down"), ChainUnavailable),
    ],
    ids=repr,
)
async def test_what_nobody_foresaw_is_refused_and_what_is_ours_is_raised(
    histories: Histories, monkeypatch: pytest.MonkeyPatch, fault: Exception, raised: type[Exception]
) -> None:
    async def remember(*_: object) -> bool:
        raise fault

    node = Node(1)
    charter = topic(World(node), histories)
    sighting = observe_body(node.id, Sighting(note=node.note()))
    await charter.verify(MOMENT, sighting)
    monkeypatch.setattr(histories, "remember", remember)
    with pytest.raises(raised):
        await charter.verify(MOMENT, sighting)


async def test_what_a_flood_of_all_nodes_shows_fits_every_member_s_share(histories: Histories) -> None:
    nodes = [Node(number) for number in range(1, 61)]
    for node in nodes:
        for _ in range(8):
            node.attempt(metric="m" * 64)
    charter = topic(World(*nodes), histories)
    observations = await charter.observe(MOMENT)
    said = len(Frozen(observations=tuple(observations)).model_dump_json())
    assert said * 2 * MAX_MEMBERS <= MAX_MESSAGE_BYTES
    assert {o.source for o in observations} == {node.source for node in nodes}
    _, attempts = await report(charter, observations)
    assert len(attempts) == 8


def sighting(entries: int, note: bytes = b"note") -> Sighting:
    seen = tuple(SeenEntry(index=i, entry=b"entry", proof=()) for i in range(entries))
    return Sighting(note=note, entries=seen)


def test_every_node_s_entries_have_their_round() -> None:
    flood = [(bytes([n]) * 32, sighting(8)) for n in range(40)]
    served = set()
    for sequence in range(0, 400, 2):  # nodes that are asked every second round only
        kept = [observation for observation in fit(flood, sequence) if b"ZW50cnk=" in observation.body]
        assert len(kept) == 3
        served |= {observation.source for observation in kept}
    assert len(served) == 40


def test_swollen_notes_crowd_out_no_split_and_nobody_for_good() -> None:
    swollen: list[tuple[bytes, Body]] = [(bytes([n]) * 32, sighting(0, b"n" * 4096)) for n in range(200)]
    honest, guilty = bytes([250]) * 32, bytes([251]) * 32
    seen = [*swollen, (honest, sighting(1)), (guilty, Split(first=b"1", second=b"2"))]
    rounds = [{observation.source for observation in fit(seen, sequence)} for sequence in range(40)]
    assert all(node_source(guilty) in sources for sources in rounds)
    assert sum(node_source(honest) in sources for sources in rounds) > 3


def attempts_of(node: int, count: int) -> list[ReportedAttempt]:
    blank = bytes(32)
    return [ReportedAttempt(bytes([node]) * 32, i, blank, blank, 3, 490, 1, blank) for i in range(count)]


def test_a_noisy_node_crowds_out_nobody() -> None:
    attempts = {bytes([n]) * 32: attempts_of(n, count) for n, count in ((1, 8), (2, 1), (3, 2))}
    chosen = choose(attempts, 0)
    assert [(a.node[0], a.entry) for a in chosen] == [
        *((1, i) for i in range(5)),
        (2, 0),
        (3, 0),
        (3, 1),
    ]


def test_every_node_has_its_turn() -> None:
    attempts = {bytes([n]) * 32: attempts_of(n, 1) for n in range(1, 13)}
    served = {a.node for sequence in range(12) for a in choose(attempts, sequence)}
    assert served == attempts.keys()
