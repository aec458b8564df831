"""A member signs nothing on a chain that is behind what was final, or has another block in its place."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
import pytest
from eth_utils.crypto import keccak
from frames import frame_over
from prometheus_client import CollectorRegistry

from oracles.chain.block import Block
from oracles.chain.errors import BlockUnknown, ChainBehind, ReorgBelowFinality
from oracles.committee.follower import Follower
from oracles.committee.member import Member
from oracles.committee.messages import Answer, FreezeRequest, Frozen, Proposal, Reason, Refusal, Request, Vote
from oracles.committee.meters import CommitteeMeters
from oracles.committee.on_chain import CommitteeChain
from oracles.committee.report import Report
from oracles.committee.schedule import Schedule
from oracles.committee.topic import Moment, Observation, topic_id
from oracles.committee.votes import DoubleVote, VoteStore
from oracles.daemon.frame import Frame

from .simulation import DOMAIN, FakeSigning

pytestmark = pytest.mark.anyio

LEADER, OTHER = "0x" + "aA" * 20, "0x" + "bB" * 20
SCHEDULE = Schedule(slot_seconds=40, grace_seconds=40, turn_seconds=20)
SEQUENCE = 2
FINAL, OBSERVED = SCHEDULE.start(SEQUENCE) + 5, SCHEDULE.start(SEQUENCE) - 1
PAYLOAD, CONFIG = b"payload", b"\2" * 32


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Chain:
    """A block a second, and what OracleCommittee says on it; a test moves finality and replaces blocks."""

    def __init__(self) -> None:
        self.final = FINAL
        self.opened = 0
        self.members: tuple[str, ...] = (LEADER, OTHER)
        self.blocks: list[Block] = []
        self._chains = 0
        self.replace(0)

    def replace(self, first: int) -> None:
        """Another chain from this block on."""
        self._chains += 1
        hashes = [keccak(text=f"{self._chains} {number}") for number in range(FINAL + 10)]
        new = (
            Block(number, hashes[number], hashes[number - 1], number) for number in range(first, FINAL + 10)
        )
        self.blocks = [*self.blocks[:first], *new]

    async def finalized(self) -> Block:
        return self.blocks[self.final]

    async def latest(self) -> Block:
        return self.blocks[-1]

    async def block(self, number: int) -> Block:
        if number >= len(self.blocks):
            raise BlockUnknown(str(number))
        return self.blocks[number]

    async def is_open(self, topic: bytes, at: Block) -> bool:
        return topic == topic_id(Still.name) and at.number >= self.opened

    async def config_digest(self, at: Block) -> bytes:
        return CONFIG

    async def members_at(self, at: Block) -> tuple[str, ...]:
        return self.members

    async def threshold(self, at: Block) -> int:
        return len(self.members)

    async def last_sequence(self, topic: bytes, at: Block) -> int:
        return SEQUENCE - 1


class Contract:
    """OracleCommittee's reads, from the same chain."""

    def __init__(self, chain: Chain) -> None:
        self.is_open = chain.is_open
        self.config_digest = chain.config_digest
        self.members = chain.members_at
        self.threshold = chain.threshold
        self.last_sequence = chain.last_sequence


class Still:
    """A topic that has always the same to report."""

    name = "still"

    async def observe(self, moment: Moment) -> list[Observation]:
        return []

    async def verify(self, moment: Moment, observation: Observation) -> None:
        pass

    async def payload(self, moment: Moment, observations: Sequence[Observation]) -> bytes | None:
        return PAYLOAD


class Outside:
    """Nobody answers, and whatever is handed in is kept."""

    def __init__(self) -> None:
        self.submitted: list[Report] = []

    async def ask(self, requests: Mapping[str, Request]) -> dict[str, Answer]:
        return {}

    async def submit(self, report: Report, payload: bytes, signatures: Sequence[bytes]) -> None:
        self.submitted.append(report)

    async def prove(self, double: DoubleVote) -> None:
        raise AssertionError("nobody voted twice")


@pytest.fixture
def chain() -> Chain:
    return Chain()


@pytest.fixture
async def frame(chain: Chain, tmp_path: Path) -> AsyncIterator[Frame[Any]]:
    """A daemon that has seen the chain's newest final block."""
    async with frame_over(chain, tmp_path) as opened:
        await opened.certain()
        yield opened


