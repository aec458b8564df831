"""Checkpoints pinned to IPFS: each once, a failure said and tried again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import anyio
import httpx
import pytest
from nacl.signing import SigningKey
from prometheus_client import CollectorRegistry

from agent.meters import AgentMeters
from agent.pinning import Pinner
from oracles.ledger.ledger import Ledger
from oracles.ledger.note import Signer
from oracles.ledger.pin import raw_cid

pytestmark = pytest.mark.anyio
SIGNER = Signer("westworld/node/test", bytes(SigningKey(bytes(range(32)))), 0)


class Kubo:
    """Answers `/api/v0/block/put` as a Kubo node does, or with 500 while it is down."""

    def __init__(self) -> None:
        self.down = False
        self.kept: list[bytes] = []
        self.came: asyncio.Queue[bytes] = asyncio.Queue()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            return httpx.Response(500, text="no space left")
        block = request.content.split(b"\r\n\r\n", 1)[1].rsplit(b"\r\n--", 1)[0]
        self.kept.append(block)
        self.came.put_nowait(block)
        return httpx.Response(200, json={"Key": raw_cid(block), "Size": len(block)})


def pinner(ledger: Ledger, kubo: Kubo, registry: CollectorRegistry) -> Pinner:
    client = httpx.AsyncClient(transport=httpx.MockTransport(kubo))
    return Pinner(ledger, "http://127.0.0.1:5001", client, AgentMeters(registry))


@pytest.mark.feature("C3.4")
async def test_each_checkpoint_is_pinned_once(tmp_path: Path) -> None:
    kubo, registry = Kubo(), CollectorRegistry()
    with Ledger.open(tmp_path / "ledger", SIGNER) as ledger:
        one = pinner(ledger, kubo, registry)
        await ledger.append_async(b"first")
        assert await one.round() == raw_cid(ledger.checkpoint())
        assert await one.round() is None
        await ledger.append_async(b"second")
        assert await one.round() == raw_cid(ledger.checkpoint())
        assert kubo.kept[-1] == ledger.checkpoint()
    assert len(kubo.kept) == 2
    assert registry.get_sample_value("westworld_checkpoint_pins_total", {"result": "ok"}) == 2


async def test_a_node_that_fails_is_asked_again(tmp_path: Path) -> None:
    kubo, registry = Kubo(), CollectorRegistry()
    with Ledger.open(tmp_path / "ledger", SIGNER) as ledger:
        one = pinner(ledger, kubo, registry)
        kubo.down = True
        assert await one.round() is None
        assert registry.get_sample_value("westworld_checkpoint_pins_total", {"result": "failed"}) == 1
        kubo.down = False
        assert await one.round() == raw_cid(ledger.checkpoint())


async def test_a_ledger_without_a_registered_key_is_not_pinned(tmp_path: Path) -> None:
    kubo = Kubo()
    with Ledger.open(tmp_path / "ledger") as ledger:
        assert await pinner(ledger, kubo, CollectorRegistry()).round() is None
    assert kubo.kept == []


async def test_rounds_follow_one_another_until_cancelled(tmp_path: Path) -> None:
    kubo = Kubo()
    with Ledger.open(tmp_path / "ledger", SIGNER) as ledger:
        one = pinner(ledger, kubo, CollectorRegistry())
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(one.run, 0.01)
            with anyio.fail_after(30):
                first = await kubo.came.get()
                await ledger.append_async(b"news")
                assert await kubo.came.get() != first
            tasks.cancel_scope.cancel()
