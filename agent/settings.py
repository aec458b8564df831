"""The agent's settings: those of every daemon, and what a node needs besides."""

from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from agent.kernel.policy_tables import DESTINATIONS_LIMIT
from agent.kernel.rules import Destination
from oracles.daemon.settings import Settings, host_and_port


class AgentSettings(Settings):
    """From the environment, prefix WESTWORLD_. The agent sends no transaction, so it needs no chain key."""

    sends: ClassVar[bool] = False

    node: Annotated[str, Field(pattern="^0x[0-9a-f]{64}$", description="the node's id in the NodeRegistry")]
    ledger_key: Path = Field(description="the sealed Ed25519 seed that signs checkpoints")
    destinations: Annotated[tuple[Destination, ...], NoDecode] = Field(
        min_length=1,
        max_length=DESTINATIONS_LIMIT,
        description="address:port of each statsd server, comma between",
    )
    cgroup: str = Field(
        "westworld-telemetry", pattern="^[a-zA-Z0-9_.-]{1,64}$", description="name of the telemetry cgroup"
    )
    pins: Path = Field(
        Path("/sys/fs/bpf/westworld"),
        description="the folder on bpffs by which enforcement outlives the agent",
    )
    relay: str = Field(
        "127.0.0.1:8125",
        description="host:port of the user-space limiter where there is no eBPF; it forwards to the first"
        " of the destinations",
    )
    ipfs: str | None = Field(
        None,
        pattern=r"^https?://[^\s@]{1,200}$",
        description="base URL of a Kubo RPC that pins the ledger's checkpoints, such as"
        " http://127.0.0.1:5001; without it none is pinned",
    )
    listen: str = Field("127.0.0.1:9700", description="host:port of /health, /metrics and the ledger")
    poll_seconds: float = Field(0.2, gt=0, description="how often the chain is asked for news")
    chain_limit_seconds: float = Field(
        300.0, gt=0, description="how long the chain may be gone before that is said as degraded"
    )
    policy_limit_seconds: float = Field(
        86_400.0, gt=0, description="how old the finalized block of the policy may be before that is said"
    )
    check_seconds: float = Field(60.0, gt=0, description="how often enforcement is proved by the self-check")
    probe_uid: int = Field(65_534, gt=0, description="the user as which the self-check sends")

    @field_validator("destinations", mode="before")
    @classmethod
    def _parse(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(Destination.parse(part.strip()) for part in value.split(",") if part.strip())
        return value

    @field_validator("relay")
    @classmethod
    def _relay(cls, value: str) -> str:
        return host_and_port(value)

    @property
    def node_id(self) -> bytes:
        """The node's id as contracts know it."""
        return bytes.fromhex(self.node[2:])
