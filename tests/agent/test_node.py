"""One node's agent over a chain and an enforcer that the test holds: standing, state, ledger."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from nacl.signing import SigningKey
from prometheus_client import CollectorRegistry

from agent.charter_sync import SCHEMA, CharterSync
from agent.kernel.rules import Destination
from agent.meters import AgentMeters
from agent.node import Agent
from agent.settings import AgentSettings
from agent.standing_sync import NodeStanding, StandingSync, judge, stricter
from agent.status import State
from oracles.chain.block import Block
from oracles.chain.errors import ChainBehind, ChainUnavailable, ReorgBelowFinality
from oracles.charter.chain_source import EMPTY_POLICY
from oracles.charter.entry import EnforcementChanged, PolicySwitched, StandingChanged, decode
from oracles.charter.policy import RATE_LIMITED_FACTOR, MetricRule, Policy
from oracles.charter.vocabulary import Standing
from oracles.daemon.store import Store
from oracles.ledger.ledger import Ledger
from oracles.ledger.verify import Verifier, open_checkpoint
from tests.agent.fakes import NOBODY, NODE, FakeChain, FakeEnforcer, FakeRegistry, active

pytestmark = pytest.mark.anyio

KEY = SigningKey(bytes(range(32)))
POLICY = Policy(version="1", metrics={"cpu": MetricRule()})
LESS = Policy(version="2", metrics={"cpu": MetricRule(maximum=Decimal(1))})
MORE = Policy(version="2", metrics={"cpu": MetricRule(), "battery": MetricRule()})


@dataclass
class Bench:
    agent: Agent
    enforcer: FakeEnforcer
    ledger: Ledger
    registry: CollectorRegistry


@asynccontextmanager
async def running(
    state: Path, chain: FakeChain, enforcer: FakeEnforcer | None = None, **settings: float
) -> AsyncIterator[Bench]:
    """An agent that has begun."""
    found = AgentSettings.load(
        deployment=state / "deployment.json",
        rpc_urls=("http://chain",),
        state=state,
        node=NODE,
        ledger_key=state / "ledger.key",
        destinations=(Destination.parse("127.0.0.1:8125"),),
        **{"policy_limit_seconds": 1e10, **settings},
    )
    enforcer, registry = enforcer or FakeEnforcer(), CollectorRegistry()
    async with Store.open(state / "state.db", schema=SCHEMA) as store:
        with Ledger.open(state / "ledger", segment_bytes=128 * 1024) as ledger:
            charter = CharterSync(chain, chain.charter(), store, 0)  # type: ignore[arg-type]
            standing = StandingSync(chain, FakeRegistry(chain), store, bytes.fromhex(NODE[2:]))  # type: ignore[arg-type]
            agent = Agent(found, charter, standing, enforcer, ledger, bytes(KEY), AgentMeters(registry))
            await agent.begin()
            yield Bench(agent, enforcer, ledger, registry)


def sound_chain() -> FakeChain:
    """A charter in force, and the node registered with its key."""
    chain = FakeChain(record=active(ledger_key=bytes(KEY.verify_key)))
    chain.finalize()
    chain.enact(EMPTY_POLICY, POLICY, 1)
    chain.finalize()
    chain.finalize()
    return chain


def gauge(bench: Bench, name: str) -> float | None:
    return bench.registry.get_sample_value(name)


async def test_a_sound_node_is_enforcing_and_says_which_scopes(state: Path) -> None:
    async with running(state, sound_chain()) as bench:
        assert bench.agent.status().state is State.DEGRADED
        assert bench.enforcer.told == [("suspend", True), ("limit", 1)]
        await bench.agent.follow()
        status = bench.agent.status()
        assert (status.state, status.scopes, status.missing) == (
            State.ENFORCING,
            ("datagram", "destination"),
            (),
        )
        assert status.limits == ("unix scope",)
        assert bench.enforcer.last == {"suspend": False, "limit": 1, "apply": (1, frozenset({"cpu"}))}
        assert (gauge(bench, "charter_policy_version"), gauge(bench, "westworld_agent_enforcing")) == (1, 1)
        kinds = [decode(entry).type for entry in bench.ledger.entries(0, bench.ledger.size)]
        assert kinds[0] == "agent_started"
        assert {"standing_changed", "policy_switched", "enforcement_changed"} <= set(kinds)


async def test_the_policy_is_switched_before_silence_ends(state: Path) -> None:
    async with running(state, sound_chain()) as bench:
        await bench.agent.follow()
        order = [what for what, _ in bench.enforcer.told]
        assert order.index("apply") < len(order) - 1 - order[::-1].index("suspend")


async def test_nothing_is_switched_twice(state: Path) -> None:
    chain = sound_chain()
    async with running(state, chain) as bench:
        await bench.agent.follow()
        told, size = list(bench.enforcer.told), bench.ledger.size
        chain.mine()
        await bench.agent.follow()
        await bench.agent.watch()
        assert (bench.enforcer.told, bench.ledger.size) == (told, size)


async def test_an_unregistered_node_lets_nothing_out(state: Path) -> None:
    chain = sound_chain()
    chain.record = NOBODY
    chain.finalize()
    chain.finalize()
    async with running(state, chain) as bench:
        await bench.agent.follow()
        assert bench.enforcer.last["suspend"] is True
        assert bench.agent.status().standing == "unknown"


async def test_a_suspension_begins_at_the_latest_block_and_ends_by_the_finalized_block_s_time(
    state: Path,
) -> None:
    chain = sound_chain()
    async with running(state, chain) as bench:
        await bench.agent.follow()
        until = chain.blocks[-1].timestamp + 100
        chain.record = active(ledger_key=bytes(KEY.verify_key), suspended_until=until)
        chain.mine()
        await bench.agent.follow()
        assert bench.enforcer.last["suspend"] is True

        chain.mine(after=until - chain.blocks[-1].timestamp + 1)
        await bench.agent.follow()
        assert bench.enforcer.last["suspend"] is True, "the block after its end is not final yet"
        chain.finalize()
        await bench.agent.follow()
        assert bench.enforcer.last["suspend"] is False
        changes = [decode(entry) for entry in bench.ledger.entries(0, bench.ledger.size)]
        said = [entry.standing for entry in changes if isinstance(entry, StandingChanged)]
        assert said == [Standing.ACTIVE, Standing.SUSPENDED, Standing.ACTIVE]


async def test_a_suspended_node_started_again_is_silent_before_it_asks_the_chain(state: Path) -> None:
    chain = sound_chain()
    chain.record = active(ledger_key=bytes(KEY.verify_key), suspended_until=chain.blocks[-1].timestamp + 9999)
    chain.mine()
    async with running(state, chain) as bench:
        await bench.agent.follow()
    chain.down = True
    for adopted in (True, False):
        async with running(state, chain, FakeEnforcer(adopted)) as bench:
            assert bench.enforcer.told[0] == ("suspend", True)
            assert ("suspend", False) not in bench.enforcer.told
            assert bench.enforcer.last["apply"] == (1, frozenset({"cpu"}))


async def test_a_standing_known_before_enforcement_was_off_releases_nothing(state: Path) -> None:
    """The node may have been suspended since; only where enforcement went on does its standing, too."""
    chain = sound_chain()
    async with running(state, chain) as bench:
        await bench.agent.follow()
        assert bench.enforcer.last["suspend"] is False
    async with running(state, chain, FakeEnforcer(adopted=True)) as bench:
        assert bench.enforcer.last["suspend"] is False
    chain.record = active(ledger_key=bytes(KEY.verify_key), suspended_until=chain.blocks[-1].timestamp + 9999)
    chain.mine()
    async with running(state, chain, FakeEnforcer(adopted=False)) as bench:
        assert ("suspend", False) not in bench.enforcer.told
        await bench.agent.follow()
        assert ("suspend", False) not in bench.enforcer.told


async def test_it_says_suspended_until_the_silence_has_ended(state: Path) -> None:
    async with running(state, sound_chain()) as bench:
        await bench.agent.standing.update()
        status = bench.agent.status()
        assert (status.standing, status.suspended) == ("active", True)
        await bench.agent.follow()
        assert bench.agent.status().suspended is False


async def _suspended(state: Path, chain: FakeChain, until: int) -> None:
    """An agent sees its node suspended by a finalized block, and ends."""
    chain.record = active(ledger_key=bytes(KEY.verify_key), suspended_until=until)
    chain.mine()
    chain.finalize()
    chain.record = active(ledger_key=bytes(KEY.verify_key))
    async with running(state, chain) as bench:
        await bench.agent.follow()
        assert bench.enforcer.last["suspend"] is True


@pytest.mark.parametrize("adopted", [True, False])
@pytest.mark.parametrize(("blocks", "fault"), [(0, ChainBehind), (9, ReorgBelowFinality)])
async def test_a_chain_before_the_suspension_or_another_one_releases_nobody(
    state: Path, adopted: bool, blocks: int, fault: type[Exception]
) -> None:
    chain = sound_chain()
    before = len(chain.blocks) - 1
    await _suspended(state, chain, chain.blocks[-1].timestamp + 9999)
    chain.revert_to(before)
    for _ in range(blocks):
        chain.mine()
    async with running(state, chain, FakeEnforcer(adopted)) as bench:
        for _ in range(2):
            with pytest.raises(fault):
                await bench.agent.follow()
        assert ("suspend", False) not in bench.enforcer.told
    chain.down = True
    async with running(state, chain, FakeEnforcer(adopted=True)) as bench:
        assert ("suspend", False) not in bench.enforcer.told


async def test_a_suspension_that_the_same_chain_ends_is_ended(state: Path) -> None:
    chain = sound_chain()
    await _suspended(state, chain, chain.blocks[-1].timestamp + 9999)
    for _ in range(9):
        chain.mine()
    async with running(state, chain, FakeEnforcer(adopted=True)) as bench:
        assert ("suspend", False) not in bench.enforcer.told
        await bench.agent.follow()
        assert bench.enforcer.last["suspend"] is False


async def test_a_rate_limited_node_is_slowed_and_sped_up_again(state: Path) -> None:
    chain = sound_chain()
    async with running(state, chain) as bench:
        await bench.agent.follow()
        until = chain.blocks[-1].timestamp + 20
        chain.record = active(ledger_key=bytes(KEY.verify_key), rate_limited_until=until)
        chain.mine()
        await bench.agent.follow()
        assert bench.enforcer.last["limit"] == RATE_LIMITED_FACTOR
        assert bench.enforcer.last["suspend"] is False
        chain.mine(after=100)
        chain.finalize()
        await bench.agent.follow()
        assert bench.enforcer.last["limit"] == 1


@pytest.mark.parametrize(
    ("fields", "standing"),
    [
        ({}, Standing.ACTIVE),
        ({"banned": True, "suspended_until": 2000}, Standing.BANNED),
        ({"exit_at": 1}, Standing.EXITED),
        ({"suspended_until": 1000, "rate_limited_until": 2000}, Standing.SUSPENDED),
        ({"suspended_until": 999, "rate_limited_until": 1000}, Standing.RATE_LIMITED),
        ({"suspended_until": 999, "rate_limited_until": 999}, Standing.ACTIVE),
    ],
)
async def test_a_record_is_judged_by_the_block_s_time(fields: dict[str, int], standing: Standing) -> None:
    assert judge(active(**fields), Block(1, bytes(32), bytes(32), 1000)).standing is standing
    assert judge(NOBODY, Block(1, bytes(32), bytes(32), 1000)).standing is Standing.UNKNOWN


async def test_the_stricter_standing_holds_with_the_finalized_key() -> None:
    calm = NodeStanding(Standing.ACTIVE, 0, 1, b"final")
    short = NodeStanding(Standing.SUSPENDED, 50, 2, b"newest")
    long = NodeStanding(Standing.SUSPENDED, 90, 2, b"newest")
    assert stricter(calm, short) == NodeStanding(Standing.SUSPENDED, 50, 1, b"final")
    assert stricter(short, calm).standing is Standing.SUSPENDED
    assert stricter(long, short).until == stricter(short, long).until == 90


async def test_without_a_chain_the_last_policy_stays_and_that_is_said(state: Path) -> None:
    chain = sound_chain()
    async with running(state, chain, chain_limit_seconds=0.05) as bench:
        await bench.agent.follow()
        chain.down = True
        with pytest.raises(ChainUnavailable):
            await bench.agent.follow()
        deadline = time.monotonic() + 5
        while bench.agent.status().state is State.ENFORCING and time.monotonic() < deadline:
            await bench.agent.watch()
        assert "the chain has not answered" in bench.agent.status().missing[0]
        assert bench.enforcer.last["apply"] == (1, frozenset({"cpu"}))
        chain.down = False
        chain.mine()
        bench.agent.settings.__dict__["chain_limit_seconds"] = 300.0
        await bench.agent.follow()
        await bench.agent.watch()
        assert "chain has not answered" not in " ".join(bench.agent.status().missing)


async def test_an_old_finalized_block_is_said(state: Path) -> None:
    async with running(state, sound_chain(), policy_limit_seconds=60.0) as bench:
        await bench.agent.follow()
        await bench.agent.watch()
        assert bench.agent.status().missing == ("the newest finalized block is more than 60 s old",)
        assert bench.agent.status().state is State.DEGRADED


async def test_a_failed_self_check_or_a_lost_link_is_degraded_never_enforcing(state: Path) -> None:
    async with running(state, sound_chain()) as bench:
        await bench.agent.follow()
        bench.enforcer.in_place = False
        await bench.agent.watch()
        assert bench.agent.status().missing == ("enforcement was taken off the telemetry cgroup",)
        bench.enforcer.in_place = True
        bench.enforcer.faults = ("a forbidden datagram got out",)
        await bench.agent.prove()
        status = bench.agent.status()
        assert (status.state, status.scopes) == (State.DEGRADED, ())
        assert status.missing == (
            "enforcement was taken off the telemetry cgroup",
            "a forbidden datagram got out",
        )
        bench.enforcer.faults = ()
        await bench.agent.watch()
        await bench.agent.prove()
        assert bench.agent.status().state is State.ENFORCING
        said = [decode(entry) for entry in bench.ledger.entries(0, bench.ledger.size)]
        states = [entry.state for entry in said if isinstance(entry, EnforcementChanged)]
        assert states[-1] == "enforcing"
        assert "degraded" in states


async def test_checkpoints_are_signed_in_the_registered_epoch_and_with_no_other_key(state: Path) -> None:
    chain = sound_chain()
    chain.record = active(ledger_key=bytes(KEY.verify_key), epoch=3)
    chain.finalize()
    chain.mine()
    async with running(state, chain) as bench:
        await bench.agent.follow()
        verifier = Verifier(f"westworld/node/{NODE}", bytes(KEY.verify_key), 3)
        assert open_checkpoint(bench.ledger.checkpoint(), [verifier]).epoch == 3
        chain.record = active(ledger_key=bytes(32), epoch=4)
        chain.finalize()
        chain.mine()
        await bench.agent.follow()
        assert "the ledger's key is not the one in the NodeRegistry" in bench.agent.status().missing
        assert open_checkpoint(bench.ledger.checkpoint(), [verifier]).epoch == 3


async def test_an_amendment_is_followed_and_recorded(state: Path) -> None:
    chain = sound_chain()
    async with running(state, chain) as bench:
        await bench.agent.follow()
        chain.enact(POLICY, MORE, 2)
        chain.finalize()
        await bench.agent.follow()
        assert bench.enforcer.last["apply"] == (2, frozenset({"cpu", "battery"}))
        entries = [decode(entry) for entry in bench.ledger.entries(0, bench.ledger.size)]
        switched = [entry for entry in entries if isinstance(entry, PolicySwitched)]
        assert switched[-1].policy_hash == f"0x{MORE.hash.hex()}"
        assert gauge(bench, "charter_policy_version") == 1
        await bench.agent.watch()
        assert gauge(bench, "charter_policy_version") == 2


async def test_a_policy_that_the_enforcer_cannot_take_is_silence_until_one_comes_that_it_can(
    state: Path,
) -> None:
    chain = sound_chain()
    async with running(state, chain) as bench:
        await bench.agent.follow()
        bench.enforcer.unfit = frozenset({"battery"})
        chain.enact(POLICY, MORE, 2)
        chain.finalize()
        for _ in range(2):
            await bench.agent.follow()
        refused = "charter version 2 cannot be enforced, so nothing gets out: no room for battery"
        assert bench.enforcer.last["suspend"] is True
        assert bench.agent.status().missing == (refused,)
        assert (bench.agent.status().state, bench.agent.status().suspended) == (State.DEGRADED, True)
    async with running(state, chain, _unfit(adopted=True)) as bench:
        assert ("suspend", False) not in bench.enforcer.told
        assert bench.enforcer.last["suspend"] is True
        assert refused in bench.agent.status().missing
        await bench.agent.follow()
        assert ("suspend", False) not in bench.enforcer.told
        chain.enact(MORE, POLICY, 3)
        chain.finalize()
        await bench.agent.follow()
        assert bench.enforcer.last == {"suspend": False, "limit": 1, "apply": (3, frozenset({"cpu"}))}
        assert bench.agent.status().missing == ()


async def test_a_refused_policy_that_a_reorg_takes_back_is_no_silence_any_more(state: Path) -> None:
    chain = sound_chain()
    async with running(state, chain) as bench:
        await bench.agent.follow()
        before = len(chain.blocks) - 1
        bench.enforcer.unfit = frozenset({"cpu"})
        chain.enact(POLICY, LESS, 2)
        await bench.agent.follow()
        assert bench.enforcer.last["suspend"] is True
        chain.revert_to(before)
        chain.mine()
        await bench.agent.follow()
        assert bench.enforcer.last["suspend"] is False
        assert bench.agent.status().missing == ()


async def test_the_end_of_a_refusal_does_not_end_a_suspension(state: Path) -> None:
    chain = sound_chain()
    async with running(state, chain) as bench:
        await bench.agent.follow()
        bench.enforcer.unfit = frozenset({"battery"})
        chain.enact(POLICY, MORE, 2)
        chain.record = active(suspended_until=chain.blocks[-1].timestamp + 9999)
        chain.finalize()
        await bench.agent.follow()
        bench.enforcer.unfit = frozenset()
        chain.enact(MORE, POLICY, 3)
        chain.finalize()
        await bench.agent.follow()
        assert bench.enforcer.last["apply"] == (3, frozenset({"cpu"}))
        assert bench.enforcer.last["suspend"] is True
        assert bench.enforcer.told.count(("suspend", False)) == 1


def _unfit(adopted: bool) -> FakeEnforcer:
    enforcer = FakeEnforcer(adopted)
    enforcer.unfit = frozenset({"battery"})
    return enforcer
