"""Cgroups, enforcement and collectors, each test's own and taken away after it."""

from __future__ import annotations

import errno
import itertools
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from agent.kernel.bpffs import STANDARD
from agent.kernel.cgroups import telemetry_cgroup
from agent.kernel.enforcement import NOBODY, Enforcement
from agent.kernel.reasons import Reason
from agent.kernel.rules import Destination

#: Compiled once for all runs of a version of the source.
CACHE = Path(__file__).parents[2] / "build" / "kernel"

_numbers = itertools.count()


class Collector:
    """A process in the telemetry cgroup, not root unless asked for."""

    def __init__(self, cgroup: Path, uid: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-I", str(Path(__file__).with_name("collector.py")), str(cgroup), str(uid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._read() == "ready"

    def _read(self) -> Any:
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())

    def ask(self, expression: str) -> None:
        """Begins to do it."""
        assert self.process.stdin
        self.process.stdin.write(expression + "\n")
        self.process.stdin.flush()

    def answer(self) -> Any:
        """The value; raises OSError as the collector met it."""
        answer = self._read()
        if "errno" in answer:
            raise OSError(answer["errno"], errno.errorcode[answer["errno"]])
        return answer["value"]

    def do(self, expression: str) -> Any:
        self.ask(expression)
        return self.answer()

    def refused(self, expression: str) -> bool:
        """Whether it met EPERM; any other error is raised."""
        try:
            self.do(expression)
        except PermissionError:
            return True
        return False

    def send(self, payload: bytes, to: Destination) -> bool:
        """Whether the datagram got out."""
        name = "sock6" if to.address.version == 6 else "sock4"
        return not self.refused(f"{name}.sendto({payload!r}, ({str(to.address)!r}, {to.port}))")

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


class Server:
    """A statsd server's socket outside of the cgroup."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 0))
        self.socket.setblocking(False)
        self.destination = Destination(ip_address(address), self.socket.getsockname()[1])

    def received(self) -> list[bytes]:
        """All that came; loopback delivers within the sender's call."""
        came = []
        while True:
            try:
                came.append(self.socket.recv(65536))
            except BlockingIOError:
                return came


def made_cgroup() -> Iterator[Path]:
    folder = telemetry_cgroup(f"westworld-test-{os.getpid()}-{next(_numbers)}")
    yield folder
    if folder.exists():
        folder.rmdir()


def fresh_pins() -> Path:
    return STANDARD / f"westworld_test_{os.getpid()}_{next(_numbers)}"


@pytest.fixture(scope="module")
def cgroup() -> Iterator[Path]:
    yield from made_cgroup()


@pytest.fixture(scope="module")
def pins() -> Path:
    return fresh_pins()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    one = Server("127.0.0.1")
    yield one
    one.socket.close()


@pytest.fixture(scope="module")
def server6() -> Iterator[Server]:
    one = Server("::1")
    yield one
    one.socket.close()


@pytest.fixture(scope="module")
def standing(cgroup: Path, pins: Path, server: Server, server6: Server) -> Iterator[Enforcement]:
    """Loaded once for a module: the verifier takes its time."""
    one = Enforcement.start(cgroup, pins, [server.destination, server6.destination], cache=CACHE)
    yield one
    one.detach()


@pytest.fixture
def enforcement(standing: Enforcement, server: Server, server6: Server) -> Enforcement:
    """With no names allowed, nothing left to tell and fresh tokens."""
    standing.suspend(False)
    standing.limit(1)
    standing.switch([], 0)
    for _ in range(2):  # both periods
        standing.collect()
        standing.acknowledge()
    server.received()
    server6.received()
    return standing


@pytest.fixture
def collectors(cgroup: Path) -> Iterator[Callable[..., Collector]]:
    """Starts collectors, and ends them before their cgroup goes."""
    with ExitStack() as stack:

        def start(uid: int = NOBODY) -> Collector:
            collector = Collector(cgroup, uid)
            stack.callback(collector.close)
            return collector

        yield start


@pytest.fixture
def collector(enforcement: Enforcement, collectors: Callable[..., Collector]) -> Collector:
    return collectors()


@pytest.fixture
def counted(enforcement: Enforcement) -> Callable[[], dict[Reason, int]]:
    """What was refused since the last call."""
    before = dict(enforcement.drops())

    def since() -> dict[Reason, int]:
        nonlocal before
        now = dict(enforcement.drops())
        new = {reason: now[reason] - before[reason] for reason in now if now[reason] != before[reason]}
        before = now
        return new

    return since
