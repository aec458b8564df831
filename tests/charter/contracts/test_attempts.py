"""Reports of attempts: each is checked by itself, counts once, and costs its node nothing."""

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

TOPIC = keccak(text="charter")
ROOT = b"\x77" * 32
UNKNOWN = b"\xee" * 32
EVIDENCE = b"\xe1" * 32
RECENT = 50
POLICY = keccak(text="a policy")
ALREADY_HANDLED, UNKNOWN_NODE, NOT_RECENT, NOT_IN_FORCE, ALLOWED = range(1, 6)

Report = Callable[..., Any]


@pytest.fixture
def attempt(node: bytes, chain: ChainManager) -> Callable[..., tuple[Any, ...]]:
    """An attempt that would be recorded; each keyword makes one thing differ."""
    seen = chain.blocks.head.number

    def make(**changed: Any) -> tuple[Any, ...]:
        fields: dict[str, Any] = {
            "node": node,
            "entry": 0,
            "kind": keccak(text="metric_not_allowed"),
            "metric": keccak(text="user_location"),
            "charter_version": 1,
            "observed_block": seen,
            "count": 1,
            "evidence": EVIDENCE,
        }
        assert not changed.keys() - fields.keys()
        return tuple((fields | changed).values())

    return make


def payload_of(*attempts: tuple[Any, ...], root: bytes = ROOT) -> bytes:
    """What the oracles sign."""
    item = "(bytes32,uint256,bytes32,bytes32,uint256,uint256,uint256,bytes32)"
    return encode(["bytes32", f"{item}[]"], [root, attempts])


@pytest.fixture
def report(registry: ContractInstance, roles: Any, chain: ChainManager) -> Report:
    """Sends a report as the committee; returns what was recorded and what was refused."""

    def send(payload: bytes, block: int | None = None) -> tuple[list[int], list[tuple[int, int]]]:
        block = chain.blocks.head.number if block is None else block
        receipt = registry.on_report(TOPIC, 7, block, payload, sender=roles.committee)
        recorded = [log.entry for log in receipt.events if log.event_name == "AttemptRecorded"]
        refused = [(log.entry, log.reason) for log in receipt.events if log.event_name == "AttemptRefused"]
        return recorded, refused

    return send


@pytest.mark.feature("C3.1")
def test_an_attempt_is_recorded(
    registry: ContractInstance, roles: Any, chain: ChainManager, node: bytes, attempt: Any
) -> None:
    block = chain.blocks.head.number
    receipt = registry.on_report(
        TOPIC, 7, block, payload_of(attempt(entry=4, count=12)), sender=roles.committee
    )
    recorded, anchored = receipt.events
    assert recorded.event_name == "AttemptRecorded"
    assert bytes(recorded.node) == node
    assert bytes(recorded.kind) == keccak(text="metric_not_allowed")
    assert bytes(recorded.metric) == keccak(text="user_location")
    assert (recorded.entry, recorded.charter_version, recorded.count) == (4, 1, 12)
    assert bytes(recorded.evidence) == EVIDENCE
    assert (anchored.event_name, anchored.sequence) == ("CheckpointsAnchored", 7)
    assert bytes(anchored.root) == ROOT
    assert registry.next_entry(node) == 5


def test_an_attempt_costs_the_honest_node_nothing(
    nodes: ContractInstance, node: bytes, report: Report, attempt: Any
) -> None:
    before = nodes.node(node)
    assert report(payload_of(*(attempt(entry=entry) for entry in range(8)))) == (list(range(8)), [])
    assert nodes.node(node) == before
    assert nodes.standing(node) == 1


def test_a_doubled_payload_does_nothing_twice(
    registry: ContractInstance, node: bytes, report: Report, attempt: Any
) -> None:
    payload = payload_of(attempt(entry=3), attempt(entry=3), attempt(entry=9))
    assert report(payload) == ([3, 9], [(3, ALREADY_HANDLED)])
    assert report(payload) == ([], [(3, ALREADY_HANDLED), (3, ALREADY_HANDLED), (9, ALREADY_HANDLED)])
    assert registry.next_entry(node) == 10


def test_a_bad_attempt_does_not_stop_the_others(
    registry: ContractInstance, chain: ChainManager, node: bytes, report: Report, attempt: Any
) -> None:
    chain.mine(RECENT)
    now = chain.blocks.head.number or 0
    bad = [
        (attempt(node=UNKNOWN), UNKNOWN_NODE),
        (attempt(entry=1, observed_block=now + 1), NOT_RECENT),
        (attempt(entry=2, observed_block=now - RECENT - 1), NOT_RECENT),
        (attempt(entry=3, observed_block=now, charter_version=2), NOT_IN_FORCE),
        (attempt(entry=4, observed_block=now, metric=keccak(text="latency_p50")), ALLOWED),
        (attempt(entry=2**256 - 1, observed_block=now), ALREADY_HANDLED),
    ]
    good = attempt(entry=5, observed_block=now - RECENT)
    recorded, refused = report(payload_of(*(item for item, _ in bad), good), now)
    assert recorded == [5]
    assert refused == [(item[1], reason) for item, reason in bad]
    assert registry.next_entry(node) == 6
    assert registry.next_entry(UNKNOWN) == 0


