"""Proof from inside the cgroup: what must not get out fails with EPERM, and what may get out arrives."""

from __future__ import annotations

import errno
import json
import secrets
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.kernel.hooks import Scope
from agent.kernel.maps import Map

SECONDS = 20
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
def _registered(probes: Map, identity: Mapping[str, object], port: int) -> Iterator[None]:
    """The kernel knows the probe's sockets by cookie, and its process for refused sockets."""
    cookies = identity["cookies"]
    assert isinstance(cookies, list)  # noqa: S101 - the probe is our own script
    keys = [struct.pack("=Q", key) for key in (*cookies, _PROCESS | int(str(identity["pid"])))]
    try:
        for key in keys:
            probes.update(key, struct.pack("=2s6x", port.to_bytes(2, "big")))
        yield
    finally:
        for key in keys:
            probes.delete(key)


def run(cgroup: Path, probes: Map, uid: int, *, silenced: bool, scopes: frozenset[Scope]) -> list[str]:
    """The faults found. While silenced (suspended, or no policy) the allowed datagrams must fail too.

    `scopes` are those that the kernel was given; attempts of others are not looked at.
    """
    with ExitStack() as stack:
        listeners = _listeners(stack)
        port = listeners[0].getsockname()[1]
        unix_name = f"westworld-{secrets.token_hex(8)}"
        unix = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        unix.bind(f"\0{unix_name}")
        probe = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-I", str(_SCRIPT), str(cgroup), str(uid), str(port), unix_name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        assert probe.stdout and probe.stdin and probe.stderr  # noqa: S101 - they are pipes
        greeting = probe.stdout.readline()
        if not greeting:
            return [f"the probe did not start: {probe.stderr.read().strip()[-300:]}"]
        with _registered(probes, json.loads(greeting), port):
            try:
                answer, _ = probe.communicate("go\n", timeout=SECONDS)
            except subprocess.TimeoutExpired:
                probe.kill()
                return [f"the probe did not end within {SECONDS} s"]
        met: dict[str, int] = json.loads(answer)
        arrived = [list(_received(listener)) for listener in listeners]
    return _faults(met, arrived, silenced, scopes)


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
