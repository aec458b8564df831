"""The "charter" topic: what nodes stopped, by their own signed ledgers, and where those ledgers stand."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import partial
from hashlib import sha256

import anyio
import structlog

from oracles.chain.block import Block
from oracles.chain.errors import ChainError
from oracles.chain.together import together
from oracles.charter.canonical import name_id
from oracles.charter.entry import Attempt, EntryRefused, decode
from oracles.charter.fitting import fit
from oracles.charter.histories import Histories
from oracles.charter.node_client import MAX_PAGE, NodeClient, NodeFaultError
from oracles.charter.registers import RegisteredNode, Registers
from oracles.charter.report import ReportedAttempt, checkpoints_root, choose, encode_payload
from oracles.charter.sighting import (
    MAX_ATTEMPTS,
    Body,
    SeenEntry,
    Sighting,
    Split,
    node_source,
    read_observation,
)
from oracles.charter.vocabulary import Kind
from oracles.committee.topic import Moment, Observation, ObservationRefused
from oracles.ledger.errors import NoteInvalid
from oracles.ledger.note import split_note
from oracles.ledger.verify import (
    Checkpoint,
    Verifier,
    leaf_hash,
    open_checkpoint,
    verify_consistency,
    verify_inclusion,
)

MAX_NODES = 256
"""Nodes asked in one round; where there are more, they take turns."""

_AT_ONCE = 16  # nodes
_PAGES = 4  # of entries, of one node in one round: a ledger of other entries is passed over in several rounds
_NEEDS_DENIAL = (Kind.METRIC_NOT_ALLOWED, Kind.SILENT_COLLECTION)

_log = structlog.get_logger(__name__)


def ledger_origin(node: bytes) -> str:
    """The origin line of a node's checkpoints, and the name of the key that signs them."""
    return f"westworld/node/0x{node.hex()}"


