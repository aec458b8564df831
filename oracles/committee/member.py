"""One committee member for one topic: it sees, it answers, and when its turn comes it leads."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from eth_utils.crypto import keccak

from oracles.chain.block import Block
from oracles.committee.follower import Follower
from oracles.committee.lead import Ask, Compute, Finish, Idle, Lead, Propose, VoteSelf
from oracles.committee.messages import FreezeRequest, Frozen, Proposal, Refusal, Request, Vote, Votes
from oracles.committee.report import Report, report_message
from oracles.committee.schedule import leader
from oracles.committee.share import within_share
from oracles.committee.topic import Moment, Observation, ObservationRefused
from oracles.committee.view import Configuration, Peers, Submitter

_BULK_KEPT = 64  # sequences for which observations and proposals stay in the store


class ImpureTopicError(Exception):
    """A topic gave two payloads for the same observations: a fault in the topic's code."""


_log = structlog.get_logger(__name__)


class Member:
    """Drives a `Follower` through time: call `step` at each new block and now and then between."""

    def __init__(self, follower: Follower, peers: Peers, submitter: Submitter) -> None:
        self.follower = follower
        self._peers = peers
        self._submitter = submitter
        self._lead: tuple[tuple[bytes, int, int], Lead] | None = None
        self._proven: set[tuple[str, bytes, int]] = set()

    async def step(self) -> str:
        """Do what is due now; returns what this member waits for, for `status`. Raises `ChainDoubt`,
        `ChainStop`.
        """
        follower = self.follower
        at = await follower.chain.finalized()
        configuration = await follower.chain.configuration(at)
        await self._show_double_votes(configuration)
        if follower.signing.address not in configuration.members:
            return "not a member"
        sequence = follower.schedule.sequence_at(at.timestamp)
        follower.meters.open(follower.topic.name, sequence)
        latest = await follower.chain.latest()
        if await follower.chain.last_sequence(follower.topic_id, latest) >= sequence:
            return f"sequence {sequence} is accepted"
        moment = await follower.moment(sequence, at)
        if moment is None:
            return f"sequence {sequence} has no block before it"
        frozen = await follower.freeze(moment)
        turn = follower.schedule.turn_at(sequence, at.timestamp)
        due = leader(configuration.members, sequence, turn)
        if due != follower.signing.address:
            return f"sequence {sequence} is led by {due}"
        return await self._lead_on(at, configuration, moment, turn, frozen)

    async def _lead_on(
        self,
        at: Block,
        configuration: Configuration,
        moment: Moment,
        turn: int,
        frozen: tuple[Observation, ...],
    ) -> str:
        follower = self.follower
        key = (configuration.digest, moment.sequence, turn)
        if self._lead is None or self._lead[0] != key:
            lead = Lead(follower.signing.address, configuration)
            await self._recall(lead, configuration, moment, frozen)
            self._lead = (key, lead)
            await follower.offload(follower.store.forget, follower.topic_id, moment.sequence - _BULK_KEPT)
        lead = self._lead[1]
        lead.begin_step()
        while True:
            match lead.next():
                case Idle(why):
                    return f"leading sequence {moment.sequence}: {why}"
                case Ask(members):
                    await self._ask(lead, at, configuration, moment, members)
                case Compute(observations):
                    lead.computed(
                        observations, await self._compute(configuration, moment, turn, observations)
                    )
                case Propose(proposal, members):
                    await self._propose(lead, at, configuration, _in_turn(proposal, turn), members)
                case VoteSelf(proposal):
                    proposal = _in_turn(proposal, turn)
                    answer = await follower.consider(at, configuration, follower.signing.address, proposal)
                    self._take(lead, follower.signing.address, proposal, answer)
                case Finish(proposal, report, votes):
                    await self._hand_in(moment, configuration, proposal, report, votes)
                    lead.handed_in()

    async def _recall(
        self, lead: Lead, configuration: Configuration, moment: Moment, frozen: tuple[Observation, ...]
    ) -> None:
        """Begin with what this member itself saw, voted and heard."""
        follower = self.follower
        key = (configuration.digest, follower.topic_id, moment.sequence)
        lead.frozen(follower.signing.address, frozen)
        held: Proposal | None = await follower.offload(follower.store.held, *key)
        if held is not None:
            lead.held(held)
            signature = follower.signing.sign(report_message(follower.domain, held.report))
            lead.voted(follower.signing.address, Vote(report=held.report, signature=signature))
        known: list[tuple[str, Vote]] = await follower.offload(follower.store.witnessed, *key)
        for member, vote in known:
            lead.voted(member, vote)

    async def _ask(
        self, lead: Lead, at: Block, configuration: Configuration, moment: Moment, members: Sequence[str]
    ) -> None:
        follower = self.follower
        request = FreezeRequest(
            topic=follower.topic_id, sequence=moment.sequence, config_digest=configuration.digest
        )
        answers = await self._peers.ask(dict.fromkeys(members, request))
        for member, answer in sorted(answers.items()):
            if not isinstance(answer, Frozen):
                continue
            # What is over a member's share would go in no proposal; it is not worth verifying.
            shown = within_share(answer.observations, len(configuration.members))
            lead.frozen(member, await self._verified(moment, shown))
            votes = await follower.witness(at, configuration, answer.votes)
            for voter, vote in votes:
                if vote.report.sequence == moment.sequence:
                    lead.voted(voter, vote)
            held = answer.held
            if (
                held is not None
                and _is_voted_for(held, member, votes)
                and await self._is_sound(configuration, moment, held)
            ):
                lead.held(held)

    async def _verified(self, moment: Moment, observations: Sequence[Observation]) -> tuple[Observation, ...]:
        good = []
        for observation in observations:
            try:
                await self.follower.topic.verify(moment, observation)
            except ObservationRefused as refused:
                _log.warning("observation dropped", sequence=moment.sequence, reason=str(refused))
            else:
                good.append(observation)
        return tuple(good)

    async def _is_sound(self, configuration: Configuration, moment: Moment, proposal: Proposal) -> bool:
        """Whether a proposal that somebody voted for is one that honest members could vote for, too."""
        report = proposal.report
        expected = self._report(configuration, moment, report.payload_hash, report.deadline)
        if report != expected or not self.follower.schedule.is_bounded(report.sequence, report.deadline):
            return False
        try:
            payload = await self.follower.recompute(moment, proposal.observations)
        except ObservationRefused:
            return False
        return payload is not None and keccak(payload) == report.payload_hash

    async def _compute(
        self, configuration: Configuration, moment: Moment, turn: int, observations: tuple[Observation, ...]
    ) -> Proposal | None:
        good = await self._verified(moment, observations)
        payload = await self.follower.recompute(moment, good)
        if payload is None:
            return None
        report = self._report(configuration, moment, keccak(payload), moment.deadline)
        return Proposal(
            chain_id=self.follower.domain.chain_id,
            contract=self.follower.domain.contract,
            turn=turn,
            block_hash=moment.block.hash,
            report=report,
            observations=good,
        )

    async def _propose(
        self,
        lead: Lead,
        at: Block,
        configuration: Configuration,
        proposal: Proposal,
        members: Sequence[str],
    ) -> None:
        requests: dict[str, Request] = dict.fromkeys(members, proposal)
        for member, answer in sorted((await self._peers.ask(requests)).items()):
            if isinstance(answer, Vote):
                for voter, vote in await self.follower.witness(at, configuration, [answer]):
                    if voter == member and vote.report == proposal.report:
                        lead.voted(member, vote)
            elif isinstance(answer, Refusal):
                self._take(lead, member, proposal, answer)

    def _take(self, lead: Lead, member: str, proposal: Proposal, answer: Vote | Refusal) -> None:
        if isinstance(answer, Vote):
            lead.voted(member, answer)
            return
        _log.info(
            "no vote",
            sequence=proposal.report.sequence,
            member=member,
            reason=answer.reason.value,
            detail=answer.detail,
        )
        lead.refused(member, proposal, answer)

    async def _hand_in(
        self,
        moment: Moment,
        configuration: Configuration,
        proposal: Proposal,
        report: Report,
        votes: tuple[Vote, ...],
    ) -> None:
        payload = await self.follower.topic.payload(moment, proposal.observations)
        if payload is None or keccak(payload) != report.payload_hash:
            raise ImpureTopicError(
                f"topic {moment.topic} computed two payloads for sequence {moment.sequence}: "
                "it is not a pure function"
            )
        await self._submitter.submit(report, payload, [vote.signature for vote in votes])
        self.follower.meters.handed_in(moment.topic)
        _log.info("report handed in", topic=moment.topic, sequence=moment.sequence, votes=len(votes))
        # So that a double vote shows, and nobody else has to gather the votes again.
        others = [member for member in configuration.members if member != self.follower.signing.address]
        await self._peers.ask(dict.fromkeys(others, Votes(votes=votes)))

    async def _show_double_votes(self, configuration: Configuration) -> None:
        for double in await self.follower.offload(self.follower.store.double_votes):
            key = (double.member, double.first.report.config_digest, double.first.report.sequence)
            if double.member in configuration.members and key not in self._proven:
                _log.error(
                    "a member voted twice", member=double.member, sequence=double.first.report.sequence
                )
                await self._submitter.prove(double)
                self.follower.meters.double_vote(self.follower.topic.name)
                self._proven.add(key)

    def _report(
        self, configuration: Configuration, moment: Moment, payload_hash: bytes, deadline: int
    ) -> Report:
        return Report(
            topic=self.follower.topic_id,
            sequence=moment.sequence,
            observed_block=moment.block.number,
            payload_hash=payload_hash,
            config_digest=configuration.digest,
            deadline=deadline,
        )


def _is_voted_for(proposal: Proposal, member: str, votes: Sequence[tuple[str, Vote]]) -> bool:
    """Whether the votes show that the member voted for the proposal's payload."""
    payload_hash = proposal.report.payload_hash
    return any(voter == member and vote.report.payload_hash == payload_hash for voter, vote in votes)


def _in_turn(proposal: Proposal, turn: int) -> Proposal:
    return proposal.model_copy(update={"turn": turn})
