"""What the "charter" topic reads from the chain, always at the block that a round is pinned to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from oracles.chain.block import Block
from oracles.chain.charter import Charter
from oracles.chain.node_registry import NodeRegistry, Standing
from oracles.chain.violation_registry import ViolationRegistry


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

    async def judge(self, metric: bytes, version: int, block_number: int, at: Block) -> tuple[bool, bool]:
        """Whether a charter version was in force at a block, and whether one in force there allowed a
        metric.
        """

    async def charter_version(self, at: Block) -> int:
        """The version in force; 0 before the first."""

    async def recent_blocks(self, at: Block) -> int:
        """How many blocks an attempt's observation may lie back."""


class ChainRegisters:
    """`Registers` over the deployed contracts."""

    def __init__(self, charter: Charter, nodes: NodeRegistry, violations: ViolationRegistry) -> None:
        self._charter = charter
        self._nodes = nodes
        self._violations = violations
        self._ids: list[bytes] = []
        self._judged: dict[tuple[bytes, bytes, int, int], tuple[bool, bool]] = {}

    async def node_ids(self, at: Block) -> list[bytes]:
        """All nodes ever registered; a final place never changes, so each is read once."""
        count = await self._nodes.node_count(at)
        while len(self._ids) < count:
            self._ids.append(await self._nodes.node_at(len(self._ids), at))
        return self._ids[:count]

    async def node(self, node: bytes, at: Block) -> RegisteredNode | None:
        """A node that takes part."""
        standing = await self._nodes.standing(node, at)
        if standing in (Standing.UNKNOWN, Standing.BANNED, Standing.EXITED):
            return None
        record = await self._nodes.node(node, at)
        next_entry = await self._violations.next_entry(node, at)
        return RegisteredNode(node, record.endpoint, record.ledger_key, record.epoch, next_entry)

    async def judge(self, metric: bytes, version: int, block_number: int, at: Block) -> tuple[bool, bool]:
        """Charter.judge; the answers at one block are kept until the next."""
        key = (at.hash, metric, version, block_number)
        if self._judged and next(iter(self._judged))[0] != at.hash:
            self._judged.clear()
        if key not in self._judged:
            self._judged[key] = await self._charter.judge(metric, version, block_number, at)
        return self._judged[key]

    async def charter_version(self, at: Block) -> int:
        """The version in force."""
        return await self._charter.version(at)

    async def recent_blocks(self, at: Block) -> int:
        """How many blocks an attempt's observation may lie back."""
        return await self._violations.recent_blocks(at)
