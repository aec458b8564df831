"""`westworld trust`: it reads the right chain or says why not, and shows no key that a URL holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from eth_utils.address import to_checksum_address
from relay import Relay

from oracles.cli.main import westworld
from oracles.governance.trust import EXECUTORS, OWNED
from scripts._devnet import Devnet

DOCUMENT = str(Path(__file__).parents[2] / "docs" / "trust.md")
CHAIN = 31337
KEYS = ("hunter2", "S3CR3T")


def run(folder: Path, *urls: str) -> Result:
    """The command over a deployment of which nothing is on the chain."""
    names = ("Governor", *EXECUTORS, *OWNED)
    contracts = {
        name: {"address": to_checksum_address(f"0x{number:040x}"), "api_version": "1"}
        for number, name in enumerate(names, 1000)
    }
    deployment = folder / "deployment.json"
    deployment.write_text(json.dumps({"chain_id": CHAIN, "deployed_block": 0, "contracts": contracts}))
    options = ["--document", DOCUMENT, "--deployment", str(deployment), "--rpc", ",".join(urls)]
    result = CliRunner(mix_stderr=False).invoke(westworld, ["trust", *options])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert not any(key in result.stdout + result.stderr for key in KEYS)
    return result


def with_keys(url: str) -> str:
    return url.replace("://", "://user:hunter2@") + "/?key=S3CR3T"


def test_a_chain_that_is_down_is_one_line_without_the_keys(tmp_path: Path) -> None:
    result = run(tmp_path, with_keys("http://127.0.0.1:9"))
    assert result.exit_code == 3
    assert "http://127.0.0.1:9 is unavailable" in result.stderr
    assert run(tmp_path, "http://user:hunter2/S3CR3T@host").exit_code == 2


@pytest.mark.parametrize("place", [0, 1])
def test_another_chain_is_not_read(tmp_path: Path, start_devnet: Any, devnet: Devnet, place: int) -> None:
    other: Devnet = start_devnet(manual=True, chain_id=1337)
    urls = [devnet.rpc_url, devnet.rpc_url]
    urls[place] = with_keys(other.rpc_url)
    result = run(tmp_path, *urls)
    assert result.exit_code == 3
    assert "serves chain id 1337, the deployment is on 31337" in result.stderr


def test_a_chain_without_the_contracts_is_said(tmp_path: Path, devnet: Devnet) -> None:
    result = run(tmp_path, with_keys(devnet.rpc_url))
    assert result.exit_code == 3
    assert "the chain does not answer as this deployment does" in result.stderr


def test_two_endpoints_that_disagree_are_not_believed(tmp_path: Path, devnet: Devnet) -> None:
    with Relay(devnet) as relay:
        relay.answers["eth_call"] = lambda params, genuine: "0x" + "00" * 32
        result = run(tmp_path, devnet.rpc_url, relay.url)
    assert result.exit_code == 3
    assert "RPC endpoints disagree on eth_call" in result.stderr
