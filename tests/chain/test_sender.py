"""Each effect exactly once: through reorgs, stalls, crashes at every step, strangers and forgetful
endpoints.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from eth_account.signers.local import LocalAccount
from relay import JsonRpcFault, Relay

from oracles.chain.block import Block
from oracles.chain.errors import ChainDoubt
from oracles.chain.fees import GWEI, FeePolicy
from oracles.chain.outbox import Intent, State
from oracles.chain.rpc import Rpc
from oracles.chain.sender import Sender
from oracles.daemon.outbox import OUTBOX_SCHEMA, StoredOutbox
from oracles.daemon.store import Store
from scripts._devnet import Devnet

from .tally import KIND, Tally

pytestmark = pytest.mark.anyio

CHAIN = 31337


class Desk:
    """A sender at work on a tally. By default nothing on the chain tells it what is settled: only nonces
    protect.
    """

    def __init__(self, tally: Tally, rpc: Rpc, outbox: StoredOutbox, sender: Sender) -> None:
        self.tally = tally
        self.devnet = tally.devnet
        self.rpc = rpc
        self.outbox = outbox
        self.sender = sender

    async def want(self, *names: str) -> None:
        for name in names:
            await self.outbox.enqueue(self.tally.intent(name), self.devnet.block_number())

    async def finish(self, rounds: int = 20) -> None:
        """Tick and mine until every row is closed."""
        for _ in range(rounds):
            if not await self.sender.tick():
                return
            self.devnet.mine()
        raise AssertionError(f"still open: {await self.outbox.open_rows()}")

    async def state(self, name: str) -> State:
        found = await self.outbox.find(name)
        assert found is not None
        return found[0]


@asynccontextmanager
async def desk(
    tally: Tally,
    folder: Path,
    *,
    url: str | None = None,
    account: LocalAccount | int | None = 1,
    by_chain: bool = False,
    policy: FeePolicy | None = None,
) -> AsyncIterator[Desk]:
    key = tally.devnet.account(account) if isinstance(account, int) else account
    async with (
        Rpc.connect([url or tally.devnet.rpc_url], CHAIN, attempts=1, request_seconds=60) as rpc,
        Store.open(folder / "state.db", schema=OUTBOX_SCHEMA) as store,
    ):
        sender = Sender(rpc, StoredOutbox(store), key, policy=policy)

        async def settled(intent: Intent, at: Block) -> bool:
            return by_chain and await tally.settled(rpc, intent, at)

        sender.settles(KIND, settled)
        yield Desk(tally, rpc, StoredOutbox(store), sender)


async def test_an_effect_is_brought_about_once_and_done_when_final(tally: Tally, tmp_path: Path) -> None:
    async with desk(tally, tmp_path) as work:
        await work.want("a")
        await work.want("a")
        await work.sender.tick()
        assert await work.state("a") is State.SENT
        work.devnet.mine()
        await work.sender.tick()
        # In a block, but not final.
        assert (tally.times("a"), await work.state("a")) == (1, State.SENT)
        await work.finish()
        assert (tally.times("a"), await work.state("a")) == (1, State.DONE)
        await work.want("a")
        assert await work.sender.tick() == 0


async def test_many_effects_go_out_together(tally: Tally, tmp_path: Path) -> None:
    names = [f"n{number}" for number in range(8)]
    async with desk(tally, tmp_path) as work:
        await work.want(*names)
        await work.finish()
        assert [tally.times(name) for name in names] == [1] * 8
        assert (await work.outbox.counts())[State.DONE] == 8


async def test_an_effect_that_is_there_is_not_sent(tally: Tally, tmp_path: Path) -> None:
    tally.count_as(2, "a")
    work_folder = tmp_path
    async with desk(tally, work_folder, by_chain=True) as work:
        tally.devnet.mine()
        await work.want("a")
        await work.sender.tick()
        # There, but not final: a reorg could still make it ours to bring about.
        assert await work.state("a") is State.QUEUED
        tally.devnet.finalize()
        await work.sender.tick()
        assert (tally.times("a"), await work.state("a")) == (1, State.DONE)


async def test_an_effect_of_others_that_a_reorg_took_is_brought_about(tally: Tally, tmp_path: Path) -> None:
    async with desk(tally, tmp_path, by_chain=True) as work:
        tally.count_as(2, "a")
        tally.devnet.mine()
        await work.want("a")
        await work.sender.tick()
        tally.devnet.reorg(1)
        assert tally.times("a") == 0
        await work.finish()
        assert (tally.times("a"), await work.state("a")) == (1, State.DONE)


async def test_a_transaction_that_a_reorg_took_is_sent_again(tally: Tally, tmp_path: Path) -> None:
    async with desk(tally, tmp_path) as work:
        await work.want("a", "b")
        await work.sender.tick()
        work.devnet.mine()
        assert tally.times("a") == 1
        work.devnet.reorg(1)
        assert tally.times("a") == 0
        await work.finish()
        assert (tally.times("a"), tally.times("b")) == (1, 1)


async def test_what_the_chain_refuses_is_not_sent(tally: Tally, tmp_path: Path) -> None:
    async with desk(tally, tmp_path) as work:
        tally.close(True)
        await work.want("a")
        await work.sender.tick()
        # Refused at the newest block only: not for good yet.
        assert await work.state("a") is State.QUEUED
        work.devnet.finalize()
        await work.sender.tick()
        assert await work.outbox.find("a") == (State.REFUSED, "tally: closed")
        assert (
            work.devnet.request("eth_getTransactionCount", work.devnet.account(1).address, "latest") == "0x0"
        )


async def test_what_is_refused_for_a_while_is_sent_later(tally: Tally, tmp_path: Path) -> None:
    async with desk(tally, tmp_path) as work:
        tally.close(True)
        await work.want("a")
        await work.sender.tick()
        tally.close(False)
        await work.finish()
        assert (tally.times("a"), await work.state("a")) == (1, State.DONE)


async def test_a_transaction_that_fails_in_its_block_is_followed_by_one_that_does_not(
    tally: Tally, tmp_path: Path
) -> None:
    async with desk(tally, tmp_path) as work:
        await work.want("a")
        await work.sender.tick()
        # Closed earlier in the same block: dearer transactions come first.
        _close_first(tally)
        work.devnet.mine()
        assert tally.times("a") == 0
        tally.close(False)
        await work.finish()
        assert (tally.times("a"), await work.state("a")) == (1, State.DONE)


async def test_after_its_deadline_an_effect_is_given_up(tally: Tally, tmp_path: Path) -> None:
    async with desk(tally, tmp_path) as work:
        deadline = work.devnet.block_time() + 10
        await work.outbox.enqueue(tally.intent("late", deadline), 0)
        await work.outbox.enqueue(tally.intent("early", deadline + 1000), 0)
        work.devnet.warp(20)
        tally.close(True)
        await work.sender.tick()
        work.devnet.finalize()
        tally.close(False)
        await work.finish()
        assert (await work.state("late"), await work.state("early")) == (State.EXPIRED, State.DONE)
        assert (tally.times("late"), tally.times("early")) == (0, 1)


async def test_without_a_key_nothing_is_sent(tally: Tally, tmp_path: Path) -> None:
    async with desk(tally, tmp_path, account=None) as work:
        await work.want("a")
        assert await work.sender.tick() == 0
        work.devnet.mine()
        assert (tally.times("a"), await work.state("a")) == (0, State.DRY)
        tally.close(True)
        await work.want("b")
        work.devnet.finalize()
        await work.sender.tick()
        assert await work.state("b") is State.REFUSED


async def test_a_stalled_transaction_is_replaced_by_a_dearer_one(tally: Tally, tmp_path: Path) -> None:
    async with desk(tally, tmp_path) as work:
        await work.want("a")
        await work.sender.tick()
        first = (await work.outbox.open_rows())[0].attempts[0]
        for _ in range(4):
            _make_dear(work.devnet, 3 * first.fees.max_fee)
        assert tally.times("a") == 0
        await work.sender.tick()
        row = (await work.outbox.open_rows())[0]
        assert len(row.attempts) == 2 and row.nonce == 0
        assert row.attempts[1].fees.max_fee * 100 >= first.fees.max_fee * 110
        assert row.attempts[1].fees.tip * 100 >= first.fees.tip * 110
        work.devnet.request("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
        await work.finish()
        assert (tally.times("a"), await work.state("a")) == (1, State.DONE)


async def test_nothing_is_paid_above_the_ceiling(tally: Tally, tmp_path: Path) -> None:
    async with desk(tally, tmp_path, policy=FeePolicy(ceiling=5 * GWEI)) as work:
        await work.want("a")
        await work.sender.tick()
        for _ in range(4):
            _make_dear(work.devnet, 50 * GWEI)
        await work.want("b")
        await work.sender.tick()
        a, b = await work.outbox.open_rows()
        assert (len(a.attempts), len(b.attempts)) == (1, 0)
        assert "ceiling" in a.note + b.note
        work.devnet.request("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
        work.devnet.mine()
        await work.finish()
        assert (tally.times("a"), tally.times("b")) == (1, 1)


async def test_a_stalled_transaction_that_would_be_refused_now_is_left_alone(
    tally: Tally, tmp_path: Path
) -> None:
    async with desk(tally, tmp_path) as work:
        await work.want("a")
        await work.sender.tick()
        for _ in range(4):
            _make_dear(work.devnet, 50 * GWEI)
        tally.devnet.request("anvil_setBalance", tally.devnet.account(18).address, hex(10**24))
        _close_first(tally)
        _make_dear(work.devnet, 50 * GWEI)
        await work.sender.tick()
        row = (await work.outbox.open_rows())[0]
        assert len(row.attempts) == 1 and "would be refused now" in row.note


async def test_a_stalled_transaction_that_would_be_refused_now_makes_way_for_the_next(
    tally: Tally, tmp_path: Path
) -> None:
    async with desk(tally, tmp_path) as work:
        await work.want("a", "b")
        await work.sender.tick()
        for _ in range(4):
            _make_dear(work.devnet, 50 * GWEI)
        tally.devnet.request("anvil_setBalance", tally.devnet.account(18).address, hex(10**24))
        _close_first(tally)
        _make_dear(work.devnet, 50 * GWEI)
        await work.sender.tick()
        a, b = await work.outbox.open_rows()
        # The same call at the same nonce, dearer, though it will fail: b's nonce comes after it. Nothing
        # waits for b, so it is left alone.
        assert (len(a.attempts), len(b.attempts), a.nonce, b.nonce) == (2, 1, 0, 1)
        assert "would be refused now" in b.note
        work.devnet.mine()
        assert work.devnet.request("eth_getTransactionCount", a.sender, "latest") == "0x1"
        assert tally.times("a") == 0
        tally.close(False)
        work.devnet.request("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
        await work.finish()
        assert (tally.times("a"), tally.times("b")) == (1, 1)
        assert (await work.state("a"), await work.state("b")) == (State.DONE, State.DONE)


async def test_a_nonce_that_a_stranger_used_brings_a_new_one(tally: Tally, tmp_path: Path) -> None:
    async with desk(tally, tmp_path) as work:
        await work.want("a")
        with_foreign = work.devnet.account(1).address
        await work.sender.tick()
        work.devnet.request("anvil_dropAllTransactions")
        work.devnet.request("eth_sendTransaction", {"from": with_foreign, "to": with_foreign, "nonce": "0x0"})
        work.devnet.mine()
        await work.finish()
        assert (tally.times("a"), await work.state("a")) == (1, State.DONE)
        assert work.devnet.request("eth_getTransactionCount", with_foreign, "latest") == "0x2"


async def test_a_gap_that_a_stranger_left_is_filled(tally: Tally, tmp_path: Path) -> None:
    stranger = tally.devnet.account(1).address
    async with desk(tally, tmp_path) as work:
        work.devnet.request("eth_sendTransaction", {"from": stranger, "to": stranger})
        work.devnet.mine()
        await work.want("a")
        await work.sender.tick()
        assert (await work.outbox.open_rows())[0].nonce == 1
        work.devnet.reorg(1)
        await work.finish()
        assert (tally.times("a"), await work.state("a")) == (1, State.DONE)
        assert work.devnet.request("eth_getTransactionCount", stranger, "latest") == "0x2"


async def test_one_filler_waits_while_fees_are_over_the_ceiling(tally: Tally, tmp_path: Path) -> None:
    stranger = tally.devnet.account(1).address
    async with desk(tally, tmp_path, policy=FeePolicy(ceiling=5 * GWEI)) as work:
        work.devnet.request("eth_sendTransaction", {"from": stranger, "to": stranger})
        work.devnet.mine()
        await work.want("a")
        await work.sender.tick()
        work.devnet.reorg(1)
        for _ in range(4):
            _make_dear(work.devnet, 50 * GWEI)
            await work.sender.tick()
        assert len(await work.outbox.open_rows()) == 2
        work.devnet.request("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
        work.devnet.mine()
        await work.finish()
        assert (tally.times("a"), await work.state("a")) == (1, State.DONE)
        assert work.devnet.request("eth_getTransactionCount", stranger, "latest") == "0x2"


async def test_a_missing_receipt_is_no_proof(tally: Tally, tmp_path: Path) -> None:
    with Relay(tally.devnet) as relay:
        async with desk(tally, tmp_path, url=relay.url) as work:
            await work.want("a")
            await work.sender.tick()
            work.devnet.mine()
            work.devnet.finalize()
            relay.answers["eth_getTransactionReceipt"] = lambda params, genuine: None
            with pytest.raises(ChainDoubt, match="no receipt yet"):
                await work.sender.tick()
            relay.answers.clear()
            await work.finish()
            assert (tally.times("a"), await work.state("a")) == (1, State.DONE)


async def test_a_broadcast_that_is_refused_is_said_and_repeated(tally: Tally, tmp_path: Path) -> None:
    def refuse(params: list[Any], genuine: Any) -> Any:
        raise JsonRpcFault(-32000, "insufficient funds")

    with Relay(tally.devnet) as relay:
        async with desk(tally, tmp_path, url=relay.url) as work:
            relay.answers["eth_sendRawTransaction"] = refuse
            await work.want("a")
            await work.sender.tick()
            assert "insufficient funds" in (await work.outbox.open_rows())[0].note
            relay.answers.clear()
            await work.finish()
            assert (tally.times("a"), await work.state("a")) == (1, State.DONE)


async def test_after_a_change_of_key_the_old_keys_transactions_are_concluded(
    tally: Tally, tmp_path: Path
) -> None:
    async with desk(tally, tmp_path) as work:
        await work.want("a")
        await work.sender.tick()
        for _ in range(4):
            _make_dear(work.devnet, 50 * GWEI)
    async with desk(tally, tmp_path, account=2) as work:
        await work.want("b")
        await work.sender.tick()
        a, b = await work.outbox.open_rows()
        assert (a.sender, a.nonce, b.sender, b.nonce) == (
            work.devnet.account(1).address,
            0,
            work.devnet.account(2).address,
            0,
        )
        work.devnet.request("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
        await work.finish()
        assert (tally.times("a"), tally.times("b")) == (1, 1)


async def test_an_intent_that_nothing_settles_is_a_fault_of_ours(tally: Tally, tmp_path: Path) -> None:
    async with desk(tally, tmp_path) as work:
        await work.outbox.enqueue(Intent("x", "unheard of", tally.call("x")), 0)
        with pytest.raises(ValueError, match="unheard of"):
            await work.sender.tick()


class Crash(BaseException):
    """The process dies here."""


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("reorg", [False, True], ids=["calm", "reorg"])
async def test_a_crash_at_any_step_neither_loses_nor_doubles(
    tally: Tally, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool, reorg: bool
) -> None:
    """Dies at the first step that touches disk or chain, then at the second, and so on until it gets
    through.
    """
    names = ["a", "b"]
    async with desk(tally, tmp_path) as work:
        await work.want(*names)
    crashes, step = 0, 0
    while True:
        step += 1
        countdown = [step]

        def fragile(method: Callable[..., Any], left: list[int] = countdown) -> Callable[..., Any]:
            async def wrapped(*args: Any, **more: Any) -> Any:
                left[0] -= 1
                if left[0] == 0 and not after:
                    raise Crash
                answer = await method(*args, **more)
                if left[0] == 0 and after:
                    raise Crash
                return answer

            return wrapped

        async with desk(tally, tmp_path) as work:
            for method in ("attempt", "requeue", "close"):
                monkeypatch.setattr(work.outbox, method, fragile(getattr(work.outbox, method)))
            monkeypatch.setattr(work.rpc, "broadcast", fragile(work.rpc.broadcast))
            work.sender._outbox = work.outbox
            try:
                await work.finish()
                break
            except Crash:
                crashes += 1
        if reorg:
            tally.devnet.mine()
            tally.devnet.reorg(1)
    assert crashes >= 3
    assert [tally.times(name) for name in names] == [1, 1]


def _close_first(tally: Tally) -> None:
    """A refusal that gets into the next block before everything else."""
    data = "0x" + tally.abi.encode("close", True).hex()
    tally.devnet.request(
        "eth_sendTransaction",
        {
            "from": tally.devnet.account(18).address,
            "to": tally.address,
            "data": data,
            "gas": hex(100_000),
            "maxFeePerGas": hex(400 * GWEI),
            "maxPriorityFeePerGas": hex(100 * GWEI),
        },
    )


def _make_dear(devnet: Devnet, base_fee: int) -> None:
    """A block that cheaper transactions do not get into."""
    devnet.request("anvil_setNextBlockBaseFeePerGas", hex(base_fee))
    devnet.mine()
