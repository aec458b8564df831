"""Compiles the filter with BCC into an image: `python -m agent.kernel.compile [IMAGE]`.

Needs root and kernel headers. A process of its own, since BCC costs some 100 MiB and never gives them back.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agent.kernel import bpf
from agent.kernel.headers import HeadersMissing, link_headers
from agent.kernel.hooks import HOOKS
from agent.kernel.image import Image, MapShape, Program, source_digest, source_text

_LOAD_MAP = 0x18  # BPF_LD | BPF_IMM | BPF_DW
_INSTRUCTION = struct.Struct("=BBhi")
_BY_FD = 1  # BPF_PSEUDO_MAP_FD in the source register


def references(code: bytes, names: dict[int, str]) -> dict[int, str]:
    """Which instructions load which map, given the names by file descriptor."""
    found = {}
    for index, (operation, registers, _, immediate) in enumerate(_INSTRUCTION.iter_unpack(code)):
        if operation == _LOAD_MAP and registers >> 4 == _BY_FD:
            found[index] = names[immediate]
    return found


def compile_image() -> Image:
    """Compiles the source; what BCC says against it goes to standard error. Raises what BCC raises."""
    from bcc import BPF
    from bcc.libbcc import lib

    # BCC's own headers define some macros twice, whatever the source.
    compiler = BPF(text=source_text(), cflags=["-Wno-macro-redefined"])
    maps = dict(_maps(lib, compiler.module))
    names = {fd: shape.name for fd, shape in maps.items()}
    programs = tuple(_program(lib, compiler.module, hook.program, names) for hook in HOOKS)
    return Image(digest=source_digest(), maps=tuple(maps.values()), programs=programs)


def _maps(lib: Any, module: Any) -> Iterator[tuple[int, MapShape]]:
    """The maps that BCC made for itself, by descriptor: only their shapes are kept."""
    # BCC's Python part declares these nowhere.
    lib.bpf_num_tables.argtypes, lib.bpf_num_tables.restype = [ctypes.c_void_p], ctypes.c_size_t
    by_number = [ctypes.c_void_p, ctypes.c_size_t]
    lib.bpf_table_name.argtypes, lib.bpf_table_name.restype = by_number, ctypes.c_char_p
    lib.bpf_table_fd_id.argtypes, lib.bpf_table_fd_id.restype = by_number, ctypes.c_int
    for number in range(lib.bpf_num_tables(module)):
        fd = lib.bpf_table_fd_id(module, number)
        kind, _, key_size, value_size, max_entries, flags = struct.unpack_from("=6I", bpf.info(fd))
        yield (
            fd,
            MapShape(
                name=lib.bpf_table_name(module, number).decode(),
                kind=kind,
                key_size=key_size,
                value_size=value_size,
                max_entries=max_entries,
                flags=flags,
            ),
        )


def _program(lib: Any, module: Any, name: str, maps: dict[int, str]) -> Program:
    start, size = lib.bpf_function_start(module, name.encode()), lib.bpf_function_size(module, name.encode())
    code = ctypes.string_at(start, size)
    return Program(name=name, code=b64encode(code), references=references(code, maps))


def main(arguments: list[str]) -> int:
    """Writes the image as one, so that no reader ever sees half of it."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m agent.kernel.compile IMAGE\n")
        return 2
    target = Path(arguments[0])
    try:
        link_headers()
        image = compile_image()
    except HeadersMissing as missing:
        sys.stderr.write(f"{missing}\n")
        return 1
    except ImportError as error:
        sys.stderr.write(
            f"BCC is missing ({error}); on Debian install: apt-get install python3-bpfcc, then run setup\n"
        )
        return 1
    except Exception as error:  # BCC raises bare Exception
        sys.stderr.write(f"BCC could not compile the filter: {error}\n")
        return 1
    partial = target.with_suffix(f".{os.getpid()}")
    partial.write_text(image.model_dump_json())
    partial.replace(target)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
