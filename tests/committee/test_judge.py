"""Each thing for which a member refuses to sign, beside the proposal that it would sign."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from oracles.chain.block import Block
from oracles.chain.typed import COMMITTEE_NAME, Domain
from oracles.committee.judge import Situation, admit, compare
from oracles.committee.messages import Proposal, Reason, Refusal
from oracles.committee.report import Report
from oracles.committee.schedule import Schedule, leader
from oracles.committee.topic import Moment, Observation
from oracles.committee.view import Configuration

MEMBERS = ("0xA", "0xB", "0xC")
TOPIC, CONFIG = b"\1" * 32, b"\2" * 32
SCHEDULE = Schedule(slot_seconds=60, grace_seconds=30, turn_seconds=20)
SEQUENCE = 100
NOW = SCHEDULE.start(SEQUENCE) + 5
BLOCK = Block(77, b"\7" * 32, b"\6" * 32, NOW - 10)
MOMENT = Moment("charter", SEQUENCE, BLOCK, SCHEDULE.deadline(SEQUENCE))
SEEN = (Observation("ash", b"1"), Observation("birch", b"2"))
LEADER = leader(MEMBERS, SEQUENCE, 0)

SITUATION = Situation(
    domain=Domain(COMMITTEE_NAME, 31337, "0xc0"),
    topic=TOPIC,
    schedule=SCHEDULE,
    configuration=Configuration(CONFIG, MEMBERS, 2),
    now=NOW,
    accepted=SEQUENCE - 1,
    voted=None,
    votes_from=0,
)


def proposal(**changed: Any) -> Proposal:
    fields: dict[str, Any] = {
        "topic": TOPIC,
        "sequence": SEQUENCE,
        "observed_block": 77,
        "payload_hash": b"\5" * 32,
        "config_digest": CONFIG,
        "deadline": SCHEDULE.deadline(SEQUENCE),
    }
    report = {name: changed.pop(name) for name in list(changed) if name in fields}
    outer: dict[str, Any] = {
        "chain_id": 31337,
        "contract": "0xc0",
        "turn": 0,
        "block_hash": BLOCK.hash,
        "observations": SEEN,
    }
    return Proposal(report=Report(**(fields | report)), **(outer | changed))


def reason(refusal: Refusal | None) -> Reason | None:
    return None if refusal is None else refusal.reason


def test_a_proposal_in_order_is_not_refused() -> None:
    assert admit(SITUATION, LEADER, proposal()) is None
    assert compare(SITUATION, MOMENT, SEEN, proposal()) is None


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"chain_id": 1}, Reason.WRONG_CHAIN),
        ({"contract": "0xc1"}, Reason.WRONG_CONTRACT),
        ({"topic": b"\3" * 32}, Reason.UNKNOWN_TOPIC),
        ({"config_digest": b"\3" * 32}, Reason.OTHER_CONFIGURATION),
        ({"sequence": SEQUENCE + 1}, Reason.SEQUENCE_NOT_OPEN),
        ({"sequence": SEQUENCE - 1}, Reason.SEQUENCE_ACCEPTED),
        ({"deadline": SCHEDULE.deadline(SEQUENCE) + 1}, Reason.DEADLINE_OUT_OF_BOUNDS),
        ({"deadline": SCHEDULE.deadline(SEQUENCE) - 1}, Reason.DEADLINE_OUT_OF_BOUNDS),
        ({"deadline": SCHEDULE.end(SEQUENCE)}, Reason.DEADLINE_OUT_OF_BOUNDS),
        ({"turn": 2}, Reason.NOT_THE_LEADER),
        ({"turn": 1}, Reason.NOT_THE_LEADER),
    ],
)
def test_what_is_for_elsewhere_or_another_time_is_refused(changed: dict[str, Any], expected: Reason) -> None:
    assert reason(admit(SITUATION, LEADER, proposal(**changed))) is expected


def test_a_stranger_is_refused() -> None:
    assert reason(admit(SITUATION, "0xD", proposal())) is Reason.NOT_A_MEMBER


def test_a_proposal_that_no_answer_could_hold_is_refused() -> None:
    large = [Observation("ash", bytes([n]) * 200_000) for n in range(16)]
    assert admit(SITUATION, LEADER, proposal(observations=tuple(large[:15]))) is None
    assert reason(admit(SITUATION, LEADER, proposal(observations=tuple(large)))) is Reason.OBSERVATION_REFUSED


def test_the_next_leader_may_be_a_little_early() -> None:
    assert admit(SITUATION, leader(MEMBERS, SEQUENCE, 1), proposal(turn=1)) is None


def test_a_passed_deadline_is_refused_and_one_not_yet_passed_is_not() -> None:
    late = SCHEDULE.deadline(SEQUENCE)
    turn = SCHEDULE.turn_at(SEQUENCE, late)
    due = leader(MEMBERS, SEQUENCE, turn)
    assert admit(replace(SITUATION, now=late), due, proposal(turn=turn)) is None
    assert reason(admit(replace(SITUATION, now=late + 1), due, proposal(turn=turn))) is Reason.DEADLINE_PASSED


@pytest.mark.parametrize("changed", [{"observed_block": 76}, {"block_hash": b"\0" * 32}])
def test_another_block_is_refused(changed: dict[str, Any]) -> None:
    assert reason(compare(SITUATION, MOMENT, SEEN, proposal(**changed))) is Reason.UNKNOWN_BLOCK


def test_a_vote_for_another_payload_is_refused_and_the_same_repeated() -> None:
    voted = replace(SITUATION, voted=b"\5" * 32, votes_from=SEQUENCE + 9)
    assert compare(voted, MOMENT, None, proposal(observations=())) is None
    assert reason(compare(voted, MOMENT, SEEN, proposal(payload_hash=b"\4" * 32))) is Reason.VOTED_OTHERWISE


def test_a_member_that_started_within_the_slot_abstains() -> None:
    assert reason(compare(replace(SITUATION, votes_from=SEQUENCE + 1), MOMENT, SEEN, proposal())) is (
        Reason.ABSTAINING
    )
    assert compare(replace(SITUATION, votes_from=SEQUENCE), MOMENT, SEEN, proposal()) is None


def test_a_left_out_observation_is_handed_back() -> None:
    refusal = compare(SITUATION, MOMENT, SEEN, proposal(observations=SEEN[:1]))
    assert refusal is not None
    assert (refusal.reason, refusal.missing) == (Reason.MISSING_OBSERVATION, SEEN[1:])
    more = (*SEEN, Observation("cedar", b"3"))
    assert compare(SITUATION, MOMENT, SEEN, proposal(observations=more)) is None


def test_nothing_is_signed_before_the_own_eyes_looked() -> None:
    assert reason(compare(SITUATION, MOMENT, None, proposal())) is Reason.NOT_FROZEN


def test_a_schedule_that_cannot_be_kept_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Schedule(10, 0, 11)
    with pytest.raises(ValueError, match="negative"):
        Schedule(10, -1, 5)


def test_leaders_take_turns_within_a_slot_and_from_slot_to_slot() -> None:
    assert [leader(MEMBERS, SEQUENCE, turn) for turn in range(3)] == ["0xB", "0xC", "0xA"]
    assert leader(MEMBERS, SEQUENCE + 1, 0) == "0xC"
    assert [SCHEDULE.turn_at(SEQUENCE, SCHEDULE.start(SEQUENCE) + s) for s in (0, 19, 20, 59)] == [0, 0, 1, 2]
