"""A collector in the telemetry cgroup, told line by line what to do: `collector.py CGROUP UID`.

Each line is a Python expression over `sock4`, `sock6` and the modules below; the answer is its value or the
error's number, as JSON. Only the tests speak to it.
"""

import array
import ctypes
import json
import os
import socket
import sys
import time
from pathlib import Path

__all__ = ["array", "burst", "ctypes", "socket", "splice", "time"]


def burst(
    one: socket.socket, payload: bytes, to: tuple[str, int], seconds: float, cpu: int
) -> tuple[int, int]:
    """Sends as fast as it can on one CPU; how many got out and how many did not."""
    os.sched_setaffinity(0, {cpu})
    passed = refused = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            one.sendto(payload, to)
            passed += 1
        except PermissionError:
            refused += 1
    return passed, refused


def splice(one: socket.socket, payload: bytes, to: tuple[str, int]) -> int:
    """Sends pages of a memory file, whose content can change while it is on its way."""
    file = os.memfd_create("payload")
    os.write(file, payload)
    one.connect(to)
    return os.sendfile(one.fileno(), file, 0, len(payload))


def main(cgroup: str, uid: str) -> None:
    (Path(cgroup) / "cgroup.procs").write_text("0")
    if int(uid):
        os.setgroups([])
        os.setgid(int(uid))
        os.setuid(int(uid))
    names = {name: globals()[name] for name in __all__}
    names["sock4"] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    names["sock6"] = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        try:
            answer = {"value": eval(line, names)}
        except OSError as error:
            answer = {"errno": error.errno}
        print(json.dumps(answer, default=repr), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
