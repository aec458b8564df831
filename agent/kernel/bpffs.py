"""bpffs: where programs, links and maps have names that outlive the processes that made them."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

STANDARD = Path("/sys/fs/bpf")
PINS = STANDARD / "westworld"
_MAGIC = 0xCAFE4A11

_libc = ctypes.CDLL(None, use_errno=True)


class BpffsUnavailable(Exception):
    """No bpffs could be found or mounted for the pins."""


def is_bpffs(path: Path) -> bool:
    """Whether an existing path lies on bpffs, by statfs(2)'s f_type."""
    into = ctypes.create_string_buffer(256)
    if _libc.statfs(os.fsencode(path), into) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(path))
    return int.from_bytes(into.raw[: ctypes.sizeof(ctypes.c_long)], "little") == _MAGIC


def ensure(folder: Path) -> Path:
    """Makes the folder for pins, and mounts bpffs if it would not lie on one.

    It is mounted in its standard place if the folder is to be there, else on the folder itself. Raises
    BpffsUnavailable.
    """
    mount_point = STANDARD if folder.is_relative_to(STANDARD) else folder
    try:
        nearest = next(path for path in (folder, *folder.parents) if path.exists())
        if not is_bpffs(nearest):
            if mount_point != STANDARD:
                mount_point.mkdir(parents=True, exist_ok=True)
            _mount(mount_point)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BpffsUnavailable(f"cannot keep BPF pins under {folder}: {error}") from error
    return folder


def _mount(target: Path) -> None:
    if _libc.mount(b"bpf", os.fsencode(target), b"bpf", 0, b"mode=0700") < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"mount -t bpf bpf {target}: {os.strerror(number)}")


def clear(folder: Path) -> None:
    """Removes the folder with every pin in it; what has no other holder ends."""
    if not folder.is_dir():
        return
    for entry in sorted(folder.rglob("*"), reverse=True):
        entry.rmdir() if entry.is_dir() else entry.unlink()
    folder.rmdir()
