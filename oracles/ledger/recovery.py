"""What happens when a ledger is opened: the tail behind the last mark is read again and checked.

A torn write is the damage that a crash can leave: in entries of the last, never acknowledged batch.
It is cut off and said. Any other damage was durable once, and stops the opening.
"""

import os
from array import array
from dataclasses import dataclass
from pathlib import Path

import structlog

from oracles.ledger import merkle
from oracles.ledger.durable import write_all
from oracles.ledger.errors import LedgerCorrupt, NoteInvalid
from oracles.ledger.files import OFFSET_BYTES, LedgerFiles, Mark
from oracles.ledger.frames import BadFrame, Frame, frame_bytes, shows_durable, walk
from oracles.ledger.merkle import HASH_BYTES, Frontier, leaf_hash, node_count
from oracles.ledger.note import Checkpoint, split_note

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Torn:
    """A torn write that was cut off: it began where entry `index` would be."""

    index: int
    file: Path
    offset: int


@dataclass(frozen=True)
class Recovery:
    """A ledger as found: `size` entries, `replayed` of them read again; the next frame goes to `end`."""

    size: int
    end: int
    frontier: Frontier
    replayed: int
    torn: Torn | None


def recover(files: LedgerFiles) -> Recovery:
    """Brings the derived files up to the last durable entry. Raises LedgerCorrupt, OSError."""
    mark = files.load_mark()
    _check_segments(files, mark)
    reached = files.derived_entries() >= mark.size and files.ends_at(mark.size, mark.end)
    start = mark if reached else Mark()
    with _Derived(files, start) as derived:
        replay = _Replay(files, start, mark, derived)
        replay.run()
        if replay.frontier.size < mark.size:
            raise LedgerCorrupt(
                replay.frontier.size, *files.place(replay.end), f"missing: {mark.size} entries were durable"
            )
        _check_checkpoint(files, derived, replay)
    if (
        replay.torn
        or replay.frontier.size > start.size
        or not files.is_whole(replay.end // files.segment_bytes)
    ):
        _settle(files, replay)
    if replay.torn is not None:
        _log.warning(
            "ledger_torn_tail_repaired",
            ledger=str(files.directory),
            entries=replay.frontier.size,
            file=str(replay.torn.file),
            offset=replay.torn.offset,
        )
    size = replay.frontier.size
    return Recovery(size, replay.end, replay.frontier, size - start.size, replay.torn)


def shown_durable_later(files: LedgerFiles, number: int, segment: bytes, offset: int, index: int) -> bool:
    """Whether what follows damage at entry `index` proves that this entry was durable once."""
    if shows_durable(segment, offset, index):
        return True
    # A later segment is begun only once everything before it is durable.
    number += 1
    while files.has_segment(number):
        if shows_durable(files.read_segment(number), 0, index - 1):
            return True
        number += 1
    return False


class _Derived:
    """The node and offset files, cut back to a mark and written on from there."""

    def __init__(self, files: LedgerFiles, start: Mark) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        self._nodes = os.open(files.nodes_path, flags, 0o600)
        self._offsets = os.open(files.offsets_path, flags, 0o600)
        self._size = start.size
        os.ftruncate(self._nodes, node_count(start.size) * HASH_BYTES)
        os.ftruncate(self._offsets, start.size * OFFSET_BYTES)

    def __enter__(self) -> "_Derived":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._nodes)
        os.close(self._offsets)

    def read_node(self, position: int) -> bytes:
        return os.pread(self._nodes, HASH_BYTES, position * HASH_BYTES)

    def extend(self, nodes: list[bytes], offsets: "array[int]") -> None:
        write_all(self._nodes, b"".join(nodes), node_count(self._size) * HASH_BYTES)
        write_all(self._offsets, offsets.tobytes(), self._size * OFFSET_BYTES)
        self._size += len(offsets)


