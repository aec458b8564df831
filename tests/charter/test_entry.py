"""Ledger entries: canonical, small, and without a denied name or value."""

from __future__ import annotations

import json
from typing import Any

import pytest
from charter_strategies import rule

from oracles.charter.canonical import name_id
from oracles.charter.entry import (
    AgentStarted,
    Attempt,
    EnforcementChanged,
    Entry,
    EntryRefused,
    Override,
    PolicySwitched,
    StandingChanged,
    decode,
    encode,
    evidence_hash,
    keyed_name,
    metric_text,
)
from oracles.charter.policy import Policy
from oracles.charter.vocabulary import Kind, Standing
from oracles.ledger.merkle import leaf_hash

NODE = "0x" + "11" * 32
SECRET = b"s" * 32


def attempt(**changes: Any) -> Attempt:
    fields: dict[str, Any] = {
        "node": NODE,
        "time": 1_800_000_000,
        "kind": Kind.METRIC_NOT_ALLOWED,
        "metric": "user_location",
        "reason": "forbidden",
        "charter_version": 3,
        "observed_block": 123,
        "scope": "datagram",
    }
    return Attempt(**{**fields, **changes})


@pytest.mark.parametrize(
    "entry",
    [
        attempt(),
        AgentStarted(node=NODE, time=1, release="0.1.0", adopted=True),
        PolicySwitched(node=NODE, time=1, charter_version=2, policy_hash="0x" + "ab" * 32, observed_block=5),
        StandingChanged(node=NODE, time=1, standing=Standing.SUSPENDED, until=9, observed_block=5),
        EnforcementChanged(node=NODE, time=1, state="degraded", scopes=["datagram"], missing=["unix"]),
        Override(node=NODE, time=1, who="operator", what="restart", why="ä" * 200),
    ],
)
def test_entry_is_read_back_as_it_was_written(entry: Entry) -> None:
    data = encode(entry)

    assert decode(data) == entry
    assert len(data) <= 1024
    assert json.loads(data)["type"] == entry.type


def test_evidence_is_the_ledger_s_leaf_hash_and_salted() -> None:
    one, other = encode(attempt()), encode(attempt())

    assert evidence_hash(one) == leaf_hash(one)
    assert one != other


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"\xff",
        b"[" * 1000,
        b'{"type":"attempt"}',
        b'{"type":"other"}',
        encode(attempt()) + b" ",
        encode(attempt()).replace(b'"count":1', b'"count":0'),
        encode(attempt()).replace(b'"metric":"user_location"', b'"metric":"52.5, 13.4"'),
        encode(attempt()).replace(b'"metric":"user_location"', b'"metric":"keyed:12"'),
        encode(attempt()).replace(b'"scope":"datagram"', b'"scope":"datagram","value":1'),
        b" " * 1025,
    ],
)
def test_bytes_that_are_no_entry_are_refused(data: bytes) -> None:
    with pytest.raises(EntryRefused):
        decode(data)


def test_too_long_an_entry_is_refused() -> None:
    with pytest.raises(EntryRefused, match="1024 are possible"):
        encode(
            EnforcementChanged(
                node=NODE, time=1, state="degraded", missing=["ä" * 64] * 6, scopes=["x" * 40] * 12
            )
        )


def test_only_the_charter_s_names_appear_in_the_clear() -> None:
    policy = Policy(version="1", metrics={"a": rule()}, forbidden=frozenset({"user_location"}))

    assert metric_text(b"a", policy, SECRET) == "a"
    assert metric_text(b"user_location", policy, SECRET) == "user_location"
    assert metric_text(b"alice_home", policy, SECRET) == keyed_name(b"alice_home", SECRET)
    assert metric_text(b"\xff", policy, SECRET).startswith("keyed:")
    assert keyed_name(b"alice_home", SECRET) != keyed_name(b"alice_home", b"t" * 32)


def test_ids_are_the_contracts() -> None:
    keyed = keyed_name(b"alice_home", SECRET)

    assert attempt().metric_id == name_id("user_location")
    assert attempt().kind_id == name_id("metric_not_allowed")
    assert attempt(metric=keyed).metric_id.hex() == keyed.removeprefix("keyed:")
    assert attempt(metric="").metric_id == bytes(32)