class CharterTopic:
    """`committee.topic.Topic` for attempts.

    One node may take `node_seconds`, all of a round's nodes together `round_seconds`.
    """

    name = "charter"

    def __init__(
        self,
        registers: Registers,
        client: NodeClient,
        histories: Histories,
        *,
        node_seconds: float,
        round_seconds: float,
    ) -> None:
        self._registers = registers
        self._client = client
        self._histories = histories
        self._node_seconds = node_seconds
        self._round_seconds = round_seconds
        self._passed: dict[bytes, int] = {}  # entries of a node up to which there is nothing to report

    # --- what this oracle sees

    async def observe(self, moment: Moment) -> list[Observation]:
        """Ask this round's nodes; one that fails is left out, and said. What is seen fits a member's share of
        a proposal. Raises what reads of the chain raise.
        """
        ids = await self._registers.node_ids(moment.block)
        first = moment.sequence * MAX_NODES % len(ids) if len(ids) > MAX_NODES else 0
        asked = (ids[first:] + ids[:first])[:MAX_NODES]
        seen: list[tuple[bytes, Body]] = []

        async def ask(node_id: bytes) -> None:
            node = await self._registers.node(node_id, moment.block)
            if node is not None:
                seen.extend(await self._see(moment, node))

        with anyio.move_on_after(self._round_seconds) as scope:
            await together([partial(ask, node_id) for node_id in asked], at_once=_AT_ONCE)
        if scope.cancelled_caught:
            _log.warning("nodes left out: the round took too long", asked=len(asked), seen=len(seen))
        return fit(seen, moment.sequence)

    async def _see(self, moment: Moment, node: RegisteredNode) -> list[tuple[bytes, Body]]:
        seen: list[tuple[bytes, Body]] = []
        try:
            with anyio.fail_after(self._node_seconds):
                seen.append((node.id, await self._sight(moment, node)))
        except (ChainError, sqlite3.Error):
            raise  # ours, not the node's
        except Exception as fault:  # whatever a node comes up with, it harms no other
            _log.warning("node left out", node=node_source(node.id), reason=str(fault) or "it took too long")
        split = await self._histories.split(node.id, node.epoch, node.next_entry)
        if split is not None:
            seen.append((node.id, Split(first=split[0], second=split[1])))
        return seen

    async def _sight(self, moment: Moment, node: RegisteredNode) -> Sighting:
        note = await self._client.checkpoint(node.endpoint)
        checkpoint = _open(node, note)
        await self._compare(moment.block, node, checkpoint, note)
        entries = []
        for index, entry in await self._find(moment, node, checkpoint):
            proof = await self._client.inclusion(node.endpoint, index, checkpoint.size)
            if not verify_inclusion(index, checkpoint.size, leaf_hash(entry), proof, checkpoint.root):
                raise NodeFaultError(f"entry {index} is not in the tree that it signed")
            entries.append(SeenEntry(index=index, entry=entry, proof=proof))
        return Sighting(note=note, entries=tuple(entries))

    async def _compare(self, at: Block, node: RegisteredNode, checkpoint: Checkpoint, note: bytes) -> None:
        """Hold a node to what it showed before, under whatever key: a ledger goes on when its key changes."""
        before = await self._histories.newest(node.id, node.epoch)
        await self._remember(node, checkpoint, note)
        if before is None:
            return
        known = await self._open_older(at, node, before)
        (older, old_note), (newer, new_note) = sorted(
            ((known, before), (checkpoint, note)), key=lambda pair: pair[0].size
        )
        if older.size == newer.size and (older.epoch == newer.epoch or older.root == newer.root):
            return  # the same tree, or a split that `remember` has found
        proof: tuple[bytes, ...] = ()
        if older.size < newer.size:
            proof = await self._client.consistency(node.endpoint, older.size, newer.size)
        if not verify_consistency(older.size, newer.size, older.root, newer.root, proof):
            await self._histories.doubt(node.id, old_note, new_note)
            raise NodeFaultError(
                f"its tree of {newer.size} entries does not continue the one of {older.size} that it showed"
            )

    async def _find(
        self, moment: Moment, node: RegisteredNode, checkpoint: Checkpoint
    ) -> list[tuple[int, bytes]]:
        """The first entries that can be reported now, in order and with none left out that could be later."""
        start = max(node.next_entry, min(self._passed.get(node.id, 0), checkpoint.size))
        found: list[tuple[int, bytes]] = []
        for _ in range(_PAGES):
            if start >= checkpoint.size or len(found) == MAX_ATTEMPTS:
                break
            page = await self._client.entries(node.endpoint, start, min(start + MAX_PAGE, checkpoint.size))
            for index, entry in enumerate(page, start):
                attempt = _read_attempt(node.id, entry)
                if attempt is not None and attempt.observed_block > moment.block.number:
                    return found  # the next round will take it
                if attempt is not None and await self._is_reportable(moment.block, attempt):
                    found.append((index, entry))
                    if len(found) == MAX_ATTEMPTS:
                        return found
                if not found:
                    self._passed[node.id] = index + 1
            start += len(page)
        return found

    # --- what every oracle checks

    async def verify(self, moment: Moment, observation: Observation) -> None:
        """Check notes, proofs and entries against the chain at the moment's block."""
        try:
            await self._verify(moment, observation)
        except (ObservationRefused, ChainError, sqlite3.Error):
            raise
        except NoteInvalid as fault:
            raise ObservationRefused(observation.source, str(fault)) from None
        except Exception as fault:  # whatever a member comes up with, it ends no other
            _log.warning("an observation could not be verified", node=observation.source, exc_info=True)
            raise ObservationRefused(observation.source, type(fault).__name__) from None

    async def _verify(self, moment: Moment, observation: Observation) -> None:
        node_id, body = read_observation(observation)
        node = await self._registers.node(node_id, moment.block)
        if node is None:
            raise ObservationRefused(observation.source, "the node doesn't take part")
        if isinstance(body, Split):
            await self._verify_split(moment.block, node, body)
        else:
            await self._verify_sighting(moment, node, body)

    async def _verify_split(self, at: Block, node: RegisteredNode, split: Split) -> None:
        first = await self._open_older(at, node, split.first)
        second = await self._open_older(at, node, split.second)
        differs = (first.epoch, first.size) != (second.epoch, second.size)
        if split.first >= split.second or differs or first.root == second.root:
            raise ObservationRefused(node_source(node.id), "the two checkpoints contradict nothing")
        if first.size <= node.next_entry:
            raise ObservationRefused(node_source(node.id), "the split is reported already")
        await self._remember(node, first, split.first)
        await self._remember(node, second, split.second)

    async def _verify_sighting(self, moment: Moment, node: RegisteredNode, sighting: Sighting) -> None:
        source = node_source(node.id)
        checkpoint = _open(node, sighting.note)
        least = node.next_entry
        for seen in sighting.entries:
            if seen.index < least:
                raise ObservationRefused(source, f"entry {seen.index} is handled already or out of order")
            least = seen.index + 1
            leaf = leaf_hash(seen.entry)
            if not verify_inclusion(seen.index, checkpoint.size, leaf, seen.proof, checkpoint.root):
                raise ObservationRefused(source, f"entry {seen.index} is not in the checkpoint's tree")
            attempt = _read_attempt(node.id, seen.entry)
            if attempt is None:
                raise ObservationRefused(source, f"entry {seen.index} is no attempt of this node")
            if not await self._is_reportable(moment.block, attempt):
                raise ObservationRefused(source, f"entry {seen.index} is nothing that the charter denies")
        await self._remember(node, checkpoint, sighting.note)

    async def _is_reportable(self, at: Block, attempt: Attempt) -> bool:
        """Whether the registry will record it: a version in force at a recent block, and not allowed
        there.
        """
        age = at.number - attempt.observed_block
        if not 0 <= age <= await self._registers.recent_blocks(at):
            return False
        in_force, allowed = await self._registers.judge(
            attempt.metric_id, attempt.charter_version, attempt.observed_block, at
        )
        return in_force and not (allowed and attempt.kind in _NEEDS_DENIAL)

    async def _open_older(self, at: Block, node: RegisteredNode, note: bytes) -> Checkpoint:
        """A checkpoint signed with the key that the node had in the checkpoint's epoch: a new key doesn't
        make unsaid what an old one signed. Raises `NoteInvalid`.
        """
        epoch = Checkpoint.parse(split_note(note)[0]).epoch
        if epoch > node.epoch:
            raise NoteInvalid(f"epoch {epoch} has not begun")
        key = await self._registers.ledger_key(node.id, epoch, at)
        return open_checkpoint(note, [Verifier(ledger_origin(node.id), key, epoch)])

    async def _remember(self, node: RegisteredNode, checkpoint: Checkpoint, note: bytes) -> None:
        if await self._histories.remember(node.id, checkpoint, note):
            _log.error("a node shows two histories", node=node_source(node.id), size=checkpoint.size)

    # --- what is reported

    async def payload(self, moment: Moment, observations: Sequence[Observation]) -> bytes | None:
        """One root and at most eight attempts; None where no node was seen. The observations are verified."""
        if not observations:
            return None
        checkpoints: list[tuple[bytes, Checkpoint]] = []
        entries: dict[bytes, dict[int, set[bytes]]] = {}
        splits: dict[bytes, tuple[int, bytes]] = {}
        for observation in sorted(observations):
            node, body = read_observation(observation)
            if isinstance(body, Split):
                split = (_size(body.first), sha256(body.first + body.second).digest())
                splits[node] = min(splits.get(node, split), split)
                continue
            checkpoints.append((node, Checkpoint.parse(_text(body.note))))
            for seen in body.entries:
                entries.setdefault(node, {}).setdefault(seen.index, set()).add(seen.entry)
        attempts = {node: _agreed(node, found) for node, found in entries.items() if node not in splits}
        version = await self._registers.charter_version(moment.block)
        if version > 0:
            attempts |= {
                node: [_tampered(node, size, evidence, version, moment.block)]
                for node, (size, evidence) in splits.items()
            }
        return encode_payload(checkpoints_root(checkpoints), choose(attempts, moment.sequence))


