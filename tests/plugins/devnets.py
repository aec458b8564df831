"""A devnet of a test's own: ape reverts its chain at each test, a daemon under test needs one that stays."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from scripts._devnet import Devnet

StartDevnet = Callable[..., Devnet]


@pytest.fixture
def start_devnet(tmp_path: Path) -> Iterator[StartDevnet]:
    """Starts devnets, with `Devnet.start`'s keyword arguments; all are ended with the test."""
    with ExitStack() as stack:
        count = iter(range(100))

        def start(**options: Any) -> Devnet:
            devnet = stack.enter_context(Devnet.start(tmp_path / f"devnet-{next(count)}", **options))
            print(devnet)
            return devnet

        yield start


@pytest.fixture
def devnet(start_devnet: StartDevnet) -> Devnet:
    """A devnet that makes blocks only when told to; a block is final two blocks later."""
    return start_devnet(manual=True)
