"""Questions asked side by side: answers in order, never too many at once, one plain exception."""

from __future__ import annotations

from functools import partial

import anyio
import pytest

from oracles.chain.errors import BlockUnknown
from oracles.chain.together import together

pytestmark = pytest.mark.anyio


async def test_answers_come_in_the_order_of_the_questions() -> None:
    events = [anyio.Event() for _ in range(4)]

    async def ask(place: int) -> int:
        # Each waits for the one behind it, so that they can only end in reverse.
        if place + 1 < len(events):
            await events[place + 1].wait()
        events[place].set()
        return place

    assert await together([partial(ask, place) for place in range(4)]) == [0, 1, 2, 3]
    assert await together([]) == []


async def test_no_more_than_so_many_are_asked_at_once() -> None:
    under_way, most = 0, 0

    async def ask() -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await anyio.lowlevel.checkpoint()
        under_way -= 1

    await together([ask] * 20, at_once=3)
    assert (under_way, most) == (0, 3)


async def test_an_exception_is_raised_as_it_is_and_ends_the_others() -> None:
    ended = anyio.Event()

    async def hang() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            ended.set()

    async def fail() -> None:
        raise BlockUnknown("7")

    with pytest.raises(BlockUnknown):
        await together([hang, fail])
    assert ended.is_set()