class _Replay:
    """Reads the segments from a mark on, as far as they are intact."""

    def __init__(self, files: LedgerFiles, start: Mark, mark: Mark, derived: _Derived) -> None:
        self._files = files
        self._mark = mark
        self._derived = derived
        self.frontier = Frontier.load(derived.read_node, start.size)
        self.end = start.end
        self.torn: Torn | None = None
        self.unsure_from = start.end
        self._check_mark(files.nodes_path if start.size else files.mark_path)

    def run(self) -> None:
        number, offset = divmod(self.end, self._files.segment_bytes)
        while self.torn is None and self._files.has_segment(number):
            segment = self._files.read_segment(number)
            nodes: list[bytes] = []
            offsets = array("Q")
            try:
                for frame in walk(segment, offset):
                    self._take(number, frame, nodes, offsets)
            except BadFrame as bad:
                index, file = self.frontier.size, self._files.segment(number)
                was_durable = index < self._mark.size or shown_durable_later(
                    self._files, number, segment, bad.offset, index
                )
                if was_durable:
                    raise LedgerCorrupt(index, file, bad.offset, bad.reason) from None
                self.torn = Torn(index, file, bad.offset)
            self._derived.extend(nodes, offsets)
            number, offset = number + 1, 0

    def _take(self, number: int, frame: Frame, nodes: list[bytes], offsets: "array[int]") -> None:
        place = number * self._files.segment_bytes + frame.offset
        index = self.frontier.size
        if frame.durable > index:
            raise LedgerCorrupt(
                index, *self._files.place(self.end), f"missing: {frame.durable} entries were durable here"
            )
        if frame.durable == index:
            self.unsure_from = place
        offsets.append(place)
        self.frontier.append(leaf_hash(frame.entry), nodes)
        self.end = place + frame_bytes(len(frame.entry))
        self._check_mark(self._files.mark_path)

    def _check_mark(self, file: Path) -> None:
        """Hold what was read up to the mark against it; `file` is where a difference has to lie."""
        mark = self._mark
        if self.frontier.size != mark.size:
            return
        if self.frontier.root().hex() != mark.root:
            raise LedgerCorrupt(0, file, 0, f"the first {mark.size} entries no longer have their root")
        if self.end != mark.end:
            reason = f"the first {mark.size} entries end at {self.end}, not at {mark.end}"
            raise LedgerCorrupt(mark.size, file, 0, reason)


def _check_segments(files: LedgerFiles, mark: Mark) -> None:
    number, offset = divmod(mark.end, files.segment_bytes)
    for earlier in range(number):
        if not files.is_whole(earlier):
            raise LedgerCorrupt(
                files.first_entry_of(earlier), files.segment(earlier), 0, "the segment is missing or cut"
            )
    if mark.size and files.segment_size(number) < offset:
        raise LedgerCorrupt(
            files.first_entry_of(number), files.segment(number), 0, "the segment is missing or cut"
        )


def _check_checkpoint(files: LedgerFiles, derived: _Derived, replay: _Replay) -> None:
    """A log that no longer holds what was signed must not be written on: it would show two histories."""
    note = files.load_checkpoint()
    if note is None:
        return
    size = replay.frontier.size
    try:
        checkpoint = Checkpoint.parse(split_note(note)[0])
    except NoteInvalid as error:
        raise LedgerCorrupt(size, files.checkpoint_path, 0, str(error)) from None
    if checkpoint.size > size:
        raise LedgerCorrupt(
            size, *files.place(replay.end), f"missing: a checkpoint over {checkpoint.size} entries was signed"
        )
    if merkle.root(derived.read_node, checkpoint.size) != checkpoint.root:
        raise LedgerCorrupt(
            0, files.checkpoint_path, 0, f"the first {checkpoint.size} entries are not those that were signed"
        )


def _settle(files: LedgerFiles, replay: _Replay) -> None:
    """Makes sure that all that was taken up is on the disk, and that nothing lies behind it.

    The last batch is written anew: after a failed fsync a page can look clean without being on the disk.
    """
    file, offset = files.place(replay.unsure_from)
    if replay.end > replay.unsure_from:
        fd = os.open(file, os.O_RDWR)
        try:
            write_all(fd, os.pread(fd, replay.end - replay.unsure_from, offset), offset)
            os.fsync(fd)
        finally:
            os.close(fd)
    if replay.torn is not None or not files.is_whole(replay.end // files.segment_bytes):
        files.blank(replay.end)
    files.save_mark(Mark(replay.frontier.size, replay.end, replay.frontier.root().hex()))
