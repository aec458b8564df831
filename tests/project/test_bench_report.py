"""What benchmarks write: the ratio and whether the goal was met are computed, never typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import report


@pytest.mark.parametrize(
    ("value", "goal", "met"),
    [
        (120.0, "<= 120", True),
        (121.0, "<= 120", False),
        (1_000_000.0, ">= 1,000,000", True),
        (999_999.0, ">= 1_000_000", False),
        (9.0, "ratio <= 3", True),
        (9.3, "ratio <= 3", False),
        (5.0, "", None),
    ],
)
def test_met_follows_from_value_and_goal(value: float, goal: str, met: bool | None) -> None:
    row = report.Row("figure", value, "ns", peer="other", peer_value=3.0, goal=goal, ratio=99.0, met=not met)
    assert row.met is met
    assert row.ratio == value / 3.0


def test_a_goal_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        report.Row("figure", 1.0, "ns", goal="about 5")
    with pytest.raises(ValueError, match="needs a peer"):
        report.Row("figure", 1.0, "ns", goal="ratio <= 2")


def test_rows_are_written_as_the_list_that_is_promised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report, "BUILD", tmp_path / "bench")
    row = report.Row("append", 31_000.0, "1/s", peer="SQLite", peer_value=900.0, goal=">= 30_000")
    path = report.write("ledger", [row], versions={"sqlite": "3.40"})
    assert path == tmp_path / "bench" / "ledger.json"
    (written,) = json.loads(path.read_text())
    assert set(written) == {"name", "value", "unit", "peer", "peer_value", "ratio", "goal", "met", "versions"}
    assert (
        written["met"] is True and written["versions"]["sqlite"] == "3.40" and "kernel" in written["versions"]
    )
    assert "31,000" in capsys.readouterr().out
