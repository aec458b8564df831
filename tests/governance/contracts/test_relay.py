"""A call made by the Governor itself: by vote, and never to what obeys it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from ape.api import AccountAPI
from ape.contracts import ContractInstance
from ape.managers.project import ProjectManager

from oracles.chain.block import Call
from oracles.governance.proposal import CHARTER_AMENDMENT

from .conftest import UNIT, ZERO, Dao, call_to, error, hashed, refusal, refused_call
from .faults import queued, refused_execution, reserved, unpinned


def relayed(dao: Dao, call: Call, value: int | None = None) -> Call:
    """The call as the Governor is to make it, with that much ETH from the executor (else what it carries)."""
    sent = call.value if value is None else value
    return call_to(dao.governor, "relay", call.to, call.value, call.data, value=sent)


def fund(dao: Dao, account: ContractInstance, amount: int) -> None:
    """Puts ETH where no transfer would be taken."""
    dao.chain.provider.set_balance(account.address, amount)


class TestRelay:
    def test_calls_by_vote_alone(self, dao: Dao, stranger: AccountAPI) -> None:
        call = dao.number_call()
        for caller in (stranger, dao.executor, dao.charter_executor, dao.voters[0]):
            told = dao.ungoverned(caller)
            assert refusal(dao.governor.relay, call.to, 0, call.data, sender=caller) == told
        dao.pass_(relayed(dao, call))
        assert (dao.target.number(), dao.target.setter()) == (7, dao.governor)

    def test_gets_back_what_was_sent_by_mistake(self, dao: Dao, voters: Sequence[AccountAPI]) -> None:
        dao.token.transfer(dao.governor, 5 * UNIT, sender=voters[1])
        before = dao.token.balanceOf(voters[1])
        dao.pass_(relayed(dao, call_to(dao.token, "transfer", voters[1], 5 * UNIT)))
        assert dao.token.balanceOf(voters[1]) - before == 5 * UNIT
        assert dao.token.balanceOf(dao.governor) == 0

    def test_carries_the_executors_eth(self, dao: Dao) -> None:
        fund(dao, dao.executor, 5)
        dao.pass_(relayed(dao, replace(dao.number_call(), value=3)))
        assert (dao.target.balance, dao.governor.balance, dao.executor.balance) == (3, 0, 2)

    @pytest.mark.parametrize("data", [b"", b"\x01\x02"])
    def test_moves_eth_that_was_forced_on_the_governor(self, dao: Dao, data: bytes) -> None:
        fund(dao, dao.governor, 5)
        call = Call(dao.target.address, data, 5)
        dao.pass_(relayed(dao, call, value=0))
        assert (dao.target.balance, dao.governor.balance) == (5, 0)

    def test_spends_no_more_than_there_is(self, dao: Dao) -> None:
        fund(dao, dao.governor, 4)
        call = Call(dao.target.address, b"", 5)
        assert refused_execution(dao, relayed(dao, call, value=0)) == error("FailedCall()")

    def test_has_as_many_mandates_as_the_proposal_has_calls(self, dao: Dao) -> None:
        dao.pass_(*[relayed(dao, dao.number_call())] * 3)
        assert dao.target.calls() == 3

    @pytest.mark.parametrize(
        ("function", "told"),
        [
            ("refuse", error("Error(string)", "governance_target: refused")),
            ("refuse_silently", error("FailedCall()")),
            ("flood", bytes(1_024)),
        ],
    )
    def test_passes_on_why_the_call_failed(self, dao: Dao, function: str, told: bytes) -> None:
        assert refused_execution(dao, relayed(dao, call_to(dao.target, function))) == told


class TestNeverRelayed:
    @pytest.mark.parametrize("victim", ["governor", "executor", "charter_executor"])
    @pytest.mark.parametrize("data", [b"", b"\x12\x34\x56\x78", b"\x12"])
    def test_to_what_obeys_the_governor(self, dao: Dao, victim: str, data: bytes) -> None:
        call = Call(getattr(dao, victim).address, data)
        told = reserved(call, CHARTER_AMENDMENT) if victim == "charter_executor" else unpinned(call)
        assert refused_execution(dao, relayed(dao, call)) == told

    def test_to_an_executor_that_it_could_drain(self, dao: Dao, stranger: AccountAPI) -> None:
        """The Governor has the executors' roles: a relay could schedule, cancel and execute with them."""
        fund(dao, dao.executor, 10)
        schedule = ("schedule", stranger, 10, b"", bytes(32), bytes(32), 30)
        for call in (
            call_to(dao.executor, *schedule),
            call_to(dao.executor, "execute", stranger, 10, b"", bytes(32), bytes(32)),
            call_to(dao.executor, "cancel", bytes(32)),
            call_to(dao.executor, "renounceRole", dao.executor.PROPOSER_ROLE(), dao.governor),
        ):
            assert refused_execution(dao, relayed(dao, call)) == unpinned(call)
        call = call_to(dao.charter_executor, *schedule)
        assert refused_execution(dao, relayed(dao, call)) == reserved(call, CHARTER_AMENDMENT)

    def test_to_an_executor_of_before(self, dao: Dao, new_executor: ContractInstance) -> None:
        dao.pass_(call_to(dao.governor, "updateTimelock", new_executor.address))
        call = call_to(dao.executor, "cancel", bytes(32))
        assert refused_execution(dao, relayed(dao, call)) == unpinned(call)

    def test_to_the_governor_itself(self, dao: Dao) -> None:
        for call in (
            call_to(dao.governor, "setVotingPeriod", 1),
            relayed(dao, dao.number_call()),
            call_to(dao.governor, "castVote", 1, 1),
        ):
            assert refused_execution(dao, relayed(dao, call)) == unpinned(call)
        assert dao.governor.votingPeriod() != 1

    @pytest.mark.parametrize("data", [b"", b"\x12\x34\x56\x78", None])
    def test_as_a_call_of_another_track(self, dao: Dao, data: bytes | None) -> None:
        call = dao.charter_call() if data is None else Call(dao.charter.address, data)
        assert refused_execution(dao, relayed(dao, call)) == reserved(call, CHARTER_AMENDMENT)
        dao.pass_(dao.charter_call(), track=CHARTER_AMENDMENT)
        assert dao.charter.setter() == dao.charter_executor

    def test_as_a_call_that_was_reserved_in_the_meantime(self, dao: Dao) -> None:
        waiting = queued(dao, relayed(dao, dao.number_call()))
        call = dao.number_call()
        taken = (dao.target.address, call.data[:4], b"charter_amendment".ljust(32, b"\0"))
        dao.pass_(call_to(dao.governor, "reserveCall", *taken))
        told = reserved(call, CHARTER_AMENDMENT)
        assert refusal(dao.governor.execute, *hashed(waiting), sender=dao.owner) == told

    def test_for_the_other_tracks(self, dao: Dao) -> None:
        call = relayed(dao, dao.charter_call())
        arguments = ([call.to], [0], [call.data], f"#track={CHARTER_AMENDMENT}\nwhy")
        assert refusal(dao.governor.propose, *arguments, sender=dao.voters[0]) == reserved(call, "standard")


