"""How much of what one member saw fits a proposal, which holds what all members saw. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from oracles.committee.messages import MAX_MESSAGE_BYTES, MAX_OBSERVATIONS
from oracles.committee.topic import Observation

_AROUND = len('{"source":"","body":""},')


@dataclass
class Share:
    """Room for one member's observations, where `members` of them share a proposal.

    All shares together fill half a message: an answer holds a member's own observations beside the proposal
    that it voted for.
    """

    count: int
    wire_bytes: int

    @classmethod
    def of(cls, members: int) -> Share:
        """One of so many equal shares, still empty."""
        return cls(MAX_OBSERVATIONS // members, MAX_MESSAGE_BYTES // 2 // members)

    def takes(self, observation: Observation) -> bool:
        """Whether there is room for one more; if so, it is taken."""
        size = wire_bytes(observation)
        if self.count < 1 or self.wire_bytes < size:
            return False
        self.count -= 1
        self.wire_bytes -= size
        return True


def wire_bytes(observation: Observation) -> int:
    """An observation's size in a message: JSON, its body in base64."""
    return len(observation.source.encode()) + -(-len(observation.body) // 3) * 4 + _AROUND


def within_share(observations: Iterable[Observation], members: int) -> tuple[Observation, ...]:
    """Those, each once, that have room in one of so many members' shares; the first go first."""
    share = Share.of(members)
    return tuple(one for one in dict.fromkeys(observations) if share.takes(one))
