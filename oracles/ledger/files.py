"""The files of a ledger's folder: segments of entries, node hashes, entry offsets, the trusted mark.

| file | holds | synced |
| --- | --- | --- |
| `ledger.json` | the format and the segment size | once |
| `segments/000000` … | entries in frames; made of zeros in advance: no journal in a sync | each batch |
| `nodes` | the tree's complete nodes in post-order, 32 bytes each | before a mark |
| `offsets` | where each entry lies: segment number × segment size + offset, u64 | before a mark |
| `trusted.json` | a mark up to which everything is synced and was checked | replaced whole |
| `checkpoint` | the last signed checkpoint | replaced whole, before it is shown |
"""

import os
from array import array
from bisect import bisect_left
from dataclasses import asdict, dataclass
from json import dumps, loads
from pathlib import Path
from typing import Any, TypeGuard

from oracles.ledger import durable
from oracles.ledger.errors import LedgerCorrupt, LedgerError
from oracles.ledger.frames import HEADER, MAX_ENTRY_BYTES, frame_bytes
from oracles.ledger.merkle import EMPTY_ROOT, HASH_BYTES, node_count

FORMAT = 1
OFFSET_BYTES = 8
SMALLEST_SEGMENT = frame_bytes(MAX_ENTRY_BYTES)
LARGEST_SEGMENT = 1 << 30
_UNREADABLE = (KeyError, TypeError, ValueError, RecursionError)
"""What comes of reading JSON that this program did not write."""
_MAX_JSON_BYTES = 1024
"""Far more than it writes; deep nesting ends the interpreter where the recursion limit is high."""


@dataclass(frozen=True)
class Mark:
    """Everything up to `size` entries is synced; the next frame goes to `end`."""

    size: int = 0
    end: int = 0
    root: str = EMPTY_ROOT.hex()


