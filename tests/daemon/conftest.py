"""What the frame's tests share."""

import json
from pathlib import Path

import pytest

from scripts._devnet import Devnet

CHAIN = 31337


@pytest.fixture
def anyio_backend() -> str:
    """web3.py's HTTP provider is asyncio's."""
    return "asyncio"


@pytest.fixture
def environment(tmp_path: Path, devnet: Devnet) -> dict[str, str]:
    """A daemon's settings, as environment variables: a dry run on a devnet, listening on a free port."""
    deployment = tmp_path / "deployment.json"
    deployment.write_text(json.dumps({"chain_id": CHAIN, "deployed_block": 0, "contracts": {}}))
    return {
        "WESTWORLD_DEPLOYMENT": str(deployment),
        "WESTWORLD_RPC_URLS": devnet.rpc_url,
        "WESTWORLD_STATE": str(tmp_path / "state"),
        "WESTWORLD_LISTEN": "127.0.0.1:0",
        "WESTWORLD_POLL_SECONDS": "0.05",
    }
