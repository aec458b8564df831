"""Tracks: which call goes through which, who changes that, and that nothing else does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ape
import pytest
from ape.api import AccountAPI
from ape.contracts import ContractInstance
from ape.managers.project import ProjectManager

from oracles.chain.block import Call
from oracles.governance.proposal import CHARTER_AMENDMENT, STANDARD, draft, proposal_id

from .conftest import (
    CHARTER_EXECUTOR_DELAY,
    CHARTER_PERIOD,
    FOR,
    SUCCEEDED,
    ZERO,
    Dao,
    call_to,
    charter_track,
    deploy_governor,
    error,
    hashed,
    name_of,
    refusal,
    standard_track,
    word,
)

EVERY_CALL = b"\0" * 4


def reserved(call: Call, owner: str) -> bytes:
    """What the Governor says of a call that another track owns."""
    selector = call.data[:4].ljust(4, b"\0") if len(call.data) >= 4 else EVERY_CALL
    return error("GovernorReservedCall(address,bytes4,bytes32)", call.to, selector, word(owner))


def refused_proposal(dao: Dao, *calls: Call, track: str = STANDARD) -> bytes:
    """What the Governor says to a proposal of `calls`."""
    proposal = draft(calls, "why", track=track)
    return refusal(dao.governor.propose, *proposal.arguments(), proposal.description, sender=dao.voters[0])


class TestConstructor:
    def test_sets_tracks_and_reservations(self, dao: Dao) -> None:
        governor = dao.governor
        assert governor.trackCount() == 2
        assert [name_of(governor.trackName(index)) for index in (0, 1)] == [STANDARD, CHARTER_AMENDMENT]
        assert tuple(governor.track(word(STANDARD))) == standard_track(dao.executor)
        assert tuple(governor.track(word(CHARTER_AMENDMENT))) == charter_track(dao.charter_executor)
        assert bytes(governor.STANDARD()) == word(STANDARD)
        for contract, track in (
            (dao.target, STANDARD),
            (dao.executor, STANDARD),
            (dao.charter, CHARTER_AMENDMENT),
            (dao.charter_executor, CHARTER_AMENDMENT),
        ):
            assert name_of(governor.trackOf(contract, b"\x12\x34\x56\x78")) == track
            assert name_of(governor.trackOf(contract, EVERY_CALL)) == track

    @pytest.mark.parametrize(
        "fault", ["no standard", "shared executor", "unknown administrator", "unknown track"]
    )
    def test_refuses(self, project: ProjectManager, dao: Dao, owner: AccountAPI, fault: str) -> None:
        tracks = [standard_track(dao.executor), charter_track(dao.charter_executor)]
        reservations: list[Any] = []
        if fault == "no standard":
            tracks.pop(0)
        if fault == "shared executor":
            tracks[1] = charter_track(dao.executor)
        if fault == "unknown administrator":
            tracks[1] = charter_track(dao.charter_executor, administrator=word("none"))
        if fault == "unknown track":
            reservations = [(dao.charter.address, EVERY_CALL, word("none"))]
        with ape.reverts():
            deploy_governor(project, owner, dao.token, tracks, reservations)

    def test_an_unknown_track_is_refused(self, dao: Dao, stranger: AccountAPI) -> None:
        told = error("GovernorUnknownTrack(bytes32)", word("none"))
        assert refusal(dao.governor.track, word("none"), sender=stranger) == told


class TestDescription:
    @pytest.mark.parametrize(
        ("description", "named"),
        [
            ("#track=none\nwhy", "none"),
            ("#track=charter_amendment", ""),
            ("#track=" + "a" * 32 + "\n", ""),
            ("#track=\n", ""),
            ("#track=", ""),
        ],
    )
    def test_refuses_a_track_that_is_none(
        self, dao: Dao, voters: Sequence[AccountAPI], description: str, named: str
    ) -> None:
        told = error("GovernorUnknownTrack(bytes32)", word(named))
        arguments = (*draft([dao.number_call()], "why").arguments(), description)
        assert refusal(dao.governor.propose, *arguments, sender=voters[0]) == told

    @pytest.mark.parametrize(
        "description", ["", "#track", "why #track=charter_amendment\n", "#track=standard\n"]
    )
    def test_means_standard_otherwise(self, dao: Dao, voters: Sequence[AccountAPI], description: str) -> None:
        arguments = (*draft([dao.number_call()], "why").arguments(), description)
        receipt = dao.governor.propose(*arguments, sender=voters[0])
        (log,) = receipt.decode_logs(dao.governor.ProposalCreated)
        assert name_of(dao.governor.proposalTrack(log.proposalId)) == STANDARD


class TestReservedCalls:
    @pytest.mark.feature("C9.2")
    def test_a_charter_call_goes_through_its_track_alone(self, dao: Dao) -> None:
        assert refused_proposal(dao, dao.charter_call()) == reserved(dao.charter_call(), CHARTER_AMENDMENT)
        mixed = refused_proposal(dao, dao.number_call(), dao.charter_call())
        assert mixed == reserved(dao.charter_call(), CHARTER_AMENDMENT)

        proposal = dao.propose(dao.charter_call(), track=CHARTER_AMENDMENT)
        identifier = proposal_id(proposal)
        governor = dao.governor
        assert name_of(governor.proposalTrack(identifier)) == CHARTER_AMENDMENT
        period = governor.proposalDeadline(identifier) - governor.proposalSnapshot(identifier)
        assert period == CHARTER_PERIOD == 72 * 3_600
        dao.vote(proposal, FOR)
        dao.queue(proposal)
        assert dao.charter_executor.getMinDelay() == CHARTER_EXECUTOR_DELAY
        dao.execute(proposal)
        assert (dao.charter.number(), dao.charter.setter()) == (7, dao.charter_executor)

    def test_a_track_makes_no_other_calls(self, dao: Dao) -> None:
        told = reserved(dao.number_call(), STANDARD)
        assert refused_proposal(dao, dao.number_call(), track=CHARTER_AMENDMENT) == told

    @pytest.mark.parametrize("data", [b"", b"\x01", b"\x01\x02\x03"])
    def test_a_call_without_selector_is_reserved_too(self, dao: Dao, data: bytes) -> None:
        call = Call(dao.charter.address, data)
        assert refused_proposal(dao, call) == reserved(call, CHARTER_AMENDMENT)

    @pytest.mark.feature("C9.2")
    def test_standard_reaches_no_executor_but_its_own(self, dao: Dao) -> None:
        call = call_to(dao.charter_executor, "updateDelay", 0)
        assert refused_proposal(dao, call) == reserved(call, CHARTER_AMENDMENT)
        dao.pass_(call, track=CHARTER_AMENDMENT)
        assert dao.charter_executor.getMinDelay() == 0
        dao.pass_(call_to(dao.executor, "updateDelay", 0))
        assert dao.executor.getMinDelay() == 0

    def test_a_call_reserved_in_the_meantime_is_too_late(self, dao: Dao) -> None:
        late = dao.propose(dao.number_call())
        change = dao.propose(
            call_to(dao.governor, "reserveCall", dao.target.address, EVERY_CALL, word(CHARTER_AMENDMENT))
        )
        dao.open(change)
        for proposal in (late, change):
            dao.governor.castVote(proposal_id(proposal), FOR, sender=dao.voters[0])
        dao.close(change)
        dao.governor.queue(*hashed(late), sender=dao.owner)
        dao.queue(change)
        dao.execute(change)
        told = reserved(dao.number_call(), CHARTER_AMENDMENT)
        assert refusal(dao.governor.execute, *hashed(late), sender=dao.owner) == told


class TestReserveCall:
    def test_with_a_selector_leaves_the_other_calls(self, dao: Dao) -> None:
        selector = dao.number_call().data[:4]
        call = call_to(dao.governor, "reserveCall", dao.target.address, selector, word(CHARTER_AMENDMENT))
        receipt = dao.pass_(call)
        (log,) = receipt.decode_logs(dao.governor.CallReserved)
        assert (log.target, bytes(log.selector), name_of(log.track)) == (
            dao.target,
            selector,
            CHARTER_AMENDMENT,
        )
        assert refused_proposal(dao, dao.number_call()) == reserved(dao.number_call(), CHARTER_AMENDMENT)
        dao.propose(call_to(dao.target, "refuse"))

        back = call_to(dao.governor, "reserveCall", dao.target.address, selector, word(STANDARD))
        assert refused_proposal(dao, back) == reserved(back, CHARTER_AMENDMENT)
        dao.pass_(back, track=CHARTER_AMENDMENT)
        dao.propose(dao.number_call())

    @pytest.mark.feature("C9.2")
    @pytest.mark.parametrize("selector", [EVERY_CALL, b"\x12\x34\x56\x78"])
    def test_standard_cannot_take_the_charter(self, dao: Dao, selector: bytes) -> None:
        call = call_to(dao.governor, "reserveCall", dao.charter.address, selector, word(STANDARD))
        assert refused_proposal(dao, call) == reserved(call, CHARTER_AMENDMENT)

    def test_is_refused_to_everybody_else(self, dao: Dao, stranger: AccountAPI) -> None:
        for caller in (stranger, dao.executor, dao.charter_executor):
            told = dao.ungoverned(caller)
            arguments = (dao.target.address, EVERY_CALL, word(CHARTER_AMENDMENT))
            assert refusal(dao.governor.reserveCall, *arguments, sender=caller) == told

    def test_refuses_an_unknown_track(self, dao: Dao) -> None:
        call = call_to(dao.governor, "reserveCall", dao.target.address, EVERY_CALL, word("none"))
        proposal = dao.propose(call)
        dao.vote(proposal, FOR)
        dao.queue(proposal)
        told = error("GovernorUnknownTrack(bytes32)", word("none"))
        assert refusal(dao.governor.execute, *hashed(proposal), sender=dao.owner) == told


class TestSetTrack:
    @pytest.mark.feature("C9.2")
    def test_standard_cannot_shorten_the_vote_on_the_charter(self, dao: Dao) -> None:
        shorter = charter_track(dao.charter_executor, voting_period=1)
        call = call_to(dao.governor, "setTrack", shorter)
        assert refused_proposal(dao, call) == reserved(call, CHARTER_AMENDMENT)
        receipt = dao.pass_(call, track=CHARTER_AMENDMENT)
        (log,) = receipt.decode_logs(dao.governor.TrackSet)
        assert (name_of(log.name), log.executor, log.track[4]) == (
            CHARTER_AMENDMENT,
            dao.charter_executor,
            1,
        )
        assert tuple(dao.governor.track(word(CHARTER_AMENDMENT))) == shorter

    def test_adds_a_track_with_its_own_executor(self, dao: Dao, new_executor: ContractInstance) -> None:
        added = standard_track(new_executor, name=word("restart"), quorum=6)
        dao.pass_(call_to(dao.governor, "setTrack", added))
        assert dao.governor.trackCount() == 3
        assert tuple(dao.governor.track(word("restart"))) == added

        told = reserved(dao.number_call(), STANDARD)
        assert refused_proposal(dao, dao.number_call(), track="restart") == told
        dao.pass_(call_to(dao.governor, "reserveCall", dao.target.address, EVERY_CALL, word("restart")))
        dao.pass_(dao.number_call(), track="restart")
        assert dao.target.setter() == new_executor

    def test_a_track_cannot_widen_itself_if_another_administers_it(
        self, dao: Dao, new_executor: ContractInstance
    ) -> None:
        added = standard_track(new_executor, name=word("restart"))
        dao.pass_(call_to(dao.governor, "setTrack", added))
        for call in (
            call_to(dao.governor, "setTrack", added),
            call_to(dao.governor, "reserveCall", dao.target.address, EVERY_CALL, word("restart")),
            call_to(new_executor, "updateDelay", 0),
        ):
            assert refused_proposal(dao, call, track="restart") == reserved(call, STANDARD)
        call = call_to(dao.governor, "reserveCall", dao.charter.address, EVERY_CALL, word("restart"))
        assert refused_proposal(dao, call, track="restart") == reserved(call, CHARTER_AMENDMENT)

    @pytest.mark.parametrize("fault", ["standard", "no name", "claimed executor", "no executor"])
    def test_refuses(self, dao: Dao, new_executor: ContractInstance, fault: str) -> None:
        name = {"standard": STANDARD, "no name": ""}.get(fault, "restart")
        executor = {"claimed executor": dao.charter_executor.address, "no executor": ZERO}.get(
            fault, new_executor.address
        )
        settings = standard_track(executor, name=word(name))
        proposal = dao.propose(call_to(dao.governor, "setTrack", settings))
        dao.vote(proposal, FOR)
        dao.queue(proposal)
        told = error("GovernorInvalidTrack(bytes32)", word(name))
        assert refusal(dao.governor.execute, *hashed(proposal), sender=dao.owner) == told

    @pytest.mark.feature("C9.2")
    def test_replaces_an_executor_by_one_that_obeys(self, dao: Dao, new_executor: ContractInstance) -> None:
        named = charter_track(new_executor)
        dao.pass_(call_to(dao.governor, "setTrack", named), track=CHARTER_AMENDMENT)
        assert tuple(dao.governor.track(word(CHARTER_AMENDMENT))) == named
        for executor in (dao.charter_executor, new_executor):
            call = call_to(executor, "updateDelay", 1)
            assert refused_proposal(dao, call) == reserved(call, CHARTER_AMENDMENT)
        dao.pass_(dao.charter_call(), track=CHARTER_AMENDMENT)
        assert dao.charter.setter() == new_executor

    @pytest.mark.feature("C9.2")
    @pytest.mark.parametrize("victim", ["Governor", "NodeRegistry", "liar", "account", "timelock"])
    def test_a_track_cannot_take_what_is_no_executor(
        self,
        project: ProjectManager,
        dao: Dao,
        owner: AccountAPI,
        new_executor: ContractInstance,
        victim: str,
    ) -> None:
        victims: dict[str, Any] = {
            "Governor": dao.governor,
            "NodeRegistry": owner.deploy(project.NodeRegistry, dao.token, dao.executor, 1, 1),
            "liar": dao.target,  # reverts with a "yes"
            "account": dao.voters[0],  # takes any call, and answers nothing
            "timelock": owner.deploy(project.Timelock, 0, [owner], [dao.governor], ZERO),
        }
        taken = victims[victim].address
        proposal = dao.propose(
            call_to(dao.governor, "setTrack", charter_track(taken)),
            call_to(dao.governor, "setTrack", charter_track(new_executor)),
            track=CHARTER_AMENDMENT,
        )
        dao.vote(proposal, FOR)
        dao.queue(proposal)
        told = error("GovernorInvalidTrack(bytes32)", word(CHARTER_AMENDMENT))
        assert refusal(dao.governor.execute, *hashed(proposal), sender=dao.owner) == told
        assert name_of(dao.governor.trackOf(taken, EVERY_CALL)) == STANDARD

    @pytest.mark.parametrize("fault", ["", "no canceller", "no executor", "everybody executes"])
    def test_an_executor_obeys_whole_and_nobody_else(
        self, project: ProjectManager, dao: Dao, owner: AccountAPI, fault: str
    ) -> None:
        executor = owner.deploy(project.Timelock, 0, [], [], owner.address)
        lacking = {"no canceller": "CANCELLER_ROLE", "no executor": "EXECUTOR_ROLE"}.get(fault)
        for role in ("PROPOSER_ROLE", "CANCELLER_ROLE", "EXECUTOR_ROLE"):
            if role != lacking:
                executor.grantRole(getattr(executor, role)(), dao.governor, sender=owner)
        if fault == "everybody executes":
            executor.grantRole(executor.EXECUTOR_ROLE(), ZERO, sender=owner)
        proposal = dao.propose(call_to(dao.governor, "updateTimelock", executor.address))
        dao.vote(proposal, FOR)
        dao.queue(proposal)
        if not fault:
            dao.execute(proposal)
            assert dao.governor.timelock() == executor
            return
        told = error("GovernorInvalidTrack(bytes32)", word(STANDARD))
        assert refusal(dao.governor.execute, *hashed(proposal), sender=dao.owner) == told

    def test_naming_an_executor_again_leaves_its_calls_with_whom_they_are(self, dao: Dao) -> None:
        given = call_to(dao.governor, "reserveCall", dao.charter_executor.address, EVERY_CALL, word(STANDARD))
        dao.pass_(given, track=CHARTER_AMENDMENT)
        again = call_to(dao.governor, "setTrack", charter_track(dao.charter_executor, quorum=6))
        dao.pass_(again, track=CHARTER_AMENDMENT)
        assert name_of(dao.governor.trackOf(dao.charter_executor, EVERY_CALL)) == STANDARD

    def test_is_refused_to_everybody_else(self, dao: Dao, stranger: AccountAPI) -> None:
        settings = charter_track(dao.charter_executor)
        for caller in (stranger, dao.executor, dao.charter_executor):
            told = dao.ungoverned(caller)
            assert refusal(dao.governor.setTrack, settings, sender=caller) == told


class TestThreshold:
    def test_is_the_tracks_own(self, dao: Dao, voters: Sequence[AccountAPI]) -> None:
        higher = charter_track(dao.charter_executor, threshold=2**95)
        dao.pass_(call_to(dao.governor, "setTrack", higher), track=CHARTER_AMENDMENT)
        signature = "GovernorInsufficientProposerVotes(address,uint256,uint256)"
        votes = dao.token.getVotes(voters[0])
        told = error(signature, voters[0], votes, 2**95)
        assert refused_proposal(dao, dao.charter_call(), track=CHARTER_AMENDMENT) == told
        dao.propose(dao.number_call())

    def test_a_proposal_keeps_the_quorum_of_its_snapshot(self, dao: Dao) -> None:
        proposal = dao.propose(dao.charter_call(), track=CHARTER_AMENDMENT)
        dao.vote(proposal, FOR)
        harder = charter_track(dao.charter_executor, quorum=100)
        dao.pass_(call_to(dao.governor, "setTrack", harder), track=CHARTER_AMENDMENT)
        assert dao.state(proposal) == SUCCEEDED
