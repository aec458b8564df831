"""YAML with the place of every value, read defensively: what a charter needs not is refused, not interpreted.

No aliases or anchors (so no bombs), no tags, no second document, no duplicate keys, bounded size and depth.
Scalars follow YAML 1.2's core schema, except that fractions become exact `Decimal`s.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.scanner import Scanner, ScannerError

MAX_BYTES = 1 << 20
MAX_DEPTH = 12
MAX_BRACKETS = 64  # on one line: the scanner's work grows with the square of them

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,30})")
_FRACTION = re.compile(r"-?(0|[1-9][0-9]{0,30})\.[0-9]{1,30}")
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}

Step = str | int


@dataclass(frozen=True, order=True)
class Fault:
    """One thing wrong with a file: 1-based line and column, the path inside the document, and what to do."""

    file: str
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}: "
        return place + (f"{self.path}: " if self.path else "") + self.message


class DocumentRefused(ValueError):
    """A file has faults; `faults` holds every one of them in the file's order. Nothing of it may be used."""

    def __init__(self, faults: list[Fault]) -> None:
        """Keep the faults, sorted by their place."""
        self.faults = sorted(set(faults))
        super().__init__("\n".join(map(str, self.faults)))


@dataclass(slots=True)
class Node:
    """A value and where it stands. `content` is a scalar, a list of nodes, or a dict of nodes."""

    content: Any
    line: int
    column: int
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)

    def plain(self) -> Any:
        """The value without its places."""
        if isinstance(self.content, dict):
            return {key: node.plain() for key, node in self.content.items()}
        if isinstance(self.content, list):
            return [node.plain() for node in self.content]
        return self.content

    def place(self, steps: tuple[Step, ...], *, key: bool = False) -> tuple[int, int]:
        """Line and column of what `steps` lead to, or of the deepest part there is; `key`: of its key."""
        node = self
        for position, step in enumerate(steps):
            if isinstance(node.content, dict) and step in node.content:
                if key and position == len(steps) - 1:
                    return node.keys[str(step)]
                node = node.content[step]
            elif isinstance(node.content, list) and isinstance(step, int) and step < len(node.content):
                node = node.content[step]
            else:
                break
        return node.line, node.column


def path_text(steps: tuple[Step, ...]) -> str:
    """How a path is shown: `allowed_metrics.network[0].latency_p50`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return text.removeprefix(".")


def read_file(path: Path) -> bytes:
    """A file's bytes, at most one more than `MAX_BYTES`. Raises `DocumentRefused` when it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as fault:
        raise DocumentRefused([Fault(str(path), 1, 1, "", f"cannot be read: {fault.strerror}")]) from None


def parse(data: bytes, file: str) -> tuple[Node, list[Fault]]:
    """Read `data`, named `file` in faults.

    Faults that leave a usable tree (duplicate keys, tags, aliases) come beside it, so that the rest can be
    checked in the same pass. Raises `DocumentRefused` for those that leave none.
    """
    if len(data) > MAX_BYTES:
        raise DocumentRefused([Fault(file, 1, 1, "", f"it is larger than {MAX_BYTES} bytes")])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        before = data[: fault.start]
        column = fault.start - before.rfind(b"\n")
        raise DocumentRefused(
            [Fault(file, before.count(b"\n") + 1, column, "", "it is not UTF-8 text")]
        ) from None
    for number, row in enumerate(text.splitlines(), 1):
        if row.count("[") + row.count("{") > MAX_BRACKETS:
            crowded = Fault(file, number, 1, "", f"more than {MAX_BRACKETS} brackets are opened on this line")
            raise DocumentRefused([crowded])
    reader = _Reader(file)
    yaml = YAML(typ="safe", pure=True)
    yaml.Scanner = _Scanner
    try:
        root = reader.read(yaml.parse(text))
    except MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        broken = Fault(file, line, column, "", f"it is no YAML: {fault.problem or fault.context}")
        raise DocumentRefused([*reader.faults, broken]) from None
    except YAMLError as fault:
        first = str(fault).strip().splitlines()[0]
        raise DocumentRefused([*reader.faults, Fault(file, 1, 1, "", f"it is no YAML: {first}")]) from None
    return root, reader.faults


