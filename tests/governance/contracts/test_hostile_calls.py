"""Executions of hostile calls: what proposals call may revert, flood, burn, re-enter or take ETH."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from ape.api import AccountAPI
from ape.contracts import ContractInstance

from oracles.chain.block import Call
from oracles.chain.governor import Proposal
from oracles.governance.proposal import CHARTER_AMENDMENT, STANDARD, draft, proposal_id

from .conftest import (
    CANCELED,
    CHARTER_PERIOD,
    DEFEATED,
    EXECUTED,
    FOR,
    PENDING,
    QUEUED,
    SUCCEEDED,
    UNIT,
    VOTING_PERIOD,
    ZERO,
    Dao,
    call_to,
    charter_track,
    delegate,
    error,
    hashed,
    refusal,
)
from .faults import queued, refused_proposal, reserved, unexpected


def install(dao: Dao, code: bytes) -> None:
    """Makes other code answer at the target."""
    dao.chain.provider.make_request("anvil_setCode", [dao.target.address, f"0x{code.hex()}"])


def calling(contract: ContractInstance, data: bytes) -> bytes:
    """Code that makes one call, whatever it is called with, and reverts if that reverts, with its reason."""
    size = len(data).to_bytes(2, "big").hex()
    head = (
        f"61{size}6100335f39"  # copy the data, which stands behind the code
        f"5f5f61{size}5f5f73{contract.address[2:]}5af1"
        "3d5f5f3e"  # copy the answer
        "610031573d5ffd5b00"
    )
    return bytes.fromhex(head) + data


def by_id(step: str, proposal: Proposal) -> bytes:
    """The call of queue, execute or cancel that takes the id alone."""
    return error(f"{step}(uint256)", proposal_id(proposal))


class TestReverting:
    @pytest.mark.parametrize(
        ("function", "told"),
        [
            ("refuse", error("Error(string)", "governance_target: refused")),
            ("refuse_silently", error("FailedCall()")),
            ("flood", bytes(1_024)),
        ],
    )
    @pytest.mark.parametrize("first", [True, False])
    def test_undoes_the_other_calls(self, dao: Dao, function: str, told: bytes, first: bool) -> None:
        bad = call_to(dao.target, function)
        calls = [bad, dao.number_call()] if first else [dao.number_call(), bad]
        proposal = queued(dao, *calls)
        assert refusal(dao.governor.execute, *hashed(proposal), sender=dao.owner) == told
        assert (dao.target.calls(), dao.state(proposal)) == (0, QUEUED)

    def test_today_may_succeed_tomorrow(self, dao: Dao, voters: Sequence[AccountAPI]) -> None:
        proposal = queued(dao, call_to(dao.token, "transfer", voters[0], UNIT))
        refused = refusal(dao.governor.execute, *hashed(proposal), sender=dao.owner)
        assert refused == error("ERC20InsufficientBalance(address,uint256,uint256)", dao.executor, 0, UNIT)
        dao.token.transfer(dao.executor, UNIT, sender=voters[0])
        dao.execute(proposal)
        assert dao.state(proposal) == EXECUTED

    def test_burns_no_more_than_it_is_given(self, dao: Dao) -> None:
        """An answer of a megabyte is not copied."""
        proposal = queued(dao, dao.number_call())
        install(dao, bytes.fromhex("621000005ff3"))
        receipt = dao.execute(proposal)
        assert dao.state(proposal) == EXECUTED
        # The target itself pays two million for a megabyte of memory; a copy of it would cost as much again.
        assert receipt.gas_used < 2_400_000

    def test_is_not_hidden_by_too_little_gas(self, dao: Dao) -> None:
        """Nobody can make one of the calls fail and the proposal pass."""
        proposal = queued(dao, dao.number_call(1), dao.number_call(2))
        data = bytes(dao.governor.execute.encode_input(*hashed(proposal)))
        web3 = dao.chain.provider.web3
        succeeded: list[int] = []
        for gas in range(100_000, 600_001, 50_000):
            call = {"from": dao.owner.address, "to": dao.governor.address, "data": data, "gas": gas}
            try:
                web3.eth.call(call)
            except Exception:
                assert not succeeded
            else:
                succeeded.append(gas)
        assert succeeded
        dao.governor.execute(*hashed(proposal), sender=dao.owner, gas_limit=succeeded[0])
        assert (dao.target.calls(), dao.target.number()) == (2, 2)


class TestReentering:
    def test_its_own_execution(self, dao: Dao) -> None:
        proposal = queued(dao, dao.number_call())
        install(dao, calling(dao.governor, by_id("execute", proposal)))
        told = unexpected(proposal, EXECUTED, QUEUED)
        assert refusal(dao.governor.execute, *hashed(proposal), sender=dao.owner) == told
        assert dao.state(proposal) == QUEUED

    @pytest.mark.parametrize("step", ["queue", "cancel"])
    def test_the_other_steps_of_its_own(self, dao: Dao, step: str) -> None:
        proposal = queued(dao, dao.number_call())
        install(dao, calling(dao.governor, by_id(step, proposal)))
        told = unexpected(proposal, EXECUTED, SUCCEEDED)
        if step == "cancel":
            told = error("GovernorUnableToCancel(uint256,address)", proposal_id(proposal), dao.target)
        assert refusal(dao.governor.execute, *hashed(proposal), sender=dao.owner) == told

    def test_another_execution(self, dao: Dao) -> None:
        """It is anybody's to execute what is ready, so the target's too."""
        inner = queued(dao, call_to(dao.governor, "setVotingDelay", 9))
        outer = queued(dao, dao.number_call(), call_to(dao.governor, "setVotingPeriod", 99))
        install(dao, calling(dao.governor, by_id("execute", inner)))
        dao.execute(outer)
        assert (dao.state(inner), dao.state(outer)) == (EXECUTED, EXECUTED)
        assert (dao.governor.votingDelay(), dao.governor.votingPeriod()) == (9, 99)

    def test_another_queue(self, dao: Dao) -> None:
        other = dao.propose(dao.number_call(8))
        dao.vote(other, FOR)
        proposal = queued(dao, dao.number_call())
        install(dao, calling(dao.governor, by_id("queue", other)))
        dao.execute(proposal)
        assert (dao.state(other), dao.state(proposal)) == (QUEUED, EXECUTED)

    def test_a_vote(self, dao: Dao, voters: Sequence[AccountAPI]) -> None:
        delegate(dao.token, dao.target, sender=voters[1])
        proposal = queued(dao, dao.number_call(), dao.number_call(8))
        other = dao.propose(dao.number_call(9))
        identifier = dao.open(other)
        install(dao, calling(dao.governor, error("castVote(uint256,uint8)", identifier, FOR)))
        told = error("GovernorAlreadyCastVote(address)", dao.target)  # by the second call
        assert refusal(dao.governor.execute, *hashed(proposal), sender=dao.owner) == told
        single = queued(dao, dao.number_call(10))
        identifier = dao.open(dao.propose(dao.number_call(11)))
        install(dao, calling(dao.governor, error("castVote(uint256,uint8)", identifier, FOR)))
        dao.execute(single)
        assert tuple(dao.governor.proposalVotes(identifier)) == (0, 250 * UNIT, 0)

    def test_with_the_executors_mandate(self, dao: Dao) -> None:
        """While it lasts, nobody else can use it."""
        change = call_to(dao.governor, "setVotingPeriod", 99)
        proposal = queued(dao, dao.number_call(), change)
        install(dao, calling(dao.governor, change.data))
        told = error("GovernorOnlyExecutor(address)", dao.target)
        assert refusal(dao.governor.execute, *hashed(proposal), sender=dao.owner) == told
        assert dao.governor.votingPeriod() == VOTING_PERIOD

    def test_through_the_executor(self, dao: Dao) -> None:
        proposal = queued(dao, dao.number_call())
        role = dao.executor.EXECUTOR_ROLE()
        direct = dao.executor.execute.encode_input(dao.target, 0, b"", bytes(32), bytes(32))
        install(dao, calling(dao.executor, bytes(direct)))
        told = error("AccessControlUnauthorizedAccount(address,bytes32)", dao.target, role)
        assert refusal(dao.governor.execute, *hashed(proposal), sender=dao.owner) == told


class TestPower:
    @pytest.mark.parametrize(
        "role", ["PROPOSER_ROLE", "EXECUTOR_ROLE", "CANCELLER_ROLE", "DEFAULT_ADMIN_ROLE"]
    )
    @pytest.mark.parametrize("function", ["grantRole", "revokeRole"])
    def test_over_an_executor_is_its_administrators(self, dao: Dao, role: str, function: str) -> None:
        word = getattr(dao.charter_executor, role)()
        call = call_to(dao.charter_executor, function, word, dao.executor)
        assert refused_proposal(dao, call) == reserved(call, CHARTER_AMENDMENT)
        own = call_to(dao.executor, function, word, dao.charter_executor)
        assert refused_proposal(dao, own, track=CHARTER_AMENDMENT) == reserved(own, STANDARD)
        dao.propose(own)
        dao.propose(call, track=CHARTER_AMENDMENT)

    def test_can_be_given_up_with_open_eyes(self, dao: Dao, stranger: AccountAPI) -> None:
        """A proposal that rotates its executor's roles is carried out; then the Governor has lost it."""
        executor = dao.executor
        roles = [getattr(executor, f"{name}_ROLE")() for name in ("PROPOSER", "EXECUTOR")]
        following = dao.propose(dao.number_call())
        rotation = dao.propose(
            *(call_to(executor, "grantRole", role, stranger) for role in roles),
            *(call_to(executor, "revokeRole", role, dao.governor) for role in roles),
        )
        dao.open(rotation)
        for proposal in (following, rotation):
            dao.governor.castVote(proposal_id(proposal), FOR, sender=dao.voters[0])
        dao.close(rotation)
        dao.queue(rotation)
        dao.execute(rotation)
        assert dao.state(rotation) == EXECUTED
        told = error("AccessControlUnauthorizedAccount(address,bytes32)", dao.governor, roles[0])
        assert refusal(dao.governor.queue, *hashed(following), sender=dao.owner) == told
        dao.pass_(dao.charter_call(), track=CHARTER_AMENDMENT)

    def test_to_shorten_a_track_changes_no_vote_that_has_begun(self, dao: Dao) -> None:
        shorter = call_to(dao.governor, "setTrack", charter_track(dao.charter_executor, voting_period=1))
        assert refused_proposal(dao, shorter) == reserved(shorter, CHARTER_AMENDMENT)
        change = queued(dao, shorter, track=CHARTER_AMENDMENT)
        running = dao.propose(dao.charter_call(), track=CHARTER_AMENDMENT)
        deadline = dao.governor.proposalDeadline(proposal_id(running))
        dao.execute(change)
        assert dao.governor.proposalDeadline(proposal_id(running)) == deadline
        later = proposal_id(dao.propose(dao.charter_call(8), track=CHARTER_AMENDMENT))
        lengths = [
            dao.governor.proposalDeadline(each) - dao.governor.proposalSnapshot(each)
            for each in (proposal_id(running), later)
        ]
        assert lengths == [CHARTER_PERIOD, 1]

    def test_to_shorten_a_track_and_use_it_takes_two_votes(self, dao: Dao) -> None:
        """All calls of a proposal are checked before the first is made."""
        free = call_to(
            dao.governor, "reserveCall", dao.charter.address, bytes(4), b"standard".ljust(32, b"\0")
        )
        both = refused_proposal(dao, free, dao.charter_call(), track=STANDARD)
        assert both == reserved(free, CHARTER_AMENDMENT)
        dao.pass_(free, track=CHARTER_AMENDMENT)
        dao.pass_(dao.charter_call())
        assert dao.charter.setter() == dao.executor