class TestUnnamedExecutor:
    def test_is_out_of_reach_though_no_track_has_it_yet(
        self, dao: Dao, new_executor: ContractInstance
    ) -> None:
        """It obeys the Governor already: a relayed call would take it before its track does."""
        call = call_to(new_executor, "getMinDelay")
        told = error("GovernorUnpinnedCall(address,bytes4)", new_executor, call.data[:4])
        assert refused_execution(dao, relayed(dao, call)) == told
        for role in ("PROPOSER_ROLE", "CANCELLER_ROLE", "EXECUTOR_ROLE"):
            assert new_executor.hasRole(getattr(new_executor, role)(), dao.governor)

    def test_is_a_stranger_while_it_does_not_obey(
        self, project: ProjectManager, dao: Dao, owner: AccountAPI
    ) -> None:
        timelock = owner.deploy(project.Timelock, 0, [], [], ZERO)
        dao.pass_(relayed(dao, call_to(timelock, "getMinDelay")))


class TestRules:
    """The code that the Governor hands calls on to, called by itself."""

    def test_govern_nothing(self, dao: Dao, rules: ContractInstance, stranger: AccountAPI) -> None:
        for caller in (stranger, dao.executor, dao.governor):
            told = error("GovernorOnlyExecutor(address)", caller)
            for method, arguments in (
                (rules.relay, (dao.target.address, 0, b"")),
                (rules.setVotingPeriod, (1,)),
                (rules.setProposalGuardian, (stranger,)),
                (rules.setCoSigner, (stranger,)),
                (rules.reserveCall, (dao.target.address, bytes(4), bytes(32))),
                (rules.updateTimelock, (stranger,)),
            ):
                assert refusal(method, *arguments, sender=caller) == told

    def test_know_no_proposal(self, dao: Dao, rules: ContractInstance, stranger: AccountAPI) -> None:
        told = error("GovernorNonexistentProposal(uint256)", 1)
        for step in ("queue", "execute", "cancel", "coSign", "proposalDetails", "proposalTrack"):
            assert refused_call(rules, error(f"{step}(uint256)", 1), sender=stranger) == told
        assert (rules.proposalCount(), rules.trackCount()) == (0, 0)
        told = error("GovernorUnknownTrack(bytes32)", b"standard".ljust(32, b"\0"))
        assert refusal(rules.track, b"standard".ljust(32, b"\0"), sender=stranger) == told

    def test_take_no_eth(self, rules: ContractInstance, stranger: AccountAPI) -> None:
        assert refused_call(rules, b"", sender=stranger, value=1) == b""

    def test_obey_no_executor_that_has_a_mandate_at_the_governor(
        self, dao: Dao, rules: ContractInstance
    ) -> None:
        call = call_to(rules, "setVotingPeriod", 1)
        told = error("GovernorOnlyExecutor(address)", dao.executor)
        again = call_to(dao.governor, "setVotingPeriod", 1)
        assert refused_execution(dao, again, call) == told
        dao.pass_(again)
        assert (dao.governor.votingPeriod(), rules.votingPeriod()) == (1, 0)


@pytest.fixture
def rules(dao: Dao) -> ContractInstance:
    """The Governor's rules, at their own address."""
    found: ContractInstance = dao.chain.contracts.instance_at(
        dao.governor.rules(), contract_type=dao.governor.contract_type
    )
    return found
