"""ABI encoding by a contract's JSON ABI: calls, returned values, event logs (Solidity ABI specification)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from eth_abi.abi import encode
from eth_abi.codec import ABIDecoder
from eth_abi.decoding import StringDecoder
from eth_abi.exceptions import DecodingError
from eth_abi.registry import BaseEquals
from eth_abi.registry import registry as standard
from eth_utils.abi import collapse_if_tuple
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from oracles.chain.block import Log


def _lenient() -> ABIDecoder:
    registry = standard.copy()
    registry.unregister_decoder("string")
    registry.register_decoder(BaseEquals("string"), StringDecoder("replace"), label="string")
    return ABIDecoder(registry)


decode = _lenient().decode
"""Values by their ABI types; raises `DecodingError`.

Vyper takes any bytes for a string: those that are not UTF-8 read as U+FFFD, so that no stranger's text makes
a record or an event unreadable.
"""


@dataclass(frozen=True)
class Event:
    """A decoded log: the event's name and its arguments by name."""

    name: str
    args: Mapping[str, Any]
    log: Log


class Abi:
    """A contract's JSON ABI. Overloads differ in how many arguments they take: name and number find one."""

    def __init__(self, contract: str, entries: Sequence[Mapping[str, Any]]) -> None:
        self.contract = contract
        self.entries = entries
        self._functions = {
            (entry["name"], len(entry["inputs"])): entry for entry in entries if entry["type"] == "function"
        }
        self._signatures: dict[tuple[str, int], tuple[list[str], bytes]] = {}
        self._events = {entry["name"]: entry for entry in entries if entry["type"] == "event"}

    def has(self, function: str) -> bool:
        """Whether the contract has this function."""
        return any(name == function for name, _ in self._functions)

    def encode(self, function: str, *args: Any) -> bytes:
        """Call data for a function; raises `KeyError` naming one that the ABI lacks."""
        types, selector = self._signature(function, len(args))
        return selector + encode(types, args)

    def decode(self, function: str, taken: int, returned: bytes) -> tuple[Any, ...]:
        """The values that a function of `taken` arguments returned; structs become dictionaries by field."""
        outputs = self._function(function, taken)["outputs"]
        values = decode(_types(outputs), returned)
        return tuple(_named(output, value) for output, value in zip(outputs, values, strict=True))

    def topic(self, event: str) -> bytes:
        """An event's first topic."""
        return keccak(text=f"{event}({','.join(_types(self._events[event]['inputs']))})")

    def event(self, log: Log) -> Event | None:
        """A log as this contract's event, or None where it is none that the ABI knows."""
        name = self._names_by_topic.get(log.topics[0]) if log.topics else None
        if name is None:
            return None
        inputs = self._events[name]["inputs"]
        indexed = [entry for entry in inputs if entry["indexed"]]
        plain = [entry for entry in inputs if not entry["indexed"]]
        try:
            values = {
                entry["name"]: _named(entry, decode([_topic_type(entry)], topic)[0])
                for entry, topic in zip(indexed, log.topics[1:], strict=True)
            }
            decoded = decode(_types(plain), log.data)
        except (DecodingError, ValueError):
            return None
        values |= {entry["name"]: _named(entry, value) for entry, value in zip(plain, decoded, strict=True)}
        return Event(name, {entry["name"]: values[entry["name"]] for entry in inputs}, log)

    @cached_property
    def _names_by_topic(self) -> dict[bytes, str]:
        return {self.topic(name): name for name in self._events}

    def _signature(self, function: str, taken: int) -> tuple[list[str], bytes]:
        key = function, taken
        if key not in self._signatures:
            types = _types(self._function(function, taken)["inputs"])
            self._signatures[key] = types, keccak(text=f"{function}({','.join(types)})")[:4]
        return self._signatures[key]

    def _function(self, name: str, taken: int) -> Mapping[str, Any]:
        try:
            return self._functions[name, taken]
        except KeyError:
            raise KeyError(
                f"{self.contract} has no function {name} of {taken} arguments; regenerate oracles/chain/abi"
            ) from None


def _types(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    return [collapse_if_tuple(dict(entry)) for entry in entries]


def _topic_type(entry: Mapping[str, Any]) -> str:
    # Indexed strings, bytes, arrays and structs are stored as their hash.
    kind = str(entry["type"])
    return "bytes32" if kind in ("string", "bytes", "tuple") or kind.endswith("]") else kind


def _named(entry: Mapping[str, Any], value: Any) -> Any:
    """Structs as dictionaries by field name and addresses in checksum form, also inside arrays."""
    kind = str(entry["type"])
    if kind.endswith("]"):
        inner = {**entry, "type": kind[: kind.rindex("[")]}
        return tuple(_named(inner, part) for part in value)
    if kind == "tuple":
        parts = zip(entry["components"], value, strict=True)
        return {part["name"]: _named(part, each) for part, each in parts}
    return to_checksum_address(value) if kind == "address" else value
