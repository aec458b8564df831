"""The ledger as its users see it."""

from pathlib import Path
from threading import Lock
from types import TracebackType

from oracles.ledger import frames, merkle
from oracles.ledger.durable import WriterLock
from oracles.ledger.errors import LedgerCorrupt, LedgerError, LedgerStopped
from oracles.ledger.files import LedgerFiles
from oracles.ledger.group import GroupWriter
from oracles.ledger.merkle import ReadNode, leaf_hash
from oracles.ledger.note import Checkpoint, Signer
from oracles.ledger.recovery import Recovery, recover
from oracles.ledger.store import EntryStore

__all__ = ["MAX_ENTRY_BYTES", "Ledger", "leaf_hash"]

MAX_ENTRY_BYTES = frames.MAX_ENTRY_BYTES
SEGMENT_BYTES = 4 * 1024 * 1024
MARK_EVERY = 32_768


class Ledger:
    """An append-only Merkle log in a folder, with one writer at a time.

    Appends return once the entry is durable. Every other method sees only durable entries and may be
    called from any thread.
    """

    def __init__(self, directory: Path, signer: Signer | None, segment_bytes: int, mark_every: int) -> None:
        self._directory = directory
        self._signer = signer
        directory.mkdir(parents=True, exist_ok=True)
        self._lock = WriterLock(directory)
        try:
            self._files = LedgerFiles.create(directory, segment_bytes)
            self.recovery: Recovery = recover(self._files)
            self._store = EntryStore(self._files, self.recovery.frontier, self.recovery.end, mark_every)
        except BaseException:
            self._lock.release()
            raise
        self._writer = GroupWriter(directory, self._store.commit)
        self._signing = Lock()
        self._closed = False

    @classmethod
    def open(
        cls,
        directory: Path,
        signer: Signer | None = None,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        mark_every: int = MARK_EVERY,
    ) -> "Ledger":
        """Opens the ledger in this folder, made if need be, repairing a torn tail (see `recovery`).

        `segment_bytes` counts when the ledger is made; every `mark_every` entries reopening is shortened.
        Raises LedgerLocked, LedgerCorrupt, LedgerError, OSError.
        """
        return cls(directory, signer, segment_bytes, mark_every)

    def append(self, entry: bytes) -> int:
        """Appends an entry of at most MAX_ENTRY_BYTES; gives its index once it is durable.

        Raises LedgerStopped when it could not be made durable, ValueError when it is too long.
        """
        _check_length(entry)
        return self._writer.append(entry)

    async def append_async(self, entry: bytes) -> int:
        """As `append`, for tasks on asyncio's event loop."""
        _check_length(entry)
        return await self._writer.append_async(entry)

    @property
    def size(self) -> int:
        """How many entries are durable."""
        return self._store.size

    @property
    def stopped(self) -> LedgerStopped | None:
        """Why nothing can be appended any more, or None."""
        return self._writer.stopped

    def root(self, size: int | None = None) -> bytes:
        """The root over the first `size` entries, all by default. Raises IndexError."""
        return merkle.root(self._nodes(), self._within(size))

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """The proof that entry `index` is among the first `size`. Raises IndexError."""
        return merkle.inclusion_path(self._nodes(), index, self._within(size))

    def consistency(self, old: int, new: int | None = None) -> list[bytes]:
        """The proof that the first `old` entries begin the first `new`. Raises IndexError."""
        return merkle.consistency_path(self._nodes(), old, self._within(new))

    def read(self, index: int) -> bytes:
        """Entry `index`. Raises IndexError."""
        return self.entries(index, index + 1)[0]

    def entries(self, start: int, end: int) -> list[bytes]:
        """The entries start … end-1, checked against the tree. Raises IndexError, LedgerCorrupt."""
        if not 0 <= start <= end <= self.size:
            raise IndexError(f"no entries {start} to {end}: the ledger has {self.size}")
        read_node = self._nodes()
        places = self._files.offsets(start, end)
        entries = self._files.read_entries(places)
        for index, entry in enumerate(entries, start):
            if leaf_hash(entry) != read_node(merkle.position(0, index)):
                place = self._files.place(places[index - start])
                raise LedgerCorrupt(index, *place, "the entry is not the one in the tree")
        return entries

    def leaf(self, index: int) -> bytes:
        """The leaf hash of entry `index`. Raises IndexError."""
        if not 0 <= index < self.size:
            raise IndexError(f"no entry {index}: the ledger has {self.size}")
        return self._nodes()(merkle.position(0, index))

    def checkpoint(self) -> bytes:
        """The signed note over all durable entries; kept durably before it is given out.

        Raises LedgerError when the ledger was opened without a key, OSError when it cannot be kept.
        """
        if self._signer is None:
            raise LedgerError(f"ledger {self._directory}: opened without a key, so it signs no checkpoint")
        verifier = self._signer.verifier
        with self._signing:
            size = self.size
            text = Checkpoint(verifier.name, size, self.root(size), verifier.epoch).text()
            note = self._signer.sign(text)
            # Ed25519 signs deterministically: the same tree head gives the same note.
            if note != self._files.load_checkpoint():
                self._files.save_checkpoint(note)
            return note

    def rotate(self, signer: Signer) -> None:
        """Signs the checkpoints from now on with another key, that of a later epoch. Raises ValueError."""
        with self._signing:
            if self._signer is not None and signer.verifier.epoch <= self._signer.verifier.epoch:
                raise ValueError(
                    f"epoch {signer.verifier.epoch} is not later than {self._signer.verifier.epoch}"
                )
            self._signer = signer

    def close(self) -> None:
        """Commits what is waiting, then lets go of the folder. Raises OSError if the last mark failed."""
        if self._closed:
            return
        self._closed = True
        failed = self._writer.stopped is not None
        try:
            self._writer.close()
            self._store.close(sound=not failed)
        finally:
            self._lock.release()

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _within(self, size: int | None) -> int:
        if size is None:
            return self.size
        if not 0 <= size <= self.size:
            raise IndexError(f"no tree of {size} entries: the ledger has {self.size}")
        return size

    def _nodes(self) -> ReadNode:
        if self._closed:
            raise LedgerError(f"ledger {self._directory}: closed")
        return self._store.read_node


def _check_length(entry: bytes) -> None:
    if len(entry) > MAX_ENTRY_BYTES:
        raise ValueError(f"an entry has at most {MAX_ENTRY_BYTES} bytes, not {len(entry)}")
