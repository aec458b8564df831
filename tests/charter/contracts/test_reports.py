"""Whistleblowers' reports: committed to blindly, revealed by anyone, heard only as the charter allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ape import reverts
from ape.contracts import ContractInstance
from ape.managers.chain import ChainManager
from ape.managers.project import ProjectManager
from eth_abi import encode
from eth_utils import keccak

RECENT = 50
MINIMUM_AGE = 5
REVIEW = 3 * 86_400
POLICY = keccak(text="a policy")
ZERO = "0x" + "00" * 20


@pytest.mark.feature("C12.1")
def test_the_reporter_need_not_appear(
    registry: ContractInstance, nodes: ContractInstance, chain: ChainManager, roles: Any, accusation: Any
) -> None:
    """Others send both transactions; all that shows is the address that the reporter wants to be paid at."""
    sent_before = roles.whistleblower.nonce
    commitment = accusation.commitment(chain.chain_id, registry.address)
    assert registry.commitment_of(*accusation.arguments()) == commitment
    committed = registry.commit(commitment, sender=roles.relayer)
    assert registry.committed_block(commitment) == committed.block_number
    assert roles.whistleblower.address[2:].lower() not in bytes(committed.data).hex()
    assert bytes(committed.events[0].commitment) == commitment
    chain.mine(registry.MINIMUM_AGE() - 1)

    receipt = registry.reveal(*accusation.arguments(), sender=roles.stranger)
    opened = next(log for log in receipt.events if log.event_name == "CaseOpened")
    assert opened.case == registry.case_count() == 1
    assert bytes(opened.node) == accusation.node
    assert (bytes(opened.kind), bytes(opened.metric)) == (accusation.kind, accusation.metric)
    assert (opened.charter_version, opened.observed_block) == (1, accusation.observed_block)
    assert (opened.payee, bytes(opened.evidence)) == (accusation.payee, accusation.evidence)
    case = registry.case_of(1)
    assert (bytes(case.node), case.payee) == (accusation.node, accusation.payee)
    assert (case.opened_at, case.resolved_at, case.status) == (receipt.timestamp, 0, 1)
    assert (case.severity, case.penalty) == (3, 2)
    assert registry.committed_block(commitment) == 2**256 - 1
    assert nodes.node(accusation.node).open_cases == 1
    assert roles.whistleblower.nonce == sent_before


@pytest.mark.feature("C12.1")
@pytest.mark.parametrize(
    "changed",
    [
        {"payee": ZERO},
        {"node": b"\x02" * 32},
        {"kind": keccak(text="enforcement_tampered")},
        {"metric": keccak(text="device_mac")},
        {"charter_version": 2},
        {"observed_block": 1},
        {"evidence": b"\x03" * 32},
        {"salt": b"\x04" * 32},
    ],
)
def test_a_commitment_binds_all_that_is_revealed(
    registry: ContractInstance,
    roles: Any,
    accusation: Any,
    commit: Callable[..., None],
    changed: dict[str, Any],
) -> None:
    commit(accusation)
    with reverts("commitments: no such commitment"):
        registry.reveal(*accusation.but(**changed).arguments(), sender=roles.relayer)


def test_a_commitment_binds_chain_and_contract(
    registry: ContractInstance, nodes: ContractInstance, chain: ChainManager, roles: Any, accusation: Any
) -> None:
    registry.commit(accusation.commitment(chain.chain_id + 1, registry.address), sender=roles.relayer)
    registry.commit(accusation.commitment(chain.chain_id, nodes.address), sender=roles.relayer)
    with reverts("commitments: no such commitment"):
        registry.reveal(*accusation.arguments(), sender=roles.relayer)


def test_a_copied_commitment_cannot_delay_the_first(
    registry: ContractInstance, chain: ChainManager, roles: Any, accusation: Any
) -> None:
    commitment = accusation.commitment(chain.chain_id, registry.address)
    registry.commit(commitment, sender=roles.relayer)
    with reverts("commitments: already committed"):
        registry.commit(commitment, sender=roles.stranger)


def test_whoever_copies_a_reveal_comes_too_late(
    registry: ContractInstance, chain: ChainManager, roles: Any, accusation: Any
) -> None:
    """A reveal is public before a block has it; a copy of it has to be committed to first, and to wait."""
    commitment = accusation.commitment(chain.chain_id, registry.address)
    committed = registry.commit(commitment, sender=roles.relayer).block_number
    assert registry.MINIMUM_AGE() == MINIMUM_AGE
    reveal = registry.reveal.encode_input(*accusation.arguments())
    for block in range(committed, committed + MINIMUM_AGE):
        assert eth_call(chain, registry, reveal, block) == "commitments: commitment is too young"
        chain.mine()
    assert eth_call(chain, registry, reveal, committed + MINIMUM_AGE) == ""


def eth_call(chain: ChainManager, registry: ContractInstance, data: bytes, block: int) -> str:
    """The reason for which a call in that very block would be refused; "" if it would not."""
    call = {"to": registry.address, "data": data}
    try:
        chain.provider.web3.eth.call(call, block)
    except Exception as refused:
        return str(refused.args[0]).removeprefix("execution reverted: ")
    return ""


def test_a_commitment_grows_too_old(
    registry: ContractInstance, chain: ChainManager, roles: Any, accusation: Any, commit: Callable[..., None]
) -> None:
    assert registry.recent_blocks() == RECENT
    commit(accusation)
    chain.mine(RECENT)
    with reverts("commitments: commitment is too old"):
        registry.reveal(*accusation.arguments(), sender=roles.relayer)


def test_a_commitment_is_used_once(
    registry: ContractInstance, roles: Any, accusation: Any, accuse: Callable[..., int]
) -> None:
    accuse(accusation)
    with reverts("cases: already reported"):
        registry.reveal(*accusation.arguments(), sender=roles.relayer)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"metric": keccak(text="latency_p50")}, "violations: metric was allowed"),
        (
            {"metric": keccak(text="latency_p50"), "kind": keccak(text="metric_not_allowed")},
            "violations: metric was allowed",
        ),
        ({"charter_version": 0}, "violations: charter version was not in force"),
        ({"charter_version": 2}, "violations: charter version was not in force"),
        ({"observed_block": 2**255}, "violations: observed after the commitment"),
        ({"kind": keccak(text="no such kind")}, "violations: kind is not in the charter"),
        ({"node": b"\xee" * 32}, "nodes: unknown node"),
    ],
)
def test_the_charter_itself_refuses_a_report(
    registry: ContractInstance,
    roles: Any,
    accusation: Any,
    commit: Callable[..., None],
    changed: dict[str, Any],
    reason: str,
) -> None:
    accusation = accusation.but(**changed)
    commit(accusation)
    with reverts(reason):
        registry.reveal(*accusation.arguments(), sender=roles.relayer)


def test_before_the_first_version_nothing_was_in_force(
    enacted: ContractInstance,
    registry: ContractInstance,
    roles: Any,
    accusation: Any,
    commit: Callable[..., None],
) -> None:
    before = accusation.but(observed_block=enacted.enacted_block(1) - 1)
    commit(before)
    with reverts("violations: charter version was not in force"):
        registry.reveal(*before.arguments(), sender=roles.relayer)


def test_an_old_observation_is_refused(
    registry: ContractInstance, chain: ChainManager, roles: Any, accusation: Any, commit: Callable[..., None]
) -> None:
    chain.mine(RECENT + 1)
    commit(accusation)
    with reverts("violations: observed block is not recent"):
        registry.reveal(*accusation.arguments(), sender=roles.relayer)


def test_an_allowed_metric_can_still_be_collected_too_often(
    accusation: Any, accuse: Callable[..., int], registry: ContractInstance
) -> None:
    kind = keccak(text="metric_over_collection_rate")
    case = accuse(accusation.but(kind=kind, metric=keccak(text="latency_p50")))
    assert (registry.case_of(case).severity, registry.case_of(case).penalty) == (2, 1)


def test_a_node_in_its_grace_period_is_not_reported(
    enacted: ContractInstance,
    registry: ContractInstance,
    chain: ChainManager,
    roles: Any,
    accusation: Any,
    commit: Callable[..., None],
    accuse: Callable[..., int],
) -> None:
    """Whichever version in force the accuser names, both are asked."""
    enacted.remove_metric("latency_p50", sender=roles.owner)
    enacted.allow_metric("user_location", "{}", sender=roles.owner)
    switched = enacted.enact(enacted.draft_digest(), POLICY, sender=roles.owner).block_number
    chain.mine(10)
    last = switched + enacted.grace_blocks() - 1
    for version, metric in ((2, "latency_p50"), (1, "user_location")):
        lenient = accusation.but(charter_version=version, metric=keccak(text=metric), observed_block=last)
        commit(lenient)
        with reverts("violations: metric was allowed"):
            registry.reveal(*lenient.arguments(), sender=roles.relayer)
    accuse(accusation.but(charter_version=2, metric=keccak(text="latency_p50"), observed_block=last + 1))


def test_the_penalty_is_that_of_the_version_named(
    enacted: ContractInstance,
    registry: ContractInstance,
    chain: ChainManager,
    roles: Any,
    accusation: Any,
    accuse: Callable[..., int],
) -> None:
    enacted.set_violation("silent_collection", 0, 4, sender=roles.owner)
    enacted.enact(enacted.draft_digest(), POLICY, sender=roles.owner)
    case = registry.case_of(accuse(accusation))
    assert (case.severity, case.penalty) == (3, 2)


def test_no_accuser_chooses_the_graver_of_two_penalties(
    enacted: ContractInstance,
    registry: ContractInstance,
    chain: ChainManager,
    roles: Any,
    accusation: Any,
    commit: Callable[..., None],
    accuse: Callable[..., int],
) -> None:
    enacted.set_violation("silent_collection", 3, 4, sender=roles.owner)
    switched = enacted.enact(enacted.draft_digest(), POLICY, sender=roles.owner).block_number
    last = switched + enacted.grace_blocks() - 1
    chain.mine(enacted.grace_blocks())
    graver = accusation.but(charter_version=2, observed_block=last)
    commit(graver)
    with reverts("violations: an older version was in force too"):
        registry.reveal(*graver.arguments(), sender=roles.relayer)
    assert registry.case_of(accuse(graver.but(charter_version=1))).penalty == 2
    later = graver.but(observed_block=last + 1, evidence=b"\x07" * 32)
    assert registry.case_of(accuse(later)).penalty == 4


def test_a_violation_is_tried_once(
    registry: ContractInstance,
    roles: Any,
    accusation: Any,
    commit: Callable[..., None],
    accuse: Callable[..., int],
) -> None:
    """By whoever it is reported, open or decided; only a case that nobody heard may be opened again."""
    first = accuse(accusation)
    thief = accusation.but(payee=roles.stranger.address)
    commit(thief)
    with reverts("cases: already reported"):
        registry.reveal(*thief.arguments(), sender=roles.stranger)
    for auditor in roles.auditors[:2]:
        registry.confirm(first, sender=auditor)
    with reverts("cases: already reported"):
        registry.reveal(*thief.arguments(), sender=roles.stranger)
    assert accuse(accusation.but(evidence=b"\x0e" * 32)) == first + 1


def test_an_unheard_violation_can_be_reported_again(
    registry: ContractInstance, chain: ChainManager, roles: Any, accusation: Any, accuse: Callable[..., int]
) -> None:
    """By whoever reported it, word for word and however late; it was recent once."""
    first = accuse(accusation)
    chain.pending_timestamp += REVIEW
    registry.expire(first, sender=roles.stranger)
    chain.mine(RECENT + 1)
    registry.reveal(*accusation.arguments(), sender=roles.stranger)
    second = int(registry.case_count())
    assert second == first + 1
    assert registry.case_of(first).status == 4
    assert registry.case_of(second).status == 1
    with reverts("cases: already reported"):
        registry.reveal(*accusation.arguments(), sender=roles.stranger)


def test_what_was_punished_before_is_not_punished_by_a_successor(
    project: ProjectManager,
    registry: ContractInstance,
    enacted: ContractInstance,
    nodes: ContractInstance,
    chain: ChainManager,
    roles: Any,
    accusation: Any,
    accuse: Callable[..., int],
) -> None:
    """Nor by the successor's successor; what was only dismissed is tried anew."""
    punished, dismissed = accusation, accusation.but(evidence=b"\x0d" * 32)
    for made, vote in ((punished, registry.confirm), (dismissed, registry.dismiss)):
        case = accuse(made)
        for auditor in roles.auditors[:2]:
            vote(*((case, b"\x01" * 32) if made is dismissed else (case,)), sender=auditor)
    latest = registry
    for _ in range(2):
        latest = roles.owner.deploy(
            project.ViolationRegistry, enacted, nodes, roles.committee, RECENT, REVIEW, latest
        )
    nodes.set_arbiter(latest, sender=roles.owner)
    for made in (punished, dismissed):
        latest.commit(made.commitment(chain.chain_id, latest.address), sender=roles.relayer)
    chain.mine(MINIMUM_AGE - 1)
    assert latest.was_punished(violation_of(punished)) is True
    assert latest.was_punished(violation_of(dismissed)) is False
    with reverts("violations: punished at a predecessor"):
        latest.reveal(*punished.arguments(), sender=roles.relayer)
    latest.reveal(*dismissed.arguments(), sender=roles.relayer)
    assert latest.case_count() == 1


