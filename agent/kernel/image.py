"""The compiled filter as a file: maps by their shapes, programs as instructions that name the maps they use.

Compiling takes BCC a second or more and 100 MiB, so it happens in a process of its own, once for each
version of the source; what it made is kept, and loading it takes milliseconds.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from pydantic import Base64Bytes, BaseModel, ConfigDict, ValidationError

CACHE = Path("/var/cache/westworld/kernel")
COMPILER_SECONDS = 300
SOURCE = Path(__file__).parent / "source"
#: In the order in which they are joined: BCC rewrites map calls in its main file only.
FILES = (
    "includes.h",
    "maps.h",
    "reasons.h",
    "forget.h",
    "account.h",
    "destination.h",
    "packet.h",
    "rate.h",
    "line.h",
    "filter.c",
    "sockets.c",
)


class CompilationFailed(Exception):
    """BCC is missing or refused the source; the message says which and why."""


class MapShape(BaseModel):
    """What BPF_MAP_CREATE needs; sizes in bytes."""

    model_config = ConfigDict(frozen=True)

    name: str
    kind: int
    key_size: int
    value_size: int
    max_entries: int
    flags: int


class Program(BaseModel):
    """Instructions, with the maps' names by the index of the instruction that loads them."""

    model_config = ConfigDict(frozen=True)

    name: str
    code: Base64Bytes
    references: dict[int, str]


class Image(BaseModel):
    """Everything that is loaded together."""

    model_config = ConfigDict(frozen=True)

    digest: str
    maps: tuple[MapShape, ...]
    programs: tuple[Program, ...]


def source_text() -> str:
    """The C source as BCC takes it."""
    return "".join((SOURCE / name).read_text() for name in FILES)


def source_digest() -> str:
    """Names this version of the programs; sixteen hex digits."""
    return hashlib.sha256(source_text().encode()).hexdigest()[:16]


def layout_digest() -> str:
    """Names this version of the maps; programs of equal layout share them."""
    return hashlib.sha256((SOURCE / "maps.h").read_bytes()).hexdigest()[:16]


def compiled(cache: Path = CACHE) -> Image:
    """The image of the present source, from the cache or compiled now. Raises CompilationFailed.

    Only a cache that root alone can write is believed: what is in it becomes kernel code.
    """
    kept = cache / f"{source_digest()}.json"
    if _is_private(kept):
        try:
            return Image.model_validate_json(kept.read_bytes())
        except ValidationError:
            kept.unlink()  # cut short by a full disk, say: compiled again
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    ended = subprocess.run(
        [sys.executable, "-m", "agent.kernel.compile", str(kept)],
        capture_output=True,
        text=True,
        timeout=COMPILER_SECONDS,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    if ended.returncode:
        said = (ended.stderr or ended.stdout).strip()[-2000:]
        raise CompilationFailed(said or f"the compiler ended with {ended.returncode}")
    return Image.model_validate_json(kept.read_bytes())


def _is_private(file: Path) -> bool:
    try:
        owners = [(status.st_uid, status.st_mode) for status in (file.parent.stat(), file.stat())]
    except FileNotFoundError:
        return False
    return all(uid in (0, os.geteuid()) and not mode & 0o022 for uid, mode in owners)
