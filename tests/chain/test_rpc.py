"""Reads through one endpoint, or two that must agree."""

import pytest
from relay import HttpFault, JsonRpcFault, Relay

from oracles.chain.block import Block, Call
from oracles.chain.errors import (
    BlockUnknown,
    CallReverted,
    ChainUnavailable,
    EndpointsDisagree,
    RpcError,
    WrongChain,
)
from oracles.chain.rpc import Rpc
from oracles.chain.search import last_block_before
from scripts._devnet import Devnet

from .tally import Tally

pytestmark = pytest.mark.anyio

CHAIN = 31337


async def test_heads_and_blocks_are_the_chains(devnet: Devnet) -> None:
    devnet.mine(5)
    async with Rpc.connect([devnet.rpc_url], CHAIN) as rpc:
        latest, finalized = await rpc.latest(), await rpc.finalized()
        assert (latest.number, finalized.number) == (5, 5 - devnet.finality_lag)
        assert await rpc.block(finalized.number) == finalized
        assert await rpc.block_by_hash(latest.hash) == latest
        assert (await rpc.block(4)).hash == latest.parent


async def test_a_block_that_is_not_there_is_said_so(devnet: Devnet) -> None:
    async with Rpc.connect([devnet.rpc_url], CHAIN) as rpc:
        with pytest.raises(BlockUnknown):
            await rpc.block(99)
        with pytest.raises(BlockUnknown):
            await rpc.block_by_hash(b"\x01" * 32)


async def test_reads_are_pinned_to_a_block_hash(devnet: Devnet, tally: Tally) -> None:
    tally.count_as(1, "a")
    devnet.mine()
    read = Call(tally.address, tally.abi.encode("times", tally.key("a")))
    async with Rpc.connect([devnet.rpc_url], CHAIN) as rpc:
        at = await rpc.latest()
        assert int.from_bytes(await rpc.call(read, at)) == 1
        assert int.from_bytes(await rpc.call(read, await rpc.block(at.number - 1))) == 0
        assert await rpc.nonce(devnet.account(1).address, at) == 1
        assert await rpc.balance(tally.address, at) == 0


async def test_a_read_at_a_replaced_block_is_refused(devnet: Devnet, tally: Tally) -> None:
    tally.count_as(1, "a")
    devnet.mine()
    read = Call(tally.address, tally.abi.encode("times", tally.key("a")))
    async with Rpc.connect([devnet.rpc_url], CHAIN) as rpc:
        at = await rpc.latest()
        devnet.reorg(1)
        with pytest.raises(BlockUnknown):
            await rpc.call(read, at)


async def test_a_revert_has_its_reason(devnet: Devnet, tally: Tally) -> None:
    tally.close(True)
    async with Rpc.connect([devnet.rpc_url], CHAIN) as rpc:
        with pytest.raises(CallReverted, match="tally: closed"):
            await rpc.call(tally.call("a"), await rpc.latest())


async def test_a_chain_that_is_down_is_said_so_and_comes_back(devnet: Devnet) -> None:
    with Relay(devnet) as relay:
        relay.answers["eth_getBlockByNumber"] = lambda params, genuine: _raise(HttpFault(503))
        async with Rpc.connect([relay.url], CHAIN, attempts=1) as rpc:
            with pytest.raises(ChainUnavailable, match="HTTP status 503"):
                await rpc.latest()
            del relay.answers["eth_getBlockByNumber"]
            assert (await rpc.latest()).number == 0
    async with Rpc.connect(["http://127.0.0.1:1"], CHAIN, attempts=1) as rpc:
        with pytest.raises(ChainUnavailable, match=r"127\.0\.0\.1:1"):
            await rpc.latest()


async def test_a_short_outage_is_ridden_out(devnet: Devnet) -> None:
    outage = iter([503, 503])
    with Relay(devnet) as relay:

        def stumble(params: object, genuine: object) -> object:
            status = next(outage, None)
            return _raise(HttpFault(status)) if status else genuine()  # type: ignore[operator]

        relay.answers["eth_chainId"] = stumble
        async with Rpc.connect([relay.url], CHAIN) as rpc:
            assert (await rpc.latest()).number == 0


async def test_another_chain_is_refused_before_anything_is_read(devnet: Devnet) -> None:
    async with Rpc.connect([devnet.rpc_url], 1) as rpc:
        with pytest.raises(WrongChain) as refused:
            await rpc.latest()
    assert (refused.value.expected, refused.value.found) == (1, CHAIN)


async def test_the_chain_id_is_asked_again_after_an_outage(devnet: Devnet) -> None:
    with Relay(devnet) as relay:
        async with Rpc.connect([relay.url], CHAIN, attempts=1) as rpc:
            await rpc.latest()
            relay.answers["eth_getBlockByNumber"] = lambda params, genuine: _raise(HttpFault(502))
            with pytest.raises(ChainUnavailable):
                await rpc.latest()
            relay.answers["eth_chainId"] = lambda params, genuine: "0x1"
            with pytest.raises(WrongChain):
                await rpc.latest()


async def test_what_is_not_json_rpc_is_unavailable(devnet: Devnet) -> None:
    with Relay(devnet) as relay:
        relay.answers["eth_getBlockByNumber"] = lambda params, genuine: _raise(HttpFault(200))
        async with Rpc.connect([relay.url], CHAIN, attempts=1) as rpc:
            with pytest.raises(ChainUnavailable):
                await rpc.latest()


