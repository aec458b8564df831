"""Where our Governor is meant to answer otherwise than the reference's. Every other difference is a fault.

docs/governance.md tells members the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from eth_utils.crypto import keccak

from .actions import Action
from .peers import Outcome, selector

MAX_ANSWER = 1_024
"""contracts/governance/bounds.vy: the most of a stranger's answer that is copied."""

PANIC_ARITHMETIC = selector("Panic(uint256)") + (0x11).to_bytes(32, "big")
PANIC_EMPTY = selector("Panic(uint256)") + (0x31).to_bytes(32, "big")

OWN_EVENTS = frozenset({bytes(keccak(text="CallReserved(address,bytes4,bytes32)"))})
"""Events that ours has beside the reference's: to name an executor reserves it."""

EXTENDED = bytes(keccak(text="ProposalExtended(uint256,uint64)"))
EXTENDED_BY_NOTHING = "a quorum of nothing is reached with the first vote that a quorum counts"
"""The reference has it reached with the first vote of any kind, against or of no weight too, and computes the
one extension then. From there on the deadlines differ, and there is nothing left to compare.
"""


@dataclass(frozen=True)
class Difference:
    """One that is meant: what it is, why, and how it shows in what both answer to a step that is about a
    proposal of these calls.
    """

    what: str
    why: str
    shows: Callable[[Outcome, Outcome, Sequence[Action]], bool]


def _error(outcome: Outcome, signature: str) -> bool:
    return not outcome.ok and outcome.data[:4] == selector(signature)


def _reason(outcome: Outcome, text: str) -> bool:
    return _error(outcome, "Error(string)") and text.encode() in outcome.data


def _relays_to_power(calls: Sequence[Action]) -> bool:
    return any(call.kind == "relay" and call.what in ("governor", "timelock", "spare") for call in calls)


def _names_an_executor(calls: Sequence[Action]) -> bool:
    return any(call.kind == "update timelock" for call in calls)


INTENDED = (
    Difference(
        "relay refuses the Governor and executors, with GovernorUnpinnedCall",
        "what the Governor may do itself, it may do on every track",
        lambda ours, _, calls: (
            _error(ours, "GovernorUnpinnedCall(address,bytes4)") and _relays_to_power(calls)
        ),
    ),
    Difference(
        "updateTimelock refuses what does not obey the Governor, and what was an executor before, with"
        " GovernorInvalidTrack",
        "to name an executor reserves it for its track, and a wrong one would end all governance",
        lambda ours, _, calls: _error(ours, "GovernorInvalidTrack(bytes32)") and _names_an_executor(calls),
    ),
    Difference(
        "a rule is set by the arguments alone: with bytes after them it is refused as if nothing was decided",
        "the mandate is for the call as it is encoded",
        lambda ours, _, calls: ours == Outcome(False, PANIC_EMPTY) and any(call.tail for call in calls),
    ),
    Difference(
        "what follows updateTimelock in its own proposal is done by the executor that it replaces",
        "a proposal's mandates are given before its first call",
        lambda ours, theirs, calls: (
            _error(theirs, "GovernorOnlyExecutor(address)") and _names_an_executor(calls[:-1])
        ),
    ),
    Difference(
        "the guardian cannot cancel a proposal that only replaces it (or the co-signer)",
        "nobody's removal needs its own consent",
        lambda ours, theirs, calls: (
            _error(ours, "GovernorUnableToCancel(uint256,address)")
            and theirs.ok
            and {call.kind for call in calls} == {"set guardian"}
        ),
    ),
    Difference(
        "a voting delay is at most 2**24 - 1 seconds",
        "a proposal fits one slot",
        lambda ours, _, calls: (
            _reason(ours, "tracks: voting delay over 194 days")
            and any(call.what.startswith("setVotingDelay") and call.number >= 2**24 for call in calls)
        ),
    ),
    Difference(
        "a voting period is at most 2**24 - 1 seconds",
        "a proposal fits one slot",
        lambda ours, _, calls: (
            _error(ours, "GovernorInvalidVotingPeriod(uint256)")
            and any(call.what.startswith("setVotingPeriod") and call.number >= 2**24 for call in calls)
        ),
    ),
    Difference(
        "a proposal threshold is below 2**96",
        "so are all votes, and a track's terms fit one slot",
        lambda ours, _, calls: (
            _reason(ours, "tracks: threshold beyond all votes")
            and any(call.what.startswith("setProposalThreshold") and call.number >= 2**96 for call in calls)
        ),
    ),
    Difference(
        "nothing is queued for a time after the year 2242",
        "a tally fits one slot",
        lambda ours, _, __: _reason(ours, "proposals: time of execution after 2242"),
    ),
    Difference(
        "a sum that overflows reverts without data",
        "Vyper has no panic codes",
        lambda ours, theirs, _: ours == Outcome(False, b"") and theirs == Outcome(False, PANIC_ARITHMETIC),
    ),
    Difference(
        "of an answer with which a call reverts 1,024 bytes are handed on",
        "a called stranger cannot burn the caller's gas",
        lambda ours, theirs, _: (
            not ours.ok
            and not theirs.ok
            and len(theirs.data) > MAX_ANSWER == len(ours.data)
            and theirs.data.startswith(ours.data)
        ),
    ),
)
