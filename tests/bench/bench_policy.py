"""Policy decisions a second on one core, beside cedarpy on the same names; and a policy's validation."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import cedarpy
from report import Row, write

from oracles.charter.decision import NodeDecider, Sample
from oracles.charter.document import load_policy
from oracles.charter.policy import MetricRule, Policy

METRICS = 1000
ROUNDS = 40
SECOND = 1_000_000_000
POLICIES = Path(__file__).parents[2] / "deploy" / "policies"


def best(work: Callable[[int], object], rounds: int = ROUNDS) -> float:
    """The least processor time of a round, in seconds: what the code takes when nobody else is in its way."""
    times = []
    for number in range(1, rounds + 1):
        began = time.thread_time()
        work(number)
        times.append(time.thread_time() - began)
    return min(times)


def decisions() -> list[Row]:
    """Type, precision, range and rate, over a policy of 1,000 metrics; every sample is allowed."""
    names = [f"metric_{number}" for number in range(METRICS)]
    policy = Policy(version="1", metrics={name: MetricRule() for name in names})
    samples: list[Sample] = [(name, "gauge", 12.25) for name in names]
    one, many = NodeDecider(policy), NodeDecider(policy)

    def each(number: int) -> None:
        now = number * SECOND
        decide = one.decide
        for name, kind, value in samples:
            decide(name, kind, value, now)

    def batch(number: int) -> None:
        if not all(many.decide_many(samples, number * SECOND)):
            raise SystemExit("a sample that the policy allows was denied")

    cedar = METRICS / best(lambda _: cedar_round(names), 3)
    peer = f"cedarpy {version('cedarpy')}, names only"
    return [
        Row("decision, one call each", METRICS / best(each), "1/s", peer, cedar, goal=">= 1_000_000"),
        Row("decision, 1,000 in a batch", METRICS / best(batch), "1/s", peer, cedar, goal=">= 1_000_000"),
    ]


def cedar_round(names: list[str]) -> None:
    """Let Cedar decide every name once, in one batch, by a policy that permits these names."""
    allowed = ", ".join(f'Metric::"{name}"' for name in names)
    policy = (
        f'permit(principal, action == Action::"collect", resource) when {{ [{allowed}].contains(resource) }};'
    )
    requests = [
        {
            "principal": 'Node::"n"',
            "action": 'Action::"collect"',
            "resource": f'Metric::"{name}"',
            "context": {},
        }
        for name in names
    ]
    results = cedarpy.is_authorized_batch(requests, policy, json.dumps([]))
    if not all(result.allowed for result in results):
        raise SystemExit("cedar denied a name that its policy permits")


def validations() -> list[Row]:
    """Reading and checking each worked policy."""
    return [
        Row(
            f"validate {path.stem}",
            best(lambda _, path=path: load_policy(path), 20) * 1000,  # type: ignore[misc]
            "ms",
            goal="<= 10",
        )
        for path in sorted(POLICIES.glob("*.yaml"))
    ]


def main() -> None:
    """Measure, print, and write build/bench/policy.json."""
    write("policy", [*decisions(), *validations()], {"cedarpy": version("cedarpy")})


if __name__ == "__main__":
    main()
