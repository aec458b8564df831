"""The charter policy: one model, whatever source it came from, with one canonical form and one hash.

A policy lists the metrics that nodes may collect and by which rule each; what it does not list is denied.
The YAML that people write is read by `document`, the chain's events by `chain_source`.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from enum import StrEnum
from typing import Annotated, Any

from eth_utils.crypto import keccak
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

from oracles.charter.canonical import canonical_json, decimal_text, name_id
from oracles.charter.labels import MAX_VALUE_BYTES, LabelPattern
from oracles.charter.vocabulary import Access, Kind, MetricType, Penalty, Severity

FORMAT = "westworld-charter/1"
MAX_NAME_BYTES = 64
MAX_DECIMALS = 6
MAX_MAGNITUDE = Decimal(10**12)  # times 10^MAX_DECIMALS it still fits the kernel's signed 64 bits
MIN_RATE_HZ = Decimal("0.00001")  # about once a day
MAX_RATE_HZ = Decimal(10_000)
MAX_METRICS = 10_000  # the size of the kernel's tables
MAX_RULE_BYTES = 1024
MAX_TERMS_BYTES = 1024
MAX_ARTICLE_BYTES = 2048
RATE_LIMITED_DIVISOR = 10  # what `rate_limited_1h` divides every rate by

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:.]*")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,31}")
_LABEL_VALUE = re.compile(r"[A-Za-z0-9_.:/-]+")


def check_name(name: str) -> str:
    """Return `name` if it can be a metric's: 1 to 64 bytes of `[a-zA-Z_:][a-zA-Z0-9_:.]*`; else `ValueError`."""
    if len(name) > MAX_NAME_BYTES:
        raise ValueError(
            f"a metric's name has at most {MAX_NAME_BYTES} bytes, this one has {len(name.encode())}"
        )
    if _NAME.fullmatch(name) is None:
        raise ValueError(
            f"{name!r} is no metric name: a letter, '_' or ':', then letters, digits, '_', ':' or '.'"
        )
    return name


def _to_decimal(value: Any) -> Any:
    # Floats are refused on purpose: 0.1 has no exact one, and the kernel compares exact scaled integers.
    if isinstance(value, bool | float):
        raise PydanticCustomError("no_float", "write a whole number or a decimal, such as 0.5")
    if isinstance(value, int | str):
        try:
            value = Decimal(value)
        except InvalidOperation:
            raise ValueError(f"{value!r} is no decimal number") from None
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError("the number has to be finite")
        # One text for one number, so 1.50 and 1.5 are equal in every form.
        return Decimal(decimal_text(value)) if abs(value.adjusted()) < 64 else value
    return value


