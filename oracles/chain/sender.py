"""Sending transactions so that each effect happens exactly once, through crashes, stalls and reorgs.

An effect is bound to one nonce of the account, durably and before anybody sees its first transaction. Every
later transaction for it has that same nonce, so the chain can include only one of them; and only when a
*finalized* block has used the nonce is it asked what came of it. docs/decisions/exactly-once.md has the
argument.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import anyio
import structlog
from eth_typing import HexStr
from hexbytes import HexBytes

from oracles.chain.block import Block, Call
from oracles.chain.errors import CallReverted, ChainDoubt, RpcError
from oracles.chain.fees import FeePolicy, Fees
from oracles.chain.outbox import Attempt, Intent, Outbox, Row, State
from oracles.chain.rpc import Rpc
from oracles.chain.search import first_block_where

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

Settled = Callable[[Intent, Block], Awaitable[bool]]
"""Asks the chain, at a block, whether an intent's effect is already there, whoever brought it about."""

_FILLER = "filler"
_MOST_TRIES = 5
_NOBODY = "0x" + "00" * 20
_TO_A_REPETITION = ("already known", "already imported", "nonce too low")
"""What nodes (geth, anvil, reth) answer to a transaction that they have, or had in a block."""

_log = structlog.get_logger(__name__)


class Sender:
    """Brings an outbox's intents onto the chain from one account, which nobody else may use.

    Without an account it is a dry run: each intent is tried by a static call, said in the log, and closed.
    Intents are independent: one that the chain refuses for now does not hold up the next.
    """

    def __init__(
        self, rpc: Rpc, outbox: Outbox, account: LocalAccount | None, *, policy: FeePolicy | None = None
    ) -> None:
        self._rpc = rpc
        self._outbox = outbox
        self._account = account
        self._policy = policy or FeePolicy()
        self._address: str = account.address if account else _NOBODY
        self._settled: dict[str, Settled] = {_FILLER: _never}
        self._turn = anyio.Lock()
        self._counted: dict[tuple[str, bytes], int] = {}

    def settles(self, kind: str, settled: Settled) -> None:
        """Say how the chain shows an effect of this kind: the idempotence key. Each kind needs it."""
        self._settled[kind] = settled

    async def tick(self) -> int:
        """Move every open row as far as the chain allows now; returns how many are still open.

        Call it at each new block, and once at the start. Raises what `Rpc` raises; what was reached by then
        is durable, and the next call goes on from there.
        """
        async with self._turn:
            rows = await self._outbox.open_rows()
            if not rows:
                return 0
            latest, finalized = await self._rpc.latest(), await self._rpc.finalized()
            self._counted.clear()
            await self._conclude(finalized)
            await self._push(latest)
            for row in await self._outbox.open_rows():
                if row.state is State.QUEUED:
                    await self._start(row, latest, finalized)
            return len(await self._outbox.open_rows())

    async def _conclude(self, finalized: Block) -> None:
        """Close or requeue the rows whose nonces finalized blocks have used."""
        for row in await self._sent():
            if row.nonce >= await self._used(row.sender, finalized):
                continue
            if await self._is_settled(row, finalized):
                await self._close(row, State.DONE, f"the effect is there at block {finalized}")
            elif await self._succeeded(row, finalized):
                await self._close(row, State.DONE, f"nonce {row.nonce} succeeded by block {finalized}")
            elif row.tries + 1 >= _MOST_TRIES:
                await self._close(row, State.REFUSED, f"{_MOST_TRIES} nonces were used without the effect")
            else:
                _log.warning("transaction without effect", key=row.intent.key, nonce=row.nonce)
                await self._outbox.requeue(row.id, f"nonce {row.nonce} was used without the effect")

    async def _succeeded(self, row: Row, finalized: Block) -> bool:
        """Whether one of the row's own transactions used the nonce, and succeeded."""
        for attempt in row.attempts:
            receipt = await self._rpc.receipt(attempt.hash)
            if receipt is not None:
                return receipt.succeeded
        # That no receipt was found may be an endpoint's forgetfulness. Sending anew needs proof that the
        # nonce went to another transaction, so find the one that used it.

        async def reached(block: Block) -> bool:
            return await self._rpc.nonce(row.sender, block) > row.nonce

        block = await first_block_where(self._rpc, reached, 0, finalized)
        own = {attempt.hash for attempt in row.attempts}
        for sender, nonce, transaction in await self._rpc.transactions(block):
            if nonce == row.nonce and sender.lower() == row.sender.lower():
                if transaction in own:
                    raise ChainDoubt(f"0x{transaction.hex()} is in block {block} but has no receipt yet")
                return False
        raise ChainDoubt(f"block {block} used nonce {row.nonce} of {row.sender} without a transaction of it")

    async def _push(self, latest: Block) -> None:
        """Send again what is in no block, be it by a reorg; dearer if it waited long."""
        waiting = [row for row in await self._sent() if row.nonce >= await self._used(row.sender, latest)]
        for row in waiting:
            attempt = row.attempts[-1]
            replacement = None
            if stalled := latest.number - attempt.made_at >= self._policy.stall_blocks:
                replacement = await self._replace(row, attempt, latest)
            refusal = await self._broadcast(replacement or attempt)
            if refusal is not None and (replacement is not None or not stalled):
                await self._wait(row, refusal)
        own = [row.nonce for row in waiting if row.sender == self._address]
        if own and min(own) > (used := await self._used(self._address, latest)):
            # A stranger's transaction had this nonce and was reorganised away: all behind it is stuck.
            # One filler at a time: while fees are over the ceiling, blocks go by before it is sent.
            for row in await self._outbox.open_rows():
                if row.state is State.QUEUED and row.intent.kind == _FILLER:
                    return
            key = f"{_FILLER}:{used}:{latest.hash.hex()}"
            await self._outbox.enqueue(Intent(key, _FILLER, Call(self._address, b"")), latest.number)

    async def _replace(self, row: Row, before: Attempt, latest: Block) -> Attempt | None:
        account = self._account
        if account is None or account.address != row.sender:
            await self._wait(
                row, f"stalled, and the key of {row.sender} that could replace it is not configured"
            )
            return None
        fees = self._policy.replacement(before.fees, *await self._rpc.fees())
        if fees is None:
            await self._wait(row, "stalled, and a dearer transaction would go over the fee ceiling")
            return None
        try:
            gas = await self._gas(row.intent.call)
        except CallReverted as refusal:
            if not await self._holds_up_others(row):
                await self._wait(row, f"stalled, and would be refused now: {refusal.reason}")
                return None
            # It is to fail in a block: that uses the nonce, which the others wait for.
            gas = _gas_of(before)
        _log.warning(
            "replacing a stalled transaction", key=row.intent.key, nonce=row.nonce, max_fee=fees.max_fee
        )
        return await self._sign(account, row, row.nonce, gas, fees, latest)

    async def _holds_up_others(self, row: Row) -> bool:
        return any(other.sender == row.sender and other.nonce > row.nonce for other in await self._sent())

    async def _start(self, row: Row, latest: Block, finalized: Block) -> None:
        """Give a queued row a nonce and send it, unless the chain speaks against that."""
        intent, account = row.intent, self._account
        if await self._is_settled(row, finalized):
            return await self._close(row, State.DONE, f"the effect is there at block {finalized}")
        if intent.deadline is not None and finalized.timestamp > intent.deadline:
            return await self._close(row, State.EXPIRED, f"its deadline {intent.deadline} is past")
        if await self._is_settled(row, latest):
            return await self._wait(row, "the effect is there, but not final")
        try:
            await self._rpc.call(intent.call, latest, sender=self._address)
            gas = await self._gas(intent.call) if account else 0
        except CallReverted as refusal:
            return await self._refused(row, refusal, finalized)
        if account is None:
            _log.info(
                "dry run: would send", key=intent.key, to=intent.call.to, data="0x" + intent.call.data.hex()
            )
            return await self._close(row, State.DRY, "no key is configured")
        fees = self._policy.first(*await self._rpc.fees())
        if fees is None:
            return await self._wait(row, "fees are over the ceiling")
        attempt = await self._sign(account, row, await self._free_nonce(latest), gas, fees, latest)
        said = await self._broadcast(attempt)
        return await self._wait(row, said) if said is not None else None

    async def _refused(self, row: Row, refusal: CallReverted, finalized: Block) -> None:
        """A refusal counts once it holds in a finalized block with all that came before the intent in it."""
        if finalized.number >= row.queued_at and not await self._sent():
            try:
                await self._rpc.call(row.intent.call, finalized, sender=self._address)
            except CallReverted as final:
                return await self._close(row, State.REFUSED, final.reason)
        return await self._wait(row, f"refused for now: {refusal.reason}")

    async def _free_nonce(self, latest: Block) -> int:
        held = {row.nonce for row in await self._sent() if row.sender == self._address}
        nonce = await self._used(self._address, latest)
        while nonce in held:
            nonce += 1
        return nonce

    async def _sign(
        self, account: LocalAccount, row: Row, nonce: int, gas: int, fees: Fees, latest: Block
    ) -> Attempt:
        """A signed transaction, durable before anybody else sees it."""
        signed = account.sign_transaction(
            {
                "type": 2,
                "chainId": self._rpc.chain_id,
                "nonce": nonce,
                "to": HexStr(row.intent.call.to),
                "data": row.intent.call.data,
                "value": row.intent.call.value,
                "gas": gas,
                "maxFeePerGas": fees.max_fee,
                "maxPriorityFeePerGas": fees.tip,
            }
        )
        attempt = Attempt(bytes(signed.hash), bytes(signed.raw_transaction), fees, latest.number)
        await self._outbox.attempt(row.id, account.address, nonce, attempt)
        _log.info("sending", key=row.intent.key, nonce=nonce, transaction="0x" + attempt.hash.hex())
        return attempt

    async def _broadcast(self, attempt: Attempt) -> str | None:
        """Show a transaction to the endpoints; what they have against it, if anything."""
        try:
            await self._rpc.broadcast(attempt.raw)
        except RpcError as refusal:
            if not any(answer in refusal.message.lower() for answer in _TO_A_REPETITION):
                return f"the endpoint says: {refusal.message}"
        return None

    async def _gas(self, call: Call) -> int:
        # A quarter more: state may differ a little by the time of inclusion.
        return await self._rpc.estimate_gas(call, self._address) * 5 // 4

    async def _used(self, account: str, at: Block) -> int:
        """How many nonces an account had used at a block; asked once a tick."""
        if (account, at.hash) not in self._counted:
            self._counted[account, at.hash] = await self._rpc.nonce(account, at)
        return self._counted[account, at.hash]

    async def _sent(self) -> list[Row]:
        return [row for row in await self._outbox.open_rows() if row.state is State.SENT]

    async def _is_settled(self, row: Row, at: Block) -> bool:
        try:
            settled = self._settled[row.intent.kind]
        except KeyError:
            raise ValueError(
                f"nothing tells whether a {row.intent.kind!r} is settled; see Sender.settles"
            ) from None
        return await settled(row.intent, at)

    async def _close(self, row: Row, state: State, note: str) -> None:
        await self._outbox.close(row.id, state, note)
        _log.info("transaction closed", key=row.intent.key, state=state.value, note=note)

    async def _wait(self, row: Row, note: str) -> None:
        if note != row.note:
            _log.info("transaction waits", key=row.intent.key, note=note)
            await self._outbox.remark(row.id, note)


def _gas_of(attempt: Attempt) -> int:
    """The gas limit that a signed transaction has."""
    from eth_account.typed_transactions.typed_transaction import TypedTransaction  # here: slow to load

    signed = TypedTransaction.from_bytes(HexBytes(attempt.raw))
    return int(signed.as_dict()["gas"])


async def _never(intent: Intent, at: Block) -> bool:
    return False
