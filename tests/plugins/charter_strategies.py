"""Random rules and policies, always valid ones."""

from __future__ import annotations

import string
from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from oracles.charter.policy import Consequence, MetricRule, Policy
from oracles.charter.vocabulary import Access, Kind, MetricType, Penalty, Severity

names = st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:.]{0,63}", fullmatch=True)
texts = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), max_size=40)


def rule(**fields: Any) -> MetricRule:
    """A rule from plain values, as a document has them."""
    return MetricRule.model_validate(fields)


@st.composite
def decimals(draw: st.DrawFn, places: int, limit: int = 10**9) -> Decimal:
    return Decimal(draw(st.integers(-limit, limit))).scaleb(-places)


@st.composite
def rules(draw: st.DrawFn) -> MetricRule:
    places = draw(st.integers(0, 6))
    low, high = sorted((draw(decimals(places)), draw(decimals(places))))
    values = st.lists(st.sampled_from(["eu", "us", "ap-1", "x.y"]), min_size=1, max_size=3, unique=True)
    labels = draw(
        st.dictionaries(
            st.text(string.ascii_lowercase, min_size=1, max_size=8),
            values | st.sampled_from(["[a-z]{1,3}", "eu-[0-9]{2}"]),
            max_size=2,
        )
    )
    return MetricRule(
        group=draw(st.sampled_from(["general", "network", "mesh"])),
        type=draw(st.sampled_from(MetricType)),
        minimum=low,
        maximum=high,
        decimals=places,
        rate_hz=Decimal(draw(st.sampled_from(["0.001", "0.25", "1", "20", "10000"]))),
        burst=draw(st.integers(1, 50)),
        labels=labels,
        cardinality=draw(st.integers(1, 5)) if labels else 1,
        access=draw(st.sampled_from(Access)),
        purpose=draw(texts),
        owner=draw(texts),
        expires=draw(st.none() | st.dates(date(2020, 1, 1), date(2099, 1, 1))),
    )


consequences = st.builds(Consequence, severity=st.sampled_from(Severity), penalty=st.sampled_from(Penalty))


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    metrics = draw(st.dictionaries(names, rules(), max_size=5))
    forbidden = draw(st.frozensets(names, max_size=4))
    return Policy(
        version=draw(st.sampled_from(["1", "1.0", "2.3.4"])),
        description=draw(texts),
        metrics=metrics,
        forbidden=frozenset(forbidden - metrics.keys()),
        violations=draw(st.dictionaries(st.sampled_from(Kind), consequences, max_size=4)),
        articles=draw(st.dictionaries(st.integers(1, 99), texts.filter(bool), max_size=3)),
    )
