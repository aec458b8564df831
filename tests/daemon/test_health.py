"""`/health` and `/metrics`, on a server that is one of the daemon's tasks."""

import socket

import anyio
import httpx
import pytest
from starlette.applications import Starlette

from oracles.chain.outbox import State
from oracles.daemon.errors import SettingsFault
from oracles.daemon.health import Health
from oracles.daemon.http import serve, status_routes
from oracles.daemon.metrics import Metrics


class Clock:
    """Time as a test has it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_pulse_that_grows_stale_is_sick_and_one_that_beats_again_is_well() -> None:
    clock = Clock()
    health = Health(10, clock)
    steady, faltering = health.pulse("steady"), health.pulse("faltering")
    assert health.pulse("steady") is steady
    assert faltering.falter("chain is down") and not faltering.falter("chain is down")
    clock.now = 10.5
    steady.beat()
    well, report = health.report()
    assert not well and report["status"] == "stale"
    assert report["loops"]["steady"]["ok"] and not report["loops"]["faltering"]["ok"]
    assert report["loops"]["faltering"]["trouble"] == "chain is down"
    faltering.beat()
    assert health.report()[0] and faltering.trouble is None


@pytest.mark.anyio
@pytest.mark.feature("I3.1")
async def test_health_and_metrics_are_served_until_the_end() -> None:
    clock = Clock()
    health, metrics = Health(10, clock), Metrics("tested")
    metrics.watch("loop", health.pulse("loop"))
    metrics.cycle("loop", "ok", 0.1)
    metrics.block("finalized", 7)
    metrics.request("eth_call", "ok", 0.01)
    metrics.outbox({State.SENT: 2})
    async with anyio.create_task_group() as group:
        app = Starlette(routes=status_routes(health, metrics.registry))
        port = await group.start(serve, app, "127.0.0.1", 0)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            assert (await client.get("/health")).status_code == 200
            clock.now = 11
            sick = await client.get("/health")
            assert (sick.status_code, sick.json()["status"]) == (503, "stale")
            text = (await client.get("/metrics")).text
        for line in (
            'westworld_daemon_info{daemon="tested"',
            'westworld_cycles_total{loop="loop",result="ok"} 1.0',
            'westworld_pulse_age_seconds{loop="loop"} 11.0',
            'westworld_chain_block_number{view="finalized"} 7.0',
            'westworld_rpc_requests_total{method="eth_call",outcome="ok"} 1.0',
            'westworld_outbox_rows{state="sent"} 2.0',
        ):
            assert line in text
        group.cancel_scope.cancel()
    with pytest.raises(OSError):
        await anyio.connect_tcp("127.0.0.1", port)


@pytest.mark.anyio
async def test_an_address_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsFault, match=f"127.0.0.1:{port}"):
            await serve(Starlette(), "127.0.0.1", port)
