"""The Governor's two halves: one storage, one ABI, and nothing beyond."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ape.api import AccountAPI
from ape.managers.project import ProjectManager
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from vyper.cli.vyper_compile import compile_files
from web3.exceptions import ContractLogicError

from .conftest import FOR, Dao, refused_call, word

_KINDS = ("storage_layout", "transient_storage_layout")
CONTRACTS = Path(__file__).parents[3] / "contracts" / "governance"


def slots(contract: str) -> dict[str, list[tuple[str, str, int, int]]]:
    """What a contract keeps in which slot, by the kind of storage: name, type, slot and length."""
    (outputs,) = compile_files([str(CONTRACTS / f"{contract}.vy")], ["layout"]).values()
    layout = outputs["layout"]
    return {kind: sorted(_leaves("", layout.get(kind, {}))) for kind in _KINDS}


def _leaves(path: str, layout: dict[str, Any]) -> list[tuple[str, str, int, int]]:
    if "slot" in layout:
        return [(path, layout["type"], layout["slot"], layout["n_slots"])]
    return [leaf for name, inner in layout.items() for leaf in _leaves(f"{path}.{name}", inner)]


@pytest.fixture(scope="module")
def halves() -> tuple[dict[str, Any], dict[str, Any]]:
    """The slots of both."""
    return slots("Governor"), slots("GovernorRules")


class TestStorage:
    def test_is_the_same(self, halves: tuple[dict[str, Any], dict[str, Any]]) -> None:
        governor, rules = halves
        assert governor == rules

    def test_is_found_at_all(self, halves: tuple[dict[str, Any], dict[str, Any]]) -> None:
        """Or the comparison would compare nothing."""
        names = {name.split(".")[-1] for name, *_ in halves[0]["storage_layout"]}
        assert names >= {"_proposals", "_tallies", "_terms", "proposalGuardian", "coSigner", "_latest"}
        assert [name.split(".")[-1] for name, *_ in halves[0]["transient_storage_layout"]] == ["_left"]
        taken = [slot for _, _, slot, _ in halves[0]["storage_layout"]]
        assert len(set(taken)) == len(taken)

    def test_is_not_that_of_another_contract(self, halves: tuple[dict[str, Any], dict[str, Any]]) -> None:
        assert slots("Timelock")["storage_layout"] != halves[0]["storage_layout"]


class TestSelectors:
    def test_of_both_halves_differ(self, project: ProjectManager) -> None:
        """A function that both had would never reach the rules."""
        names = []
        for half in (project.Governor, project.GovernorRules):
            methods = (*half.contract_type.view_methods, *half.contract_type.mutable_methods)
            names.append({keccak(text=method.selector)[:4] for method in methods})
        own, handed_on = names
        assert not own & handed_on
        assert len(own | handed_on) > 70

    def test_are_all_answered_at_the_governor(self, project: ProjectManager, dao: Dao) -> None:
        for name in (
            "clock",
            "trackCount",
            "proposalCount",
            "token",
            "coSigner",
            "votingPeriod",
            "CLOCK_MODE",
        ):
            assert name in {method.name for method in project.GovernorRules.contract_type.view_methods}
            assert getattr(dao.governor, name)() is not None

    @pytest.mark.parametrize(
        "data", ["12345678", "12345678" + "00" * 64, "12", "1234", "00000000", "ff" * 100]
    )
    def test_that_are_unknown_revert_with_nothing(self, dao: Dao, stranger: AccountAPI, data: str) -> None:
        for value in (0, 1):
            assert refused_call(dao.governor, bytes.fromhex(data), sender=stranger, value=value) == b""

    def test_of_views_take_no_eth(self, dao: Dao, stranger: AccountAPI) -> None:
        for selector in ("clock()", "votingPeriod()", "proposalCount()", "name()", "state(uint256)"):
            data = keccak(text=selector)[:4] + bytes(32)
            assert refused_call(dao.governor, data, sender=stranger, value=1) == b""


class TestStaticCalls:
    """Other contracts read the Governor by `staticcall`, in which nothing may be written."""

    def read(self, dao: Dao, data: bytes, reader: str = to_checksum_address("0x" + "ab" * 20)) -> bytes:
        """The answer to a static call of another contract."""
        dao.chain.provider.make_request(
            "anvil_setCode", [reader, "0x" + _static_proxy(dao.governor.address).hex()]
        )
        return bytes(dao.chain.provider.web3.eth.call({"to": reader, "data": data}))

    def test_answer_as_ordinary_calls_do(self, dao: Dao) -> None:
        proposal = dao.propose(dao.number_call(), text="x" * 4_000)
        identifier = dao.open(proposal)
        dao.governor.castVote(identifier, FOR, sender=dao.voters[1])
        web3 = dao.chain.provider.web3
        number, voter, past = _number(identifier), _address(dao.voters[1].address), _number(dao.now - 1)
        for selector, arguments in (
            ("clock()", b""),
            ("COUNTING_MODE()", b""),
            ("supportsInterface(bytes4)", bytes.fromhex("cdbdfcee").ljust(32, b"\0")),
            ("quorum(uint256)", past),
            ("superQuorum(uint256)", past),
            ("quorumNumerator()", b""),
            ("quorumNumerator(uint256)", past),
            ("getVotes(address,uint256)", voter + past),
            ("usedVotes(uint256,address)", number + voter),
            ("hasVoted(uint256,address)", number + voter),
            ("proposalVotes(uint256)", number),
            ("proposalDetails(uint256)", number),
            ("proposalDetailsAt(uint256)", bytes(32)),
            ("track(bytes32)", word("standard")),
            ("state(uint256)", number),
            ("eip712Domain()", b""),
        ):
            data = keccak(text=selector)[:4] + arguments
            answer = bytes(web3.eth.call({"to": dao.governor.address, "data": data}))
            assert answer
            assert self.read(dao, data) == answer, selector

    def test_write_nothing(self, dao: Dao) -> None:
        identifier = dao.open(dao.propose(dao.number_call()))
        voter, web3 = dao.voters[0].address, dao.chain.provider.web3
        for selector in ("castVote(uint256,uint8)", "cancel(uint256)"):
            data = (
                keccak(text=selector)[:4]
                + _number(identifier)
                + (_number(FOR) if "uint8" in selector else b"")
            )
            web3.eth.call({"from": voter, "to": dao.governor.address, "data": data})
            with pytest.raises(ContractLogicError):
                self.read(dao, data, voter)


def _number(value: int) -> bytes:
    return value.to_bytes(32, "big")


def _address(value: str) -> bytes:
    return bytes.fromhex(value[2:]).rjust(32, b"\0")


def _static_proxy(target: str) -> bytes:
    """Code that hands every call on to `target` by `staticcall`, and its answer back."""
    return b"".join(
        (
            bytes.fromhex("365f5f37"),  # copy the calldata
            bytes.fromhex("5f5f365f73") + bytes.fromhex(target[2:]) + bytes.fromhex("5afa"),
            bytes.fromhex("3d5f5f3e"),  # copy the answer
            bytes.fromhex("602957"),  # success: jump
            bytes.fromhex("3d5ffd"),
            bytes.fromhex("5b3d5ff3"),
        )
    )
