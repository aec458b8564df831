"""Policies in YAML: the worked ones load, and whatever is wrong is said at once with file, line and path."""

from __future__ import annotations

import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles.charter.document import load_policy, read_policy
from oracles.charter.vocabulary import Access, Kind, MetricType, Penalty, Severity
from oracles.charter.yaml_tree import MAX_BYTES, DocumentRefused

ROOT = Path(__file__).parents[2]
POLICIES = ROOT / "deploy" / "policies"

GOOD = """\
version: "1.0"
description: "x"
defaults: {rate_hz: 0.5, owner: us}
allowed_metrics:
  network:
    - latency_p50
    - latency_p99: {rate_hz: 20, type: timer, labels: {region: [eu, us]}, cardinality: 2}
forbidden_metrics: [user_location]
violations:
  - {type: silent_collection, severity: critical, penalty: node_suspended_24h}
articles: {1: "Nobody is watched."}
"""


def faults(text: str | bytes) -> list[str]:
    with pytest.raises(DocumentRefused) as refused:
        read_policy(text.encode() if isinstance(text, str) else text, "p.yaml")
    return [str(fault) for fault in refused.value.faults]


@pytest.mark.feature("C1.1")
def test_policy_names_metrics_labels_access_and_rates() -> None:
    policy = read_policy(GOOD.encode())

    bare, full = policy.metrics["latency_p50"], policy.metrics["latency_p99"]
    assert (bare.type, bare.access, bare.group) == (MetricType.GAUGE, Access.COMMITTEE, "network")
    assert full.labels == {"region": ["eu", "us"]}
    assert (full.type, full.cardinality) == (MetricType.TIMER, 2)


@pytest.mark.feature("C2.2")
def test_rate_of_a_metric_goes_before_the_default_rate() -> None:
    policy = read_policy(GOOD.encode())

    assert policy.metrics["latency_p50"].rate_hz == Decimal("0.5")
    assert policy.metrics["latency_p99"].rate_hz == 20
    assert policy.metrics["latency_p99"].owner == "us"


@pytest.mark.feature("C1.2")
def test_policy_names_what_is_forbidden_and_what_violations_cost() -> None:
    policy = read_policy(GOOD.encode())

    assert policy.forbidden == {"user_location"}
    consequence = policy.violations[Kind.SILENT_COLLECTION]
    assert (consequence.severity, consequence.penalty) == (Severity.CRITICAL, Penalty.NODE_SUSPENDED_24H)


def test_the_authors_draft_loads_as_it_stands() -> None:
    policy = load_policy(POLICIES / "charter_policy.yaml")

    assert len(policy.metrics) == 9
    assert len(policy.forbidden) == 7
    assert policy.metrics["uptime_percent"].group == "identity"


@pytest.mark.feature("C1.3")
@pytest.mark.parametrize("name", ["development", "staging", "production"])
def test_worked_policy_says_of_every_metric_what_it_is_for(name: str) -> None:
    policy = load_policy(POLICIES / f"{name}.yaml")

    assert "user_location" in policy.forbidden
    assert policy.violations[Kind.SILENT_COLLECTION].penalty is not Penalty.NONE
    for rule in policy.metrics.values():
        assert rule.purpose
        assert rule.owner


def test_production_is_the_strictest_of_the_three() -> None:
    development, staging, production = (
        load_policy(POLICIES / f"{name}.yaml") for name in ("development", "staging", "production")
    )
    for metric, rule in production.metrics.items():
        for looser in (development, staging):
            assert rule.rate_hz <= looser.metrics[metric].rate_hz
            assert rule.decimals <= looser.metrics[metric].decimals


