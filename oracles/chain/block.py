"""Blocks, logs and receipts as plain values, parsed from JSON-RPC's answers."""

from dataclasses import dataclass
from typing import Any

from eth_utils.address import to_checksum_address


@dataclass(frozen=True)
class Block:
    """A block header's identity; `timestamp` is in seconds."""

    number: int
    hash: bytes
    parent: bytes
    timestamp: int

    @classmethod
    def parse(cls, header: dict[str, Any]) -> "Block":
        """Read a header as `eth_getBlockByNumber` gives it."""
        return cls(
            number=int(header["number"], 16),
            hash=_hash(header["hash"]),
            parent=_hash(header["parentHash"]),
            timestamp=int(header["timestamp"], 16),
        )

    def __str__(self) -> str:
        return f"{self.number} (0x{self.hash.hex()})"


@dataclass(frozen=True)
class Log:
    """One event's log as a contract emitted it."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: bytes
    transaction: bytes
    index: int

    @classmethod
    def parse(cls, log: dict[str, Any]) -> "Log":
        """Read a log as `eth_getLogs` gives it."""
        return cls(
            address=to_checksum_address(log["address"]),
            topics=tuple(_hash(topic) for topic in log["topics"]),
            data=unhex(log["data"]),
            block_number=int(log["blockNumber"], 16),
            block_hash=_hash(log["blockHash"]),
            transaction=_hash(log["transactionHash"]),
            index=int(log["logIndex"], 16),
        )


@dataclass(frozen=True)
class Receipt:
    """What became of a transaction that is in a block."""

    transaction: bytes
    block_number: int
    block_hash: bytes
    succeeded: bool
    gas_used: int

    @classmethod
    def parse(cls, receipt: dict[str, Any]) -> "Receipt":
        """Read a receipt as `eth_getTransactionReceipt` gives it."""
        return cls(
            transaction=_hash(receipt["transactionHash"]),
            block_number=int(receipt["blockNumber"], 16),
            block_hash=_hash(receipt["blockHash"]),
            succeeded=int(receipt["status"], 16) == 1,
            gas_used=int(receipt["gasUsed"], 16),
        )


@dataclass(frozen=True)
class Call:
    """A call to a contract, ready to be tried or sent. `value` is in wei."""

    to: str
    data: bytes
    value: int = 0


def unhex(text: str) -> bytes:
    """Bytes of a 0x-prefixed hexadecimal text."""
    return bytes.fromhex(text.removeprefix("0x"))


def quantity(text: str) -> int:
    """The number in a 0x-prefixed hexadecimal text."""
    return int(text, 16)


def _hash(text: str) -> bytes:
    found = unhex(text)
    if len(found) != 32:
        raise ValueError(f"{len(found)} bytes are no hash")
    return found
