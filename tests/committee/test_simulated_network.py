"""Reports keep coming while k members live, and no honest member equivocates, whatever the network does."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from budgets import few
from hypothesis import given
from hypothesis import strategies as st

from .simulation import SLOT, Weather, World

CALM = Weather()
STORM = Weather(loss=0.15, doubling=0.1, delay=1.5, doubt=0.01)

seeds = st.integers(0, 2**32)
# A run of a world costs as much as a hundred ordinary examples.
some = few()


@pytest.mark.parametrize(("members", "threshold"), [(1, 1), (3, 2), (5, 3)])
def test_in_calm_weather_every_slot_has_its_report(tmp_path: Path, members: int, threshold: int) -> None:
    with World(1, tmp_path, members=members, threshold=threshold, weather=CALM) as world:
        world.scheduler.run(10 * SLOT)
        world.check()
        assert len(world.chain.accepted) == 9  # votes begin with the first slot after the start
        assert not world.chain.refused


def test_fewer_than_k_get_nothing_through(tmp_path: Path) -> None:
    with World(2, tmp_path, members=3, threshold=2, weather=CALM) as world:
        for address in world.addresses[1:]:
            world.kill(address)
        world.scheduler.run(10 * SLOT)
        assert not world.chain.accepted


def test_a_member_that_returns_lets_reports_go_on(tmp_path: Path) -> None:
    with World(3, tmp_path, members=3, threshold=2, weather=CALM) as world:
        dead = world.addresses[1:]
        for address in dead:
            world.kill(address)
        world.scheduler.run(5 * SLOT)
        world.start(dead[0])
        world.scheduler.run(6 * SLOT)
        world.check()
        assert len(world.chain.accepted) >= 4


@pytest.mark.parametrize("size", [64, 200_000], ids=["many", "large"])
def test_a_member_that_floods_with_what_is_valid_holds_nobody_up(tmp_path: Path, size: int) -> None:
    with World(4, tmp_path, members=4, threshold=3, weather=CALM, flood=size) as world:
        world.scheduler.run(3 * SLOT)
        world.check()
        assert len(world.chain.accepted) == 2
        assert not world.chain.refused


@some
@given(seed=seeds, size=st.sampled_from([(3, 2), (4, 3), (5, 3)]))
def test_reports_keep_coming_through_a_storm_while_k_live(seed: int, size: tuple[int, int]) -> None:
    """All but k members are dead, now these, now those: leaders, too, and in the midst of a round."""
    members, threshold = size
    slots = 24
    with (
        TemporaryDirectory() as folder,
        World(seed, Path(folder), members=members, threshold=threshold, weather=STORM) as world,
    ):
        random = world.scheduler.random
        for _ in range(slots // 4):
            for address in random.sample(world.addresses, members - threshold):
                world.kill(address)
            world.scheduler.run(4 * SLOT * random.uniform(0.9, 1.1))
            for address in world.addresses:
                world.start(address)
        world.check()
        # Those that were just started vote from the next slot on, so a slot in four has fewer than k voters.
        assert len(world.chain.accepted) >= slots // 4, sorted(world.chain.accepted)


@some
@given(seed=seeds)
def test_an_honest_member_never_equivocates_through_kills_backups_and_leader_changes(seed: int) -> None:
    with (
        TemporaryDirectory() as folder,
        World(seed, Path(folder), members=4, threshold=3, weather=STORM) as world,
    ):
        random = world.scheduler.random
        for _ in range(40):
            address = random.choice(world.addresses)
            random.choice([world.kill, world.start, world.start, world.backup, world.restore])(address)
            world.scheduler.run(random.uniform(0, 0.6 * SLOT))
        for address in world.addresses:
            world.start(address)
        before = len(world.chain.accepted)
        world.scheduler.run(8 * SLOT)
        world.check()
        assert len(world.chain.accepted) > before


@some
@given(seed=seeds)
def test_a_double_voter_is_removed_and_no_honest_member_is(seed: int) -> None:
    with (
        TemporaryDirectory() as folder,
        World(
            seed, Path(folder), members=4, threshold=3, weather=Weather(delay=0.5), double_voters=1
        ) as world,
    ):
        world.scheduler.run(16 * SLOT)
        world.check()
        assert set(world.chain.removed) == world.double_voters
        after = world.scheduler.now
        world.scheduler.run(8 * SLOT)
        assert [at for at in world.chain.accepted_at.values() if at > after]


def test_the_same_seed_is_the_same_run(tmp_path: Path) -> None:
    runs = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        with World(7, tmp_path / name, members=3, threshold=2, weather=STORM) as world:
            world.scheduler.run(6 * SLOT)
            runs.append((world.chain.accepted, world.chain.accepted_at))
    assert runs[0] == runs[1]
