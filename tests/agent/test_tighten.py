"""What two policies both allow: never more than either."""

from decimal import Decimal

from hypothesis import assume, given
from hypothesis import strategies as st

from agent.tighten import meet, tighter
from oracles.charter.decision import NodeDecider
from oracles.charter.policy import MAX_METRICS, MetricRule, Policy
from oracles.charter.vocabulary import MetricType

SECOND = 1_000_000_000


@st.composite
def rules(draw: st.DrawFn) -> MetricRule:
    decimals = draw(st.integers(0, 3))
    bounds = st.decimals(-50, 50, places=decimals, allow_nan=False)
    low, high = sorted((draw(bounds), draw(bounds)))
    return MetricRule(
        type=draw(st.sampled_from([MetricType.GAUGE, MetricType.COUNTER])),
        minimum=low,
        maximum=high,
        decimals=decimals,
        rate_hz=draw(st.sampled_from([Decimal("0.5"), Decimal(1), Decimal(10)])),
        burst=draw(st.integers(1, 4)),
    )


values = st.decimals(-60, 60, places=3, allow_nan=False) | st.integers(-60, 60).map(Decimal)


@given(rules(), rules(), st.lists(st.tuples(values, st.integers(0, 3 * SECOND)), max_size=12))
def test_what_the_meet_lets_through_both_let_through(
    one: MetricRule, other: MetricRule, samples: list[tuple[Decimal, int]]
) -> None:
    both = tighter(Policy(version="1", metrics={"m": one}), Policy(version="2", metrics={"m": other}))
    assume("m" in both.metrics)
    deciders = [NodeDecider(Policy(version="1", metrics={"m": rule})) for rule in (one, other)]
    strict, now = NodeDecider(both), SECOND
    for value, pause in samples:
        now += pause
        if strict.decide("m", both.metrics["m"].type, value, now):
            # Fed with the same samples only, neither of the two would have refused.
            assert all(decider.decide("m", one.type, value, now) for decider in deciders)


@given(rules(), rules())
def test_the_order_of_rules_does_not_matter_and_a_rule_meets_itself(
    one: MetricRule, other: MetricRule
) -> None:
    there, back = meet(one, other), meet(other, one)
    assert (there is None) == (back is None)
    if there is not None and back is not None:
        assert there.scaled_bounds == back.scaled_bounds
    assert meet(one, one) == one


def test_different_types_or_ranges_apart_have_nothing_in_common() -> None:
    low, high = MetricRule(maximum=Decimal(1)), MetricRule(minimum=Decimal(2))
    assert meet(low, high) is None
    assert meet(MetricRule(), MetricRule(type=MetricType.COUNTER)) is None
    assert meet(MetricRule(minimum=Decimal("0.5"), maximum=Decimal("0.7")), MetricRule(decimals=0)) is None


def test_labels_that_differ_are_none() -> None:
    one = MetricRule(labels={"host": ["a"]}, cardinality=3)
    other = MetricRule(labels={"host": ["b"]}, cardinality=2)
    found = meet(one, other)
    assert found is not None
    assert (found.labels, found.cardinality) == ({}, 1)


def test_a_name_forbidden_by_either_is_forbidden() -> None:
    final = Policy(version="1", metrics={"a": MetricRule(), "b": MetricRule()}, forbidden=frozenset({"c"}))
    latest = Policy(version="2", metrics={"a": MetricRule(), "c": MetricRule()}, forbidden=frozenset({"b"}))
    both = tighter(final, latest)
    assert set(both.metrics) == {"a"}
    assert both.forbidden == {"b", "c"}


def test_forbidden_names_of_both_are_no_more_than_a_policy_can_hold() -> None:
    def forbidding(letter: str) -> Policy:
        return Policy(version="1", forbidden=frozenset(f"{letter}{number}" for number in range(MAX_METRICS)))

    both = tighter(forbidding("a"), forbidding("b"))
    assert both.forbidden == forbidding("b").forbidden
