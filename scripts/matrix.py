"""Writes the maturity matrix into README.md, from docs/mission.md and the outcome of a whole test run.

    python scripts/matrix.py            # rewrite the matrix in README.md
    python scripts/matrix.py --check    # exit 1 if README.md is not what the tests of this checkout showed
    python scripts/matrix.py --summary  # print each part's sum, change nothing

Nothing in the matrix is typed in. For each clause of docs/mission.md:

* design: a test exists that carries it, so what it means has been decided,
* code: at least one such test passed,
* testing: all of them passed; a skipped, xfailed or failed one takes it away,
* production: one of the passing tests runs the real processes (marker `e2e`).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NotRequired, TypedDict

ROOT = Path(__file__).resolve().parents[1]
BEGIN = "<!-- matrix: written by scripts/matrix.py from a test run; do not edit -->"
END = "<!-- end of matrix -->"
COLUMNS = ("design", "code", "testing", "production")

_CLAUSE = re.compile(r"- (?P<row>[A-Z]\d+)\.(?P<number>\d+) (?P<text>.+)")


class Test(TypedDict):
    """How one test that carries a clause ended."""

    test: str
    outcome: str
    e2e: bool


class Kernel(TypedDict):
    """The kernel tests of the run; `refusal` is empty if the machine can run them."""

    refusal: str
    selected: int
    ran: int


class Results(TypedDict):
    """build/features.json, as tests/plugins/outcomes.py writes it."""

    complete: bool
    kernel: Kernel
    clauses: dict[str, list[Test]]
    seconds: NotRequired[float]


class MatrixError(Exception):
    """The matrix cannot be derived; the message says why and what to do."""


@dataclass(frozen=True)
class Row:
    """One row of the mission, e.g. C3, with its clauses (C3.1, C3.2, ...)."""

    part: str
    name: str
    clauses: dict[str, str]


@dataclass(frozen=True)
class Counts:
    """How many of `total` clauses reach each column."""

    total: int
    reached: tuple[int, ...]

    def cells(self) -> list[str]:
        """The table's cells, one per column."""
        return [f"{count}/{self.total}" if count else "–" for count in self.reached]


def read_mission(path: Path) -> list[Row]:
    """The rows of docs/mission.md in their order; raises MatrixError for a clause that is listed twice."""
    rows: dict[str, Row] = {}
    part = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            part = line[3:].split(":")[0].strip()
        clause = _CLAUSE.match(line)
        if clause is None:
            continue
        row = rows.setdefault(clause["row"], Row(part, clause["row"], {}))
        identifier = f"{clause['row']}.{clause['number']}"
        if identifier in row.clauses:
            raise MatrixError(f"{path.name} lists {identifier} twice; give one of them another number")
        row.clauses[identifier] = clause["text"]
    return list(rows.values())


def read_results(path: Path) -> Results:
    """The outcome of a whole run; raises MatrixError if there is none or if it was a part of the suite."""
    if not path.exists():
        raise MatrixError(f"{path.name} is missing: run `make test` first")
    results: Results = json.loads(path.read_text(encoding="utf-8"))
    if not results["complete"]:
        raise MatrixError(f"{path.name} is from a part of the suite: run `make test`, which runs all of it")
    return results


def reaches(tests: Sequence[Test]) -> tuple[bool, ...]:
    """Whether a clause with these tests reaches design, code, testing and production."""
    passed = [test for test in tests if test["outcome"] == "passed"]
    tested = bool(passed) and len(passed) == len(tests)
    return bool(tests), bool(passed), tested, tested and any(test["e2e"] for test in passed)


def count(rows: Iterable[Row], results: Results) -> Counts:
    """The sum over some rows of the mission."""
    clauses = [clause for row in rows for clause in row.clauses]
    reached = [reaches(results["clauses"].get(clause, [])) for clause in clauses]
    return Counts(len(clauses), tuple(sum(columns[i] for columns in reached) for i in range(len(COLUMNS))))


def check_known(mission: Sequence[Row], results: Results) -> None:
    """Raises MatrixError if a test carries a clause that docs/mission.md does not list."""
    known = {clause for row in mission for clause in row.clauses}
    unknown = sorted(set(results["clauses"]) - known)
    if unknown:
        raise MatrixError(f"tests carry clauses that docs/mission.md does not list: {', '.join(unknown)}")


def _table(heading: str, lines: Iterable[tuple[str, Counts]]) -> list[str]:
    header = [f"| {heading} | {' | '.join(COLUMNS)} |", f"| --- |{' ---: |' * len(COLUMNS)}"]
    return header + [f"| {name} | {' | '.join(counts.cells())} |" for name, counts in lines]


def render(mission: Sequence[Row], results: Results) -> str:
    """The whole section between the markers, markers included; the same results give the same text."""
    check_known(mission, results)
    parts = list(dict.fromkeys(row.part for row in mission))
    lines = [BEGIN, ""]
    lines += _table(
        "part", ((part, count([r for r in mission if r.part == part], results)) for part in parts)
    )
    lines += [
        "",
        '<details><summary>Row by row, as <a href="docs/mission.md">the mission</a> lists them</summary>',
        "",
    ]
    lines += _table("row", ((row.name, count([row], results)) for row in mission))
    lines += ["", "</details>", "", END]
    return "\n".join(lines)


def insert(readme: str, section: str) -> str:
    """README's text with the section in its place; raises MatrixError if the markers are not there."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise MatrixError(f"README.md has no place for the matrix: it needs the lines {BEGIN!r} and {END!r}")
    return before + section + after


def summary(mission: Sequence[Row], results: Results) -> str:
    """Each part's sum, for the terminal."""
    width = max(len(row.part) for row in mission)
    lines = [f"{'maturity':<{width}}  " + "  ".join(f"{column:>10}" for column in COLUMNS)]
    for part in dict.fromkeys(row.part for row in mission):
        cells = count([row for row in mission if row.part == part], results).cells()
        lines.append(f"{part:<{width}}  " + "  ".join(f"{cell:>10}" for cell in cells))
    return "\n".join(lines)


def run(root: Path, mode: str) -> str:
    """Carries out `write`, `check` or `summary` in a checkout; returns what to print, raises MatrixError."""
    mission = read_mission(root / "docs" / "mission.md")
    results = read_results(root / "build" / "features.json")
    check_known(mission, results)
    if mode == "summary":
        return summary(mission, results)
    path = root / "README.md"
    readme = path.read_text(encoding="utf-8")
    fresh = insert(readme, render(mission, results))
    if mode == "write":
        path.write_text(fresh, encoding="utf-8")
        return (
            "README.md: the matrix is up to date"
            if fresh == readme
            else "README.md: the matrix was rewritten"
        )
    if results["kernel"]["refusal"]:
        return f"README.md: not compared, since kernel tests cannot run here ({results['kernel']['refusal']})"
    if fresh != readme:
        raise MatrixError("README.md: the matrix is stale; run `make matrix` and commit README.md")
    return "README.md: the matrix says what the tests showed"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; exit code 1 and one line on stderr if the matrix cannot be derived or is stale."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument("--check", dest="mode", action="store_const", const="check", help="only compare")
    modes.add_argument(
        "--summary", dest="mode", action="store_const", const="summary", help="only print the sums"
    )
    parser.set_defaults(mode="write")
    try:
        print(run(ROOT, parser.parse_args(arguments).mode))
    except MatrixError as error:
        print(f"matrix: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
