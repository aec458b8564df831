"""Asynchronous tests of the charter run on asyncio, as the daemons do."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """The one backend that the project uses."""
    return "asyncio"
