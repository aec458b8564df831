"""Processes of the story: each apart, each with its own log, each stopped by its pid and nothing else."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

Found = TypeVar("Found")
LOOK_SECONDS = 0.2
PATIENCE = 300.0  # seconds that a slow machine may take over anything; nothing is judged by it


class StoryFault(Exception):
    """A step of the story did not hold: what was expected, what was found."""


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A loopback port that nobody uses at this moment."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """A child process whose output goes to `log`."""

    def __init__(
        self, name: str, command: Sequence[str | Path], log: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self._child = subprocess.Popen(
                [str(part) for part in command],
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._child.pid

    def running(self) -> bool:
        """Whether it still runs."""
        return self._child.poll() is None

    def kill(self) -> None:
        """SIGKILL: no chance to tidy up. Returns when it is gone."""
        self._child.kill()
        self._child.wait()

    def stop(self, patience: float = 10) -> None:
        """SIGTERM, and SIGKILL after `patience` seconds. Safe to call again."""
        if not self.running():
            return
        self._child.send_signal(signal.SIGTERM)
        try:
            self._child.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill()

    def last_words(self, lines: int = 12) -> str:
        """The end of its log, for the report of a fault."""
        text = self.log.read_text(errors="replace").splitlines()
        return "\n".join(f"  {self.name}: {line}" for line in text[-lines:])


def wait_for(
    what: str,
    look: Callable[[], Found | None],
    patience: float = PATIENCE,
    alive: Sequence[Process] = (),
) -> Found:
    """Looks again and again until `look` finds something, and returns it.

    Raises StoryFault after `patience` seconds, or at once when a process it depends on has ended.
    """
    deadline = time.monotonic() + patience
    while not (found := look()):
        for process in alive:
            if not process.running():
                raise StoryFault(f"{process.name} ended while waiting for {what}\n{process.last_words()}")
        if time.monotonic() > deadline:
            words = "\n".join(process.last_words() for process in alive)
            raise StoryFault(f"waited {patience:.0f} s in vain for {what}\n{words}")
        time.sleep(LOOK_SECONDS)
    return found
