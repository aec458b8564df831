"""Fixtures of the agent's tests."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

MEMORY = Path("/dev/shm")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def state() -> Iterator[Path]:
    """A state folder in memory where there is one: the ledger in it syncs often."""
    with TemporaryDirectory(prefix="agent-", dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder)
