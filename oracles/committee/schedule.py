"""When a sequence is open and who leads it: pure functions of chain time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """A topic's rhythm, in seconds of chain time. All members must have the same.

    One sequence per slot. Leaders take turns every `turn_seconds` within it. A report is accepted until
    `grace_seconds` after the slot: it has to cover the finality lag, since members act on what is final and
    the deadline is read against the newest block.
    """

    slot_seconds: int
    grace_seconds: int
    turn_seconds: int

    def __post_init__(self) -> None:
        if not 0 < self.turn_seconds <= self.slot_seconds:
            raise ValueError(f"a turn of {self.turn_seconds} s does not fit a slot of {self.slot_seconds} s")
        if self.grace_seconds < 0:
            raise ValueError(f"the grace of {self.grace_seconds} s is negative")

    def sequence_at(self, time: int) -> int:
        """The sequence whose slot `time` lies in."""
        return time // self.slot_seconds

    def start(self, sequence: int) -> int:
        """When a sequence's slot begins."""
        return sequence * self.slot_seconds

    def end(self, sequence: int) -> int:
        """When a sequence's slot ends."""
        return self.start(sequence + 1)

    def deadline(self, sequence: int) -> int:
        """Until when a sequence's report may be accepted."""
        return self.end(sequence) + self.grace_seconds

    def is_bounded(self, sequence: int, deadline: int) -> bool:
        """Whether a proposed deadline is the schedule's own.

        An earlier one would do nothing but harm: a leader could gather k votes that expire before the chain
        takes them, and later leaders, who finish what was signed, would lose the sequence with it.
        """
        return deadline == self.deadline(sequence)

    def turn_at(self, sequence: int, time: int) -> int:
        """How many leaders have had their turn on a sequence by `time`; 0 at its start, and it goes on after
        its end.
        """
        return max(0, time - self.start(sequence)) // self.turn_seconds


def leader(members: Sequence[str], sequence: int, turn: int) -> str:
    """Whose turn it is. Each sequence begins with the next member, so a dead one delays a sequence in n at
    most.
    """
    return members[(sequence + turn) % len(members)]
