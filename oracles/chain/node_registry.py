"""NodeRegistry: nodes, bonds, ledger keys, standing."""

from dataclasses import dataclass
from enum import IntEnum

from oracles.chain.block import Block, Call
from oracles.chain.contract import Contract


class Standing(IntEnum):
    """What a node may do at a block."""

    UNKNOWN = 0
    ACTIVE = 1
    RATE_LIMITED = 2
    SUSPENDED = 3
    BANNED = 4
    EXITED = 5


@dataclass(frozen=True)
class Node:
    """A node as registered. Times are in seconds of chain time, `bond` in the token's smallest unit."""

    operator: str
    ledger_key: bytes
    epoch: int
    bond: int
    suspended_until: int
    rate_limited_until: int
    banned: bool
    exit_at: int
    open_cases: int
    endpoint: str


class NodeRegistry(Contract):
    """contracts/network/NodeRegistry.vy."""

    name = "NodeRegistry"

    async def node(self, node: bytes, at: Block) -> Node:
        """A node's record; all zero for one that is not known."""
        record = await self._read(at, "node", node)
        return Node(**{field: record[field] for field in Node.__dataclass_fields__})

    async def standing(self, node: bytes, at: Block) -> Standing:
        """What a node may do at this block's time."""
        return Standing(await self._read(at, "standing", node))

    async def ledger_key_at(self, node: bytes, epoch: int, at: Block) -> bytes:
        """The Ed25519 public key that a node's ledger had in an epoch."""
        return bytes(await self._read(at, "ledger_key_at", node, epoch))

    async def node_count(self, at: Block) -> int:
        """How many nodes ever registered."""
        return int(await self._read(at, "node_count"))

    async def node_at(self, index: int, at: Block) -> bytes:
        """The id of the node registered as number `index`, from 0."""
        return bytes(await self._read(at, "node_at", index))

    async def nodes(self, at: Block) -> list[bytes]:
        """The ids of all nodes, in order of registration."""
        return [await self.node_at(index, at) for index in range(await self.node_count(at))]

    def register(self, ledger_key: bytes, endpoint: str, bond: int) -> Call:
        """Register the sender's node; the bond must have been approved."""
        return self._call("register", ledger_key, endpoint, bond)

    def rotate_ledger_key(self, node: bytes, new_key: bytes) -> Call:
        """Begin a new epoch with a new ledger key."""
        return self._call("rotate_ledger_key", node, new_key)

    def set_endpoint(self, node: bytes, endpoint: str) -> Call:
        """Say where oracles find the node."""
        return self._call("set_endpoint", node, endpoint)

    def add_bond(self, node: bytes, amount: int) -> Call:
        """Raise the bond."""
        return self._call("add_bond", node, amount)

    def request_exit(self, node: bytes) -> Call:
        """Begin to leave: the bond can be withdrawn once the unbonding period is over."""
        return self._call("request_exit", node)

    def withdraw(self, node: bytes) -> Call:
        """Take the bond out after the unbonding period, if no case is open."""
        return self._call("withdraw", node)
