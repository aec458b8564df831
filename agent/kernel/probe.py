"""The self-check's half inside the telemetry cgroup. A script of its own, with the standard library alone:

    python -I probe.py CGROUP UID PORT UNIX_NAME

It enters the cgroup, gives up root, opens its sockets and prints their cookies; once a line comes in on
standard input it tries each way out and prints, as JSON, the error number that each met (0: it got out).
"""

import errno
import json
import os
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

SO_COOKIE = 57
DISCARD_PORT = 9
ALLOWED = b"westworld.self_check:1|g"
DENIED = {
    "unknown_name": b"westworld.self_check.unknown:1|g",
    "range": b"westworld.self_check:2|g",
    "malformed": b"westworld.self_check:1|g\0",
}


def enter(cgroup: str, uid: int) -> None:
    """Into the cgroup first, while still allowed to; the sockets are born after it."""
    (Path(cgroup) / "cgroup.procs").write_text("0")
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)


def attempt(action: Callable[[], object]) -> int:
    """The error number that an action met, or 0."""
    try:
        action()
    except OSError as error:
        return error.errno or errno.EIO
    return 0


def cookie_of(one: socket.socket) -> int:
    """The kernel's name for a socket."""
    return int.from_bytes(one.getsockopt(socket.SOL_SOCKET, SO_COOKIE, 8), sys.byteorder)


def open_datagram(family: socket.AddressFamily, loopback: str) -> socket.socket | None:
    """A UDP socket, or None where the machine has no such loopback."""
    try:
        one = socket.socket(family, socket.SOCK_DGRAM)
        one.bind((loopback, 0))
    except OSError:
        return None
    return one


def main(cgroup: str, uid: str, port: str, unix_name: str) -> None:
    """See the module."""
    enter(cgroup, int(uid))
    addresses = {"ipv4": (socket.AF_INET, "127.0.0.1"), "ipv6": (socket.AF_INET6, "::1")}
    opened = {name: open_datagram(*address) for name, address in addresses.items()}
    sockets = {name: one for name, one in opened.items() if one}
    unix = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    cookies = [cookie_of(one) for one in (*sockets.values(), unix)]
    print(json.dumps({"pid": os.getpid(), "cookies": cookies}), flush=True)
    if not sys.stdin.readline():
        return  # whoever asked is gone, and by now the kernel may take these attempts for a collector's
    met = {}
    for name, one in sockets.items():
        family, loopback = addresses[name]
        listener, elsewhere = (loopback, int(port)), (loopback, DISCARD_PORT)
        met[f"{name} allowed"] = attempt(partial(one.sendto, ALLOWED, listener))
        for what, payload in DENIED.items():
            met[f"{name} {what}"] = attempt(partial(one.sendto, payload, listener))
        met[f"{name} sendto elsewhere"] = attempt(partial(one.sendto, ALLOWED, elsewhere))
        met[f"{name} connect elsewhere"] = attempt(partial(one.connect, elsewhere))
        met[f"{name} stream"] = attempt(partial(socket.socket, family, socket.SOCK_STREAM))
    met["unix sendto"] = attempt(partial(unix.sendto, b"x", f"\0{unix_name}"))
    met["unix connect"] = attempt(partial(unix.connect, f"\0{unix_name}"))
    print(json.dumps(met), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
