"""Reads from the chain through one endpoint, or two that must agree."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import anyio

from oracles.chain.block import Block, Call, Log, Receipt, quantity, unhex
from oracles.chain.endpoint import Endpoint, Observer
from oracles.chain.errors import BlockUnknown, CallReverted, ChainError, ChainUnavailable, EndpointsDisagree

T = TypeVar("T")


@dataclass(frozen=True)
class LogFilter:
    """Which logs are wanted: any of these contracts, any of these first topics (none named: all of them)."""

    addresses: tuple[str, ...]
    topics: tuple[bytes, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The filter's part of `eth_getLogs`' argument."""
        wanted: dict[str, Any] = {"address": list(self.addresses)}
        if self.topics:
            wanted["topics"] = [["0x" + topic.hex() for topic in self.topics]]
        return wanted


class Rpc:
    """The chain as all endpoints see it.

    With two endpoints, heads are the lower of the two, and every answer must be the same from both: a read
    raises `EndpointsDisagree` otherwise. Reads "at" a block are pinned to its hash (EIP-1898), so that all
    reads of one round see one state. Every method raises `ChainUnavailable` or `WrongChain` where an
    endpoint is down or wrong.
    """

    def __init__(self, endpoints: Sequence[Endpoint], chain_id: int) -> None:
        if not endpoints:
            raise ValueError("at least one RPC endpoint is needed; set WESTWORLD_RPC_URLS")
        self.chain_id = chain_id
        self._endpoints = tuple(endpoints)

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        urls: Sequence[str],
        chain_id: int,
        *,
        request_seconds: float = 10.0,
        attempts: int = 3,
        observe: Observer | None = None,
    ) -> "AsyncIterator[Rpc]":
        """An Rpc over these URLs. A chain that is down shows at the first read, not here.

        `request_seconds` is one request's limit; `attempts` counts the first try.
        """
        endpoints = [
            Endpoint(url, chain_id, request_seconds=request_seconds, attempts=attempts, observe=observe)
            for url in urls
        ]
        try:
            yield cls(endpoints, chain_id)
        finally:
            with anyio.CancelScope(shield=True):
                for endpoint in endpoints:
                    await endpoint.close()

    async def latest(self) -> Block:
        """The newest block that every endpoint has."""
        return await self._head("latest")

    async def finalized(self) -> Block:
        """The newest block that every endpoint calls final."""
        return await self._head("finalized")

    async def block(self, number: int) -> Block:
        """The canonical block of this number; raises `BlockUnknown`."""
        return await self._agreed(
            f"block {number}", lambda endpoint: _header(endpoint, "eth_getBlockByNumber", hex(number))
        )

    async def block_by_hash(self, block_hash: bytes) -> Block:
        """The block of this hash; raises `BlockUnknown`."""
        name = "0x" + block_hash.hex()
        return await self._agreed(
            f"block {name}", lambda endpoint: _header(endpoint, "eth_getBlockByHash", name)
        )

    async def call(self, call: Call, at: Block, *, sender: str | None = None) -> bytes:
        """What a contract returns; raises `CallReverted`, or `BlockUnknown` if `at` was reorganised away."""
        request = _as_json(call, sender)
        return await self._pinned(f"a call to {call.to}", "eth_call", request, at, unhex)

    async def nonce(self, address: str, at: Block) -> int:
        """How many transactions an account had sent up to and including a block."""
        return await self._pinned(f"the nonce of {address}", "eth_getTransactionCount", address, at, quantity)

    async def balance(self, address: str, at: Block) -> int:
        """An account's balance in wei."""
        return await self._pinned(f"the balance of {address}", "eth_getBalance", address, at, quantity)

    async def code(self, address: str, at: Block) -> bytes:
        """A contract's runtime code; empty where there is none."""
        return await self._pinned(f"the code of {address}", "eth_getCode", address, at, unhex)

    async def logs_in(self, block: Block, wanted: LogFilter) -> list[Log]:
        """The wanted logs of exactly this block, by its hash (EIP-234); raises `BlockUnknown`."""
        return await self._logs(
            wanted.as_json() | {"blockHash": "0x" + block.hash.hex()}, f"logs of block {block}"
        )

    async def logs_between(self, first: int, last: int, wanted: LogFilter) -> list[Log]:
        """The wanted logs of a range of blocks, both ends included. An empty answer proves nothing."""
        return await self._logs(
            wanted.as_json() | {"fromBlock": hex(first), "toBlock": hex(last)},
            f"logs of blocks {first} to {last}",
        )

    async def receipt(self, transaction: bytes) -> Receipt | None:
        """The receipt of a transaction that is in a canonical block, or None."""
        name = "0x" + transaction.hex()
        return await self._agreed(
            f"the receipt of {name}",
            lambda endpoint: endpoint.request("eth_getTransactionReceipt", name, read=_receipt),
        )

    async def transactions(self, block: Block) -> list[tuple[str, int, bytes]]:
        """Sender (in lower case), nonce and hash of each transaction of a block; raises `BlockUnknown`."""
        name = "0x" + block.hash.hex()
        return await self._agreed(
            f"transactions of block {block}",
            lambda endpoint: endpoint.request(
                "eth_getBlockByHash", name, True, read=_of_block(name, _transactions)
            ),
        )

    async def estimate_gas(self, call: Call, sender: str) -> int:
        """The gas a call would use on top of the newest block: the first endpoint's guess. Raises
        `CallReverted`.
        """
        return await self._endpoints[0].request("eth_estimateGas", _as_json(call, sender), read=quantity)

    async def fees(self) -> tuple[int, int]:
        """Base fee of the newest block and suggested tip, in wei (EIP-1559): the lowest of the tips."""
        name = "0x" + (await self.latest()).hash.hex()
        base = await self._agreed(
            f"the base fee of block {name}",
            lambda endpoint: endpoint.request(
                "eth_getBlockByHash", name, False, read=_of_block(name, _base_fee)
            ),
        )
        tips = await self._ask(lambda endpoint: endpoint.request("eth_maxPriorityFeePerGas", read=quantity))
        return base, min(map(_certain, tips))

    async def broadcast(self, raw: bytes) -> None:
        """Hand a signed transaction to every endpoint; one that takes it is enough.

        Raises `RpcError` if every endpoint that answered refused it, `ChainUnavailable` if none answered.
        """
        outcomes = await self._ask(
            lambda endpoint: endpoint.request("eth_sendRawTransaction", "0x" + raw.hex(), read=str)
        )
        refusals = [outcome for outcome in outcomes if isinstance(outcome, ChainError)]
        if len(refusals) == len(outcomes):
            raise next((fault for fault in refusals if not isinstance(fault, ChainUnavailable)), refusals[0])

    async def raw(self, method: str, params: Sequence[Any]) -> Any:
        """What every endpoint answers to a request, unread: for a reader with a codec of its own."""
        return await self._agreed(
            method, lambda endpoint: endpoint.request(method, *params, read=lambda found: found)
        )

    async def _head(self, tag: str) -> Block:
        heads = [
            _certain(outcome)
            for outcome in await self._ask(lambda endpoint: _header(endpoint, "eth_getBlockByNumber", tag))
        ]
        lowest = min(heads, key=lambda block: block.number)
        return (
            lowest
            if len(heads) == 1 or all(block == lowest for block in heads)
            else await self.block(lowest.number)
        )

    async def _pinned(
        self, question: str, method: str, subject: Any, at: Block, read: Callable[[Any], T]
    ) -> T:
        # `requireCanonical`: a block that a reorg replaced must not answer as if it still counted.
        where = {"blockHash": "0x" + at.hash.hex(), "requireCanonical": True}
        return await self._agreed(
            f"{question} at block {at}", lambda endpoint: endpoint.request(method, subject, where, read=read)
        )

    async def _logs(self, request: dict[str, Any], question: str) -> list[Log]:
        return await self._agreed(
            question, lambda endpoint: endpoint.request("eth_getLogs", request, read=_logs)
        )

    async def _agreed(self, question: str, ask: Callable[[Endpoint], Awaitable[T]]) -> T:
        """The answer all endpoints give."""
        outcomes = await self._ask(ask)
        first = outcomes[0]
        if len(outcomes) > 1:
            # An endpoint that is down, or has not seen the block yet, leaves doubt; it does not contradict.
            for outcome in outcomes:
                if isinstance(outcome, ChainError) and not isinstance(outcome, CallReverted):
                    raise outcome
            told = [_told(outcome) for outcome in outcomes]
            if any(other != told[0] for other in told):
                names = (endpoint.name for endpoint in self._endpoints)
                raise EndpointsDisagree(question, dict(zip(names, map(_short, told), strict=True)))
        return _certain(first)

    async def _ask(self, ask: Callable[[Endpoint], Awaitable[T]]) -> list[T | ChainError]:
        outcomes: dict[int, T | ChainError] = {}

        async def one(place: int, endpoint: Endpoint) -> None:
            try:
                outcomes[place] = await ask(endpoint)
            except ChainError as fault:
                outcomes[place] = fault

        if len(self._endpoints) == 1:
            await one(0, self._endpoints[0])
        else:
            async with anyio.create_task_group() as group:
                for place, endpoint in enumerate(self._endpoints):
                    group.start_soon(one, place, endpoint)
        return [outcomes[place] for place in range(len(self._endpoints))]


