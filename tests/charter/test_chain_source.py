"""The chain's events and the YAML give one policy, and amendments are exactly what was meant."""

from __future__ import annotations

from typing import Any

import pytest
from charter_strategies import policies, rule
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from oracles.chain.contract import load_abi
from oracles.charter.amendment import CharterCall, amendment, changes, draft_digest
from oracles.charter.chain_source import EMPTY_POLICY, CharterHistory, rebuild
from oracles.charter.charter_events import (
    ArticleAdopted,
    ArticleRepealed,
    CharterEnacted,
    CharterEvent,
    DraftDiscarded,
    MetricAllowed,
    MetricForbidden,
    MetricRemoved,
    TermsSet,
    ViolationRemoved,
    ViolationSet,
    charter_event,
)
from oracles.charter.policy import Policy


def emitted(calls: tuple[CharterCall, ...] | list[CharterCall], version: int) -> list[CharterEvent]:
    """What the Charter emits for the calls, by its own rules (contracts/charter/Charter.vy)."""
    makers: dict[str, Any] = {
        "allow_metric": MetricAllowed,
        "forbid_metric": MetricForbidden,
        "remove_metric": MetricRemoved,
        "set_violation": ViolationSet,
        "remove_violation": ViolationRemoved,
        "adopt_article": ArticleAdopted,
        "repeal_article": ArticleRepealed,
        "set_terms": TermsSet,
    }
    events: list[CharterEvent] = []
    for call in calls:
        if call.function == "enact":
            draft, policy_hash = call.args
            events.append(CharterEnacted(version, policy_hash, draft, 100 + version))
        else:
            events.append(makers[call.function](version, *call.args))
    return events


@given(st.lists(policies(), min_size=1, max_size=3, unique_by=lambda policy: policy.hash))
def test_events_of_any_history_give_the_same_policies_as_were_written(history: list[Policy]) -> None:
    events: list[CharterEvent] = []
    before = EMPTY_POLICY
    for version, policy in enumerate(history, 1):
        events += emitted(amendment(before, policy, version).calls, version)
        before = policy

    for version, policy in enumerate(history, 1):
        found = rebuild(events, version)
        assert found is not None
        assert found.policy == policy
        assert found.policy.canonical == policy.canonical
        assert found.faithful
        assert found.enacted_block == 100 + version


@given(policies(), policies())
def test_discarded_draft_leaves_no_trace(good: Policy, discarded: Policy) -> None:
    events = emitted(changes(EMPTY_POLICY, discarded), 1)
    events.append(DraftDiscarded(1, b"\x01" * 32))
    if good != EMPTY_POLICY:
        events += emitted(amendment(EMPTY_POLICY, good, 1).calls, 1)
        found = rebuild(events)
        assert found is not None
        assert found.policy == good
    else:
        assert rebuild(events) is None


def test_open_draft_is_not_in_force() -> None:
    policy = Policy(version="1", metrics={"a": rule()})
    events = emitted(amendment(EMPTY_POLICY, policy, 1).calls, 1)
    events += [MetricAllowed(2, "b", "{}"), MetricRemoved(2, "a")]

    found = rebuild(events)

    assert found is not None
    assert found.policy == policy


def test_nothing_is_in_force_before_the_first_enactment() -> None:
    assert rebuild([MetricAllowed(1, "a", "{}")]) is None
    with pytest.raises(KeyError, match="version 1 was never enacted"):
        rebuild([], 1)


def test_equal_policies_need_no_change_and_cannot_be_enacted() -> None:
    policy = Policy(version="1", metrics={"a": rule()})

    assert changes(policy, policy) == []
    with pytest.raises(ValueError, match="nothing to enact"):
        amendment(policy, policy, 2)


def test_a_large_amendment_goes_in_parts_that_keep_their_order() -> None:
    wide = Policy(version="1", metrics={f"m{number}": rule() for number in range(9)})
    whole = amendment(EMPTY_POLICY, wide, 1)
    parts = whole.parts(8)
    assert [len(part) for part in parts] == [8, len(whole.calls) - 7 + 1]
    done: list[CharterCall] = []
    for part in parts:
        assert part[0] == CharterCall("expect_draft", (draft_digest(1, done),))
        done += part[1:]
    assert tuple(done) == whole.calls
    assert parts[0][0].args == ((1).to_bytes(32, "big"),)


def test_a_small_amendment_is_one_part() -> None:
    small = amendment(EMPTY_POLICY, Policy(version="1", metrics={"a": rule()}), 1)
    assert small.parts(8) == [small.calls]
    with pytest.raises(ValueError, match="2 calls at least"):
        small.parts(1)


def test_amendment_says_only_what_changes() -> None:
    old = Policy(version="1", metrics={"a": rule()}, forbidden=frozenset({"b"}), articles={1: "x"})
    new = Policy(version="1", metrics={"a": rule(rate_hz=2), "b": rule()})

    assert [(call.function, call.args) for call in changes(old, new)] == [
        ("repeal_article", (1,)),
        ("allow_metric", ("a", '{"rate_hz":"2"}')),
        ("allow_metric", ("b", "{}")),
    ]


