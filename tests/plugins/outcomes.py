"""Writes `build/features.json`: for each clause of docs/mission.md its tests, and how each ended.

`scripts/matrix.py` reads it. A clause that docs/mission.md does not list stops the collection. A kernel test
that could not run is never silent: the summary says how many ran and why others did not.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

import machine
import pytest

from scripts import matrix

SUITE_LIMIT_S = 480.0
ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Case:
    """One collected test: the clauses it carries, its kind, and its outcome so far."""

    clauses: tuple[str, ...]
    kernel: bool
    e2e: bool
    outcome: str = "not reached"
    reason: str = ""

    @property
    def ran(self) -> bool:
        """Whether its body was entered, whatever came of it."""
        return self.outcome not in {"not reached", "skipped"}

    def take(self, report: pytest.TestReport) -> None:
        """Folds the report of one phase (setup, call, teardown) in; the worst of them is what counts."""
        if hasattr(report, "wasxfail"):
            self.outcome = "xfailed" if report.skipped else "xpassed"
        elif report.failed:
            self.outcome = "failed"
        elif report.skipped:
            self.outcome = "skipped"
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else "no reason given"
            self.reason = str(reason).removeprefix("Skipped: ").removeprefix("not run: ")
        elif report.when == "call":
            self.outcome = "passed"


@dataclass(eq=False)
class Outcomes:
    """The plugin; one per session."""

    target: Path
    known: frozenset[str]
    cases: dict[str, Case] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Notes what each test claims; raises UsageError for a clause that docs/mission.md does not list."""
        for item in items:
            clauses = tuple(str(clause) for mark in item.iter_markers("feature") for clause in mark.args)
            unknown = sorted(set(clauses) - self.known)
            if unknown:
                raise pytest.UsageError(
                    f"{item.nodeid}: {', '.join(unknown)} is not a clause of docs/mission.md"
                )
            self.cases[item.nodeid] = Case(
                clauses, bool(item.get_closest_marker("kernel")), bool(item.get_closest_marker("e2e"))
            )

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Takes one phase's report."""
        if report.nodeid in self.cases:
            self.cases[report.nodeid].take(report)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Writes the file, unless the session only listed tests."""
        if session.config.option.collectonly:
            return
        self.target.parent.mkdir(parents=True, exist_ok=True)
        self.target.write_text(json.dumps(self.results(session.config), indent=1) + "\n", encoding="utf-8")

    def results(self, config: pytest.Config) -> dict[str, object]:
        """What is written: the clauses' tests, the kernel tests' count, whether this was the whole suite."""
        clauses: dict[str, list[dict[str, object]]] = {}
        for nodeid, case in sorted(self.cases.items()):
            for clause in case.clauses:
                clauses.setdefault(clause, []).append(
                    {"test": nodeid, "outcome": case.outcome, "e2e": case.e2e}
                )
        kernel = [case for case in self.cases.values() if case.kernel]
        return {
            "complete": _whole_suite(config)
            and all(case.outcome != "not reached" for case in self.cases.values()),
            "kernel": {
                "refusal": machine.kernel_refusal(),
                "selected": len(kernel),
                "ran": sum(case.ran for case in kernel),
            },
            "seconds": round(time.monotonic() - self.started, 1),
            "clauses": dict(sorted(clauses.items())),
        }

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Says how many kernel tests ran, why the others did not, and how long the session took."""
        terminalreporter.section("kernel and time")
        terminalreporter.write_line(self.kernel_line())
        seconds = time.monotonic() - self.started
        terminalreporter.write_line(
            f"wall time: {seconds:.0f} s (the whole suite has to stay under {SUITE_LIMIT_S:.0f} s)"
        )

    def kernel_line(self) -> str:
        """The summary's line on kernel tests."""
        kernel = [case for case in self.cases.values() if case.kernel]
        missing = [case for case in kernel if not case.ran]
        line = f"kernel tests: {len(kernel) - len(missing)} of {len(kernel)} ran"
        reasons = sorted({case.reason or case.outcome for case in missing})
        return line + (f"; {len(missing)} did not: {'; '.join(reasons)}" if missing else "")


def _whole_suite(config: pytest.Config) -> bool:
    narrowed = config.option.keyword or config.option.markexpr or getattr(config.option, "lf", False)
    return config.args_source is pytest.Config.ArgsSource.TESTPATHS and not narrowed


def pytest_configure(config: pytest.Config) -> None:
    """Registers the plugin, once the options are known."""
    mission = matrix.read_mission(ROOT / "docs" / "mission.md")
    known = frozenset(clause for row in mission for clause in row.clauses)
    config.pluginmanager.register(Outcomes(ROOT / "build" / "features.json", known), "westworld-outcomes")
