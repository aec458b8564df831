"""Reads a charter policy from the YAML that people write, and says everything that is wrong with it at once.

version: "1.0"
description: "…"
defaults: {rate_hz: 0.5}                  # optional: the rule's fields for every metric below
allowed_metrics:
network:                                # the group
- latency_p50                         # a bare name: all defaults
- packet_loss: {maximum: 1, decimals: 4}
forbidden_metrics: [user_location]
violations: [{type: silent_collection, severity: critical, penalty: node_suspended_24h}]
articles: {1: "…"}                        # optional: the constitution's text
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict

from oracles.charter.checking import Checker, describe
from oracles.charter.fields import check_policy_name, word_of
from oracles.charter.policy import Consequence, MetricRule, Policy
from oracles.charter.vocabulary import Kind, Penalty, Severity
from oracles.charter.yaml_tree import DocumentRefused, Node, Step, parse, read_file

_KEYS = (
    "version",
    "description",
    "defaults",
    "allowed_metrics",
    "forbidden_metrics",
    "violations",
    "articles",
)


class _Violation(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    type: Annotated[Kind, word_of(Kind)]
    severity: Annotated[Severity, word_of(Severity)]
    penalty: Annotated[Penalty, word_of(Penalty)]


def load_policy(path: Path) -> Policy:
    """Read the policy in the file `path`. Raises `DocumentRefused`, which holds every fault."""
    return read_policy(read_file(path), str(path))


def read_policy(data: bytes, file: str = "<policy>") -> Policy:
    """Read a policy from YAML; `file` names it in faults. Raises `DocumentRefused` with every fault."""
    root, faults = parse(data, file)
    return _Reader(Checker(root, file, faults)).read()


class _Reader:
    def __init__(self, checker: Checker) -> None:
        self._check = checker
        self._places: dict[str, tuple[Step, ...]] = {}

    def read(self) -> Policy:
        check = self._check
        if not isinstance(check.root.content, dict):
            check.fault((), f"a policy is a mapping, not {describe(check.root.content)}")
            raise DocumentRefused(check.faults)
        top: dict[str, Node] = check.root.content
        check.unknown_keys(top, (), _KEYS)
        metrics = self._allowed(top)
        forbidden = self._forbidden(top)
        fields: dict[str, Any] = {
            "metrics": metrics,
            "forbidden": frozenset(forbidden),
            "violations": self._violations(top),
            "articles": self._articles(top),
        }
        fields |= {key: top[key].plain() for key in ("version", "description") if key in top}
        # A name in both lists has its own fault, with its place; the model need not say it again.
        fields["forbidden"] -= set(metrics)
        policy = check.model(Policy, fields, ())
        if check.faults or policy is None:
            raise DocumentRefused(check.faults)
        return policy

    def _allowed(self, top: dict[str, Node]) -> dict[str, MetricRule]:
        check = self._check
        defaults = self._defaults(top)
        rules: dict[str, MetricRule] = {}
        for group, items in check.expect(top.get("allowed_metrics"), ("allowed_metrics",), dict).items():
            at: tuple[Step, ...] = ("allowed_metrics", group)
            check.model(MetricRule, {"group": group}, at)
            for index, item in enumerate(check.expect(items, at, list)):
                for name, node in self._named(item, (*at, index)).items():
                    path = (*at, index, name) if isinstance(item.content, dict) else (*at, index)
                    known = self._claim(name, path)
                    own = check.expect(node, path, dict)
                    plain = {key: value.plain() for key, value in own.items()}
                    if "group" in plain:
                        check.fault((*path, "group"), "the section is the group, remove this key", key=True)
                    # What is wrong with a default is said once, where the default stands.
                    inherited = {key: value for key, value in defaults.items() if key not in plain}
                    fields = {**inherited, **plain, "group": group}
                    rule = check.model(MetricRule, fields, path, skip=("group",))
                    if known:
                        rules[name] = rule or MetricRule()
        return rules

    def _defaults(self, top: dict[str, Node]) -> dict[str, Any]:
        own = self._check.expect(top.get("defaults"), ("defaults",), dict)
        plain = {key: node.plain() for key, node in own.items()}
        if "group" in plain:
            self._check.fault(("defaults", "group"), "the section is the group, remove this key", key=True)
        sound = self._check.model(MetricRule, plain, ("defaults",)) is not None
        return plain if sound else {}

    def _named(self, item: Node, path: tuple[Step, ...]) -> dict[str, Node | None]:
        content = item.content
        if isinstance(content, str):
            return {content: None}
        if isinstance(content, dict) and len(content) == 1:
            return dict(content)
        self._check.fault(
            path,
            "this has to be a name, or one name with its rule, as in `latency_p50: {rate_hz: 2}`, not "
            + (f"{len(content)} names" if isinstance(content, dict) else describe(content)),
        )
        return {}

    def _forbidden(self, top: dict[str, Node]) -> list[str]:
        names = []
        path: tuple[Step, ...] = ("forbidden_metrics",)
        for index, item in enumerate(self._check.expect(top.get("forbidden_metrics"), path, list)):
            if isinstance(item.content, str):
                if self._claim(item.content, (*path, index)):
                    names.append(item.content)
            else:
                self._check.fault((*path, index), f"this has to be a name, not {describe(item.content)}")
        return names

    def _claim(self, name: str, path: tuple[Step, ...]) -> bool:
        """Note where `name` stands; whether it can be a name at all."""
        check = self._check
        try:
            check_policy_name(name)
        except ValueError as fault:
            check.fault(path, str(fault), key=True)
            return False
        first = self._places.setdefault(name, path)
        line = check.root.place(first, key=True)[0]
        if first == path:
            return True
        if first[0] == path[0]:
            check.fault(path, f"{name} stands here twice, first at line {line}", key=True)
        else:
            check.fault(path, f"{name} is both allowed (line {line}) and forbidden: decide", key=True)
        return True

    def _violations(self, top: dict[str, Node]) -> dict[Kind, Consequence]:
        found: dict[Kind, Consequence] = {}
        at: tuple[Step, ...] = ("violations",)
        for index, item in enumerate(self._check.expect(top.get("violations"), at, list)):
            path = (*at, index)
            plain = {key: node.plain() for key, node in self._check.expect(item, path, dict).items()}
            violation = self._check.model(_Violation, plain, path)
            if violation is None:
                continue
            if violation.type in found:
                self._check.fault((*path, "type"), f"{violation.type.value} stands here twice")
            found[violation.type] = Consequence(severity=violation.severity, penalty=violation.penalty)
        return found

    def _articles(self, top: dict[str, Node]) -> dict[int, Any]:
        found: dict[int, Any] = {}
        for key, node in self._check.expect(top.get("articles"), ("articles",), dict).items():
            if key.isascii() and key.isdigit():
                found[int(key)] = node.plain()
            else:
                self._check.fault(("articles", key), f"{key!r} is no article's number", key=True)
        return found
