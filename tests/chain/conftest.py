"""A counting contract on a devnet of the test's own."""

import pytest

from scripts._devnet import Devnet

from .tally import Tally


@pytest.fixture
def anyio_backend() -> str:
    """web3.py's HTTP provider is asyncio's."""
    return "asyncio"


@pytest.fixture
def tally(devnet: Devnet) -> Tally:
    """Deployed, and final."""
    return Tally.deploy(devnet)
