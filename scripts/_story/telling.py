"""Telling the story: step by step, until one does not hold."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from scripts._story.processes import StoryFault
from scripts._story.steps import STORY, NotHereFault
from scripts._story.world import World


class Outcome(StrEnum):
    """How a step ended."""

    HELD = "held"
    FAILED = "did not hold"
    NOT_HERE = "not possible here"


@dataclass(frozen=True)
class Told:
    """One step: what it is, what was verified (or what did not hold), how many seconds it took."""

    number: int
    title: str
    outcome: Outcome
    verified: str
    seconds: float


def tell(world: World) -> Iterator[Told]:
    """Takes the steps one after another and ends after the first that does not hold."""
    for number, (title, step) in enumerate(STORY, start=1):
        world.say(title)
        start = time.monotonic()
        try:
            verified, outcome = step(world), Outcome.HELD
        except NotHereFault as fault:
            verified, outcome = str(fault), Outcome.NOT_HERE
        except StoryFault as fault:
            verified, outcome = str(fault), Outcome.FAILED
        except Exception as fault:
            verified, outcome = f"{type(fault).__name__}: {fault}", Outcome.FAILED
        yield Told(number, title, outcome, verified, time.monotonic() - start)
        if outcome is Outcome.FAILED:
            return
