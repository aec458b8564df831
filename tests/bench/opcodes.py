"""Where a transaction's gas goes, by class of opcode: read from the devnet's step-by-step trace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

CLASSES = {
    "SLOAD": "SLOAD",
    "SSTORE": "SSTORE",
    "TLOAD": "transient",
    "TSTORE": "transient",
    "KECCAK256": "KECCAK256",
    "SHA3": "KECCAK256",
    "CALL": "CALL",
    "STATICCALL": "CALL",
    "DELEGATECALL": "CALL",
    "CREATE": "CREATE",
    "CREATE2": "CREATE",
    **{f"LOG{topics}": "LOG" for topics in range(5)},
    "MLOAD": "memory",
    "MSTORE": "memory",
    "MSTORE8": "memory",
    "MCOPY": "memory",
    "CALLDATACOPY": "memory",
    "CODECOPY": "memory",
    "EXTCODECOPY": "memory",
    "RETURNDATACOPY": "memory",
}
"""A call's own price counts as CALL, a precompile's work included; what runs inside counts by its opcodes. So
it is with a creation, whose price includes the code that is kept."""

REST = "rest"
INTRINSIC = "intrinsic"
REFUND = "refund"
ORDER = (
    INTRINSIC,
    "SSTORE",
    "SLOAD",
    "transient",
    "KECCAK256",
    "CALL",
    "CREATE",
    "LOG",
    "memory",
    REST,
    REFUND,
)


def profile(steps: Sequence[Mapping[str, Any]], data: bytes, gas_used: int) -> dict[str, Any]:
    """The gas and the number of opcodes of each class, and the gas spent inside called contracts.

    `steps` are `structLogs`, `data` the transaction's calldata, `gas_used` what its receipt says. The gas of
    the classes adds up to `gas_used`; a refund is negative.
    """
    gas: Counter[str] = Counter()
    count: Counter[str] = Counter()
    inside = 0
    for step, cost in zip(steps, own_costs(steps), strict=True):
        kind = CLASSES.get(step["op"], REST)
        gas[kind] += cost
        count[kind] += 1
        inside += cost if step["depth"] > 1 else 0
    zeros = data.count(0)
    gas[INTRINSIC] = 21_000 + 4 * zeros + 16 * (len(data) - zeros)
    gas[REFUND] = gas_used - gas.total()
    return {
        "gas": {kind: gas[kind] for kind in ORDER},
        "count": dict(count),
        "inside_calls": inside,
        "gas_used": gas_used,
    }


def share(whole: Mapping[str, Any], parts: int) -> dict[str, Any]:
    """One of a profile's equal parts, rounded down."""
    return {
        key: {kind: number // parts for kind, number in value.items()}
        if key in {"gas", "count"}
        else value // parts
        for key, value in whole.items()
    }


def own_costs(steps: Sequence[Mapping[str, Any]]) -> list[int]:
    """What each step cost by itself: the gas that a call hands on and gets back is not its own.

    The price printed with a step includes what is handed on, so costs are taken from the gas that is left.
    """
    costs = [int(step["gasCost"]) for step in steps]
    waiting: list[
        tuple[int, int]
    ] = []  # at each depth above: the call's position, the gas its callee began with
    for index, step in enumerate(steps[:-1]):
        following = steps[index + 1]
        if following["depth"] > step["depth"]:
            waiting.append((index, following["gas"]))
        elif following["depth"] < step["depth"]:
            call, begun = waiting.pop()
            spent = begun - (step["gas"] - costs[index])
            costs[call] = steps[call]["gas"] - following["gas"] - spent
        else:
            costs[index] = step["gas"] - following["gas"]
    return costs


def show(name: str, ours: Mapping[str, Any], peer: Mapping[str, Any]) -> None:
    """Prints two profiles beside each other."""
    table = Table(title=f"{name}: gas by opcode", title_justify="left")
    for column in ("class", "ours", "times", "peer", "times", "ours - peer"):
        table.add_column(column, justify="left" if column == "class" else "right")
    for kind in ORDER:
        own, other = ours["gas"][kind], peer["gas"][kind]
        times = [str(side["count"].get(kind, "-")) for side in (ours, peer)]
        table.add_row(kind, f"{own:,}", times[0], f"{other:,}", times[1], f"{own - other:+,}")
    for label, key in (("all", "gas_used"), ("of it inside calls", "inside_calls")):
        own, other = ours[key], peer[key]
        table.add_row(label, f"{own:,}", "", f"{other:,}", "", f"{own - other:+,}")
    Console(width=100).print(table)
