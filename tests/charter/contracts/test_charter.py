"""Charter: drafts, versions, and what can be asked about them."""

from __future__ import annotations

from typing import Any

import pytest
from ape import reverts
from ape.api import AccountAPI
from ape.contracts import ContractInstance
from ape.managers.chain import ChainManager
from ape.managers.project import ProjectManager
from eth_abi import encode
from eth_utils import keccak

POLICY = keccak(text="a policy")
GRACE = 5
METRIC = keccak(text="latency_p50")
KIND = keccak(text="silent_collection")
ZERO = b"\x00" * 32


@pytest.fixture(scope="module")
def owner(accounts: list[AccountAPI]) -> AccountAPI:
    return accounts[0]


def enact(charter: ContractInstance, owner: AccountAPI) -> Any:
    """Enacts whatever is drafted."""
    return charter.enact(charter.draft_digest(), POLICY, sender=owner)


CHANGES: list[tuple[str, tuple[Any, ...], list[str]]] = [
    ("allow_metric", ("latency_p50", "{}"), ["string", "string"]),
    ("forbid_metric", ("latency_p50",), ["string"]),
    ("remove_metric", ("latency_p50",), ["string"]),
    ("set_violation", ("silent_collection", 3, 2), ["string", "uint8", "uint8"]),
    ("remove_violation", ("silent_collection",), ["string"]),
    ("adopt_article", (1, "We the mesh"), ["uint256", "string"]),
    ("repeal_article", (1,), ["uint256"]),
    ("set_terms", ('{"version":"1.0"}',), ["string"]),
]


@pytest.mark.feature("C9.2")
def test_only_the_owner_amends(charter: ContractInstance, accounts: list[AccountAPI]) -> None:
    calls = [(name, arguments) for name, arguments, _ in CHANGES]
    calls += [
        ("discard_draft", ()),
        ("enact", (ZERO, POLICY)),
        ("transfer_ownership", (accounts[1],)),
        ("renounce_ownership", ()),
    ]
    for name, arguments in calls:
        with reverts("ownable: caller is not the owner"):
            getattr(charter, name)(*arguments, sender=accounts[1])


def test_before_the_first_version_everything_is_denied(charter: ContractInstance) -> None:
    assert charter.version() == 0
    assert charter.grace_blocks() == GRACE
    assert charter.API_VERSION() == "1"
    assert bytes(charter.draft_digest()) == (1).to_bytes(32, "big")
    assert not charter.is_allowed(METRIC)
    assert not charter.is_allowed_at(METRIC, 0)
    assert not charter.is_allowed_at(METRIC, 2**256 - 1)
    assert not charter.in_force(0, 10**9)
    assert not charter.in_force(2**256 - 1, 10**9)
    assert charter.judge(METRIC, 0, 10**9) == (False, False)
    assert charter.violation(KIND) == (0, 0, False)
    assert bytes(charter.article_hash(1)) == ZERO


@pytest.mark.feature("C9.1")
def test_a_draft_comes_into_force_when_it_is_enacted(charter: ContractInstance, owner: AccountAPI) -> None:
    charter.allow_metric("latency_p50", "{}", sender=owner)
    charter.forbid_metric("user_location", sender=owner)
    charter.set_violation("silent_collection", 3, 2, sender=owner)
    charter.adopt_article(1, "We the mesh", sender=owner)
    assert not charter.is_allowed(METRIC)
    assert not charter.is_forbidden(keccak(text="user_location"))
    assert charter.violation(KIND) == (0, 0, False)
    assert bytes(charter.article_hash(1)) == ZERO

    digest = charter.draft_digest()
    receipt = charter.enact(digest, POLICY, sender=owner)
    log = receipt.events[0]
    assert (log.version, bytes(log.policy_hash), log.draft) == (1, POLICY, digest)
    assert charter.version() == 1
    assert charter.enacted_block(1) == receipt.block_number
    assert bytes(charter.policy_hash(1)) == POLICY
    assert charter.is_allowed(METRIC)
    assert charter.is_allowed_at(METRIC, 1)
    assert not charter.is_forbidden(METRIC)
    assert charter.is_forbidden(keccak(text="user_location"))
    assert not charter.is_allowed(keccak(text="user_location"))
    assert charter.violation(KIND) == charter.violation_at(KIND, 1) == (3, 2, True)
    assert charter.violation_at(KIND, 2) == (0, 0, False)
    assert charter.article_hash(1) == keccak(text="We the mesh")


def test_the_digest_can_be_computed_by_anyone(charter: ContractInstance, owner: AccountAPI) -> None:
    digest = (1).to_bytes(32, "big")
    for name, arguments, types in CHANGES:
        getattr(charter, name)(*arguments, sender=owner)
        selector = keccak(text=f"{name}({','.join(types)})")[:4]
        digest = keccak(digest + keccak(selector + encode(types, arguments)))
        assert bytes(charter.draft_digest()) == digest


