"""A telemetry collector, as a node might run one: an ordinary user's process inside the telemetry cgroup.

It is told what to send by lines of JSON on its standard input and answers each with a line of JSON. Metrics
go out through the PyPI `statsd` client, which swallows socket errors; a `plain` order sends the bytes through
a socket of its own and answers with the error that the kernel gave.

    python -m scripts._story.collector CGROUP USER HOST PORT
"""

import encodings.idna  # noqa: F401  an ordinary user may not be able to read Python's own folder later
import errno
import json
import os
import pwd
import socket
import sys
import time
from pathlib import Path
from typing import Any

import statsd


def enter(cgroup: Path, user: str) -> None:
    """Joins the telemetry cgroup and becomes `user`, for good. Sockets made from here on are its own."""
    (cgroup / "cgroup.procs").write_text(str(os.getpid()))
    account = pwd.getpwnam(user)
    os.setgroups([])
    os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
    os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)


def obey(order: dict[str, Any], client: statsd.StatsClient, plain: socket.socket) -> dict[str, Any]:
    """Carries out one order; see `scripts/_story/telemetry.py` for their forms."""
    match order["do"]:
        case "gauge":
            client.gauge(order["name"], order["value"])
            return {"sent": 1}
        case "plain":
            try:
                plain.send(order["datagram"].encode())
            except OSError as refused:
                return {"sent": 0, "error": errno.errorcode.get(refused.errno or 0, str(refused))}
            return {"sent": 1, "error": None}
        case "pace":
            period, sent = 1 / order["hz"], 0
            start = time.monotonic()
            while sent < order["count"]:
                time.sleep(max(0.0, start + sent * period - time.monotonic()))  # the pace is the order
                client.gauge(order["name"], order["value"])
                sent += 1
            return {"sent": sent}
    return {"error": f"unknown order {order['do']!r}"}


def main() -> None:
    cgroup, user, host, port = sys.argv[1:]
    if user:
        enter(Path(cgroup), user)
    client = statsd.StatsClient(host, int(port))
    plain = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    plain.connect((host, int(port)))
    print(json.dumps({"uid": os.getuid(), "pid": os.getpid()}), flush=True)
    for line in sys.stdin:
        print(json.dumps(obey(json.loads(line), client, plain)), flush=True)


if __name__ == "__main__":
    main()
