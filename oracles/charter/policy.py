"""The charter policy: one model, whatever source it came from, with one canonical form and one hash.

A policy lists the metrics that nodes may collect and by which rule each; what it does not list is denied.
The YAML that people write is read by `document`, the chain's events by `chain_source`.
"""

from __future__ import annotations

from datetime import date
from decimal import ROUND_CEILING, Decimal
from typing import Annotated, Any

from eth_utils.crypto import keccak
from pydantic import BaseModel, ConfigDict, Field, model_validator

from oracles.charter.canonical import canonical_json, decimal_text, name_id
from oracles.charter.fields import (
    MAX_DECIMALS,
    Bound,
    Day,
    Labels,
    PolicyName,
    Rate,
    Short,
    Text,
    places,
    word_of,
)
from oracles.charter.vocabulary import Access, Kind, MetricType, Penalty, Severity

FORMAT = "westworld-charter/1"
MAX_METRICS = 10_000
MAX_NAMES = 16_383  # allowed and forbidden ones together: the kernel's table, less the self-check's own name
MAX_RULE_BYTES = 1024
MAX_TERMS_BYTES = 1024
MAX_ARTICLE_BYTES = 2048
MAX_TOLERANCE_NS = 2**53  # burst times interval: the most that the kernel's clock arithmetic can take
RATE_LIMITED_FACTOR = 10  # `rate_limited_1h` makes every metric so many times rarer


def forbidden_limit(allowed: int) -> int:
    """How many names can be forbidden beside so many allowed ones."""
    return min(MAX_METRICS, MAX_NAMES - allowed)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class MetricRule(_Frozen):
    """How one allowed metric may be collected. A bare name in the YAML means every default."""

    group: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")] = "general"
    """The section of the YAML it stands in; it has no effect on decisions."""
    type: Annotated[MetricType, word_of(MetricType)] = MetricType.GAUGE
    minimum: Bound = Decimal(0)
    """The least value let through, inclusive."""
    maximum: Bound = Decimal(100_000)
    """The greatest value let through, inclusive."""
    decimals: Annotated[int, Field(ge=0, le=MAX_DECIMALS)] = 2
    """How many digits a value may have after the point."""
    rate_hz: Rate = Decimal(1)
    """Sustained samples a second, over all label sets of the metric on one node."""
    burst: Annotated[int, Field(ge=1, le=1000)] = 2
    """How many samples may come at once after silence."""
    labels: Labels = Field(default_factory=dict)
    """Label name → the values it may take, or one bounded pattern (see `labels`). Others are denied."""
    cardinality: Annotated[int, Field(ge=1, le=100_000)] = 1
    """How many different label sets one node may use."""
    access: Annotated[Access, word_of(Access)] = Access.COMMITTEE
    purpose: Short = ""
    owner: Short = ""
    review: Short = ""
    """Link to the discussion in which the metric was approved."""
    expires: Day | None = None
    """The last day (UTC) on which the metric may be collected."""

    @model_validator(mode="after")
    def _agree(self) -> MetricRule:
        faults = []
        if self.minimum > self.maximum:
            faults.append(f"minimum {self.minimum:f} is above maximum {self.maximum:f}")
        for word, bound in (("minimum", self.minimum), ("maximum", self.maximum)):
            if places(bound) > self.decimals:
                faults.append(f"{word} {bound:f} has more than {self.decimals} decimals")
        if self.cardinality > 1 and not self.labels:
            faults.append(f"cardinality {self.cardinality} needs labels, and there are none")
        if self.interval_ns * self.burst > MAX_TOLERANCE_NS:
            faults.append(f"burst {self.burst} at {self.rate_hz:f} Hz spans more than 104 days")
        if not faults and len(self.on_chain()) > MAX_RULE_BYTES:
            faults.append(
                f"the rule takes {len(self.on_chain())} bytes on-chain, {MAX_RULE_BYTES} are possible"
            )
        if faults:
            raise ValueError("; ".join(faults))
        return self

    @property
    def scaled_bounds(self) -> tuple[int, int]:
        """`minimum` and `maximum` times 10^`decimals`: whole numbers, exactly as the kernel compares them."""
        scale = Decimal(10) ** self.decimals
        return int(self.minimum * scale), int(self.maximum * scale)

    @property
    def interval_ns(self) -> int:
        """Nanoseconds between two samples at the sustained rate, rounded up: the rate is never exceeded."""
        return int((Decimal(1_000_000_000) / self.rate_hz).to_integral_value(ROUND_CEILING))

    def compact(self) -> dict[str, Any]:
        """The fields that differ from the defaults, as canonical JSON values."""
        full = self.model_dump(mode="json")
        return {key: value for key, value in full.items() if value != _DEFAULT_FIELDS[key]}

    def on_chain(self) -> bytes:
        """The canonical JSON that `Charter.allow_metric` takes; `{}` for a rule of defaults."""
        return canonical_json(self.compact())


