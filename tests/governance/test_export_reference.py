"""What `build/reference/` holds for the reference's suites: the contracts, and how they are deployed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from solidity import versions

from scripts.export_abis import COMPILED, ExportFault, signature
from scripts.export_reference import (
    artifacts,
    constructor,
    described,
    index,
    meanings,
    named_like,
    needs,
    readme,
    texts,
)

ROOT = Path(__file__).parents[2]
SOURCE = '''
@deploy
def __init__(name_: String[50], holder: address):
    """
    @dev Creates something.
    @param name_ The name,
           on two lines.
    @param holder Who has it.
    """
'''


@pytest.fixture(scope="module")
def manifest() -> Any:
    return json.loads(COMPILED.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def made(manifest: Any) -> dict[str, Any]:
    return artifacts(manifest, described()[1])


def test_setup_wrote_what_is_compiled(manifest: Any) -> None:
    folder = ROOT / "build" / "reference"
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == texts(manifest)


def test_every_governance_contract_is_there(made: dict[str, Any]) -> None:
    sources = (ROOT / "contracts" / "governance").glob("[A-Z]*.vy")
    assert {path.stem for path in sources} <= made.keys()
    assert {"MeshTokenHarness", "TimelockHarness"} <= made.keys()


def test_the_abi_is_the_one_that_is_shipped(made: dict[str, Any]) -> None:
    for name in ("Governor", "MeshToken", "Timelock"):
        shipped = (ROOT / "oracles" / "chain" / "abi" / f"{name}.json").read_text(encoding="utf-8")
        assert made[name]["abi"] == json.loads(shipped)


def test_code_and_constructor_are_whole(made: dict[str, Any]) -> None:
    for content in made.values():
        creation, deployed = (bytes.fromhex(content[key][2:]) for key in ("bytecode", "deployedBytecode"))
        assert deployed in creation
        inputs = [argument["name"] for argument in content["constructor"]]
        [entry] = [entry for entry in content["abi"] if entry["type"] == "constructor"]
        assert inputs == [argument["name"] for argument in entry["inputs"]]
        assert all(argument["meaning"] for argument in content["constructor"])
        assert len(content["example"]) == len(inputs)


def test_a_harness_has_the_errors_and_names_of_what_it_lays_open(made: dict[str, Any]) -> None:
    for name, harness, own in (
        ("MeshToken", "MeshTokenHarness", {"burn(address,uint256)", "mint(address,uint256)"}),
        ("Timelock", "TimelockHarness", {"grant(bytes32,address)", "revoke(bytes32,address)"}),
    ):
        model = {signature(entry): entry for entry in made[name]["abi"] if entry["type"] != "constructor"}
        laid = {signature(entry): entry for entry in made[harness]["abi"] if entry["type"] != "constructor"}
        assert {key for key, entry in laid.items() if model.get(key) != entry} <= own
        errors = {key for key, entry in model.items() if entry["type"] == "error"}
        assert errors and errors <= laid.keys()


def test_the_version_is_the_one_that_ours_is_compared_with() -> None:
    assert described()[0] == f"@openzeppelin/contracts {versions()['@openzeppelin/contracts']}"


def test_the_list_is_in_an_order_of_deployment(made: dict[str, Any]) -> None:
    listed = index("x", made)["contracts"]
    names = [each["contract"] for each in listed]
    assert names == list(made)
    for place, each in enumerate(listed):
        assert set(each["needs"]) <= set(names[:place])
        assert (ROOT / "build" / "reference" / each["file"]).is_file()


def test_the_page_shows_every_argument(made: dict[str, Any]) -> None:
    page = readme("the reference 5", made)
    assert "`the reference 5`" in page and "{" not in page.replace('{"', "")
    for name, content in made.items():
        assert f"### {name}\n" in page
        assert all(argument["meaning"] in page for argument in content["constructor"])


def test_meanings_are_read_from_the_source() -> None:
    assert meanings(SOURCE) == {"name_": "The name, on two lines.", "holder": "Who has it."}
    assert meanings("@deploy\ndef other():\n    pass\n") == {}


def test_an_argument_without_a_meaning_is_refused() -> None:
    inputs = [{"name": "name_", "type": "string"}, {"name": "owner", "type": "address"}]
    abi = [{"type": "constructor", "inputs": inputs}]
    assert constructor("A", [{"type": "constructor", "inputs": inputs[:1]}], SOURCE) == [
        {"name": "name_", "type": "string", "meaning": "The name, on two lines."}
    ]
    with pytest.raises(ExportFault, match="A: nothing says what the constructor's 'owner' means"):
        constructor("A", abi, SOURCE)


def test_only_errors_and_what_both_have_are_taken_from_a_model() -> None:
    shared = {"type": "function", "name": "f", "inputs": [{"name": "arg0", "type": "uint256"}]}
    named = shared | {"inputs": [{"name": "amount", "type": "uint256"}]}
    other = {"type": "function", "name": "g", "inputs": []}
    error = {"type": "error", "name": "Bad", "inputs": []}
    assert named_like([shared], [named, other, error]) == [error, named]


def test_the_contracts_that_an_example_names_are_found() -> None:
    assert list(needs([1, "@A", [["@B", "@deployer"], "no @C"], True])) == ["A", "B"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"Nothing": {}}, "describes Nothing, which is no contract"),
        (
            {"MeshToken": {"interface": [], "example": [1]}},
            "takes 5 arguments, its example has another number",
        ),
        (
            {"MeshToken": {"interface": [], "example": ["", "", 1, "@Timelock", "@deployer"]}},
            "its example names Timelock, which is not deployed before",
        ),
    ],
)
def test_a_description_that_does_not_fit_is_refused(
    manifest: Any, changed: dict[str, Any], said: str
) -> None:
    with pytest.raises(ExportFault, match=said):
        artifacts(manifest, changed)
