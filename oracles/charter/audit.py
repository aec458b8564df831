"""Audits: is a ledger whole, what does it say, and would the charter let these metrics through?"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from oracles.charter.decision import ALLOWED, UNKNOWN_NAME, VALUE_SYNTAX, Decision, NodeDecider
from oracles.charter.entry import Attempt, Entry, EntryRefused, decode
from oracles.charter.policy import Policy
from oracles.ledger.audit import audit
from oracles.ledger.errors import LedgerError
from oracles.ledger.files import LedgerFiles
from oracles.ledger.frames import BadFrame, walk
from oracles.ledger.note import Verifier


class AuditRefused(ValueError):
    """What was given cannot be audited; the message says why."""


@dataclass(frozen=True)
class Numbered:
    """A ledger entry and its number."""

    index: int
    entry: Entry


@dataclass(frozen=True)
class LedgerReport:
    """What a ledger's audit found. `fault` names the first bad entry; `torn` what the next start cuts off."""

    size: int
    root: str
    signed: int
    signature: bool | None
    fault: str | None
    torn: str | None
    entries: tuple[Numbered, ...]
    """The entries asked for, up to the first bad one."""

    @property
    def sound(self) -> bool:
        """Whether nothing was cut or altered. A torn tail is none: it was never acknowledged."""
        return self.fault is None

    @property
    def attempts(self) -> dict[tuple[str, str], int]:
        """How often each (kind, metric) was tried, counted over the entries."""
        counts: Counter[tuple[str, str]] = Counter()
        for numbered in self.entries:
            if isinstance(numbered.entry, Attempt):
                counts[numbered.entry.kind.value, numbered.entry.metric] += numbered.entry.count
        return dict(counts)


def audit_ledger(
    directory: Path, node: str | None = None, verifiers: Iterable[Verifier] | None = None
) -> LedgerReport:
    """Check a ledger's folder as a whole, and read its entries, those of `node` where it is given.

    Raises `AuditRefused` where there is no ledger. Changes nothing, and needs no lock.
    """
    try:
        found = audit(directory, verifiers)
        files = LedgerFiles.at(directory)
    except LedgerError as refused:
        raise AuditRefused(str(refused)) from None
    fault = str(found.fault) if found.fault else None
    size = found.size
    entries: list[Numbered] = []
    for index, data in enumerate(_entries(files, found.size)):
        try:
            entry = decode(data)
        except EntryRefused as refused:
            # The log is whole, but its writer put something in that is no entry.
            if fault is None or index < size:
                fault, size = f"entry {index}: {refused}", index
            break
        if node is None or entry.node == node:
            entries.append(Numbered(index, entry))
    torn = None
    if found.torn is not None:
        torn = (
            f"an unfinished write lies behind the {found.torn.index} durable entries "
            f"({found.torn.file} at byte {found.torn.offset}); the next start repairs the ledger to them"
        )
    return LedgerReport(size, found.root.hex(), found.signed, found.signature, fault, torn, tuple(entries))


def _entries(files: LedgerFiles, size: int) -> Iterator[bytes]:
    number = index = 0
    while index < size and files.has_segment(number):
        try:
            for frame in walk(files.read_segment(number), 0):
                if index == size:
                    return
                yield frame.entry
                index += 1
        except BadFrame:
            return
        number += 1


@dataclass(frozen=True)
class MetricFinding:
    """What the charter says of one metric of a JSON document."""

    metric: str
    decision: Decision
    message: str


_ADVICE = {
    "unknown_name": "the charter does not name it; propose an amendment, or stop collecting it",
    "forbidden": "the charter forbids it by name; stop collecting it",
    "type": "the charter allows this metric with another type",
    "range": "the value lies outside of the allowed range",
    "precision": "the value has more decimals than allowed",
    "value_syntax": "the value is no number",
    "label": "it carries a label, or a label's value, that the charter does not allow",
    "cardinality": "it carries more label sets than the charter allows",
    "rate": "it comes more often than the charter allows",
    "allowed": "allowed",
}


def audit_metrics(text: str, policy: Policy) -> list[MetricFinding]:
    """Decide every metric of a JSON document by the policy.

    The document is a list of names or of objects `{name, value, type, labels}`, or an object that maps names
    to values or to such objects. All of them count as collected at one moment. Raises `AuditRefused`.
    """
    try:
        document = json.loads(text, parse_float=Decimal, parse_constant=Decimal)
    except (ValueError, RecursionError) as fault:
        raise AuditRefused(f"this is no JSON: {fault}") from None
    if isinstance(document, dict):
        samples = [
            {**value, "name": name} if isinstance(value, dict) else {"name": name, "value": value}
            for name, value in document.items()
        ]
    elif isinstance(document, list):
        samples = [{"name": item} if isinstance(item, str) else item for item in document]
    else:
        raise AuditRefused("this has to be a list of metrics, or an object of metrics by name")
    decider = NodeDecider(policy)
    return [_judge(sample, policy, decider, place) for place, sample in enumerate(samples)]


def _judge(sample: Any, policy: Policy, decider: NodeDecider, place: int) -> MetricFinding:
    if not isinstance(sample, dict) or not isinstance(sample.get("name"), str):
        raise AuditRefused(f"metric {place}: it has to be a name, or an object with a name")
    name = sample["name"]
    strange = sample.keys() - {"name", "value", "type", "labels"}
    if strange:
        raise AuditRefused(f"metric {place} ({name}): unknown key {', '.join(sorted(strange))}")
    labels = sample.get("labels", {})
    if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
        raise AuditRefused(f"metric {place} ({name}): labels have to be an object of texts")
    decision = _decide(name, sample, labels, policy, decider)
    return MetricFinding(name, decision, _ADVICE[decision.reason])


def _decide(
    name: str, sample: dict[str, Any], labels: dict[str, str], policy: Policy, decider: NodeDecider
) -> Decision:
    rule = policy.metrics.get(name)
    if rule is None:
        return decider.decide(name, "gauge", 0, 0) if name in policy.forbidden else UNKNOWN_NAME
    value = sample.get("value")
    if "value" in sample and not isinstance(value, int | Decimal):
        return VALUE_SYNTAX
    kind = sample.get("type", rule.type.value)
    if value is None:
        # Only a name (and its labels) is asked for: any value within the rule stands for the missing one.
        value = rule.minimum
    return decider.decide(name, str(kind), value, 0, labels) if sample.keys() != {"name"} else ALLOWED