_DEFAULT_FIELDS: dict[str, Any] = {
    name: field.get_default(call_default_factory=True) for name, field in MetricRule.model_fields.items()
}
_DEFAULT_FIELDS |= {
    key: decimal_text(value) for key, value in _DEFAULT_FIELDS.items() if isinstance(value, Decimal)
}


class Consequence(_Frozen):
    """How grave a kind of violation is, and what it costs. Reports of a kind not named are not heard."""

    severity: Annotated[Severity, word_of(Severity)]
    penalty: Annotated[Penalty, word_of(Penalty)]


class Policy(_Frozen):
    """A whole charter policy. Equal policies have equal `canonical` bytes and equal `hash`."""

    version: Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+){0,2}$", max_length=32)]
    """The authors' version; the Charter counts its own versions."""
    description: Annotated[Text, Field(max_length=900)] = ""
    metrics: Annotated[dict[PolicyName, MetricRule], Field(max_length=MAX_METRICS)] = Field(
        default_factory=dict
    )
    """Allowed metric → its rule, with the policy-wide defaults already applied."""
    forbidden: Annotated[frozenset[PolicyName], Field(max_length=MAX_METRICS)] = frozenset()
    """Names that were considered and refused: denied as unknown names are, but named in the clear."""
    violations: dict[Annotated[Kind, word_of(Kind)], Consequence] = Field(default_factory=dict)
    articles: dict[Annotated[int, Field(ge=1, le=9999)], Annotated[Text, Field(min_length=1)]] = Field(
        default_factory=dict
    )
    """The constitution's text by article number."""

    @model_validator(mode="after")
    def _agree(self) -> Policy:
        both = sorted(self.forbidden & self.metrics.keys())
        if both:
            raise ValueError(f"both allowed and forbidden: {', '.join(both)}")
        if (names := len(self.metrics) + len(self.forbidden)) > MAX_NAMES:
            raise ValueError(f"{names} names are allowed or forbidden, {MAX_NAMES} are possible")
        for number, text in self.articles.items():
            if len(text.encode()) > MAX_ARTICLE_BYTES:
                raise ValueError(
                    f"article {number} has {len(text.encode())} bytes, {MAX_ARTICLE_BYTES} are possible"
                )
        if len(self.terms()) > MAX_TERMS_BYTES:
            raise ValueError(
                f"version and description take {len(self.terms())} bytes, {MAX_TERMS_BYTES} are possible"
            )
        return self

    def terms(self) -> bytes:
        """What `Charter.set_terms` takes: canonical JSON of version and description."""
        return canonical_json({"version": self.version, "description": self.description})

    def to_canonical(self) -> dict[str, Any]:
        """The canonical form as a JSON value; of a rule only what differs from the defaults."""
        return {
            "format": FORMAT,
            "version": self.version,
            "description": self.description,
            "metrics": {name: rule.compact() for name, rule in self.metrics.items()},
            "forbidden": sorted(self.forbidden),
            "violations": {
                kind.value: {"severity": found.severity.value, "penalty": found.penalty.value}
                for kind, found in self.violations.items()
            },
            "articles": {str(number): text for number, text in self.articles.items()},
        }

    @classmethod
    def from_canonical(cls, form: dict[str, Any]) -> Policy:
        """Read back what `to_canonical` wrote. Raises `ValueError` on anything else."""
        fields = dict(form)
        if fields.pop("format", None) != FORMAT:
            raise ValueError(f"this is no canonical charter policy: its format is not {FORMAT}")
        fields["forbidden"] = frozenset(fields.get("forbidden", ()))
        fields["articles"] = {int(number): text for number, text in fields.get("articles", {}).items()}
        return cls.model_validate(fields)

    @property
    def canonical(self) -> bytes:
        """The canonical form's bytes."""
        return canonical_json(self.to_canonical())

    @property
    def hash(self) -> bytes:
        """keccak256 of the canonical form: the `policy_hash` that `Charter.enact` takes."""
        return keccak(self.canonical)

    def on_day(self, day: date) -> Policy:
        """The policy as it holds on `day` (UTC): without the metrics that have expired by then."""
        kept = {
            name: rule for name, rule in self.metrics.items() if rule.expires is None or day <= rule.expires
        }
        return self.model_copy(update={"metrics": kept})

    def metric_ids(self) -> dict[bytes, str]:
        """The 32-byte id that contracts use → the name, for every name that the policy knows."""
        return {name_id(name): name for name in (*self.metrics, *self.forbidden)}
