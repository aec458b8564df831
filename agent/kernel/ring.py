"""Reading a BPF ring buffer by its mapped pages, with the reader's position moved only on acknowledgement.

Layout: kernel/bpf/ringbuf.c. One page holds the reader's position, the next the writer's, then the data
twice, so that a record never has to be put together at the end.
"""

from __future__ import annotations

import mmap

from agent.kernel.maps import Map

_BUSY, _DISCARDED = 1 << 31, 1 << 30
_HEADER = 8


class Ring:
    """The one reader of a ring buffer map."""

    def __init__(self, ring: Map) -> None:
        self.fd = ring.fd
        self._size = ring.max_entries
        page = mmap.PAGESIZE
        self._own = mmap.mmap(ring.fd, page, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        self._shared = mmap.mmap(ring.fd, page + 2 * self._size, mmap.MAP_SHARED, mmap.PROT_READ, offset=page)
        # Views of 64-bit words, so that positions are read and written whole.
        self._consumer = memoryview(self._own).cast("Q")
        self._producer = memoryview(self._shared)[:page].cast("Q")
        self._data = memoryview(self._shared)[page:]
        self._position = self._consumer[0]

    def read(self) -> list[bytes]:
        """The records since the last acknowledgement that are complete."""
        records = []
        position = self._consumer[0]
        while position < self._producer[0]:
            offset = position & (self._size - 1)
            header = int.from_bytes(self._data[offset : offset + 4], "little")
            if header & _BUSY:
                break
            length = header & ~(_BUSY | _DISCARDED)
            if not header & _DISCARDED:
                records.append(bytes(self._data[offset + _HEADER : offset + _HEADER + length]))
            position += (_HEADER + length + 7) & ~7
        self._position = position
        return records

    def acknowledge(self) -> None:
        """Gives the room of what `read` returned back to the kernel."""
        self._consumer[0] = self._position

    def close(self) -> None:
        """Unmaps the pages."""
        for view in (self._consumer, self._producer, self._data):
            view.release()
        self._own.close()
        self._shared.close()
