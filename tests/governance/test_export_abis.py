"""The exported ABIs have what the contracts revert with, and what the reference names."""

import json
import re
from pathlib import Path

import pytest

from scripts.export_abis import ExportFault, merged_abi, parse_error, signature

ROOT = Path(__file__).parents[2]
TRANSFER = {
    "type": "function",
    "name": "transfer",
    "inputs": [{"name": "to", "type": "address"}, {"name": "amount", "type": "uint256"}],
}


def test_an_error_is_read() -> None:
    assert parse_error("Bad(address who, uint256 much)")["inputs"] == [
        {"name": "who", "type": "address"},
        {"name": "much", "type": "uint256"},
    ]


def test_what_is_no_error_is_refused() -> None:
    with pytest.raises(ExportFault, match="not a custom error"):
        parse_error("Bad")


def test_names_and_errors_are_merged_in_order() -> None:
    notes = {"errors": ["B()", "A()"], "names": {"transfer(address,uint256)": ["to", "value"]}}
    merged = merged_abi([json.loads(json.dumps(TRANSFER))], notes)
    assert [entry["name"] for entry in merged] == ["A", "B", "transfer"]
    assert [argument["name"] for argument in merged[2]["inputs"]] == ["to", "value"]


def test_names_that_fit_nothing_are_refused() -> None:
    with pytest.raises(ExportFault, match="does not have"):
        merged_abi([], {"names": {"transfer(address,uint256)": ["to", "value"]}})


def test_answers_are_merged_where_they_fit() -> None:
    domain = {"type": "function", "name": "domain", "inputs": [], "outputs": [{"name": "", "type": "bytes1"}]}
    [merged] = merged_abi([json.loads(json.dumps(domain))], {"answers": {"domain()": "bytes1 fields"}})
    assert merged["outputs"] == [{"name": "fields", "type": "bytes1"}]
    with pytest.raises(ExportFault, match="the answer of 'other\\(\\)', which the contract does not have"):
        merged_abi([domain], {"answers": {"other()": "bytes1 fields"}})


def test_tuples_are_written_out() -> None:
    entry = {
        "name": "f",
        "inputs": [{"type": "tuple[]", "components": [{"type": "bytes32"}, {"type": "address"}]}],
    }
    assert signature(entry) == "f((bytes32,address)[])"


def test_every_custom_error_of_the_governance_contracts_is_exported() -> None:
    exported = set()
    for name in ("Governor", "MeshToken", "Timelock"):
        abi = json.loads((ROOT / "oracles" / "chain" / "abi" / f"{name}.json").read_text())
        exported |= {signature(entry) for entry in abi if entry["type"] == "error"}
    raised = set()
    for source in (ROOT / "contracts" / "governance").glob("*.vy"):
        # An error's name begins with a capital, a function's does not.
        raised |= set(re.findall(r'method_id\(\s*"([A-Z]\w+\([^"]*\))"', source.read_text()))
    assert raised - {"Panic(uint256)"} == exported
