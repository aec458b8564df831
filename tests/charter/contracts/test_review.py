"""The audit committee: votes, penalties, bounties, times, and the log of overrides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ape import reverts
from ape.contracts import ContractInstance
from ape.managers.chain import ChainManager
from ape.managers.project import ProjectManager
from eth_utils import keccak

BOND = 10_003
REVIEW = 3 * 86_400
REASON = keccak(text="the receiver was ours")
ZERO = "0x" + "00" * 20


@pytest.fixture
def case(accusation: Any, accuse: Callable[..., int]) -> int:
    """An open case of silent collection: critical, suspended for a day."""
    return accuse(accusation)


def named(receipt: Any, name: str) -> list[Any]:
    """The events of that name in a receipt."""
    return [log for log in receipt.events if log.event_name == name]


@pytest.mark.feature("C11.1", "C11.2", "C11.3", "C12.2")
def test_two_of_three_confirm(
    registry: ContractInstance,
    nodes: ContractInstance,
    token: ContractInstance,
    roles: Any,
    node: bytes,
    case: int,
) -> None:
    first, second, third = roles.auditors
    receipt = registry.confirm(case, sender=first)
    assert [log.event_name for log in receipt.events] == ["CaseConfirmed"]
    assert (receipt.events[0].auditor, receipt.events[0].confirmations) == (first.address, 1)
    assert nodes.standing(node) == 1
    assert (registry.confirmations(case), registry.dismissals(case)) == (1, 0)
    assert registry.vote_of(case, first) == 1

    receipt = registry.confirm(case, sender=second)
    applied = named(receipt, "PenaltyApplied")[0]
    assert (applied.case, bytes(applied.node), applied.penalty) == (case, node, 2)
    assert (applied.fine, applied.bounty) == (2001, 1000)
    assert nodes.standing(node) == 3
    assert nodes.node(node).suspended_until == receipt.timestamp + 86_400
    assert nodes.node(node).open_cases == 0
    assert nodes.bond(node) == token.balanceOf(nodes) == BOND - 2001
    assert token.balanceOf(roles.treasury) == 1001
    assert token.balanceOf(registry) == registry.bounty_of(roles.whistleblower) == 1000

    resolved = named(receipt, "CaseResolved")[0]
    kept = registry.case_of(case)
    assert kept.opened_at <= kept.resolved_at == receipt.timestamp
    assert (resolved.case, bytes(resolved.node), resolved.status) == (case, node, 2)
    assert (resolved.opened_at, resolved.resolved_at) == (kept.opened_at, kept.resolved_at)
    assert kept.status == 2
    with reverts("cases: case is not open"):
        registry.confirm(case, sender=third)

    paid = registry.claim(roles.whistleblower, sender=roles.stranger)
    assert (paid.return_value, named(paid, "BountyPaid")[0].amount) == (1000, 1000)
    assert token.balanceOf(roles.whistleblower) == 1000
    with reverts("violations: nothing to claim"):
        registry.claim(roles.whistleblower, sender=roles.stranger)


def test_a_bounty_that_the_token_does_not_pay_is_still_owed(
    project: ProjectManager, chain: ChainManager, roles: Any, enacted: ContractInstance, accusation: Any
) -> None:
    token = roles.owner.deploy(project.RefusingToken)
    nodes = roles.owner.deploy(project.NodeRegistry, token, roles.treasury, 1, 0)
    registry = roles.owner.deploy(
        project.ViolationRegistry, enacted, nodes, roles.committee, 50, REVIEW, ZERO
    )
    registry.set_auditors([roles.auditors[0]], 1, sender=roles.owner)
    nodes.set_arbiter(registry, sender=roles.owner)
    registered = nodes.register(b"\x02" * 32, "", BOND, sender=roles.operator)
    accused = accusation.but(node=bytes(named(registered, "NodeRegistered")[0].node))
    registry.commit(accused.commitment(chain.chain_id, registry.address), sender=roles.relayer)
    chain.mine(registry.MINIMUM_AGE() - 1)
    registry.reveal(*accused.arguments(), sender=roles.relayer)
    registry.confirm(1, sender=roles.auditors[0])

    token.refuse(True, sender=roles.owner)
    with reverts("violations: token transfer failed"):
        registry.claim(roles.whistleblower, sender=roles.stranger)
    token.refuse(False, sender=roles.owner)
    assert registry.claim(roles.whistleblower, sender=roles.stranger).return_value == 1000


@pytest.mark.feature("C11.2")
@pytest.mark.parametrize(
    ("kind", "fine", "bounty", "standing"),
    [
        ("datagram_malformed", 0, 0, 1),
        ("destination_not_allowed", 101, 50, 1),
        ("metric_over_collection_rate", 1001, 500, 2),
        ("enforcement_tampered", BOND, BOND // 2, 4),
    ],
)
def test_each_kind_costs_what_the_charter_says(
    registry: ContractInstance,
    nodes: ContractInstance,
    roles: Any,
    node: bytes,
    accusation: Any,
    accuse: Callable[..., int],
    kind: str,
    fine: int,
    bounty: int,
    standing: int,
) -> None:
    case = accuse(accusation.but(kind=keccak(text=kind)))
    for auditor in roles.auditors[:2]:
        registry.confirm(case, sender=auditor)
    assert nodes.bond(node) == BOND - fine
    assert registry.bounty_of(roles.whistleblower) == bounty
    assert nodes.standing(node) == standing


def test_a_bounty_can_be_forgone(
    registry: ContractInstance,
    token: ContractInstance,
    roles: Any,
    accusation: Any,
    accuse: Callable[..., int],
) -> None:
    case = accuse(accusation.but(payee=ZERO))
    for auditor in roles.auditors[:2]:
        registry.confirm(case, sender=auditor)
    assert token.balanceOf(roles.treasury) == 2001
    assert registry.bounty_of(ZERO) == token.balanceOf(registry) == 0


@pytest.mark.feature("C11.1", "C11.3")
def test_two_of_three_dismiss(
    registry: ContractInstance, nodes: ContractInstance, roles: Any, node: bytes, case: int
) -> None:
    first, second, third = roles.auditors
    receipt = registry.dismiss(case, REASON, sender=first)
    voted = receipt.events[0]
    assert (voted.auditor, bytes(voted.reason_hash), voted.dismissals) == (first.address, REASON, 1)
    assert registry.case_of(case).status == 1
    registry.confirm(case, sender=third)
    receipt = registry.dismiss(case, REASON, sender=second)
    assert bytes(named(receipt, "CaseDismissed")[0].node) == node
    assert named(receipt, "CaseResolved")[0].status == registry.case_of(case).status == 3
    assert registry.case_of(case).resolved_at == receipt.timestamp
    assert nodes.bond(node) == BOND
    assert nodes.node(node).open_cases == 0


def test_only_auditors_vote_and_only_once(registry: ContractInstance, roles: Any, case: int) -> None:
    for caller in (roles.owner, roles.committee, roles.whistleblower):
        with reverts("audit: caller is not an auditor"):
            registry.confirm(case, sender=caller)
        with reverts("audit: caller is not an auditor"):
            registry.dismiss(case, REASON, sender=caller)
    registry.confirm(case, sender=roles.auditors[0])
    with reverts("audit: already voted"):
        registry.confirm(case, sender=roles.auditors[0])
    with reverts("audit: already voted"):
        registry.dismiss(case, REASON, sender=roles.auditors[0])


def test_there_is_no_vote_on_what_is_no_case(registry: ContractInstance, roles: Any) -> None:
    for number in (0, 99):
        with reverts("cases: case is not open"):
            registry.confirm(number, sender=roles.auditors[0])
        with reverts("cases: case is not open"):
            registry.dismiss(number, REASON, sender=roles.auditors[0])
        with reverts("cases: case is not open"):
            registry.settle(number, sender=roles.auditors[0])
        with reverts("cases: case is not open"):
            registry.expire(number, sender=roles.auditors[0])
    assert registry.case_of(99).status == 0


def test_a_removed_auditor_no_longer_counts(
    registry: ContractInstance, nodes: ContractInstance, roles: Any, node: bytes, case: int
) -> None:
    first, second, third = roles.auditors
    registry.confirm(case, sender=first)
    registry.set_auditors([second, third, roles.stranger], 2, sender=roles.owner)
    assert registry.confirmations(case) == 0
    registry.confirm(case, sender=second)
    assert registry.case_of(case).status == 1
    with reverts("audit: caller is not an auditor"):
        registry.confirm(case, sender=first)
    registry.confirm(case, sender=third)
    assert registry.case_of(case).status == 2
    assert nodes.standing(node) == 3


@pytest.mark.parametrize(("vote", "status"), [("confirm", 2), ("dismiss", 3)])
def test_a_lower_threshold_can_settle_a_case(
    registry: ContractInstance, roles: Any, case: int, vote: str, status: int
) -> None:
    arguments = (case, REASON) if vote == "dismiss" else (case,)
    getattr(registry, vote)(*arguments, sender=roles.auditors[0])
    with reverts("violations: case is not decided"):
        registry.settle(case, sender=roles.stranger)
    registry.set_auditors(list(roles.auditors), 1, sender=roles.owner)
    registry.settle(case, sender=roles.stranger)
    assert registry.case_of(case).status == status
    with reverts("cases: case is not open"):
        registry.settle(case, sender=roles.stranger)


def test_nothing_is_settled_before_auditors_sit(
    project: ProjectManager,
    registry: ContractInstance,
    nodes: ContractInstance,
    chain: ChainManager,
    roles: Any,
    accusation: Any,
) -> None:
    arguments = (registry.charter(), nodes, roles.committee, registry.recent_blocks(), REVIEW, ZERO)
    empty = roles.owner.deploy(project.ViolationRegistry, *arguments)
    nodes.set_arbiter(empty, sender=roles.owner)
    empty.commit(accusation.commitment(chain.chain_id, empty.address), sender=roles.relayer)
    chain.mine(empty.MINIMUM_AGE() - 1)
    empty.reveal(*accusation.arguments(), sender=roles.relayer)
    with reverts("violations: there are no auditors"):
        empty.settle(1, sender=roles.stranger)


@pytest.mark.feature("C11.3")
def test_a_case_that_nobody_decides_expires(
    registry: ContractInstance,
    nodes: ContractInstance,
    chain: ChainManager,
    roles: Any,
    node: bytes,
    case: int,
) -> None:
    ends = registry.case_of(case).opened_at + REVIEW
    registry.confirm(case, sender=roles.auditors[0])
    chain.pending_timestamp = ends - 1
    with reverts("violations: case is still under review"):
        registry.expire(case, sender=roles.stranger)
    chain.pending_timestamp = ends
    chain.mine()
    for call in (
        lambda: registry.confirm(case, sender=roles.auditors[1]),
        lambda: registry.dismiss(case, REASON, sender=roles.auditors[1]),
        lambda: registry.settle(case, sender=roles.stranger),
    ):
        with reverts("cases: review period is over"):
            call()  # type: ignore[no-untyped-call]
    receipt = registry.expire(case, sender=roles.stranger)
    assert bytes(named(receipt, "CaseExpired")[0].node) == node
    assert named(receipt, "CaseResolved")[0].status == registry.case_of(case).status == 4
    assert nodes.node(node).open_cases == 0
    assert nodes.bond(node) == BOND
    with reverts("cases: case is not open"):
        registry.expire(case, sender=roles.stranger)


def test_a_replaced_registry_can_end_its_cases_but_not_punish(
    registry: ContractInstance, nodes: ContractInstance, roles: Any, node: bytes, case: int
) -> None:
    nodes.set_arbiter(roles.stranger, sender=roles.owner)
    registry.confirm(case, sender=roles.auditors[0])
    with reverts("nodes: caller is not the arbiter"):
        registry.confirm(case, sender=roles.auditors[1])
    assert registry.case_of(case).status == 1
    registry.dismiss(case, REASON, sender=roles.auditors[1])
    registry.dismiss(case, REASON, sender=roles.auditors[2])
    assert nodes.holds(registry, node) == 0
    assert nodes.bond(node) == BOND


# The committee's seats


@pytest.mark.parametrize(
    ("members", "threshold", "reason"),
    [
        ([0, 1], 0, "audit: threshold is zero"),
        ([0, 1], 3, "audit: threshold exceeds the members"),
        ([0, 0], 1, "audit: auditor is named twice"),
        ([0, None], 1, "audit: auditor is the zero address"),
        ([], 0, "audit: threshold is zero"),
    ],
)
def test_a_committee_that_cannot_work_is_refused(
    registry: ContractInstance, roles: Any, members: list[int | None], threshold: int, reason: str
) -> None:
    addresses = [ZERO if i is None else roles.auditors[i].address for i in members]
    with reverts(reason):
        registry.set_auditors(addresses, threshold, sender=roles.owner)


def test_the_owner_alone_seats_the_committee(registry: ContractInstance, roles: Any) -> None:
    addresses = [auditor.address for auditor in roles.auditors]
    assert list(registry.auditors()) == addresses
    assert registry.threshold() == 2
    with reverts("ownable: caller is not the owner"):
        registry.set_auditors(addresses, 1, sender=roles.auditors[0])
    registry.set_auditors(addresses[1:], 1, sender=roles.owner)
    assert list(registry.auditors()) == addresses[1:]
    assert registry.threshold() == 1
    assert [registry.is_auditor(address) for address in addresses] == [False, True, True]


def test_the_owner_alone_passes_the_registry_on(registry: ContractInstance, roles: Any) -> None:
    for caller in (roles.stranger, roles.committee, roles.auditors[0]):
        with reverts("ownable: caller is not the owner"):
            registry.transfer_ownership(caller, sender=caller)
        with reverts("ownable: caller is not the owner"):
            registry.renounce_ownership(sender=caller)
    registry.transfer_ownership(roles.stranger, sender=roles.owner)
    assert registry.owner() == roles.stranger.address
    registry.renounce_ownership(sender=roles.stranger)
    assert registry.owner() == ZERO


def test_auditors_name_the_keys_to_seal_evidence_to(registry: ContractInstance, roles: Any) -> None:
    first, second, _ = roles.auditors
    key = b"\x25" * 32
    for auditor in (first, second):
        log = registry.set_auditor_key(key, sender=auditor).events[0]
        assert (log.auditor, bytes(log.x25519)) == (auditor.address, key)
    with reverts("audit: caller is not an auditor"):
        registry.set_auditor_key(key, sender=roles.stranger)
    receipt = registry.set_auditors([second], 1, sender=roles.owner)
    assert [log.auditor for log in named(receipt, "AuditorKeySet")] == [first.address]
    assert bytes(registry.auditor_key(first)) == b"\x00" * 32
    assert bytes(registry.auditor_key(second)) == key


# Overrides


@pytest.mark.feature("C13.1")
def test_an_override_is_logged_with_who_what_and_why(registry: ContractInstance, roles: Any) -> None:
    for number, who in enumerate((roles.owner, roles.auditors[0]), 1):
        receipt = registry.log_override("enforcement off", f"fire {number}", sender=who)
        log = receipt.events[0]
        assert receipt.return_value == registry.override_count() == number
        assert (log.id, log.who) == (number, who.address)
        assert (log.what, log.why) == ("enforcement off", f"fire {number}")


@pytest.mark.feature("C13.1")
def test_an_override_needs_an_officer_and_reasons(registry: ContractInstance, roles: Any) -> None:
    with reverts("overrides: caller is neither auditor nor owner"):
        registry.log_override("a", "b", sender=roles.stranger)
    for what, why in (("", "b"), ("a", "")):
        with reverts("overrides: say what and why"):
            registry.log_override(what, why, sender=roles.owner)
    registry.set_auditors([roles.auditors[0]], 1, sender=roles.owner)
    with reverts("overrides: caller is neither auditor nor owner"):
        registry.log_override("a", "b", sender=roles.auditors[1])


def test_ownership_passes_and_ends(registry: ContractInstance, roles: Any) -> None:
    with reverts("ownable: caller is not the owner"):
        registry.transfer_ownership(roles.stranger, sender=roles.stranger)
    with reverts("ownable: caller is not the owner"):
        registry.renounce_ownership(sender=roles.stranger)
    with reverts("ownable: new owner is the zero address"):
        registry.transfer_ownership(ZERO, sender=roles.owner)
    registry.transfer_ownership(roles.stranger, sender=roles.owner)
    assert registry.owner() == roles.stranger.address
    registry.renounce_ownership(sender=roles.stranger)
    assert registry.owner() == ZERO
