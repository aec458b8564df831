"""What an attacker might try: any function of any contract, with arguments that mean something there."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from eth_abi.abi import encode
from eth_utils.abi import collapse_if_tuple
from eth_utils.crypto import keccak

from oracles.chain.contract import load_abi

from .conftest import word
from .wire import data

ROLES = [keccak(text=f"{role}_ROLE") for role in ("PROPOSER", "EXECUTOR", "CANCELLER")]
FORWARD = "forward(address,bytes)"
TARGET: list[dict[str, Any]] = [
    {"name": "set_number", "inputs": [{"name": "number", "type": "uint256"}]},
    {"name": "refuse", "inputs": []},
    {"name": "forward", "inputs": [{"name": "to", "type": "address"}, {"name": "data", "type": "bytes"}]},
]


def changing(name: str) -> list[dict[str, Any]]:
    """The entries of a contract's ABI that are functions and no views, overloads each by itself."""
    entries: Sequence[Any] = TARGET if name == "GovernanceTarget" else load_abi(name).entries
    return [
        dict(entry)
        for entry in entries
        if entry.get("type", "function") == "function"
        and entry.get("stateMutability") not in ("view", "pure")
    ]


def types(function: dict[str, Any]) -> list[str]:
    """The types of a function's arguments."""
    return [collapse_if_tuple(dict(entry)) for entry in function["inputs"]]


def signature(function: dict[str, Any]) -> str:
    """A function's signature."""
    return f"{function['name']}({','.join(types(function))})"


class Arguments:
    """Draws arguments by their types, out of what there is: addresses, names of tracks, ids."""

    def __init__(self, addresses: Sequence[str], names: Sequence[str], selectors: Sequence[bytes]) -> None:
        words = [word(name) for name in names] + ROLES + [b"\0" * 32]
        self.ids: list[int] = []
        """The ids of the proposals so far."""
        self.operations: list[bytes] = []
        """The calls that their operations are made of: arguments of `execute`, encoded."""
        self._plain: dict[str, list[Any]] = {
            "address": list(addresses),
            "bool": [True, False],
            "bytes4": [*selectors, b"\0" * 4],
            "bytes32": words,
            "string": ["why", "#track=standard\nwhy", "#track=emergency_access\nwhy"],
        }

    def draw(self, chance: Random, entry: dict[str, Any]) -> Any:
        """An argument as eth-abi takes it."""
        kind = str(entry["type"])
        if kind.endswith("]"):
            inner = {**entry, "type": kind[: kind.rindex("[")]}
            return [self.draw(chance, inner) for _ in range(chance.randint(0, 2))]
        if kind == "tuple":
            return tuple(self.draw(chance, part) for part in entry["components"])
        if kind.startswith("uint"):
            bits = int(kind[4:])
            numbers = [0, 1, 2, 5, 30, 100, 600, 2**bits - 1, *self.ids]
            return chance.choice([number for number in numbers if number < 2**bits])
        if kind == "bytes":
            return chance.choice([b"", b"\0" * 4, b"\xff" * 65, *self.operations])
        return chance.choice(self._plain[kind])

    def call(self, chance: Random, function: dict[str, Any]) -> bytes:
        """A function's call data: well-formed, or now and then with a changed byte, cut or drawn out."""
        arguments = [self.draw(chance, entry) for entry in function["inputs"]]
        whole = data(signature(function), *arguments)
        match chance.randint(0, 15):
            case 0:
                return whole[: chance.randint(0, len(whole))]
            case 1:
                return whole + b"\xff" * chance.randint(1, 40)
            case 2:
                place = chance.randint(0, len(whole) - 1)
                return whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]
        return whole


def encoded(arguments: tuple[Any, ...]) -> bytes:
    """The arguments of `queue`, `execute` and `cancel`, without a selector."""
    return encode(["address[]", "uint256[]", "bytes[]", "bytes32"], arguments)
