"""Proof from inside the cgroup: what must not get out fails with EPERM, and what may get out arrives."""

from __future__ import annotations

import errno
import json
import os
import secrets
import select
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import IO, Any

from agent.kernel.hooks import Scope
from agent.kernel.maps import Map

SECONDS = 20.0  # for all that the probe does; the unit's TimeoutStopSec has to be longer
_ENDING_SECONDS = 1.0
_ANSWER_BYTES = 16_384
_PROCESS = 1 << 63  # as PROCESS in source/sockets.c
_SCRIPT = Path(__file__).with_name("probe.py")
_EXPECTED = b"westworld.self_check:1|g"
#: By the last word of an attempt's name; what is not listed concerns datagrams.
_SCOPES = {"elsewhere": Scope.DESTINATION, "stream": Scope.SOCKET}


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """What a process inside the telemetry cgroup found. `enforcing` is said only if `faults` is empty."""

    scopes: tuple[Scope, ...]
    missing: tuple[str, ...]  # scopes this kernel cannot give, in words
    faults: tuple[str, ...]  # what should have failed and did not, or the other way round

    @property
    def enforcing(self) -> bool:
        """Whether every attempt met what it should."""
        return not self.faults and Scope.DATAGRAM in self.scopes


def _scope(attempt: str) -> Scope:
    return Scope.UNIX if attempt.startswith("unix ") else _SCOPES.get(attempt.split(" ")[-1], Scope.DATAGRAM)


@contextmanager
def _registering(probes: Map, port: int) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Until the end the kernel knows the probe's sockets by cookie, and its process for refused sockets."""
    keys: list[bytes] = []

    def register(identity: Mapping[str, Any]) -> None:
        for number in (*identity["cookies"], _PROCESS | identity["pid"]):
            keys.append(struct.pack("=Q", number))
            probes.update(keys[-1], struct.pack("=2s6x", port.to_bytes(2, "big")))

    try:
        yield register
    finally:
        for key in keys:
            probes.delete(key)


def run(cgroup: Path, probes: Map, uid: int, *, silenced: bool, scopes: frozenset[Scope]) -> list[str]:
    """The faults found. While silenced (suspended, or no policy) the allowed datagrams must fail too.

    `scopes` are those that the kernel was given; attempts of others are not looked at. A probe that dies or
    hangs is a fault like any other.
    """
    try:
        met, arrived = _tried(cgroup, probes, uid)
    except (OSError, ValueError) as fault:
        return [f"the self-check could not be made: {fault}"]
    return _faults(met, arrived, silenced, scopes)


def _tried(cgroup: Path, probes: Map, uid: int) -> tuple[dict[str, int], list[list[bytes]]]:
    """The error number that each attempt met, and what each listener received. Raises OSError, ValueError."""
    ends = monotonic() + SECONDS
    with ExitStack() as stack:
        listeners = _listeners(stack)
        port = listeners[0].getsockname()[1]
        unix_name = f"westworld-{secrets.token_hex(8)}"
        unix = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        unix.bind(f"\0{unix_name}")
        register = stack.enter_context(_registering(probes, port))
        probe = stack.enter_context(_started(str(cgroup), str(uid), str(port), unix_name))
        assert probe.stdout and probe.stdin and probe.stderr  # noqa: S101 - they are pipes
        register(_said(probe.stdout, probe.stderr, ends))
        with suppress(BrokenPipeError):  # of which its silence says more
            probe.stdin.write(b"go\n")
        met: dict[str, int] = _said(probe.stdout, probe.stderr, ends)
        arrived = [list(_received(listener)) for listener in listeners]
    return met, arrived


@contextmanager
def _started(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """The probe, which is gone afterwards. Raises OSError where it cannot be ended."""
    probe = subprocess.Popen(
        [sys.executable, "-I", str(_SCRIPT), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
    )
    try:
        yield probe
        with suppress(subprocess.TimeoutExpired):
            probe.wait(_ENDING_SECONDS)  # it has said all, so it ends by itself
    finally:
        for pipe in (probe.stdin, probe.stdout, probe.stderr):
            if pipe:
                pipe.close()
        try:
            probe.kill()
            probe.wait(_ENDING_SECONDS)
        except (OSError, subprocess.TimeoutExpired) as fault:
            raise OSError(f"the probe, process {probe.pid}, cannot be ended: {fault}") from None


def _said(answers: IO[bytes], errors: IO[bytes], ends: float) -> dict[str, Any]:
    """The probe's next line, a JSON object, which has to come by `ends` (monotonic).

    Raises TimeoutError, ChildProcessError or ValueError where it does not.
    """
    line = b""
    while not line.endswith(b"\n"):
        if not _readable(answers, ends):
            raise TimeoutError(f"the probe did not answer within {SECONDS:.0f} s")
        if not (more := os.read(answers.fileno(), _ANSWER_BYTES)):
            last = os.read(errors.fileno(), _ANSWER_BYTES) if _readable(errors, ends) else b""
            raise ChildProcessError(f"the probe ended early: {last.decode(errors='replace').strip()[-300:]}")
        line += more
        if len(line) > _ANSWER_BYTES:
            raise ValueError(f"the probe said more than {_ANSWER_BYTES} bytes")
    said: dict[str, Any] = json.loads(line)
    return said


def _readable(pipe: IO[bytes], ends: float) -> bool:
    """Whether something, be it the end, can be read by `ends`."""
    waiting = select.poll()
    waiting.register(pipe, select.POLLIN)
    return bool(waiting.poll(max(0.0, ends - monotonic()) * 1000))


def _listeners(stack: ExitStack) -> list[socket.socket]:
    """On both loopbacks (where IPv6 has one) with the same port."""
    first = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    first.bind(("127.0.0.1", 0))
    listeners = [first]
    if socket.has_ipv6:
        second = stack.enter_context(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))
        second.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            second.bind(("::1", first.getsockname()[1]))
            listeners.append(second)
        except OSError:
            pass  # no IPv6 loopback here: the probe finds none either
    for listener in listeners:
        listener.setblocking(False)
    return listeners


def _received(listener: socket.socket) -> Iterator[bytes]:
    """Loopback delivers within the sender's call, so all that was let out is here by now."""
    while True:
        try:
            yield listener.recv(2048)
        except BlockingIOError:
            return


def _faults(
    met: Mapping[str, int], arrived: list[list[bytes]], silenced: bool, scopes: frozenset[Scope]
) -> list[str]:
    faults = []
    for attempt, number in met.items():
        wanted = 0 if attempt.endswith(" allowed") and not silenced else errno.EPERM
        if _scope(attempt) in scopes and number != wanted:
            was = f"failed ({errno.errorcode.get(number, number)})" if number else "got out"
            faults.append(f"{attempt}: {was}, but should have {'failed with EPERM' if wanted else 'got out'}")
    for listener, family in zip(arrived, ("ipv4", "ipv6"), strict=False):
        sent = f"{family} allowed" in met
        if listener != ([] if silenced or not sent else [_EXPECTED]):
            faults.append(f"{family}: the listener received {listener!r}")
    return faults
