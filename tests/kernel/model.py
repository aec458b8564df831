"""The filter's decision in plain Python, written from its rules and not from its code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from agent.kernel.reasons import Reason
from agent.kernel.rules import KernelRule, MetricType, Verdict

LINES = 16
PAYLOAD = 1432
DIGITS = 18
TYPES = {b"g": MetricType.GAUGE, b"c": MetricType.COUNTER, b"ms": MetricType.TIMER, b"s": MetricType.SET}

_NAME = re.compile(rb"[\x21-\x39\x3b-\x7e]*")
_VALUE = re.compile(rb"(-?)([0-9]+)(?:\.([0-9]+))?")


@dataclass
class Bucket:
    """A token bucket in its textbook form: `burst` tokens at most, one more each interval.

    Where the rule changes, tokens are owed for as long as before, but never more than make an empty bucket.
    """

    interval: int
    burst: int
    tokens: Fraction
    filled_at: int

    def take(self, now: int, interval: int, burst: int) -> bool:
        gained = Fraction(now - self.filled_at, self.interval)
        self.tokens = min(Fraction(self.burst), self.tokens + gained)
        self.filled_at = now
        owed = (self.burst - self.tokens) * self.interval
        self.interval, self.burst = interval, burst
        self.tokens = max(Fraction(0), burst - owed / interval)
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@dataclass
class Model:
    """One policy and its tokens. Time is the caller's, in nanoseconds."""

    rules: Mapping[bytes, KernelRule]
    suspended: bool = False
    factor: int = 1
    buckets: dict[bytes, Bucket] = field(default_factory=dict)

    def decide(self, payload: bytes, now: int) -> Reason | None:
        """Why the datagram is refused, or None."""
        if len(payload) > PAYLOAD:
            return Reason.OVERSIZED
        lines = payload.split(b"\n")
        if len(lines) > 1 and lines[-1] == b"":
            lines.pop()
        for number, line in enumerate(lines):
            if number == LINES:
                return Reason.TOO_MANY_LINES
            if reason := self._line(line, now):
                return reason
        return Reason.SUSPENDED if self.suspended else None

    def _line(self, line: bytes, now: int) -> Reason | None:
        if line == b"":
            return Reason.EMPTY
        name = _NAME.match(line)[0]  # type: ignore[index]
        rest = line[len(name) :]
        if len(name) > 64:
            return Reason.NAME_TOO_LONG
        if not name or not rest.startswith(b":"):
            return Reason.NUL if rest.startswith(b"\0") else Reason.NAME_SYNTAX
        rule = self.rules.get(name)
        if rule is None or rule.verdict is Verdict.PROBE:
            return Reason.UNKNOWN_NAME
        if rule.verdict is Verdict.FORBIDDEN:
            return Reason.FORBIDDEN
        return self._value(rule, rest[1:], now)

    def _value(self, rule: KernelRule, text: bytes, now: int) -> Reason | None:
        number = _VALUE.match(text)
        if number is None:
            return Reason.NUL if text.removeprefix(b"-").startswith(b"\0") else Reason.VALUE_SYNTAX
        sign, whole, fraction = number[1], number[2], number[3] or b""
        rest = text[number.end() :]
        if len(whole) > DIGITS:
            return Reason.RANGE
        if not fraction and rest.startswith(b"."):
            return Reason.NUL if rest.startswith(b".\0") else Reason.VALUE_SYNTAX
        if len(whole + fraction) > DIGITS:
            return Reason.RANGE
        if not rest.startswith(b"|"):
            return Reason.NUL if rest.startswith(b"\0") else Reason.VALUE_SYNTAX
        if isinstance(kind := _type(rest[1:]), Reason):
            return kind
        if kind is not rule.type:
            return Reason.TYPE
        if len(fraction) > rule.decimals:
            return Reason.PRECISION
        scaled = int(sign + whole + fraction) * 10 ** (rule.decimals - len(fraction))
        if not rule.minimum <= scaled <= rule.maximum:
            return Reason.RANGE
        interval = rule.interval_ns * self.factor
        if interval == 0:
            return None
        full = Bucket(interval, rule.burst, Fraction(rule.burst), now)
        bucket = self.buckets.setdefault(rule.name, full)
        return None if bucket.take(now, interval, rule.burst) else Reason.RATE


def _type(text: bytes) -> MetricType | Reason:
    letters = next((key for key in (b"ms", b"g", b"c", b"s") if text.startswith(key)), None)
    if letters is None:
        return Reason.NUL if text.startswith(b"\0") else Reason.TYPE_SYNTAX
    rest = text[len(letters) :]
    if rest == b"":
        return TYPES[letters]
    if rest.startswith(b"|"):
        return Reason.TAGS if rest.startswith(b"|#") else Reason.SUFFIX
    if rest.startswith(b"\0"):
        return Reason.NUL
    return Reason.SUFFIX if rest.startswith(b":") else Reason.TYPE_SYNTAX
