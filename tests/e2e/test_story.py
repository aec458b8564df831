"""The story of `make demo`, told once with real processes; each of its steps is a test."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts._story.steps import STORY
from scripts._story.telling import Outcome

ROOT = Path(__file__).parents[2]
LIMIT_S = 1500  # a story that hangs ends here; one that is only slow does not

SHOWS = {
    "The charter is published": ("C9.1",),
    "The kernel obeys the charter": ("C2.1", "C10.1"),
    "The chain knows what was tried": ("C3.1", "C3.2", "C5.1", "C5.2", "C8.1"),
    "A violation costs the violator": (
        "C4.1",
        "C4.2",
        "C4.3",
        "C11.1",
        "C12.1",
        "C12.2",
        "C13.1",
    ),
    "A vote reaches the kernel": ("C2.2", "C9.2"),
    "The agent is killed": ("C3.5",),
}
"""What each step shows of docs/mission.md, with real processes."""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What `scripts/demo.py` said of each step, by title; the steps after one that failed are not there."""
    log = tmp_path_factory.mktemp("story") / "demo.log"
    with log.open("w") as stderr:
        ran = subprocess.run(
            [sys.executable, ROOT / "scripts" / "demo.py", "--format", "json"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            timeout=LIMIT_S,
        )
    steps = {step["title"]: step for step in json.loads(ran.stdout or "[]")}
    held = all(step["outcome"] != Outcome.FAILED for step in steps.values()) and len(steps) == len(STORY)
    assert (ran.returncode == 1) == (not held), f"exit code {ran.returncode}\n{log.read_text()}"
    return steps


@pytest.mark.e2e
@pytest.mark.parametrize(
    "title",
    [
        pytest.param(title, marks=pytest.mark.feature(*SHOWS[title]) if title in SHOWS else (), id=title)
        for title, _ in STORY
    ],
)
def test_the_step_holds(told: dict[str, dict[str, Any]], title: str) -> None:
    step = told.get(title)
    assert step is not None, f"not reached; the last step was {list(told.values())[-1:]}"
    if step["outcome"] == Outcome.NOT_HERE:
        pytest.skip(step["verified"])
    assert step["outcome"] == Outcome.HELD, step["verified"]
