"""Whatever becomes of the self-check's probe, the agent goes on and says so."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent.kernel import self_check

GREETS = "import json, os, sys; print(json.dumps({'pid': os.getpid(), 'cookies': [7]}), flush=True)\n"
ANSWERS = "sys.stdin.readline(); print('{}', flush=True)\n"
DIES = "import os; os.kill(os.getpid(), 9)\n"
FAILS = "raise SystemExit('no such cgroup')\n"
STOPS = "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)\n"


class Probes:
    """The kernel's table of probes."""

    def __init__(self) -> None:
        self.keys: set[bytes] = set()
        self.most = 0

    def update(self, key: bytes, value: bytes) -> None:
        self.keys.add(key)
        self.most = max(self.most, len(self.keys))

    def delete(self, key: bytes) -> None:
        self.keys.discard(key)


def run(probes: Any) -> list[str]:
    return self_check.run(Path("/nowhere"), probes, 65_534, silenced=False, scopes=frozenset())


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The probe, as the test writes it."""
    path = tmp_path / "probe.py"
    monkeypatch.setattr(self_check, "_SCRIPT", path)
    return path


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The probes that were started."""
    known: list[subprocess.Popen[bytes]] = []
    start = subprocess.Popen.__init__

    def begin(self: subprocess.Popen[bytes], *arguments: Any, **options: Any) -> None:
        known.append(self)
        start(self, *arguments, **options)

    monkeypatch.setattr(subprocess.Popen, "__init__", begin)
    return known


def test_a_probe_that_answers_is_heard_and_known_meanwhile(script: Path) -> None:
    script.write_text(GREETS + ANSWERS)
    probes = Probes()
    assert run(probes) == []
    assert (probes.most, probes.keys) == (2, set())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (DIES, "the probe ended early: "),
        (FAILS, "the probe ended early: no such cgroup"),
        (GREETS + DIES, "the probe ended early: "),
        (GREETS + "sys.stdin.readline()\n" + DIES, "the probe ended early: "),
        (GREETS + FAILS, "the probe ended early: no such cgroup"),
        ("print('half', flush=True)\n", "Expecting value: line 1 column 1 (char 0)"),
        ("print('x' * 99_999, flush=True)\n", "the probe said more than 16384 bytes"),
    ],
)
def test_a_probe_that_dies_is_a_fault(script: Path, text: str, why: str) -> None:
    script.write_text(text)
    probes = Probes()
    assert run(probes) == [f"the self-check could not be made: {why}"]
    assert probes.keys == set()


@pytest.mark.parametrize("text", [STOPS, GREETS + STOPS, "print('{', end='', flush=True)\n" + STOPS])
def test_a_probe_that_hangs_is_a_fault_and_gone(
    script: Path, started: list[subprocess.Popen[bytes]], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.write_text(text)
    monkeypatch.setattr(self_check, "SECONDS", 1.0)
    assert run(Probes()) == ["the self-check could not be made: the probe did not answer within 1 s"]
    assert [probe.returncode for probe in started] == [-signal.SIGKILL]


def test_a_probe_that_cannot_be_ended_is_named(
    script: Path, started: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: subprocess.Popen[bytes]) -> None:
        raise PermissionError(1, "Operation not permitted")

    script.write_text(GREETS + STOPS)
    monkeypatch.setattr(self_check, "SECONDS", 1.0)
    with monkeypatch.context() as patched:
        patched.setattr(subprocess.Popen, "kill", refused)
        (fault,) = run(Probes())
    (probe,) = started
    probe.kill()
    probe.wait()
    assert f"process {probe.pid}, cannot be ended: [Errno 1] Operation not permitted" in fault


def test_a_probe_whose_agent_is_gone_tries_nothing(tmp_path: Path) -> None:
    """Nobody would know its attempts from a collector's. Any folder will do for a cgroup here."""
    done = subprocess.run(
        [sys.executable, "-I", str(self_check._SCRIPT), str(tmp_path), "65534", "9", "nobody"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(done.stdout.splitlines()) == 1, "it greets and says nothing more"
