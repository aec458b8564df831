"""What an oracle without a key does: it computes what it would report, says so, and signs nothing."""

from __future__ import annotations

import structlog
from eth_utils.crypto import keccak

from oracles.committee.follower import open_moment
from oracles.committee.schedule import Schedule
from oracles.committee.topic import Topic
from oracles.committee.view import ChainView

_log = structlog.get_logger(__name__)


class Rehearsal:
    """A dry run of one topic: call `step` at each new block."""

    def __init__(self, topic: Topic, schedule: Schedule, chain: ChainView) -> None:
        self._topic = topic
        self._schedule = schedule
        self._chain = chain
        self._done = -1

    async def step(self) -> str:
        """Compute the open sequence's payload once; returns what it came to, for `status`."""
        at = await self._chain.finalized()
        sequence = self._schedule.sequence_at(at.timestamp)
        if sequence == self._done:
            return f"dry run: sequence {sequence} was computed"
        moment = await open_moment(self._chain, self._schedule, self._topic.name, sequence, at)
        if moment is None:
            return f"dry run: sequence {sequence} has no block before it"
        seen = await self._topic.observe(moment)
        payload = await self._topic.payload(moment, seen)
        self._done = sequence
        told = "nothing" if payload is None else f"0x{keccak(payload).hex()}"
        _log.info(
            "dry run: would report",
            topic=self._topic.name,
            sequence=sequence,
            observations=len(seen),
            payload_hash=told,
        )
        return f"dry run: sequence {sequence} would report {told}"
