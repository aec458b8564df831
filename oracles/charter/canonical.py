"""One way to write a value as bytes, so that two parties who mean the same thing hash the same thing."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from eth_utils.crypto import keccak


def canonical_json(value: Any) -> bytes:
    """Write `value` as canonical JSON: sorted keys, no white space, UTF-8 unescaped, no floats.

    Raises `TypeError` where the value holds a float: numbers are whole, or decimal strings.
    """
    _refuse_floats(value)
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def name_id(name: str) -> bytes:
    """The 32 bytes by which contracts know a metric, a violation kind or a topic: keccak256 of its name."""
    return keccak(text=name)


def decimal_text(number: Decimal) -> str:
    """Write a decimal in its one canonical form: no exponent, no trailing zeros, no negative zero."""
    if not number:
        return "0"
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _refuse_floats(value: Any) -> None:
    if isinstance(value, float):
        raise TypeError(f"canonical JSON holds no floats, got {value!r}: write a decimal string instead")
    if isinstance(value, dict):
        for item in value.values():
            _refuse_floats(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_floats(item)
