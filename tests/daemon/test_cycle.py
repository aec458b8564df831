"""When a daemon's loops run: after a while, and at once when the chain has moved on."""

from __future__ import annotations

from typing import Any, cast

import anyio
import pytest

from oracles.chain.block import Block
from oracles.daemon.frame import Frame, News
from oracles.daemon.health import Health
from oracles.daemon.metrics import Metrics

pytestmark = pytest.mark.anyio

FIRST, SECOND = (Block(number, bytes([number]) * 32, bytes(32), number) for number in (1, 2))
FOR_EVER = 10_000.0


class Settings:
    """Only what a loop asks."""

    def __init__(self, poll_seconds: float) -> None:
        self.poll_seconds = poll_seconds


def frame(poll_seconds: float, tasks: Any) -> Frame[Any]:
    nothing = cast(Any, None)
    return Frame(
        settings=Settings(poll_seconds),
        deployment=nothing,
        rpc=nothing,
        store=nothing,
        outbox=nothing,
        sender=nothing,
        account=None,
        health=Health(FOR_EVER),
        metrics=Metrics("tested"),
        tasks=tasks,
    )


class Steps:
    """Counts a loop's steps, and lets a test wait for the next."""

    def __init__(self) -> None:
        self.send, self.made = anyio.create_memory_object_stream[int](100)
        self.count = 0

    async def __call__(self) -> None:
        self.count += 1
        await self.send.send(self.count)


async def test_news_wake_a_loop_before_its_interval_is_over() -> None:
    steps = Steps()
    async with anyio.create_task_group() as tasks:
        running = frame(FOR_EVER, tasks)
        tasks.start_soon(running.cycle, "tested", steps)
        assert await steps.made.receive() == 1
        running.news.tell(FIRST)
        assert await steps.made.receive() == 2
        running.news.tell(SECOND)
        assert await steps.made.receive() == 3
        tasks.cancel_scope.cancel()


async def test_news_that_come_during_a_step_are_not_slept_through() -> None:
    steps = Steps()
    async with anyio.create_task_group() as tasks:
        running = frame(FOR_EVER, tasks)

        async def step() -> None:
            if steps.count == 0:
                running.news.tell(FIRST)
            await steps()

        tasks.start_soon(running.cycle, "tested", step)
        assert [await steps.made.receive() for _ in range(2)] == [1, 2]
        tasks.cancel_scope.cancel()


async def test_a_loop_of_its_own_pace_heeds_no_news() -> None:
    steps = Steps()
    async with anyio.create_task_group() as tasks:
        running = frame(FOR_EVER, tasks)
        tasks.start_soon(lambda: running.cycle("tested", steps, every=FOR_EVER))
        assert await steps.made.receive() == 1
        running.news.tell(FIRST)
        await anyio.wait_all_tasks_blocked()
        assert steps.count == 1
        tasks.cancel_scope.cancel()


async def test_without_news_it_runs_after_the_interval() -> None:
    steps = Steps()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(frame(0.001, tasks).cycle, "tested", steps)
        assert [await steps.made.receive() for _ in range(3)] == [1, 2, 3]
        tasks.cancel_scope.cancel()


async def test_the_same_block_is_news_only_once() -> None:
    news = News()
    for block, is_news in ((FIRST, True), (FIRST, False), (SECOND, True), (FIRST, True)):
        waited_for = news.next
        news.tell(block)
        assert waited_for.is_set() is is_news