def violation_of(accusation: Any) -> bytes:
    """The id by which the registry knows what was done."""
    parts = [accusation.node, accusation.kind, accusation.metric, accusation.evidence]
    return keccak(encode(["bytes32"] * 4, parts))


@pytest.mark.parametrize("changed", [{"salt": b"\x04" * 32}, {"payee": ZERO}])
def test_an_unheard_violation_is_nobody_elses_to_report(
    registry: ContractInstance,
    chain: ChainManager,
    roles: Any,
    accusation: Any,
    commit: Callable[..., None],
    accuse: Callable[..., int],
    changed: dict[str, Any],
) -> None:
    first = accuse(accusation)
    copy = accusation.but(**changed)
    commit(copy)
    chain.pending_timestamp += REVIEW
    registry.expire(first, sender=roles.stranger)
    with reverts("cases: already reported"):
        registry.reveal(*copy.arguments(), sender=roles.stranger)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({0: ZERO}, "violations: charter is the zero address"),
        ({2: ZERO}, "violations: committee is the zero address"),
        ({3: MINIMUM_AGE - 1}, "commitments: recent blocks are below the minimum age"),
        ({4: 0}, "cases: review period is zero"),
    ],
)
def test_refuses_to_be_built_wrongly(
    project: ProjectManager,
    enacted: ContractInstance,
    nodes: ContractInstance,
    roles: Any,
    change: dict[int, Any],
    reason: str,
) -> None:
    arguments = dict(enumerate((enacted, nodes, roles.committee, RECENT, REVIEW, ZERO))) | change
    with reverts(reason):
        roles.owner.deploy(project.ViolationRegistry, *arguments.values())


def test_says_what_it_was_built_with(
    registry: ContractInstance,
    enacted: ContractInstance,
    nodes: ContractInstance,
    token: ContractInstance,
    roles: Any,
) -> None:
    assert registry.charter() == enacted.address
    assert registry.nodes() == nodes.address
    assert registry.token() == token.address
    assert registry.committee() == roles.committee.address
    assert registry.review_period() == REVIEW
    assert registry.predecessor() == ZERO
    assert registry.owner() == roles.owner.address
    assert registry.API_VERSION() == "1"
