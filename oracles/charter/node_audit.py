"""Audit of one node from outside: its ledger over HTTP, its key and its record on the chain."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from oracles.chain.block import Block
from oracles.chain.codec import Event
from oracles.charter.audit import LedgerReport, Numbered
from oracles.charter.entry import EntryRefused, decode, evidence_hash
from oracles.charter.node_client import MAX_PAGE, NodeClient
from oracles.charter.vocabulary import Standing
from oracles.ledger.errors import NoteInvalid
from oracles.ledger.merkle import Frontier
from oracles.ledger.note import Verifier, open_checkpoint

MAX_ENTRIES = 1_000_000


@dataclass(frozen=True)
class NodeRecord:
    """What the chain holds of a node at a finalized block."""

    node: str
    standing: Standing
    endpoint: str
    ledger_key: bytes
    epoch: int
    block: Block
    events: tuple[Event, ...]
    """The ViolationRegistry's events about it, oldest first."""

    @property
    def verifier(self) -> Verifier:
        """The key that the node's checkpoints have to be signed with."""
        return Verifier(f"westworld/node/{self.node}", self.ledger_key, self.epoch)

    def rows(self) -> list[dict[str, Any]]:
        """The events as plain values."""
        return [
            {"block": event.log.block_number, "event": event.name, **_plain(event)} for event in self.events
        ]


def events_of(node: bytes, events: Iterable[Event]) -> tuple[Event, ...]:
    """Those events that name the node."""
    return tuple(event for event in events if event.args.get("node") == node)


async def audit_node(client: NodeClient, record: NodeRecord) -> LedgerReport:
    """Read a node's whole ledger, and hold it against its signature and against what it told the chain.

    Raises `NodeFaultError`. A fault names the first entry that is not what it was.
    """
    raw = await client.checkpoint(record.endpoint)
    try:
        checkpoint = open_checkpoint(raw, [record.verifier])
    except NoteInvalid as refused:
        return LedgerReport(0, "", 0, False, f"the checkpoint is not the node's: {refused}", None, ())
    if checkpoint.size > MAX_ENTRIES:
        long = f"the ledger has {checkpoint.size} entries, an audit over HTTP reads {MAX_ENTRIES}"
        return LedgerReport(0, checkpoint.root.hex(), checkpoint.size, True, long, None, ())
    told = {
        event.args["entry"]: event.args["evidence"]
        for event in record.events
        if event.name == "AttemptRecorded"
    }
    data = await _all_entries(client, record.endpoint, checkpoint.size)
    frontier = Frontier()
    entries: list[Numbered] = []
    fault: str | None = None
    for index, entry in enumerate(data):
        frontier.append(evidence_hash(entry), [])
        if fault is None:
            fault = _fault_of(index, entry, record.node, told.get(index), entries)
    missing = [index for index in told if index >= checkpoint.size]
    if fault is None and missing:
        fault = f"entry {min(missing)}: the chain has it, but the node's ledger ends before it"
    if fault is None and frontier.root() != checkpoint.root:
        fault = "the entries shown are not those that the node signed; which one differs cannot be told"
    return LedgerReport(
        len(entries), checkpoint.root.hex(), checkpoint.size, True, fault, None, tuple(entries)
    )


async def _all_entries(client: NodeClient, endpoint: str, size: int) -> list[bytes]:
    found: list[bytes] = []
    while len(found) < size:
        found += await client.entries(endpoint, len(found), min(size, len(found) + MAX_PAGE))
    return found


def _fault_of(index: int, data: bytes, node: str, told: bytes | None, entries: list[Numbered]) -> str | None:
    if told is not None and evidence_hash(data) != told:
        return f"entry {index}: it is not the one that was reported to the chain"
    try:
        entry = decode(data)
    except EntryRefused as refused:
        return f"entry {index}: {refused}"
    if entry.node != node:
        return f"entry {index}: it is about another node, {entry.node}"
    entries.append(Numbered(index, entry))
    return None


def _plain(event: Event) -> dict[str, Any]:
    # The payee stays out: an audit is shown around, and a whistleblower's address is nobody's business.
    return {
        name: "0x" + value.hex() if isinstance(value, bytes) else value
        for name, value in event.args.items()
        if name not in {"node", "payee"}
    }
