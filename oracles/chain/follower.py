"""Following a contract's events over finalized blocks, and seeing when finality was broken.

An empty `eth_getLogs` range cannot show a reorg, so the chain of hashes is what is followed, and logs hang
on it: near the head block by block, each by its hash; while catching up in bounded ranges whose ends are
checked.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from itertools import chain

import anyio

from oracles.chain.block import Block, Log
from oracles.chain.errors import AnswerTooBig, BlockUnknown, ReorgBelowFinality, RpcError
from oracles.chain.finality import Cursor, check_finality
from oracles.chain.rpc import LogFilter, Rpc
from oracles.chain.together import together


@dataclass(frozen=True)
class Span:
    """Logs in order of emission, and the block that they reach up to."""

    logs: tuple[Log, ...]
    head: Block

    @property
    def cursor(self) -> Cursor:
        """The cursor to store once these logs have been processed."""
        return Cursor(self.head.number, self.head.hash)


class Follower:
    """Hands out the wanted logs after a cursor.

    `first_block` is where a consumer without a cursor begins. Gaps of up to `linked` blocks are walked
    header by header; longer ones are read in ranges of at most `chunk` blocks.
    """

    def __init__(
        self, rpc: Rpc, wanted: LogFilter, first_block: int, *, linked: int = 32, chunk: int = 2_000
    ) -> None:
        self._rpc = rpc
        self._wanted = wanted
        self._first = first_block
        self._linked = linked
        self._chunk = chunk

    async def next(self, after: Cursor | None) -> Span | None:
        """The next finalized logs after a cursor, or None where nothing new is final.

        Raises `ReorgBelowFinality`, `ChainBehind`, or what `Rpc` raises. A span never has a part of a block.
        """
        finalized = await self._rpc.finalized()
        if after is None:
            if finalized.number < self._first:
                return None
            first = self._first
        else:
            await check_finality(self._rpc, after, finalized)
            first = after.number + 1
        if finalized.number < first:
            return None
        return await self._span(first, finalized, after)

    async def pending(self, after: Cursor | None) -> Span:
        """All wanted logs after a cursor up to the newest block, not final yet: a reorg may take them back.

        Nothing of it may be stored; each call gives the whole anew. For what may be acted on early because
        taking it back harms nobody: tightening a policy.
        """
        latest = await self._rpc.latest()
        first = self._first if after is None else after.number + 1
        if latest.number < first:
            return Span((), latest)
        if latest.number - first >= self._linked:
            return Span(tuple(await self._rpc.logs_between(first, latest.number, self._wanted)), latest)
        return await self._walk(first, latest, after)

    async def follow(
        self, after: Cursor | None, *, poll: float = 1.0, idle: Callable[[], None] = lambda: None
    ) -> AsyncIterator[Span]:
        """Span after span; while nothing is new, `idle` is called and `poll` seconds pass."""
        while True:
            span = await self.next(after)
            if span is None:
                idle()
                await anyio.sleep(poll)
                continue
            yield span
            after = span.cursor

    async def _span(self, first: int, finalized: Block, after: Cursor | None) -> Span:
        if finalized.number - first < self._linked:
            return await self._walk(first, finalized, after)
        return await self._range(first, min(finalized.number, first + self._chunk - 1), after)

    async def _walk(self, first: int, last: Block, after: Cursor | None) -> Span:
        """Header by header, each hanging on the one before, each block's logs by its hash."""
        numbers = range(first, last.number)
        blocks = [*await together([partial(self._rpc.block, number) for number in numbers]), last]
        before = after
        for block in blocks:
            if before is not None and block.parent != before.hash:
                # The cursor's own block was checked a moment ago: the chain moved between two requests.
                raise BlockUnknown(
                    f"{before.number} (0x{before.hash.hex()}), parent of {block}, replaced while reading,"
                )
            before = Cursor.of(block)
        logs = await together([partial(self._rpc.logs_in, block, self._wanted) for block in blocks])
        return Span(tuple(chain.from_iterable(logs)), last)

    async def _range(self, first: int, last: int, after: Cursor | None) -> Span:
        """A bounded range, halved while the endpoint finds it too big; its ends must stay the same."""
        while True:
            end = await self._rpc.block(last)
            try:
                logs = await self._rpc.logs_between(first, last, self._wanted)
                break
            except (AnswerTooBig, RpcError):
                if last == first:
                    raise
                last = first + (last - first) // 2
        again = await self._rpc.block(last)
        if again.hash != end.hash:
            raise ReorgBelowFinality(last, end.hash, again.hash)
        if after is not None:
            await check_finality(self._rpc, after, again)
        return Span(tuple(logs), end)
