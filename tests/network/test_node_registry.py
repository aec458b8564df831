"""NodeRegistry: bonds, ledger keys, standing, and the arbiter's bounded power."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ape import reverts
from ape.api import AccountAPI
from ape.contracts import ContractInstance
from ape.managers.chain import ChainManager
from ape.managers.project import ProjectManager
from eth_abi import encode
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

MINIMUM_BOND = 1_000
UNBONDING = 7 * 86_400
KEY = b"\x01" * 32
OTHER_KEY = b"\x02" * 32
ENDPOINT = "http://node.example:8000"
UNKNOWN = b"\xee" * 32
ZERO = "0x" + "00" * 20
NONE, RATE_LIMITED, SUSPENDED, FINE, BAN = range(5)


def event(receipt: Any, name: str) -> Any:
    """The one event of that name in a receipt."""
    found = [log for log in receipt.events if log.event_name == name]
    assert len(found) == 1, f"{name}: {len(found)} in {[log.event_name for log in receipt.events]}"
    return found[0]


# Construction


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"token": ZERO}, "nodes: token is the zero address"),
        ({"treasury": ZERO}, "nodes: treasury is the zero address"),
        ({"bond": 0}, "nodes: minimum bond is zero"),
        ({"unbonding": 2**32}, "nodes: unbonding period is too long"),
    ],
)
def test_refuses_to_be_built_wrongly(
    project: ProjectManager,
    owner: AccountAPI,
    token: ContractInstance,
    treasury: AccountAPI,
    change: dict[str, Any],
    reason: str,
) -> None:
    given_ = {"token": token, "treasury": treasury, "bond": MINIMUM_BOND, "unbonding": UNBONDING} | change
    with reverts(reason):
        owner.deploy(project.NodeRegistry, *given_.values())


def test_says_what_it_was_built_with(
    nodes: ContractInstance, token: ContractInstance, owner: AccountAPI, treasury: AccountAPI
) -> None:
    assert nodes.token() == token.address
    assert nodes.minimum_bond() == MINIMUM_BOND
    assert nodes.unbonding_period() == UNBONDING
    assert nodes.treasury() == treasury.address
    assert nodes.owner() == owner.address
    assert nodes.API_VERSION() == "1"


# Registration


def test_register_binds_operator_and_key(
    nodes: ContractInstance, token: ContractInstance, operator: AccountAPI, register: Callable[..., bytes]
) -> None:
    before = token.balanceOf(operator)
    node = register(bond=MINIMUM_BOND + 1)

    assert node == keccak(encode(["address", "bytes32"], [operator.address, KEY]))
    kept = nodes.node(node)
    assert kept.operator == operator.address
    assert bytes(kept.ledger_key) == KEY
    assert (kept.epoch, kept.bond, kept.exit_at, kept.open_cases) == (0, MINIMUM_BOND + 1, 0, 0)
    assert (kept.suspended_until, kept.rate_limited_until, kept.banned) == (0, 0, False)
    assert kept.endpoint == ENDPOINT
    assert nodes.standing(node) == 1
    assert nodes.is_registered(node)
    assert nodes.bond(node) == MINIMUM_BOND + 1
    assert nodes.node_count() == 1
    assert bytes(nodes.node_at(0)) == node
    assert token.balanceOf(operator) == before - MINIMUM_BOND - 1
    assert token.balanceOf(nodes) == MINIMUM_BOND + 1


def test_an_unknown_node_is_unknown(nodes: ContractInstance) -> None:
    assert nodes.standing(UNKNOWN) == 0
    assert not nodes.is_registered(UNKNOWN)
    assert nodes.bond(UNKNOWN) == 0
    assert nodes.node(UNKNOWN).operator == ZERO
    assert bytes(nodes.node_at(0)) == b"\x00" * 32


@pytest.mark.parametrize(
    ("key", "bond", "reason"),
    [
        (b"\x00" * 32, MINIMUM_BOND, "nodes: ledger key is zero"),
        (KEY, MINIMUM_BOND - 1, "nodes: bond is below the minimum"),
        (KEY, 2**128, "records: bond exceeds 128 bits"),
    ],
)
def test_register_refuses(
    nodes: ContractInstance, operator: AccountAPI, key: bytes, bond: int, reason: str
) -> None:
    with reverts(reason):
        nodes.register(key, ENDPOINT, bond, sender=operator)


def test_register_refuses_the_same_node_twice(
    nodes: ContractInstance, operator: AccountAPI, node: bytes
) -> None:
    with reverts("nodes: already registered"):
        nodes.register(KEY, ENDPOINT, MINIMUM_BOND, sender=operator)


def test_register_needs_the_tokens(nodes: ContractInstance, stranger: AccountAPI) -> None:
    with reverts():
        nodes.register(KEY, ENDPOINT, MINIMUM_BOND, sender=stranger)


# The operator's own


def test_rotate_keeps_the_old_key_attributable(
    nodes: ContractInstance, operator: AccountAPI, node: bytes
) -> None:
    rotated = event(nodes.rotate_ledger_key(node, OTHER_KEY, sender=operator), "LedgerKeyRotated")
    assert (rotated.epoch, bytes(rotated.ledger_key)) == (1, OTHER_KEY)
    assert nodes.node(node).epoch == 1
    assert bytes(nodes.node(node).ledger_key) == OTHER_KEY
    assert bytes(nodes.ledger_key_at(node, 0)) == KEY
    assert bytes(nodes.ledger_key_at(node, 1)) == OTHER_KEY


@pytest.mark.parametrize(
    ("key", "reason"),
    [(KEY, "nodes: ledger key is the same"), (b"\x00" * 32, "nodes: ledger key is zero")],
)
def test_rotate_refuses(
    nodes: ContractInstance, operator: AccountAPI, node: bytes, key: bytes, reason: str
) -> None:
    with reverts(reason):
        nodes.rotate_ledger_key(node, key, sender=operator)


def test_set_endpoint(nodes: ContractInstance, operator: AccountAPI, node: bytes) -> None:
    nodes.set_endpoint(node, "http://elsewhere:1", sender=operator)
    assert nodes.node(node).endpoint == "http://elsewhere:1"


def test_add_bond(
    nodes: ContractInstance, token: ContractInstance, operator: AccountAPI, node: bytes
) -> None:
    added = event(nodes.add_bond(node, 5, sender=operator), "BondAdded")
    assert (added.amount, added.bond) == (5, MINIMUM_BOND + 5)
    assert nodes.bond(node) == token.balanceOf(nodes) == MINIMUM_BOND + 5


def test_add_bond_refuses_nothing(nodes: ContractInstance, operator: AccountAPI, node: bytes) -> None:
    with reverts("nodes: amount is zero"):
        nodes.add_bond(node, 0, sender=operator)


OPERATED: list[tuple[str, tuple[Any, ...]]] = [
    ("rotate_ledger_key", (OTHER_KEY,)),
    ("set_endpoint", ("x",)),
    ("add_bond", (1,)),
    ("request_exit", ()),
    ("withdraw", ()),
]


@pytest.mark.parametrize(("function", "arguments"), OPERATED)
def test_a_stranger_does_not_operate_a_node(
    nodes: ContractInstance, stranger: AccountAPI, node: bytes, function: str, arguments: tuple[Any, ...]
) -> None:
    with reverts("nodes: caller is not the operator"):
        getattr(nodes, function)(node, *arguments, sender=stranger)
    with reverts("nodes: caller is not the operator"):
        getattr(nodes, function)(UNKNOWN, *arguments, sender=stranger)


@pytest.mark.parametrize(("function", "arguments"), OPERATED[:4])
def test_a_leaving_node_is_not_operated(
    nodes: ContractInstance, operator: AccountAPI, node: bytes, function: str, arguments: tuple[Any, ...]
) -> None:
    nodes.request_exit(node, sender=operator)
    with reverts("nodes: node has left"):
        getattr(nodes, function)(node, *arguments, sender=operator)


@pytest.mark.parametrize(("function", "arguments"), OPERATED[:3])
def test_a_banned_node_is_not_operated(
    nodes: ContractInstance,
    operator: AccountAPI,
    arbiter: AccountAPI,
    node: bytes,
    function: str,
    arguments: tuple[Any, ...],
) -> None:
    nodes.penalize(node, BAN, 0, 0, sender=arbiter)
    with reverts("nodes: node is banned"):
        getattr(nodes, function)(node, *arguments, sender=operator)


# Leaving


def test_the_bond_comes_back_after_unbonding(
    nodes: ContractInstance, token: ContractInstance, chain: ChainManager, operator: AccountAPI, node: bytes
) -> None:
    before = token.balanceOf(operator)
    leaving = event(nodes.request_exit(node, sender=operator), "ExitRequested")
    assert nodes.standing(node) == 5
    chain.pending_timestamp = leaving.exit_at - 1
    with reverts("nodes: still unbonding"):
        nodes.withdraw(node, sender=operator)
    chain.pending_timestamp = leaving.exit_at
    nodes.withdraw(node, sender=operator)

    assert token.balanceOf(operator) == before + MINIMUM_BOND
    assert nodes.bond(node) == token.balanceOf(nodes) == 0
    assert nodes.standing(node) == 5
    with reverts("nodes: nothing to withdraw"):
        nodes.withdraw(node, sender=operator)


def test_withdraw_needs_a_request(nodes: ContractInstance, operator: AccountAPI, node: bytes) -> None:
    with reverts("nodes: exit was not requested"):
        nodes.withdraw(node, sender=operator)


def test_a_banned_node_can_leave_with_what_is_left(
    nodes: ContractInstance,
    token: ContractInstance,
    chain: ChainManager,
    operator: AccountAPI,
    arbiter: AccountAPI,
    node: bytes,
) -> None:
    nodes.penalize(node, BAN, 400, 100, sender=arbiter)
    nodes.request_exit(node, sender=operator)
    assert nodes.standing(node) == 4
    chain.pending_timestamp += UNBONDING + 1
    before = token.balanceOf(operator)
    nodes.withdraw(node, sender=operator)
    assert token.balanceOf(operator) == before + MINIMUM_BOND - 400


def test_an_open_case_holds_the_bond(
    nodes: ContractInstance, chain: ChainManager, operator: AccountAPI, arbiter: AccountAPI, node: bytes
) -> None:
    nodes.hold(node, sender=arbiter)
    nodes.hold(node, sender=arbiter)
    nodes.release(node, sender=arbiter)
    assert nodes.node(node).open_cases == 1
    nodes.request_exit(node, sender=operator)
    chain.pending_timestamp += UNBONDING + 1
    with reverts("nodes: a case is open"):
        nodes.withdraw(node, sender=operator)
    nodes.release(node, sender=arbiter)
    nodes.withdraw(node, sender=operator)


def test_a_report_after_unbonding_comes_too_late(
    nodes: ContractInstance, chain: ChainManager, operator: AccountAPI, arbiter: AccountAPI, node: bytes
) -> None:
    leaving = event(nodes.request_exit(node, sender=operator), "ExitRequested")
    nodes.hold(node, sender=arbiter)
    chain.pending_timestamp = leaving.exit_at
    with reverts("nodes: unbonding is over"):
        nodes.hold(node, sender=arbiter)


# The arbiter


@pytest.mark.parametrize(
    ("function", "arguments", "reason"),
    [
        ("hold", (), "nodes: caller is not the arbiter"),
        ("release", (), "nodes: caller holds nothing"),
        ("penalize", (FINE, 2, 1), "nodes: caller is not the arbiter"),
    ],
)
def test_nobody_else_judges(
    nodes: ContractInstance,
    owner: AccountAPI,
    arbiter: AccountAPI,
    node: bytes,
    function: str,
    arguments: tuple[Any, ...],
    reason: str,
) -> None:
    nodes.hold(node, sender=arbiter)
    with reverts(reason):
        getattr(nodes, function)(node, *arguments, sender=owner)


def test_an_unknown_node_is_not_judged(nodes: ContractInstance, arbiter: AccountAPI) -> None:
    with reverts("nodes: unknown node"):
        nodes.hold(UNKNOWN, sender=arbiter)
    with reverts("nodes: caller holds nothing"):
        nodes.release(UNKNOWN, sender=arbiter)
    with reverts("nodes: unknown node"):
        nodes.penalize(UNKNOWN, NONE, 0, 0, sender=arbiter)


@pytest.mark.parametrize(
    ("penalty", "fine", "bounty", "reason"),
    [
        (5, 2, 1, "nodes: unknown penalty"),
        (FINE, 2, 2, "nodes: bounty is not below the fine"),
        (FINE, 0, 1, "nodes: bounty is not below the fine"),
        (FINE, MINIMUM_BOND + 1, 1, "nodes: fine exceeds the bond"),
    ],
)
def test_penalize_refuses(
    nodes: ContractInstance,
    arbiter: AccountAPI,
    node: bytes,
    penalty: int,
    fine: int,
    bounty: int,
    reason: str,
) -> None:
    with reverts(reason):
        nodes.penalize(node, penalty, fine, bounty, sender=arbiter)


@pytest.mark.feature("C11.2")
@pytest.mark.parametrize(
    ("penalty", "standing", "seconds"),
    [(NONE, 1, 0), (RATE_LIMITED, 2, 3_600), (SUSPENDED, 3, 86_400), (FINE, 1, 0), (BAN, 4, None)],
)
def test_each_penalty_sets_the_standing_for_its_time(
    nodes: ContractInstance,
    chain: ChainManager,
    arbiter: AccountAPI,
    node: bytes,
    penalty: int,
    standing: int,
    seconds: int | None,
) -> None:
    receipt = nodes.penalize(node, penalty, 0, 0, sender=arbiter)
    penalized = event(receipt, "Penalized")
    assert nodes.standing(node) == standing
    if seconds is None:
        assert penalized.until == 2**256 - 1
        chain.pending_timestamp += 10**6
    else:
        assert penalized.until == (receipt.timestamp + seconds if seconds else 0)
        chain.pending_timestamp = receipt.timestamp + max(seconds, 1)
    chain.mine()
    assert nodes.standing(node) == (4 if penalty == BAN else 1)


@pytest.mark.feature("C11.2", "C12.2")
def test_a_fine_is_split_between_bounty_and_treasury(
    nodes: ContractInstance,
    token: ContractInstance,
    arbiter: AccountAPI,
    treasury: AccountAPI,
    node: bytes,
) -> None:
    receipt = nodes.penalize(node, FINE, 301, 150, sender=arbiter)
    penalized = event(receipt, "Penalized")
    assert receipt.return_value == 301
    assert (penalized.penalty, penalized.until, penalized.fine, penalized.bounty) == (FINE, 0, 301, 150)
    assert token.balanceOf(arbiter) == 150
    assert token.balanceOf(treasury) == 151
    assert nodes.bond(node) == token.balanceOf(nodes) == MINIMUM_BOND - 301


@pytest.mark.parametrize(
    ("penalty", "seconds", "field"),
    [(RATE_LIMITED, 3_600, "rate_limited_until"), (SUSPENDED, 86_400, "suspended_until")],
)
def test_a_second_penalty_extends_the_first(
    nodes: ContractInstance, arbiter: AccountAPI, node: bytes, penalty: int, seconds: int, field: str
) -> None:
    first = event(nodes.penalize(node, penalty, 0, 0, sender=arbiter), "Penalized").until
    second = event(nodes.penalize(node, penalty, 0, 0, sender=arbiter), "Penalized").until
    assert second == first + seconds
    assert getattr(nodes.node(node), field) == second


def test_the_graver_penalty_shows(nodes: ContractInstance, arbiter: AccountAPI, node: bytes) -> None:
    nodes.penalize(node, SUSPENDED, 0, 0, sender=arbiter)
    nodes.penalize(node, RATE_LIMITED, 0, 0, sender=arbiter)
    assert nodes.standing(node) == 3
    kept = nodes.node(node)
    assert kept.rate_limited_until > 0
    assert kept.suspended_until > kept.rate_limited_until


# Replacement by vote


def test_a_former_arbiter_can_only_let_go(
    nodes: ContractInstance,
    chain: ChainManager,
    owner: AccountAPI,
    operator: AccountAPI,
    arbiter: AccountAPI,
    stranger: AccountAPI,
    node: bytes,
) -> None:
    nodes.hold(node, sender=arbiter)
    nodes.set_arbiter(stranger, sender=owner)
    assert nodes.node(node).open_cases == 0
    with reverts("nodes: caller is not the arbiter"):
        nodes.penalize(node, FINE, 2, 1, sender=arbiter)
    with reverts("nodes: caller is not the arbiter"):
        nodes.hold(node, sender=arbiter)
    assert nodes.holds(arbiter, node) == 1
    nodes.release(node, sender=arbiter)
    assert nodes.holds(arbiter, node) == 0
    nodes.hold(node, sender=stranger)
    assert nodes.node(node).open_cases == 1


def test_fines_go_where_the_owner_says(
    nodes: ContractInstance,
    token: ContractInstance,
    owner: AccountAPI,
    arbiter: AccountAPI,
    stranger: AccountAPI,
    node: bytes,
) -> None:
    nodes.set_treasury(stranger, sender=owner)
    nodes.penalize(node, FINE, 10, 5, sender=arbiter)
    assert token.balanceOf(stranger) == 5


@pytest.mark.parametrize("function", ["set_arbiter", "set_treasury", "transfer_ownership"])
def test_only_the_owner_appoints(
    nodes: ContractInstance, stranger: AccountAPI, arbiter: AccountAPI, function: str
) -> None:
    for caller in (stranger, arbiter):
        with reverts("ownable: caller is not the owner"):
            getattr(nodes, function)(stranger, sender=caller)
    with reverts("ownable: caller is not the owner"):
        nodes.renounce_ownership(sender=stranger)


def test_nobody_is_appointed_by_mistake(nodes: ContractInstance, owner: AccountAPI) -> None:
    with reverts("nodes: arbiter is the zero address"):
        nodes.set_arbiter(ZERO, sender=owner)
    with reverts("nodes: treasury is the zero address"):
        nodes.set_treasury(ZERO, sender=owner)
    with reverts("nodes: treasury is this registry"):
        nodes.set_treasury(nodes, sender=owner)
    with reverts("ownable: new owner is the zero address"):
        nodes.transfer_ownership(ZERO, sender=owner)


def test_ownership_passes_and_ends(nodes: ContractInstance, owner: AccountAPI, stranger: AccountAPI) -> None:
    nodes.transfer_ownership(stranger, sender=owner)
    assert nodes.owner() == stranger.address
    nodes.renounce_ownership(sender=stranger)
    assert nodes.owner() == ZERO


# Tokens that refuse


def test_a_refused_transfer_undoes_everything(
    project: ProjectManager, chain: ChainManager, owner: AccountAPI, arbiter: AccountAPI
) -> None:
    refusing = owner.deploy(project.RefusingToken)
    nodes = owner.deploy(project.NodeRegistry, refusing, arbiter, 1, 0)
    nodes.set_arbiter(arbiter, sender=owner)
    node = bytes(event(nodes.register(KEY, "", 10, sender=owner), "NodeRegistered").node)
    refusing.refuse(True, sender=owner)
    with reverts("nodes: token transfer failed"):
        nodes.register(OTHER_KEY, "", 10, sender=owner)
    with reverts("nodes: token transfer failed"):
        nodes.add_bond(node, 1, sender=owner)
    with reverts("nodes: token transfer failed"):
        nodes.penalize(node, BAN, 10, 0, sender=arbiter)
    nodes.request_exit(node, sender=owner)
    with reverts("nodes: token transfer failed"):
        nodes.withdraw(node, sender=owner)
    assert nodes.bond(node) == 10
    assert nodes.node_count() == 1


# What is packed comes back


def test_packing_loses_nothing(
    nodes: ContractInstance, chain: ChainManager, arbiter: AccountAPI, operator: AccountAPI, node: bytes
) -> None:
    @given(
        steps=st.lists(
            st.one_of(
                st.tuples(st.just("penalize"), st.integers(0, 3), st.integers(0, 20)),
                st.tuples(st.just("bond"), st.integers(1, 99), st.just(0)),
                st.tuples(st.just("rotate"), st.binary(min_size=32, max_size=32), st.just(0)),
            ),
            max_size=6,
        )
    )
    def check(steps: list[tuple[str, Any, int]]) -> None:
        snapshot = chain.snapshot()
        key, epoch, bond, limited, suspended = KEY, 0, MINIMUM_BOND, 0, 0
        for step, value, fine in steps:
            if step == "penalize":
                now = nodes.penalize(node, value, fine, 0, sender=arbiter).timestamp
                bond -= fine
                if value == RATE_LIMITED:
                    limited = max(limited, now) + 3_600
                elif value == SUSPENDED:
                    suspended = max(suspended, now) + 86_400
            elif step == "bond":
                nodes.add_bond(node, value, sender=operator)
                bond += value
            elif value not in (key, b"\x00" * 32):
                nodes.rotate_ledger_key(node, value, sender=operator)
                key, epoch = value, epoch + 1
        kept = nodes.node(node)
        assert kept.operator == operator.address
        assert (bytes(kept.ledger_key), kept.epoch) == (key, epoch)
        assert (kept.bond, kept.rate_limited_until, kept.suspended_until) == (bond, limited, suspended)
        assert (kept.banned, kept.exit_at, kept.endpoint) == (False, 0, ENDPOINT)
        chain.restore(snapshot)

    check()