class _Scanner(Scanner):
    """ruamel's, which takes every escape for a character's number, also where there is no such character."""

    def scan_flow_scalar_non_spaces(self, double: Any, start_mark: Any) -> Any:
        try:
            return super().scan_flow_scalar_non_spaces(double, start_mark)
        except (ValueError, OverflowError):
            place = self.reader.get_mark()
            raise ScannerError(None, None, "there is no such character", place) from None


class _Reader:
    """Builds the tree from parser events; it never follows an alias and never recurses beyond `MAX_DEPTH`."""

    def __init__(self, file: str) -> None:
        self.faults: list[Fault] = []
        self._file = file

    def read(self, events: Iterator[Any]) -> Node:
        root: Node | None = None
        for event in events:
            if isinstance(event, DocumentStartEvent) and root is not None:
                self._fault(event, (), "a second document begins here, one is possible")
                break
            if isinstance(event, ScalarEvent | MappingStartEvent | SequenceStartEvent | AliasEvent):
                root = self._node(event, events, ())
        if root is None:
            raise DocumentRefused([Fault(self._file, 1, 1, "", "it is empty")])
        return root

    def _node(self, event: Any, events: Iterator[Any], path: tuple[Step, ...]) -> Node:
        node = Node(None, event.start_mark.line + 1, event.start_mark.column + 1)
        if len(path) > MAX_DEPTH:
            self._fault(event, (), f"it is nested deeper than {MAX_DEPTH} levels")
            raise DocumentRefused(self.faults)
        if isinstance(event, AliasEvent):
            self._fault(event, path, f"aliases are not possible here, write *{event.anchor} out")
            return node
        if event.anchor is not None:
            self._fault(event, path, f"anchors are not possible here, remove &{event.anchor}")
        if event.tag is not None:
            self._fault(event, path, f"tags are not possible here, remove {event.tag}")
        if isinstance(event, ScalarEvent):
            node.content = _scalar(event.value) if event.implicit[0] else event.value
        elif isinstance(event, SequenceStartEvent):
            node.content = self._items(events, path)
        else:
            node.content = self._mapping(node, events, path)
        return node

    def _items(self, events: Iterator[Any], path: tuple[Step, ...]) -> list[Node]:
        items: list[Node] = []
        for event in events:
            if isinstance(event, SequenceEndEvent):
                break
            items.append(self._node(event, events, (*path, len(items))))
        return items

    def _mapping(self, node: Node, events: Iterator[Any], path: tuple[Step, ...]) -> dict[str, Node]:
        content: dict[str, Node] = {}
        for event in events:
            if isinstance(event, MappingEndEvent):
                break
            key = event.value if isinstance(event, ScalarEvent) else None
            if key is None:
                self._fault(event, path, "a key has to be a single word")
                if not isinstance(event, AliasEvent):
                    self._node(event, events, (*path, "?"))
                self._node(next(events), events, (*path, "?"))
                continue
            value = self._node(next(events), events, (*path, key))
            if key in content:
                first = node.keys[key]
                self._fault(event, (*path, key), f"the key stands here twice, first at line {first[0]}")
            else:
                node.keys[key] = (event.start_mark.line + 1, event.start_mark.column + 1)
                content[key] = value
        return content

    def _fault(self, event: Any, path: tuple[Step, ...], message: str) -> None:
        mark = event.start_mark
        self.faults.append(Fault(self._file, mark.line + 1, mark.column + 1, path_text(path), message))


def _scalar(text: str) -> str | int | Decimal | bool | None:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return Decimal(text) if _FRACTION.fullmatch(text) else text