class TestSquatting:
    def test_of_an_id_is_possible_without_a_named_proposer(
        self, dao: Dao, voters: Sequence[AccountAPI]
    ) -> None:
        """Who sees it first can propose it first, and cancel it."""
        proposal = draft([dao.number_call()], "why")
        arguments = (*proposal.arguments(), proposal.description)
        dao.governor.propose(*arguments, sender=voters[1])
        dao.governor.cancel(*hashed(proposal), sender=voters[1])
        told = unexpected(proposal, CANCELED)
        assert refusal(dao.governor.propose, *arguments, sender=voters[0]) == told

    def test_of_an_id_is_refused_with_one(self, dao: Dao, voters: Sequence[AccountAPI]) -> None:
        proposal = draft([dao.number_call()], "why", proposer=voters[0].address)
        arguments = (*proposal.arguments(), proposal.description)
        told = error("GovernorRestrictedProposer(address)", voters[1])
        assert refusal(dao.governor.propose, *arguments, sender=voters[1]) == told
        dao.governor.propose(*arguments, sender=voters[0])
        told = error("GovernorUnableToCancel(uint256,address)", proposal_id(proposal), voters[1])
        assert refusal(dao.governor.cancel, *hashed(proposal), sender=voters[1]) == told
        assert dao.state(proposal) == PENDING

    @pytest.mark.parametrize("way", ["defeated", "executed"])
    def test_of_an_id_that_is_over_leaves_it_over(self, dao: Dao, way: str) -> None:
        proposal = queued(dao, dao.number_call()) if way == "executed" else dao.propose(dao.number_call())
        if way == "executed":
            dao.execute(proposal)
        else:
            dao.close(proposal)
        told = unexpected(proposal, EXECUTED if way == "executed" else DEFEATED)
        arguments = (*proposal.arguments(), proposal.description)
        assert refusal(dao.governor.propose, *arguments, sender=dao.voters[0]) == told
        dao.propose(dao.number_call(), text="once more")