@pytest.mark.feature("C9.2")
def test_a_change_that_was_not_voted_on_cannot_slip_in(charter: ContractInstance, owner: AccountAPI) -> None:
    charter.allow_metric("latency_p50", "{}", sender=owner)
    voted = charter.draft_digest()
    charter.allow_metric("user_location", "{}", sender=owner)
    with reverts("drafts: another draft is open"):
        charter.enact(voted, POLICY, sender=owner)
    charter.discard_draft(sender=owner)
    charter.allow_metric("latency_p50", "{}", sender=owner)
    charter.enact(voted, POLICY, sender=owner)
    assert charter.is_allowed(METRIC)
    assert not charter.is_allowed(keccak(text="user_location"))


def test_enact_refuses(charter: ContractInstance, owner: AccountAPI) -> None:
    with reverts("drafts: draft is empty"):
        charter.enact(charter.draft_digest(), POLICY, sender=owner)
    charter.set_terms("{}", sender=owner)
    with reverts("drafts: policy hash is zero"):
        charter.enact(charter.draft_digest(), ZERO, sender=owner)


def test_a_discarded_draft_leaves_no_trace(charter: ContractInstance, owner: AccountAPI) -> None:
    with reverts("drafts: draft is empty"):
        charter.discard_draft(sender=owner)
    charter.adopt_article(1, "First", sender=owner)
    charter.set_violation("silent_collection", 3, 2, sender=owner)
    enact(charter, owner)

    charter.adopt_article(1, "Second", sender=owner)
    charter.set_violation("silent_collection", 0, 0, sender=owner)
    charter.allow_metric("user_location", "{}", sender=owner)
    digest = charter.draft_digest()
    log = charter.discard_draft(sender=owner).events[0]
    assert (log.version, log.draft) == (2, digest)
    with reverts("charter: metric is on neither list"):
        charter.remove_metric("user_location", sender=owner)
    charter.allow_metric("latency_p50", "{}", sender=owner)
    enact(charter, owner)

    assert charter.article_hash(1) == keccak(text="First")
    assert charter.violation(KIND) == (3, 2, True)
    assert not charter.is_allowed(keccak(text="user_location"))
    assert charter.is_allowed(METRIC)


@pytest.mark.feature("C9.2")
def test_parts_of_an_amendment_expect_what_comes_before(charter: ContractInstance, owner: AccountAPI) -> None:
    """Whoever asks; an empty draft is expected by its version."""
    first = (1).to_bytes(32, "big")
    charter.expect_draft(first)
    charter.allow_metric("latency_p50", "{}", sender=owner)
    charter.expect_draft(charter.draft_digest())
    for other in (first, ZERO):
        with reverts("drafts: another draft is open"):
            charter.expect_draft(other)
    enact(charter, owner)
    charter.expect_draft((2).to_bytes(32, "big"))
    with reverts("drafts: another draft is open"):
        charter.expect_draft(first)


def test_discarding_costs_the_same_for_any_draft(charter: ContractInstance, owner: AccountAPI) -> None:
    costs = []
    for size in (1, 6):
        for number in range(size):
            charter.allow_metric(f"metric_{number}", "{}", sender=owner)
        costs.append(charter.discard_draft(sender=owner).gas_used)
    # The first one also turns a slot from zero to non-zero.
    assert costs[1] <= costs[0]


def test_what_was_decided_can_be_undone(charter: ContractInstance, owner: AccountAPI) -> None:
    for name, arguments, _ in CHANGES[:1] + CHANGES[3:4] + CHANGES[5:6]:
        getattr(charter, name)(*arguments, sender=owner)
    enact(charter, owner)
    charter.remove_metric("latency_p50", sender=owner)
    charter.remove_violation("silent_collection", sender=owner)
    charter.repeal_article(1, sender=owner)
    assert charter.is_allowed(METRIC)
    enact(charter, owner)
    assert not charter.is_allowed(METRIC)
    assert charter.is_allowed_at(METRIC, 1)
    assert not charter.is_forbidden(METRIC)
    assert charter.violation(KIND) == (0, 0, False)
    assert charter.violation_at(KIND, 1) == (3, 2, True)
    assert bytes(charter.article_hash(1)) == ZERO
    for name, argument, reason in [
        ("remove_metric", "latency_p50", "charter: metric is on neither list"),
        ("remove_violation", "silent_collection", "charter: unknown violation kind"),
        ("repeal_article", 1, "charter: no such article"),
    ]:
        with reverts(reason):
            getattr(charter, name)(argument, sender=owner)


