"""Decides samples by the policy, in Python, as the kernel decides statsd lines.

The order of checks and the reasons' words are the kernel's: name, type, precision, range, rate. Labels, which
no datagram may carry, come before the rate. A rate is a generic cell rate algorithm (GCRA, ITU-T I.371): one
number per metric, the time at which its bucket would be empty again.

A policy is compiled into one closure per metric, with everything that it compares already in local cells; a
decision is then a dictionary lookup, a few comparisons and two additions, without any allocation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from oracles.charter.labels import LabelPattern
from oracles.charter.policy import RATE_LIMITED_FACTOR, MetricRule, Policy
from oracles.charter.vocabulary import Kind, MetricType, Standing

MAX_DIGITS = 18
Labels = Mapping[str, str]
Value = int | float | Decimal
Sample = tuple[str, str, Value]
"""Name, type, value."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether something is let through, and if not, for which reason and as which kind of violation."""

    allowed: bool
    reason: str
    kind: Kind | None = None

    def __bool__(self) -> bool:
        """Whether it is allowed."""
        return self.allowed


ALLOWED = Decision(True, "allowed")
FORBIDDEN = Decision(False, "forbidden", Kind.METRIC_NOT_ALLOWED)
UNKNOWN_NAME = Decision(False, "unknown_name", Kind.METRIC_NOT_ALLOWED)
VALUE_SYNTAX = Decision(False, "value_syntax", Kind.DATAGRAM_MALFORMED)
TYPE = Decision(False, "type", Kind.METRIC_VALUE_OUT_OF_BOUNDS)
PRECISION = Decision(False, "precision", Kind.METRIC_VALUE_OUT_OF_BOUNDS)
RANGE = Decision(False, "range", Kind.METRIC_VALUE_OUT_OF_BOUNDS)
LABEL = Decision(False, "label", Kind.METRIC_VALUE_OUT_OF_BOUNDS)
CARDINALITY = Decision(False, "cardinality", Kind.METRIC_VALUE_OUT_OF_BOUNDS)
RATE = Decision(False, "rate", Kind.METRIC_OVER_COLLECTION_RATE)

# Silence that a standing demands is no violation of the charter, so these have no kind.
_SILENT = {
    standing: Decision(False, standing.value)
    for standing in (Standing.UNKNOWN, Standing.SUSPENDED, Standing.BANNED, Standing.EXITED)
}
_Check = Callable[[str, Value, int, Labels | None], Decision]
_ROUNDER = 1.5 * 2**52  # adding and subtracting it rounds a double below 2^51 to a whole number
_EXACT = 2**51


class NodeDecider:
    """Decides one node's samples. It keeps the node's rates and label sets; not for several threads."""

    def __init__(self, policy: Policy, factor: int = 1) -> None:
        """Compile `policy`; `factor` makes every metric so many times rarer."""
        self._checks: dict[str, _Check] = dict.fromkeys(policy.forbidden, _forbidden)
        self._checks |= {name: _compile(rule, factor) for name, rule in policy.metrics.items()}

    def decide(
        self, name: str, kind: str, value: Value, now_ns: int, labels: Labels | None = None
    ) -> Decision:
        """Decide one sample at the monotonic time `now_ns`; an allowed one uses up a token of its rate.

        An `int` or a `float` is judged by its number, a `Decimal` also by its digits, as a text would be.
        """
        check = self._checks.get(name)
        return UNKNOWN_NAME if check is None else check(kind, value, now_ns, labels)

    def decide_many(self, samples: Iterable[Sample], now_ns: int) -> list[Decision]:
        """Decide samples without labels that came at the same time, in their order."""
        find = self._checks.get
        return [find(name, _unknown)(kind, value, now_ns, None) for name, kind, value in samples]


