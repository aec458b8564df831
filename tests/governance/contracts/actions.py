"""What random proposals call: plain targets, the Governor's own rules, relays, the timelock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from oracles.chain.block import Call

from .peers import UNIT, ZERO, Side, World, calldata

HUGE = 2**256 - 1
SECONDS = (0, 1, 10, 20, 30, 100, 300, 600, 2**24 - 1, 2**24, 2**48 - 1)
FRACTIONS = (0, 1, 20, 30, 40, 50, 60, 100, 101, HUGE)
SETTERS: dict[str, tuple[int, ...]] = {
    "setVotingDelay(uint48)": SECONDS,
    "setVotingPeriod(uint32)": (0, 1, 10, 30, 100, 600, 2**24 - 1, 2**24, 2**32 - 1),
    "setProposalThreshold(uint256)": (0, UNIT, 60 * UNIT, HUGE),
    "updateQuorumNumerator(uint256)": FRACTIONS,
    "updateSuperQuorumNumerator(uint256)": FRACTIONS,
    "setLateQuorumVoteExtension(uint48)": SECONDS,
}
"""The Governor's rules that are numbers, with values at and beyond their edges."""

PLACES = ("target", "governor", "timelock", "spare", "token", "person", "nobody")


@dataclass(frozen=True)
class Action:
    """A call that a proposal makes, before it is known on which side."""

    kind: str
    what: str = ""
    number: int = 0
    value: int = 0
    tail: bytes = b""
    """Bytes after the arguments, which no decoder looks at."""

    def __repr__(self) -> str:
        parts = [self.kind, self.what, str(self.number), f"value={self.value}" if self.value else ""]
        return f"<{' '.join(part for part in parts if part)}{' + tail' if self.tail else ''}>"

    def call(self, world: World, side: Side) -> Call:
        """The call on one side."""
        to, data = _BUILDERS[self.kind](self, world, side)
        return Call(to, data + self.tail, self.value)


def place(name: str, world: World, side: Side) -> str:
    """An address by what it is."""
    return {
        "target": world.target,
        "governor": side.governor,
        "timelock": side.timelock,
        "spare": side.spare,
        "token": world.token,
        "person": world.people[0],
        "nobody": ZERO,
    }[name]


def _set_rule(action: Action, world: World, side: Side) -> tuple[str, bytes]:
    return side.governor, calldata(action.what, action.number)


def _set_guardian(action: Action, world: World, side: Side) -> tuple[str, bytes]:
    guardian = [*world.people, ZERO][action.number % (len(world.people) + 1)]
    return side.governor, calldata("setProposalGuardian(address)", guardian)


def _update_timelock(action: Action, world: World, side: Side) -> tuple[str, bytes]:
    return side.governor, calldata("updateTimelock(address)", place(action.what, world, side))


def _relay(action: Action, world: World, side: Side) -> tuple[str, bytes]:
    data = {
        "target": calldata("set_number(uint256)", action.number),
        "governor": calldata("setVotingDelay(uint48)", action.number),
        "timelock": calldata("getMinDelay()"),
        "token": calldata("delegate(address)", world.people[0]),
    }.get(action.what, b"")
    inner = calldata("relay(address,uint256,bytes)", place(action.what, world, side), action.value, data)
    return side.governor, inner


def _target(action: Action, world: World, side: Side) -> tuple[str, bytes]:
    if action.what == "set_number(uint256)":
        return world.target, calldata(action.what, action.number)
    return world.target, calldata(action.what)


def _pay(action: Action, world: World, side: Side) -> tuple[str, bytes]:
    return place(action.what, world, side), b""


def _update_delay(action: Action, world: World, side: Side) -> tuple[str, bytes]:
    return side.timelock, calldata("updateDelay(uint256)", action.number)


def _to_governor(action: Action, world: World, side: Side) -> tuple[str, bytes]:
    arguments: dict[str, tuple[Any, ...]] = {
        "castVote(uint256,uint8)": (action.number, 1),
        "cancel(uint256)": (action.number,),
        "state(uint256)": (action.number,),
        "clock()": (),
        "nothingOfTheKind()": (),
    }
    return side.governor, calldata(action.what, *arguments[action.what])


def _garbage(action: Action, world: World, side: Side) -> tuple[str, bytes]:
    return place(action.what, world, side), b"\xde\xad\xbe\xef"[: action.number % 5]


_BUILDERS: dict[str, Callable[[Action, World, Side], tuple[str, bytes]]] = {
    "set rule": _set_rule,
    "set guardian": _set_guardian,
    "update timelock": _update_timelock,
    "relay": _relay,
    "target": _target,
    "pay": _pay,
    "update delay": _update_delay,
    "to Governor": _to_governor,
    "garbage": _garbage,
}

_values = st.sampled_from((0, 0, 0, 1, UNIT, 1_000 * UNIT))
_small = st.integers(0, 9)
_setters = st.sampled_from(sorted(SETTERS)).flatmap(
    lambda what: st.builds(Action, st.just("set rule"), st.just(what), st.sampled_from(SETTERS[what]))
)
_target_functions = ("set_number(uint256)", "set_number(uint256)", "refuse()", "refuse_silently()", "flood()")
_governor_functions = (
    "castVote(uint256,uint8)",
    "cancel(uint256)",
    "state(uint256)",
    "clock()",
    "nothingOfTheKind()",
)
_targets = st.sampled_from(_target_functions)


def _kind(
    kind: str, what: st.SearchStrategy[str], **more: st.SearchStrategy[Any]
) -> st.SearchStrategy[Action]:
    return st.builds(Action, st.just(kind), what, **more)


actions: st.SearchStrategy[Action] = st.one_of(
    _kind("target", _targets, number=_small),
    _kind("target", st.just("set_number(uint256)"), number=_small, value=_values),
    _setters,
    _setters,
    _kind("set guardian", st.just(""), number=_small),
    _kind("update timelock", st.sampled_from(("spare", "spare", "timelock", "target", "person"))),
    _kind("relay", st.sampled_from(PLACES), number=_small, value=_values),
    _kind("pay", st.sampled_from(PLACES), value=_values),
    _kind("update delay", st.just(""), number=st.sampled_from((0, 30, 1_000, 2**33, HUGE))),
    _kind("to Governor", st.sampled_from(_governor_functions), number=_small),
    _kind("garbage", st.sampled_from(PLACES), number=_small),
    st.builds(lambda action: Action(action.kind, action.what, action.number, tail=b"\0" * 32), _setters),
)
"""Any action. Those that change rules are as likely as all others together."""
