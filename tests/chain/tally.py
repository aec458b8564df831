"""The counting contract (contracts/Tally.vy), compiled in the test session and put on a devnet."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from eth_utils.address import to_checksum_address
from vyper.compiler import compile_code

from oracles.chain.block import Block, Call
from oracles.chain.codec import Abi
from oracles.chain.outbox import Intent
from oracles.chain.rpc import LogFilter, Rpc
from scripts._devnet import Devnet

KIND = "count"


@cache
def compiled() -> dict[str, Any]:
    """ABI and bytecode."""
    source = Path(__file__).parent / "contracts" / "Tally.vy"
    output: dict[str, Any] = compile_code(source.read_text(), output_formats=["abi", "bytecode"])
    return output


class Tally:
    """A deployed tally, spoken to directly: what the code under test did is checked without it."""

    def __init__(self, devnet: Devnet, address: str) -> None:
        self.devnet = devnet
        self.address = address
        self.abi = Abi("Tally", json.loads(json.dumps(compiled()["abi"])))
        self.wanted = LogFilter((address,), (self.abi.topic("Counted"),))

    @classmethod
    def deploy(cls, devnet: Devnet) -> "Tally":
        """Deployed by the devnet's last account, and final."""
        deployer = devnet.account(19).address
        transaction = devnet.request(
            "eth_sendTransaction", {"from": deployer, "data": compiled()["bytecode"], "gas": hex(2_000_000)}
        )
        devnet.mine()
        receipt = devnet.request("eth_getTransactionReceipt", transaction)
        devnet.finalize()
        return cls(devnet, to_checksum_address(receipt["contractAddress"]))

    def call(self, key: str) -> Call:
        """Counts a key."""
        return Call(self.address, self.abi.encode("count", self.key(key)))

    def intent(self, key: str, deadline: int | None = None) -> Intent:
        """Wants a key counted once."""
        return Intent(key, KIND, self.call(key), deadline)

    def count_as(self, account: int, key: str) -> None:
        """Send a transaction from a devnet account; it waits for a block."""
        data = "0x" + self.abi.encode("count", self.key(key)).hex()
        sender = self.devnet.account(account).address
        request = {"from": sender, "to": self.address, "data": data, "gas": hex(100_000)}
        self.devnet.request("eth_sendTransaction", request)

    def close(self, closed: bool) -> None:
        """Make the contract refuse, in a block of its own."""
        data = "0x" + self.abi.encode("close", closed).hex()
        request = {"from": self.devnet.account(18).address, "to": self.address, "data": data}
        self.devnet.request("eth_sendTransaction", request | {"gas": hex(100_000)})
        self.devnet.mine()

    def times(self, key: str, tag: str = "latest") -> int:
        """How often a key was counted, as the chain has it."""
        data = "0x" + self.abi.encode("times", self.key(key)).hex()
        return int(self.devnet.request("eth_call", {"to": self.address, "data": data}, tag), 16)

    async def settled(self, rpc: Rpc, intent: Intent, at: Block) -> bool:
        """Whether a key was counted: the idempotence key of these tests."""
        data = self.abi.encode("times", self.key(intent.key))
        return int.from_bytes(await rpc.call(Call(self.address, data), at)) > 0

    @staticmethod
    def key(name: str) -> bytes:
        """A key's bytes."""
        return name.encode().ljust(32, b"\0")