class CharterDecisions:
    """Answers for all nodes under one policy, each by its standing.

    An `int` or `float` is judged by its number, a `Decimal` also by its digits, as a text would be.
    """

    def __init__(self, policy: Policy, standings: Mapping[str, Standing] | None = None) -> None:
        """Answer by `policy`; `standings` maps node ids, and a node that it lacks is unknown and denied.

        Without `standings` every node counts as active.
        """
        self._policy = policy
        self._standings = standings
        self._deciders: dict[tuple[str, int], NodeDecider] = {}

    def is_metric_allowed(self, metric: str, node_id: str) -> bool:
        """Whether the node may collect the metric at all; uses no token of its rate."""
        return self.judge_name(metric, node_id).allowed

    def judge_name(self, metric: str, node_id: str) -> Decision:
        """Like `is_metric_allowed`, with the reason."""
        if metric in self._policy.metrics:
            return _SILENT.get(self._standing(node_id), ALLOWED)
        return FORBIDDEN if metric in self._policy.forbidden else UNKNOWN_NAME

    def decide(
        self,
        node_id: str,
        name: str,
        kind: str,
        value: Value,
        now_ns: int,
        labels: Labels | None = None,
    ) -> Decision:
        """Decide one sample of one node. A silenced node's sample is judged first, as the kernel does."""
        standing = self._standing(node_id)
        factor = RATE_LIMITED_FACTOR if standing is Standing.RATE_LIMITED else 1
        decider = self._deciders.get((node_id, factor))
        if decider is None:
            decider = self._deciders[node_id, factor] = NodeDecider(self._policy, factor)
        decision = decider.decide(name, kind, value, now_ns, labels)
        return _SILENT.get(standing, decision) if decision.allowed else decision

    def _standing(self, node_id: str) -> Standing:
        return Standing.ACTIVE if self._standings is None else self._standings.get(node_id, Standing.UNKNOWN)


def _unknown(kind: str, value: Value, now_ns: int, labels: Labels | None) -> Decision:
    return UNKNOWN_NAME


def _forbidden(kind: str, value: Value, now_ns: int, labels: Labels | None) -> Decision:
    return FORBIDDEN


def _compile(rule: MetricRule, factor: int) -> _Check:
    expected: MetricType = rule.type
    low, high = float(rule.minimum), float(rule.maximum)
    scale = 10.0**rule.decimals
    interval = rule.interval_ns * factor
    tolerance = interval * rule.burst
    judge_labels = _compile_labels(rule) if rule.labels else None
    # From 2^51 on a double may not tell neighbouring scaled values apart: values go the exact way then.
    exact_only = max(map(abs, rule.scaled_bounds)) >= _EXACT
    if exact_only:
        low, high = 1.0, 0.0
    due = 0

    def check(kind: str, value: Value, now_ns: int, labels: Labels | None) -> Decision:
        nonlocal due
        if kind is not expected and kind != expected:
            return TYPE
        # With two decimals, say: n/100 is the double nearest to n hundredths, so it equals `value` exactly if
        # `value` is written with two decimals.
        try:
            plain = low <= value <= high and (
                value.__class__ is int
                or (value.__class__ is float and ((value * scale + _ROUNDER) - _ROUNDER) / scale == value)
            )
        except InvalidOperation:  # a Decimal that is no number does not compare
            return VALUE_SYNTAX
        if not plain:
            refused = _judge_exactly(rule, value)
            if refused is not None:
                return refused
        if labels or judge_labels is not None:
            refused = LABEL if judge_labels is None else judge_labels(labels or {})
            if refused is not None:
                return refused
        next_due = (due if due > now_ns else now_ns) + interval
        if next_due - now_ns > tolerance:
            return RATE
        due = next_due
        return ALLOWED

    return check


def _judge_exactly(rule: MetricRule, value: Value) -> Decision | None:
    if isinstance(value, bool):
        return VALUE_SYNTAX
    exact = Decimal(repr(value)).normalize() if isinstance(value, float) else Decimal(value)
    _, digits, exponent = exact.as_tuple()
    if not isinstance(exponent, int):
        return RANGE if exact.is_infinite() else VALUE_SYNTAX
    fraction = max(0, -exponent)
    whole = max(1, len(digits) + exponent)
    if whole + fraction > MAX_DIGITS:
        return RANGE
    if fraction > rule.decimals:
        return PRECISION
    return None if rule.minimum <= exact <= rule.maximum else RANGE


def _compile_labels(rule: MetricRule) -> Callable[[Labels], Decision | None]:
    tests: dict[str, Callable[[str], bool]] = {
        label: LabelPattern(values).matches if isinstance(values, str) else frozenset(values).__contains__
        for label, values in rule.labels.items()
    }
    seen: set[frozenset[tuple[str, str]]] = set()

    def judge(labels: Labels) -> Decision | None:
        for label, value in labels.items():
            fits = tests.get(label)
            if fits is None or not fits(value):
                return LABEL
        chosen = frozenset(labels.items())
        if chosen not in seen:
            if len(seen) >= rule.cardinality:
                return CARDINALITY
            seen.add(chosen)
        return None

    return judge
