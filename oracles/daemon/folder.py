"""A daemon's state folder: one process at a time, and nobody else's eyes."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from oracles.daemon.errors import StateFolderBusy, StateFolderFault


@contextmanager
def state_folder(path: Path) -> Iterator[Path]:
    """Make the folder where it is missing (mode 0700) and hold its lock.

    The lock is the kernel's (flock), so it is gone with the process, however that ends. Raises
    `StateFolderBusy` where another process has it, `StateFolderFault` where the folder cannot be made or
    written.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as fault:
        raise StateFolderFault(f"cannot use the state folder {path}: {fault.strerror}") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
            raise StateFolderBusy(
                f"process {holder} works in the state folder {path}; "
                "give each process a WESTWORLD_STATE of its own"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield path
    finally:
        os.close(descriptor)
