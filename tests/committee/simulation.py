"""A committee in a simulated world: a chain, a network that loses, delays and doubles, members that die and
come back.

Everything in `oracles.committee` but HTTP and key material is the real code, the store on its real file
included.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from eth_account.messages import SignableMessage
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from prometheus_client import CollectorRegistry

from oracles.chain.block import Block
from oracles.chain.errors import ChainUnavailable
from oracles.chain.typed import COMMITTEE_NAME, Domain, digest
from oracles.committee.follower import Follower, first_to_vote_on
from oracles.committee.member import Member
from oracles.committee.messages import (
    MAX_MESSAGE_BYTES,
    MAX_OBSERVATIONS,
    Answer,
    FreezeRequest,
    Frozen,
    Noted,
    Proposal,
    Reason,
    Refusal,
    Request,
    Vote,
    Votes,
)
from oracles.committee.meters import CommitteeMeters
from oracles.committee.report import Report, SignatureInvalid, report_message
from oracles.committee.schedule import Schedule, leader
from oracles.committee.topic import Moment, Observation, ObservationRefused, topic_id
from oracles.committee.view import Configuration
from oracles.committee.votes import DoubleVote, VoteStore

from .scheduler import Pause, Scheduler

GENESIS = 1_000_000
FINALITY = 2
SLOT, GRACE, TURN = 40, 40, 10
TOPIC = topic_id("weather")
SOURCES = ("ash", "birch", "cedar")
DOMAIN = Domain(COMMITTEE_NAME, 31337, to_checksum_address("0x" + "c0" * 20))


@dataclass(frozen=True)
class Weather:
    """How unkind the world is: chances per message, longest delays in seconds."""

    loss: float = 0.0
    doubling: float = 0.0
    delay: float = 0.2
    doubt: float = 0.0


class SimulatedChain:
    """A block a second, and OracleCommittee's rules in Python (the contract itself is tested on a chain)."""

    def __init__(self, scheduler: Scheduler, members: Sequence[str], threshold: int) -> None:
        self._scheduler = scheduler
        self._configurations: list[tuple[int, Configuration]] = []
        self._last: list[tuple[int, int]] = [(0, 0)]
        self.accepted: dict[int, bytes] = {}
        self.accepted_at: dict[int, float] = {}
        self.refused: list[str] = []
        self.removed: list[str] = []
        self._seat(tuple(sorted(members)), threshold)

    @staticmethod
    @cache
    def block(number: int) -> Block:
        return Block(number, keccak(number.to_bytes(32)), keccak((number - 1).to_bytes(32)), GENESIS + number)

    @property
    def head(self) -> int:
        return int(self._scheduler.now) + 10 * SLOT

    def configuration(self, at: int) -> Configuration:
        return next(c for number, c in reversed(self._configurations) if number <= at)

    def last_sequence(self, at: int) -> int:
        return next(sequence for number, sequence in reversed(self._last) if number <= at)

    def submit(self, report: Report, payload: bytes, signatures: Sequence[bytes]) -> None:
        """OracleCommittee.submit; a refusal is what a revert would be."""
        number = self.head + 1
        configuration = self._configurations[-1][1]
        signers = [fake_signer(report_message(DOMAIN, report), signature) for signature in signatures]
        refusal = (
            "configuration"
            if report.config_digest != configuration.digest
            else "deadline"
            if self.block(number).timestamp > report.deadline
            else "sequence"
            if report.sequence <= self._last[-1][1]
            else "payload"
            if keccak(payload) != report.payload_hash
            else "signatures"
            if signers != sorted(set(signers))
            or len(signers) < configuration.threshold
            or not set(signers) <= set(configuration.members)
            else None
        )
        if refusal is not None:
            self.refused.append(refusal)
            return
        assert report.sequence not in self.accepted
        self.accepted[report.sequence] = payload
        self.accepted_at[report.sequence] = self._scheduler.now
        self._last.append((number, report.sequence))

    def prove(self, double: DoubleVote) -> None:
        """OracleCommittee.prove_equivocation."""
        a, b = double.first.report, double.second.report
        signers = {
            fake_signer(report_message(DOMAIN, v.report), v.signature) for v in (double.first, double.second)
        }
        configuration = self._configurations[-1][1]
        known = {c.digest for _, c in self._configurations}
        if (
            a.round == b.round
            and a.config_digest in known
            and a.payload_hash != b.payload_hash
            and len(signers) == 1
            and signers <= set(configuration.members)
        ):
            [guilty] = signers
            self.removed.append(guilty)
            self._seat(
                tuple(member for member in configuration.members if member != guilty), configuration.threshold
            )

    def _seat(self, members: tuple[str, ...], threshold: int) -> None:
        number = self.head + 1 if self._configurations else 0
        label = f"{len(self._configurations)} {members} {threshold}"
        self._configurations.append((number, Configuration(keccak(text=label), members, threshold)))


