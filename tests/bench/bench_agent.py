"""The agent as an operator runs it: start, adoption after a SIGKILL, a flood, from a vote to the kernel.

Needs root. A devnet with every contract, one node, its agent as a process; all of it is taken away again.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import report
from bench_kernel import frame

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "plugins")]

from relay import Relay  # noqa: E402

from agent.kernel import loading  # noqa: E402
from agent.kernel.rules import Destination  # noqa: E402
from oracles.charter.amendment import amendment  # noqa: E402
from oracles.charter.policy import MetricRule  # noqa: E402
from scripts._story.nodes import Node  # noqa: E402
from scripts._story.steps import enacted_policy  # noqa: E402
from scripts._story.telemetry import Collector  # noqa: E402
from scripts._story.world import BOND, World  # noqa: E402

AMENDMENTS = 7
STARTS = 3
LOOK_SECONDS = 0.005
FLOOD_A_SECOND = 300_000
FLOOD_SECONDS = 10


def imports() -> float:
    """What Python takes to import the agent, in seconds: no start can be faster."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import agent.daemon"], check=True)
    return time.perf_counter() - began


def start(node: Node, adopts: bool) -> float:
    """Seconds from the process's start until the agent says `enforcing`."""
    began = time.perf_counter()
    node.start()
    while (status := node.status()) is None or status["state"] != "enforcing":
        if not node.running():
            raise RuntimeError("the agent ended")
        time.sleep(LOOK_SECONDS)
    if status["adopted"] != adopts:
        raise RuntimeError(f"adopted is {status['adopted']}")
    return time.perf_counter() - began


class Amender:
    """Enacts as the charter's executor, which on a devnet needs no vote, and sees when the kernel obeys."""

    def __init__(self, world: World, collector: Collector, relay: Relay) -> None:
        self._world, self._relay, self._collector = world, relay, collector
        self._executor = world.chain.deployment.address("CharterExecutor")
        self._version = 1
        world.devnet.request("anvil_impersonateAccount", self._executor)
        world.devnet.request("anvil_setBalance", self._executor, hex(10**20))

    def measure(self) -> float:
        """Seconds from the endpoint saying that the enactment is final to the first datagram let out."""
        devnet, self._version = self._world.devnet, self._version + 1
        old = enacted_policy(self._world)
        name = f"bench_{self._version}"
        new = old.model_copy(update={"metrics": {**old.metrics, name: MetricRule()}})
        for call in amendment(old, new, self._version).calls:
            request = {"from": self._executor, "to": self._world.chain.deployment.address("Charter")}
            devnet.request(
                "eth_sendTransaction", request | {"data": f"0x{call.data.hex()}", "gas": hex(5_000_000)}
            )
        block = devnet.block_number()
        said: list[float] = []

        def watch(params: list[Any], genuine: Any) -> Any:
            answer = genuine()
            if params[0] == "finalized" and int(answer["number"], 16) >= block and not said:
                said.append(time.perf_counter())
            return answer

        self._relay.answers["eth_getBlockByNumber"] = watch
        devnet.finalize()
        while self._collector.plain(f"{name}:1|g") is not None:
            time.sleep(LOOK_SECONDS)
        return time.perf_counter() - said[0]


def processor(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def flood(node: Node, port: int) -> list[report.Row]:
    """What a flood of denied datagrams costs the agent's process, and whether Prometheus has them all."""

    def counted() -> float:
        return node.metric("metric_access_denied_total", metric="user_location")

    assert node.agent is not None
    program = loading.programs_folder(node.pins) / "on_egress"
    denied = frame(b"user_location:1|g", Destination.parse(f"127.0.0.1:{port}"))
    script = [sys.executable, str(Path(__file__).with_name("flood.py")), str(program), denied.hex()]
    before, used, began = counted(), processor(node.agent.pid), time.perf_counter()
    ran = subprocess.run(
        [*script, str(FLOOD_A_SECOND), str(FLOOD_SECONDS)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        check=True,
    )
    share = (processor(node.agent.pid) - used) / (time.perf_counter() - began) * 100
    said = json.loads(ran.stdout)
    deadline = time.monotonic() + FLOOD_SECONDS
    while (missing := said["sent"] - (counted() - before)) and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
    name = f"agent's CPU while {said['a_second']:,.0f} a second are denied"
    return [
        report.Row(name, share, "% of a core", goal="<= 10"),
        report.Row("denied but not counted in Prometheus", missing, "datagrams", goal="== 0"),
    ]


def main() -> None:
    """Measures and reports."""
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
    ):
        receiver.bind(("127.0.0.1", 0))
        world = World(Path(folder), print)
        try:
            world.start_devnet()
            world.deploy()
            with Relay(world.devnet) as relay:
                node = world.add_node("bench", world.operators[0], receiver.getsockname()[1])
                env = world.common("bench/state", node.port) | {"WESTWORLD_RPC_URLS": relay.url}
                node.settle(world.chain, BOND, env)
                world.devnet.finalize()
                importing = min(imports() for _ in range(STARTS))
                first = start(node, adopts=False)
                adoptions = []
                for _ in range(STARTS):
                    node.kill()
                    adoptions.append(start(node, adopts=True))
                flooded = flood(node, receiver.getsockname()[1])
                with node.collector() as collector:
                    amender = Amender(world, collector, relay)
                    switched = [amender.measure() for _ in range(AMENDMENTS)]
        finally:
            world.close()
    report.write(
        "agent",
        [
            report.Row("process started -> enforcing", first, "s", "imports alone", importing, goal="<= 3"),
            report.Row(
                "restarted after SIGKILL -> enforcing, adopted",
                min(adoptions),
                "s",
                "imports alone",
                importing,
                goal="<= 1",
            ),
            report.Row(
                "amendment's block reported final -> kernel map switched, median",
                statistics.median(switched) * 1e3,
                "ms",
                goal="<= 250",
            ),
            *flooded,
        ],
    )


if __name__ == "__main__":
    main()
