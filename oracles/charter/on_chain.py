"""The charter's side of the chain for commands: reads at the finalized block, one transaction at a time."""

from __future__ import annotations

import anyio
from eth_account.signers.local import LocalAccount
from eth_typing import HexStr

from oracles.chain.block import Block, Call, Log, Receipt
from oracles.chain.charter import Charter
from oracles.chain.contract import Contract
from oracles.chain.deployment import Deployment
from oracles.chain.errors import CallReverted, ChainDoubt
from oracles.chain.fees import FeePolicy
from oracles.chain.finality import Cursor
from oracles.chain.follower import Follower
from oracles.chain.node_registry import NodeRegistry
from oracles.chain.rpc import Rpc
from oracles.chain.violation_registry import ViolationRegistry
from oracles.charter.canonical import name_id
from oracles.charter.chain_source import CharterHistory
from oracles.charter.charter_events import EVENT_NAMES, charter_event
from oracles.charter.node_audit import NodeRecord, events_of
from oracles.charter.violation_report import NotSent, Scene
from oracles.charter.vocabulary import Standing

_POLL_SECONDS = 0.5


async def finalized_logs(rpc: Rpc, contract: Contract, first_block: int, *events: str) -> list[Log]:
    """All finalized logs of these events since `first_block`. Raises what the follower raises."""
    follower = Follower(rpc, contract.filter(*events), first_block)
    logs: list[Log] = []
    cursor: Cursor | None = None
    while (span := await follower.next(cursor)) is not None:
        logs += span.logs
        cursor = span.cursor
    return logs


async def charter_history(rpc: Rpc, deployment: Deployment) -> CharterHistory:
    """Every enacted version of the charter, rebuilt from its finalized events."""
    charter = Charter.at(rpc, deployment)
    await charter.check_version(await rpc.finalized())
    history = CharterHistory()
    logs = await finalized_logs(rpc, charter, deployment.deployed_block, *EVENT_NAMES)
    for event in charter.events(logs):
        typed = charter_event(event.name, event.args, event.log.block_number)
        if typed is not None:
            history.apply(typed)
    return history


async def node_record(rpc: Rpc, deployment: Deployment, node: str) -> NodeRecord:
    """What the chain holds of a node. Raises `KeyError` for one that was never registered."""
    block = await rpc.finalized()
    nodes = NodeRegistry.at(rpc, deployment)
    registry = ViolationRegistry.at(rpc, deployment)
    for contract in (nodes, registry):
        await contract.check_version(block)
    node_id = bytes.fromhex(node[2:])
    standing = Standing.from_code(int(await nodes.standing(node_id, block)))
    if standing is Standing.UNKNOWN:
        raise KeyError(f"node {node} was never registered")
    found = await nodes.node(node_id, block)
    events = registry.events(await finalized_logs(rpc, registry, deployment.deployed_block))
    return NodeRecord(
        node, standing, found.endpoint, found.ledger_key, found.epoch, block, events_of(node_id, events)
    )


async def scene_of_report(
    rpc: Rpc, deployment: Deployment, metric: str, observed_block: int | None, charter_version: int | None
) -> Scene:
    """What a report needs from the chain, by default as of the newest finalized block."""
    block = await rpc.finalized()
    registry = ViolationRegistry.at(rpc, deployment)
    charter = Charter.at(rpc, deployment)
    for contract in (registry, charter):
        await contract.check_version(block)
    observed = block.number if observed_block is None else observed_block
    version = charter_version or await _oldest_in_force(charter, observed, block)
    listed = await charter.is_allowed_at(name_id(metric), version, block) or await charter.is_forbidden(
        name_id(metric), block
    )
    return Scene(
        chain_id=deployment.chain_id,
        registry=registry.address,
        charter_version=version,
        observed_block=observed,
        auditors=await registry.auditors(block),
        minimum_age=await registry.minimum_age(block),
        listed=listed,
    )


async def check_final(registry: ViolationRegistry, case: int, finalized: Block) -> None:
    """Raise `NotSent` unless a case's number is settled, by the finalized block.

    Until then a reorganisation can give the number to another report, and a vote would count for that one.
    """
    if (await registry.case(case, finalized)).status == 0:
        raise NotSent(
            f"case {case} is not in the finalized block {finalized.number}: before it is, a reorganisation "
            "can give its number to another report; try again in a few minutes"
        )


async def _oldest_in_force(charter: Charter, observed_block: int, at: Block) -> int:
    """The version that the registry hears an accusation under: in a grace period, the older one."""
    version = await charter.version(at)
    while version > 1 and not await charter.in_force(version, observed_block, at):
        version -= 1
    while version > 1 and await charter.in_force(version - 1, observed_block, at):
        version -= 1
    return version


async def transact(rpc: Rpc, account: LocalAccount, call: Call, *, seconds: float = 120.0) -> Receipt:
    """Try a call, send it from `account`, and wait until a block has it.

    Raises `CallReverted` if the contract refuses it, `NotSent` if it was not included in time.
    """
    latest = await rpc.latest()
    await rpc.call(call, latest, sender=account.address)
    fees = FeePolicy().first(*await rpc.fees())
    if fees is None:
        raise NotSent("nothing was sent: fees are over the ceiling")
    signed = account.sign_transaction(
        {
            "type": 2,
            "chainId": rpc.chain_id,
            "nonce": await rpc.nonce(account.address, latest),
            "to": HexStr(call.to),
            "data": call.data,
            "value": call.value,
            "gas": await rpc.estimate_gas(call, account.address) * 5 // 4,
            "maxFeePerGas": fees.max_fee,
            "maxPriorityFeePerGas": fees.tip,
        }
    )
    transaction = bytes(signed.hash)
    await rpc.broadcast(bytes(signed.raw_transaction))
    return await _included(rpc, transaction, seconds)


async def _included(rpc: Rpc, transaction: bytes, seconds: float) -> Receipt:
    with anyio.move_on_after(seconds):
        while True:
            try:
                receipt = await rpc.receipt(transaction)
            except ChainDoubt:
                receipt = None
            if receipt is not None:
                if not receipt.succeeded:
                    raise CallReverted(
                        f"transaction 0x{transaction.hex()} failed in block {receipt.block_number}"
                    )
                return receipt
            await anyio.sleep(_POLL_SECONDS)
    raise NotSent(
        f"transaction 0x{transaction.hex()} was sent, but no block had it after {seconds:.0f} s; "
        "look for it before you send another"
    )


async def until_block(rpc: Rpc, number: int, *, seconds: float = 300.0) -> None:
    """Wait until the chain has reached a block. Raises `NotSent` when it does not in time."""
    with anyio.move_on_after(seconds):
        while True:
            if (await rpc.latest()).number >= number:
                return
            await anyio.sleep(_POLL_SECONDS)
    raise NotSent(f"block {number} did not come within {seconds:.0f} s; reveal later from the report's file")
