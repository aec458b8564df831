"""The powers as docs/trust.md states them against those that a chain shows. Here its answers are canned."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from web3 import Web3

from oracles.governance.trust import EXECUTORS, OWNED, ROLES, Power, deployed, differences, stated

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "trust.md").read_text(encoding="utf-8")
NAMES = ("Governor", "MeshToken", *EXECUTORS, *OWNED)
ADDRESSES = {name: Web3.to_checksum_address(f"0x{place:040x}") for place, name in enumerate(NAMES, 1)}
STRANGER = Web3.to_checksum_address("0x" + "99" * 20)
STANDARD, AMENDMENT = (name.encode().ljust(32, b"\0") for name in ("standard", "charter_amendment"))
EVERY_CALL, ENACT = bytes(4), b"\x12\x34\x56\x78"


class Answers:
    """Contracts whose views and events answer as a deployment in order would; a test changes some."""

    def __init__(self) -> None:
        at = ADDRESSES
        self.views: dict[tuple[Any, ...], Any] = {
            ("NodeRegistry", "arbiter"): at["ViolationRegistry"],
            ("NodeRegistry", "treasury"): at["StandardExecutor"],
            ("ViolationRegistry", "committee"): at["OracleCommittee"],
            ("OracleCommittee", "consumer", Web3.keccak(text="charter")): at["ViolationRegistry"],
            ("Governor", "trackCount"): 2,
            ("Governor", "trackName", 0): STANDARD,
            ("Governor", "trackName", 1): AMENDMENT,
            ("Governor", "track", STANDARD): (STANDARD, at["StandardExecutor"], STANDARD, 0),
            ("Governor", "track", AMENDMENT): (AMENDMENT, at["CharterExecutor"], AMENDMENT, 0),
            ("Governor", "token"): at["MeshToken"],
            ("NodeRegistry", "token"): at["MeshToken"],
            ("ViolationRegistry", "token"): at["MeshToken"],
            ("ViolationRegistry", "charter"): at["Charter"],
            ("ViolationRegistry", "nodes"): at["NodeRegistry"],
        }
        for name in OWNED:
            self.views[name, "owner"] = at["CharterExecutor" if name == "Charter" else "StandardExecutor"]
        for name in ("Governor", "StandardExecutor", "Charter", "CharterExecutor"):
            track = AMENDMENT if name.startswith("Charter") else STANDARD
            self.views["Governor", "trackOf", at[name], EVERY_CALL] = track
        self.events: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for name in EXECUTORS:
            for place, role in enumerate(ROLES):
                self.views[name, role] = bytes([place]) * 32
                holder = at[name] if place == 0 else at["Governor"]
                self.event(name, "RoleGranted", place, role=bytes([place]) * 32, account=holder)
        self.event("Governor", "CallReserved", 1, target=at["Charter"], selector=EVERY_CALL)

    def event(self, contract: str, event: str, block: int, **args: Any) -> None:
        log = {"blockNumber": block, "logIndex": 0, "event": event, "args": args}
        self.events.setdefault((contract, event), []).append(log)

    def powers(self) -> frozenset[Power]:
        web3: Any = SimpleNamespace(eth=SimpleNamespace(contract=self._contract))
        return deployed(web3, ADDRESSES, dict.fromkeys(NAMES, ()), 0)

    def _contract(self, address: str, abi: object) -> Any:
        name = next(name for name, known in ADDRESSES.items() if known == address)
        return SimpleNamespace(functions=_Functions(self, name), events=_Events(self, name))


class _Functions:
    def __init__(self, answers: Answers, contract: str) -> None:
        self._answers, self._contract = answers, contract

    def __getattr__(self, function: str) -> Any:
        key = (self._contract, function)
        return lambda *args: SimpleNamespace(call=lambda: self._answers.views[(*key, *args)])

    __getitem__ = __getattr__


class _Events:
    def __init__(self, answers: Answers, contract: str) -> None:
        self._answers, self._contract = answers, contract

    def __getattr__(self, event: str) -> Any:
        logs = self._answers.events.get((self._contract, event), [])
        return lambda: SimpleNamespace(get_logs=lambda from_block: logs)


def test_a_deployment_in_order_is_what_the_document_states() -> None:
    assert differences(stated(DOCUMENT), Answers().powers()) == []


@pytest.mark.parametrize(
    ("view", "power"),
    [
        (("Charter", "owner"), "Charter: owner"),
        (("NodeRegistry", "treasury"), "NodeRegistry: treasury"),
        (("ViolationRegistry", "committee"), "ViolationRegistry: committee"),
        (("ViolationRegistry", "charter"), "ViolationRegistry: charter"),
        (("Governor", "token"), "Governor: token"),
    ],
)
def test_another_holder_is_named(view: tuple[str, str], power: str) -> None:
    answers = Answers()
    answers.views[view] = STRANGER
    [said] = differences(stated(DOCUMENT), answers.powers())
    assert said.startswith(f"{power} is held by {STRANGER}, the trust document says ")


def test_another_executor_of_a_track_is_named() -> None:
    answers = Answers()
    answers.views["Governor", "track", AMENDMENT] = (AMENDMENT, STRANGER, AMENDMENT, 0)
    [said] = differences(stated(DOCUMENT), answers.powers())
    assert f"executor of charter_amendment is held by {STRANGER}" in said


def test_another_administrator_of_a_track_is_named() -> None:
    answers = Answers()
    answers.views["Governor", "track", AMENDMENT] = (AMENDMENT, ADDRESSES["CharterExecutor"], STANDARD, 0)
    [said] = differences(stated(DOCUMENT), answers.powers())
    assert said.startswith("Governor: administrator of charter_amendment is held by standard")


def test_a_single_function_kept_back_for_another_track_is_named() -> None:
    answers = Answers()
    answers.event("Governor", "CallReserved", 1, target=ADDRESSES["Charter"], selector=ENACT)
    answers.views["Governor", "trackOf", ADDRESSES["Charter"], ENACT] = STANDARD
    [said] = differences(stated(DOCUMENT), answers.powers())
    assert said.startswith("Governor: calls to Charter by 0x12345678 is held by standard")


def test_a_role_that_was_granted_besides_is_named_until_it_is_revoked() -> None:
    answers, proposer = Answers(), bytes([1]) * 32
    answers.event("CharterExecutor", "RoleGranted", 8, role=proposer, account=STRANGER)
    [said] = differences(stated(DOCUMENT), answers.powers())
    assert STRANGER in said and "PROPOSER_ROLE" in said
    answers.event("CharterExecutor", "RoleRevoked", 9, role=proposer, account=STRANGER)
    assert differences(stated(DOCUMENT), answers.powers()) == []


def test_a_document_without_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="no table headed"):
        stated("# Who can do what")


def test_several_holders_and_none_can_be_stated() -> None:
    rows = ("Contract | Power | Held by", "--- | --- | ---", "`A` | `x` | `C`, `B`", "`A` | `y` | nobody")
    table = "".join(f"| {row} |\n" for row in rows)
    assert stated(table) == {Power("A", "x", ("B", "C")), Power("A", "y", ())}
