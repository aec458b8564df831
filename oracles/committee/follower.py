"""A member's answers to the others: what it saw, and its vote for what it computed itself."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from time import monotonic

import anyio
import structlog
from eth_utils.crypto import keccak

from oracles.chain.block import Block
from oracles.chain.errors import ChainDoubt
from oracles.chain.typed import Domain
from oracles.committee.judge import Situation, admit, compare
from oracles.committee.messages import (
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
from oracles.committee.report import SignatureInvalid, Signing, report_message
from oracles.committee.schedule import Schedule
from oracles.committee.topic import (
    MAX_PAYLOAD_BYTES,
    Moment,
    Observation,
    ObservationRefused,
    Topic,
    topic_id,
)
from oracles.committee.view import ChainView, Configuration, Offload
from oracles.committee.votes import VoteStore

_MEMBERS_SECONDS = 5.0
_REMEMBERED = 64  # sequences back for which others' votes are still of interest

_log = structlog.get_logger(__name__)


async def first_to_vote_on(chain: ChainView, schedule: Schedule, wall_clock: int) -> int:
    """The first sequence that a member starting now may vote on anew: the next one after all that are open.

    `wall_clock` (Unix seconds) guards against a chain endpoint that is behind at that moment.
    """
    latest = await chain.latest()
    return schedule.sequence_at(max(latest.timestamp, wall_clock)) + 1


async def open_moment(
    chain: ChainView, schedule: Schedule, topic: str, sequence: int, at: Block
) -> Moment | None:
    """The moment of a sequence, as everybody computes it who has `at` or a later block as final.

    None while no final block has reached the sequence's slot, or if the topic was not open before it: a chain
    may be younger than its slot, and contracts than their chain.
    """
    start = schedule.start(sequence)
    if at.timestamp < start:
        return None
    block = await chain.last_block_before(start, at)
    if block is None or not await chain.is_open(topic_id(topic), block):
        return None
    return Moment(topic, sequence, block, schedule.deadline(sequence))


class Follower:
    """One member's side of one topic that only ever answers.

    It votes only on sequences that began after it started (`votes_from`): its memory may have been restored
    from a backup or a snapshot, and nothing in it could tell. For older ones it repeats what its memory
    holds.
    """

    def __init__(
        self,
        *,
        topic: Topic,
        domain: Domain,
        schedule: Schedule,
        chain: ChainView,
        signing: Signing,
        store: VoteStore,
        offload: Offload,
        votes_from: int,
        meters: CommitteeMeters,
    ) -> None:
        self.topic = topic
        self.topic_id = topic_id(topic.name)
        self.domain = domain
        self.schedule = schedule
        self.chain = chain
        self.signing = signing
        self.store = store
        self.offload = offload
        self.votes_from = votes_from
        self.meters = meters
        self._looking = anyio.Lock()
        self._looked = -inf
        self._members: tuple[str, ...] = ()

    async def answer(self, sender: str, request: Request) -> Answer:
        """Answer an authenticated sender. Raises `ChainStop`; a chain in doubt is a refusal."""
        try:
            at = await self.chain.finalized()
            configuration = await self.chain.configuration(at)
            if sender not in configuration.members:
                return Refusal(reason=Reason.NOT_A_MEMBER, detail=sender)
            if isinstance(request, FreezeRequest):
                return await self._tell(at, configuration, request)
            if isinstance(request, Votes):
                await self.witness(at, configuration, request.votes)
                return Noted()
            return await self.consider(at, configuration, sender, request)
        except ChainDoubt as doubt:
            return Refusal(reason=Reason.CHAIN_IN_DOUBT, detail=str(doubt)[:512])

    async def is_member(self, account: str) -> bool:
        """Whether an account was a member within the last seconds: `answer` looks again.

        Strangers may ask as often as they like; the chain is asked once in a while.
        """
        async with self._looking:
            if monotonic() - self._looked > _MEMBERS_SECONDS:
                self._members = (await self.chain.configuration(await self.chain.finalized())).members
                self._looked = monotonic()
        return account in self._members

    async def moment(self, sequence: int, at: Block) -> Moment | None:
        """The moment of a sequence; see `open_moment`."""
        return await open_moment(self.chain, self.schedule, self.topic.name, sequence, at)

    async def freeze(self, moment: Moment) -> tuple[Observation, ...]:
        """What this member saw for a moment: asked once, durable, and never changed again."""
        held = await self.offload(self.store.frozen, self.topic_id, moment.sequence)
        if held is None:
            seen = await self.topic.observe(moment)
            held = await self.offload(self.store.freeze, self.topic_id, moment.sequence, seen)
        frozen: tuple[Observation, ...] = held
        return frozen

    async def recompute(self, moment: Moment, observations: Sequence[Observation]) -> bytes | None:
        """The payload over these observations, each verified; raises `ObservationRefused`."""
        for observation in observations:
            await self.topic.verify(moment, observation)
        payload = await self.topic.payload(moment, observations)
        if payload is not None and len(payload) > MAX_PAYLOAD_BYTES:
            raise ValueError(
                f"topic {self.topic.name} made a payload of {len(payload)} bytes, "
                f"{MAX_PAYLOAD_BYTES} are possible"
            )
        return payload

    async def consider(
        self, at: Block, configuration: Configuration, sender: str, proposal: Proposal
    ) -> Vote | Refusal:
        """Vote for a proposal, or say why not. The vote is durable before it is returned."""
        verdict = await self._judge(at, configuration, sender, proposal)
        if verdict is None:
            held = await self.offload(self.store.vote, proposal)
            if held != proposal.report.payload_hash:
                # Another proposal came in while this one was being computed.
                verdict = Refusal(reason=Reason.VOTED_OTHERWISE, detail=f"here {held.hex()}")
        if verdict is None:
            self.meters.voted(self.topic.name)
            return self._sign(proposal)
        self.meters.refused(self.topic.name, verdict.reason)
        _log.info(
            "refused to sign",
            topic=self.topic.name,
            sequence=proposal.report.sequence,
            leader=sender,
            reason=verdict.reason.value,
            detail=verdict.detail,
        )
        return verdict

    async def witness(
        self, at: Block, configuration: Configuration, votes: Sequence[Vote]
    ) -> list[tuple[str, Vote]]:
        """Keep others' votes whose signatures hold; returns them with their members.

        Raises the bar for own votes if one of this member's key turns up that its memory doesn't hold: the
        memory was restored, or somebody else has the key.
        """
        current = self.schedule.sequence_at(at.timestamp)
        known: list[tuple[str, Vote]] = []
        for vote in votes:
            report = vote.report
            recent = current - _REMEMBERED <= report.sequence <= current + 1
            if report.topic != self.topic_id or report.config_digest != configuration.digest or not recent:
                continue
            try:
                member = self.signing.signer(report_message(self.domain, report), vote.signature)
            except SignatureInvalid:
                continue
            if member not in configuration.members:
                continue
            if member == self.signing.address:
                await self._recognise(vote, current)
            else:
                await self.offload(self.store.witness, member, vote)
            known.append((member, vote))
        return known

    async def _tell(self, at: Block, configuration: Configuration, request: FreezeRequest) -> Answer:
        sequence = request.sequence
        if request.topic != self.topic_id:
            return Refusal(reason=Reason.UNKNOWN_TOPIC, detail=request.topic.hex())
        if request.config_digest != configuration.digest:
            return Refusal(reason=Reason.OTHER_CONFIGURATION, detail=configuration.digest.hex())
        current = self.schedule.sequence_at(at.timestamp)
        moment = await self.moment(sequence, at) if sequence == current else None
        if moment is None:
            return Refusal(reason=Reason.SEQUENCE_NOT_OPEN, detail=f"here sequence {current} is open")
        frozen = await self.freeze(moment)
        key = (configuration.digest, self.topic_id, sequence)
        held: Proposal | None = await self.offload(self.store.held, *key)
        votes: list[tuple[str, Vote]] = await self.offload(self.store.witnessed, *key)
        own = [self._sign(held)] if held is not None else []
        return Frozen(observations=frozen, held=held, votes=tuple(own + [vote for _, vote in votes]))

    async def _judge(
        self, at: Block, configuration: Configuration, sender: str, proposal: Proposal
    ) -> Refusal | None:
        report = proposal.report
        latest = await self.chain.latest()
        situation = Situation(
            domain=self.domain,
            topic=self.topic_id,
            schedule=self.schedule,
            configuration=configuration,
            now=at.timestamp,
            accepted=await self.chain.last_sequence(self.topic_id, latest),
            voted=await self.offload(self.store.voted, *report.round),
            votes_from=self.votes_from,
        )
        if (refusal := admit(situation, sender, proposal)) is not None:
            return refusal
        moment = await self.moment(report.sequence, at)
        if moment is None:
            return Refusal(reason=Reason.UNKNOWN_BLOCK, detail="the topic was not open before the slot")
        frozen: tuple[Observation, ...] | None = await self.offload(
            self.store.frozen, self.topic_id, report.sequence
        )
        if (refusal := compare(situation, moment, frozen, proposal)) is not None:
            return refusal
        if situation.voted == report.payload_hash:
            return None
        try:
            payload = await self.recompute(moment, proposal.observations)
        except ObservationRefused as refused:
            return Refusal(reason=Reason.OBSERVATION_REFUSED, detail=str(refused)[:512])
        if payload is None or keccak(payload) != report.payload_hash:
            own = "nothing to report" if payload is None else keccak(payload).hex()
            return Refusal(
                reason=Reason.DIFFERING_PAYLOAD, detail=f"proposed {report.payload_hash.hex()}, here {own}"
            )
        return None

    def _sign(self, proposal: Proposal) -> Vote:
        """Sign what the store holds a vote for."""
        report = proposal.report
        return Vote(report=report, signature=self.signing.sign(report_message(self.domain, report)))

    async def _recognise(self, vote: Vote, current: int) -> None:
        held = await self.offload(self.store.voted, *vote.report.round)
        if held == vote.report.payload_hash:
            return
        self.votes_from = max(self.votes_from, current + 1, vote.report.sequence + 1)
        _log.error(
            "this member's key signed a vote that its memory does not hold; it abstains: the state folder "
            "was restored from a backup, or another process has the key",
            topic=self.topic.name,
            sequence=vote.report.sequence,
            votes_from=self.votes_from,
        )
