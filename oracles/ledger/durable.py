"""Files that are whole or not there, and the lock that keeps a second writer out."""

import fcntl
import os
from pathlib import Path

from oracles.ledger.errors import LedgerLocked


def sync_directory(path: Path) -> None:
    """Makes the names in a folder durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def replace(path: Path, content: bytes) -> None:
    """Replaces a file durably: after a crash it holds the old content or the new, nothing between."""
    scratch = path.with_name(path.name + ".new")
    write_new(scratch, content)
    scratch.replace(path)
    sync_directory(path.parent)


def write_new(path: Path, content: bytes) -> None:
    """Writes a file and makes its content durable; its name is durable once the folder is synced."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        write_all(fd, content, 0)
        os.fsync(fd)
    finally:
        os.close(fd)


def write_all(fd: int, content: bytes | bytearray, offset: int) -> None:
    """Writes it all at `offset`, whatever the system call takes at once."""
    view = memoryview(content)
    while view:
        written = os.pwrite(fd, view, offset)
        view, offset = view[written:], offset + written


class WriterLock:
    """An advisory lock on a folder, held until closed or until the process ends. Raises LedgerLocked."""

    def __init__(self, directory: Path) -> None:
        self._fd = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._fd)
            raise LedgerLocked(directory) from None

    def release(self) -> None:
        """Lets the next writer in."""
        os.close(self._fd)
