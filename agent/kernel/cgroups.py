"""Finding cgroup2 and making the telemetry cgroup in which collectors live."""

from __future__ import annotations

import re
from pathlib import Path

_ESCAPE = re.compile(r"\\([0-7]{3})")


class CgroupUnavailable(Exception):
    """There is no cgroup2 hierarchy here, or it may not be written."""


def cgroup2_root(mountinfo: Path = Path("/proc/self/mountinfo")) -> Path:
    """The mount point of cgroup2, also on hybrid mounts, by proc(5)'s mountinfo.

    Raises CgroupUnavailable where there is none.
    """
    for line in mountinfo.read_text().splitlines():
        mounted, _, kind = line.partition(" - ")
        if kind.split(" ", 1)[0] == "cgroup2":
            escaped = mounted.split(" ")[4]
            return Path(_ESCAPE.sub(lambda octal: chr(int(octal[1], 8)), escaped))
    raise CgroupUnavailable(
        "no cgroup2 is mounted; mount one with: mount -t cgroup2 none /sys/fs/cgroup/unified"
    )


def telemetry_cgroup(name: str = "westworld-telemetry", root: Path | None = None) -> Path:
    """Makes the telemetry cgroup, or finds it made, and returns its folder.

    Raises CgroupUnavailable if there is no cgroup2 or this process may not write to it.
    """
    folder = (root or cgroup2_root()) / name
    try:
        folder.mkdir(mode=0o755, exist_ok=True)
    except OSError as error:
        raise CgroupUnavailable(
            f"cannot make the telemetry cgroup {folder}: {error.strerror}; run the agent as root"
        ) from error
    return folder


def cgroup_id(folder: Path) -> int:
    """The kernel's id of this incarnation of the cgroup (its inode number on 64-bit machines)."""
    return folder.stat().st_ino


def enter(folder: Path, pid: int = 0) -> None:
    """Moves a process (0: the caller) into the cgroup; its sockets stay with the old one."""
    (folder / "cgroup.procs").write_text(str(pid))
