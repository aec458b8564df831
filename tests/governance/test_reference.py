"""The reference's contracts come out of the compiler ready to deploy, and once; what is missing is said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import solidity
from eth_abi.abi import encode
from solidity import SolidityFault, compiled

from scripts._devnet import Devnet

COUNTER = """// SPDX-License-Identifier: AGPL-3.0-only
pragma solidity ^0.8.27;
contract Counter { uint256 public n; }
"""


def functions(name: str) -> set[str]:
    """The names of a contract's functions."""
    return {entry["name"] for entry in compiled(name).abi if entry["type"] == "function"}


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of sources with one small contract, none of it compiled yet."""
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "Counter.sol").write_text(COUNTER)
    monkeypatch.setattr(solidity, "SOURCES", folder)
    monkeypatch.setattr(solidity, "BUILD", tmp_path / "peers")
    solidity._contracts.cache_clear()
    yield folder
    solidity._contracts.cache_clear()


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("ReferenceToken", "getPastVotes"),
        ("ReferenceTimelock", "scheduleBatch"),
        ("ReferenceGovernorBare", "castVoteBySig"),
        ("ReferenceGovernorFull", "castVoteBySig"),
        ("Safe", "execTransaction"),
        ("SafeProxyFactory", "createProxyWithNonce"),
        ("CompatibilityFallbackHandler", "isValidSignature"),
    ],
)
def test_each_peer_can_be_deployed_and_called(name: str, function: str) -> None:
    assert bytes.fromhex(compiled(name).bytecode), "an abstract contract"
    assert function in functions(name)


def test_full_has_every_extension_and_bare_none() -> None:
    extensions = {
        "usedVotes",
        "lateQuorumVoteExtension",
        "superQuorumNumerator",
        "proposalGuardian",
        "proposalDetails",
    }
    assert functions("ReferenceGovernorFull") >= extensions
    assert not functions("ReferenceGovernorBare") & extensions


def test_a_peer_is_deployed_and_answers(devnet: Devnet) -> None:
    code = compiled("ReferenceToken").bytecode + encode(["string", "string"], ["Mesh", "MESH"]).hex()
    account = devnet.account(0).address
    sent = devnet.request("eth_sendTransaction", {"from": account, "data": f"0x{code}"})
    devnet.mine()
    address = devnet.request("eth_getTransactionReceipt", sent)["contractAddress"]
    mode = devnet.request("eth_call", {"to": address, "data": "0x4bf5d7e9"}, "latest")
    assert b"mode=timestamp" in bytes.fromhex(mode[2:])


def test_what_was_compiled_is_not_compiled_again(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = compiled("Counter")
    solidity._contracts.cache_clear()
    monkeypatch.setenv("PATH", "")  # no compiler any more
    assert compiled("Counter") == first


def test_a_changed_source_is_compiled_anew(sources: Path) -> None:
    first = compiled("Counter")
    solidity._contracts.cache_clear()
    (sources / "Counter.sol").write_text(COUNTER.replace("public n", "public total"))
    assert compiled("Counter") != first
    assert len(list(solidity.BUILD.iterdir())) == 1, "the stale one is gone"


def test_an_unknown_contract_is_named(sources: Path) -> None:
    with pytest.raises(SolidityFault, match="no contract 'Ledger'"):
        compiled("Ledger")


def test_without_node_it_says_what_is_needed(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SolidityFault, match="node is needed"):
        compiled("Counter")


def test_without_packages_it_says_what_to_run(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(solidity, "NODE_MODULES", tmp_path / "node_modules")
    with pytest.raises(SolidityFault, match=r"@openzeppelin/contracts, .*run scripts/setup"):
        compiled("Counter")


def test_a_source_that_does_not_compile_is_shown_with_its_line(sources: Path) -> None:
    (sources / "Broken.sol").write_text(COUNTER.replace("uint256", "uint257"))
    with pytest.raises(SolidityFault, match=r"Broken.sol:3"):
        compiled("Counter")
