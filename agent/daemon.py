"""The agent as a process: a daemon's frame around one node's agent."""

from __future__ import annotations

from functools import partial

import httpx
import structlog
from anyio import to_thread

from agent.charter_sync import SCHEMA, CharterSync
from agent.enforcer import Enforcer, KernelEnforcer
from agent.http import ledger_routes
from agent.kernel.cgroups import CgroupUnavailable, telemetry_cgroup
from agent.kernel.enforcement import Enforcement, EnforcementUnavailable
from agent.limiter import Limiter, LimiterUnavailable
from agent.meters import AgentMeters
from agent.node import Agent
from agent.pinning import Pinner
from agent.settings import AgentSettings
from agent.standing_sync import StandingSync
from oracles.chain.charter import Charter
from oracles.chain.contract import Contract
from oracles.chain.node_registry import NodeRegistry
from oracles.daemon.errors import KeystoreFault, SettingsFault, StateFolderFault
from oracles.daemon.frame import Frame, run_daemon
from oracles.daemon.keystore import load_signing_key
from oracles.ledger.errors import LedgerError
from oracles.ledger.ledger import Ledger

_log = structlog.get_logger(__name__)
_WATCH_SECONDS = 1.0
_PIN_SECONDS = 30.0


async def setup(frame: Frame[AgentSettings]) -> None:
    """Starts the agent in a daemon's frame."""
    settings = frame.settings
    if settings.password is None:
        raise KeystoreFault("WESTWORLD_PASSWORD_FILE must be set: it opens WESTWORLD_LEDGER_KEY")
    # The kernel first: what fails from here on leaves a filter behind that lets nothing new out.
    enforcer, missing = await open_enforcer(settings)
    key = await to_thread.run_sync(load_signing_key, settings.ledger_key, settings.password)
    try:
        ledger = await to_thread.run_sync(Ledger.open, settings.state / "ledger")
    except (LedgerError, OSError) as fault:
        raise StateFolderFault(f"the ledger cannot be opened: {fault}") from fault
    contracts = Charter.at(frame.rpc, frame.deployment), NodeRegistry.at(frame.rpc, frame.deployment)
    charter = CharterSync(frame.rpc, contracts[0], frame.store, frame.deployment.deployed_block)
    standing = StandingSync(frame.rpc, contracts[1], frame.store, settings.node_id)
    meters = AgentMeters(frame.metrics.registry)
    agent = Agent(settings, charter, standing, enforcer, ledger, bytes(key), meters)
    agent.condition.trouble("kernel", missing)
    await agent.begin()
    await frame.serve(ledger_routes(ledger, agent.status))
    frame.tasks.start_soon(agent.recorder.run, enforcer)
    if settings.ipfs is not None:
        client = httpx.AsyncClient(timeout=_PIN_SECONDS)
        frame.tasks.start_soon(Pinner(ledger, settings.ipfs, client, meters).run)
    unchecked: list[Contract] = [*contracts]

    async def follow() -> None:
        # Not before the loops start: without a chain the agent holds to what it knew.
        while unchecked:
            await unchecked[-1].check_version(await frame.rpc.finalized())
            unchecked.pop()
        await agent.follow()

    frame.tasks.start_soon(frame.cycle, "charter", follow)
    frame.tasks.start_soon(partial(frame.cycle, "watch", agent.watch, every=_WATCH_SECONDS))


async def open_enforcer(settings: AgentSettings) -> tuple[Enforcer, str | None]:
    """The kernel where it can enforce; else the user-space limiter, with what the kernel lacks."""
    try:
        cgroup = await to_thread.run_sync(telemetry_cgroup, settings.cgroup)
        enforcement = await to_thread.run_sync(
            Enforcement.start, cgroup, settings.pins, settings.destinations
        )
        return KernelEnforcer(enforcement, settings.probe_uid), None
    except (EnforcementUnavailable, CgroupUnavailable) as fault:
        _log.error(
            "NOT ENFORCED BY THE KERNEL: limiting in user space only", relay=settings.relay, reason=str(fault)
        )
        try:
            limiter = await Limiter.start(settings.relay, settings.destinations[0])
        except LimiterUnavailable as unavailable:
            raise SettingsFault(str(unavailable)) from None
        return limiter, str(fault)


def main() -> int:
    """Runs the agent to its end; returns the exit code (see `oracles.daemon.frame`)."""
    return run_daemon("agent", AgentSettings.load, setup, schema=SCHEMA)
