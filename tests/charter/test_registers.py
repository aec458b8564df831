"""What an oracle reads of the registers at a block, and how often."""

from __future__ import annotations

from collections import Counter
from typing import Any, cast

import pytest

from oracles.chain.block import Block
from oracles.chain.charter import Charter
from oracles.chain.node_registry import Node, NodeRegistry, Standing
from oracles.chain.violation_registry import ViolationRegistry
from oracles.charter.registers import ChainRegisters

pytestmark = pytest.mark.anyio

FIRST, SECOND = (Block(n, bytes([n]) * 32, bytes([n - 1]) * 32, 1_000 + n) for n in (5, 6))
ASH, BIRCH = b"a" * 32, b"b" * 32


class Contracts:
    """The three contracts in one; counts what is read of them."""

    def __init__(self) -> None:
        self.reads: Counter[str] = Counter()
        self.standings = {ASH: Standing.ACTIVE}

    async def standing(self, node: bytes, at: Block) -> Standing:
        self.reads["standing"] += 1
        return self.standings.get(node, Standing.UNKNOWN)

    async def node(self, node: bytes, at: Block) -> Node:
        self.reads["node"] += 1
        return Node("0x", b"k" * 32, 0, 1, 0, 0, False, 0, 0, "http://ash")

    async def ledger_key_at(self, node: bytes, epoch: int, at: Block) -> bytes:
        self.reads["ledger_key_at"] += 1
        return bytes([epoch]) * 32

    async def next_entry(self, node: bytes, at: Block) -> int:
        self.reads["next_entry"] += 1
        return at.number

    async def judge(self, metric: bytes, version: int, block_number: int, at: Block) -> tuple[bool, bool]:
        self.reads["judge"] += 1
        return True, False


def registers(contracts: Contracts) -> ChainRegisters:
    found: Any = contracts
    return ChainRegisters(cast(Charter, found), cast(NodeRegistry, found), cast(ViolationRegistry, found))


async def test_a_node_is_read_once_at_each_block() -> None:
    contracts = Contracts()
    read = registers(contracts)
    for block in (FIRST, SECOND):
        for _ in range(4):
            node = await read.node(ASH, block)
            assert node is not None and node.next_entry == block.number
            assert await read.node(BIRCH, block) is None
            assert await read.ledger_key(ASH, 1, block) == b"\1" * 32
            assert await read.judge(b"m" * 32, 1, 4, block) == (True, False)
    assert contracts.reads == {"standing": 4, "node": 2, "next_entry": 2, "judge": 1, "ledger_key_at": 2}


async def test_a_block_that_is_still_to_come_is_judged_anew() -> None:
    contracts = Contracts()
    read = registers(contracts)
    for block in (FIRST, SECOND, SECOND):
        await read.judge(b"m" * 32, 1, SECOND.number, block)
    assert contracts.reads["judge"] == 2


async def test_judgements_are_kept_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oracles.charter.registers.MAX_JUDGED", 2)
    contracts = Contracts()
    read = registers(contracts)
    for number in (1, 2, 3, 3, 1):
        await read.judge(b"m" * 32, 1, number, FIRST)
    assert contracts.reads["judge"] == 4


async def test_a_ban_at_the_next_block_is_seen() -> None:
    contracts = Contracts()
    read = registers(contracts)
    assert await read.node(ASH, FIRST) is not None
    contracts.standings[ASH] = Standing.BANNED
    assert await read.node(ASH, SECOND) is None
