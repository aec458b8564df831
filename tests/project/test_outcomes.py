"""The plugin that collects what each test showed, run in a pytest of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

CONFTEST = """
pytest_plugins = ["selection", "fixed"]
"""

# The real plugin, on another folder's files and with the machine's answer given.
FIXED = """
from pathlib import Path
import machine, outcomes
machine.kernel_refusal = lambda: {refusal!r}
machine.compiler_refusal = lambda: ""
outcomes.ROOT = Path(__file__).parent
from outcomes import pytest_configure
"""

MISSION = "## Part\n- C1.1 one\n- C1.2 two\n- C1.3 three\n"

TESTS = """
import pytest

@pytest.mark.feature("C1.1")
def test_passes(): pass

@pytest.mark.feature("C1.1", "C1.2")
@pytest.mark.skip(reason="because")
def test_skips(): pass

@pytest.mark.feature("C1.2")
@pytest.mark.xfail
def test_xfails(): assert False

@pytest.fixture
def breaks_at_the_end():
    yield
    raise RuntimeError

@pytest.mark.feature("C1.3")
def test_fails_in_teardown(breaks_at_the_end): pass

@pytest.mark.feature("C1.3")
@pytest.mark.kernel
@pytest.mark.e2e
def test_kernel(): pass

@pytest.mark.nightly
def test_heavy(): pass
"""


def _run(
    folder: Path, *arguments: str, tests: str = TESTS, refusal: str = ""
) -> subprocess.CompletedProcess[str]:
    (folder / "docs").mkdir(exist_ok=True)
    (folder / "docs" / "mission.md").write_text(MISSION)
    (folder / "fixed.py").write_text(FIXED.format(refusal=refusal))
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "tests").mkdir(exist_ok=True)
    (folder / "tests" / "test_it.py").write_text(tests)
    paths = " ".join(str(ROOT / name) for name in ("tests/plugins", "scripts"))
    (folder / "pytest.ini").write_text(
        f"[pytest]\ntestpaths = tests\npythonpath = . {paths}\nmarkers =\n"
        "  feature\n  kernel\n  nightly\n  e2e\n"
    )
    # Without the plugins of everything installed, which take seconds to import.
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def _features(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "build" / "features.json").read_text())
    return content


@pytest.mark.feature("I6.1")
def test_each_clause_gets_the_outcome_of_every_test_that_carries_it(tmp_path: Path) -> None:
    _run(tmp_path)
    features = _features(tmp_path)
    outcomes = {clause: [test["outcome"] for test in tests] for clause, tests in features["clauses"].items()}
    assert outcomes == {
        "C1.1": ["passed", "skipped"],
        "C1.2": ["skipped", "xfailed"],
        "C1.3": ["failed", "passed"],
    }
    assert [test["e2e"] for test in features["clauses"]["C1.3"]] == [False, True]
    assert features["complete"] is True
    assert features["kernel"] == {"refusal": "", "selected": 1, "ran": 1}


def test_kernel_tests_that_cannot_run_are_named_with_the_reason(tmp_path: Path) -> None:
    done = _run(tmp_path, refusal="not root")
    assert "kernel tests: 0 of 1 ran; 1 did not: not root" in done.stdout
    assert _features(tmp_path)["kernel"] == {"refusal": "not root", "selected": 1, "ran": 0}


def test_nightly_tests_run_only_when_asked_for(tmp_path: Path) -> None:
    assert "1 deselected" in _run(tmp_path).stdout
    assert "deselected" not in _run(tmp_path, "--nightly").stdout


@pytest.mark.parametrize("arguments", [("-k", "passes"), ("-m", "kernel"), ("tests/test_it.py",), ("-x",)])
def test_a_part_of_the_suite_is_not_called_complete(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    _run(tmp_path, *arguments)
    assert _features(tmp_path)["complete"] is False


@pytest.mark.feature("I6.1")
def test_a_clause_that_the_mission_does_not_list_stops_the_run(tmp_path: Path) -> None:
    done = _run(tmp_path, tests=TESTS.replace("C1.2", "C9.9"))
    assert done.returncode == 4
    assert "C9.9 is not a clause of docs/mission.md" in done.stderr + done.stdout


def test_listing_tests_writes_nothing(tmp_path: Path) -> None:
    _run(tmp_path, "--collect-only")
    assert not (tmp_path / "build").exists()
