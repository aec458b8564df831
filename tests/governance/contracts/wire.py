"""A devnet spoken to directly: a transaction takes two milliseconds instead of ape's thirty.

Machines that take 50,000 steps need that. Senders are the devnet's own accounts, which it signs for; every
block's time is set, so that a machine can stand at the very second where something changes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from typing import Any

from eth_abi.abi import encode
from eth_abi.codec import ABICodec
from eth_abi.grammar import TupleType, parse
from eth_abi.registry import registry
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from plain_ape import Line

GAS = hex(20_000_000)
_decode = ABICodec(registry).decode


class Refused(Exception):
    """A transaction or a call reverted; `data` is what it reverted with."""

    def __init__(self, data: bytes) -> None:
        super().__init__(f"reverted with 0x{data.hex()}")
        self.data = data


@cache
def _function(signature: str) -> tuple[bytes, list[str]]:
    start, arguments = keccak(text=signature)[:4], signature[signature.index("(") :]
    if arguments == "()":
        return start, []
    parts = parse(arguments)
    assert isinstance(parts, TupleType)
    return start, [part.to_type_str() for part in parts.components]


def selector(signature: str) -> bytes:
    """The first four bytes of a call, or of a custom error."""
    return _function(signature)[0]


def data(signature: str, *arguments: Any) -> bytes:
    """The data of a call, by the function's signature: names alone are overloaded."""
    start, kinds = _function(signature)
    return start + encode(kinds, arguments)


def unhex(text: str) -> bytes:
    """The bytes of a hexadecimal answer."""
    return bytes.fromhex(text.removeprefix("0x"))


class Wire:
    """One devnet. `now` is the time of its latest block, in seconds."""

    def __init__(self, url: str) -> None:
        self._line = Line(url)
        self.accounts = [to_checksum_address(account) for account in self.request("eth_accounts")]
        self.now = 0
        self.look()

    def look(self) -> None:
        """Reads the time of the latest block anew."""
        self.now = int(self.request("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def request(self, method: str, *params: Any) -> Any:
        """The result of a JSON-RPC request; raises `Refused` for a call that reverted."""
        return self._result(self._post({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))

    def _post(self, body: Any) -> Any:
        return json.loads(self._line.post(json.dumps(body).encode()))

    @staticmethod
    def _result(answer: dict[str, Any]) -> Any:
        if "error" in answer:
            reverted = answer["error"].get("data")
            if isinstance(reverted, str):
                raise Refused(unhex(reverted))
            raise AssertionError(f"the devnet refused: {answer['error']}")
        return answer["result"]

    def until(self, timestamp: int) -> None:
        """Makes a block of that time."""
        self.request("evm_setNextBlockTimestamp", timestamp)
        self.request("evm_mine")
        self.now = timestamp

    def attempt(
        self, sender: str, to: str | None, payload: bytes, *, value: int = 0, at: int | None = None
    ) -> dict[str, Any]:
        """Sends in a block of its own, one second later or `at` a time; returns the receipt, whose `status`
        is 0x0 if it reverted.
        """
        self.now = self.now + 1 if at is None else at
        self.request("evm_setNextBlockTimestamp", self.now)
        receipt: dict[str, Any] = self.request(
            "eth_sendTransactionSync", _transaction(sender, to, payload, value)
        )
        return receipt

    def send(
        self, sender: str, to: str | None, payload: bytes, *, value: int = 0, at: int | None = None
    ) -> dict[str, Any]:
        """As `attempt`, but raises `Refused` if it reverted; the block is there all the same."""
        receipt = self.attempt(sender, to, payload, value=value, at=at)
        if int(receipt["status"], 16) == 1:
            return receipt
        # Nothing changed in its block, so that a call on it meets the same.
        self.request("eth_call", _transaction(sender, to, payload, value), "latest")
        raise AssertionError("a transaction failed which a call after it does not: out of gas?")

    def deploy(self, sender: str, code: bytes) -> str:
        """Deploys; returns the address."""
        return to_checksum_address(self.send(sender, None, code)["contractAddress"])

    def read(self, *calls: tuple[str, bytes, str]) -> list[Any]:
        """What views return, asked in one request: address, call data, type of the answer (or types)."""
        body = [
            {
                "jsonrpc": "2.0",
                "id": number,
                "method": "eth_call",
                "params": [{"to": to, "data": "0x" + payload.hex()}, "latest"],
            }
            for number, (to, payload, _) in enumerate(calls)
        ]
        answers = {answer["id"]: answer for answer in self._post(body)}
        return [
            _value(kind, unhex(self._result(answers[number]))) for number, (_, _, kind) in enumerate(calls)
        ]

    def balances(self, accounts: Iterable[str]) -> list[int]:
        """ETH in wei."""
        return [int(self.request("eth_getBalance", account, "latest"), 16) for account in accounts]

    def logs_after(self, block: int) -> tuple[list[dict[str, Any]], int]:
        """All logs of the blocks after one, and the number of the latest block."""
        latest = self.height()
        if latest == block:
            return [], latest
        wanted = {"fromBlock": hex(block + 1), "toBlock": hex(latest)}
        return self.request("eth_getLogs", wanted), latest

    def height(self) -> int:
        """The number of the latest block."""
        return int(self.request("eth_blockNumber"), 16)


def _transaction(sender: str, to: str | None, payload: bytes, value: int) -> dict[str, str]:
    sent = {"from": sender, "data": "0x" + payload.hex(), "value": hex(value), "gas": GAS}
    return sent if to is None else sent | {"to": to}


def _value(kind: str, answer: bytes) -> Any:
    if kind == "raw":
        return answer
    values = _decode(kind.split(), answer)
    return values[0] if len(values) == 1 else values
