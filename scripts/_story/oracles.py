"""An oracle of the story: one member of the committee as a process, with its own key and state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
from eth_account.signers.local import LocalAccount

from scripts._story.nodes import COMMAND
from scripts._story.processes import Process, wait_for
from scripts._story.wallets import keep

SLOT_SECONDS = 6


class Oracle:
    """One oracle daemon. `url` is where the other members reach it."""

    def __init__(self, name: str, folder: Path, key: LocalAccount, port: int) -> None:
        self.name = name
        self.key = key
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.folder = folder / name
        self.folder.mkdir()
        self._keystore = keep(key, self.folder / "key.json")
        self._env: dict[str, str] = {}
        self.process: Process | None = None

    def start(self, env: dict[str, str]) -> None:
        """Starts the daemon with the settings shared by daemons; returns at once."""
        self._env = {
            **env,
            "WESTWORLD_KEYSTORE": str(self._keystore),
            "WESTWORLD_SLOT_SECONDS": str(SLOT_SECONDS),
            "WESTWORLD_PRIVATE_NODES": "true",
        }
        self.restart()

    def restart(self) -> None:
        """Starts it again with the settings it had."""
        self.process = Process(self.name, [*COMMAND, "oracle", "run"], self.folder / "oracle.log", self._env)

    def healthy(self) -> None:
        """Waits until it says that its pulse is fresh."""
        alive = [self.process] if self.process else []
        wait_for(f"{self.name} to be healthy", self._health, alive=alive)

    def kill(self) -> None:
        """SIGKILL."""
        if self.process is not None:
            self.process.kill()

    def stop(self) -> None:
        """Stops it. Safe to call again."""
        if self.process is not None:
            self.process.stop()

    def _health(self) -> Any:
        try:
            return httpx.get(f"{self.url}/health", timeout=5).is_success
        except httpx.HTTPError:
            return None