def test_a_refused_entry_is_not_heard_again(report: Report, attempt: Any) -> None:
    allowed = attempt(metric=keccak(text="latency_p50"))
    assert report(payload_of(allowed)) == ([], [(0, ALLOWED)])
    assert report(payload_of(attempt())) == ([], [(0, ALREADY_HANDLED)])


def test_other_kinds_may_concern_an_allowed_metric(report: Report, attempt: Any) -> None:
    over = attempt(kind=keccak(text="metric_over_collection_rate"), metric=keccak(text="latency_p50"))
    assert report(payload_of(over)) == ([0], [])


def test_a_metric_dropped_by_an_amendment_is_an_attempt_only_after_its_grace(
    enacted: ContractInstance, roles: Any, chain: ChainManager, report: Report, attempt: Any
) -> None:
    enacted.remove_metric("latency_p50", sender=roles.owner)
    switched = enacted.enact(enacted.draft_digest(), POLICY, sender=roles.owner).block_number
    chain.mine(10)
    grace = enacted.grace_blocks()
    metric = keccak(text="latency_p50")
    within = attempt(entry=0, metric=metric, charter_version=2, observed_block=switched + grace - 1)
    after = attempt(entry=1, metric=metric, charter_version=2, observed_block=switched + grace)
    old = attempt(entry=2, metric=metric, charter_version=1, observed_block=switched + grace)
    assert report(payload_of(within, after, old)) == ([1], [(0, ALLOWED), (2, NOT_IN_FORCE)])


def test_no_root_anchors_nothing(registry: ContractInstance, roles: Any) -> None:
    receipt = registry.on_report(TOPIC, 7, 1, payload_of(root=b"\x00" * 32), sender=roles.committee)
    assert receipt.events == []


def test_only_the_committee_reports_and_only_on_its_topic(
    registry: ContractInstance, roles: Any, attempt: Any
) -> None:
    payload = payload_of(attempt())
    for caller in (roles.owner, roles.auditors[0], roles.stranger):
        with reverts("violations: caller is not the committee"):
            registry.on_report(TOPIC, 7, 1, payload, sender=caller)
    with reverts("violations: unknown topic"):
        registry.on_report(keccak(text="quests"), 7, 1, payload, sender=roles.committee)


@pytest.mark.parametrize("payload", [b"", b"\x00" * 31, b"\xff" * 96])
def test_a_payload_that_is_none_is_refused_whole(
    registry: ContractInstance, roles: Any, payload: bytes
) -> None:
    with reverts():
        registry.on_report(TOPIC, 7, 1, payload, sender=roles.committee)


def test_nine_attempts_are_too_many(registry: ContractInstance, roles: Any, attempt: Any) -> None:
    with reverts():
        registry.on_report(
            TOPIC, 7, 1, payload_of(*(attempt(entry=entry) for entry in range(9))), sender=roles.committee
        )


def test_the_committee_can_be_replaced_by_the_owner_alone(
    registry: ContractInstance, roles: Any, attempt: Any
) -> None:
    with reverts("ownable: caller is not the owner"):
        registry.set_committee(roles.stranger, sender=roles.committee)
    with reverts("violations: committee is the zero address"):
        registry.set_committee("0x" + "00" * 20, sender=roles.owner)
    registry.set_committee(roles.stranger, sender=roles.owner)
    assert registry.committee() == roles.stranger.address
    with reverts("violations: caller is not the committee"):
        registry.on_report(TOPIC, 7, 1, payload_of(attempt()), sender=roles.committee)
    registry.on_report(TOPIC, 7, 1, payload_of(attempt()), sender=roles.stranger)


def test_the_owner_alone_undoes_a_count_that_hostile_oracles_ran_up(
    registry: ContractInstance, roles: Any, node: bytes, report: Report, attempt: Any
) -> None:
    report(payload_of(attempt(entry=2**255)))
    assert report(payload_of(attempt(entry=4))) == ([], [(4, ALREADY_HANDLED)])
    with reverts("ownable: caller is not the owner"):
        registry.rewind_entries(node, 4, sender=roles.committee)
    for entry in (0, 2**255 + 1, 2**256 - 1):
        with reverts("violations: not a lower entry"):
            registry.rewind_entries(node, entry, sender=roles.owner)
    (log,) = registry.rewind_entries(node, 4, sender=roles.owner).events
    assert (log.event_name, bytes(log.node), log.entry) == ("EntriesRewound", node, 4)
    assert report(payload_of(attempt(entry=4))) == ([4], [])


def test_a_successor_goes_on_where_its_predecessor_stopped(
    project: ProjectManager,
    registry: ContractInstance,
    enacted: ContractInstance,
    nodes: ContractInstance,
    roles: Any,
    chain: ChainManager,
    node: bytes,
    report: Report,
    attempt: Any,
) -> None:
    report(payload_of(attempt(entry=4)))
    successor = roles.owner.deploy(
        project.ViolationRegistry, enacted, nodes, roles.committee, RECENT, 1, registry
    )
    assert successor.predecessor() == registry.address
    assert successor.next_entry(node) == 5
    payload = payload_of(attempt(entry=4), attempt(entry=5))
    receipt = successor.on_report(TOPIC, 8, chain.blocks.head.number, payload, sender=roles.committee)
    names = [(log.event_name, log.entry) for log in receipt.events[:2]]
    assert names == [("AttemptRefused", 4), ("AttemptRecorded", 5)]
    assert successor.next_entry(node) == 6
    assert registry.next_entry(node) == 5
