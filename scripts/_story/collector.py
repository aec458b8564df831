"""A telemetry collector, as a node might run one: an ordinary user's process inside the telemetry cgroup.

It is told what to send by lines of JSON on its standard input and answers each with a line of JSON. Metrics
go out through the PyPI `statsd` client, which swallows socket errors; a `plain` order sends the bytes through
a socket of its own and answers with the error that the kernel gave; a `stream` does so until the next order.

    python -m scripts._story.collector CGROUP USER HOST PORT    # "" for CGROUP or USER: it keeps its own
"""

import encodings.idna  # noqa: F401  an ordinary user may not be able to read Python's own folder later
import errno
import itertools
import json
import os
import pwd
import select
import socket
import sys
import time
from pathlib import Path
from typing import Any

import statsd

STREAM_PERIOD = 0.005  # seconds between two datagrams of a stream


def enter(cgroup: Path) -> None:
    """Joins the telemetry cgroup. Sockets made from here on are its own."""
    (cgroup / "cgroup.procs").write_text(str(os.getpid()))


def become(user: str) -> None:
    """Becomes another user, for good."""
    account = pwd.getpwnam(user)
    os.setgroups([])
    os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
    os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)


class Collector:
    """Obeys orders; see `scripts/_story/telemetry.py` for their forms."""

    def __init__(self, host: str, port: int) -> None:
        # Unbuffered: a stream has to see the next order on the descriptor.
        self._orders = os.fdopen(0, "rb", buffering=0)
        self._client = statsd.StatsClient(host, port)
        self._plain = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._plain.connect((host, port))

    def serve(self) -> None:
        """Answers each order until there are no more."""
        self._say({"uid": os.getuid(), "pid": os.getpid()})
        while line := self._orders.readline():
            self._say(self._obey(json.loads(line)))

    def _obey(self, order: dict[str, Any]) -> dict[str, Any]:
        match order["do"]:
            case "gauge":
                self._client.gauge(order["name"], order["value"])
                return {"sent": 1}
            case "plain":
                return {"error": self._send(order["datagram"])}
            case "stream":
                return {"runs": self._stream(order["datagrams"])}
            case "pace":
                return {"sent": self._pace(order)}
        return {"error": f"unknown order {order['do']!r}"}

    def _send(self, datagram: str) -> str | None:
        try:
            self._plain.send(datagram.encode())
        except OSError as refused:
            return errno.errorcode.get(refused.errno or 0, str(refused))
        return None

    def _stream(self, datagrams: list[str]) -> list[tuple[str | None, int]]:
        errors = []
        for datagram in itertools.cycle(datagrams):
            errors.append(self._send(datagram))
            if select.select([self._orders], [], [], STREAM_PERIOD)[0]:
                break
        self._orders.readline()
        return [(error, len(list(run))) for error, run in itertools.groupby(errors)]

    def _pace(self, order: dict[str, Any]) -> int:
        start = time.monotonic()
        for number in range(order["count"]):
            time.sleep(max(0.0, start + number / order["hz"] - time.monotonic()))  # the pace is the order
            self._client.gauge(order["name"], order["value"])
        return int(order["count"])

    def _say(self, answer: dict[str, Any]) -> None:
        print(json.dumps(answer), flush=True)


def main() -> None:
    cgroup, user, host, port = sys.argv[1:]
    if cgroup:
        enter(Path(cgroup))
    if user:
        become(user)
    Collector(host, int(port)).serve()


if __name__ == "__main__":
    main()
