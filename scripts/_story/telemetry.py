"""The two ends of the telemetry: a collector inside a node's cgroup, a real statsd server outside of it."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from scripts._story.processes import Process, StoryFault, free_port, wait_for

ROOT = Path(__file__).parents[2]
STATSD = ROOT / "tests" / "node_modules" / "statsd" / "stats.js"
NEVER_FLUSH_MS = 86_400_000  # a flush would clear the counters that the story reads


class StatsdServer:
    """npm's `statsd`, with its own management interface as the witness of what arrived."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port(socket.SOCK_DGRAM)
        self._management = free_port()
        config = folder / "statsd.js"
        config.write_text(
            json.dumps(
                {
                    "address": "127.0.0.1",
                    "port": self.port,
                    "mgmt_address": "127.0.0.1",
                    "mgmt_port": self._management,
                    "backends": [],
                    "flushInterval": NEVER_FLUSH_MS,
                }
            )
        )
        self.process = Process("statsd", ["node", STATSD, config], folder / "statsd.log")

    def ready(self) -> None:
        """Waits until it answers."""
        wait_for("the statsd server", self._answers, alive=[self.process])

    def gauges(self) -> dict[str, float]:
        """Every gauge that arrived, with its last value."""
        return self._ask("gauges")

    def counters(self) -> dict[str, float]:
        """Every counter, the server's own among them: packets received, bad lines, metrics received."""
        return self._ask("counters")

    @property
    def packets(self) -> int:
        """Datagrams that the server received since it started."""
        return int(self.counters().get("statsd.packets_received", 0))

    @property
    def metrics(self) -> int:
        """Metric lines that the server received since it started."""
        return int(self.counters().get("statsd.metrics_received", 0))

    def _answers(self) -> bool:
        try:
            return self.counters() is not None
        except OSError:
            return False

    def _ask(self, what: str) -> dict[str, float]:
        with socket.create_connection(("127.0.0.1", self._management), timeout=5) as connection:
            connection.sendall(f"{what}\n".encode())
            answer = b""
            while b"END" not in answer:
                if not (part := connection.recv(65536)):
                    break
                answer += part
        pairs = re.findall(r"'?([\w.:-]+)'?: (-?[\d.e+]+)", answer.decode())
        return {name: float(value) for name, value in pairs}


class Collector:
    """A collector process, in a cgroup and as a user if named ("": its own); see `_story/collector.py`."""

    def __init__(self, cgroup: str, user: str, port: int) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-m", "scripts._story.collector", cgroup, user, "127.0.0.1", str(port)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if self._child.stdin is None or self._child.stdout is None:
            raise StoryFault("the collector's pipes are not connected")
        self._orders, self._answers = self._child.stdin, self._child.stdout
        self.uid = int(self._answer()["uid"])

    def gauge(self, name: str, value: float) -> None:
        """Sends one gauge through the statsd client."""
        self._order({"do": "gauge", "name": name, "value": value})

    def plain(self, datagram: str) -> str | None:
        """Sends bytes through a plain socket; the name of the error the kernel gave, or None."""
        error = self._order({"do": "plain", "datagram": datagram})["error"]
        return None if error is None else str(error)

    def pace(self, name: str, value: float, hz: float, count: int) -> int:
        """Sends `count` gauges at `hz`; how many were handed to the client."""
        return int(
            self._order({"do": "pace", "name": name, "value": value, "hz": hz, "count": count})["sent"]
        )

    @contextmanager
    def stream(self, datagrams: Sequence[str]) -> Iterator[list[tuple[str | None, int]]]:
        """Sends these datagrams over and over through a plain socket until the block ends.

        What it yields has, after the block, the errors that the kernel gave in their order, each with how
        often it came in a row (None: the datagram was taken).
        """
        runs: list[tuple[str | None, int]] = []
        self._write({"do": "stream", "datagrams": list(datagrams)})
        try:
            yield runs
        finally:
            runs += [(error, count) for error, count in self._order({"do": "enough"})["runs"]]

    def _order(self, order: dict[str, Any]) -> dict[str, Any]:
        self._write(order)
        return self._answer()

    def _write(self, order: dict[str, Any]) -> None:
        self._orders.write(json.dumps(order) + "\n")
        self._orders.flush()

    def _answer(self) -> dict[str, Any]:
        line = self._answers.readline()
        if not line:
            raise StoryFault(f"the collector ended with {self._child.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def stop(self) -> None:
        """Ends it by closing its orders. Safe to call again."""
        self._orders.close()
        self._child.wait(10)

    def __enter__(self) -> Collector:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
