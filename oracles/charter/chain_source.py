"""Rebuilds the charter policy from the Charter's events alone.

Whatever the chain holds, a policy comes out: an entry that cannot be read (a vote may pass anything) is
named in `faults` and counts as not there, so its metric is denied. Whether the whole is what was voted on
is told by the policy hash that came with the enactment.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from oracles.charter.charter_events import (
    ArticleAdopted,
    ArticleRepealed,
    CharterEnacted,
    CharterEvent,
    DraftDiscarded,
    MetricAllowed,
    MetricForbidden,
    MetricRemoved,
    TermsSet,
    ViolationRemoved,
    ViolationSet,
)
from oracles.charter.fields import check_policy_name
from oracles.charter.policy import MAX_METRICS, Consequence, MetricRule, Policy, forbidden_limit
from oracles.charter.vocabulary import Kind, Penalty, Severity

MAX_TEXT = 1024
"""Bytes of a rule or of the terms, as Charter.vy has them. Within it no nesting can exhaust a stack."""

EMPTY_POLICY = Policy(version="0")
"""What holds before the first enactment: everything is denied."""


@dataclass(frozen=True)
class EnactedPolicy:
    """A version of the charter as its events tell it."""

    version: int
    policy: Policy
    policy_hash: bytes
    """What the enactment says the policy's hash is."""
    draft: bytes
    enacted_block: int
    faults: tuple[str, ...]
    """What the events hold that no policy can; it is left out of `policy`."""

    @property
    def faithful(self) -> bool:
        """Whether the rebuilt policy is the one that was voted on."""
        return not self.faults and self.policy.hash == self.policy_hash


@dataclass
class _State:
    metrics: dict[str, str | None] = field(default_factory=dict)
    """Name → its rule as JSON; None where the name is forbidden."""
    violations: dict[str, tuple[int, int]] = field(default_factory=dict)
    articles: dict[int, str] = field(default_factory=dict)
    terms: str = ""

    def copy(self) -> _State:
        return replace(
            self, metrics=dict(self.metrics), violations=dict(self.violations), articles=dict(self.articles)
        )

    def apply(self, event: CharterEvent) -> None:
        match event:
            case MetricAllowed():
                self.metrics[event.name] = event.rule
            case MetricForbidden():
                self.metrics[event.name] = None
            case MetricRemoved():
                self.metrics.pop(event.name, None)
            case ViolationSet():
                self.violations[event.name] = (event.severity, event.penalty)
            case ViolationRemoved():
                self.violations.pop(event.name, None)
            case ArticleAdopted():
                self.articles[event.number] = event.text
            case ArticleRepealed():
                self.articles.pop(event.number, None)
            case TermsSet():
                self.terms = event.terms


class CharterHistory:
    """Follows the Charter's events in chain order; `policy_at` and `latest` tell what was enacted."""

    def __init__(self) -> None:
        """Begin before the first event."""
        self._enacted = _State()
        self._drafted = _State()
        self._versions: dict[int, tuple[CharterEnacted, _State]] = {}
        self._policies: dict[int, EnactedPolicy] = {}

    def copy(self) -> CharterHistory:
        """Another history that goes on from here. What was enacted never changes, so it is shared."""
        other = CharterHistory()
        other._enacted, other._drafted = self._enacted, self._drafted.copy()
        other._versions, other._policies = dict(self._versions), dict(self._policies)
        return other

    def apply(self, event: CharterEvent) -> CharterEnacted | None:
        """Take the next event; gives it back when it brought a version into force."""
        if isinstance(event, DraftDiscarded):
            self._drafted = self._enacted.copy()
        elif isinstance(event, CharterEnacted):
            self._enacted = self._drafted
            self._drafted = self._enacted.copy()
            self._versions[event.version] = (event, self._enacted)
            self._policies.pop(event.version, None)
            return event
        else:
            self._drafted.apply(event)
        return None

    @property
    def version(self) -> int:
        """The latest enacted version; 0 before the first."""
        return max(self._versions, default=0)

    def policy_at(self, version: int) -> EnactedPolicy:
        """The policy of an enacted version. Raises `KeyError` where there is no such version."""
        if version not in self._versions:
            raise KeyError(f"charter version {version} was never enacted, the latest is {self.version}")
        if version not in self._policies:
            event, state = self._versions[version]
            policy, faults = _read(state)
            self._policies[version] = EnactedPolicy(
                version, policy, event.policy_hash, event.draft, event.block_number, faults
            )
        return self._policies[version]

    @property
    def latest(self) -> EnactedPolicy | None:
        """The latest enacted policy; None before the first."""
        return self.policy_at(self.version) if self._versions else None


