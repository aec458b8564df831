"""The maturity matrix is what the tests showed, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scripts import matrix

MISSION = """# Mission
## Charter (Anti-Delos): a constitution
- C1.1 A policy is YAML
- C1.2 A policy names forbidden metrics
- C2.1 Default deny
## Across
- I6.1 An honest matrix
"""


def _test(outcome: str, e2e: bool = False) -> dict[str, Any]:
    return {"test": f"tests/x.py::{outcome}{e2e}", "outcome": outcome, "e2e": e2e}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "build").mkdir()
    (tmp_path / "docs" / "mission.md").write_text(MISSION)
    (tmp_path / "README.md").write_text(f"# Title\n\n{matrix.BEGIN}\n{matrix.END}\n\nafter\n")
    return tmp_path


def _results(
    checkout: Path, clauses: dict[str, list[dict[str, Any]]], complete: bool = True, refusal: str = ""
) -> None:
    kernel = {"refusal": refusal, "selected": 1, "ran": 0 if refusal else 1}
    content = {"complete": complete, "kernel": kernel, "seconds": 1.0, "clauses": clauses}
    (checkout / "build" / "features.json").write_text(json.dumps(content))


@pytest.mark.feature("I6.1")
@pytest.mark.parametrize(
    ("tests", "expected"),
    [
        ([], (False, False, False, False)),
        ([_test("failed")], (True, False, False, False)),
        ([_test("skipped")], (True, False, False, False)),
        ([_test("xfailed")], (True, False, False, False)),
        ([_test("xpassed")], (True, False, False, False)),
        ([_test("not reached")], (True, False, False, False)),
        ([_test("passed")], (True, True, True, False)),
        ([_test("passed"), _test("skipped")], (True, True, False, False)),
        ([_test("passed"), _test("failed", e2e=True)], (True, True, False, False)),
        ([_test("passed"), _test("passed", e2e=True)], (True, True, True, True)),
    ],
)
def test_a_clause_reaches_only_what_its_tests_showed(tests: list[Any], expected: tuple[bool, ...]) -> None:
    assert matrix.reaches(tests) == expected


@pytest.mark.feature("I6.1")
def test_the_matrix_counts_clauses_by_part_and_row(checkout: Path) -> None:
    _results(
        checkout, {"C1.1": [_test("passed", e2e=True)], "C1.2": [_test("skipped")], "I6.1": [_test("passed")]}
    )
    assert matrix.run(checkout, "write") == "README.md: the matrix was rewritten"
    readme = (checkout / "README.md").read_text()
    assert "| Charter (Anti-Delos) | 2/3 | 1/3 | 1/3 | 1/3 |" in readme
    assert "| C1 | 2/2 | 1/2 | 1/2 | 1/2 |" in readme
    assert "| C2 | – | – | – | – |" in readme
    assert "| Across | 1/1 | 1/1 | 1/1 | – |" in readme
    assert readme.startswith("# Title\n") and readme.endswith("\nafter\n")
    assert "Charter (Anti-Delos)" in matrix.run(checkout, "summary")


@pytest.mark.feature("I6.1")
def test_a_stale_matrix_is_refused_and_a_fresh_one_is_not(checkout: Path) -> None:
    _results(checkout, {"C1.1": [_test("passed")]})
    with pytest.raises(matrix.MatrixError, match="stale"):
        matrix.run(checkout, "check")
    matrix.run(checkout, "write")
    first = (checkout / "README.md").read_text()
    assert matrix.run(checkout, "write") == "README.md: the matrix is up to date"
    assert (checkout / "README.md").read_text() == first
    assert "says what the tests showed" in matrix.run(checkout, "check")
    _results(checkout, {"C1.1": [_test("failed")]})
    with pytest.raises(matrix.MatrixError, match="make matrix"):
        matrix.run(checkout, "check")


def test_a_machine_without_kernel_tests_does_not_judge_the_committed_matrix(checkout: Path) -> None:
    _results(checkout, {}, refusal="not root")
    assert "not compared" in matrix.run(checkout, "check")


@pytest.mark.feature("I6.1")
def test_an_unknown_clause_is_an_error(checkout: Path) -> None:
    _results(checkout, {"C1.9": [_test("passed")]})
    with pytest.raises(matrix.MatrixError, match=r"C1\.9"):
        matrix.run(checkout, "write")


def test_a_part_of_the_suite_is_no_ground_for_a_matrix(checkout: Path) -> None:
    with pytest.raises(matrix.MatrixError, match="missing"):
        matrix.run(checkout, "write")
    _results(checkout, {}, complete=False)
    with pytest.raises(matrix.MatrixError, match="part of the suite"):
        matrix.run(checkout, "write")


def test_a_clause_listed_twice_or_a_readme_without_markers_is_an_error(checkout: Path) -> None:
    _results(checkout, {})
    (checkout / "README.md").write_text("# Title\n")
    with pytest.raises(matrix.MatrixError, match="no place"):
        matrix.run(checkout, "write")
    (checkout / "docs" / "mission.md").write_text(MISSION + "- C1.1 again\n")
    with pytest.raises(matrix.MatrixError, match="twice"):
        matrix.run(checkout, "write")


def test_the_command_says_in_one_line_what_is_wrong(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(matrix, "ROOT", checkout)
    assert matrix.main(["--check"]) == 1
    assert capsys.readouterr().err == "matrix: features.json is missing: run `make test` first\n"
    _results(checkout, {})
    assert matrix.main([]) == 0
    assert matrix.main(["--check"]) == 0


def test_this_projects_mission_lists_every_row_once() -> None:
    rows = matrix.read_mission(matrix.ROOT / "docs" / "mission.md")
    names = [row.name for row in rows]
    assert len(names) == len(set(names)) and {"C1", "K1", "M1", "Q1", "S1", "I7"} <= set(names)
    assert {row.part for row in rows} >= {"Charter (Anti-Delos)", "Across"}
