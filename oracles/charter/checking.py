"""Turns what pydantic finds wrong with a piece of a document into faults that name file, line and path."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from oracles.charter.yaml_tree import Fault, Node, Step, path_text

Model = TypeVar("Model", bound=BaseModel)
_KINDS: dict[type, str] = {dict: "a mapping", list: "a list", str: "text"}


class Checker:
    """Walks a document's tree and collects every fault; nothing that it returns is valid while it has any."""

    def __init__(self, root: Node, file: str, faults: Iterable[Fault] = ()) -> None:
        """Check `root`, named `file`; `faults` are those already found."""
        self.root = root
        self.file = file
        self.faults = list(faults)

    def fault(self, path: tuple[Step, ...], message: str, *, key: bool = False) -> None:
        """Note a fault at what `path` leads to, or at its key."""
        line, column = self.root.place(path, key=key)
        self.faults.append(Fault(self.file, line, column, path_text(path), message))

    def expect(self, node: Node | None, path: tuple[Step, ...], kind: type) -> Any:
        """The content of `node` if it is of `kind`, else an empty one; a missing node is just empty."""
        if node is None or node.content is None:
            return kind()
        if not isinstance(node.content, kind):
            self.fault(path, f"this has to be {_KINDS[kind]}, not {describe(node.content)}")
            return kind()
        return node.content

    def unknown_keys(self, content: dict[str, Node], path: tuple[Step, ...], known: Iterable[str]) -> None:
        """Note every key that is not among `known`."""
        for name in content.keys() - set(known):
            self.fault((*path, name), f"unknown key, possible are: {', '.join(sorted(known))}", key=True)

    def model(
        self, model: type[Model], fields: dict[str, Any], path: tuple[Step, ...], *, skip: Iterable[str] = ()
    ) -> Model | None:
        """Build `model` from plain `fields`; notes its faults under `path`, save those in fields `skip`."""
        try:
            return model.model_validate(fields)
        except ValidationError as errors:
            for error in errors.errors(include_url=False):
                steps = tuple(step for step in error["loc"] if not str(step).startswith("["))
                if not steps or steps[0] not in set(skip):
                    self._note(model, (*path, *steps), dict(error))
            return None

    def _note(self, model: type[BaseModel], path: tuple[Step, ...], error: dict[str, Any]) -> None:
        kind = error["type"]
        if kind == "extra_forbidden":
            known = ", ".join(sorted(field.alias or name for name, field in model.model_fields.items()))
            self.fault(path, f"unknown key, possible are: {known}", key=True)
        elif kind == "missing":
            self.fault(path, "it is missing")
        else:
            text = str(error["ctx"]["error"]) if kind == "value_error" else str(error["msg"])
            if kind == "string_type":
                text = f"this has to be text, not {describe(error['input'])}: put it in quotes"
            self.fault(path, text)


def describe(content: Any) -> str:
    """A value in a few words, for a message."""
    if isinstance(content, dict):
        return "a mapping"
    if isinstance(content, list):
        return "a list"
    return "empty" if content is None else f"{str(content)[:40]!r}"
