"""The world of the story: one devnet, one deployment, and everybody who lives in it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from eth_account.signers.local import LocalAccount
from ruamel.yaml import YAML

from oracles.chain.deployment import Deployment
from scripts._devnet import Devnet
from scripts._story.auditors import CHARTER_ADMIN, Auditors
from scripts._story.dashboards import Prometheus, prometheus_binary
from scripts._story.nodes import Node
from scripts._story.oracles import Oracle
from scripts._story.processes import Process, StoryFault, free_port, wait_for
from scripts._story.receivers import AuditorsCollector, Mailbox, Webhook
from scripts._story.telemetry import StatsdServer
from scripts._story.wallets import PASSWORD, Chain, new_account

ROOT = Path(__file__).parents[2]
BLOCK_SECONDS = 1
POLL_SECONDS = 1
MEMBERS = 5
ORACLES = 3
AUDITORS = 2
NODES = 2
HELD_BY_EACH = 100_000
BOND = 1_000
OPERATORS_TOKENS = 2 * BOND
VOTING_DELAY = 60
AMENDMENT_PERIOD = 72 * 3600
EXECUTOR_DELAY = 3600


@dataclass
class World:
    """Keys first, then what they do. Everything lies under `folder`; `say` shows progress."""

    folder: Path
    say: Callable[[str], None]
    deployer: LocalAccount = field(default_factory=new_account)
    members: list[LocalAccount] = field(default_factory=lambda: [new_account() for _ in range(MEMBERS)])
    oracle_keys: list[LocalAccount] = field(default_factory=lambda: [new_account() for _ in range(ORACLES)])
    auditors: list[LocalAccount] = field(default_factory=lambda: [new_account() for _ in range(AUDITORS)])
    operators: list[LocalAccount] = field(default_factory=lambda: [new_account() for _ in range(NODES)])
    relayer: LocalAccount = field(default_factory=new_account)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.password_file = self.folder / "password"
        self.password_file.write_text(PASSWORD.get_secret_value())
        self.password_file.chmod(0o600)
        self.deployment_file = self.folder / "deployment.json"
        self.oracles: list[Oracle] = []
        self.nodes: list[Node] = []
        self.prometheus: Prometheus | None = None
        self._closing = ExitStack()

    def start_devnet(self) -> None:
        """Blocks come with each transaction until the contracts stand, then by the clock."""
        self.devnet = Devnet.start(self.folder)
        self._closing.callback(self.devnet.stop)

    def keep_time(self) -> None:
        """From here on the chain makes a block a second, as a chain does."""
        self.devnet.request("evm_setIntervalMining", BLOCK_SECONDS)

    def deploy(self) -> str:
        """Runs `ape run deploy` as an operator would; returns its last line."""
        plan = self.folder / "plan.yaml"
        with plan.open("w") as file:
            YAML().dump(self._plan(), file)
        command = [
            Path(sys.executable).with_name("ape"),
            "run",
            "deploy",
            "--network",
            "ethereum:local:foundry",
        ]
        command += ["--account", "TEST::0", "--plan", plan, "--output", self.deployment_file]
        ran = subprocess.run(
            [str(part) for part in command],
            cwd=ROOT,
            env={**os.environ, "APE_FOUNDRY_HOST": self.devnet.rpc_url},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        (self.folder / "deploy.log").write_text(ran.stdout + ran.stderr)
        if ran.returncode:
            raise StoryFault(
                f"ape run deploy ended with {ran.returncode}:\n{ran.stdout[-1500:]}{ran.stderr[-1500:]}"
            )
        self.chain = Chain(self.devnet, Deployment.load(self.deployment_file))
        for person in (*self.members, *self.oracle_keys, *self.auditors, *self.operators, self.relayer):
            self.chain.fund(person)
        return ran.stdout.strip().splitlines()[-1]

    def open_telemetry(self) -> None:
        """The statsd server, an auditor's collector, the committee's mail and Slack; no cgroup holds them."""
        self.statsd = StatsdServer(self.folder)
        self._closing.callback(self.statsd.process.stop)
        self.auditors_collector = AuditorsCollector()
        self._closing.callback(self.auditors_collector.stop)
        self.mailbox = Mailbox()
        self._closing.callback(self.mailbox.stop)
        self.webhook = Webhook()
        self._closing.callback(self.webhook.stop)
        self.statsd.ready()

    def add_node(self, name: str, operator: LocalAccount, destination_port: int) -> Node:
        """A node whose collectors send to that port; it is taken away with the world."""
        node = Node(name, self.folder, operator, destination_port)
        self.nodes.append(node)
        self._closing.callback(node.remove)
        return node

    def add_oracle(self, name: str, key: LocalAccount) -> Oracle:
        """An oracle; it is stopped with the world."""
        oracle = Oracle(name, self.folder, key, free_port())
        self.oracles.append(oracle)
        self._closing.callback(oracle.stop)
        return oracle

    def open_auditing(self) -> None:
        """The audit committee: its members' keys, and the watch that sends their notices."""
        folder = self.folder / "watch"
        folder.mkdir()
        webhook = folder / "slack"
        webhook.write_text(self.webhook.url)
        env = self.common("watch/state", free_port())
        self.auditing = Auditors(self.chain, self.folder, self.auditors, self.relayer, env)
        env |= {
            "WESTWORLD_SMTP_HOST": "127.0.0.1",
            "WESTWORLD_SMTP_PORT": str(self.mailbox.port),
            "WESTWORLD_SMTP_SENDER": "watch@mesh.example",
            "WESTWORLD_SMTP_RECIPIENTS": "audit@mesh.example",
            "WESTWORLD_SLACK_WEBHOOK_FILE": str(webhook),
        }
        self.watch = Process("the watch", [CHARTER_ADMIN, "watch"], folder / "watch.log", env)
        self._closing.callback(self.watch.stop)

    def open_dashboard(self) -> None:
        """Prometheus for the agents; `prometheus` stays None where it is not installed."""
        if binary := prometheus_binary():
            ports = [node.port for node in self.nodes]
            self.prometheus = Prometheus(binary, self.folder / "prometheus", ports)
            self._closing.callback(self.prometheus.stop)

    def notices(self, case: int) -> tuple[int, int]:
        """Waits until the penalty of a case was told by mail and by Slack; how many notices came each way."""
        told = f"applied in case {case}"

        def both() -> bool:
            mails = [str(message["Subject"]) for message in self.mailbox.messages]
            posts = [str(message["text"]) for message in self.webhook.messages]
            return any(told in mail for mail in mails) and any(told in post for post in posts)

        wait_for(f"notices of the penalty {told}", both, alive=[self.watch])
        return len(self.mailbox.messages), len(self.webhook.messages)

    def oracle_processes(self) -> list[Process]:
        """The oracles that run."""
        return [oracle.process for oracle in self.oracles if oracle.process is not None]

    def common(self, state: str, port: int) -> dict[str, str]:
        """The settings that every daemon of this world shares, with a state folder of its own."""
        return {
            "WESTWORLD_DEPLOYMENT": str(self.deployment_file),
            "WESTWORLD_RPC_URLS": self.devnet.rpc_url,
            "WESTWORLD_PASSWORD_FILE": str(self.password_file),
            "WESTWORLD_STATE": str(self.folder / state),
            "WESTWORLD_LISTEN": f"127.0.0.1:{port}",
            "WESTWORLD_POLL_SECONDS": str(POLL_SECONDS),
        }

    def close(self) -> None:
        """Stops every process, newest first, and takes away what was attached. Safe to call again.

        Each is tried, whatever becomes of the others; the last one's exception is raised.
        """
        self._closing.close()

    def _plan(self) -> dict[str, object]:
        holders = {member.address: HELD_BY_EACH for member in self.members}
        holders |= {operator.address: OPERATORS_TOKENS for operator in self.operators}
        return {
            "token": {"name": "Westworld Mesh", "symbol": "MESH", "supply": 1_000_000, "holders": holders},
            "tracks": {
                "standard": {
                    "voting_delay": VOTING_DELAY,
                    "voting_period": AMENDMENT_PERIOD,
                    "executor_delay": EXECUTOR_DELAY,
                },
                "charter_amendment": {
                    "voting_delay": VOTING_DELAY,
                    "voting_period": AMENDMENT_PERIOD,
                    "executor_delay": EXECUTOR_DELAY,
                },
            },
            "charter": {
                "policy": str(ROOT / "deploy" / "policies" / "charter_policy.yaml"),
                "constitution": str(ROOT / "deploy" / "constitution.yaml"),
                "grace_blocks": 50,
            },
            "nodes": {"minimum_bond": BOND, "unbonding_period": 30 * 86_400},
            "violations": {"recent_blocks": 5_000, "review_period": 30 * 86_400},
            "oracles": {"members": [key.address for key in self.oracle_keys], "threshold": 2},
            "auditors": {"members": [auditor.address for auditor in self.auditors], "threshold": AUDITORS},
        }
