"""How many bits a second a metric can carry out of a node, whatever its name says it measures.

An upper bound of what the contents of its samples can tell; when samples are sent also tells something, and
that is bounded by the rate alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from oracles.charter.labels import LabelPattern
from oracles.charter.policy import MetricRule, Policy

MAX_DIGITS = 18  # of a value in a statsd line, leading zeros included


@dataclass(frozen=True)
class Capacity:
    """A metric's capacity: bits in one sample, samples a second, and their product."""

    metric: str
    bits_per_sample: float
    rate_hz: float

    @property
    def bits_per_second(self) -> float:
        """Sustained bits a second."""
        return self.bits_per_sample * self.rate_hz


def capacity(metric: str, rule: MetricRule) -> Capacity:
    """The capacity of one metric by its rule."""
    low, high = rule.scaled_bounds
    bits = math.log2(high - low + 1)
    # 1, 01 and 1.0 are one value, but three texts: a sender can choose among them.
    bits += math.log2(MAX_DIGITS * (rule.decimals + 1))
    bits += min(math.log2(rule.cardinality), sum(map(_label_bits, rule.labels.values())))
    return Capacity(metric, bits, float(rule.rate_hz))


def capacities(policy: Policy) -> list[Capacity]:
    """Every allowed metric's capacity, the greatest first."""
    found = [capacity(name, rule) for name, rule in policy.metrics.items()]
    return sorted(found, key=lambda one: (-one.bits_per_second, one.metric))


def _label_bits(values: list[str] | str) -> float:
    # A label may also be left out, hence one more than its values.
    if isinstance(values, list):
        return math.log2(len(values) + 1)
    return math.log2(2 ** LabelPattern(values).bits + 1)
