"""Each test on ape's chain leaves it as the fixtures of its module built it.

ape guesses which fixtures change the chain, from the number of blocks around them, and builds anew what it
takes for changed: it guesses wrong where a module has snapshots of its own, so its isolation is switched off
(`plain_ape`). Fixtures of a module come before those of a test, hence before this one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture
def isolated(chain: Any) -> Iterator[None]:
    """A snapshot around the test; each conftest of contracts' tests takes it for all of them."""
    snapshot = chain.snapshot()
    yield
    chain.restore(snapshot)