def fake_signer(message: SignableMessage, signature: bytes) -> str:
    """Whose signature it is: here a signature is its maker's address and a hash that binds it to the
    message.
    """
    address = to_checksum_address(signature[:20])
    if signature[20:52] != keccak(signature[:20] + digest(message)):
        raise SignatureInvalid("not of this message")
    return address


@dataclass
class FakeSigning:
    """Signatures that cost nothing."""

    address: str

    def sign(self, message: SignableMessage) -> bytes:
        raw = bytes.fromhex(self.address[2:])
        return (raw + keccak(raw + digest(message))).ljust(65, b"\0")

    def signer(self, message: SignableMessage, signature: bytes) -> str:
        return fake_signer(message, signature)


class WeatherTopic:
    """Sources whose reading changes all the time, so members that ask at different moments see different
    things.
    """

    name = "weather"

    def __init__(self, world: World) -> None:
        self._world = world
        self._read: Block | None = None

    async def observe(self, moment: Moment) -> list[Observation]:
        random = self._world.scheduler.random
        await Pause(random.uniform(0, 1))
        reading = f"{moment.block.number} {int(self._world.scheduler.now)}"
        return [reading_of(source, reading) for source in SOURCES if random.random() < 0.9]

    async def verify(self, moment: Moment, observation: Observation) -> None:
        if self._read != moment.block:  # as a topic does that keeps what it read at a block
            await self._world.chain_read()
            self._read = moment.block
        source, number, *_ = observation.body.decode().split()
        if source != observation.source or number != str(moment.block.number):
            raise ObservationRefused(observation.source, "not of this moment")

    async def payload(self, moment: Moment, observations: Sequence[Observation]) -> bytes | None:
        await self._world.chain_read()
        if not observations:
            return None
        return keccak(b"".join(o.digest for o in sorted(observations)) + moment.block.hash)


def reading_of(source: str, reading: str) -> Observation:
    return Observation(source, f"{source} {reading}".encode())


