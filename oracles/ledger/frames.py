"""How an entry lies in a segment file.

A frame is `length u32 | crc32 u32 | durable u64 | entry`, padded to 16 bytes. `durable` is how many entries
were already durable when the frame was written, so a damaged frame *behind* which such a count lies above
its own index was durable once: that tells an altered entry from a torn write. The checksum is there for
accidents; malice is the Merkle tree's concern.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from zlib import crc32

ALIGNMENT = 16
HEADER = struct.Struct("<IIQ")
_CHECKED = struct.Struct("<IQ")
MAX_ENTRY_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Frame:
    """One intact entry; `offset` is in bytes from the segment's start."""

    offset: int
    durable: int
    entry: bytes


class BadFrame(Exception):
    """Bytes that are not an intact frame, at `offset` of the segment."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(reason)
        self.offset = offset
        self.reason = reason


def frame_bytes(entry_bytes: int) -> int:
    """How many bytes a frame of an entry of this length takes."""
    return (HEADER.size + entry_bytes + ALIGNMENT - 1) & -ALIGNMENT


def encode(entry: bytes, durable: int) -> bytes:
    """The frame of an entry."""
    length = len(entry)
    checksum = crc32(entry, crc32(_CHECKED.pack(length, durable)))
    return HEADER.pack(length, checksum, durable) + entry + bytes(-length % ALIGNMENT)


def walk(segment: bytes, offset: int) -> Iterator[Frame]:
    """The frames of a segment from `offset` on, until nothing but zeros follows.

    Raises BadFrame at the first bytes that are neither a frame nor the unwritten rest.
    """
    written = len(segment.rstrip(b"\0"))
    while offset < written:
        frame = _decode(segment, offset)
        if frame is None:
            raise BadFrame(offset, "the entry's length or checksum is wrong")
        yield frame
        offset += frame_bytes(len(frame.entry))


def shows_durable(segment: bytes, offset: int, count: int) -> bool:
    """Whether an intact frame at or behind `offset` says that more than `count` entries were durable."""
    start = (offset + ALIGNMENT - 1) & -ALIGNMENT
    end = len(segment) & -ALIGNMENT
    for step, (length, _, durable) in enumerate(HEADER.iter_unpack(memoryview(segment)[start:end])):
        if durable > count and length <= MAX_ENTRY_BYTES and _decode(segment, start + step * ALIGNMENT):
            return True
    return False


def _decode(segment: bytes, offset: int) -> Frame | None:
    body = offset + HEADER.size
    if body > len(segment):
        return None
    length, checksum, durable = HEADER.unpack_from(segment, offset)
    if length > MAX_ENTRY_BYTES or body + length > len(segment):
        return None
    entry = segment[body : body + length]
    if crc32(entry, crc32(_CHECKED.pack(length, durable))) != checksum:
        return None
    if any(segment[body + length : offset + frame_bytes(length)]):
        return None
    return Frame(offset, durable, entry)
