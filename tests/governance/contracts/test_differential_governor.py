"""The same random calls, in the same blocks, to our Governor and to the reference's: answers, errors, events
and state are the same, but for the differences that are meant (`differences`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from budgets import runs
from hypothesis.stateful import run_state_machine_as_test

from oracles.chain.typed import Domain, ballot_message, sign
from scripts._devnet import Devnet

from .actions import Action
from .differences import EXTENDED_BY_NOTHING, INTENDED
from .duel import TELL, TERMS, Duel
from .peers import NAME, ZERO, Make, Outcome, Request, Side, World, build, calldata


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, project: Any) -> Iterator[World]:
    """Both Governors in each of the three DAOs, on a devnet of their own."""
    with Devnet.start(tmp_path_factory.mktemp("devnet"), manual=True) as devnet:
        print(devnet)
        yield build(devnet, project, TERMS)


def test_ours_answers_as_the_reference_does(world: World) -> None:
    Duel.world, Duel.seen = world, Counter()
    run_state_machine_as_test(Duel, settings=runs())
    for what, count in Duel.seen.most_common():
        print(f"{count:6} × {what}")


def rule_set(what: str, number: int) -> Action:
    return Action("set rule", what, number)


PERIOD, DELAY = "setVotingPeriod(uint32)", "setVotingDelay(uint48)"
QUORUM, SUPER_QUORUM = "updateQuorumNumerator(uint256)", "updateSuperQuorumNumerator(uint256)"
EXTENSION, THRESHOLD = "setLateQuorumVoteExtension(uint48)", "setProposalThreshold(uint256)"


def run_through(duel: Duel, proposals: Sequence[Sequence[Action]]) -> None:
    """Proposals, each of which is taken all its way before the next is made."""
    for calls in proposals:
        duel.submit(0, calls, f"at {duel.now}")
        duel.finish(0)


@pytest.fixture
def duel(world: World) -> Iterator[Duel]:
    Duel.world, Duel.seen = world, Counter()
    machine = Duel()
    yield machine
    machine.teardown()


@pytest.mark.parametrize("pair", range(len(TERMS)))
@pytest.mark.parametrize(
    "proposals",
    [
        [
            [rule_set(PERIOD, 10)],
            [rule_set(QUORUM, 20)],
            [rule_set(SUPER_QUORUM, 55)],
            [rule_set(EXTENSION, 11)],
        ],
        [[rule_set(QUORUM, 10), rule_set(QUORUM, 15)], [rule_set(QUORUM, 15), rule_set(QUORUM, 15)]],
        [
            [rule_set(SUPER_QUORUM, 100), rule_set(QUORUM, 61)],
            [rule_set(SUPER_QUORUM, 60)],
            [rule_set(QUORUM, 101)],
        ],
        [[rule_set(DELAY, 0), rule_set(PERIOD, 1), rule_set(EXTENSION, 1)], [TELL]],
        [[rule_set(THRESHOLD, 2**96 - 1)], [rule_set(THRESHOLD, 0)]],
        [[Action("update timelock", "spare")], [rule_set(DELAY, 5)], [TELL]],
        [[Action("set guardian", "", 4)], [Action("set guardian", "", 7)], [Action("update delay", "", 0)]],
        [[Action("relay", "target", 3, 5)], [Action("relay", "person", 0, 2**200)], [TELL]],
        [[Action("to Governor", "castVote(uint256,uint8)"), rule_set(DELAY, 5)]],
        [
            [Action("to Governor", "clock()"), rule_set(DELAY, 5)],
            [Action("to Governor", "nothingOfTheKind()")],
        ],
    ],
)
def test_one_rule_after_another(duel: Duel, pair: int, proposals: list[list[Action]]) -> None:
    duel.begin(pair, [])
    run_through(duel, proposals)
    assert not duel.seen.keys() & {difference.what for difference in INTENDED}


def guardian_refuses_its_end(duel: Duel) -> None:
    duel.submit(0, [Action("set guardian", "", 7)], "another")
    duel.decide(0)
    duel.take(0, "cancel", 3, stored=False, value=0, early=True)


def keeper_acts_alone(duel: Duel) -> None:
    duel.submit(0, [rule_set(DELAY, 5)], "never voted on")
    duel.go_round_the_governor(0, "schedule", 6)
    duel.reach(duel.now + 1_000)
    duel.go_round_the_governor(0, "execute", 6)


def vote_against_late(duel: Duel) -> None:
    run_through(duel, [[rule_set(QUORUM, 0)]])
    duel.submit(0, [TELL], "late")
    duel.reach(duel.moment(duel.case(0), "deadline"))
    duel.vote(0, 0, 0, None, early=False)


def vote_against_early(duel: Duel) -> None:
    run_through(duel, [[rule_set(QUORUM, 0)]])
    duel.submit(0, [TELL], "early")
    duel.vote(0, 0, 0, None, early=False)
    duel.reach(duel.moment(duel.case(0), "deadline"))
    duel.vote(0, 1, 1, None, early=False)


def through(*proposals: Sequence[Action]) -> Callable[[Duel], None]:
    return lambda duel: run_through(duel, proposals)


@pytest.mark.parametrize(
    ("what", "pair", "happens"),
    [
        ("relay refuses", 0, through([Action("relay", "timelock")])),
        ("relay refuses", 0, through([Action("relay", "governor")])),
        ("updateTimelock refuses", 0, through([Action("update timelock", "target")])),
        (
            "updateTimelock refuses",
            0,
            through([Action("update timelock", "spare")], [Action("update timelock", "timelock")]),
        ),
        (
            "what follows updateTimelock",
            0,
            through([Action("update timelock", "spare"), rule_set(DELAY, 5)]),
        ),
        ("a rule is set by the arguments alone", 0, through([Action("set rule", DELAY, 5, tail=b"\0")])),
        ("the guardian cannot cancel", 1, guardian_refuses_its_end),
        ("a voting delay", 0, through([rule_set(DELAY, 2**24)])),
        ("a voting period", 0, through([rule_set(PERIOD, 2**24)])),
        ("a proposal threshold", 0, through([rule_set(THRESHOLD, 2**96)])),
        ("nothing is queued", 0, through([Action("update delay", "", 2**33)], [TELL])),
        ("a sum that overflows", 0, through([Action("update delay", "", 2**256 - 1)], [TELL])),
        ("of an answer", 0, through([Action("target", "flood()")])),
        ("a quorum of nothing", 2, vote_against_late),
        ("a quorum of nothing", 2, vote_against_early),
    ],
)
def test_what_is_meant_to_differ_does(
    duel: Duel, what: str, pair: int, happens: Callable[[Duel], None]
) -> None:
    duel.begin(pair, [])
    happens(duel)
    assert [shown for shown in duel.seen if shown.startswith(what)], duel.seen


def test_an_executor_that_acts_alone_meets_the_same_panic(duel: Duel) -> None:
    duel.begin(1, [])
    keeper_acts_alone(duel)
    assert not duel.seen.keys() & {difference.what for difference in INTENDED}


def test_every_difference_that_is_meant_is_shown() -> None:
    (shown,) = (
        mark.args[1]
        for mark in getattr(test_what_is_meant_to_differ_does, "pytestmark", [])
        if mark.name == "parametrize"
    )
    meant = {difference.what for difference in INTENDED} | {EXTENDED_BY_NOTHING}
    assert {what for what in meant if any(what.startswith(row[0]) for row in shown)} == meant


def proposing(count: int = 1, size: int = 0, length: int = 1) -> Callable[[Duel], Make]:
    arrays = ([ZERO] * count, [0] * count, [b"\1" * size] * count, "w" * length)
    return lambda duel: duel.to_governor("propose(address[],uint256[],bytes[],string)", *arrays)


def voting(reason: int = 0, params: int = 0) -> Callable[[Duel], Make]:
    signature, arguments = (
        "castVoteWithReasonAndParams(uint256,uint8,string,bytes)",
        (1, "w" * reason, bytes(params)),
    )
    return lambda duel: duel.by_id(signature, duel.case(0), *arguments)


def signing(size: int) -> Callable[[Duel], Make]:
    signature = "castVoteBySig(uint256,uint8,address,bytes)"
    return lambda duel: duel.by_id(signature, duel.case(0), 1, duel.person(1), bytes(size))


@pytest.mark.parametrize(
    ("within", "beyond"),
    [
        (proposing(count=8), proposing(count=9)),
        (proposing(size=2_176), proposing(size=2_177)),
        (proposing(length=4_096), proposing(length=4_097)),
        (voting(reason=1_024), voting(reason=1_025)),
        (voting(params=256), voting(params=257)),
        (signing(1_024), signing(1_025)),
    ],
)
def test_bounds_are_where_they_are_said_to_be(
    duel: Duel, within: Callable[[Duel], Make], beyond: Callable[[Duel], Make]
) -> None:
    duel.begin(0, [[TELL]])
    duel.open(0, early=False)
    person = duel.person(0)
    ours, theirs = duel.both([beyond(duel)(side) for side in duel.sides], person)
    assert ours == Outcome(False, b"") != theirs
    duel.duel(within(duel), person)


def test_a_key_signs_for_its_account_though_that_has_code(duel: Duel) -> None:
    """As an account has that delegates to a contract (EIP-7702); the random people have none."""
    duel.begin(0, [[TELL]])
    case, voter = duel.open(0, early=False), duel.person(1)

    def make(side: Side) -> Request:
        domain = Domain(NAME, duel.chain.devnet.chain_id, side.governor)
        signature = sign(duel.key(1), ballot_message(domain, case.ids[side.name], 1, voter, 0))
        arguments = (case.ids[side.name], 1, voter, signature)
        return Request(side.governor, calldata("castVoteBySig(uint256,uint8,address,bytes)", *arguments))

    requests = [make(side) for side in duel.sides]
    ours, theirs = duel.both(requests, duel.person(0))
    assert ours == theirs and ours.ok
    duel.chain.ask("anvil_setCode", voter, duel.chain.ask("eth_getCode", duel.world.wallet, "latest"))
    answered, refused = duel.both(requests, duel.person(0))
    assert answered == ours
    assert refused == Outcome(False, calldata("GovernorInvalidSignature(address)", voter))


def test_governors_under_other_rules_are_told_apart(duel: Duel) -> None:
    duel.begin(0, [])
    duel.sides = (duel.sides[0], duel.world.pairs[1][1])
    with pytest.raises(AssertionError, match=r"votingDelay\(\).*votingPeriod\(\).*proposalGuardian\(\)"):
        duel.compare_state()


@pytest.mark.parametrize(
    ("calls", "how"),
    [
        (("castVote(uint256,uint8)", "castVote(uint256,uint8)"), "events: ours"),
        (("castVote(uint256,uint8)", "cancel(uint256)"), "asked for"),
    ],
)
def test_other_events_and_answers_are_told_apart(duel: Duel, calls: tuple[str, str], how: str) -> None:
    duel.begin(0, [[TELL]])
    case = duel.open(0, early=False)
    supports = {side.name: support for support, side in enumerate(duel.sides)}

    def make(side: Side) -> Request:
        call = calls[supports[side.name]]
        arguments = (case.ids[side.name], supports[side.name])[: call.count(",") + 1]
        return Request(side.governor, calldata(call, *arguments))

    with pytest.raises(AssertionError, match=how):
        duel.duel(make, duel.person(0), case=case)