class World:
    """Scheduler, chain, network and members."""

    def __init__(
        self,
        seed: int,
        folder: Path,
        *,
        members: int,
        threshold: int,
        weather: Weather,
        double_voters: int = 0,
        flood: int = 0,
    ) -> None:
        self.scheduler = Scheduler(seed)
        self.weather = weather
        self.folder = folder
        names = [to_checksum_address(keccak(text=f"member {i}")[:20]) for i in range(members)]
        self.addresses = sorted(names)
        self.double_voters = set(self.addresses[:double_voters])
        self.flooders: dict[str, int] = {self.addresses[0]: flood} if flood else {}
        self.chain = SimulatedChain(self.scheduler, self.addresses, threshold)
        self.running: dict[str, Member | DoubleVoter | Flooder] = {}
        self.signed: dict[tuple[str, bytes, bytes, int], set[bytes]] = {}
        for address in self.addresses:
            self.start(address)

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_: object) -> None:
        for address in self.addresses:
            self.kill(address)
        self.scheduler.close()

    # --- members

    def start(self, address: str) -> None:
        """Start a member's process, with whatever its file holds."""
        if address in self.running:
            return
        if address in self.flooders:
            self.running[address] = Flooder(self, self.flooders[address])
        elif address in self.double_voters:
            self.running[address] = self._double_voter(address)
        else:
            self.running[address] = self._honest(address)

    def kill(self, address: str) -> None:
        """SIGKILL: only what its file holds is left."""
        member = self.running.pop(address, None)
        self.scheduler.kill(address)
        if isinstance(member, Member):
            member.follower.store.close()

    def backup(self, address: str) -> None:
        """Copy a running member's file, as an operator's nightly job would."""
        member = self.running.get(address)
        if isinstance(member, Member):
            target = self._path(address).with_suffix(".backup")
            target.unlink(missing_ok=True)
            member.follower.store._db.execute("VACUUM INTO ?", (str(target),))

    def restore(self, address: str) -> None:
        """Put the last backup in the place of a dead member's file."""
        source = self._path(address).with_suffix(".backup")
        if address not in self.running and source.exists():
            for suffix in (".db-wal", ".db-shm"):
                self._path(address).with_suffix(suffix).unlink(missing_ok=True)
            shutil.copy(source, self._path(address))

    def _honest(self, address: str) -> Member:
        follower = Follower(
            topic=WeatherTopic(self),
            domain=DOMAIN,
            schedule=Schedule(SLOT, GRACE, TURN),
            chain=_View(self),
            signing=FakeSigning(address),
            store=VoteStore(self._path(address)),
            offload=self._offload,
            votes_from=2**62,
            meters=CommitteeMeters(CollectorRegistry()),
        )
        member = Member(follower, _Network(self, address), _Sender(self))
        self.scheduler.at(0, lambda: self._begin(address, member))
        return member

    def _double_voter(self, address: str) -> DoubleVoter:
        member = DoubleVoter(self, address)
        self.scheduler.at(0, lambda: self.scheduler.spawn(address, member.live()))
        return member

    def _begin(self, address: str, member: Member) -> None:
        if self.running.get(address) is member:
            self.scheduler.spawn(address, self._live(member))

    async def _live(self, member: Member) -> None:
        member.follower.votes_from = await first_to_vote_on(
            _View(self, sure=True), member.follower.schedule, GENESIS
        )
        while True:
            with suppress(ChainUnavailable):
                await member.step()
            await Pause(1)

    async def _offload(self, call: Any, *args: Any) -> Any:
        # A kill strikes before or after the operation, which is durable as a whole or not at all.
        await Pause(0.001)
        result = call(*args)
        await Pause(0.001)
        return result

    def _path(self, address: str) -> Path:
        return self.folder / f"{address}.db"

    # --- what members touch

    async def chain_read(self, *, sure: bool = False) -> None:
        await Pause(self.scheduler.random.uniform(0, 0.05))
        if not sure and self.scheduler.random.random() < self.weather.doubt:
            raise ChainUnavailable("simulated", "in doubt")

    def deliver(self, sender: str, receiver: str, request: Request, answers: dict[str, Answer]) -> None:
        """Carry a request and its answer, or lose, delay and double either."""
        self.watch(request)
        if _is_too_large(request):
            return
        random, weather = self.scheduler.random, self.weather
        for _ in range(2 if random.random() < weather.doubling else 1):
            if random.random() < weather.loss:
                continue
            self.scheduler.at(
                random.uniform(0.01, weather.delay), lambda: self._arrive(sender, receiver, request, answers)
            )

    def _arrive(self, sender: str, receiver: str, request: Request, answers: dict[str, Answer]) -> None:
        member = self.running.get(receiver)
        if member is None:
            return

        async def answer() -> None:
            follower = member.follower if isinstance(member, Member) else member
            said = await follower.answer(sender, request)
            self.watch(said)
            random = self.scheduler.random
            if random.random() >= self.weather.loss and not _is_too_large(said):
                delay = random.uniform(0.01, self.weather.delay)
                self.scheduler.at(delay, partial(answers.__setitem__, receiver, said))

        self.scheduler.spawn(receiver, answer())

    # --- what must hold

    def watch(self, message: Request | Answer) -> None:
        """Take note of every vote that leaves a member, whether or not it arrives."""
        votes = message.votes if isinstance(message, Frozen | Votes) else (message,)
        for vote in votes:
            if isinstance(vote, Vote):
                member = fake_signer(report_message(DOMAIN, vote.report), vote.signature)
                self.signed.setdefault((member, *vote.report.round), set()).add(vote.report.payload_hash)

    @property
    def sequence(self) -> int:
        return (GENESIS + self.chain.head - FINALITY) // SLOT

    def check(self) -> None:
        """No honest member ever signed two payloads of a round, or was removed."""
        for (member, *_), payloads in self.signed.items():
            assert member in self.double_voters or len(payloads) == 1
        assert set(self.chain.removed) <= self.double_voters


def _is_too_large(message: Request | Answer) -> bool:
    return len(message.model_dump_json()) > MAX_MESSAGE_BYTES


class _View:
    def __init__(self, world: World, *, sure: bool = False) -> None:
        self._world = world
        self._sure = sure
        # Members see finality at slightly different times.
        self._lag = world.scheduler.random.choice((0, 0, 1))

    async def finalized(self) -> Block:
        await self._world.chain_read(sure=self._sure)
        return self._world.chain.block(self._world.chain.head - FINALITY - self._lag)

    async def latest(self) -> Block:
        await self._world.chain_read(sure=self._sure)
        return self._world.chain.block(self._world.chain.head)

    async def last_block_before(self, timestamp: int, head: Block) -> Block | None:
        await self._world.chain_read(sure=self._sure)
        return self._world.chain.block(min(head.number, timestamp - 1 - GENESIS))

    async def is_open(self, topic: bytes, at: Block) -> bool:
        await self._world.chain_read(sure=self._sure)
        return True

    async def configuration(self, at: Block) -> Configuration:
        await self._world.chain_read(sure=self._sure)
        return self._world.chain.configuration(at.number)

    async def last_sequence(self, topic: bytes, at: Block) -> int:
        await self._world.chain_read(sure=self._sure)
        return self._world.chain.last_sequence(at.number)


