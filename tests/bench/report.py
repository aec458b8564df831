"""What every benchmark writes: rows with a peer measured in the same run, a goal, and whether it was met.

A benchmark calls `write("ledger", [Row(...), ...])` once at its end; that prints a table and leaves
`build/bench/ledger.json`, a list of rows `{name, value, unit, peer, peer_value, ratio, goal, met, versions}`.
"""

from __future__ import annotations

import json
import operator
import os
import platform
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

BUILD = Path(__file__).resolve().parents[2] / "build" / "bench"

_GOAL = re.compile(r"(?P<ratio>ratio\s+)?(?P<sign><=|>=|<|>|==)\s*(?P<bound>[0-9][0-9_,]*(\.[0-9]+)?)")
_SIGNS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "==": operator.eq,
}


@dataclass
class Row:
    """One figure beside its peer.

    `goal` is written as `"<= 120"` or `">= 1_000_000"`, in the row's own unit, or as `"ratio <= 2"`; an empty
    goal promises nothing. `ratio` (value over the peer's value) and `met` are computed: what a caller passes
    for them is not kept.
    """

    name: str
    value: float
    unit: str
    peer: str = ""
    peer_value: float | None = None
    ratio: float | None = None
    goal: str = ""
    met: bool | None = None
    versions: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Computes `ratio` and `met`; raises ValueError for a goal that cannot be read."""
        self.ratio = self.value / self.peer_value if self.peer_value else None
        self.met = _met(self)


def _met(row: Row) -> bool | None:
    if not row.goal:
        return None
    goal = _GOAL.fullmatch(row.goal.strip())
    if goal is None:
        raise ValueError(
            f"{row.name}: goal {row.goal!r} cannot be read; write '<= 120', '>= 1_000' or 'ratio <= 2'"
        )
    measured = row.ratio if goal["ratio"] else row.value
    if measured is None:
        raise ValueError(f"{row.name}: goal {row.goal!r} needs a peer's value, and there is none")
    return _SIGNS[goal["sign"]](measured, float(goal["bound"].replace("_", "").replace(",", "")))


def machine() -> dict[str, str]:
    """What a figure depends on: Python, kernel and processor count."""
    return {"python": platform.python_version(), "kernel": platform.release(), "cores": str(os.cpu_count())}


def write(name: str, rows: Sequence[Row], versions: Mapping[str, str] | None = None) -> Path:
    """Prints the rows as a table and writes them to `build/bench/<name>.json`; returns that path.

    `versions` names what was measured besides the machine, e.g. `{"cedarpy": "4.12.2"}`.
    """
    for row in rows:
        row.versions = {**machine(), **(versions or {}), **row.versions}
    BUILD.mkdir(parents=True, exist_ok=True)
    path = BUILD / f"{name}.json"
    path.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n", encoding="utf-8")
    _print(name, rows)
    return path


def _print(name: str, rows: Sequence[Row]) -> None:
    table = Table(title=name, title_justify="left")
    for column in ("what", "value", "unit", "peer", "peer's value", "ratio", "goal", "met"):
        table.add_column(column, justify="right" if column in {"value", "peer's value", "ratio"} else "left")
    for row in rows:
        table.add_row(
            row.name,
            _number(row.value),
            row.unit,
            row.peer or "-",
            _number(row.peer_value),
            _number(row.ratio),
            row.goal or "-",
            {True: "yes", False: "MISSED", None: "-"}[row.met],
        )
    Console(width=None if os.isatty(1) else 140).print(table)


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
