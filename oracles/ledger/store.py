"""The writing side of a ledger: entries to segments, hashes to the tree, one sync per batch."""

import os
from array import array
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256

from oracles.ledger import frames
from oracles.ledger.durable import write_all
from oracles.ledger.files import OFFSET_BYTES, LedgerFiles, Mark
from oracles.ledger.merkle import HASH_BYTES, Frontier, node_count

NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC


class EntryStore:
    """Owned by one writer thread; `size` and the nodes below it may be read from any thread.

    A second thread makes the next segment ahead of need and sets marks, so that appends wait for neither.
    What fails there surfaces as OSError in the next commit that needs it.
    """

    def __init__(self, files: LedgerFiles, frontier: Frontier, end: int, mark_every: int) -> None:
        self._files = files
        self._frontier = frontier
        self._end = end
        self._mark_every = mark_every
        self._marked = frontier.size
        self.size = frontier.size
        self._nodes = os.open(files.nodes_path, NEW_FILE, 0o600)
        self._offsets = os.open(files.offsets_path, NEW_FILE, 0o600)
        self._keeper = ThreadPoolExecutor(1, thread_name_prefix="ledger keeper")
        self._segment_number = end // files.segment_bytes
        if not files.has_segment(self._segment_number):
            files.make_segment(self._segment_number)
        self._segment = os.open(files.segment(self._segment_number), os.O_WRONLY | os.O_CLOEXEC)
        self._next_segment = self._keeper.submit(self._ensure, self._segment_number + 1)
        self._mark: Future[None] | None = None

    def commit(self, entries: list[bytes]) -> int:
        """Makes the entries durable and gives the first one's index. Raises OSError; it is never retried."""
        first = self.size
        if self._mark is not None and self._mark.done():
            self._mark.result()
            self._mark = None
        done = 0
        while done < len(entries):
            done += self._commit_to_segment(entries, done)
        if self.size - self._marked >= self._mark_every and self._mark is None:
            self._mark = self._keeper.submit(self._files.save_mark, self._current_mark())
            self._marked = self.size
        return first

    def read_node(self, position: int) -> bytes:
        """The hash of a complete node."""
        return os.pread(self._nodes, HASH_BYTES, position * HASH_BYTES)

    def close(self, sound: bool) -> None:
        """Closes the files; sets a last mark if the writer ended in good order. Raises OSError."""
        try:
            self._keeper.shutdown(wait=True)
            if sound:
                self._files.save_mark(self._current_mark())
        finally:
            for fd in (self._nodes, self._offsets, self._segment):
                os.close(fd)

    def _current_mark(self) -> Mark:
        return Mark(self.size, self._end, self._frontier.root().hex())

    def _commit_to_segment(self, entries: list[bytes], start: int) -> int:
        """Commits as many entries as the open segment takes; rolls over when it takes none."""
        limit = (self._segment_number + 1) * self._files.segment_bytes
        durable, end, base = self.size, self._end, self._end
        written = bytearray()
        nodes: list[bytes] = []
        offsets = array("Q")
        for entry in entries[start:] if start else entries:
            frame = frames.encode(entry, durable)
            if end + len(frame) > limit:
                break
            written += frame
            offsets.append(end)
            end += len(frame)
            self._frontier.append(sha256(b"\x00" + entry).digest(), nodes)
        if not offsets:
            self._roll_over()
            return 0
        write_all(self._segment, written, base % self._files.segment_bytes)
        os.fdatasync(self._segment)
        write_all(self._nodes, b"".join(nodes), node_count(durable) * HASH_BYTES)
        write_all(self._offsets, offsets.tobytes(), durable * OFFSET_BYTES)
        self._end = end
        self.size = durable + len(offsets)
        return len(offsets)

    def _roll_over(self) -> None:
        self._next_segment.result()
        number = self._segment_number + 1
        segment = os.open(self._files.segment(number), os.O_WRONLY | os.O_CLOEXEC)
        os.close(self._segment)
        self._segment, self._segment_number = segment, number
        self._end = number * self._files.segment_bytes
        self._next_segment = self._keeper.submit(self._ensure, number + 1)

    def _ensure(self, number: int) -> None:
        if not self._files.has_segment(number):
            self._files.make_segment(number)
