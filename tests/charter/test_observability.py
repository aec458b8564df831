"""Dashboard and alerts: they ask only for what the code exports, and the rules fire when they have to."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from ruamel.yaml import YAML

from agent.meters import AgentMeters
from oracles.charter.notices import Notices
from oracles.charter.watch import WatchMeters
from oracles.daemon.metrics import Metrics

DEPLOY = Path(__file__).parents[2] / "deploy"
DASHBOARD = DEPLOY / "grafana" / "dashboards" / "charter.json"
ALERTS = DEPLOY / "prometheus" / "alerts.yml"
_SERIES = re.compile(r"\b(?:charter|metric|westworld)_[a-z_]+\b")
_SUFFIXES = {
    "counter": ("_total",),
    "gauge": ("",),
    "histogram": ("_bucket", "_sum", "_count"),
    "info": ("_info",),
}


def exported() -> set[str]:
    """Every series that an agent, an oracle or the watch exports, from their own registries."""
    registry = Metrics("test").registry
    AgentMeters(registry)
    WatchMeters(registry)
    store: Any = None
    Notices(store, [], registry)
    return {
        family.name + suffix for family in registry.collect() for suffix in _SUFFIXES.get(family.type, ("",))
    }


def asked(expressions: list[str]) -> set[str]:
    return {name for expression in expressions for name in _SERIES.findall(expression)}


def dashboard_expressions() -> list[str]:
    return [
        target["expr"] for panel in json.loads(DASHBOARD.read_text())["panels"] for target in panel["targets"]
    ]


def alert_rules() -> list[dict[str, Any]]:
    groups = YAML(typ="safe", pure=True).load(ALERTS)["groups"]
    return [rule for group in groups for rule in group["rules"]]


@pytest.mark.feature("C6.1")
def test_dashboard_asks_only_for_what_is_exported() -> None:
    names = asked(dashboard_expressions())

    assert {"charter_violations_total", "metric_access_denied_total", "charter_policy_version"} <= names
    assert names <= exported()


def test_alerts_ask_only_for_what_is_exported() -> None:
    names = asked([rule["expr"] for rule in alert_rules()])

    assert "charter_violations_total" in names
    assert names <= exported()


def test_name_that_nobody_exports_would_be_noticed() -> None:
    assert not asked(["rate(charter_violation_total[5m])"]) <= exported()


@pytest.mark.feature("C5.1")
def test_the_three_metrics_of_the_mission_are_exported() -> None:
    registry = CollectorRegistry()
    AgentMeters(registry)

    names = {family.name for family in registry.collect()}

    assert {"charter_violations", "metric_access_denied", "charter_policy_version"} <= names


def test_every_alert_has_its_unit_test_and_its_summary() -> None:
    tested = set(re.findall(r"alertname: (\w+)", (ALERTS.parent / "alerts_test.yml").read_text()))

    assert tested == {rule["alert"] for rule in alert_rules()}
    assert all(rule["annotations"]["summary"] for rule in alert_rules())


@pytest.mark.feature("C6.2")
@pytest.mark.skipif(shutil.which("promtool") is None, reason="not run: promtool is not installed")
def test_rules_fire_when_they_have_to_and_only_then() -> None:
    result = subprocess.run(
        ["promtool", "test", "rules", "alerts_test.yml"],
        cwd=ALERTS.parent,
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stdout + result.stderr
