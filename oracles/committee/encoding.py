"""How bytes and addresses look in the JSON that members exchange."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from typing import Annotated, Any

from eth_utils.address import is_checksum_address
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, PlainSerializer

STRICT = ConfigDict(strict=True, extra="forbid")
"""What arrives is taken as it was meant, or not at all."""

_HEX = re.compile(r"0x(?:[0-9a-f]{2})*")


def _from_hex(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if _HEX.fullmatch(value) is None:
        raise ValueError("expected 0x and lower-case hexadecimal digits")
    return bytes.fromhex(value[2:])


def _to_hex(value: bytes) -> str:
    return "0x" + value.hex()


def _from_base64(value: Any) -> Any:
    return b64decode(value, validate=True) if isinstance(value, str) else value


def _to_base64(value: bytes) -> str:
    return b64encode(value).decode()


def _checksummed(value: str) -> str:
    if not is_checksum_address(value):
        raise ValueError("expected an address in checksum form (EIP-55)")
    return value


_AsHex = PlainSerializer(_to_hex, return_type=str, when_used="json")
_AsBase64 = PlainSerializer(_to_base64, return_type=str, when_used="json")

Hash = Annotated[bytes, BeforeValidator(_from_hex), Field(min_length=32, max_length=32), _AsHex]
Signature = Annotated[bytes, BeforeValidator(_from_hex), Field(min_length=65, max_length=65), _AsHex]
Address = Annotated[str, AfterValidator(_checksummed)]
Body = Annotated[bytes, BeforeValidator(_from_base64), Field(max_length=262_144), _AsBase64]
Number = Annotated[int, Field(ge=0, lt=2**63)]