class TestEth:
    def test_may_come_from_the_executor_or_with_the_execution(self, dao: Dao) -> None:
        dao.owner.transfer(dao.executor, 5)
        dao.execute(queued(dao, replace(dao.number_call(), value=3)))
        assert (dao.target.balance, dao.executor.balance) == (3, 2)
        dao.execute(queued(dao, replace(dao.number_call(8), value=4)), value=4)
        assert (dao.target.balance, dao.executor.balance, dao.governor.balance) == (7, 2, 0)

    def test_too_much_of_it_stays_with_the_executor(self, dao: Dao) -> None:
        dao.execute(queued(dao, replace(dao.number_call(), value=3)), value=5)
        assert (dao.target.balance, dao.executor.balance, dao.governor.balance) == (3, 2, 0)

    def test_too_little_of_it_moves_none(self, dao: Dao) -> None:
        proposal = queued(dao, replace(dao.number_call(), value=3), replace(dao.number_call(8), value=2))
        told = error("FailedCall()")
        refused = refusal(dao.governor.execute, *hashed(proposal), sender=dao.owner, value=4)
        assert (refused, dao.target.balance) == (told, 0)
        dao.execute(proposal, value=5)
        assert dao.target.balance == 5

    def test_is_refused_by_the_governors_settings(self, dao: Dao) -> None:
        call = replace(call_to(dao.governor, "setVotingPeriod", 99), value=1)
        proposal = queued(dao, call)
        told = error("FailedCall()")
        assert refusal(dao.governor.execute, *hashed(proposal), sender=dao.owner, value=1) == told
        dao.pass_(replace(call, value=0))
        assert dao.governor.votingPeriod() == 99

    def test_goes_to_whom_has_no_code(self, dao: Dao) -> None:
        receiver = "0x" + "cd" * 20
        before = dao.chain.provider.get_balance(receiver)
        dao.execute(queued(dao, Call(receiver, b"", 2), Call(ZERO, b"", 1)), value=3)
        assert dao.chain.provider.get_balance(receiver) - before == 2

    @pytest.mark.parametrize("step", ["propose", "queue", "cancel"])
    def test_is_taken_by_no_other_step(self, dao: Dao, step: str) -> None:
        proposal = draft([dao.number_call()], "why")
        last: bytes | str = proposal.description
        if step != "propose":
            dao.propose(dao.number_call())
            last = proposal.description_hash
        if step == "queue":
            dao.vote(proposal, FOR)
        method = getattr(dao.governor, step)
        arguments = (*proposal.arguments(), last)
        assert refusal(method, *arguments, sender=dao.voters[0], value=1) == b""
        method(*arguments, sender=dao.voters[0])


def test_an_execution_cannot_be_refused_its_place(dao: Dao, stranger: AccountAPI) -> None:
    """Nobody but the Governor can schedule or execute with an executor, and so block an operation."""
    proposal = queued(dao, dao.number_call())
    batch = (*proposal.arguments(), bytes(32), bytes(32))
    for method, last, role in (
        (dao.executor.scheduleBatch, (EXECUTED,), "PROPOSER_ROLE"),
        (dao.executor.executeBatch, (), "EXECUTOR_ROLE"),
    ):
        needed = getattr(dao.executor, role)()
        told = error("AccessControlUnauthorizedAccount(address,bytes32)", stranger, needed)
        assert refusal(method, *batch, *last, sender=stranger) == told
    dao.execute(proposal)
    assert dao.state(proposal) == EXECUTED
