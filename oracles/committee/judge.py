"""Whether a proposal may be signed, as far as that can be told without computing its payload. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from oracles.chain.typed import Domain
from oracles.committee.messages import MAX_MESSAGE_BYTES, Proposal, Reason, Refusal
from oracles.committee.schedule import Schedule, leader
from oracles.committee.share import wire_bytes
from oracles.committee.topic import Moment, Observation
from oracles.committee.view import Configuration

_TURNS_APART = 1  # members see finality at slightly different times


@dataclass(frozen=True)
class Situation:
    """What a member knows when a proposal arrives. `now` is the finalized block's time in seconds.

    `voted` is the payload hash it voted for in this round, `votes_from` the first sequence it votes on anew.
    """

    domain: Domain
    topic: bytes
    schedule: Schedule
    configuration: Configuration
    now: int
    accepted: int
    voted: bytes | None
    votes_from: int


def admit(situation: Situation, sender: str, proposal: Proposal) -> Refusal | None:
    """Refuse what is meant for elsewhere or another time, or comes from somebody whose turn it isn't."""
    report = proposal.report
    configuration, schedule = situation.configuration, situation.schedule
    if sender not in configuration.members:
        return Refusal(reason=Reason.NOT_A_MEMBER, detail=sender)
    if proposal.chain_id != situation.domain.chain_id:
        return _differs(Reason.WRONG_CHAIN, proposal.chain_id, situation.domain.chain_id)
    if proposal.contract != situation.domain.contract:
        return _differs(Reason.WRONG_CONTRACT, proposal.contract, situation.domain.contract)
    if report.topic != situation.topic:
        return _differs(Reason.UNKNOWN_TOPIC, report.topic.hex(), situation.topic.hex())
    if report.config_digest != configuration.digest:
        return _differs(Reason.OTHER_CONFIGURATION, report.config_digest.hex(), configuration.digest.hex())
    if report.sequence > schedule.sequence_at(situation.now):
        return _differs(Reason.SEQUENCE_NOT_OPEN, report.sequence, schedule.sequence_at(situation.now))
    if report.sequence <= situation.accepted:
        return _differs(Reason.SEQUENCE_ACCEPTED, report.sequence, situation.accepted)
    if not schedule.is_bounded(report.sequence, report.deadline):
        return _differs(Reason.DEADLINE_OUT_OF_BOUNDS, report.deadline, schedule.deadline(report.sequence))
    if report.deadline < situation.now:
        return _differs(Reason.DEADLINE_PASSED, report.deadline, situation.now)
    turn = schedule.turn_at(report.sequence, situation.now)
    if abs(proposal.turn - turn) > _TURNS_APART:
        return _differs(Reason.NOT_THE_LEADER, f"turn {proposal.turn}", f"turn {turn}")
    if sender != (due := leader(configuration.members, report.sequence, proposal.turn)):
        return _differs(Reason.NOT_THE_LEADER, sender, due)
    if sum(map(wire_bytes, proposal.observations)) > MAX_MESSAGE_BYTES // 2:
        # A vote for it would silence this member: its answers hold the proposal that it voted for.
        return Refusal(reason=Reason.OBSERVATION_REFUSED, detail="all observations together are too large")
    return None


def compare(
    situation: Situation, moment: Moment, frozen: tuple[Observation, ...] | None, proposal: Proposal
) -> Refusal | None:
    """Refuse what contradicts this member's own chain, its earlier vote, or what it saw itself."""
    report = proposal.report
    if (report.observed_block, proposal.block_hash) != (moment.block.number, moment.block.hash):
        offered = f"{report.observed_block} (0x{proposal.block_hash.hex()})"
        return _differs(Reason.UNKNOWN_BLOCK, offered, moment.block)
    if situation.voted is not None:
        if situation.voted == report.payload_hash:
            return None
        return _differs(Reason.VOTED_OTHERWISE, report.payload_hash.hex(), situation.voted.hex())
    if report.sequence < situation.votes_from:
        return _differs(Reason.ABSTAINING, report.sequence, f"votes begin at {situation.votes_from}")
    if frozen is None:
        return Refusal(reason=Reason.NOT_FROZEN, detail=f"sequence {report.sequence}")
    offered_set = set(proposal.observations)
    missing = tuple(seen for seen in frozen if seen not in offered_set)
    if missing:
        sources = ", ".join(seen.source for seen in missing)
        return Refusal(reason=Reason.MISSING_OBSERVATION, detail=sources[:512], missing=missing)
    return None


def _differs(reason: Reason, offered: object, own: object) -> Refusal:
    return Refusal(reason=reason, detail=f"proposed {offered}, here {own}"[:512])
