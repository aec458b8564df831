"""What the charter demands of a Cradle experiment before anybody may vote on it.

It measures only what the charter allows, its gates are plain comparisons that can come true and can fail,
and it names how long and how widely it acts. Nothing in the file is ever evaluated as code.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from oracles.charter.checking import Checker
from oracles.charter.fields import Exact, Short, word_of
from oracles.charter.policy import MetricRule, Policy
from oracles.charter.yaml_tree import DocumentRefused, Step, parse, read_file

_METRIC = r"[a-zA-Z_:][a-zA-Z0-9_:.]{0,63}"
_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?"
_CONDITION = re.compile(rf"({_METRIC})\s*(<=|>=|<|>)\s*({_NUMBER})")
_COMPARE: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MAX_HOURS = Decimal(720)


@dataclass(frozen=True)
class Condition:
    """One comparison of a gate, such as `latency_p99 < 200`."""

    metric: str
    sign: str
    bound: Decimal

    def holds(self, value: Decimal) -> bool:
        """Whether a measured value passes."""
        return _COMPARE[self.sign](value, self.bound)


def parse_gate(text: str) -> tuple[Condition, ...]:
    """Read a gate: comparisons joined by `and`. Raises `ValueError` on anything else."""
    conditions = []
    for part in text.split(" and "):
        match = _CONDITION.fullmatch(part.strip())
        if match is None:
            raise ValueError(
                f"{part.strip()[:60]!r} is no condition: write a metric, <, <=, > or >=, and a number, "
                "and join conditions by `and`"
            )
        conditions.append(Condition(match[1], match[2], Decimal(match[3])))
    return tuple(conditions)


def _check_gate(text: str) -> str:
    parse_gate(text)
    return text


def _check_fraction(value: Decimal) -> Decimal:
    if not 0 < value <= 1:
        raise ValueError(f"{value:f} is no fraction: more than 0, at most 1")
    return value


def _check_hours(value: Decimal) -> Decimal:
    if not 0 < value <= _MAX_HOURS:
        raise ValueError(f"{value:f} hours are not possible: more than 0, at most {_MAX_HOURS}")
    return value


def _check_minutes(value: Decimal) -> Decimal:
    _check_hours(value / 60)
    return value


Fraction = Annotated[Exact, AfterValidator(_check_fraction)]
Hours = Annotated[Exact, AfterValidator(_check_hours)]
Minutes = Annotated[Exact, AfterValidator(_check_minutes)]
Gate = Annotated[str, AfterValidator(_check_gate)]
Label = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
"""A DNS label (RFC 1123), as Kubernetes wants names."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class ChaosType(StrEnum):
    """What an experiment may do to its twin of the mesh."""

    NODE_KILL = "node_kill"
    LINK_LOSS = "link_loss"
    LINK_PARTITION = "link_partition"


class Chaos(_Part):
    """One disturbance: of a fraction of nodes or packets, or for some minutes."""

    type: Annotated[ChaosType, word_of(ChaosType)]
    fraction: Fraction | None = None
    duration_minutes: Minutes | None = None

    @model_validator(mode="after")
    def _complete(self) -> Chaos:
        if self.type is ChaosType.LINK_PARTITION:
            if self.duration_minutes is None:
                raise ValueError("a link_partition needs duration_minutes")
        elif self.fraction is None:
            raise ValueError(f"a {self.type.value} needs a fraction")
        return self


class Criterion(_Part):
    """What a metric has to be in the end; at least one of the two bounds."""

    metric: str
    min_value: Exact | None = None
    max_value: Exact | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Criterion:
        if self.min_value is None and self.max_value is None:
            raise ValueError("a criterion needs min_value, max_value or both")
        if self.min_value is not None and self.max_value is not None and self.min_value > self.max_value:
            raise ValueError(f"min_value {self.min_value:f} is above max_value {self.max_value:f}")
        return self