@pytest.mark.parametrize("name", ["a", "_", ":a.b9", "A" * 64, "a" * 32, "a" * 33, "z" * 31 + ".9"])
def test_good_names(charter: ContractInstance, owner: AccountAPI, name: str) -> None:
    log = charter.allow_metric(name, "{}", sender=owner).events[0]
    assert (bytes(log.metric), log.name, log.rule, log.version) == (keccak(text=name), name, "{}", 1)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "names: empty name"),
        *[
            (name, "names: character not allowed")
            for name in (
                "9a",
                ".a",
                "a b",
                "a-b",
                "a\x00",
                "a" * 32 + "/",
                "a" * 63 + "|",
                "ä",
                "@",
                "[",
                "`",
                "{",
            )
        ],
    ],
)
def test_bad_names(charter: ContractInstance, owner: AccountAPI, name: str, reason: str) -> None:
    with reverts(reason):
        charter.allow_metric(name, "{}", sender=owner)
    with reverts(reason):
        charter.forbid_metric(name, sender=owner)
    with reverts(reason):
        charter.set_violation(name, 0, 0, sender=owner)


def test_changes_that_say_nothing_are_refused(charter: ContractInstance, owner: AccountAPI) -> None:
    for name, arguments, reason in [
        ("allow_metric", ("a", ""), "charter: empty rule"),
        ("set_violation", ("a", 4, 0), "charter: unknown severity"),
        ("set_violation", ("a", 0, 5), "charter: unknown penalty"),
        ("adopt_article", (1, ""), "charter: empty article"),
        ("set_terms", ("",), "charter: empty terms"),
    ]:
        with reverts(reason):
            getattr(charter, name)(*arguments, sender=owner)


def test_a_version_stays_in_force_for_its_grace(
    charter: ContractInstance, owner: AccountAPI, chain: ChainManager
) -> None:
    blocks = []
    for terms in ("one", "two", "three"):
        charter.set_terms(terms, sender=owner)
        blocks.append(enact(charter, owner).block_number)
        chain.mine(3)
    for version, start in enumerate(blocks, 1):
        end = blocks[version] + GRACE if version < len(blocks) else None
        assert not charter.in_force(version, start - 1)
        assert charter.in_force(version, start)
        if end is None:
            assert charter.in_force(version, 10**9)
        else:
            assert charter.in_force(version, end - 1)
            assert not charter.in_force(version, end)
    assert not charter.in_force(4, 10**9)


def test_judge_heeds_every_version_in_force(
    charter: ContractInstance, owner: AccountAPI, chain: ChainManager
) -> None:
    """An accuser may not pick the one version in force that denied what the node's version allowed."""
    charter.allow_metric("old", "{}", sender=owner)
    enact(charter, owner)
    charter.remove_metric("old", sender=owner)
    charter.allow_metric("new", "{}", sender=owner)
    switched = enact(charter, owner).block_number
    old, new, none = keccak(text="old"), keccak(text="new"), keccak(text="none")

    inside, after = switched + GRACE - 1, switched + GRACE
    for version in (1, 2):
        assert charter.judge(old, version, inside) == (True, True)
        assert charter.judge(new, version, inside) == (True, True)
        assert charter.judge(none, version, inside) == (True, False)
    assert charter.judge(old, 2, after) == (True, False)
    assert charter.judge(new, 2, after) == (True, True)
    assert charter.judge(old, 1, after) == (False, False)
    assert charter.judge(new, 1, switched - 1) == (True, False)
    assert charter.judge(new, 2, switched - 1) == (False, False)


def test_no_more_versions_are_in_force_than_can_be_looked_through(
    project: ProjectManager, owner: AccountAPI, chain: ChainManager
) -> None:
    grace = 500
    charter = owner.deploy(project.Charter, grace)
    for number in range(32):
        charter.set_terms(f'{{"version":"{number}"}}', sender=owner)
        enact(charter, owner)
    charter.set_terms('{"version":"last"}', sender=owner)
    with reverts("drafts: too many versions in force"):
        enact(charter, owner)
    chain.mine(grace)
    enact(charter, owner)
    assert charter.version() == 33


def test_ownership_passes_and_ends(charter: ContractInstance, accounts: list[AccountAPI]) -> None:
    with reverts("ownable: new owner is the zero address"):
        charter.transfer_ownership("0x" + "00" * 20, sender=accounts[0])
    charter.transfer_ownership(accounts[1], sender=accounts[0])
    charter.set_terms("{}", sender=accounts[1])
    charter.renounce_ownership(sender=accounts[1])
    with reverts("ownable: caller is not the owner"):
        charter.set_terms("{}", sender=accounts[1])
