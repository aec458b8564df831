"""The bpf(2) system call by ctypes: the few commands that a long-lived agent needs on pinned objects.

BCC costs some 68 MiB to import, so only the short-lived loader does that. Errors are OSError with the
command's name. Layouts: linux/bpf.h, union bpf_attr.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

_SYSCALL = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "s390x": 351, "ppc64le": 361}
_MEMBARRIER = {"x86_64": 324, "aarch64": 283, "riscv64": 283, "s390x": 356, "ppc64le": 365}
_MEMBARRIER_GLOBAL = 1
_ATTRIBUTES = 128
_LOG_BYTES = 1 << 20
_SKB_CONTEXT = 192  # struct __sk_buff
_SKB_GSO_SIZE = 176

_libc = ctypes.CDLL(None, use_errno=True)


class Command(IntEnum):
    """enum bpf_cmd."""

    MAP_CREATE = 0
    MAP_LOOKUP_ELEM = 1
    MAP_UPDATE_ELEM = 2
    MAP_DELETE_ELEM = 3
    PROG_LOAD = 5
    OBJ_PIN = 6
    OBJ_GET = 7
    PROG_TEST_RUN = 10
    OBJ_GET_INFO_BY_FD = 15
    MAP_LOOKUP_BATCH = 24
    MAP_UPDATE_BATCH = 26
    MAP_DELETE_BATCH = 27
    LINK_CREATE = 28
    LINK_UPDATE = 29


class MapType(IntEnum):
    """The members of enum bpf_map_type that are used here."""

    HASH = 1
    ARRAY = 2
    PERCPU_ARRAY = 6
    RINGBUF = 27


def number_of(syscall: dict[str, int]) -> int:
    """The call's number on this machine; OSError(ENOSYS) where it is not known."""
    machine = platform.machine()
    if machine not in syscall:
        raise OSError(errno.ENOSYS, f"bpf(2) has no known number on {machine}")
    return syscall[machine]


def call(command: Command, attributes: bytes | ctypes.Array[ctypes.c_char]) -> int:
    """One bpf(2); returns its result or raises OSError."""
    if isinstance(attributes, bytes):
        attributes = ctypes.create_string_buffer(attributes.ljust(_ATTRIBUTES, b"\0"), _ATTRIBUTES)
    result = _libc.syscall(number_of(_SYSCALL), int(command), attributes, len(attributes))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"bpf {command.name}: {os.strerror(number)}")
    return int(result)


def wait_for_programs() -> None:
    """Returns once no program runs that began before: membarrier(2) as an RCU grace period, some ms."""
    if _libc.syscall(number_of(_MEMBARRIER), _MEMBARRIER_GLOBAL, 0, 0) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"membarrier: {os.strerror(number)}")


def possible_cpus(listed: Path = Path("/sys/devices/system/cpu/possible")) -> int:
    """How many values a per-CPU map's lookup returns."""
    return int(listed.read_text().strip().split("-")[-1].split(",")[-1]) + 1


def pin(fd: int, path: Path) -> None:
    """Gives the object a name on bpffs, by which it outlives this process."""
    name = ctypes.create_string_buffer(os.fsencode(path))
    call(Command.OBJ_PIN, struct.pack("=QII", ctypes.addressof(name), fd, 0))


def get(path: Path) -> int:
    """Opens a pinned object; FileNotFoundError if there is none."""
    name = ctypes.create_string_buffer(os.fsencode(path))
    return call(Command.OBJ_GET, struct.pack("=QII", ctypes.addressof(name), 0, 0))


def info(fd: int, size: int = 256) -> bytes:
    """An object's struct bpf_map_info, bpf_prog_info or bpf_link_info."""
    into = ctypes.create_string_buffer(size)
    call(Command.OBJ_GET_INFO_BY_FD, struct.pack("=IIQ", fd, size, ctypes.addressof(into)))
    return into.raw


def create_map(kind: int, key_size: int, value_size: int, max_entries: int, flags: int, name: str) -> int:
    """Makes a map; sizes in bytes."""
    shape = (kind, key_size, value_size, max_entries, flags, 0, 0)
    return call(Command.MAP_CREATE, struct.pack("=7I16s", *shape, name.encode()[:15]))


def load(kind: int, attach: int, name: str, code: bytes, licence: str) -> int:
    """Loads a program; OSError carries the end of the verifier's log."""
    instructions, words = (
        ctypes.create_string_buffer(code, len(code)),
        ctypes.create_string_buffer(licence.encode()),
    )

    def attempt(log: ctypes.Array[ctypes.c_char] | None) -> int:
        where = (1, len(log), ctypes.addressof(log)) if log is not None else (0, 0, 0)
        start = (kind, len(code) // 8, ctypes.addressof(instructions), ctypes.addressof(words))
        return call(
            Command.PROG_LOAD,
            struct.pack("=IIQQIIQII16sII", *start, *where, 0, 0, name.encode()[:15], 0, attach),
        )

    try:
        return attempt(None)
    except OSError:
        log = ctypes.create_string_buffer(_LOG_BYTES)
        try:
            return attempt(log)
        except OSError as error:
            said = log.value.decode(errors="replace")[-2000:]
            raise OSError(
                error.errno, f"the kernel refused the program {name}: {error.strerror}\n{said}"
            ) from None


def link(program: int, cgroup: int, attach: int) -> int:
    """Attaches a program to a cgroup; the attachment lives as long as the link's fd or its pin."""
    return call(Command.LINK_CREATE, struct.pack("=IIII", program, cgroup, attach, 0))


def replace(link_fd: int, program: int) -> None:
    """Swaps a link's program in place: at no moment is none attached."""
    call(Command.LINK_UPDATE, struct.pack("=IIII", link_fd, program, 0, 0))


@dataclass(frozen=True, slots=True)
class LinkInfo:
    """What the kernel says of a cgroup link. The id is 0 once its cgroup was removed."""

    program: int
    cgroup: int
    attach: int


def link_info(fd: int) -> LinkInfo:
    """Reads struct bpf_link_info of a cgroup link."""
    _, _, program, _, cgroup, attach = struct.unpack_from("=IIIIQI", info(fd))
    return LinkInfo(program, cgroup, attach)


def program_id(fd: int) -> int:
    """The kernel's id of a program."""
    identity: int = struct.unpack_from("=I", info(fd), 4)[0]
    return identity


def test_run(program: int, packet: bytes, *, repeat: int = 1, gso_size: int = 0) -> tuple[int, int]:
    """BPF_PROG_TEST_RUN with an Ethernet frame; returns the verdict and the nanoseconds of one run."""
    data = ctypes.create_string_buffer(packet, len(packet))
    buffer = ctypes.create_string_buffer(_SKB_CONTEXT)
    struct.pack_into("=I", buffer, _SKB_GSO_SIZE, gso_size)
    context = (_SKB_CONTEXT, ctypes.addressof(buffer)) if gso_size else (0, 0)
    attributes = ctypes.create_string_buffer(
        struct.pack(
            "=IIIIQQIIIIQQ",
            *(program, 0, len(packet), 0, ctypes.addressof(data), 0),
            *(repeat, 0, context[0], 0, context[1], 0),
        ),
        _ATTRIBUTES,
    )
    call(Command.PROG_TEST_RUN, attributes)
    verdict, duration = (struct.unpack_from("=I", attributes, offset)[0] for offset in (4, 36))
    return verdict, duration
