"""What the charter demands of an experiment."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from charter_strategies import rule

from oracles.charter.document import load_policy
from oracles.charter.experiment import load_experiment, parse_gate, read_experiment
from oracles.charter.policy import Policy
from oracles.charter.yaml_tree import DocumentRefused

DEPLOY = Path(__file__).parents[2] / "deploy"
FIRST = DEPLOY / "experiments" / "first_experiment.yaml"
POLICY = Policy(
    version="1",
    metrics={"latency_p99": rule(), "route_stability": rule(maximum=1)},
    forbidden=frozenset({"user_location"}),
)


@pytest.mark.feature("K1.1")
def test_the_engineers_draft_is_valid_by_the_authors_charter() -> None:
    found = load_experiment(FIRST, load_policy(DEPLOY / "policies" / "charter_policy.yaml"))

    assert found.metadata.name == "routing-v2-canary"
    assert found.spec.chaos[0].fraction == Decimal("0.05")
    assert found.spec.rollout.stages[0].gate == "latency_p99 < 200"


@pytest.mark.feature("K1.1")
@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('metric: "route_stability"', "metric: user_location", "'user_location' is forbidden by the charter"),
        ('metric: "route_stability"', "metric: secret", "'secret' is not in the charter"),
        ("min_value: 0.95", "min_value: 7", "7 lies outside of what route_stability may be (0 to 1)"),
        ("min_value: 0.95", "", "a criterion needs min_value, max_value or both"),
        ("latency_p99 < 200", "__import__('os').system('true')", "is no condition"),
        ("latency_p99 < 200", "latency_p99 < 200 or 1 < 2", "is no condition"),
        ("latency_p99 < 200", "battery < 5", "'battery' is not in the charter"),
        ("latency_p99 < 200", "latency_p99 < 1000000", "the comparison would always end the same way"),
        ("node_fraction: 0.01", "node_fraction: 0", "0 is no fraction"),
        ("node_fraction: 0.01", "node_fraction: 1.5", "1.5 is no fraction"),
        ("fraction: 0.05", "fraction: -1", "-1 is no fraction"),
        ("fraction: 0.05", "", "a node_kill needs a fraction"),
        ("duration_minutes: 5", "duration_minutes: 500", "outlasts the experiment"),
        ("duration_minutes: 5", "", "a link_partition needs duration_minutes"),
        ("duration_hours: 2", "duration_hours: 0", "0 hours are not possible"),
        ('type: "node_kill"', "type: nuke", "'nuke' is unknown, choose one of: node_kill"),
        ('kind: "CradleExperiment"', "kind: Other", "CradleExperiment"),
        ('name: "routing-v2-canary"', "name: Routing V2", "match pattern"),
        ("  description:", "  colour: red\n  description:", "unknown key"),
    ],
)
def test_experiment_is_refused_with_the_place(old: str, new: str, fault: str) -> None:
    text = FIRST.read_text()
    assert old in text

    with pytest.raises(DocumentRefused) as refused:
        read_experiment(text.replace(old, new, 1).encode(), POLICY, "e.yaml")

    assert any(fault in str(one) and one.file == "e.yaml" for one in refused.value.faults), refused.value


def test_all_faults_of_an_experiment_come_at_once() -> None:
    text = FIRST.read_text().replace("fraction: 0.05", "fraction: 5").replace("duration_hours: 2", "x: 2")

    with pytest.raises(DocumentRefused) as refused:
        read_experiment(text.encode(), POLICY)

    assert len(refused.value.faults) == 3


def test_stages_have_to_widen() -> None:
    stage = '      - {name: "%s", node_fraction: %s, duration_hours: 1, gate: "latency_p99 < 200"}\n'
    text = FIRST.read_text() + "\n" + stage % ("half", "0.5") + stage % ("back", "0.1")

    with pytest.raises(DocumentRefused, match="each stage is wider than the one before"):
        read_experiment(text.encode(), POLICY)


def test_experiment_that_is_no_mapping_is_refused() -> None:
    with pytest.raises(DocumentRefused, match="an experiment is a mapping"):
        read_experiment(b"- a", POLICY)


def test_gate_is_read_as_comparisons() -> None:
    first, second = parse_gate("latency_p99 < 200 and route_stability >= 0.9")

    assert first.holds(Decimal(199))
    assert not first.holds(Decimal(200))
    assert second.holds(Decimal("0.9"))
    assert not second.holds(Decimal("0.89"))
