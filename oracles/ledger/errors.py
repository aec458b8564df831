"""What can go wrong with a ledger, each naming the file and what to do."""

from pathlib import Path


class LedgerError(Exception):
    """Base of every error of this room."""


class LedgerLocked(LedgerError):
    """Another process writes to this ledger."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"ledger {path}: another process has it open for writing; stop that one first")


class LedgerStopped(LedgerError):
    """The writer has stopped (full disk, failed fsync, closed) and takes no further entries."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"ledger {path}: the writer has stopped and will not retry: {reason}; "
            "put the disk right, then restart: it reopens at the last durable entry"
        )
        self.reason = reason


class LedgerCorrupt(LedgerError):
    """Something that was durable is missing or altered; the ledger isn't opened over it."""

    def __init__(self, index: int, file: Path, offset: int, reason: str) -> None:
        super().__init__(
            f"entry {index} ({file} at byte {offset}): {reason}; "
            "this is not a torn write: keep the files and run `charter-admin audit`"
        )
        self.index = index
        self.file = file
        self.offset = offset
        self.reason = reason


class NoteInvalid(LedgerError):
    """A signed note or checkpoint that is malformed, or signed by none of the known keys."""
