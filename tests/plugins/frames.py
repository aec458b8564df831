"""A daemon's frame in the test's own process, over a chain that the test makes up."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio

from oracles.daemon.frame import Frame
from oracles.daemon.health import Health
from oracles.daemon.metrics import Metrics
from oracles.daemon.store import Store


@asynccontextmanager
async def frame_over(rpc: Any, folder: Path, poll_seconds: float = 0) -> AsyncIterator[Frame[Any]]:
    """A frame that loops, remembers and checks finality; it sends nothing. Its tasks end with it."""
    unused: Any = None
    async with Store.open(folder / "frame.db") as store, anyio.create_task_group() as tasks:
        yield Frame(
            settings=SimpleNamespace(poll_seconds=poll_seconds),
            deployment=unused,
            rpc=rpc,
            store=store,
            outbox=unused,
            sender=unused,
            account=None,
            health=Health(60),
            metrics=Metrics("tested"),
            tasks=tasks,
        )
        tasks.cancel_scope.cancel()
