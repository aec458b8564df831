"""From the Charter's events to the enforcer: tighten at once, loosen when final, nothing from a lost fork."""

from decimal import Decimal
from pathlib import Path

import pytest

from agent.charter_sync import SCHEMA, CharterSync
from oracles.chain.errors import ChainUnavailable, ReorgBelowFinality
from oracles.charter.chain_source import EMPTY_POLICY
from oracles.charter.policy import MetricRule, Policy
from oracles.daemon.store import Store
from tests.agent.fakes import FakeChain

pytestmark = pytest.mark.anyio

BOTH = Policy(version="1", metrics={"cpu": MetricRule(), "memory": MetricRule()})
LESS = Policy(version="2", metrics={"cpu": MetricRule()}, forbidden=frozenset({"memory"}))
MORE = Policy(version="2", metrics={**BOTH.metrics, "battery": MetricRule()})


def sync(chain: FakeChain, store: Store) -> CharterSync:
    return CharterSync(chain, chain.charter(), store, 0)  # type: ignore[arg-type]


def names(charter: CharterSync) -> tuple[int, set[str]]:
    found = charter.in_force()
    assert found is not None
    return found.version, set(found.policy.metrics)


async def test_before_the_first_enactment_there_is_nothing(state: Path) -> None:
    chain = FakeChain()
    async with Store.open(state / "state.db", schema=SCHEMA) as store:
        charter = sync(chain, store)
        await charter.load()
        await charter.update()
        assert charter.in_force() is None


async def test_the_first_policy_lets_something_through_only_once_it_is_final(state: Path) -> None:
    chain = FakeChain()
    async with Store.open(state / "state.db", schema=SCHEMA) as store:
        charter = sync(chain, store)
        chain.enact(EMPTY_POLICY, BOTH, 1)
        await charter.update()
        assert names(charter) == (1, set())
        chain.finalize()
        await charter.update()
        assert names(charter) == (1, {"cpu", "memory"})
        found = charter.in_force()
        assert found is not None
        assert (found.policy_hash, found.faults) == (BOTH.hash, ())


async def test_a_tightening_acts_at_the_latest_block(state: Path) -> None:
    chain = FakeChain()
    async with Store.open(state / "state.db", schema=SCHEMA) as store:
        charter = sync(chain, store)
        chain.enact(EMPTY_POLICY, BOTH, 1)
        chain.finalize()
        block = chain.enact(BOTH, LESS, 2)
        await charter.update()
        assert names(charter) == (2, {"cpu"})
        found = charter.in_force()
        assert found is not None
        assert found.policy.forbidden == {"memory"}
        assert found.observed_block == block.number


async def test_a_loosening_waits_for_finality(state: Path) -> None:
    chain = FakeChain()
    async with Store.open(state / "state.db", schema=SCHEMA) as store:
        charter = sync(chain, store)
        chain.enact(EMPTY_POLICY, BOTH, 1)
        chain.finalize()
        chain.enact(BOTH, MORE, 2)
        await charter.update()
        assert names(charter) == (2, {"cpu", "memory"})
        found = charter.in_force()
        assert found is not None and not found.final
        chain.finalize()
        await charter.update()
        assert names(charter) == (2, {"cpu", "memory", "battery"})
        found = charter.in_force()
        assert found is not None and found.final


async def test_a_tightening_that_a_reorg_takes_back_is_taken_back(state: Path) -> None:
    chain = FakeChain()
    async with Store.open(state / "state.db", schema=SCHEMA) as store:
        charter = sync(chain, store)
        chain.enact(EMPTY_POLICY, BOTH, 1)
        chain.finalize()
        await charter.update()
        final = len(chain.blocks) - 1
        chain.enact(BOTH, LESS, 2)
        await charter.update()
        assert names(charter) == (2, {"cpu"})
        chain.revert_to(final)
        chain.mine()
        await charter.update()
        assert names(charter) == (1, {"cpu", "memory"})


