"""Several questions asked side by side: a round trip for all of them instead of one each."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import anyio

T = TypeVar("T")


async def together(questions: Sequence[Callable[[], Awaitable[T]]], *, at_once: int = 8) -> list[T]:
    """The answers in the questions' order.

    The first exception ends what is still asked and is raised as it is: a task group would wrap it.
    """
    answers: dict[int, T] = {}
    faults: list[Exception] = []
    limit = anyio.CapacityLimiter(at_once)

    async def one(place: int) -> None:
        try:
            async with limit:
                answers[place] = await questions[place]()
        except Exception as fault:
            faults.append(fault)
            group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        for place in range(len(questions)):
            group.start_soon(one, place)
    if faults:
        raise faults[0]
    return [answers[place] for place in range(len(questions))]
