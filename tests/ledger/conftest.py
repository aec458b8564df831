"""Where the ledgers of these tests lie."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

MEMORY = Path("/dev/shm")


@pytest.fixture(scope="session")
def memory() -> Iterator[Path]:
    """A folder in memory where there is one: these tests sync often, and a killed process (unlike a
    machine without power) loses nothing that it wrote, wherever the files lie.
    """
    with TemporaryDirectory(prefix="ledger-", dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture
def tmp_path(memory: Path) -> Iterator[Path]:
    """pytest's own, but in that folder."""
    with TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)
