"""Group commit: many callers append at once, one thread writes them down with one sync."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock, Thread

from oracles.ledger.errors import LedgerStopped

MAX_BATCH = 4096

Commit = Callable[[list[bytes]], int]
"""Makes entries durable and gives the first one's index; raises OSError when it could not."""


class _Waiter:
    """One append until it is answered: by a lock for a thread, by a future for a task."""

    __slots__ = ("entry", "error", "future", "index", "lock", "loop")

    def __init__(self, entry: bytes) -> None:
        self.entry = entry
        self.index = -1
        self.error: LedgerStopped | None = None
        self.lock: Lock | None = None
        self.future: asyncio.Future[int] | None = None
        self.loop: asyncio.AbstractEventLoop | None = None


class GroupWriter:
    """A thread that commits whatever has come in since its last sync, in the order of arrival.

    After the first failure nothing is written any more: every append, waiting or new, raises LedgerStopped.
    """

    def __init__(self, directory: Path, commit: Commit) -> None:
        self._directory = directory
        self._commit = commit
        self._queue: SimpleQueue[_Waiter | None] = SimpleQueue()
        self._entrance = Lock()
        self._stopped: LedgerStopped | None = None
        self._thread = Thread(target=self._run, name=f"ledger {directory.name}", daemon=True)
        self._thread.start()

    @property
    def stopped(self) -> LedgerStopped | None:
        """Why the writer takes no more entries, or None while it does."""
        return self._stopped

    def append(self, entry: bytes) -> int:
        """Blocks until the entry is durable; gives its index. Raises LedgerStopped."""
        waiter = _Waiter(entry)
        waiter.lock = Lock()
        waiter.lock.acquire()
        self._enter(waiter)
        waiter.lock.acquire()
        if waiter.error is not None:
            raise waiter.error
        return waiter.index

    async def append_async(self, entry: bytes) -> int:
        """As append, without blocking the event loop. A cancelled append may still be written."""
        waiter = _Waiter(entry)
        waiter.loop = asyncio.get_running_loop()
        waiter.future = waiter.loop.create_future()
        self._enter(waiter)
        return await waiter.future

    def close(self) -> None:
        """Commits what came in before, then stops. Later appends raise LedgerStopped."""
        self._queue.put(None)
        self._thread.join()

    def _enter(self, waiter: _Waiter) -> None:
        # Under the lock no waiter can slip in behind the writer's last look at the queue.
        with self._entrance:
            if self._stopped is not None:
                raise self._stopped
            self._queue.put(waiter)

    def _run(self) -> None:
        while True:
            batch, closing = self._next_batch()
            if batch:
                try:
                    first = self._commit([waiter.entry for waiter in batch])
                except Exception as error:  # whatever it was: nobody may wait for ever
                    self._stop(batch, str(error) if isinstance(error, OSError) else repr(error))
                    return
                for index, waiter in enumerate(batch, first):
                    waiter.index = index
                _answer(batch)
            if closing:
                self._stop([], "it was closed")
                return

    def _next_batch(self) -> tuple[list[_Waiter], bool]:
        waiter = self._queue.get()
        batch: list[_Waiter] = []
        while waiter is not None:
            batch.append(waiter)
            if len(batch) == MAX_BATCH:
                return batch, False
            try:
                waiter = self._queue.get_nowait()
            except Empty:
                return batch, False
        return batch, True

    def _stop(self, batch: list[_Waiter], reason: str) -> None:
        with self._entrance:
            self._stopped = LedgerStopped(self._directory, reason)
            with suppress(Empty):
                while True:
                    if (waiter := self._queue.get_nowait()) is not None:
                        batch.append(waiter)
        for waiter in batch:
            waiter.error = LedgerStopped(self._directory, reason)
        _answer(batch)


def _answer(batch: list[_Waiter]) -> None:
    tasks: dict[asyncio.AbstractEventLoop, list[_Waiter]] = defaultdict(list)
    for waiter in batch:
        if waiter.lock is not None:
            waiter.lock.release()
        elif waiter.loop is not None:
            tasks[waiter.loop].append(waiter)
    for loop, waiters in tasks.items():
        # A loop that has been closed meanwhile has nobody left to tell.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_resolve, waiters)


def _resolve(waiters: list[_Waiter]) -> None:
    for waiter in waiters:
        future = waiter.future
        if future is None or future.done():
            continue
        if waiter.error is not None:
            future.set_exception(waiter.error)
        else:
            future.set_result(waiter.index)
