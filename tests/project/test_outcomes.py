"""The plugin that collects what each test showed, run in a pytest of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import machine
import outcomes
import pytest

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


Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a suite of its own with the real plugins, the machine's answer given."""
    # The plugins of everything installed take seconds to load, and are not what is tested.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setattr(outcomes, "ROOT", pytester.path)
    pytester.makeconftest('pytest_plugins = ["selection", "outcomes"]')
    pytester.makeini("[pytest]\ntestpaths = tests\nmarkers =\n  feature\n  kernel\n  nightly\n  e2e\n")
    pytester.mkdir("docs").joinpath("mission.md").write_text(MISSION)
    folder = pytester.mkdir("tests")

    def run(*arguments: str, tests: str = TESTS, refusal: str = "") -> pytest.RunResult:
        folder.joinpath("test_it.py").write_text(tests)
        monkeypatch.setattr(machine, "kernel_refusal", lambda: refusal)
        monkeypatch.setattr(machine, "compiler_refusal", lambda: "")
        return pytester.runpytest_inprocess(*arguments)

    return run


def _features(pytester: pytest.Pytester) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((pytester.path / "build" / "features.json").read_text())
    return content


@pytest.mark.feature("I6.1")
def test_each_clause_gets_the_outcome_of_every_test_that_carries_it(
    run: Run, pytester: pytest.Pytester
) -> None:
    run()
    features = _features(pytester)
    ended = {clause: [test["outcome"] for test in tests] for clause, tests in features["clauses"].items()}
    assert ended == {
        "C1.1": ["passed", "skipped"],
        "C1.2": ["skipped", "xfailed"],
        "C1.3": ["failed", "passed"],
    }
    assert [test["e2e"] for test in features["clauses"]["C1.3"]] == [False, True]
    assert features["complete"] is True
    assert features["kernel"] == {"refusal": "", "selected": 1, "ran": 1}


def test_kernel_tests_that_cannot_run_are_named_with_the_reason(run: Run, pytester: pytest.Pytester) -> None:
    done = run(refusal="not root")
    assert "kernel tests: 0 of 1 ran; 1 did not: not root" in done.stdout.str()
    assert _features(pytester)["kernel"] == {"refusal": "not root", "selected": 1, "ran": 0}


def test_nightly_tests_run_only_when_asked_for(run: Run) -> None:
    assert "1 deselected" in run().stdout.str()
    assert "deselected" not in run("--nightly").stdout.str()


@pytest.mark.parametrize("arguments", [("-k", "passes"), ("-m", "kernel"), ("tests/test_it.py",), ("-x",)])
def test_a_part_of_the_suite_is_not_called_complete(
    run: Run, pytester: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    run(*arguments)
    assert _features(pytester)["complete"] is False


@pytest.mark.feature("I6.1")
def test_a_clause_that_the_mission_does_not_list_stops_the_run(run: Run) -> None:
    done = run(tests=TESTS.replace("C1.2", "C9.9"))
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert "C9.9 is not a clause of docs/mission.md" in done.stderr.str() + done.stdout.str()


def test_listing_tests_writes_nothing(run: Run, pytester: pytest.Pytester) -> None:
    run("--collect-only")
    assert not (pytester.path / "build").exists()
