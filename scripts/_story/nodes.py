"""A node of the story: its operator's bond, its keys, its agent as a process, its telemetry cgroup."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64decode
from contextlib import ExitStack, suppress
from pathlib import Path
from socket import SOCK_DGRAM
from typing import Any

import httpx
from eth_account.signers.local import LocalAccount
from prometheus_client.parser import text_string_to_metric_families

from agent.kernel import bpffs
from agent.kernel.cgroups import CgroupUnavailable, cgroup2_root, telemetry_cgroup
from scripts._story.processes import Process, StoryFault, free_port, wait_for
from scripts._story.telemetry import Collector
from scripts._story.wallets import TOKEN, Chain

ONLY_USER_SPACE = "user-space limiting only"  # the agent's words where the kernel enforces nothing
ORDINARY_USER = "nobody"
COMMAND = [str(Path(sys.executable).with_name("westworld"))]


class Node:
    """One node. `name` tells its files, cgroup and pins from the other's."""

    def __init__(self, name: str, folder: Path, operator: LocalAccount, destination_port: int) -> None:
        self.name = name
        self.operator = operator
        self.folder = folder / name
        self.folder.mkdir()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.cgroup_name = f"westworld-{folder.name}-{name}"
        self._destination_port = destination_port
        self.pins = bpffs.STANDARD / self.cgroup_name
        self.key_file = self.folder / "ledger.key"
        self.id = ""
        self.in_kernel = True
        self.agent: Process | None = None
        self._env: dict[str, str] = {}
        self._http = httpx.Client(base_url=self.url, timeout=5)

    def settle(self, chain: Chain, bond: int, env: dict[str, str]) -> None:
        """Makes the ledger's key, posts the bond and registers; `env` are the settings shared by daemons."""
        self._env = env
        made = json.loads(self._run("agent", "key", "--out", str(self.key_file), "--format", "json"))
        nodes, token = chain.contract("NodeRegistry"), chain.contract("MeshToken")
        chain.send(self.operator, token.functions.approve(nodes.address, bond * TOKEN))
        ledger_key = bytes.fromhex(made["ledger_key"][2:])
        chain.send(self.operator, nodes.functions.register(ledger_key, self.url, bond * TOKEN))
        registered = chain.events("NodeRegistry", "NodeRegistered", operator=self.operator.address)
        self.id = f"0x{registered[-1]['node'].hex()}"
        self._relay_port = free_port(SOCK_DGRAM)
        self._env |= {
            "WESTWORLD_NODE": self.id,
            "WESTWORLD_LEDGER_KEY": str(self.key_file),
            "WESTWORLD_DESTINATIONS": f"127.0.0.1:{self._destination_port}",
            "WESTWORLD_CGROUP": self.cgroup_name,
            "WESTWORLD_PINS": str(self.pins),
            "WESTWORLD_RELAY": f"127.0.0.1:{self._relay_port}",
        }

    @property
    def cgroup(self) -> Path:
        """The folder of its telemetry cgroup, made if it is not there."""
        return telemetry_cgroup(self.cgroup_name)

    def collector(self) -> Collector:
        """A collector of this node: in its telemetry cgroup, or where there is none, sending to the relay."""
        if self.in_kernel:
            return Collector(str(self.cgroup), ORDINARY_USER, self._destination_port)
        return Collector("", ORDINARY_USER if os.geteuid() == 0 else "", self._relay_port)

    def unheld_collector(self) -> Collector:
        """A collector of this node after `switch_off`: nothing stands between it and the receiver."""
        if self.in_kernel:
            return self.collector()
        return Collector("", ORDINARY_USER if os.geteuid() == 0 else "", self._destination_port)

    @property
    def refusal(self) -> str | None:
        """The error that a sender gets for what the charter denies; a relay swallows it without a word."""
        return "EPERM" if self.in_kernel else None

    def ready(self) -> None:
        """Waits until the agent enforces the charter as well as this machine lets it."""

        def look() -> bool:
            status = self.status()
            if not status or not status["charter_final"]:
                return False
            self.in_kernel = status["state"] == "enforcing"
            return self.in_kernel or any(ONLY_USER_SPACE in reason for reason in status["missing"])

        wait_for(f"{self.name} to enforce the charter", look, alive=[self._agent])

    @property
    def state(self) -> Path:
        """The state folder of its agent."""
        return Path(self._env["WESTWORLD_STATE"])

    def start(self) -> None:
        """Starts the agent; returns at once."""
        self.agent = Process(
            f"agent of {self.name}", [*COMMAND, "agent", "run"], self.folder / "agent.log", self._env
        )

    def until(self, what: str, **wanted: Any) -> dict[str, Any]:
        """Waits until the agent's status has these values; returns it."""

        def look() -> dict[str, Any] | None:
            status = self.status()
            return status if status and all(status[key] == value for key, value in wanted.items()) else None

        return wait_for(f"{self.name}: {what}", look, alive=[self._agent])

    def status(self) -> dict[str, Any] | None:
        """What the agent says of itself, or None if it does not answer."""
        try:
            status: dict[str, Any] = self._http.get("/v1/status").raise_for_status().json()
        except httpx.HTTPError:
            return None
        return status

    def entries(self) -> list[dict[str, Any]]:
        """The ledger's entries as the agent serves them."""
        size = int((self.status() or {}).get("ledger_size", 0))
        found: list[dict[str, Any]] = []
        while len(found) < size:
            page = self._http.get(
                "/v1/entries", params={"start": len(found), "end": min(size, len(found) + 256)}
            ).raise_for_status()
            found += [json.loads(b64decode(entry)) for entry in page.json()["entries"]]
        return found

    def get(self, path: str, **params: Any) -> httpx.Response:
        """One of the agent's pages; raises httpx.HTTPError."""
        return self._http.get(path, params=params).raise_for_status()

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a Prometheus metric's samples with these labels."""
        families = text_string_to_metric_families(self.get("/metrics").text)
        return sum(
            sample.value
            for family in families
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def counts(self, name: str, least: float, **labels: str) -> float:
        """Waits until a Prometheus metric has reached a value; its value then."""

        def look() -> float | None:
            value = self.metric(name, **labels)
            return value if value >= least else None

        return wait_for(f"{name} of {self.name} to reach {least}", look, alive=[self._agent])

    def running(self) -> bool:
        """Whether its agent's process lives."""
        return self._agent.running()

    def kill(self) -> None:
        """SIGKILL for the agent."""
        self._agent.kill()

    def switch_off(self, who: str, why: str) -> None:
        """What an operator does who wants no agent: stops it and ends enforcement, if the kernel enforces."""
        self._agent.stop()
        if self.in_kernel:
            self._run("agent", "detach", "--who", who, "--why", why)

    def remove(self) -> None:
        """Stops the agent, ends enforcement and takes the cgroup away, whatever state they are in."""
        with ExitStack() as stack:
            stack.callback(self._http.close)
            if sys.platform == "linux" and os.geteuid() == 0:
                stack.callback(self._remove_cgroup)
                stack.callback(bpffs.clear, self.pins)
            if self.agent is not None:
                stack.callback(self.agent.stop)

    @property
    def _agent(self) -> Process:
        if self.agent is None:
            raise StoryFault(f"the agent of {self.name} was never started")
        return self.agent

    def _remove_cgroup(self) -> None:
        with suppress(CgroupUnavailable):
            cgroup = cgroup2_root() / self.cgroup_name
            if cgroup.exists():
                # A collector that has ended leaves the cgroup a moment later.
                wait_for(
                    f"{cgroup} to be empty", lambda: not (cgroup / "cgroup.procs").read_text(), patience=10
                )
                cgroup.rmdir()

    def _run(self, *arguments: str) -> str:
        ran = subprocess.run([*COMMAND, *arguments], env=self._environment(), capture_output=True, text=True)
        if ran.returncode:
            raise StoryFault(f"westworld {' '.join(arguments)} ended with {ran.returncode}: {ran.stderr}")
        return ran.stdout

    def _environment(self) -> dict[str, str]:
        return {**os.environ, **self._env}
