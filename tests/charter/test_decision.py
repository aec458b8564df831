"""Decisions: default deny, and the kernel's order of name, type, precision, range, rate."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest
from charter_strategies import rule
from hypothesis import given
from hypothesis import strategies as st

from agent.kernel.reasons import Reason
from oracles.charter import decision
from oracles.charter.capacity import capacities, capacity
from oracles.charter.decision import CharterDecisions, Decision, NodeDecider
from oracles.charter.labels import LabelPattern
from oracles.charter.policy import RATE_LIMITED_FACTOR, Policy
from oracles.charter.vocabulary import Kind, Standing

SECOND = 1_000_000_000
NODE = "0x" + "11" * 32


def policy(**fields: Any) -> Policy:
    return Policy(version="1", metrics={"m": rule(**fields)}, forbidden=frozenset({"user_location"}))


def decide(value: Any, kind: str = "gauge", **fields: Any) -> str:
    return NodeDecider(policy(rate_hz=1000, **fields)).decide("m", kind, value, SECOND).reason


@pytest.mark.feature("C2.1")
def test_whatever_is_not_allowed_is_denied() -> None:
    charter = CharterDecisions(policy())

    assert charter.is_metric_allowed("m", NODE)
    assert not charter.is_metric_allowed("user_location", NODE)
    assert not charter.is_metric_allowed("anything_else", NODE)
    assert charter.judge_name("user_location", NODE).reason == "forbidden"
    assert charter.judge_name("anything_else", NODE).reason == "unknown_name"


@pytest.mark.parametrize(
    ("standing", "allowed"),
    [
        (Standing.ACTIVE, True),
        (Standing.RATE_LIMITED, True),
        (Standing.SUSPENDED, False),
        (Standing.BANNED, False),
        (Standing.EXITED, False),
        (Standing.UNKNOWN, False),
    ],
)
def test_node_without_the_standing_may_collect_nothing(standing: Standing, allowed: bool) -> None:
    charter = CharterDecisions(policy(), {NODE: standing})

    assert charter.is_metric_allowed("m", NODE) is allowed
    assert charter.decide(NODE, "m", "gauge", 1, 0).allowed is allowed


def test_node_that_nobody_registered_is_denied_but_it_is_no_violation() -> None:
    found = CharterDecisions(policy(), {}).judge_name("m", NODE)

    assert (found.allowed, found.reason, found.kind) == (False, "unknown", None)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (5, "allowed"),
        (5.25, "allowed"),
        (0.29, "allowed"),
        (0, "allowed"),
        (-0.0, "allowed"),
        (100, "allowed"),
        (100.0, "allowed"),
        (Decimal("5.25"), "allowed"),
        (Decimal("1E+2"), "allowed"),
        (5.123, "precision"),
        (0.1 + 0.2, "precision"),
        (Decimal("5.250"), "precision"),
        (100.01, "range"),
        (101, "range"),
        (-1, "range"),
        (10**30, "range"),
        (Decimal("1E+30"), "range"),
        (float("inf"), "range"),
        (float("-inf"), "range"),
        (Decimal("0." + "0" * 20 + "1"), "range"),
        (float("nan"), "value_syntax"),
        (Decimal("NaN"), "value_syntax"),
        (True, "value_syntax"),
    ],
)
def test_value_is_held_to_precision_and_range(value: Any, reason: str) -> None:
    assert decide(value, maximum=100, decimals=2) == reason


def test_type_comes_before_the_value() -> None:
    assert decide(10**9, kind="counter") == "type"
    assert decide(1, kind="no such type") == "type"
    assert decide(1, kind="counter", type="counter") == "allowed"


def test_neighbouring_values_beyond_a_double_s_precision_are_told_apart() -> None:
    fields: dict[str, Any] = {"minimum": 0, "maximum": "999999999999.999999", "decimals": 6}

    assert decide(Decimal("999999999999.999999"), **fields) == "allowed"
    assert decide(Decimal(10**12), **fields) == "range"
    assert decide(10**12, **fields) == "range"


@given(st.integers(-(10**9), 10**9), st.integers(0, 6), st.integers(0, 6))
def test_floats_ints_and_decimals_of_one_number_are_judged_alike(
    digits: int, places: int, allowed: int
) -> None:
    exact = Decimal(digits).scaleb(-places).normalize()
    fields: dict[str, Any] = {"minimum": -(10**3), "maximum": 10**3, "decimals": allowed}
    fits = -(10**3) <= exact <= 10**3
    precise = max(0, -int(exact.as_tuple().exponent)) <= allowed
    expected = "allowed" if fits and precise else "precision" if not precise else "range"

    assert decide(float(exact), **fields) == expected
    assert decide(exact, **fields) == expected
    if exact == exact.to_integral_value():
        assert decide(int(exact), **fields) == expected


@pytest.mark.feature("C2.2")
def test_rate_lets_the_burst_through_and_then_one_per_interval() -> None:
    decider = NodeDecider(policy(rate_hz=2, burst=3))
    start = 10 * SECOND

    at_once = [decider.decide("m", "gauge", 1, start).allowed for _ in range(5)]
    later = [decider.decide("m", "gauge", 1, start + step * SECOND // 10).allowed for step in range(1, 21)]

    assert at_once == [True, True, True, False, False]
    assert sum(later) == 4  # two a second for two seconds
    assert decider.decide("m", "gauge", 1, start + 2 * SECOND).kind is Kind.METRIC_OVER_COLLECTION_RATE


@given(
    st.lists(st.integers(0, 3 * SECOND), min_size=1, max_size=60),
    st.sampled_from(["0.5", "1", "7", "1000"]),
    st.integers(1, 5),
)
def test_no_window_ever_holds_more_than_burst_and_rate_allow(gaps: list[int], rate: str, burst: int) -> None:
    decider = NodeDecider(policy(rate_hz=rate, burst=burst))
    interval = rule(rate_hz=rate).interval_ns
    now, passed = SECOND, []
    for gap in gaps:
        now += gap
        if decider.decide("m", "gauge", 1, now):
            passed.append(now)
    for first in range(len(passed)):
        for last in range(first, len(passed)):
            assert last - first + 1 <= burst + (passed[last] - passed[first]) // interval


def test_denied_sample_uses_no_token() -> None:
    decider = NodeDecider(policy(rate_hz=1, burst=1, maximum=5))

    assert not decider.decide("m", "gauge", 6, SECOND)
    assert decider.decide("m", "gauge", 5, SECOND)
    assert not decider.decide("m", "gauge", 5, SECOND)


def test_rate_limited_node_is_slowed_and_nodes_do_not_share_rates() -> None:
    charter = CharterDecisions(
        policy(rate_hz=1, burst=1), {NODE: Standing.RATE_LIMITED, "other": Standing.ACTIVE}
    )

    def passes(node: str, second: int) -> bool:
        return charter.decide(node, "m", "gauge", 1, second * SECOND).allowed

    assert [second for second in range(1, 22) if passes(NODE, second)] == [1, 11, 21]
    assert RATE_LIMITED_FACTOR == 10
    assert all(passes("other", second) for second in range(1, 5))


def test_labels_are_denied_unless_the_rule_names_them_and_their_value() -> None:
    labelled = policy(rate_hz=1000, burst=100, labels={"r": ["eu", "us"], "n": "m[0-9]{1,2}"}, cardinality=2)
    decider = NodeDecider(labelled)

    def reason(**labels: str) -> str:
        return decider.decide("m", "gauge", 1, SECOND, labels).reason

    assert reason(r="eu") == "allowed"
    assert reason(r="mars") == "label"
    assert reason(color="red") == "label"
    assert reason(n="m100") == "label"
    assert reason(n="m10", r="us") == "allowed"
    assert reason(r="us") == "cardinality"
    assert reason(r="eu") == "allowed"
    assert NodeDecider(policy()).decide("m", "gauge", 1, 0, {"r": "eu"}).reason == "label"


def test_many_are_decided_as_one_by_one() -> None:
    samples: list[tuple[str, str, int]] = [
        ("m", "gauge", 1),
        ("user_location", "gauge", 1),
        ("x", "gauge", 1),
        ("m", "gauge", -1),
        ("m", "gauge", 2),
        ("m", "gauge", 3),
    ]
    one = NodeDecider(policy())

    assert NodeDecider(policy()).decide_many(samples, 5) == [one.decide(*sample, 5) for sample in samples]


def test_reasons_and_kinds_are_the_kernel_s() -> None:
    ours = {
        value.reason: value.kind
        for value in vars(decision).values()
        if isinstance(value, Decision) and not value.allowed
    }
    kernels = {reason.name.lower(): reason.violation for reason in Reason}
    # Labels exist in user space only: a datagram with tags is dropped as malformed.
    assert ours.keys() - kernels.keys() == {"label", "cardinality"}
    for reason in ours.keys() & kernels.keys():
        assert kernels[reason] == ours[reason]


@pytest.mark.feature("C15.3")
def test_a_thousand_checks_take_less_than_a_second_of_processor_time() -> None:
    names = [f"metric_{number}" for number in range(1000)]
    decider = NodeDecider(Policy(version="1", metrics={name: rule() for name in names}))
    began = time.thread_time()
    found = [decider.decide(name, "gauge", 12.25, SECOND) for name in names]
    spent = time.thread_time() - began

    assert all(found)
    assert spent < 1


def test_capacity_counts_what_a_sender_can_choose() -> None:
    narrow = capacity("a", rule(maximum=1, decimals=0, rate_hz=2))
    wide = capacity("b", rule(maximum=1, decimals=0, rate_hz=2, labels={"r": ["x", "y", "z"]}, cardinality=4))

    assert narrow.bits_per_sample == pytest.approx(1 + 4.17, abs=0.01)  # two values, 18 spellings
    assert wide.bits_per_sample - narrow.bits_per_sample == pytest.approx(2)
    assert narrow.bits_per_second == 2 * narrow.bits_per_sample
    found = capacities(Policy(version="1", metrics={"slow": rule(rate_hz="0.1"), "fast": rule(rate_hz=5)}))
    assert [one.metric for one in found] == ["fast", "slow"]


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        ("eu-[a-z]{1,3}", ["eu-a", "eu-abc"], ["eu-", "eu-abcd", "eu-A", "xeu-a", "eu-a\n"]),
        ("[0-9a-f]{4}", ["beef"], ["bee", "beeef", "beeg"]),
        ("v1.0", ["v1.0"], ["v1x0"]),
        ("[a-]", ["a", "-"], ["b"]),
    ],
)
def test_pattern_of_a_label(pattern: str, fits: list[str], fits_not: list[str]) -> None:
    found = LabelPattern(pattern)

    assert all(found.matches(value) for value in fits)
    assert not any(found.matches(value) for value in fits_not)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("", "1 to 64"),
        ("a*", "character 2"),
        ("(a|b)", "character 1"),
        ("[a-z]{2,1}", "empty"),
        ("[a-z]{0}", "empty"),
        ("[z-a]", "empty or mixed"),
        ("[a-Z]", "empty or mixed"),
        ("[a-z]{99}", "1 to 64"),
    ],
)
def test_pattern_that_is_not_bounded_is_refused(pattern: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LabelPattern(pattern)


def test_bits_of_a_pattern_are_what_it_can_carry() -> None:
    assert LabelPattern("eu-[a-d]{2}").bits == 4
    assert LabelPattern("[01]{0,1}x").bits == pytest.approx(1.585, abs=0.001)