def _open(node: RegisteredNode, note: bytes) -> Checkpoint:
    """A checkpoint signed with the key that the node has registered at this block; raises `NoteInvalid`."""
    return open_checkpoint(note, [Verifier(ledger_origin(node.id), node.ledger_key, node.epoch)])


def _text(note: bytes) -> str:
    return note.decode().rpartition("\n\n")[0] + "\n"


def _size(note: bytes) -> int:
    return Checkpoint.parse(_text(note)).size


def _read_attempt(node: bytes, entry: bytes) -> Attempt | None:
    try:
        found = decode(entry)
    except EntryRefused:
        return None
    return found if isinstance(found, Attempt) and found.node == node_source(node) else None


def _agreed(node: bytes, entries: dict[int, set[bytes]]) -> list[ReportedAttempt]:
    """A node's attempts up to the first entry of which it showed two versions."""
    agreed = []
    for index, versions in sorted(entries.items()):
        if len(versions) > 1:
            break
        [entry] = versions
        attempt = _read_attempt(node, entry)
        if attempt is not None:
            agreed.append(ReportedAttempt.of(node, index, attempt, entry))
    return agreed


def _tampered(node: bytes, size: int, evidence: bytes, version: int, at: Block) -> ReportedAttempt:
    # It takes the number of the last entry in doubt: once recorded, the registry passes over all of them.
    return ReportedAttempt(
        node=node,
        entry=size - 1,
        kind=name_id(Kind.LEDGER_TAMPERED),
        metric=bytes(32),
        charter_version=version,
        observed_block=at.number,
        count=1,
        evidence=evidence,
    )