class LedgerFiles:
    """Names and opens what a ledger's folder holds; knows nothing of trees or writers."""

    def __init__(self, directory: Path, segment_bytes: int) -> None:
        self.directory = directory
        self.segment_bytes = segment_bytes
        self.nodes_path = directory / "nodes"
        self.offsets_path = directory / "offsets"
        self.checkpoint_path = directory / "checkpoint"
        self._segments = directory / "segments"
        self.mark_path = directory / "trusted.json"

    @classmethod
    def at(cls, directory: Path) -> "LedgerFiles":
        """An existing ledger's files.

        Raises LedgerError when there is none, or of another format, LedgerCorrupt when none was made like it.
        """
        path = directory / "ledger.json"
        try:
            settings = _read_json(path)
            known, segment_bytes = settings["format"], settings["segment_bytes"]
        except FileNotFoundError:
            raise LedgerError(f"{directory} holds no ledger: it has no ledger.json") from None
        except _UNREADABLE as error:
            raise LedgerError(f"ledger {directory}: ledger.json cannot be read: {error!r}") from None
        if known != FORMAT:
            raise LedgerError(f"ledger {directory}: format {known} is not known, only {FORMAT}")
        try:
            _check_segment_bytes(segment_bytes)
        except ValueError as error:
            raise LedgerCorrupt(0, path, 0, f"{error}, not {segment_bytes!r}") from None
        return cls(directory, segment_bytes)

    @classmethod
    def create(cls, directory: Path, segment_bytes: int) -> "LedgerFiles":
        """The files at `directory`, made if there are none; an existing ledger keeps its segment size."""
        if (directory / "ledger.json").exists():
            return cls.at(directory)
        _check_segment_bytes(segment_bytes)
        files = cls(directory, segment_bytes)
        files._segments.mkdir(parents=True, exist_ok=True)
        durable.replace(
            directory / "ledger.json", dumps({"format": FORMAT, "segment_bytes": segment_bytes}).encode()
        )
        return files

    def segment(self, number: int) -> Path:
        """The path of a segment."""
        return self._segments / f"{number:06d}"

    def has_segment(self, number: int) -> bool:
        """Whether this segment is there."""
        return self.segment(number).exists()

    def segment_size(self, number: int) -> int:
        """How many bytes a segment has; 0 when it isn't there."""
        path = self.segment(number)
        return path.stat().st_size if path.exists() else 0

    def is_whole(self, number: int) -> bool:
        """Whether a segment is there with all its bytes."""
        return self.segment_size(number) == self.segment_bytes

    def first_entry_of(self, number: int) -> int:
        """The first entry at or behind a segment's start, as the offset file knows it."""
        if not self.offsets_path.exists():
            return 0
        places = array("Q", self.offsets_path.read_bytes()[: self.derived_entries() * OFFSET_BYTES])
        return bisect_left(places, number * self.segment_bytes)

    def read_segment(self, number: int) -> bytes:
        """A segment's bytes; what was cut off at its end reads as unwritten."""
        return self.segment(number).read_bytes().ljust(self.segment_bytes, b"\0")

    def make_segment(self, number: int) -> None:
        """Makes a segment of zeros, durable with its name. Raises OSError, for one when the disk is full."""
        path = self.segment(number)
        scratch = path.with_name("next")
        durable.write_new(scratch, bytes(self.segment_bytes))
        scratch.replace(path)
        durable.sync_directory(path.parent)

    def blank(self, end: int) -> None:
        """Zeroes everything behind `end`, in its segment and in those after it, durably."""
        number, offset = divmod(end, self.segment_bytes)
        while self.has_segment(number):
            fd = os.open(self.segment(number), os.O_WRONLY)
            try:
                durable.write_all(fd, bytes(self.segment_bytes - offset), offset)
                os.fsync(fd)
            finally:
                os.close(fd)
            number, offset = number + 1, 0

    def place(self, end: int) -> tuple[Path, int]:
        """The file and the offset in it of a place in the log."""
        number, offset = divmod(end, self.segment_bytes)
        return self.segment(number), offset

    def offsets(self, start: int, end: int) -> "array[int]":
        """Where the entries start … end-1 lie."""
        fd = os.open(self.offsets_path, os.O_RDONLY)
        try:
            return array("Q", os.pread(fd, (end - start) * OFFSET_BYTES, start * OFFSET_BYTES))
        finally:
            os.close(fd)

    def ends_at(self, size: int, end: int) -> bool:
        """Whether the first `size` entries end there, by the offset file and the last one's length."""
        if size == 0:
            return end == 0
        [place] = self.offsets(size - 1, size)
        segment, offset = self.place(place)
        if not segment.exists():
            return False
        with segment.open("rb") as file:
            header = os.pread(file.fileno(), HEADER.size, offset)
        return len(header) == HEADER.size and place + frame_bytes(HEADER.unpack(header)[0]) == end

    def read_entries(self, places: "array[int]") -> list[bytes]:
        """The entries at these places, without checking them."""
        entries: list[bytes] = []
        fd, opened = -1, -1
        try:
            for place in places:
                number, offset = divmod(place, self.segment_bytes)
                if number != opened:
                    if fd >= 0:
                        os.close(fd)
                    fd, opened = os.open(self.segment(number), os.O_RDONLY), number
                length, _, _ = HEADER.unpack(os.pread(fd, HEADER.size, offset))
                entries.append(os.pread(fd, length, offset + HEADER.size))
        finally:
            if fd >= 0:
                os.close(fd)
        return entries

    def derived_entries(self) -> int:
        """For how many entries both the node and the offset file reach far enough."""
        nodes, offsets = (
            path.stat().st_size if path.exists() else 0 for path in (self.nodes_path, self.offsets_path)
        )
        size = nodes // HASH_BYTES // 2
        while node_count(size + 1) * HASH_BYTES <= nodes:
            size += 1
        return min(size, offsets // OFFSET_BYTES)

    def load_mark(self) -> Mark:
        """The last mark; the beginning when there is none. Raises LedgerCorrupt for what was never one."""
        try:
            fields = _read_json(self.mark_path)
            mark = Mark(fields["size"], fields["end"], fields["root"])
        except FileNotFoundError:
            return Mark()
        except _UNREADABLE as error:
            raise LedgerCorrupt(0, self.mark_path, 0, f"the mark cannot be read: {error!r}") from None
        if not (_is_count(mark.size) and _is_count(mark.end) and isinstance(mark.root, str)):
            raise LedgerCorrupt(0, self.mark_path, 0, f"this is no mark: {mark}")
        return mark

    def save_mark(self, mark: Mark) -> None:
        """Syncs nodes and offsets, then sets the mark. Raises OSError."""
        for path in (self.nodes_path, self.offsets_path):
            fd = os.open(path, os.O_RDONLY)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
        durable.replace(self.mark_path, dumps(asdict(mark)).encode())

    def load_checkpoint(self) -> bytes | None:
        """The last signed checkpoint, unverified."""
        try:
            return self.checkpoint_path.read_bytes()
        except FileNotFoundError:
            return None

    def save_checkpoint(self, note: bytes) -> None:
        """Keeps a checkpoint durably. Raises OSError."""
        durable.replace(self.checkpoint_path, note)


def _read_json(path: Path) -> Any:
    with path.open("rb") as file:
        content = file.read(_MAX_JSON_BYTES + 1)
    if len(content) > _MAX_JSON_BYTES:
        raise ValueError(f"it is longer than {_MAX_JSON_BYTES} bytes")
    return loads(content)


def _check_segment_bytes(size: object) -> None:
    if not _is_count(size) or not SMALLEST_SEGMENT <= size <= LARGEST_SEGMENT or size % 4096:
        bounds = f"at least {SMALLEST_SEGMENT} bytes, at most {LARGEST_SEGMENT}"
        raise ValueError(f"a segment has {bounds}, in blocks of 4096")


def _is_count(value: object) -> TypeGuard[int]:
    return type(value) is int and value >= 0
