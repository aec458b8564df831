"""Whether what was final still is."""

from dataclasses import dataclass

from oracles.chain.block import Block
from oracles.chain.errors import BlockUnknown, ChainBehind, ReorgBelowFinality
from oracles.chain.rpc import Rpc


@dataclass(frozen=True)
class Cursor:
    """The last finalized block that was acted upon. Made durable together with what was done."""

    number: int
    hash: bytes

    @classmethod
    def of(cls, block: Block) -> "Cursor":
        """The cursor at a block."""
        return cls(block.number, block.hash)


async def check_finality(rpc: Rpc, cursor: Cursor, finalized: Block) -> None:
    """Check that the block at the cursor is still there, `finalized` being the newest final block.

    Raises `ReorgBelowFinality` if another block has its number, `ChainBehind` if the chain does not reach it.
    """
    found = finalized
    if finalized.number != cursor.number:
        try:
            found = await rpc.block(cursor.number)
        except BlockUnknown:
            raise ChainBehind(cursor.number, finalized.number) from None
    if found.hash != cursor.hash:
        raise ReorgBelowFinality(cursor.number, cursor.hash, found.hash)
    if finalized.number < cursor.number:
        raise ChainBehind(cursor.number, finalized.number)
