"""A map of the kernel as an object: typed by size only, with the batch commands where they save calls."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from agent.kernel.bpf import Command, MapType, call, get, info, possible_cpus

_BATCH = 4096


class Map:
    """A BPF map by its file descriptor, which it owns. Keys and values are bytes of the map's sizes."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        shape: tuple[int, ...] = struct.unpack_from("=IIIII", info(fd))
        self.kind, _, self.key_size, self.value_size, self.max_entries = shape
        self._cpus = possible_cpus() if self.kind == MapType.PERCPU_ARRAY else 1
        self._key = ctypes.create_string_buffer(max(self.key_size, 1))
        self._value = ctypes.create_string_buffer(max(self._stride * self._cpus, 1))
        self._by_key = struct.pack("=IIQ", fd, 0, ctypes.addressof(self._key))
        self._element = self._by_key + struct.pack("=Q", ctypes.addressof(self._value))

    @classmethod
    def pinned(cls, path: Path) -> Self:
        """Opens a map by its name on bpffs; FileNotFoundError if there is none."""
        return cls(get(path))

    @property
    def _stride(self) -> int:
        return (self.value_size + 7) & ~7 if self.kind == MapType.PERCPU_ARRAY else self.value_size

    def lookup(self, key: bytes) -> bytes | None:
        """The value, or None; of a per-CPU map the values of all CPUs, each padded to eight bytes."""
        self._key.raw = key
        try:
            call(Command.MAP_LOOKUP_ELEM, self._element)
        except OSError as error:
            if error.errno == errno.ENOENT:
                return None
            raise
        return self._value.raw

    def update(self, key: bytes, value: bytes) -> None:
        """Sets one element."""
        self._key.raw, self._value.raw = key, value
        call(Command.MAP_UPDATE_ELEM, self._element)

    def delete(self, key: bytes) -> None:
        """Removes one element, if it is there."""
        self._key.raw = key
        try:
            call(Command.MAP_DELETE_ELEM, self._by_key)
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise

    def update_batch(self, keys: bytes, values: bytes) -> None:
        """Sets many elements in one call; keys and values stand one after the other."""
        self._batch(Command.MAP_UPDATE_BATCH, keys, values)

    def delete_batch(self, keys: bytes) -> None:
        """Removes many elements, all of which are there."""
        self._batch(Command.MAP_DELETE_BATCH, keys, b"")

    def _batch(self, command: Command, keys: bytes, values: bytes) -> None:
        count = len(keys) // self.key_size
        if count == 0:
            return
        held = (
            ctypes.create_string_buffer(keys, len(keys)),
            ctypes.create_string_buffer(values, len(values) or 1),
        )
        addresses = [ctypes.addressof(one) for one in held]
        call(command, struct.pack("=QQQQIIQQ", 0, 0, *addresses, count, self.fd, 0, 0))

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Every element of a hash map, read by batches; a concurrent change may be seen or not."""
        cursor = ctypes.create_string_buffer(max(self.key_size, 8))
        begun = False
        size = min(_BATCH, self.max_entries)
        keys = ctypes.create_string_buffer(size * self.key_size)
        values = ctypes.create_string_buffer(size * self.value_size)
        addresses = ctypes.addressof(keys), ctypes.addressof(values)
        while True:
            position = ctypes.addressof(cursor)
            attributes = ctypes.create_string_buffer(
                struct.pack("=QQQQIIQQ", position if begun else 0, position, *addresses, size, self.fd, 0, 0),
                128,
            )
            done = False
            try:
                call(Command.MAP_LOOKUP_BATCH, attributes)
            except OSError as error:
                if error.errno != errno.ENOENT:
                    raise
                done = True
            count = struct.unpack_from("=I", attributes, 32)[0]
            found = _cut(keys, self.key_size, count), _cut(values, self.value_size, count)
            yield from zip(*found, strict=True)
            if done:
                return
            begun = True

    def columns(self, key: bytes) -> Sequence[int]:
        """The 64-bit words of a per-CPU value, summed over the CPUs."""
        raw = self.lookup(key) or b""
        words = struct.unpack(f"={len(raw) // 8}Q", raw)
        width = self._stride // 8
        return [sum(words[i::width]) for i in range(width)]

    def close(self) -> None:
        """Lets go of the descriptor; the map itself lives on while pinned or used by a program."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _cut(buffer: ctypes.Array[ctypes.c_char], size: int, count: int) -> Iterator[bytes]:
    raw = buffer.raw
    return (raw[start : start + size] for start in range(0, count * size, size))
