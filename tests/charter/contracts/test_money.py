"""Whatever people do with nodes and reports: no token is made or lost, penalties fall once, no schemer gains.

The machine plays three people. The schemer operates nodes, reports them and is paid for it. The honest
operator has a node of his own; whoever reports that is paid at a third address, so that the schemer's books
hold nothing but what he does to himself.
"""

from __future__ import annotations

from typing import Any

import pytest
from ape.contracts import ContractInstance
from ape.managers.chain import ChainManager
from budgets import few
from eth_abi import encode
from eth_utils import keccak
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

MINIMUM_BOND = 10_000
REVIEW = 3 * 86_400
UNBONDING = 30 * 86_400
KINDS = [
    "silent_collection",
    "metric_over_collection_rate",
    "destination_not_allowed",
    "enforcement_tampered",
    "datagram_malformed",
]
_TOPIC = keccak(text="charter")
_ATTEMPTED = keccak(text="metric_not_allowed")
_SLACK = 3_600
"""Seconds before an end in which the machine does nothing: the devnet's clock also moves by itself."""
OPEN, CONFIRMED, DISMISSED, EXPIRED = range(1, 5)


def node_of(operator: Any, key: bytes) -> bytes:
    """The id that the registry gives a node."""
    return keccak(encode(["address", "bytes32"], [operator.address, key]))


@pytest.fixture(scope="module", autouse=True)
def world(registry: ContractInstance, node: bytes, token: ContractInstance, roles: Any) -> None:
    """What every test starts from; the relayer is the schemer and has money too."""
    token.transfer(roles.relayer, 100 * MINIMUM_BOND, sender=roles.owner)
    token.approve(registry.nodes(), 2**256 - 1, sender=roles.relayer)