def _to_date(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{value!r} is no date: write it as 2027-01-31") from None
    return value


def _from_text(kind: type[StrEnum]) -> BeforeValidator:
    def read(value: Any) -> Any:
        if isinstance(value, str) and not isinstance(value, kind):
            try:
                return kind(value)
            except ValueError:
                raise ValueError(f"{value!r} is unknown, choose one of: {', '.join(kind)}") from None
        return value

    return BeforeValidator(read)


def _check_text(value: str) -> str:
    if any(ord(character) < 32 and character != "\n" for character in value):
        raise ValueError("the text holds control characters")
    return value


MetricName = Annotated[str, AfterValidator(check_name)]
Exact = Annotated[
    Decimal, BeforeValidator(_to_decimal), PlainSerializer(decimal_text, return_type=str, when_used="json")
]
Text = Annotated[str, AfterValidator(_check_text)]
Short = Annotated[Text, Field(max_length=256)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class MetricRule(_Frozen):
    """How one allowed metric may be collected. A bare name in the YAML means every default."""

    group: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")] = "general"
    """The section of the YAML it stands in; it has no effect on decisions."""
    type: Annotated[MetricType, _from_text(MetricType)] = MetricType.GAUGE
    minimum: Exact = Decimal(0)
    """The least value let through, inclusive."""
    maximum: Exact = Decimal(100_000)
    """The greatest value let through, inclusive."""
    decimals: Annotated[int, Field(ge=0, le=MAX_DECIMALS)] = 2
    """How many digits a value may have after the point."""
    rate_hz: Exact = Decimal(1)
    """Sustained samples a second, over all label sets of the metric on one node."""
    burst: Annotated[int, Field(ge=1, le=1000)] = 2
    """How many samples may come at once after silence."""
    labels: dict[str, Annotated[list[str], AfterValidator(sorted)] | str] = Field(default_factory=dict)
    """Label name → the values it may take, or one bounded pattern (see `labels`). Any other label is denied."""
    cardinality: Annotated[int, Field(ge=1, le=100_000)] = 1
    """How many different label sets one node may use."""
    access: Annotated[Access, _from_text(Access)] = Access.COMMITTEE
    purpose: Short = ""
    owner: Short = ""
    review: Short = ""
    """Link to the discussion in which the metric was approved."""
    expires: Annotated[date | None, BeforeValidator(_to_date)] = None
    """The last day (UTC) on which the metric may be collected."""

    @model_validator(mode="after")
    def _agree(self) -> MetricRule:
        faults = [*self._faults_of_numbers(), *self._faults_of_labels()]
        if faults:
            raise ValueError("; ".join(faults))
        if len(self.on_chain()) > MAX_RULE_BYTES:
            raise ValueError(
                f"the rule takes {len(self.on_chain())} bytes on-chain, {MAX_RULE_BYTES} are possible"
            )
        return self

    def _faults_of_numbers(self) -> list[str]:
        faults = []
        if self.minimum > self.maximum:
            faults.append(f"minimum {self.minimum:f} is above maximum {self.maximum:f}")
        for word, bound in (("minimum", self.minimum), ("maximum", self.maximum)):
            if abs(bound) > MAX_MAGNITUDE:
                faults.append(f"{word} {bound} is beyond ±10^12")
            elif _places(bound) > self.decimals:
                faults.append(f"{word} {bound:f} has more than {self.decimals} decimals")
        if not MIN_RATE_HZ <= self.rate_hz <= MAX_RATE_HZ:
            faults.append(f"rate_hz {self.rate_hz} is not between {MIN_RATE_HZ:f} and {MAX_RATE_HZ:f}")
        elif _places(self.rate_hz) > 6:
            faults.append(f"rate_hz {self.rate_hz:f} has more than 6 decimals")
        return faults

    def _faults_of_labels(self) -> list[str]:
        faults = []
        for label, values in self.labels.items():
            if _LABEL.fullmatch(label) is None:
                faults.append(f"{label!r} is no label name")
            if isinstance(values, str):
                try:
                    LabelPattern(values)
                except ValueError as fault:
                    faults.append(f"label {label}: {fault}")
                continue
            if not values or len(set(values)) != len(values):
                faults.append(f"label {label} needs a list of different values")
            for value in values:
                if len(value) > MAX_VALUE_BYTES or _LABEL_VALUE.fullmatch(value) is None:
                    faults.append(f"label {label}: {value!r} is no label value")
        if self.cardinality > 1 and not self.labels:
            faults.append(f"cardinality {self.cardinality} needs labels, and there are none")
        return faults

    @property
    def scaled_bounds(self) -> tuple[int, int]:
        """`minimum` and `maximum` times 10^`decimals`: whole numbers, exactly as the kernel compares them."""
        scale = Decimal(10) ** self.decimals
        return int(self.minimum * scale), int(self.maximum * scale)

    @property
    def interval_ns(self) -> int:
        """Nanoseconds between two samples at the sustained rate, rounded up so that the rate is never exceeded."""
        return int((Decimal(1_000_000_000) / self.rate_hz).to_integral_value(ROUND_CEILING))

    def compact(self) -> dict[str, Any]:
        """The fields that differ from the defaults, as canonical JSON values."""
        full = self.model_dump(mode="json")
        return {key: value for key, value in full.items() if value != _DEFAULT_FIELDS[key]}

    def on_chain(self) -> bytes:
        """The canonical JSON that `Charter.allow_metric` takes; `{}` for a rule of defaults."""
        return canonical_json(self.compact())


def _places(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


_DEFAULT_FIELDS: dict[str, Any] = {
    name: field.get_default(call_default_factory=True) for name, field in MetricRule.model_fields.items()
}
_DEFAULT_FIELDS |= {
    key: decimal_text(value) for key, value in _DEFAULT_FIELDS.items() if isinstance(value, Decimal)
}


class Consequence(_Frozen):
    """How grave a kind of violation is, and what it costs. A kind that a policy does not name is low, none."""

    severity: Annotated[Severity, _from_text(Severity)] = Severity.LOW
    penalty: Annotated[Penalty, _from_text(Penalty)] = Penalty.NONE


class Policy(_Frozen):
    """A whole charter policy. Equal policies have equal `canonical` bytes and equal `hash`."""

    version: Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+){0,2}$", max_length=32)]
    """The authors' version; the Charter counts its own versions."""
    description: Annotated[Text, Field(max_length=900)] = ""
    metrics: Annotated[dict[MetricName, MetricRule], Field(max_length=MAX_METRICS)] = Field(
        default_factory=dict
    )
    """Allowed metric → its rule, with the policy-wide defaults already applied."""
    forbidden: Annotated[frozenset[MetricName], Field(max_length=MAX_METRICS)] = frozenset()
    """Names that were considered and refused. They are denied as unknown names are, but named in the clear."""
    violations: dict[Annotated[Kind, _from_text(Kind)], Consequence] = Field(default_factory=dict)
    articles: dict[Annotated[int, Field(ge=1, le=9999)], Text] = Field(default_factory=dict)
    """The constitution's text by article number."""

    @model_validator(mode="after")
    def _agree(self) -> Policy:
        both = sorted(self.forbidden & self.metrics.keys())
        if both:
            raise ValueError(f"both allowed and forbidden: {', '.join(both)}")
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

    def consequence(self, kind: Kind) -> Consequence:
        """What `kind` leads to under this policy."""
        return self.violations.get(kind, Consequence())

    def terms(self) -> bytes:
        """What `Charter.set_terms` takes: canonical JSON of version and description."""
        return canonical_json({"version": self.version, "description": self.description})

    def to_canonical(self) -> dict[str, Any]:
        """The canonical form as a JSON value. What has no effect (an empty article, a kind at low/none) is left out."""
        return {
            "format": FORMAT,
            "version": self.version,
            "description": self.description,
            "metrics": {name: rule.compact() for name, rule in self.metrics.items()},
            "forbidden": sorted(self.forbidden),
            "violations": {
                kind.value: {"severity": found.severity.value, "penalty": found.penalty.value}
                for kind, found in self.violations.items()
                if found != Consequence()
            },
            "articles": {str(number): text for number, text in self.articles.items() if text},
        }

    @classmethod
    def from_canonical(cls, form: dict[str, Any]) -> Policy:
        """Read back what `to_canonical` wrote. Raises pydantic's `ValidationError`, or `ValueError` on a format unknown."""
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

    def slowed(self, divisor: int = RATE_LIMITED_DIVISOR) -> Policy:
        """The policy for a node under `rate_limited_1h`: every rate divided, no burst."""
        slow = {
            name: rule.model_copy(update={"rate_hz": max(MIN_RATE_HZ, rule.rate_hz / divisor), "burst": 1})
            for name, rule in self.metrics.items()
        }
        return self.model_copy(update={"metrics": slow})

    def metric_ids(self) -> dict[bytes, str]:
        """The 32-byte id that contracts use → the name, for every name that the policy knows."""
        return {name_id(name): name for name in (*self.metrics, *self.forbidden)}
