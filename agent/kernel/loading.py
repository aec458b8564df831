"""From an image to what runs: maps made or found by their pins, programs loaded against them, links made or
swapped.

Under the folder for pins:
    maps_LAYOUT/NAME        of one layout; shared, so policy, tokens and counters survive new programs
    programs_DIGEST/NAME    of one version of the source
    links/NAME              of one version at a time; swapped in place
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from agent.kernel import bpf, bpffs
from agent.kernel.cgroups import cgroup_id
from agent.kernel.hooks import HOOKS, Hook
from agent.kernel.image import Image, layout_digest, source_digest
from agent.kernel.maps import Map

LICENCE = "GPL"
#: r0 = 0; exit. Zero refuses at every hook there is here.
_REFUSE = bytes.fromhex("b700000000000000 9500000000000000")


def maps_folder(pins: Path) -> Path:
    """Where the maps of the present layout are pinned."""
    return pins / f"maps_{layout_digest()}"


def programs_folder(pins: Path) -> Path:
    """Where the programs of the present source are pinned."""
    return pins / f"programs_{source_digest()}"


def link_path(pins: Path, hook: Hook) -> Path:
    """Where the hook's link is pinned."""
    return pins / "links" / hook.program


def open_maps(pins: Path) -> dict[str, Map]:
    """The pinned maps of the present layout, by name."""
    return {path.name: Map.pinned(path) for path in sorted(maps_folder(pins).iterdir())}


def ensure_maps(image: Image, pins: Path) -> dict[str, Map]:
    """The image's maps, made and pinned where they were not."""
    folder = maps_folder(pins)
    folder.mkdir(exist_ok=True)
    found = {}
    for shape in image.maps:
        path = folder / shape.name
        if not path.exists():
            fd = bpf.create_map(
                shape.kind, shape.key_size, shape.value_size, shape.max_entries, shape.flags, shape.name
            )
            bpf.pin(fd, path)
            os.close(fd)
        found[shape.name] = Map.pinned(path)
    return found


def load_programs(image: Image, maps: Mapping[str, Map], pins: Path) -> list[Hook]:
    """Loads and pins the programs, in place of equally named ones; returns the optional hooks that this
    kernel lacks.

    Raises OSError with the verifier's words if a program that must be there is refused.
    """
    folder = programs_folder(pins)
    bpffs.clear(folder)
    folder.mkdir()
    programs = {program.name: program for program in image.programs}
    lacking = []
    for hook in HOOKS:
        program = programs[hook.program]
        code = bytearray(program.code)
        for index, name in program.references.items():
            struct.pack_into("=i", code, index * 8 + 4, maps[name].fd)
        try:
            fd = bpf.load(hook.kind, hook.attach, hook.program, bytes(code), LICENCE)
        except OSError:
            if not hook.optional:
                raise
            lacking.append(hook)
            continue
        bpf.pin(fd, folder / hook.program)
        os.close(fd)
    return lacking


def attach_programs(pins: Path, cgroup: Path) -> None:
    """Swaps the pinned links to the present programs, and makes those that are not there or lost their
    cgroup.

    If one fails, those that were made in this call are taken back, so that never half of the hooks hold by
    surprise.
    """
    (pins / "links").mkdir(exist_ok=True)
    with ExitStack() as undo:
        target = os.open(cgroup, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for hook in HOOKS:
                program = programs_folder(pins) / hook.program
                if program.exists() and _attach(hook, program, link_path(pins, hook), cgroup, target):
                    undo.callback(link_path(pins, hook).unlink)
        finally:
            os.close(target)
        undo.pop_all()


def silence(pins: Path, cgroup: Path) -> bool:
    """Puts programs that refuse everything in the place of those on the cgroup; says whether there were any.

    They need no compiler and no maps. The next `attach_programs` swaps them out again.
    """
    found = False
    for hook in HOOKS:
        path = link_path(pins, hook)
        if is_linked(path, cgroup):
            with ExitStack() as held:
                program = bpf.load(hook.kind, hook.attach, hook.program, _REFUSE, LICENCE)
                held.callback(os.close, program)
                link = bpf.get(path)
                held.callback(os.close, link)
                bpf.replace(link, program)
            found = True
    return found


def _attach(hook: Hook, program_path: Path, path: Path, cgroup: Path, target: int) -> bool:
    """True if a new link was made, False if one was swapped."""
    program = bpf.get(program_path)
    try:
        if is_linked(path, cgroup):
            held = bpf.get(path)
            try:
                bpf.replace(held, program)
            finally:
                os.close(held)
            return False
        path.unlink(missing_ok=True)
        made = bpf.link(program, target, hook.attach)
        try:
            bpf.pin(made, path)
        finally:
            os.close(made)
        return True
    finally:
        os.close(program)


def is_linked(path: Path, cgroup: Path, program: Path | None = None) -> bool:
    """Whether a pinned link holds this incarnation of the cgroup and, if given, runs the pinned program."""
    try:
        held = bpf.get(path)
        try:
            info = bpf.link_info(held)
        finally:
            os.close(held)
        if info.cgroup != cgroup_id(cgroup):
            return False
        if program is None:
            return True
        loaded = bpf.get(program)
        try:
            return bpf.program_id(loaded) == info.program
        finally:
            os.close(loaded)
    except FileNotFoundError:
        return False


def is_running(pins: Path, cgroup: Path) -> bool:
    """Whether all hooks that this kernel has run the present programs on the cgroup."""
    programs = programs_folder(pins)
    if not maps_folder(pins).is_dir() or not programs.is_dir():
        return False
    present = [hook for hook in HOOKS if not hook.optional or (programs / hook.program).exists()]
    return all(is_linked(link_path(pins, hook), cgroup, programs / hook.program) for hook in present)


def forget_others(pins: Path) -> None:
    """Unpins programs and maps of other versions, which nothing uses once the links are swapped."""
    keep = {maps_folder(pins).name, programs_folder(pins).name, "links"}
    for entry in pins.iterdir():
        if entry.name not in keep:
            bpffs.clear(entry)
