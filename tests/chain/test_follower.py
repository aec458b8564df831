"""Following finalized blocks: nothing lost, nothing twice; and what happens when finality is broken."""

from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from budgets import few
from hypothesis import given
from hypothesis import strategies as st
from relay import HttpFault, JsonRpcFault, Relay

from oracles.chain.block import Log
from oracles.chain.errors import AnswerTooBig, BlockUnknown, ChainBehind, ReorgBelowFinality, RpcError
from oracles.chain.finality import Cursor
from oracles.chain.follower import Follower, Span
from oracles.chain.rpc import Rpc
from scripts._devnet import Devnet

from .tally import Tally

pytestmark = pytest.mark.anyio

CHAIN = 31337


async def _drain(follower: Follower, cursor: Cursor | None) -> tuple[list[Log], Cursor | None]:
    """All that is final now, span by span."""
    logs: list[Log] = []
    while (span := await follower.next(cursor)) is not None:
        logs += span.logs
        cursor = span.cursor
    return logs, cursor


def _names(tally: Tally, logs: list[Log]) -> list[str]:
    events = [tally.abi.event(log) for log in logs]
    return [event.args["key"].rstrip(b"\0").decode() for event in events if event]


async def test_logs_come_once_final_and_once(devnet: Devnet, tally: Tally) -> None:
    async with Rpc.connect([devnet.rpc_url], CHAIN) as rpc:
        follower = Follower(rpc, tally.wanted, first_block=0)
        _, cursor = await _drain(follower, None)
        tally.count_as(1, "a")
        devnet.mine()
        early, cursor = await _drain(follower, cursor)
        assert early == []
        devnet.finalize()
        logs, cursor = await _drain(follower, cursor)
        assert _names(tally, logs) == ["a"]
        assert await follower.next(cursor) is None


async def test_nothing_before_the_first_block_is_asked_for(devnet: Devnet, tally: Tally) -> None:
    async with Rpc.connect([devnet.rpc_url], CHAIN) as rpc:
        follower = Follower(rpc, tally.wanted, first_block=100)
        assert await follower.next(None) is None
        tally.count_as(1, "a")
        devnet.mine(110)
        span = await follower.next(None)
        assert span is not None and span.logs == () and span.head == await rpc.finalized()


@pytest.mark.parametrize("chunk", [1, 7, 1000])
async def test_long_gaps_are_read_in_bounded_ranges(devnet: Devnet, tally: Tally, chunk: int) -> None:
    names = [f"n{number}" for number in range(5)]
    for name in names:
        tally.count_as(1, name)
        devnet.mine(3)
    devnet.finalize()
    with Relay(devnet) as relay:
        ranges: list[int] = []

        def count(params: list[Any], genuine: Any) -> Any:
            ranges.append(int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) + 1)
            return genuine()

        relay.answers["eth_getLogs"] = count
        async with Rpc.connect([relay.url], CHAIN) as rpc:
            logs, cursor = await _drain(Follower(rpc, tally.wanted, 0, linked=0, chunk=chunk), None)
            assert _names(tally, logs) == names
            assert cursor == Cursor.of(await rpc.finalized())
            assert max(ranges) <= chunk


@pytest.mark.parametrize(
    "fault",
    [
        JsonRpcFault(-32602, "query returned more than 10000 results"),
        JsonRpcFault(-32005, "query returned more than 10000 results"),
        HttpFault(413),
        HttpFault(504),
    ],
    ids=["-32602", "-32005", "413", "504"],
)
async def test_a_range_that_an_endpoint_finds_too_big_is_halved(
    devnet: Devnet, tally: Tally, fault: Exception
) -> None:
    names = [f"n{number}" for number in range(6)]
    for name in names:
        tally.count_as(1, name)
        devnet.mine(4)
    devnet.finalize()

    def limited(params: list[Any], genuine: Any) -> Any:
        if int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) >= 5:
            raise fault
        return genuine()

    def refusing(params: list[Any], genuine: Any) -> Any:
        raise fault

    with Relay(devnet) as relay:
        async with Rpc.connect([relay.url], CHAIN) as rpc:
            follower = Follower(rpc, tally.wanted, 0, linked=0)
            relay.answers["eth_getLogs"] = refusing
            with pytest.raises((AnswerTooBig, RpcError)):
                await follower.next(None)
            relay.answers["eth_getLogs"] = limited
            assert _names(tally, (await _drain(follower, None))[0]) == names


@pytest.mark.parametrize("linked", [0, 32])
async def test_a_reorg_below_finality_stops_and_names_both_hashes(
    devnet: Devnet, tally: Tally, linked: int
) -> None:
    async with Rpc.connect([devnet.rpc_url], CHAIN) as rpc:
        follower = Follower(rpc, tally.wanted, 0, linked=linked)
        tally.count_as(1, "a")
        devnet.mine(4)
        _, cursor = await _drain(follower, None)
        assert cursor is not None
        devnet.reorg(4)
        devnet.mine(3)
        # No log is in the new blocks: only the hashes show that the old ones are gone.
        found = (await rpc.block(cursor.number)).hash
        with pytest.raises(ReorgBelowFinality) as stop:
            await follower.next(cursor)
        assert (stop.value.number, stop.value.expected, stop.value.found) == (
            cursor.number,
            cursor.hash,
            found,
        )
        assert cursor.hash.hex() in str(stop.value) and found.hex() in str(stop.value)