class _Network:
    def __init__(self, world: World, address: str) -> None:
        self._world = world
        self._address = address

    async def ask(self, requests: Mapping[str, Request]) -> dict[str, Answer]:
        answers: dict[str, Answer] = {}
        for receiver, request in requests.items():
            self._world.deliver(self._address, receiver, request, answers)
        deadline = self._world.scheduler.now + 2
        while len(answers) < len(requests) and self._world.scheduler.now < deadline:
            await Pause(0.1)
        return dict(answers)  # what comes later is too late


class _Sender:
    def __init__(self, world: World) -> None:
        self._world = world

    async def submit(self, report: Report, payload: bytes, signatures: Sequence[bytes]) -> None:
        self._world.watch(Votes(votes=tuple(Vote(report=report, signature=each) for each in signatures)))
        await Pause(0.01)
        self._world.chain.submit(report, payload, signatures)

    async def prove(self, double: DoubleVote) -> None:
        await Pause(0.01)
        self._world.chain.prove(double)


class Flooder:
    """Sees so much, all of it valid, that its answers are as large as a message may be, of readings with
    `size` bytes each; and never votes for a proposal, but always saw something more.
    """

    def __init__(self, world: World, size: int) -> None:
        self._world = world
        self._size = size
        self._count = min(MAX_OBSERVATIONS, MAX_MESSAGE_BYTES * 7 // 10 // size)
        self._proposals = 0

    async def answer(self, sender: str, request: Request) -> Answer:
        await Pause(0.01)
        if isinstance(request, FreezeRequest):
            return Frozen(observations=self._readings(request.sequence))
        if isinstance(request, Proposal):
            self._proposals += 1
            return Refusal(reason=Reason.MISSING_OBSERVATION, missing=self._readings(request.report.sequence))
        return Noted()

    def _readings(self, sequence: int) -> tuple[Observation, ...]:
        number = Schedule(SLOT, GRACE, TURN).start(sequence) - 1 - GENESIS
        return tuple(
            reading_of("ash", f"{number} {self._proposals} {i} ".ljust(self._size - 4, "x"))
            for i in range(self._count)
        )


class DoubleVoter:
    """Signs whatever it is asked to, keeps nothing, and as a leader proposes one thing to some and another to
    others.
    """

    def __init__(self, world: World, address: str) -> None:
        self._world = world
        self._signing = FakeSigning(address)

    async def answer(self, sender: str, request: Request) -> Answer:
        await Pause(0.01)
        if isinstance(request, FreezeRequest):
            return Frozen(observations=(reading_of("ash", f"{self._world.scheduler.random.random()}"),))
        if isinstance(request, Proposal):
            return self._vote(request)
        return Noted()

    async def live(self) -> None:
        world, network = self._world, _Network(self._world, self._signing.address)
        schedule = Schedule(SLOT, GRACE, TURN)
        while True:
            await Pause(2)
            sequence, time = world.sequence, GENESIS + world.chain.head - FINALITY
            configuration = world.chain.configuration(world.chain.head)
            turn = schedule.turn_at(sequence, time)
            if leader(configuration.members, sequence, turn) != self._signing.address:
                continue
            others = [member for member in configuration.members if member != self._signing.address]
            ask = FreezeRequest(topic=TOPIC, sequence=sequence, config_digest=configuration.digest)
            answers = await network.ask(dict.fromkeys(others, ask))
            seen = {
                o for answer in answers.values() if isinstance(answer, Frozen) for o in answer.observations
            }
            block = world.chain.block(schedule.start(sequence) - 1 - GENESIS)
            requests: dict[str, Request] = {}
            for i, member in enumerate(others):
                extra = reading_of("cedar", f"{block.number} lie {i}")
                requests[member] = self._proposal(configuration, sequence, turn, block, seen | {extra})
            for answer in (await network.ask(requests)).values():
                if isinstance(answer, Vote):
                    own = Vote(report=answer.report, signature=self._sign(answer.report))
                    world.deliver(self._signing.address, others[0], Votes(votes=(answer, own)), {})

    def _proposal(
        self, configuration: Configuration, sequence: int, turn: int, block: Block, seen: set[Observation]
    ) -> Proposal:
        observations = tuple(sorted(o for o in seen if o.body.decode().split()[1] == str(block.number)))
        payload = keccak(b"".join(o.digest for o in observations) + block.hash)
        report = Report(
            TOPIC,
            sequence,
            block.number,
            keccak(payload),
            configuration.digest,
            Schedule(SLOT, GRACE, TURN).deadline(sequence),
        )
        return Proposal(
            chain_id=DOMAIN.chain_id,
            contract=DOMAIN.contract,
            turn=turn,
            block_hash=block.hash,
            report=report,
            observations=observations,
        )

    def _vote(self, proposal: Proposal) -> Vote:
        return Vote(report=proposal.report, signature=self._sign(proposal.report))

    def _sign(self, report: Report) -> bytes:
        return self._signing.sign(report_message(DOMAIN, report))
