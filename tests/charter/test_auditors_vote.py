"""An auditor votes on a case by its number, so the number has to be settled first."""

from __future__ import annotations

import pytest

from oracles.chain.block import Block
from oracles.chain.violation_registry import Case
from oracles.charter.on_chain import check_final
from oracles.charter.violation_report import NOBODY, NotSent

pytestmark = pytest.mark.anyio

FINALIZED = Block(9, b"\x09" * 32, b"\x08" * 32, 1000)


class FakeRegistry:
    """A registry that has one case at the finalized block."""

    async def case(self, case: int, at: Block) -> Case:
        assert at == FINALIZED
        return Case(bytes(32), NOBODY, 0, 0, status=1 if case == 1 else 0, severity=0, penalty=0)


async def test_a_final_case_can_be_voted_on() -> None:
    await check_final(FakeRegistry(), 1, FINALIZED)  # type: ignore[arg-type]


async def test_a_case_that_a_reorganisation_could_renumber_cannot() -> None:
    with pytest.raises(NotSent, match="case 2 is not in the finalized block 9"):
        await check_final(FakeRegistry(), 2, FINALIZED)  # type: ignore[arg-type]
