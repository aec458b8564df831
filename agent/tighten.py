"""What holds while the newest block's policy is not final yet: only what both policies allow.

So a tightening acts at the latest block, a loosening only at a finalized one, whatever an amendment mixes.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from oracles.charter.policy import MetricRule, Policy, forbidden_limit


def tighter(final: Policy, latest: Policy) -> Policy:
    """A policy that lets through what `final` and `latest` both let through, and nothing else.

    Everything else is taken from `latest`. Forbidden names beyond what a policy can hold are left out, those
    of `final` first: they are denied as unknown ones.
    """
    metrics: dict[str, MetricRule] = {}
    for name in final.metrics.keys() & latest.metrics.keys():
        rule = meet(final.metrics[name], latest.metrics[name])
        if rule is not None:
            metrics[name] = rule
    former = sorted(final.forbidden - latest.forbidden - metrics.keys())
    forbidden = [*sorted(latest.forbidden - metrics.keys()), *former]
    kept = frozenset(forbidden[: forbidden_limit(len(metrics))])
    return latest.model_copy(update={"metrics": metrics, "forbidden": kept})


def meet(one: MetricRule, other: MetricRule) -> MetricRule | None:
    """The rule that allows what both allow; None where that is nothing."""
    if one == other:
        return one
    if one.type is not other.type:
        return None
    decimals = min(one.decimals, other.decimals)
    step = Decimal(1).scaleb(-decimals)
    minimum = max(one.minimum, other.minimum).quantize(step, ROUND_CEILING)
    maximum = min(one.maximum, other.maximum).quantize(step, ROUND_FLOOR)
    if minimum > maximum:
        return None
    same_labels = one.labels == other.labels
    return other.model_copy(
        update={
            "minimum": minimum,
            "maximum": maximum,
            "decimals": decimals,
            "rate_hz": min(one.rate_hz, other.rate_hz),
            "burst": min(one.burst, other.burst),
            "labels": other.labels if same_labels else {},
            "cardinality": min(one.cardinality, other.cardinality) if same_labels else 1,
            "expires": min((day for day in (one.expires, other.expires) if day), default=None),
        }
    )
