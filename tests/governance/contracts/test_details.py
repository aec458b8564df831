"""Calls kept on-chain: by its id alone a proposal is read, queued, executed, cancelled (GovernorStorage)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from ape.api import AccountAPI
from ape.managers.project import ProjectManager
from eth_abi.abi import decode

from oracles.chain.block import Call
from oracles.chain.governor import Proposal
from oracles.governance.proposal import proposal_id

from .conftest import (
    ACTIVE,
    CANCELED,
    DEFEATED,
    EXECUTED,
    FOR,
    PENDING,
    QUEUED,
    SUCCEEDED,
    Dao,
    call_to,
    error,
    refusal,
    refused_call,
)
from .faults import nonexistent, queued, unexpected
from .other_dao import found

OUT_OF_RANGE = error("Panic(uint256)", 0x32)
DETAILS = ("address[]", "uint256[]", "bytes[]", "bytes32")
BY_ID = ("queue", "execute", "cancel")


@pytest.fixture(scope="module")
def forgetful(project: ProjectManager, dao: Dao) -> Dao:
    """A DAO that keeps nothing of what its proposals call."""
    return found(project, dao, stores=False)


def by_id(step: str, proposal: Proposal) -> bytes:
    """The call of queue, execute or cancel that takes the id alone."""
    return error(f"{step}(uint256)", proposal_id(proposal))


def send(dao: Dao, sender: AccountAPI, data: bytes, value: int = 0) -> None:
    """Calls the Governor."""
    sender.transfer(dao.governor, value, data=data)


def kept(dao: Dao, proposal: Proposal) -> tuple[list[str], list[int], list[bytes], bytes]:
    """What the Governor kept of a proposal, as anybody reads it."""
    governor = dao.governor
    data = error("proposalDetails(uint256)", proposal_id(proposal))
    answer = governor.provider.web3.eth.call({"to": governor.address, "data": data})
    targets, values, calldatas, description_hash = decode(DETAILS, bytes(answer), strict=True)
    return [target.lower() for target in targets], list(values), list(calldatas), description_hash


def given(proposal: Proposal) -> tuple[list[str], list[int], list[bytes], bytes]:
    """What was proposed, in the same form."""
    targets, values, calldatas = proposal.arguments()
    return [target.lower() for target in targets], values, calldatas, proposal.description_hash


def kept_at(dao: Dao, index: int) -> tuple[int, tuple[list[str], list[int], list[bytes], bytes]]:
    """The id of a proposal by its serial number, and what it calls."""
    identifier, targets, values, calldatas, description_hash = dao.governor.proposalDetailsAt(index)
    details = ([target.lower() for target in targets], list(values), [bytes(data) for data in calldatas])
    return identifier, (*details, bytes(description_hash))


class TestReading:
    @pytest.mark.parametrize("data", [b"", b"\x01", bytes(32), b"\xff" * 100])
    def test_tells_what_was_proposed(self, dao: Dao, data: bytes) -> None:
        proposal = dao.propose(Call(dao.target.address, data, 3), dao.number_call(), text="why, in wörds")
        assert kept(dao, proposal) == given(proposal)
        assert kept_at(dao, 0) == (proposal_id(proposal), given(proposal))

    def test_tells_the_largest_proposal(self, dao: Dao) -> None:
        full = [Call(dao.target.address, bytes([index]) * 2_176, index) for index in range(8)]
        proposal = dao.propose(*full, text="x" * 4_096)
        assert kept(dao, proposal) == given(proposal)
        assert kept_at(dao, 0) == (proposal_id(proposal), given(proposal))

    def test_keeps_them_apart(self, dao: Dao) -> None:
        proposals = [dao.propose(dao.number_call(number), text=f"{number}") for number in range(3)]
        dao.propose(dao.charter_call(), track="charter_amendment")
        assert dao.governor.proposalCount() == 4
        for index, proposal in enumerate(proposals):
            assert kept(dao, proposal) == given(proposal)
            assert kept_at(dao, index) == (proposal_id(proposal), given(proposal))

    def test_refuses_what_there_is_not(self, dao: Dao, stranger: AccountAPI) -> None:
        governor = dao.governor
        assert refusal(governor.proposalDetailsAt, 0, sender=stranger) == OUT_OF_RANGE
        dao.propose(dao.number_call())
        for index in (1, 2**32, 2**255, 2**256 - 1):
            assert refusal(governor.proposalDetailsAt, index, sender=stranger) == OUT_OF_RANGE
        assert refusal(governor.proposalDetails, 1, sender=stranger) == nonexistent(1)

    def test_refuses_what_is_not_kept(self, forgetful: Dao, stranger: AccountAPI) -> None:
        governor = forgetful.governor
        proposal = forgetful.propose(forgetful.number_call())
        identifier = proposal_id(proposal)
        assert governor.proposalCount() == 1
        assert refusal(governor.proposalDetails, identifier, sender=stranger) == nonexistent(identifier)
        assert refusal(governor.proposalDetailsAt, 0, sender=stranger) == OUT_OF_RANGE
        for step in BY_ID:
            told = refused_call(governor, by_id(step, proposal), sender=forgetful.voters[0])
            assert told == nonexistent(identifier)
        forgetful.vote(proposal, FOR)
        forgetful.queue(proposal)
        forgetful.execute(proposal)
        assert forgetful.state(proposal) == EXECUTED

    @pytest.mark.parametrize("serial", [126, 127, 254, 255, 65_534, 65_535, 2**24])
    def test_finds_the_keeper_whatever_its_serial_number(self, dao: Dao, serial: int) -> None:
        """A keeper's address is a hash of its number, which is encoded in ever more bytes."""
        provider, governor = dao.chain.provider, dao.governor.address
        dao.propose(dao.number_call())
        (slot,) = [
            at for at in range(32) if int.from_bytes(provider.web3.eth.get_storage_at(governor, at)) == 1
        ]
        provider.make_request("anvil_setNonce", [governor, hex(serial + 1)])
        provider.make_request("anvil_setStorageAt", [governor, hex(slot), f"0x{serial:064x}"])
        assert dao.governor.proposalCount() == serial
        proposal = dao.propose(dao.number_call(), text="later")
        assert kept(dao, proposal) == given(proposal)
        assert kept_at(dao, serial) == (proposal_id(proposal), given(proposal))