async def test_a_reorg_below_finality_names_both_hashes(state: Path) -> None:
    chain = FakeChain()
    async with Store.open(state / "state.db", schema=SCHEMA) as store:
        charter = sync(chain, store)
        chain.finalize()
        chain.finalize()
        await charter.update()
        before = chain.blocks[2]
        chain.revert_to(1)
        for _ in range(5):
            chain.mine()
        with pytest.raises(ReorgBelowFinality) as raised:
            await charter.update()
        assert before.hash.hex() in str(raised.value)
        assert chain.blocks[2].hash.hex() in str(raised.value)


async def test_what_was_final_survives_a_restart_without_a_chain(state: Path) -> None:
    chain = FakeChain()
    async with Store.open(state / "state.db", schema=SCHEMA) as store:
        charter = sync(chain, store)
        chain.enact(EMPTY_POLICY, BOTH, 1)
        chain.finalize()
        await charter.update()
        before = charter.in_force()
    chain.down = True
    async with Store.open(state / "state.db", schema=SCHEMA) as store:
        charter = sync(chain, store)
        await charter.load()
        with pytest.raises(ChainUnavailable):
            await charter.update()
        assert charter.in_force() == before
        chain.down = False
        chain.enact(BOTH, MORE, 2)
        chain.finalize()
        await charter.update()
        assert names(charter) == (2, {"cpu", "memory", "battery"})


async def test_a_metric_expires_by_the_chain_s_time(state: Path) -> None:
    from datetime import UTC, datetime, timedelta

    chain = FakeChain()
    today = datetime.fromtimestamp(chain.blocks[0].timestamp, UTC).date()
    expiring = Policy(version="1", metrics={"cpu": MetricRule(expires=today), "memory": MetricRule()})
    async with Store.open(state / "state.db", schema=SCHEMA) as store:
        charter = sync(chain, store)
        chain.enact(EMPTY_POLICY, expiring, 1)
        chain.finalize()
        await charter.update()
        assert names(charter) == (1, {"cpu", "memory"})
        chain.mine(after=int(timedelta(days=1).total_seconds()))
        await charter.update()
        assert names(charter) == (1, {"memory"})


async def test_a_rule_that_no_policy_can_hold_is_denied_and_said(state: Path) -> None:
    chain = FakeChain()
    broken = ("MetricAllowed", {"version": 1, "name": "cpu", "rule": '{"rate_hz":"-1"}'})
    sound = ("MetricAllowed", {"version": 1, "name": "memory", "rule": "{}"})
    enacted = ("CharterEnacted", {"version": 1, "policy_hash": bytes(32), "draft": bytes(32)})
    async with Store.open(state / "state.db", schema=SCHEMA) as store:
        charter = sync(chain, store)
        chain.mine(broken, sound, enacted)
        chain.finalize()
        await charter.update()
        assert names(charter) == (1, {"memory"})
        found = charter.in_force()
        assert found is not None
        assert found.faults[0].startswith("metric cpu: rate_hz")


async def test_a_changed_rule_is_met_in_the_middle_until_final(state: Path) -> None:
    chain = FakeChain()
    wider = Policy(version="1", metrics={"cpu": MetricRule(maximum=Decimal(200), rate_hz=Decimal(1))})
    faster = Policy(version="2", metrics={"cpu": MetricRule(maximum=Decimal(100), rate_hz=Decimal(5))})
    async with Store.open(state / "state.db", schema=SCHEMA) as store:
        charter = sync(chain, store)
        chain.enact(EMPTY_POLICY, wider, 1)
        chain.finalize()
        chain.enact(wider, faster, 2)
        await charter.update()
        found = charter.in_force()
        assert found is not None
        rule = found.policy.metrics["cpu"]
        assert (rule.maximum, rule.rate_hz) == (Decimal(100), Decimal(1))
