"""A chain that is told what happened, and an enforcer that keeps what it was told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from eth_abi.abi import encode
from eth_utils.abi import collapse_if_tuple
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from agent.kernel.enforcement import DropEvent, Scope, SelfCheck
from agent.kernel.reasons import Reason
from oracles.chain.block import Block, Call, Log
from oracles.chain.charter import Charter
from oracles.chain.contract import load_abi
from oracles.chain.errors import BlockUnknown, ChainUnavailable
from oracles.chain.node_registry import Node
from oracles.chain.rpc import LogFilter
from oracles.charter.amendment import CharterCall, changes
from oracles.charter.policy import Policy

CHARTER = to_checksum_address("0x" + "c" * 40)
NODE = "0x" + "ab" * 32
START = 1_700_000_000
NOBODY = Node("0x" + "00" * 20, bytes(32), 0, 0, 0, 0, False, 0, 0, "")
_EVENTS = {
    "allow_metric": "MetricAllowed",
    "forbid_metric": "MetricForbidden",
    "remove_metric": "MetricRemoved",
    "set_violation": "ViolationSet",
    "remove_violation": "ViolationRemoved",
    "adopt_article": "ArticleAdopted",
    "repeal_article": "ArticleRepealed",
    "set_terms": "TermsSet",
}


@dataclass
class FakeChain:
    """An `Rpc` over blocks that the test makes: each has events of the Charter and the node's record."""

    finality: int = 2
    down: bool = False
    blocks: list[Block] = field(default_factory=list)
    logs: dict[bytes, list[Log]] = field(default_factory=dict)
    records: dict[bytes, Node] = field(default_factory=dict)
    record: Node = NOBODY
    fork: int = 0

    def __post_init__(self) -> None:
        self.mine()

    def mine(self, *events: tuple[str, dict[str, Any]], after: int = 12) -> Block:
        """One more block, with events of the Charter in it."""
        number = len(self.blocks)
        parent = self.blocks[-1] if self.blocks else Block(-1, bytes(32), bytes(32), START - after)
        digest = sha256(b"%d/%d" % (number, self.fork)).digest()
        block = Block(number, digest, parent.hash, parent.timestamp + after)
        self.blocks.append(block)
        self.logs[block.hash] = [encode_event(block, index, *event) for index, event in enumerate(events)]
        self.records[block.hash] = self.record
        return block

    def finalize(self) -> None:
        """Mines until all that there was is final."""
        for _ in range(self.finality):
            self.mine()

    def revert_to(self, number: int) -> None:
        """A reorg: the blocks above this one are gone, and others will come."""
        del self.blocks[number + 1 :]
        self.fork += 1

    def enact(self, old: Policy, new: Policy, version: int) -> Block:
        """A block that enacts `new` as a version of the charter."""
        events = [event_of(call, version) for call in changes(old, new)]
        enacted = {"version": version, "policy_hash": new.hash, "draft": bytes(32)}
        return self.mine(*events, ("CharterEnacted", enacted))

    async def latest(self) -> Block:
        return self._up().blocks[-1]

    async def finalized(self) -> Block:
        return self._up().blocks[max(0, len(self.blocks) - 1 - self.finality)]

    async def block(self, number: int) -> Block:
        if number >= len(self._up().blocks):
            raise BlockUnknown(str(number))
        return self.blocks[number]

    async def logs_in(self, block: Block, wanted: LogFilter) -> list[Log]:
        if block not in self._up().blocks:
            raise BlockUnknown(str(block))
        return self.logs[block.hash]

    async def logs_between(self, first: int, last: int, wanted: LogFilter) -> list[Log]:
        return [log for block in self._up().blocks[first : last + 1] for log in self.logs[block.hash]]

    async def call(self, call: Call, at: Block, *, sender: str | None = None) -> bytes:
        raise AssertionError("the agent's tests answer records themselves")

    def _up(self) -> FakeChain:
        if self.down:
            raise ChainUnavailable("http://chain", "connection refused")
        return self

    def charter(self) -> Charter:
        return Charter(self, CHARTER)  # type: ignore[arg-type]


class FakeRegistry:
    """The NodeRegistry, answering with the record that a block had."""

    def __init__(self, chain: FakeChain) -> None:
        self._chain = chain

    async def node(self, node: bytes, at: Block) -> Node:
        return self._chain.records[at.hash]


class FakeEnforcer:
    """Keeps what it was told, in order; its self-check finds what the test wants."""

    def __init__(self, adopted: bool = False) -> None:
        self.adopted = adopted
        self.told: list[tuple[str, Any]] = []
        self.unfit: frozenset[str] = frozenset()
        self.faults: tuple[str, ...] = ()
        self.in_place = True
        self.batches: list[list[DropEvent]] = []
        self.acknowledged = 0

    def apply(self, policy: Policy, version: int) -> None:
        if unfit := self.unfit & policy.metrics.keys():
            raise ValueError(f"no room for {', '.join(unfit)}")
        self.told.append(("apply", (version, frozenset(policy.metrics))))

    def suspend(self, suspended: bool) -> None:
        self.told.append(("suspend", suspended))

    def limit(self, factor: int) -> None:
        self.told.append(("limit", factor))

    async def events(self, period: float = 1.0) -> AsyncIterator[list[DropEvent]]:
        for batch in self.batches:
            yield batch
            self.acknowledged += 1

    def scope(self, reason: Reason) -> str:
        return "datagram"

    def attached(self) -> bool:
        return self.in_place

    def self_check(self) -> SelfCheck:
        return SelfCheck((Scope.DATAGRAM, Scope.DESTINATION), ("unix scope",), self.faults)

    def close(self) -> None:
        self.told.append(("close", None))

    @property
    def last(self) -> dict[str, Any]:
        """The last word on each matter."""
        return dict(self.told)


def active(**fields: Any) -> Node:
    """A registered node's record."""
    return replace(NOBODY, operator="0x" + "11" * 20, bond=1000, **fields)


def drop(reason: Reason, name: bytes = b"", count: int = 1) -> DropEvent:
    return DropEvent(reason, name, count, uid=1000, cookie=7, destination=None, first=True)


def event_of(call: CharterCall, version: int) -> tuple[str, dict[str, Any]]:
    """What the Charter logs when this call is made."""
    names: dict[str, Sequence[str]] = {
        "allow_metric": ("name", "rule"),
        "set_violation": ("name", "severity", "penalty"),
        "adopt_article": ("number", "text"),
        "repeal_article": ("number",),
        "set_terms": ("terms",),
    }
    fields = names.get(call.function, ("name",))
    return _EVENTS[call.function], {"version": version, **dict(zip(fields, call.args, strict=True))}


def encode_event(block: Block, index: int, name: str, args: dict[str, Any]) -> Log:
    """A log as the chain would give it, by the shipped ABI."""
    abi = load_abi("Charter")
    inputs = abi._events[name]["inputs"]
    values = {
        **args,
        "metric": keccak(text=str(args.get("name", ""))),
        "kind": keccak(text=str(args.get("name", ""))),
    }
    topics, plain = [abi.topic(name)], []
    for entry in inputs:
        kind = collapse_if_tuple(entry)
        if entry["indexed"]:
            topics.append(encode([kind], [values[entry["name"]]]))
        else:
            plain.append((kind, values[entry["name"]]))
    data = encode([kind for kind, _ in plain], [value for _, value in plain])
    return Log(CHARTER, tuple(topics), data, block.number, block.hash, bytes(32), index)