def test_money_is_conserved_and_nobody_profits_from_himself(
    chain: ChainManager,
    registry: ContractInstance,
    nodes: ContractInstance,
    token: ContractInstance,
    roles: Any,
    node: bytes,
    accusation: Any,
) -> None:
    schemer, honest = roles.relayer, roles.operator
    wealth = 100 * MINIMUM_BOND
    supply = token.totalSupply()
    people = (roles.owner, schemer, honest, roles.whistleblower, roles.treasury, registry, nodes)

    class Books(RuleBasedStateMachine):
        """One run, from the same chain each time."""

        def __init__(self) -> None:
            super().__init__()
            self.snapshot = chain.snapshot()
            self.bonds: dict[bytes, int] = {node: nodes.bond(node)}
            self.leaving: dict[bytes, int] = {}
            self.cases: dict[int, tuple[bytes, int]] = {}
            self.votes: dict[int, dict[str, int]] = {}
            self.statuses: dict[int, int] = {}
            self.schemers_fines = 0
            self.entries = 0
            self.accused = 0

        def teardown(self) -> None:
            chain.restore(self.snapshot)

        def open_cases(self) -> list[int]:
            """The numbers of the cases that no one has decided."""
            return [case for case, status in self.statuses.items() if status == OPEN]

        @rule(bond=st.integers(MINIMUM_BOND, MINIMUM_BOND + 50))
        def register(self, bond: int) -> None:
            if len(self.bonds) > 3:
                return
            key = bytes([len(self.bonds)]) * 32
            nodes.register(key, "", bond, sender=schemer)
            self.bonds[node_of(schemer, key)] = bond

        @rule(data=st.data(), kind=st.sampled_from(KINDS))
        def report(self, data: st.DataObject, kind: str) -> None:
            accused = data.draw(st.sampled_from(sorted(self.bonds)))
            self.accused += 1
            own = accused != node
            made = accusation.but(
                node=accused,
                kind=keccak(text=kind),
                payee=(schemer if own else roles.whistleblower).address,
                evidence=self.accused.to_bytes(32, "big"),
                observed_block=chain.blocks.head.number,
            )
            registry.commit(made.commitment(chain.chain_id, registry.address), sender=schemer)
            chain.mine(registry.MINIMUM_AGE() - 1)
            late = chain.pending_timestamp >= self.leaving.get(accused, 2**64) - _SLACK
            if late:
                return
            registry.reveal(*made.arguments(), sender=schemer)
            case = int(registry.case_count())
            self.cases[case] = (accused, chain.blocks.head.timestamp)
            self.votes[case] = {}
            self.statuses[case] = OPEN

        @precondition(lambda self: self.open_cases())
        @rule(
            data=st.data(), auditor=st.integers(0, 2), vote=st.sampled_from((CONFIRMED, CONFIRMED, DISMISSED))
        )
        def vote(self, data: st.DataObject, auditor: int, vote: int) -> None:
            case = data.draw(st.sampled_from(self.open_cases()))
            sender = roles.auditors[auditor]
            votes = self.votes[case]
            if sender.address in votes or self.over(case):
                return
            votes[sender.address] = vote
            if vote == CONFIRMED:
                receipt = registry.confirm(case, sender=sender)
            else:
                receipt = registry.dismiss(case, b"\x01" * 32, sender=sender)
            applied = [log for log in receipt.events if log.event_name == "PenaltyApplied"]
            if list(votes.values()).count(vote) == 2:
                self.statuses[case] = vote
            assert len(applied) == (self.statuses[case] == CONFIRMED)
            for log in applied:
                accused, _ = self.cases[case]
                assert log.bounty < log.fine or log.fine == log.bounty == 0
                assert log.fine <= self.bonds[accused]
                self.bonds[accused] -= log.fine
                if accused != node:
                    self.schemers_fines += log.fine - log.bounty
            self.refuse_twice(case)

        def over(self, case: int) -> bool:
            """Whether the review period has ended or soon will."""
            return bool(chain.pending_timestamp >= self.cases[case][1] + REVIEW - _SLACK)

        def refuse_twice(self, case: int) -> None:
            """A decided case decides nothing more."""
            if self.statuses[case] == OPEN:
                return
            for auditor in roles.auditors:
                data = registry.confirm.encode_input(case)
                call = {"to": registry.address, "from": auditor.address, "data": data}
                with pytest.raises(Exception, match="case is not open"):
                    chain.provider.web3.eth.call(call)

        @precondition(lambda self: self.open_cases())
        @rule()
        def wait_and_expire(self) -> None:
            chain.pending_timestamp += REVIEW
            for case in self.open_cases():
                registry.expire(case, sender=schemer)
                self.statuses[case] = EXPIRED

        @rule(entries=st.integers(1, 3))
        def report_attempts_twice(self, entries: int) -> None:
            block = chain.blocks.head.number
            attempts = [
                (
                    node,
                    self.entries + i,
                    _ATTEMPTED,
                    b"\x09" * 32,
                    1,
                    block,
                    1,
                    b"\x08" * 32,
                )
                for i in range(entries)
            ]
            item = "(bytes32,uint256,bytes32,bytes32,uint256,uint256,uint256,bytes32)[]"
            payload = encode(["bytes32", item], [b"\x00" * 32, attempts])
            for expected in ("AttemptRecorded", "AttemptRefused"):
                receipt = registry.on_report(_TOPIC, 1, block, payload, sender=roles.committee)
                assert [log.event_name for log in receipt.events] == [expected] * entries
            self.entries += entries

        @rule(data=st.data())
        def leave(self, data: st.DataObject) -> None:
            own = sorted(self.bonds.keys() - self.leaving.keys() - {node})
            if own:
                leaving = data.draw(st.sampled_from(own))
                nodes.request_exit(leaving, sender=schemer)
                self.leaving[leaving] = chain.blocks.head.timestamp + UNBONDING

        @precondition(lambda self: self.leaving)
        @rule(data=st.data())
        def withdraw(self, data: st.DataObject) -> None:
            leaving = data.draw(st.sampled_from(sorted(self.leaving)))
            chain.pending_timestamp = max(chain.pending_timestamp + 1, self.leaving[leaving])
            held = any(self.cases[case][0] == leaving for case in self.open_cases())
            if held or self.bonds[leaving] == 0:
                call = {
                    "to": nodes.address,
                    "from": schemer.address,
                    "data": nodes.withdraw.encode_input(leaving),
                }
                chain.mine()
                with pytest.raises(Exception, match="a case is open" if held else "nothing to withdraw"):
                    chain.provider.web3.eth.call(call)
            else:
                nodes.withdraw(leaving, sender=schemer)
                self.bonds[leaving] = 0

        @rule()
        def claim(self) -> None:
            for payee in (schemer, roles.whistleblower):
                if registry.bounty_of(payee):
                    registry.claim(payee, sender=roles.stranger)

        @invariant()
        def no_token_is_made_or_lost(self) -> None:
            balances = {person.address: token.balanceOf(person) for person in people}
            assert sum(balances.values()) == supply
            assert balances[nodes.address] == sum(self.bonds.values())
            owed = {payee: registry.bounty_of(payee) for payee in (schemer, roles.whistleblower)}
            assert balances[registry.address] == sum(owed.values())
            own = sum(bond for known, bond in self.bonds.items() if known != node)
            assert balances[schemer.address] + own + owed[schemer] == wealth - self.schemers_fines
            assert self.schemers_fines >= 0

    run_state_machine_as_test(Books, settings=few())
