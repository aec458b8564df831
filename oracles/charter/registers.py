"""What the "charter" topic reads from the chain, always at the block that a round is pinned to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from oracles.chain.block import Block
from oracles.chain.charter import Charter
from oracles.chain.node_registry import NodeRegistry, Standing
from oracles.chain.violation_registry import ViolationRegistry

MAX_JUDGED = 4096
"""Judgements of past blocks that are kept; the oldest go first."""


@dataclass(frozen=True)
class RegisteredNode:
    """A node at a block. `next_entry` is its first ledger entry that no report has handled."""

    id: bytes
    endpoint: str
    ledger_key: bytes
    epoch: int
    next_entry: int


class Registers(Protocol):
    """Reads of Charter, NodeRegistry and ViolationRegistry; each raises what `Rpc` raises."""

    async def node_ids(self, at: Block) -> list[bytes]:
        """All nodes ever registered, in that order."""

    async def node(self, node: bytes, at: Block) -> RegisteredNode | None:
        """A node that takes part; None if it is unknown, banned or gone."""

    async def ledger_key(self, node: bytes, epoch: int, at: Block) -> bytes:
        """The Ed25519 public key that a node's ledger had in an epoch."""

    async def judge(self, metric: bytes, version: int, block_number: int, at: Block) -> tuple[bool, bool]:
        """Whether a charter version was in force at a block, and whether one in force there allowed a
        metric.
        """

    async def charter_version(self, at: Block) -> int:
        """The version in force; 0 before the first."""

    async def recent_blocks(self, at: Block) -> int:
        """How many blocks an attempt's observation may lie back."""


@dataclass
class _Kept:
    """What was read at one block."""

    block: bytes = b""
    nodes: dict[bytes, RegisteredNode | None] = field(default_factory=dict)
    keys: dict[tuple[bytes, int], bytes] = field(default_factory=dict)


class ChainRegisters:
    """`Registers` over the deployed contracts.

    A round asks the same of each node for every observation of every member: answers about one block are kept
    until another one is asked about. What was in force at a final block stays so, and is kept for longer.
    """

    def __init__(self, charter: Charter, nodes: NodeRegistry, violations: ViolationRegistry) -> None:
        self._charter = charter
        self._nodes = nodes
        self._violations = violations
        self._ids: list[bytes] = []
        self._judged: dict[tuple[bytes, int, int], tuple[bool, bool]] = {}
        self._recent_blocks: int | None = None
        self._last = _Kept()

    async def node_ids(self, at: Block) -> list[bytes]:
        """All nodes ever registered; a final place never changes, so each is read once."""
        count = await self._nodes.node_count(at)
        while len(self._ids) < count:
            self._ids.append(await self._nodes.node_at(len(self._ids), at))
        return self._ids[:count]

    async def node(self, node: bytes, at: Block) -> RegisteredNode | None:
        """A node that takes part."""
        nodes = self._kept(at).nodes
        if node not in nodes:
            nodes[node] = await self._node(node, at)
        return nodes[node]

    async def _node(self, node: bytes, at: Block) -> RegisteredNode | None:
        standing = await self._nodes.standing(node, at)
        if standing in (Standing.UNKNOWN, Standing.BANNED, Standing.EXITED):
            return None
        record = await self._nodes.node(node, at)
        next_entry = await self._violations.next_entry(node, at)
        return RegisteredNode(node, record.endpoint, record.ledger_key, record.epoch, next_entry)

    async def ledger_key(self, node: bytes, epoch: int, at: Block) -> bytes:
        """The key of an epoch."""
        keys, key = self._kept(at).keys, (node, epoch)
        if key not in keys:
            keys[key] = await self._nodes.ledger_key_at(node, epoch, at)
        return keys[key]

    async def judge(self, metric: bytes, version: int, block_number: int, at: Block) -> tuple[bool, bool]:
        """Charter.judge: a later version changes nothing about a block before it."""
        key = metric, version, block_number
        if (known := self._judged.get(key)) is not None:
            return known
        found = await self._charter.judge(metric, version, block_number, at)
        if block_number <= at.number:
            self._judged[key] = found
            if len(self._judged) > MAX_JUDGED:
                del self._judged[next(iter(self._judged))]
        return found

    async def charter_version(self, at: Block) -> int:
        """The version in force."""
        return await self._charter.version(at)

    async def recent_blocks(self, at: Block) -> int:
        """How many blocks an attempt's observation may lie back."""
        if self._recent_blocks is None:  # set for good when the registry was deployed
            self._recent_blocks = await self._violations.recent_blocks(at)
        return self._recent_blocks

    def _kept(self, at: Block) -> _Kept:
        # A read that is under way when another block is asked about writes into what is no longer kept.
        if self._last.block != at.hash:
            self._last = _Kept(at.hash)
        return self._last
