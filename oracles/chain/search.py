"""Finding a block by something that only grows along the chain."""

from collections.abc import Awaitable, Callable

from oracles.chain.block import Block
from oracles.chain.rpc import Rpc


async def last_block_before(rpc: Rpc, timestamp: int, head: Block) -> Block | None:
    """The last block, `head` or one of its ancestors, whose timestamp (seconds) is less; None if even
    genesis is not.

    Deterministic for a `head` that is final, whoever asks.
    """

    async def reached(block: Block) -> bool:
        return block.timestamp >= timestamp

    if head.timestamp < timestamp:
        return head
    first = await first_block_where(rpc, reached, 0, head)
    return await rpc.block(first.number - 1) if first.number else None


async def first_block_where(
    rpc: Rpc, reached: Callable[[Block], Awaitable[bool]], lowest: int, head: Block
) -> Block:
    """The first block from `lowest` to `head` where a condition holds that, once true, stays so. It holds
    at `head`.

    Gallops back from the head first: what is looked for is nearly always recent.
    """
    high, step = head, 1
    low = lowest - 1
    while high.number > lowest:
        probe = await rpc.block(max(lowest, high.number - step))
        if not await reached(probe):
            low = probe.number
            break
        high, step = probe, step * 2
    while high.number - low > 1 and high.number > lowest:
        probe = await rpc.block((low + high.number) // 2)
        if await reached(probe):
            high = probe
        else:
            low = probe.number
    return high