async def _header(endpoint: Endpoint, method: str, which: str) -> Block:
    return await endpoint.request(method, which, False, read=_of_block(which, Block.parse))


def _of_block(which: str, read: Callable[[Any], T]) -> Callable[[Any], T]:
    """Reads a block's JSON, where there is one."""

    def read_block(found: Any) -> T:
        if found is None:
            raise BlockUnknown(which)
        return read(found)

    return read_block


def _receipt(found: Any) -> Receipt | None:
    return None if found is None else Receipt.parse(found)


def _logs(found: Any) -> list[Log]:
    return [Log.parse(log) for log in _list(found)]


def _transactions(block: Any) -> list[tuple[str, int, bytes]]:
    return [
        (tx["from"].lower(), quantity(tx["nonce"]), unhex(tx["hash"])) for tx in _list(block["transactions"])
    ]


def _list(found: Any) -> list[Any]:
    if not isinstance(found, list):
        raise TypeError("not a list")
    return found


def _base_fee(block: Any) -> int:
    return quantity(block["baseFeePerGas"])


def _as_json(call: Call, sender: str | None) -> dict[str, str]:
    request = {"to": call.to, "data": "0x" + call.data.hex(), "value": hex(call.value)}
    return request | {"from": sender} if sender else request


def _certain(outcome: T | ChainError) -> T:
    if isinstance(outcome, ChainError):
        raise outcome
    return outcome


def _told(outcome: Any) -> Any:
    return ("reverted", outcome.data) if isinstance(outcome, CallReverted) else outcome


def _short(answer: Any) -> str:
    text = str(answer)
    return text if len(text) <= 200 else text[:200] + "…"
