"""When a daemon's loops run: after a while, and at once when the chain has moved on."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from frames import frame_over

from oracles.chain.block import Block
from oracles.daemon.frame import News

pytestmark = pytest.mark.anyio

FIRST, SECOND = (Block(number, bytes([number]) * 32, bytes(32), number) for number in (1, 2))
FOR_EVER = 10_000.0


class Steps:
    """Counts a loop's steps, and lets a test wait for the next."""

    def __init__(self) -> None:
        self.send, self.made = anyio.create_memory_object_stream[int](100)
        self.count = 0

    async def __call__(self) -> None:
        self.count += 1
        await self.send.send(self.count)


async def test_news_wake_a_loop_before_its_interval_is_over(tmp_path: Path) -> None:
    steps = Steps()
    async with frame_over(None, tmp_path, FOR_EVER) as running:
        running.tasks.start_soon(running.cycle, "tested", steps)
        assert await steps.made.receive() == 1
        running.news.tell(FIRST)
        assert await steps.made.receive() == 2
        running.news.tell(SECOND)
        assert await steps.made.receive() == 3


async def test_news_that_come_during_a_step_are_not_slept_through(tmp_path: Path) -> None:
    steps = Steps()
    async with frame_over(None, tmp_path, FOR_EVER) as running:

        async def step() -> None:
            if steps.count == 0:
                running.news.tell(FIRST)
            await steps()

        running.tasks.start_soon(running.cycle, "tested", step)
        assert [await steps.made.receive() for _ in range(2)] == [1, 2]


async def test_a_loop_of_its_own_pace_heeds_no_news(tmp_path: Path) -> None:
    steps = Steps()
    async with frame_over(None, tmp_path, FOR_EVER) as running:
        running.tasks.start_soon(lambda: running.cycle("tested", steps, every=FOR_EVER))
        assert await steps.made.receive() == 1
        running.news.tell(FIRST)
        await anyio.wait_all_tasks_blocked()
        assert steps.count == 1


async def test_without_news_it_runs_after_the_interval(tmp_path: Path) -> None:
    steps = Steps()
    async with frame_over(None, tmp_path) as running:
        running.tasks.start_soon(running.cycle, "tested", steps)
        assert [await steps.made.receive() for _ in range(3)] == [1, 2, 3]


async def test_the_same_block_is_news_only_once() -> None:
    news = News()
    for block, is_news in ((FIRST, True), (FIRST, False), (SECOND, True), (FIRST, True)):
        waited_for = news.next
        news.tell(block)
        assert waited_for.is_set() is is_news
