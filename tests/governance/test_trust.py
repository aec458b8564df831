"""What docs/trust.md promises against what a chain shows. Here the chain's answers are canned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from web3 import Web3

from oracles.governance.trust import (
    EXECUTOR_OF,
    EXECUTORS,
    OWNED,
    ROLES,
    Measure,
    Power,
    Seats,
    Trust,
    deployed,
    differences,
    stated,
)

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "trust.md").read_text(encoding="utf-8")
NAMES = ("Governor", "GovernorRules", *EXECUTORS, *OWNED)
ADDRESSES = {name: Web3.to_checksum_address(f"0x{place:040x}") for place, name in enumerate(NAMES, 1)}
NOBODY = "0x" + "00" * 20
STRANGER = Web3.to_checksum_address("0x" + "99" * 20)
TRACKS = {name: name.encode().ljust(32, b"\0") for name in EXECUTOR_OF}
STANDARD, AMENDMENT = TRACKS["standard"], TRACKS["charter_amendment"]
PERIODS = {"standard": 3_600, "emergency_access": 7_200, "restart": 7_200}
FAST = ("emergency_access", "restart")
CO_SIGNED = ("charter_amendment", "experiment_approval", "restart")
EVERY_CALL, ENACT = bytes(4), b"\x12\x34\x56\x78"
MEASURED = frozenset(
    measure
    for name, executor in EXECUTOR_OF.items()
    for measure in (
        Measure("Governor", f"voting delay of {name}", 0 if name in FAST else 60),
        Measure("Governor", f"voting period of {name}", PERIODS.get(name, 72 * 3_600)),
        Measure("Governor", f"lookback of {name}", 86_400 if name in FAST else 0),
        Measure("Governor", f"quorum of {name}", 5),
        Measure(executor, "minimum delay", 0 if name in FAST else 60),
    )
    if measure.amount  # nothing is promised of what is at once
)
PEOPLE = tuple(Web3.to_checksum_address(f"0x{number:040x}") for number in range(0xA1, 0xA4))
ORACLES = Seats("OracleCommittee", PEOPLE, 2)
AUDITORS = Seats("ViolationRegistry", PEOPLE[:2], 1)


def _track(name: str, executor: str, administrator: bytes, period: int | None = None) -> Any:
    delay, lookback = (0, 86_400) if name in FAST else (60, 0)
    times = (delay, period or PERIODS.get(name, 72 * 3_600), lookback, 0)
    return (TRACKS[name], executor, administrator, *times, 0, 5, 100, name in FAST, name in CO_SIGNED)


class Answers:
    """Contracts whose views and events answer as a deployment in order would; a test changes some."""

    def __init__(self) -> None:
        at = ADDRESSES
        self.views: dict[tuple[Any, ...], Any] = {
            ("NodeRegistry", "arbiter"): at["ViolationRegistry"],
            ("NodeRegistry", "treasury"): at["StandardExecutor"],
            ("ViolationRegistry", "committee"): at["OracleCommittee"],
            ("OracleCommittee", "consumer", Web3.keccak(text="charter")): at["ViolationRegistry"],
            ("Governor", "trackCount"): len(TRACKS),
            ("Governor", "proposalGuardian"): NOBODY,
            ("Governor", "coSigner"): NOBODY,
            ("Governor", "rules"): at["GovernorRules"],
            ("Governor", "token"): at["MeshToken"],
            ("GovernorRules", "token"): at["MeshToken"],
            ("NodeRegistry", "token"): at["MeshToken"],
            ("ViolationRegistry", "token"): at["MeshToken"],
            ("ViolationRegistry", "charter"): at["Charter"],
            ("ViolationRegistry", "nodes"): at["NodeRegistry"],
            ("OracleCommittee", "members"): list(PEOPLE),
            ("OracleCommittee", "threshold"): 2,
            ("ViolationRegistry", "auditors"): [PEOPLE[1], PEOPLE[0]],
            ("ViolationRegistry", "threshold"): 1,
        }
        for name in OWNED:
            self.views[name, "owner"] = at["CharterExecutor" if name == "Charter" else "StandardExecutor"]
        for index, (name, executor) in enumerate(EXECUTOR_OF.items()):
            administrator = AMENDMENT if name == "charter_amendment" else STANDARD
            self.views["Governor", "trackName", index] = TRACKS[name]
            self.views["Governor", "track", TRACKS[name]] = _track(name, at[executor], administrator)
        for name in ("Governor", "Charter", *EXECUTORS):
            track = AMENDMENT if name.startswith("Charter") else STANDARD
            self.views["Governor", "trackOf", at[name], EVERY_CALL] = track
        self.events: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for name in EXECUTORS:
            self.views[name, "getMinDelay"] = 0 if name in ("EmergencyExecutor", "RestartExecutor") else 60
            for place, role in enumerate(ROLES):
                self.views[name, role] = bytes([place]) * 32
                holder = at[name] if place == 0 else at["Governor"]
                self.event(name, "RoleGranted", place, role=bytes([place]) * 32, account=holder)
            if name not in ("StandardExecutor", "CharterExecutor"):
                self.event(name, "RoleGranted", 9, role=bytes(32), account=at["StandardExecutor"])
        self.event("Governor", "CallReserved", 1, target=at["Charter"], selector=EVERY_CALL)

    def event(self, contract: str, event: str, block: int, **args: Any) -> None:
        log = {"blockNumber": block, "logIndex": 0, "event": event, "args": args}
        self.events.setdefault((contract, event), []).append(log)

    def trust(self) -> Trust:
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
    assert differences(stated(DOCUMENT), Answers().trust()) == []


@pytest.mark.parametrize(
    ("view", "power"),
    [
        (("Charter", "owner"), "Charter: owner"),
        (("MeshToken", "owner"), "MeshToken: owner"),
        (("NodeRegistry", "treasury"), "NodeRegistry: treasury"),
        (("ViolationRegistry", "committee"), "ViolationRegistry: committee"),
        (("ViolationRegistry", "charter"), "ViolationRegistry: charter"),
        (("Governor", "token"), "Governor: token"),
        (("Governor", "rules"), "Governor: rules"),
        (("Governor", "proposalGuardian"), "Governor: guardian"),
        (("Governor", "coSigner"), "Governor: co-signer"),
    ],
)
def test_another_holder_is_named(view: tuple[str, str], power: str) -> None:
    answers = Answers()
    answers.views[view] = STRANGER
    [said] = differences(stated(DOCUMENT), answers.trust())
    assert said.startswith(f"{power} is held by {STRANGER}, the trust document says ")


def test_another_executor_of_a_track_is_named() -> None:
    answers = Answers()
    answers.views["Governor", "track", AMENDMENT] = _track("charter_amendment", STRANGER, AMENDMENT)
    [said] = differences(stated(DOCUMENT), answers.trust())
    assert f"executor of charter_amendment is held by {STRANGER}" in said


def test_another_administrator_of_a_track_is_named() -> None:
    answers = Answers()
    answers.views["Governor", "track", AMENDMENT] = _track(
        "charter_amendment", ADDRESSES["CharterExecutor"], STANDARD
    )
    [said] = differences(stated(DOCUMENT), answers.trust())
    assert said.startswith("Governor: administrator of charter_amendment is held by standard")


def test_a_single_function_kept_back_for_another_track_is_named() -> None:
    answers = Answers()
    answers.event("Governor", "CallReserved", 1, target=ADDRESSES["Charter"], selector=ENACT)
    answers.views["Governor", "trackOf", ADDRESSES["Charter"], ENACT] = STANDARD
    [said] = differences(stated(DOCUMENT), answers.trust())
    assert said.startswith("Governor: calls to Charter by 0x12345678 is held by standard")


def test_a_role_that_was_granted_besides_is_named_until_it_is_revoked() -> None:
    answers, proposer = Answers(), bytes([1]) * 32
    answers.event("CharterExecutor", "RoleGranted", 8, role=proposer, account=STRANGER)
    [said] = differences(stated(DOCUMENT), answers.trust())
    assert STRANGER in said and "PROPOSER_ROLE" in said
    answers.event("CharterExecutor", "RoleRevoked", 9, role=proposer, account=STRANGER)
    assert differences(stated(DOCUMENT), answers.trust()) == []


def test_a_consumer_of_another_topic_is_named_until_its_topic_is_closed() -> None:
    answers, topic = Answers(), bytes([7]) * 32
    for known in (Web3.keccak(text="charter"), topic):
        answers.event("OracleCommittee", "TopicSet", 8, topic=bytes(known))
    answers.views["OracleCommittee", "consumer", topic] = STRANGER
    [said] = differences(stated(DOCUMENT), answers.trust())
    assert said.startswith(f"OracleCommittee: consumer of 0x{topic.hex()} is held by {STRANGER}")
    answers.views["OracleCommittee", "consumer", topic] = NOBODY
    assert differences(stated(DOCUMENT), answers.trust()) == []


def test_a_minter_is_named_until_its_budget_is_used_up() -> None:
    answers = Answers()
    answers.event("MeshToken", "MintBudgetSet", 8, minter=STRANGER)
    answers.views["MeshToken", "mintBudget", STRANGER] = 1
    [said] = differences(stated(DOCUMENT), answers.trust())
    assert said == f"MeshToken: minters is held by {STRANGER}, the trust document says nobody"
    answers.views["MeshToken", "mintBudget", STRANGER] = 0
    assert differences(stated(DOCUMENT), answers.trust()) == []


def test_our_own_topic_being_closed_is_named() -> None:
    answers = Answers()
    answers.views["OracleCommittee", "consumer", Web3.keccak(text="charter")] = NOBODY
    [said] = differences(stated(DOCUMENT), answers.trust())
    assert said.startswith("OracleCommittee: consumer of charter is held by nobody")


def test_the_document_states_every_time_and_quorum() -> None:
    assert stated(DOCUMENT).measures == MEASURED
    assert {measure for measure in Answers().trust().measures if measure.amount} == MEASURED


@pytest.mark.parametrize("least", sorted(MEASURED), ids=lambda least: f"{least.contract} {least.name}")
@pytest.mark.parametrize(("change", "fault"), [(-1, True), (0, False), (1, False)])
def test_only_a_time_or_quorum_below_what_is_promised_is_named(
    least: Measure, change: int, fault: bool
) -> None:
    changed = replace(least, amount=least.amount + change)
    found = replace(Answers().trust(), measures=MEASURED - {least} | {changed})
    said = differences(stated(DOCUMENT), found)
    assert len(said) == fault
    assert all(line.startswith(f"{least.contract}: {least.name} is {changed.amount} ") for line in said)


def test_a_charter_that_is_voted_on_in_less_than_72_hours_is_named() -> None:
    answers, executor = Answers(), ADDRESSES["CharterExecutor"]
    answers.views["Governor", "track", AMENDMENT] = _track("charter_amendment", executor, AMENDMENT, 259_199)
    assert differences(stated(DOCUMENT), answers.trust()) == [
        "Governor: voting period of charter_amendment is 259199 s, the trust document says at least 259200 s"
    ]


def test_an_executor_that_no_longer_waits_is_named() -> None:
    answers = Answers()
    answers.views["CharterExecutor", "getMinDelay"] = 0
    [said] = differences(stated(DOCUMENT), answers.trust())
    assert said == "CharterExecutor: minimum delay is 0 s, the trust document says at least 60 s"


def test_a_time_that_is_not_on_the_chain_is_named() -> None:
    lost = replace(Answers().trust(), measures=frozenset())
    assert len(differences(stated(DOCUMENT), lost)) == len(MEASURED)
    said = differences(stated(DOCUMENT), lost)
    assert any(sentence.startswith("Governor: quorum of standard is not there") for sentence in said)


def test_seats_are_compared_where_a_plan_names_them() -> None:
    found = Answers().trust()
    assert found.seats == {ORACLES, AUDITORS}
    planned = replace(stated(DOCUMENT), seats=frozenset({ORACLES, AUDITORS}))
    assert differences(planned, found) == []
    assert differences(stated(DOCUMENT), replace(found, seats=frozenset())) == []


@pytest.mark.parametrize(
    ("view", "value"),
    [
        (("OracleCommittee", "members"), [*PEOPLE[:2], STRANGER]),
        (("OracleCommittee", "threshold"), 3),
        (("ViolationRegistry", "auditors"), [*PEOPLE[:2], STRANGER]),
        (("ViolationRegistry", "threshold"), 2),
    ],
)
def test_another_seat_than_the_plans_is_named(view: tuple[str, str], value: Any) -> None:
    answers = Answers()
    answers.views[view] = value
    [said] = differences(replace(stated(DOCUMENT), seats=frozenset({ORACLES, AUDITORS})), answers.trust())
    assert said.startswith(f"{view[0]}: ") and ", the plan says " in said
    assert (STRANGER in said) is (view[1] != "threshold")


@pytest.mark.parametrize(("lost", "said"), [("Held by", "Power"), ("At least", "Time or quorum")])
def test_a_document_without_a_table_is_refused(lost: str, said: str) -> None:
    with pytest.raises(ValueError, match=rf"no table headed \| Contract \| {said}"):
        stated(DOCUMENT.replace(f"| {lost} |", "| Otherwise |"))


def _document(powers: tuple[str, ...], measures: tuple[str, ...]) -> str:
    tables = (("Contract | Power | Held by", powers), ("Contract | Time or quorum | At least", measures))
    lines = [line for heading, rows in tables for line in ("", heading, "--- | --- | ---", *rows)]
    return "\n".join(line and f"| {line} |" for line in lines)


def test_several_holders_and_none_and_every_unit_can_be_stated() -> None:
    powers = ("`A` | `x` | `C`, `B`", "`A` | `y` | nobody")
    measures = ("`A` | `a` | 3 s", "`A` | `b` | 3 min", "`A` | `c` | 3 h", "`A` | `d` | 3 %")
    assert stated(_document(powers, measures)) == Trust(
        frozenset({Power("A", "x", ("B", "C")), Power("A", "y", ())}),
        frozenset(
            {Measure("A", name, amount) for name, amount in zip("abcd", (3, 180, 10_800, 3), strict=True)}
        ),
    )


@pytest.mark.parametrize("amount", ["3", "3 days", "-3 h", "h", "some h", ""])
def test_an_amount_that_is_none_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match="for a: say a number of s, min, h, %"):
        stated(_document((), (f"`A` | `a` | {amount}",)))


def test_a_row_of_other_cells_is_refused() -> None:
    with pytest.raises(ValueError, match="a row of 2 cells"):
        stated(_document(("`A` | `x`",), ()))
