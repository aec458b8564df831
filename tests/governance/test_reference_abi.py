"""Our ABIs beside the reference's, as solc compiles it: nothing is missing, and everything is named alike.

What ours leave out is listed here with the reason, and nothing is listed that is there.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from solidity import compiled

from scripts.export_abis import Entry, signature

ABIS = Path(__file__).parents[2] / "oracles" / "chain" / "abi"
PEERS = {"Governor": "ReferenceGovernorFull", "MeshToken": "ReferenceToken", "Timelock": "ReferenceTimelock"}
TRANSFER = "Transfer(address,address,uint256)"
OTHER_CONSTRUCTOR = "ours creates the first supply and names the owner"
NO_SHORT_STRING = "a name has a bound, and is not packed into a word"
IN_ORDER = "timepoints are blocks' times, which never decrease"
LEFT_OUT = {
    "Governor": {
        (
            "constructor",
            "(string,address,address,(uint48,uint32,uint256,uint256,uint256,uint48,address))",
        ): "ours names its tracks",
        ("error", "CheckpointUnorderedInsertion()"): IN_ORDER,
        ("error", "ERC6372InconsistentClock()"): "the clock is the block's time",
        ("error", "GovernorAlreadyQueuedProposal(uint256)"): "for another kind of timelock, Compound's",
        ("error", "GovernorProposalQueueingFailed(uint256)"): "queuing reverts or returns a time",
        ("error", "GovernorProposalQueueingNotRequired(uint256)"): "every track has an executor",
        ("error", "InvalidAccountNonce(address,uint256)"): "a ballot is verified with the next nonce",
        ("error", "InvalidShortString()"): NO_SHORT_STRING,
        ("error", "SafeCastOverflowedUintDowncast(uint8,uint256)"): "a setting's type or ceiling bounds it",
        ("error", "StringTooLong(string)"): NO_SHORT_STRING,
        ("receive", "()"): "a fallback answers by the rules, and refuses ETH",
    },
    "MeshToken": {
        ("constructor", "(string,string)"): OTHER_CONSTRUCTOR,
        ("error", "CheckpointUnorderedInsertion()"): IN_ORDER,
        ("error", "ECDSAInvalidSignatureLength(uint256)"): "a permit comes as v, r and s",
        ("error", "InvalidShortString()"): NO_SHORT_STRING,
        ("error", "SafeCastOverflowedUintDowncast(uint8,uint256)"): "the supply's ceiling bounds every value",
        ("error", "StringTooLong(string)"): NO_SHORT_STRING,
        ("function", "burn(address,uint256)"): "the peer's own, for tests; MeshTokenHarness has it",
    },
    "Timelock": {
        ("receive", "()"): "a fallback takes plain transfers, and refuses everything else",
    },
}
OTHERWISE = {
    "Governor": {"COUNTING_MODE()": "a constant's getter is a view"},
    "MeshToken": {"mint(address,uint256)": "the peer's own, for tests"},
    "Timelock": {"(uint256,address[],address[],address)": "payable, which costs less"},
}


def by_kind(abi: Sequence[Entry]) -> dict[tuple[str, str], Entry]:
    return {(entry["type"], signature(entry)): entry for entry in abi}


def described(arguments: Sequence[Entry], model: Sequence[Entry]) -> list[Any]:
    """What a wallet shows of arguments. Where the reference has no name, ours may have any."""
    if len(arguments) != len(model):
        return [f"{len(arguments)} where the reference has {len(model)}"]
    return [
        (
            argument["name"] if wanted["name"] else "",
            argument["type"],
            argument.get("indexed", False),
            described(argument.get("components", []), wanted.get("components", [])),
        )
        for argument, wanted in zip(arguments, model, strict=True)
    ]


def unlike(ours: Sequence[Entry], reference: Sequence[Entry]) -> list[str]:
    """The signatures of what both have and describe otherwise."""
    own, model = by_kind(ours), by_kind(reference)
    return [
        key[1]
        for key in sorted(own.keys() & model.keys())
        for entry, wanted in [(own[key], model[key])]
        if entry.get("stateMutability") != wanted.get("stateMutability")
        or any(
            described(entry.get(place, []), wanted.get(place, []))
            != described(wanted.get(place, []), wanted.get(place, []))
            for place in ("inputs", "outputs")
        )
    ]


@pytest.fixture(params=sorted(PEERS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def ours(name: str) -> list[Entry]:
    abi = json.loads((ABIS / f"{name}.json").read_text(encoding="utf-8"))
    assert isinstance(abi, list)
    return abi


def test_nothing_is_missing_but_what_is_listed(name: str, ours: list[Entry]) -> None:
    missing = by_kind(compiled(PEERS[name]).abi).keys() - by_kind(ours).keys()
    assert missing == LEFT_OUT[name].keys()


def test_everything_is_described_alike_but_what_is_listed(name: str, ours: list[Entry]) -> None:
    assert unlike(ours, compiled(PEERS[name]).abi) == sorted(OTHERWISE[name])


@pytest.mark.parametrize("change", [{"name": "amount"}, {"indexed": True}])
def test_another_description_is_found(change: Entry) -> None:
    reference = compiled("ReferenceToken").abi
    assert unlike(reference, reference) == []
    changed = json.loads(json.dumps(reference))
    by_kind(changed)["event", TRANSFER]["inputs"][2] |= change
    assert unlike(changed, reference) == [TRANSFER]


def test_another_answer_is_found() -> None:
    reference = compiled("ReferenceToken").abi
    for outputs in ([], [{"name": "", "type": "uint128"}], [{"name": "", "type": "uint256"}] * 2):
        changed = json.loads(json.dumps(reference))
        by_kind(changed)["function", "totalSupply()"]["outputs"] = outputs
        assert unlike(changed, reference) == ["totalSupply()"]