@pytest.fixture
async def follower_of(
    chain: Chain, frame: Frame[Any], tmp_path: Path
) -> AsyncIterator[Callable[[str], Follower]]:
    async with AsyncExitStack() as stack:

        def follower(address: str) -> Follower:
            store = VoteStore(tmp_path / "votes.db")
            stack.callback(store.close)
            contract: Any = Contract(chain)
            return Follower(
                topic=Still(),
                domain=DOMAIN,
                schedule=SCHEDULE,
                chain=CommitteeChain(frame.rpc, contract, frame.check_finality),
                signing=FakeSigning(address),
                store=store,
                offload=anyio.to_thread.run_sync,
                votes_from=0,
                meters=CommitteeMeters(CollectorRegistry()),
            )

        yield follower


def proposal(chain: Chain) -> Proposal:
    report = Report(
        topic_id(Still.name), SEQUENCE, OBSERVED, keccak(PAYLOAD), CONFIG, SCHEDULE.deadline(SEQUENCE)
    )
    return Proposal(
        chain_id=DOMAIN.chain_id,
        contract=DOMAIN.contract,
        turn=0,
        block_hash=chain.blocks[OBSERVED].hash,
        report=report,
        observations=(),
    )


async def test_a_follower_votes_only_where_what_was_final_still_is(
    chain: Chain, follower_of: Callable[[str], Follower]
) -> None:
    follower = follower_of(OTHER)
    ask = FreezeRequest(topic=follower.topic_id, sequence=SEQUENCE, config_digest=CONFIG)
    proposed = proposal(chain)
    assert isinstance(await follower.answer(LEADER, ask), Frozen)

    chain.final = FINAL - 1
    for request in (ask, proposed):
        refusal = await follower.answer(LEADER, request)
        assert isinstance(refusal, Refusal) and refusal.reason is Reason.CHAIN_IN_DOUBT
    chain.final = FINAL
    assert isinstance(await follower.answer(LEADER, proposed), Vote)

    # Nothing that the vote is about has changed; but what was final has.
    chain.replace(FINAL)
    assert chain.blocks[OBSERVED].hash == proposed.block_hash
    for final in (FINAL, FINAL + 1):
        chain.final = final
        for request in (ask, proposed):
            with pytest.raises(ReorgBelowFinality):
                await follower.answer(LEADER, request)


async def test_a_leader_votes_only_where_what_was_final_still_is(
    chain: Chain, follower_of: Callable[[str], Follower]
) -> None:
    chain.members = (LEADER,)
    outside = Outside()
    member = Member(follower_of(LEADER), outside, outside)

    chain.final = FINAL - 1
    with pytest.raises(ChainBehind):
        await member.step()
    assert outside.submitted == []
    genuine = chain.blocks
    chain.replace(FINAL)
    chain.final = FINAL + 1
    with pytest.raises(ReorgBelowFinality):
        await member.step()
    assert outside.submitted == []

    chain.blocks = genuine
    await member.step()
    assert [report.sequence for report in outside.submitted] == [SEQUENCE]


async def test_who_looks_meanwhile_makes_no_doubt_of_another_s_answer(
    chain: Chain, frame: Frame[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, go_on = anyio.Event(), anyio.Event()
    found: list[Block] = []

    async def slowly() -> Block:
        asked.set()
        await go_on.wait()
        return chain.blocks[FINAL]

    async def look() -> None:
        found.append(await frame.check_finality())

    async with anyio.create_task_group() as group:
        with monkeypatch.context() as patched:
            patched.setattr(chain, "finalized", slowly)
            group.start_soon(look)
            await asked.wait()
        chain.final = FINAL + 1
        await look()
        go_on.set()
    assert [block.number for block in found] == [FINAL + 1, FINAL]
    # And what the later one knew stays known.
    chain.final = FINAL
    with pytest.raises(ChainBehind):
        await frame.check_finality()


async def test_where_the_topic_was_not_open_yet_there_is_nothing_to_sign(
    chain: Chain, follower_of: Callable[[str], Follower]
) -> None:
    """A slot may be older than the contracts: what a topic would read at its block is not there."""
    chain.members, chain.opened = (LEADER,), OBSERVED + 1
    follower, outside = follower_of(LEADER), Outside()
    member = Member(follower, outside, outside)
    ask = FreezeRequest(topic=follower.topic_id, sequence=SEQUENCE, config_digest=CONFIG)

    await member.step()
    assert outside.submitted == []
    for request in (ask, proposal(chain)):
        assert isinstance(await follower.answer(LEADER, request), Refusal)

    chain.opened = OBSERVED
    fresh = Outside()
    await Member(follower_of(LEADER), fresh, fresh).step()
    assert [report.sequence for report in fresh.submitted] == [SEQUENCE]
