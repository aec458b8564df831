"""Whatever is drafted, discarded and enacted: each version answers for itself, and the events tell it all."""

from __future__ import annotations

from typing import Any

import pytest
from ape.api import AccountAPI
from ape.contracts import ContractInstance
from ape.managers.chain import ChainManager
from budgets import few
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

POLICY = keccak(text="a policy")
NAMES = ("alpha", "beta")
KIND = "silent_collection"

Policy = dict[tuple[str, Any], Any]
"""What is decided on a metric, a violation kind or an article."""

_changes = st.one_of(
    st.tuples(st.sampled_from(("allow_metric", "forbid_metric", "remove_metric")), st.sampled_from(NAMES)),
    st.tuples(st.just("adopt_article"), st.sampled_from(("one", "two"))),
    st.tuples(st.just("set_violation"), st.integers(0, 3)),
    st.tuples(st.sampled_from(("remove_violation", "repeal_article")), st.just(None)),
)
_steps = st.lists(
    st.one_of(_changes, st.sampled_from((("enact", None), ("discard_draft", None)))), max_size=14
)


def applied(policy: Policy, step: str, value: Any) -> tuple[Policy, tuple[Any, ...]] | None:
    """The policy after a change and the arguments of the call; nothing if the charter must refuse it."""
    after = dict(policy)
    match step:
        case "allow_metric":
            after["metric", value] = "allowed"
            return after, (value, "{}")
        case "forbid_metric":
            after["metric", value] = "forbidden"
            return after, (value,)
        case "remove_metric":
            return None if after.pop(("metric", value), None) is None else (after, (value,))
        case "set_violation":
            after["kind", KIND] = (value, 2)
            return after, (KIND, value, 2)
        case "remove_violation":
            return None if after.pop(("kind", KIND), None) is None else (after, (KIND,))
        case "adopt_article":
            after["article", 1] = value
            return after, (1, value)
        case _:
            return None if after.pop(("article", 1), None) is None else (after, (1,))


def rebuild(logs: list[Any]) -> dict[int, Policy]:
    """The policy of each version, from events alone."""
    versions: dict[int, Policy] = {}
    policy: Policy = {}
    enacted: Policy = {}
    for log in logs:
        match log.event_name:
            case "MetricAllowed":
                policy["metric", log.name] = "allowed"
            case "MetricForbidden":
                policy["metric", log.name] = "forbidden"
            case "MetricRemoved":
                del policy["metric", log.name]
            case "ViolationSet":
                policy["kind", log.name] = (log.severity, log.penalty)
            case "ViolationRemoved":
                del policy["kind", log.name]
            case "ArticleAdopted":
                policy["article", log.number] = log.text
            case "ArticleRepealed":
                del policy["article", log.number]
            case "DraftDiscarded":
                policy = dict(enacted)
            case "CharterEnacted":
                enacted = versions[log.version] = dict(policy)
    return versions


@pytest.mark.feature("C9.1")
def test_every_version_answers_for_itself(
    charter: ContractInstance, accounts: list[AccountAPI], chain: ChainManager
) -> None:
    owner = accounts[0]

    @few()
    @given(steps=_steps)
    def check(steps: list[tuple[str, Any]]) -> None:
        snapshot = chain.snapshot()
        enacted: list[Policy] = [{}]
        draft: Policy = {}
        changed = False
        logs: list[Any] = []
        for step, value in [*steps, ("enact", None)]:
            if step in ("enact", "discard_draft"):
                if not changed:
                    continue
                changed = False
                if step == "enact":
                    logs += charter.enact(charter.draft_digest(), POLICY, sender=owner).events
                    enacted.append(draft)
                else:
                    logs += charter.discard_draft(sender=owner).events
                draft = enacted[-1]
            elif (after := applied(draft, step, value)) is not None:
                draft, arguments = after
                changed = True
                logs += getattr(charter, step)(*arguments, sender=owner).events

        assert rebuild(logs) == dict(enumerate(enacted[1:], 1))
        assert charter.version() == len(enacted) - 1
        for version, policy in enumerate(enacted):
            for name in NAMES:
                expected = policy.get(("metric", name)) == "allowed"
                assert charter.is_allowed_at(keccak(text=name), version) is expected
            severity, penalty = policy.get(("kind", KIND), (0, 0))
            known = ("kind", KIND) in policy
            assert charter.violation_at(keccak(text=KIND), version) == (severity, penalty, known)
        for name in NAMES:
            assert charter.is_forbidden(keccak(text=name)) is (
                enacted[-1].get(("metric", name)) == "forbidden"
            )
        text = enacted[-1].get(("article", 1))
        assert bytes(charter.article_hash(1)) == (keccak(text=text) if text else b"\x00" * 32)
        chain.restore(snapshot)

    check()