async def test_an_endless_answer_is_cut_off(devnet: Devnet, monkeypatch: pytest.MonkeyPatch) -> None:
    with Relay(devnet) as relay:
        relay.answers["eth_getBlockByNumber"] = lambda params, genuine: "x" * 5000
        async with Rpc.connect([relay.url], CHAIN, attempts=1) as rpc:
            monkeypatch.setattr("oracles.chain.endpoint.MAX_ANSWER", 4096)
            with pytest.raises(ChainUnavailable, match="more than 4096 bytes"):
                await rpc.latest()


async def test_other_faults_keep_code_and_message(devnet: Devnet) -> None:
    with Relay(devnet) as relay:
        relay.answers["eth_getBlockByNumber"] = lambda params, genuine: _raise(
            JsonRpcFault(-32603, "internal")
        )
        async with Rpc.connect([relay.url], CHAIN) as rpc:
            with pytest.raises(RpcError, match="internal") as fault:
                await rpc.latest()
            assert fault.value.code == -32603


async def test_keys_in_urls_are_never_shown() -> None:
    async with Rpc.connect(["http://user:hunter2@127.0.0.1:1/v3/hunter3"], CHAIN, attempts=1) as rpc:
        with pytest.raises(ChainUnavailable) as fault:
            await rpc.latest()
    shown = "".join(map(str, [fault.value, fault.value.__cause__, fault.getrepr(style="short")]))
    assert "hunter" not in shown.replace('"http://user:hunter2@127.0.0.1:1/v3/hunter3"', "")


async def test_two_endpoints_give_the_lower_head(devnet: Devnet) -> None:
    devnet.mine(6)
    with Relay(devnet) as behind:
        lag = {"latest": "0x4", "finalized": "0x2"}
        behind.answers["eth_getBlockByNumber"] = lambda params, genuine: devnet.request(
            "eth_getBlockByNumber", lag.get(params[0], params[0]), False
        )
        async with Rpc.connect([devnet.rpc_url, behind.url], CHAIN) as rpc:
            assert (await rpc.latest()).number == 4
            assert (await rpc.finalized()).number == 2


async def test_two_endpoints_on_two_histories_are_not_believed(start_devnet: object, devnet: Devnet) -> None:
    other: Devnet = start_devnet(manual=True, timestamp=1_700_000_000)  # type: ignore[operator]
    devnet.mine(3)
    other.mine(3)
    async with Rpc.connect([devnet.rpc_url, other.rpc_url], CHAIN) as rpc:
        with pytest.raises(EndpointsDisagree) as doubt:
            await rpc.finalized()
    assert set(doubt.value.answers) == {devnet.rpc_url, other.rpc_url}


async def test_one_lying_endpoint_of_two_is_not_believed(devnet: Devnet, tally: Tally) -> None:
    tally.count_as(1, "a")
    devnet.mine()
    read = Call(tally.address, tally.abi.encode("times", tally.key("a")))
    with Relay(devnet) as liar:
        liar.answers["eth_call"] = lambda params, genuine: "0x" + (7).to_bytes(32).hex()
        liar.answers["eth_getLogs"] = lambda params, genuine: []
        async with Rpc.connect([devnet.rpc_url, liar.url], CHAIN) as rpc:
            at = await rpc.latest()
            with pytest.raises(EndpointsDisagree, match="a call to"):
                await rpc.call(read, at)
            with pytest.raises(EndpointsDisagree, match="logs"):
                await rpc.logs_in(at, tally.wanted)
            del liar.answers["eth_call"], liar.answers["eth_getLogs"]
            assert int.from_bytes(await rpc.call(read, at)) == 1
            assert len(await rpc.logs_in(at, tally.wanted)) == 1


async def test_two_endpoints_agree_on_a_revert(devnet: Devnet, tally: Tally) -> None:
    tally.close(True)
    with Relay(devnet) as other:
        async with Rpc.connect([devnet.rpc_url, other.url], CHAIN) as rpc:
            at = await rpc.latest()
            with pytest.raises(CallReverted, match="tally: closed"):
                await rpc.call(tally.call("a"), at)
            other.answers["eth_call"] = lambda params, genuine: "0x"
            with pytest.raises(EndpointsDisagree):
                await rpc.call(tally.call("a"), at)


async def test_one_endpoint_down_of_two_leaves_doubt(devnet: Devnet) -> None:
    async with Rpc.connect([devnet.rpc_url, "http://127.0.0.1:1"], CHAIN, attempts=1) as rpc:
        with pytest.raises(ChainUnavailable):
            await rpc.finalized()


async def test_the_last_block_before_a_time(devnet: Devnet) -> None:
    for _ in range(9):
        devnet.warp(7)
    async with Rpc.connect([devnet.rpc_url], CHAIN) as rpc:
        head = await rpc.latest()
        blocks = [await rpc.block(number) for number in range(head.number + 1)]
        for time in (block.timestamp + late for block in blocks for late in (0, 1)):
            assert await last_block_before(rpc, time, head) == _last_before(blocks, time)


def _last_before(blocks: list[Block], time: int) -> Block | None:
    earlier = [block for block in blocks if block.timestamp < time]
    return earlier[-1] if earlier else None


def _raise(fault: Exception) -> object:
    raise fault
