"""The types of a policy's fields: each says what it takes, and refuses the rest in plain words."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, PlainSerializer, Tag
from pydantic_core import PydanticCustomError

from oracles.charter.canonical import decimal_text
from oracles.charter.labels import MAX_VALUE_BYTES, LabelPattern

MAX_NAME_BYTES = 64
RESERVED_NAME = "westworld.self_check"  # with all names below it, for the agents' proof of enforcement
MAX_DECIMALS = 6
MAX_MAGNITUDE = Decimal(10**12)  # times 10^MAX_DECIMALS it still fits the kernel's signed 64 bits
MIN_RATE_HZ = Decimal("0.00001")  # about once a day
MAX_RATE_HZ = Decimal(10_000)

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:.]*")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,31}")
_LABEL_VALUE = re.compile(r"[A-Za-z0-9_.:/-]+")


def check_name(name: str) -> str:
    """Return `name` if it can be a metric's: 1 to 64 bytes of `[a-zA-Z_:][a-zA-Z0-9_:.]*`.

    Raises `ValueError` if it cannot.
    """
    if len(name) > MAX_NAME_BYTES:
        raise ValueError(
            f"a metric's name has at most {MAX_NAME_BYTES} bytes, this one has {len(name.encode())}"
        )
    if _NAME.fullmatch(name) is None:
        raise ValueError(
            f"{name!r} is no metric name: a letter, '_' or ':', then letters, digits, '_', ':' or '.'"
        )
    return name


def check_policy_name(name: str) -> str:
    """Return `name` if a policy may allow or forbid it: it can be a metric's and is not reserved.

    Raises `ValueError` otherwise.
    """
    if f"{name}.".startswith(f"{RESERVED_NAME}."):
        raise ValueError(f"{name} is reserved for the agents' self-check: no policy allows or forbids it")
    return check_name(name)


def _to_decimal(value: Any) -> Any:
    # Floats are refused on purpose: 0.1 has no exact one, and the kernel compares exact scaled integers.
    if isinstance(value, bool | float):
        raise PydanticCustomError("no_float", "write a whole number or a decimal, such as 0.5")
    if not isinstance(value, int | str | Decimal):
        return value
    text = format(value, "f") if isinstance(value, Decimal) else str(value)
    if len(text) > 64 or _DECIMAL.fullmatch(text) is None:
        raise PydanticCustomError(
            "no_decimal", "{text} is no decimal number such as 0.5", {"text": repr(text[:64])}
        )
    return Decimal(decimal_text(Decimal(text)))  # one text for one number: 1.50 is 1.5


def _to_date(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{value!r} is no date such as 2027-01-31") from None
    return value


def word_of(kind: type[StrEnum]) -> BeforeValidator:
    """A validator that reads one of `kind`'s words, and lists them all when it gets another."""

    def read(value: Any) -> Any:
        if isinstance(value, str) and not isinstance(value, kind):
            try:
                return kind(value)
            except ValueError:
                raise ValueError(f"{value!r} is unknown, choose one of: {', '.join(kind)}") from None
        return value

    return BeforeValidator(read)


def places(number: Decimal) -> int:
    """How many digits `number` has after the point."""
    exponent = number.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _check_bound(bound: Decimal) -> Decimal:
    if abs(bound) > MAX_MAGNITUDE:
        raise ValueError(f"{bound} is beyond ±10^12")
    return bound


def _check_rate(rate: Decimal) -> Decimal:
    if not MIN_RATE_HZ <= rate <= MAX_RATE_HZ:
        raise ValueError(f"{rate:f} Hz is no rate: {MIN_RATE_HZ:f} to {MAX_RATE_HZ:f} are possible")
    if places(rate) > MAX_DECIMALS:
        raise ValueError(f"{rate:f} Hz has more than {MAX_DECIMALS} decimals")
    return rate


def _check_labels(labels: dict[str, list[str] | str]) -> dict[str, list[str] | str]:
    faults = []
    for label, values in labels.items():
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
    if faults:
        raise ValueError("; ".join(faults))
    return labels


def _check_text(value: str) -> str:
    if any(ord(character) < 32 and character != "\n" for character in value):
        raise ValueError("the text holds control characters")
    return value


MetricName = Annotated[str, AfterValidator(check_name)]
PolicyName = Annotated[str, AfterValidator(check_policy_name)]
Exact = Annotated[
    Decimal, BeforeValidator(_to_decimal), PlainSerializer(decimal_text, return_type=str, when_used="json")
]
Bound = Annotated[Exact, AfterValidator(_check_bound)]
Rate = Annotated[Exact, AfterValidator(_check_rate)]
# The tags stand in pydantic's places: what is in brackets is left out of a fault's path (see `checking`).
_LabelValues = Annotated[
    Annotated[list[str], AfterValidator(sorted), Tag("[list]")] | Annotated[str, Tag("[pattern]")],
    Discriminator(lambda value: "[list]" if isinstance(value, list) else "[pattern]"),
]
Labels = Annotated[dict[str, _LabelValues], AfterValidator(_check_labels)]
Day = Annotated[date, BeforeValidator(_to_date)]
Text = Annotated[str, AfterValidator(_check_text)]
Short = Annotated[Text, Field(max_length=256)]
