"""Reports keep coming while k members live, and no honest member ever equivocates, whatever network and power
do.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .simulation import SLOT, Weather, World

CALM = Weather()
STORM = Weather(loss=0.15, doubling=0.1, delay=1.5, doubt=0.01)


@pytest.mark.parametrize(("members", "threshold"), [(1, 1), (3, 2), (5, 3)])
def test_in_calm_weather_every_slot_has_its_report(tmp_path: Path, members: int, threshold: int) -> None:
    world = World(1, tmp_path, members=members, threshold=threshold, weather=CALM)
    world.scheduler.run(10 * SLOT)
    world.check()
    assert len(world.chain.accepted) >= 8
    assert not world.chain.refused


def test_fewer_than_k_get_nothing_through(tmp_path: Path) -> None:
    world = World(2, tmp_path, members=3, threshold=2, weather=CALM)
    for address in world.addresses[1:]:
        world.kill(address)
    world.scheduler.run(10 * SLOT)
    assert not world.chain.accepted


def test_a_member_that_returns_lets_reports_go_on(tmp_path: Path) -> None:
    world = World(3, tmp_path, members=3, threshold=2, weather=CALM)
    dead = world.addresses[1:]
    for address in dead:
        world.kill(address)
    world.scheduler.run(5 * SLOT)
    world.start(dead[0])
    world.scheduler.run(6 * SLOT)
    world.check()
    assert len(world.chain.accepted) >= 3


@given(seed=st.integers(0, 2**32), size=st.sampled_from([(3, 2), (4, 3), (5, 3)]))
def test_reports_keep_coming_through_a_storm_while_k_live(seed: int, size: tuple[int, int]) -> None:
    """Up to n - k members are dead at any time, now these, now those; exactly k live for most of it."""
    members, threshold = size
    with TemporaryDirectory() as folder:
        world = World(seed, Path(folder), members=members, threshold=threshold, weather=STORM)
        random = world.scheduler.random
        slots = 24
        for _ in range(slots // 4):
            for address in random.sample(world.addresses, members - threshold):
                world.kill(address)
            world.scheduler.run(4 * SLOT * random.uniform(0.9, 1.1))
            for address in world.addresses:
                world.start(address)
        world.check()
        assert len(world.chain.accepted) >= slots // 3, sorted(world.chain.accepted)


@given(seed=st.integers(0, 2**32))
def test_an_honest_member_never_equivocates_through_kills_backups_and_leader_changes(seed: int) -> None:
    with TemporaryDirectory() as folder:
        world = World(seed, Path(folder), members=4, threshold=3, weather=STORM)
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


@given(seed=st.integers(0, 2**32))
def test_a_double_voter_is_removed_and_no_honest_member_is(seed: int) -> None:
    with TemporaryDirectory() as folder:
        world = World(seed, Path(folder), members=4, threshold=3, weather=Weather(delay=0.5), evil=1)
        world.scheduler.run(16 * SLOT)
        world.check()
        assert set(world.chain.removed) == world.evil
        after = world.scheduler.now
        world.scheduler.run(8 * SLOT)
        assert [at for at in world.chain.accepted_at.values() if at > after]
