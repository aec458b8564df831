"""What a domain has to bring so that the committee can report on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol

import pydantic
from eth_utils.crypto import keccak
from pydantic import Field

from oracles.chain.block import Block
from oracles.committee.encoding import STRICT, Body

MAX_PAYLOAD_BYTES = 4096
"""The bound that OracleCommittee puts on a payload."""


class ObservationRefused(Exception):
    """An observation is not what its source signed, or does not fit the chain at the moment's block."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(f"observation of {source} refused: {reason}")
        self.source = source
        self.reason = reason


@dataclass(frozen=True)
class Moment:
    """What a report is about: a topic's sequence, and the block at which the chain is read.

    `deadline` is in seconds of chain time: no block later than that takes the report.
    """

    topic: str
    sequence: int
    block: Block
    deadline: int


@pydantic.dataclasses.dataclass(frozen=True, order=True, config=STRICT)
class Observation:
    """Something seen outside the chain that proves itself, e.g. by the signature of a key registered
    on-chain.

    `source` names who it is about, e.g. a node's id in hexadecimal; `body` is the topic's own encoding.
    """

    source: Annotated[str, Field(max_length=128)]
    body: Body

    @property
    def digest(self) -> bytes:
        """What makes it the same observation."""
        return keccak(keccak(text=self.source) + self.body)


class Topic(Protocol):
    """One domain's reports."""

    name: str

    async def observe(self, moment: Moment) -> list[Observation]:
        """Ask the outside world. Bounded in time and size; a source that fails is left out, never raised."""

    async def verify(self, moment: Moment, observation: Observation) -> None:
        """Check one observation against the chain at the moment's block; raises `ObservationRefused`."""

    async def payload(self, moment: Moment, observations: Sequence[Observation]) -> bytes | None:
        """What to report: a pure function of verified observations and the chain at the moment's block.

        None where there is nothing to report. At most `MAX_PAYLOAD_BYTES`.
        """


def topic_id(name: str) -> bytes:
    """The 32 bytes by which contracts know a topic."""
    return keccak(text=name)