def rebuild(events: Iterable[CharterEvent], version: int | None = None) -> EnactedPolicy | None:
    """The policy at `version`, by default the latest, from all events in chain order.

    None when nothing was enacted yet. Raises `KeyError` for a version that was never enacted.
    """
    history = CharterHistory()
    for event in events:
        history.apply(event)
    return history.latest if version is None else history.policy_at(version)


def _read(state: _State) -> tuple[Policy, tuple[str, ...]]:
    faults: list[str] = []
    metrics: dict[str, MetricRule] = {}
    forbidden: set[str] = set()
    for name, rule in sorted(state.metrics.items()):
        try:
            check_policy_name(name)
            if rule is None:
                forbidden.add(name)
            elif len(metrics) >= MAX_METRICS:
                raise ValueError(f"beyond the {MAX_METRICS} metrics that a policy can hold")
            else:
                metrics[name] = read_rule(rule)
        except ValueError as fault:
            faults.append(f"metric {name}: {_plain(fault)}")
    # Denied they are in any case: what is not forbidden by name is an unknown name.
    kept = sorted(forbidden)[: forbidden_limit(len(metrics))]
    if len(kept) < len(forbidden):
        faults.append(f"forbidden: {len(forbidden) - len(kept)} names beyond what a policy can hold")
    violations: dict[Kind, Consequence] = {}
    for kind, (severity, penalty) in sorted(state.violations.items()):
        try:
            violations[Kind(kind)] = Consequence(
                severity=Severity.from_code(severity), penalty=Penalty.from_code(penalty)
            )
        except ValueError as fault:
            faults.append(f"violation {kind}: {_plain(fault)}")
    articles: dict[int, str] = {}
    for number, text in sorted(state.articles.items()):
        try:
            Policy(version="0", articles={number: text})
            articles[number] = text
        except ValueError as fault:
            faults.append(f"article {number}: {_plain(fault)}")
    terms = {"version": EMPTY_POLICY.version, "description": ""}
    if state.terms:
        try:
            terms = _terms(state.terms)
        except ValueError as fault:
            faults.append(f"terms: {_plain(fault)}")
    policy = Policy(
        **terms, metrics=metrics, forbidden=frozenset(kept), violations=violations, articles=articles
    )
    return policy, tuple(faults)


def read_rule(text: str) -> MetricRule:
    """A rule from the JSON that `allow_metric` takes. Raises `ValueError` that says what is wrong with it."""
    return MetricRule.model_validate(_object(text))


def _terms(text: str) -> dict[str, str]:
    terms = _object(text)
    policy = Policy.model_validate(terms)
    if terms.keys() != {"version", "description"}:
        raise ValueError("they have to hold version and description, and nothing else")
    return {"version": policy.version, "description": policy.description}


def _object(text: str) -> dict[str, Any]:
    if len(text.encode()) > MAX_TEXT:
        raise ValueError(f"it has more than {MAX_TEXT} bytes")

    def no_float(number: str) -> None:
        raise ValueError(f"{number} has to be a decimal in quotes")

    def no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a key stands there twice")
        return found

    try:
        value = json.loads(
            text, parse_float=no_float, parse_constant=no_float, object_pairs_hook=no_duplicates
        )
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("it is no JSON object")
    return value


def _plain(fault: ValueError) -> str:
    if isinstance(fault, ValidationError):
        first = fault.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        return f"{place}: {first['msg']}" if place else first["msg"]
    return str(fault)