@pytest.mark.parametrize(
    ("event", "fault"),
    [
        (MetricAllowed(1, "m", "not json"), "metric m"),
        (MetricAllowed(1, "m", "[]"), "metric m: it is no JSON object"),
        (MetricAllowed(1, "m", '{"rate_hz":0.5}'), "metric m: 0.5 has to be a decimal in quotes"),
        (MetricAllowed(1, "m", '{"rate_hz":"1","rate_hz":"2"}'), "metric m: a key stands there twice"),
        (MetricAllowed(1, "m", '{"rate_hz":"-1"}'), "metric m: rate_hz"),
        (MetricAllowed(1, "m", '{"color":"red"}'), "metric m: color"),
        (MetricAllowed(1, "m", "[" * 100_000), "metric m: it has more than 1024 bytes"),
        (MetricAllowed(1, "m", "[" * 1024), "metric m"),
        (MetricAllowed(1, "not a name", "{}"), "metric not a name"),
        (
            MetricAllowed(1, "westworld.self_check", "{}"),
            "metric westworld.self_check: westworld.self_check is reserved",
        ),
        (
            MetricForbidden(1, "westworld.self_check"),
            "metric westworld.self_check: westworld.self_check is reserved",
        ),
        (ViolationSet(1, "theft", 1, 1), "violation theft"),
        (ViolationSet(1, "silent_collection", 9, 1), "violation silent_collection: severity 9"),
        (ViolationSet(1, "silent_collection", 1, 9), "violation silent_collection: penalty 9"),
        (ArticleAdopted(1, 10**30, "x"), "article 1000000000000000000000000000000"),
        (ArticleAdopted(1, 1, "\x00"), "article 1"),
        (TermsSet(1, '{"version":"1"}'), "terms: they have to hold version and description"),
        (TermsSet(1, '{"version":"1","description":"","metrics":{}}'), "terms"),
    ],
)
def test_what_a_vote_passed_but_no_policy_can_hold_is_left_out_and_said(
    event: CharterEvent, fault: str
) -> None:
    found = rebuild([event, MetricAllowed(1, "good", "{}"), CharterEnacted(1, b"\x02" * 32, b"", 7)])

    assert found is not None
    assert set(found.policy.metrics) == {"good"}
    assert len(found.faults) == 1
    assert found.faults[0].startswith(fault)
    assert not found.faithful


@pytest.mark.parametrize(("allowed", "kept"), [(1, 10_000), (9_000, 7_383)])
def test_forbidden_names_beyond_what_a_policy_can_hold_are_left_out_and_said(allowed: int, kept: int) -> None:
    events: list[CharterEvent] = [MetricAllowed(1, f"a{number}", "{}") for number in range(allowed)]
    events += [MetricForbidden(1, f"b{number:05}") for number in range(kept + 2)]
    found = rebuild([*events, CharterEnacted(1, b"\x02" * 32, b"", 7)])

    assert found is not None
    assert len(found.policy.metrics) == allowed
    assert found.policy.forbidden == {f"b{number:05}" for number in range(kept)}
    assert found.faults == ("forbidden: 2 names beyond what a policy can hold",)


def test_another_hash_than_was_voted_on_is_noticed() -> None:
    events = emitted(changes(EMPTY_POLICY, Policy(version="1", metrics={"a": rule()})), 1)
    found = rebuild([*events, CharterEnacted(1, b"\x03" * 32, b"", 7)])

    assert found is not None
    assert found.faults == ()
    assert not found.faithful


def test_call_data_is_what_the_contract_s_abi_says() -> None:
    abi = load_abi("Charter")
    arguments: dict[str, tuple[Any, ...]] = {
        "allow_metric": ("a", "{}"),
        "forbid_metric": ("a",),
        "remove_metric": ("a",),
        "set_violation": ("silent_collection", 3, 2),
        "remove_violation": ("silent_collection",),
        "adopt_article": (1, "x"),
        "repeal_article": (1,),
        "set_terms": ("{}",),
        "enact": (b"\x01" * 32, b"\x02" * 32),
    }
    for function, args in arguments.items():
        assert CharterCall(function, args).data == abi.encode(function, *args)


def test_draft_digest_runs_over_the_calls() -> None:
    call = CharterCall("forbid_metric", ("a",))
    empty = (3).to_bytes(32, "big")

    assert draft_digest(3, []) == empty
    assert draft_digest(3, [call]) == keccak(empty + keccak(call.data))


def test_events_are_typed_by_name_and_others_are_left() -> None:
    enacted = charter_event("CharterEnacted", {"version": 1, "policy_hash": b"h", "draft": b"d"}, 9)

    assert enacted == CharterEnacted(1, b"h", b"d", 9)
    assert charter_event("MetricRemoved", {"metric": b"", "version": 1, "name": "a"}, 9) == MetricRemoved(
        1, "a"
    )
    assert charter_event("OwnershipTransferred", {}, 9) is None


def test_history_tells_when_a_version_comes_into_force() -> None:
    history = CharterHistory()
    enacted = CharterEnacted(1, b"", b"", 5)

    assert history.latest is None
    assert history.apply(MetricAllowed(1, "a", "{}")) is None
    assert history.apply(enacted) is enacted
    assert history.version == 1