@pytest.mark.feature("C2.3")
def test_every_fault_is_said_in_one_pass_with_its_place() -> None:
    found = faults(
        """\
version: 1.0
descripton: "x"
allowed_metrics:
  network:
    - latency_p50
    - latency_p99: {rate_hz: -3, foo: 1}
    - latency_p99
    - user_location
    - 9bad
  Mesh:
    - 5
forbidden_metrics:
  - user_location
violations:
  - type: silent_collection
    severity: critical
    penalty: jail
    penalty: fine
"""
    )

    places = [line.split(": ")[:2] for line in found]
    assert places == [
        ["p.yaml:1:10", "version"],
        ["p.yaml:2:1", "descripton"],
        ["p.yaml:6:30", "allowed_metrics.network[1].latency_p99.rate_hz"],
        ["p.yaml:6:34", "allowed_metrics.network[1].latency_p99.foo"],
        ["p.yaml:7:7", "allowed_metrics.network[2]"],
        ["p.yaml:9:7", "allowed_metrics.network[4]"],
        ["p.yaml:11:5", "allowed_metrics.Mesh.group"],
        ["p.yaml:11:7", "allowed_metrics.Mesh[0]"],
        ["p.yaml:13:5", "forbidden_metrics[0]"],
        ["p.yaml:17:14", "violations[0].penalty"],
        ["p.yaml:18:5", "violations[0].penalty"],
    ]
    assert "put it in quotes" in found[0]
    assert "unknown key, possible are: allowed_metrics, articles" in found[1]
    assert "-3 Hz is no rate" in found[2]
    assert "latency_p99 stands here twice, first at line 6" in found[4]
    assert "user_location is both allowed (line 8) and forbidden" in found[8]
    assert "choose one of: none, rate_limited_1h, node_suspended_24h, fine, ban" in found[9]
    assert "twice, first at line 17" in found[10]


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("", "p.yaml:1:1", "it is empty"),
        ("- a", "p.yaml:1:1", "a policy is a mapping, not a list"),
        ("version: [", "p.yaml:1:11", "it is no YAML"),
        ("version: '1'\ndescription: \"a\\UFFFFFFFF\"", "p.yaml:2:18", "there is no such character"),
        ("version: '1'\ndescription: \"a\\U00110000\"", "p.yaml:2:18", "there is no such character"),
        ("version: '1'\n---\nversion: '2'\n", "p.yaml:2:1", "a second document"),
        ("version: '1'\ndescription: &a x", "p.yaml:2:14", "anchors are not possible"),
        ("version: &v '1'\ndescription: *v", "p.yaml:2:14", "aliases are not possible"),
        ("version: !!python/object/apply:os.system ['x']", "p.yaml:1:10", "tags are not possible"),
        ("? [a, b]\n: c\nversion: '1'\n", "p.yaml:1:3", "a key has to be a single word"),
        ("{}", "p.yaml:1:1", "version: it is missing"),
        ("version: '1'\nallowed_metrics: []", "p.yaml:2:18", "this has to be a mapping, not a list"),
        ("version: '1'\nforbidden_metrics: [[a]]", "p.yaml:2:21", "this has to be a name, not a list"),
        ("version: '1'\narticles: {one: x}", "p.yaml:2:12", "'one' is no article's number"),
        ("version: '1'\ndefaults: {group: a}", "p.yaml:2:12", "the section is the group"),
        ("version: '1'\ndefaults: {rate_hz: fast}\nallowed_metrics: {g: [a, b]}", "p.yaml:2:21", "'fast'"),
        (
            "version: '1'\nviolations:\n- {type: silent_collection, severity: low, penalty: none}\n"
            "- {type: silent_collection, severity: low, penalty: fine}",
            "p.yaml:4:10",
            "silent_collection stands here twice",
        ),
        ("version: '1'\nviolations: [{type: theft, severity: low}]", "p.yaml:2:14", "it is missing"),
    ],
)
def test_fault_has_its_place(text: str, place: str, message: str) -> None:
    found = faults(text)

    assert any(fault.startswith(place) and message in fault for fault in found), found


def test_escape_of_a_character_is_read() -> None:
    assert read_policy(b'version: "1"\ndescription: "\\U0010FFFF\\x41"').description == "\U0010ffffA"


def test_fault_of_a_default_is_said_once() -> None:
    assert len(faults("version: '1'\ndefaults: {rate_hz: fast}\nallowed_metrics: {g: [a, b, c]}")) == 1


def test_too_large_a_file_is_refused_unread() -> None:
    assert faults(b"#" * (MAX_BYTES + 1)) == [f"p.yaml:1:1: it is larger than {MAX_BYTES} bytes"]


def test_bomb_of_aliases_is_refused_without_growing() -> None:
    levels = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]

    assert any("aliases are not possible" in fault for fault in faults("\n".join(levels)))


def test_deep_nesting_is_refused() -> None:
    assert "nested deeper than" in faults("version: " + "[" * 50)[0]
    assert "brackets are opened on this line" in faults("version: " + "[" * 5000)[0]


def test_bytes_that_are_no_text_are_refused_with_their_place() -> None:
    assert faults(b"version: '1'\ndescription: \xff") == ["p.yaml:2:14: it is not UTF-8 text"]


def test_missing_file_is_one_clear_fault(tmp_path: Path) -> None:
    with pytest.raises(DocumentRefused, match="cannot be read: No such file"):
        load_policy(tmp_path / "none.yaml")


def test_policy_as_large_as_the_kernel_takes_loads_and_one_more_does_not() -> None:
    head = "version: '1'\nallowed_metrics:\n  g:\n"
    many = head + "".join(f"  - m{number}\n" for number in range(300))

    assert len(read_policy(many.encode()).metrics) == 300


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_any_input_gives_a_policy_or_faults(data: str | bytes) -> None:
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    try:
        read_policy(raw)
    except DocumentRefused as refused:
        assert refused.faults


@given(st.data())
def test_any_cut_of_a_policy_gives_a_policy_or_faults(data: st.DataObject) -> None:
    text = GOOD.encode()
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    insert = data.draw(st.sampled_from([b"", b"{", b"]", b": ", b"- ", b"\t", b"'", b"&a ", b"*a", b"!!x "]))
    try:
        read_policy(text[:start] + insert + text[end:])
    except DocumentRefused as refused:
        assert refused.faults


@pytest.mark.feature("C15.1")
def test_validation_takes_less_than_10_ms_of_processor_time() -> None:
    """The floor, far below what a busy machine could make of it; `bench_policy.py` measures every policy."""
    spent = []
    tracing = sys.gettrace()
    sys.settrace(None)  # whoever measures coverage would measure the tracing
    try:
        for _ in range(50):
            began = time.thread_time()
            load_policy(POLICIES / "charter_policy.yaml")
            spent.append(time.thread_time() - began)
    finally:
        sys.settrace(tracing)
    assert min(spent) < 0.01