class Stage(_Part):
    """One stage of the roll-out: how many nodes, how long, and what must hold to go on."""

    name: Label
    node_fraction: Fraction
    duration_hours: Hours
    gate: Gate


class Metadata(_Part):
    """Name and namespace."""

    name: Label
    namespace: Label


class Metrics(_Part):
    """What success is."""

    success_criteria: Annotated[list[Criterion], Field(min_length=1, max_length=64)]


class Rollout(_Part):
    """The stages after success, in order."""

    stages: Annotated[list[Stage], Field(min_length=1, max_length=16)]


class Spec(_Part):
    """What is done, for how long, how it is judged, and how it is rolled out."""

    description: Short
    duration_hours: Hours
    chaos: Annotated[list[Chaos], Field(max_length=64)] = Field(default_factory=list)
    metrics: Metrics
    rollout: Rollout


class Experiment(_Part):
    """A whole `CradleExperiment`."""

    version: Literal["1.0"]
    kind: Literal["CradleExperiment"]
    metadata: Metadata
    spec: Spec


def load_experiment(path: Path, policy: Policy) -> Experiment:
    """Read the experiment in the file `path`. Raises `DocumentRefused`, which holds every fault."""
    return read_experiment(read_file(path), policy, str(path))


def read_experiment(data: bytes, policy: Policy, file: str = "<experiment>") -> Experiment:
    """Read an experiment and hold it against the policy. Raises `DocumentRefused` with every fault."""
    root, faults = parse(data, file)
    check = Checker(root, file, faults)
    fields = root.plain()
    if not isinstance(fields, dict):
        check.fault((), "an experiment is a mapping")
        raise DocumentRefused(check.faults)
    experiment = check.model(Experiment, fields, ())
    if experiment is not None:
        _hold_against(experiment, policy, check)
    if check.faults or experiment is None:
        raise DocumentRefused(check.faults)
    return experiment


def _hold_against(experiment: Experiment, policy: Policy, check: Checker) -> None:
    spec = experiment.spec
    for index, chaos in enumerate(spec.chaos):
        if chaos.duration_minutes is not None and chaos.duration_minutes > spec.duration_hours * 60:
            check.fault(
                ("spec", "chaos", index, "duration_minutes"), "it outlasts the experiment's duration_hours"
            )
    for index, criterion in enumerate(spec.metrics.success_criteria):
        path: tuple[Step, ...] = ("spec", "metrics", "success_criteria", index)
        rule = _allowed(criterion.metric, policy, (*path, "metric"), check)
        for field, bound in (("min_value", criterion.min_value), ("max_value", criterion.max_value)):
            if rule is not None and bound is not None and not rule.minimum <= bound <= rule.maximum:
                _beyond(criterion.metric, bound, rule, (*path, field), check)
    before = Decimal(0)
    for index, stage in enumerate(spec.rollout.stages):
        path = ("spec", "rollout", "stages", index)
        if stage.node_fraction <= before:
            check.fault((*path, "node_fraction"), f"each stage is wider than the one before ({before:f})")
        before = stage.node_fraction
        for condition in parse_gate(stage.gate):
            rule = _allowed(condition.metric, policy, (*path, "gate"), check)
            if rule is not None and not rule.minimum <= condition.bound <= rule.maximum:
                _beyond(condition.metric, condition.bound, rule, (*path, "gate"), check)


def _allowed(metric: str, policy: Policy, path: tuple[Step, ...], check: Checker) -> MetricRule | None:
    rule = policy.metrics.get(metric)
    if rule is None:
        how = "is forbidden by" if metric in policy.forbidden else "is not in"
        check.fault(path, f"{metric!r} {how} the charter, so it cannot be measured")
    return rule


def _beyond(metric: str, bound: Decimal, rule: MetricRule, path: tuple[Step, ...], check: Checker) -> None:
    check.fault(
        path,
        f"{bound:f} lies outside of what {metric} may be ({rule.minimum:f} to {rule.maximum:f}): "
        "the comparison would always end the same way",
    )
