"""Gas by opcode: what a call hands on is not its own, and the classes add up to the receipt."""

from __future__ import annotations

from typing import Any

import opcodes


def step(op: str, gas: int, cost: int, depth: int = 1) -> dict[str, Any]:
    """One line of a trace: the gas left before the opcode, and the price printed with it."""
    return {"op": op, "gas": gas, "gasCost": cost, "depth": depth}


NESTED = [
    step("SLOAD", 1_000, 100),
    step("CALL", 900, 600),  # 100 for itself, 500 handed on
    step("SSTORE", 500, 200, depth=2),
    step("STOP", 300, 0, depth=2),  # 300 come back
    step("LOG1", 600, 50),
    step("STOP", 550, 0),
]


def test_what_a_call_hands_on_is_not_its_own() -> None:
    assert opcodes.own_costs(NESTED) == [100, 100, 200, 0, 50, 0]


def test_a_call_of_a_precompile_costs_what_that_does() -> None:
    steps = [step("STATICCALL", 5_000, 4_900), step("STOP", 1_900, 0)]
    assert opcodes.own_costs(steps) == [3_100, 0]


def test_calls_within_calls_are_told_apart() -> None:
    steps = [
        step("CALL", 1_000, 900),  # 100 for itself, 800 handed on
        step("DELEGATECALL", 800, 700, depth=2),  # 50 for itself, 650 handed on
        step("SLOAD", 650, 100, depth=3),
        step("STOP", 550, 0, depth=3),
        step("STOP", 650, 0, depth=2),
        step("STOP", 750, 0),
    ]
    assert opcodes.own_costs(steps) == [100, 50, 100, 0, 0, 0]


def test_the_classes_add_up_to_the_receipt() -> None:
    data = bytes([0, 0, 7])
    used = 21_000 + 2 * 4 + 16 + 450 - 90  # a refund of 90
    found = opcodes.profile(NESTED, data, used)
    assert sum(found["gas"].values()) == used
    assert found["gas"]["refund"] == -90
    assert (found["gas"]["CALL"], found["gas"]["SSTORE"], found["inside_calls"]) == (100, 200, 200)


def test_a_share_is_of_gas_and_of_numbers() -> None:
    half = opcodes.share(opcodes.profile(NESTED, b"", 21_450), 2)
    assert (half["gas_used"], half["gas"]["SLOAD"], half["inside_calls"]) == (10_725, 50, 100)
    assert half["count"]["rest"] == 1