class TestById:
    def test_takes_a_proposal_the_whole_way(self, dao: Dao, stranger: AccountAPI) -> None:
        proposal = dao.propose(replace(dao.number_call(), value=2), dao.number_call(8))
        refused = refused_call(dao.governor, by_id("queue", proposal), sender=stranger)
        assert refused == unexpected(proposal, PENDING, SUCCEEDED)
        dao.vote(proposal, FOR)
        refused = refused_call(dao.governor, by_id("execute", proposal), sender=stranger)
        assert refused == unexpected(proposal, SUCCEEDED, QUEUED)
        send(dao, stranger, by_id("queue", proposal))
        assert dao.state(proposal) == QUEUED
        refused = refused_call(dao.governor, by_id("execute", proposal), sender=stranger)
        signature = "TimelockUnexpectedOperationState(bytes32,bytes32)"
        assert refused[:4] == error(signature, bytes(32), bytes(32))[:4]
        dao.until(dao.governor.proposalEta(proposal_id(proposal)))
        send(dao, stranger, by_id("execute", proposal), value=2)
        assert dao.state(proposal) == EXECUTED
        assert (dao.target.number(), dao.target.setter(), dao.target.balance) == (8, dao.executor, 2)
        assert (dao.governor.balance, dao.executor.balance) == (0, 0)
        refused = refused_call(dao.governor, by_id("execute", proposal), sender=stranger)
        assert refused == unexpected(proposal, EXECUTED, QUEUED)

    def test_takes_the_largest_proposal_the_whole_way(self, dao: Dao, owner: AccountAPI) -> None:
        data = dao.number_call().data.ljust(2_176, b"\0")
        calls = [Call(dao.target.address, data, index) for index in range(8)]
        proposal = dao.propose(*calls, text="x" * 4_096)
        dao.vote(proposal, FOR)
        send(dao, owner, by_id("queue", proposal))
        dao.until(dao.governor.proposalEta(proposal_id(proposal)))
        send(dao, owner, by_id("execute", proposal), value=28)
        assert (dao.target.calls(), dao.target.balance) == (8, 28)

    @pytest.mark.parametrize("step", ["queue", "cancel"])
    def test_takes_eth_for_the_execution_alone(self, dao: Dao, step: str) -> None:
        proposal = dao.propose(dao.number_call())
        if step == "queue":
            dao.vote(proposal, FOR)
        data = by_id(step, proposal)
        assert refused_call(dao.governor, data, sender=dao.voters[0], value=1) == b""
        send(dao, dao.voters[0], data)

    def test_cancels_for_whom_may(self, dao: Dao, voters: Sequence[AccountAPI]) -> None:
        proposal = queued(dao, dao.number_call())
        signature = "GovernorUnableToCancel(uint256,address)"
        told = error(signature, proposal_id(proposal), voters[1])
        data = by_id("cancel", proposal)
        assert refused_call(dao.governor, data, sender=voters[1]) == told
        send(dao, voters[0], data)
        assert dao.state(proposal) == CANCELED
        told = unexpected(proposal, CANCELED, PENDING, ACTIVE, DEFEATED, SUCCEEDED, QUEUED)
        assert refused_call(dao.governor, data, sender=voters[0]) == told

    @pytest.mark.parametrize("step", BY_ID)
    def test_refuses_what_there_is_not(self, dao: Dao, stranger: AccountAPI, step: str) -> None:
        data = error(f"{step}(uint256)", 1)
        assert refused_call(dao.governor, data, sender=stranger) == nonexistent(1)

    def test_passes_on_why_a_call_failed(self, dao: Dao, stranger: AccountAPI) -> None:
        proposal = queued(dao, call_to(dao.target, "refuse"))
        told = error("Error(string)", "governance_target: refused")
        assert refused_call(dao.governor, by_id("execute", proposal), sender=stranger) == told
        assert dao.state(proposal) == QUEUED
