"""The policy model: its canonical form, its hash, and what it refuses."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from charter_strategies import policies, rule
from eth_utils.crypto import keccak
from hypothesis import given
from pydantic import ValidationError

from agent.enforcer import kernel_rules
from agent.kernel.policy_tables import PROBE
from oracles.charter.canonical import canonical_json, decimal_text, name_id
from oracles.charter.fields import RESERVED_NAME
from oracles.charter.policy import Consequence, MetricRule, Policy, forbidden_limit
from oracles.charter.vocabulary import Kind, MetricType, Penalty, Severity, Standing


@given(policies())
def test_canonical_form_is_read_back_as_the_same_policy(policy: Policy) -> None:
    again = Policy.from_canonical(json.loads(policy.canonical))

    assert again == policy
    assert again.hash == policy.hash == keccak(policy.canonical)


def test_canonical_form_does_not_depend_on_the_order_of_writing() -> None:
    one = Policy(version="1", metrics={"a": rule(labels={"r": ["x", "y"]}), "b": rule(rate_hz="2.50")})
    other = Policy(version="1", metrics={"b": rule(rate_hz="2.5"), "a": rule(labels={"r": ["y", "x"]})})

    assert one.hash == other.hash


def test_another_rule_is_another_hash() -> None:
    assert (
        Policy(version="1", metrics={"a": MetricRule()}).hash
        != Policy(version="1", metrics={"a": rule(rate_hz=2)}).hash
    )


def test_bare_rule_is_empty_on_chain() -> None:
    assert MetricRule().on_chain() == b"{}"
    assert rule(rate_hz="0.5", minimum=0).on_chain() == b'{"rate_hz":"0.5"}'


def test_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="westworld-charter/1"):
        Policy.from_canonical({"version": "1"})


def test_kernel_numbers_are_whole_and_never_looser_than_the_rule() -> None:
    found = rule(minimum="-1.5", maximum="20", decimals=2, rate_hz=3)

    assert found.scaled_bounds == (-150, 2000)
    assert found.interval_ns == 333_333_334  # 3 Hz is 333,333,333.3 ns: rounded up


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"rate_hz": 0}, "0 Hz is no rate"),
        ({"rate_hz": "10001"}, "10001 Hz is no rate"),
        ({"rate_hz": 0.5}, "whole number or a decimal"),
        ({"rate_hz": True}, "whole number or a decimal"),
        ({"rate_hz": "1e3"}, "no decimal number"),
        ({"rate_hz": "NaN"}, "no decimal number"),
        ({"rate_hz": "0.1234567"}, "more than 6 decimals"),
        ({"minimum": 5, "maximum": 1}, "minimum 5 is above maximum 1"),
        ({"minimum": "0.001"}, "has more than 2 decimals"),
        ({"maximum": 10**13}, "beyond"),
        ({"decimals": 7}, "less than or equal to 6"),
        ({"burst": 0}, "greater than or equal to 1"),
        ({"rate_hz": "0.00001", "burst": 1000}, "104 days"),
        ({"cardinality": 3}, "needs labels"),
        ({"labels": {"9": ["a"]}}, "no label name"),
        ({"labels": {"a": []}}, "different values"),
        ({"labels": {"a": ["x", "x"]}}, "different values"),
        ({"labels": {"a": ["ä"]}}, "no label value"),
        ({"labels": {"a": ".*"}}, "cannot be read at character 2"),
        ({"type": "histogram"}, "choose one of: gauge, counter, timer, set"),
        ({"access": "everybody"}, "choose one of: public, members, operators, committee"),
        ({"expires": "soon"}, "no date"),
        ({"purpose": "a\x00b"}, "control characters"),
        ({"group": "Net work"}, "match pattern"),
        ({"color": "red"}, "not permitted"),
        ({"labels": {f"l{n}": ["v" * 60, "w" * 60] for n in range(9)}}, "1024 are possible"),
    ],
)
def test_rule_refuses(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        rule(**fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"metrics": {"a": MetricRule()}, "forbidden": frozenset({"a"})}, "both allowed and forbidden: a"),
        ({"metrics": {"a b": MetricRule()}}, "no metric name"),
        ({"metrics": {"a" * 65: MetricRule()}}, "at most 64 bytes"),
        ({"metrics": {"westworld.self_check": MetricRule()}}, "reserved for the agents' self-check"),
        ({"forbidden": frozenset({"westworld.self_check"})}, "reserved for the agents' self-check"),
        ({"forbidden": frozenset({"westworld.self_check.unknown"})}, "reserved for the agents' self-check"),
        ({"version": "one"}, "match pattern"),
        ({"articles": {1: ""}}, "at least 1 item"),
        ({"articles": {1: "x" * 2049}}, "2048 are possible"),
        ({"description": "ä" * 600}, "1024 are possible"),
        (
            {"violations": {"theft": Consequence(severity=Severity.LOW, penalty=Penalty.NONE)}},
            "'theft' is unknown",
        ),
    ],
)
def test_policy_refuses(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Policy(**{"version": "1", **fields})


def test_policy_holds_no_more_names_than_the_kernel_s_tables() -> None:
    metrics = {f"a{number}": MetricRule() for number in range(9000)}
    room = forbidden_limit(len(metrics))

    def forbidding(count: int) -> frozenset[str]:
        return frozenset(f"b{number}" for number in range(count))

    policy = Policy(version="1", metrics=metrics, forbidden=forbidding(room))
    assert PROBE.name.decode() == RESERVED_NAME
    assert len(kernel_rules(policy)) == 16_384 - 1  # METRICS in agent/kernel/source/maps.h, and the PROBE
    with pytest.raises(ValidationError, match="16384 names are allowed or forbidden, 16383 are possible"):
        Policy(version="1", metrics=metrics, forbidden=forbidding(room + 1))


@pytest.mark.parametrize("name", ["westworld.self_checks", "westworld.self", "westworld"])
def test_neighbours_of_the_reserved_name_are_free(name: str) -> None:
    assert Policy(version="1", metrics={name: MetricRule()}).metrics


def test_policy_cannot_be_changed() -> None:
    policy = Policy(version="1")

    with pytest.raises(ValidationError, match="frozen"):
        policy.version = "2"


def test_expired_metric_is_gone_the_day_after() -> None:
    policy = Policy(version="1", metrics={"a": rule(expires="2027-06-30"), "b": MetricRule()})

    assert set(policy.on_day(date(2027, 6, 30)).metrics) == {"a", "b"}
    assert set(policy.on_day(date(2027, 7, 1)).metrics) == {"b"}


def test_ids_are_those_of_the_contracts() -> None:
    policy = Policy(version="1", metrics={"a": MetricRule()}, forbidden=frozenset({"b"}))

    assert policy.metric_ids() == {keccak(text="a"): "a", keccak(text="b"): "b"}
    assert name_id("charter") == keccak(text="charter")


@pytest.mark.parametrize("words", [Severity, Penalty, Standing])
def test_codes_of_contracts_are_read_and_unknown_ones_refused(words: Any) -> None:
    assert [words.from_code(code) for code in range(len(words))] == list(words)
    with pytest.raises(ValueError, match="not known"):
        words.from_code(len(words))


def test_codes_are_written_as_the_contracts_number_them() -> None:
    assert [severity.code for severity in Severity] == [0, 1, 2, 3]
    assert (Penalty.NODE_SUSPENDED_24H.code, Penalty.BAN.code) == (2, 4)
    assert len(Kind) == 9
    assert MetricType("set") is MetricType.SET


def test_canonical_json_refuses_floats_however_deep() -> None:
    assert canonical_json({"b": 1, "a": ["ä"]}) == '{"a":["ä"],"b":1}'.encode()
    with pytest.raises(TypeError, match="decimal string"):
        canonical_json({"a": [{"b": 0.5}]})


@pytest.mark.parametrize(
    ("number", "text"), [("1.50", "1.5"), ("-0", "0"), ("100", "100"), ("1E+3", "1000"), ("0.000", "0")]
)
def test_one_text_for_one_number(number: str, text: str) -> None:
    assert decimal_text(Decimal(number)) == text
