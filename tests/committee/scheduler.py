"""A virtual clock that runs coroutines in an order drawn from a seed: the same seed, the same run, no real
time.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from random import Random
from typing import Any


@dataclass(frozen=True)
class Pause:
    """Awaited by a simulated operation that takes so many virtual seconds."""

    seconds: float

    def __await__(self) -> Generator[Pause, None, None]:
        yield self


class Scheduler:
    """Runs whatever is due next; what is due at the same moment runs in random order."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.now = 0.0
        self._due: list[tuple[float, float, int, Callable[[], None]]] = []
        self._count = 0
        self._tasks: dict[object, set[Coroutine[Any, Any, None]]] = {}

    def at(self, delay: float, action: Callable[[], None]) -> None:
        """Do something after `delay` virtual seconds."""
        self._count += 1
        heapq.heappush(self._due, (self.now + delay, self.random.random(), self._count, action))

    def spawn(self, owner: object, task: Coroutine[Any, Any, None]) -> None:
        """Begin a task that lives until it ends or its owner is killed."""
        self._tasks.setdefault(owner, set()).add(task)
        self._resume(owner, task)

    def kill(self, owner: object) -> None:
        """Stop an owner's tasks wherever they are, as SIGKILL would: between two operations."""
        for task in self._tasks.pop(owner, set()):
            task.close()

    def close(self) -> None:
        """Stop every task."""
        for owner in list(self._tasks):
            self.kill(owner)

    def run(self, seconds: float) -> None:
        """Let virtual time pass."""
        end = self.now + seconds
        while self._due and self._due[0][0] <= end:
            self.now, _, _, action = heapq.heappop(self._due)
            action()
        self.now = end

    def _resume(self, owner: object, task: Coroutine[Any, Any, None]) -> None:
        if task not in self._tasks.get(owner, ()):
            return
        try:
            pause = task.send(None)
        except StopIteration:
            self._tasks[owner].discard(task)
        else:
            assert isinstance(pause, Pause)
            self.at(pause.seconds, lambda: self._resume(owner, task))