async def test_it_stops_too_where_the_new_chain_is_no_longer_than_the_old(
    devnet: Devnet, tally: Tally
) -> None:
    async with Rpc.connect([devnet.rpc_url], CHAIN) as rpc:
        follower = Follower(rpc, tally.wanted, 0)
        devnet.mine(4)
        _, cursor = await _drain(follower, None)
        devnet.reorg(4)
        with pytest.raises(ReorgBelowFinality):
            await follower.next(cursor)


async def test_a_chain_that_is_behind_is_waited_for(devnet: Devnet, tally: Tally) -> None:
    async with Rpc.connect([devnet.rpc_url], CHAIN) as rpc:
        follower = Follower(rpc, tally.wanted, 0)
        devnet.mine(6)
        _, cursor = await _drain(follower, None)
        devnet.request("anvil_rollback", 2)
        with pytest.raises(ChainBehind):
            await follower.next(cursor)
        devnet.request("anvil_rollback", 4)
        with pytest.raises(ChainBehind):
            await follower.next(cursor)


async def test_a_chain_that_moves_while_it_is_read_is_asked_again(devnet: Devnet, tally: Tally) -> None:
    with Relay(devnet) as relay:
        async with Rpc.connect([relay.url], CHAIN) as rpc:
            follower = Follower(rpc, tally.wanted, 0)
            devnet.mine(6)
            stranger = devnet.request("eth_getBlockByNumber", "0x1", False)
            number = hex(devnet.block_number("finalized") - 1)

            def swapped(params: list[Any], genuine: Any) -> Any:
                answer = genuine()
                return answer | {"hash": stranger["hash"]} if params[0] == number else answer

            relay.answers["eth_getBlockByNumber"] = swapped
            relay.answers["eth_getLogs"] = lambda params, genuine: []
            with pytest.raises(BlockUnknown, match="replaced while reading"):
                await follower.next(None)
            relay.answers.clear()
            assert await follower.next(None) is not None


async def test_pending_shows_what_is_not_final_and_forgets_what_a_reorg_took(
    devnet: Devnet, tally: Tally
) -> None:
    async with Rpc.connect([devnet.rpc_url], CHAIN) as rpc:
        for linked in (0, 32):
            follower = Follower(rpc, tally.wanted, 0, linked=linked)
            _, cursor = await _drain(follower, None)
            assert (await follower.pending(cursor)).logs == ()
            tally.count_as(1, "early")
            devnet.mine()
            assert _names(tally, list((await follower.pending(cursor)).logs)) == ["early"]
            devnet.reorg(1)
            assert (await follower.pending(cursor)).logs == ()
            devnet.finalize()


async def test_follow_waits_for_news(devnet: Devnet, tally: Tally) -> None:
    async with Rpc.connect([devnet.rpc_url], CHAIN) as rpc:
        follower = Follower(rpc, tally.wanted, 0)
        _, cursor = await _drain(follower, None)
        idle = anyio.Event()
        spans: list[Span] = []

        async def collect() -> None:
            async for span in follower.follow(cursor, poll=0.01, idle=idle.set):
                spans.append(span)
                return

        async with anyio.create_task_group() as group:
            group.start_soon(collect)
            await idle.wait()
            tally.count_as(1, "a")
            devnet.mine()
            devnet.finalize()
        assert _names(tally, list(spans[0].logs)) in (["a"], [])


@pytest.fixture(scope="module")
def lagging(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tally]:
    """Where blocks are final only eight blocks later. Examples follow one another on it: anvil's snapshots do
    not outlive a reorg.
    """
    with Devnet.start(tmp_path_factory.mktemp("devnet"), manual=True, slots_in_an_epoch=4) as devnet:
        yield Tally.deploy(devnet)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("count"), st.integers(1, 3)),
        st.tuples(st.just("mine"), st.integers(1, 6)),
        st.tuples(st.just("reorg"), st.integers(1, 7)),
        st.tuples(st.just("read"), st.just(0)),
    ),
    max_size=30,
)


@few()
@given(steps=steps, linked=st.sampled_from([0, 3, 32]))
def test_reorgs_inside_the_finality_lag_lose_and_double_nothing(
    lagging: Tally, steps: list[tuple[str, int]], linked: int
) -> None:
    tally, devnet = lagging, lagging.devnet

    async def run() -> None:
        async with Rpc.connect([devnet.rpc_url], CHAIN) as rpc:
            first = (await rpc.finalized()).number + 1
            follower = Follower(rpc, tally.wanted, first, linked=linked, chunk=4)
            seen: list[Log] = []
            cursor: Cursor | None = None
            names = (f"k{number}" for number in range(1000))
            for step, amount in steps:
                if step == "count":
                    for _ in range(amount):
                        tally.count_as(amount, next(names))
                    devnet.mine()
                elif step == "mine":
                    devnet.mine(amount)
                elif step == "reorg":
                    devnet.reorg(min(amount, devnet.finality_lag))
                else:
                    logs, cursor = await _drain(follower, cursor)
                    seen += logs
            devnet.finalize()
            logs, cursor = await _drain(follower, cursor)
            seen += logs
            final = await rpc.finalized()
            assert seen == await rpc.logs_between(first, final.number, tally.wanted)
            assert cursor == Cursor.of(final)

    anyio.run(run)
