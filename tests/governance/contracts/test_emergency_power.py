"""A fast track: power that nobody can borrow for it, and calls that are pinned down to their selectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import ape
import pytest
from ape.api import AccountAPI
from ape.contracts import ContractInstance
from ape.managers.project import ProjectManager

from oracles.chain.block import Call
from oracles.chain.governor import Proposal
from oracles.governance.proposal import CHARTER_AMENDMENT, STANDARD, draft, proposal_id

from .conftest import (
    ACTIVE,
    CHARTER_EXECUTOR_DELAY,
    DEFEATED,
    EXECUTED,
    FOR,
    QUEUED,
    SUCCEEDED,
    SUPPLY,
    THRESHOLD,
    UNIT,
    Dao,
    call_to,
    charter_track,
    delegate,
    deploy_governor,
    error,
    hand_over,
    hashed,
    name_of,
    refusal,
    standard_track,
    word,
)
from .faults import queued, refused_execution, refused_proposal, reserved, unpinned

EMERGENCY = "emergency"
LOOKBACK = 7 * 86_400
PERIOD = 7_200


@dataclass(frozen=True)
class EmergencyDao(Dao):
    """A DAO with a third track, by which the target's `set_number` is called at once."""

    emergency_executor: ContractInstance

    def settings(self, executor: ContractInstance | None = None, **changed: Any) -> tuple[Any, ...]:
        """The settings of that track, or of one like it with an executor of its own."""
        own = {"name": word(EMERGENCY), "pinned": True, "lookback": LOOKBACK}
        own |= {"voting_delay": 0, "voting_period": PERIOD, "super_quorum": 60}
        return standard_track(executor or self.emergency_executor, **(own | changed))

    def alarm(self, *calls: Call, text: str = "why", proposer: int = 0) -> Proposal:
        """A proposal on the fast track, by one of the wallets."""
        proposal = draft(calls or [self.number_call()], text, track=EMERGENCY)
        arguments = (*proposal.arguments(), proposal.description)
        self.governor.propose(*arguments, sender=self.voters[proposer])
        return proposal


@pytest.fixture(scope="module")
def emergency(project: ProjectManager, dao: Dao, owner: AccountAPI) -> EmergencyDao:
    """A DAO with that track, in which all hold their votes for longer than the track looks back."""
    executors = [
        owner.deploy(project.Timelock, delay, [], [], owner.address)
        for delay in (30, CHARTER_EXECUTOR_DELAY, 0)
    ]
    found = EmergencyDao(**(vars(dao) | {"emergency_executor": executors[2]}))
    tracks = [standard_track(executors[0]), charter_track(executors[1]), found.settings()]
    set_number = found.number_call().data[:4]
    reservations = [
        (dao.charter.address, bytes(4), word(CHARTER_AMENDMENT)),
        (dao.target.address, set_number, word(EMERGENCY)),
    ]
    governor = deploy_governor(project, owner, dao.token, tracks, reservations)
    for executor in executors:
        hand_over(executor, governor, owner)
    dao.until(dao.now + LOOKBACK + 10)
    return replace(found, governor=governor, executor=executors[0], charter_executor=executors[1])


def too_few(account: Any, votes: int) -> bytes:
    """That the account has not the votes to propose."""
    return error("GovernorInsufficientProposerVotes(address,uint256,uint256)", account, votes, THRESHOLD)


class TestLookback:
    def test_counts_what_was_held_long_before(
        self, emergency: EmergencyDao, voters: Sequence[AccountAPI]
    ) -> None:
        governor = emergency.governor
        proposal = emergency.alarm()
        identifier = proposal_id(proposal)
        opened = emergency.now
        assert emergency.state(proposal) == ACTIVE
        assert governor.proposalSnapshot(identifier) == opened - LOOKBACK
        assert governor.proposalDeadline(identifier) == opened + PERIOD
        assert governor.proposalQuorum(identifier) == SUPPLY // 20
        governor.castVote(identifier, FOR, sender=voters[1])
        assert emergency.state(proposal) == ACTIVE
        governor.castVote(identifier, FOR, sender=voters[0])
        assert emergency.state(proposal) == SUCCEEDED
        governor.queue(*hashed(proposal), sender=emergency.owner)
        emergency.execute(proposal)
        assert emergency.state(proposal) == EXECUTED
        assert (emergency.target.number(), emergency.target.setter()) == (7, emergency.emergency_executor)
        assert emergency.now - opened < 600

    def test_goes_by_the_clock_to_the_second(
        self, emergency: EmergencyDao, voters: Sequence[AccountAPI], stranger: AccountAPI
    ) -> None:
        received = delegate(emergency.token, stranger, sender=voters[0]).timestamp
        for seconds, votes in ((LOOKBACK - 1, 0), (LOOKBACK, 600 * UNIT)):
            emergency.chain.pending_timestamp = received + seconds
            proposal = emergency.alarm(text=f"{seconds}", proposer=1)
            identifier = proposal_id(proposal)
            snapshot = received + seconds - LOOKBACK
            assert emergency.governor.proposalSnapshot(identifier) == snapshot
            assert emergency.governor.getVotes(stranger, snapshot) == votes
        emergency.governor.castVote(identifier, FOR, sender=stranger)
        assert tuple(emergency.governor.proposalVotes(identifier)) == (0, 600 * UNIT, 0)

    def test_counts_nothing_that_was_borrowed_for_a_block(
        self, emergency: EmergencyDao, voters: Sequence[AccountAPI], stranger: AccountAPI
    ) -> None:
        """Taken, put to the vote and given back, all at the same second."""
        governor, token = emergency.governor, emergency.token
        proposal = draft([emergency.number_call()], "why", track=EMERGENCY)
        delegate(token, stranger, sender=stranger)
        token.transfer(stranger, 600 * UNIT, sender=voters[0])
        assert token.getVotes(stranger) == 600 * UNIT
        arguments = (*proposal.arguments(), proposal.description)
        assert refusal(governor.propose, *arguments, sender=stranger) == too_few(stranger, 0)
        identifier = proposal_id(emergency.alarm(proposer=1))
        told = error("GovernorAlreadyCastVote(address)", stranger)
        assert refusal(governor.castVote, identifier, FOR, sender=stranger) == told
        token.transfer(voters[0], 600 * UNIT, sender=stranger)
        governor.castVote(identifier, FOR, sender=voters[0])
        assert emergency.state(proposal) == SUCCEEDED

    def test_counts_nothing_that_was_borrowed_for_the_whole_vote(
        self, emergency: EmergencyDao, voters: Sequence[AccountAPI], stranger: AccountAPI
    ) -> None:
        governor, token = emergency.governor, emergency.token
        delegate(token, stranger, sender=stranger)
        token.transfer(stranger, 600 * UNIT, sender=voters[0])
        emergency.until(emergency.now + 86_400)
        told = error("GovernorAlreadyCastVote(address)", stranger)
        proposal = emergency.alarm(proposer=1)
        identifier = proposal_id(proposal)
        for timestamp in (emergency.now + 1, governor.proposalDeadline(identifier) - 5):
            emergency.until(timestamp)
            assert refusal(governor.castVote, identifier, FOR, sender=stranger) == told
        emergency.close(proposal)
        assert tuple(governor.proposalVotes(identifier)) == (0, 0, 0)
        assert emergency.state(proposal) == DEFEATED

    def test_counts_what_was_borrowed_for_longer_than_that(
        self, emergency: EmergencyDao, voters: Sequence[AccountAPI], stranger: AccountAPI
    ) -> None:
        delegate(emergency.token, stranger, sender=stranger)
        emergency.token.transfer(stranger, 600 * UNIT, sender=voters[0])
        emergency.until(emergency.now + LOOKBACK)
        identifier = proposal_id(emergency.alarm(proposer=1))
        emergency.governor.castVote(identifier, FOR, sender=stranger)
        assert tuple(emergency.governor.proposalVotes(identifier)) == (0, 600 * UNIT, 0)

    def test_asks_of_a_proposer_what_it_held_then(
        self, emergency: EmergencyDao, voters: Sequence[AccountAPI]
    ) -> None:
        """One who had the votes then can propose, though it has given them away; not so the receiver."""
        receiver, giver = voters[4], voters[3]
        delegate(emergency.token, receiver, sender=giver)
        delegate(emergency.token, giver, sender=receiver)
        emergency.token.transfer(voters[0], 10 * UNIT, sender=receiver)
        assert emergency.token.getVotes(giver) == 0
        emergency.alarm(proposer=3)
        emergency.until(emergency.now + LOOKBACK)
        told = too_few(giver, 0)
        proposal = draft([emergency.number_call()], "again", track=EMERGENCY)
        arguments = (*proposal.arguments(), proposal.description)
        assert refusal(emergency.governor.propose, *arguments, sender=giver) == told

    def test_asks_of_a_proposer_on_standard_what_it_held_a_second_ago(
        self, emergency: EmergencyDao, voters: Sequence[AccountAPI], stranger: AccountAPI
    ) -> None:
        delegate(emergency.token, stranger, sender=voters[0])
        emergency.until(emergency.now + 2)
        proposal = draft([call_to(emergency.target, "refuse")], "why")
        arguments = (*proposal.arguments(), proposal.description)
        assert refusal(emergency.governor.propose, *arguments, sender=voters[0]) == too_few(voters[0], 0)
        emergency.governor.propose(*arguments, sender=stranger)

    def test_keeps_the_quorum_of_a_track_that_is_younger_than_it(
        self, emergency: EmergencyDao, project: ProjectManager, voters: Sequence[AccountAPI]
    ) -> None:
        """Votes that are counted at a time before the track was made need its quorum all the same."""
        executor = emergency.owner.deploy(
            project.Timelock, 0, [emergency.governor.address], [emergency.governor.address], emergency.owner
        )
        settings = emergency.settings(executor, name=word("young"))
        number = emergency.number_call().data[:4]
        emergency.pass_(
            call_to(emergency.governor, "setTrack", settings),
            call_to(emergency.governor, "reserveCall", emergency.target.address, number, word("young")),
        )
        proposal = draft([emergency.number_call()], "why", track="young")
        emergency.governor.propose(*proposal.arguments(), proposal.description, sender=voters[4])
        identifier = proposal_id(proposal)
        assert emergency.governor.proposalSnapshot(identifier) < emergency.now - LOOKBACK + 10
        assert emergency.governor.proposalQuorum(identifier) == SUPPLY // 20
        emergency.governor.castVote(identifier, FOR, sender=voters[4])
        assert emergency.state(proposal) == ACTIVE
        emergency.close(proposal)
        assert emergency.state(proposal) == DEFEATED


class TestPinnedCalls:
    def test_carry_no_eth(self, emergency: EmergencyDao) -> None:
        call = replace(emergency.number_call(), value=1)
        assert refused_proposal(emergency, call, track=EMERGENCY) == unpinned(call)
        mixed = refused_proposal(emergency, emergency.number_call(), call, track=EMERGENCY)
        assert mixed == unpinned(call)
        emergency.alarm()

    def test_are_reserved_by_selector(self, emergency: EmergencyDao) -> None:
        target = emergency.target
        for call in (
            call_to(target, "refuse"),
            Call(target.address, b""),
            Call(target.address, emergency.number_call().data[:3]),
            Call(emergency.voters[0].address, b""),
            call_to(emergency.token, "transfer", emergency.voters[0], 1),
        ):
            assert refused_proposal(emergency, call, track=EMERGENCY) == reserved(call, STANDARD)
        call = emergency.charter_call()
        assert refused_proposal(emergency, call, track=EMERGENCY) == reserved(call, CHARTER_AMENDMENT)
        emergency.alarm()

    def test_are_no_other_tracks(self, emergency: EmergencyDao) -> None:
        call = emergency.number_call()
        assert refused_proposal(emergency, call) == reserved(call, EMERGENCY)

    @pytest.mark.parametrize("track", [STANDARD, EMERGENCY])
    def test_never_administer(self, emergency: EmergencyDao, track: str) -> None:
        """The fast track reaches no executor, nor the Governor, whatever stands in the call."""
        governor = emergency.governor
        for call in (
            call_to(governor, "setTrack", emergency.settings(threshold=0)),
            call_to(governor, "reserveCall", emergency.target.address, bytes(4), word(EMERGENCY)),
            call_to(governor, "relay", emergency.target.address, 0, b""),
            call_to(governor, "setProposalGuardian", emergency.voters[0].address),
            call_to(governor, "setVotingPeriod", 1),
            call_to(emergency.emergency_executor, "updateDelay", 0),
            call_to(emergency.executor, "updateDelay", 0),
        ):
            if track == STANDARD:
                emergency.propose(call)
            else:
                assert refused_proposal(emergency, call, track=track) == reserved(call, STANDARD)


class TestPinnedReservations:
    @pytest.mark.parametrize("victim", ["target", "governor", "executor", "emergency_executor", "token"])
    @pytest.mark.parametrize("whole", [True, False])
    def test_take_calls_alone_and_none_of_power(
        self, emergency: EmergencyDao, victim: str, whole: bool
    ) -> None:
        taken = getattr(emergency, victim)
        chosen = bytes(4) if whole else b"\x12\x34\x56\x78"
        call = call_to(emergency.governor, "reserveCall", taken.address, chosen, word(EMERGENCY))
        if victim in ("target", "token") and not whole:
            emergency.pass_(call)
            assert name_of(emergency.governor.trackOf(taken, chosen)) == EMERGENCY
            return
        told = unpinned(Call(taken.address, chosen))
        assert refused_execution(emergency, call) == told
        assert name_of(emergency.governor.trackOf(taken, chosen)) == STANDARD

    def test_take_no_executor_that_is_an_executor_no_more(
        self, emergency: EmergencyDao, project: ProjectManager, owner: AccountAPI
    ) -> None:
        governor, former = emergency.governor, emergency.executor
        following = owner.deploy(project.Timelock, 0, [governor.address], [governor.address], owner)
        emergency.pass_(call_to(governor, "updateTimelock", following.address))
        call = call_to(governor, "reserveCall", former.address, b"\x12\x34\x56\x78", word(EMERGENCY))
        told = unpinned(Call(former.address, b"\x12\x34\x56\x78"))
        assert refused_execution(replace(emergency, executor=following), call) == told

    def test_make_a_target_no_executor(
        self, emergency: EmergencyDao, project: ProjectManager, owner: AccountAPI
    ) -> None:
        """Or the fast track would hold a call of an executor."""
        governor = emergency.governor
        claimed = owner.deploy(project.Timelock, 0, [governor.address], [governor.address], owner)
        update = call_to(claimed, "updateDelay", 0).data[:4]
        emergency.pass_(call_to(governor, "reserveCall", claimed.address, update, word(EMERGENCY)))
        call = call_to(governor, "updateTimelock", claimed.address)
        assert refused_execution(emergency, call) == error("GovernorInvalidTrack(bytes32)", word(STANDARD))


class TestPinnedSettings:
    @pytest.mark.parametrize(
        "change",
        [
            {"pinned": False},
            {"administrator": word(EMERGENCY)},
            {"voting_delay": 1},
            {"lookback": 2**24},
            {"lookback": 2**24 - PERIOD},
        ],
    )
    def test_refuse(self, emergency: EmergencyDao, change: dict[str, Any]) -> None:
        call = call_to(emergency.governor, "setTrack", emergency.settings(**change))
        assert refused_execution(emergency, call) == error("GovernorInvalidTrack(bytes32)", word(EMERGENCY))

    def test_refuse_to_pin_a_track_of_before(self, emergency: EmergencyDao) -> None:
        settings = charter_track(emergency.charter_executor, pinned=True, administrator=word(STANDARD))
        call = call_to(emergency.governor, "setTrack", settings)
        told = error("GovernorInvalidTrack(bytes32)", word(CHARTER_AMENDMENT))
        assert refused_execution(emergency, call, track=CHARTER_AMENDMENT) == told

    def test_refuse_a_pinned_administrator(self, emergency: EmergencyDao) -> None:
        settings = charter_track(emergency.charter_executor, administrator=word(EMERGENCY))
        call = call_to(emergency.governor, "setTrack", settings)
        told = error("GovernorInvalidTrack(bytes32)", word(CHARTER_AMENDMENT))
        assert refused_execution(emergency, call, track=CHARTER_AMENDMENT) == told

    @pytest.mark.parametrize("pinned", [True, False])
    def test_of_a_new_track_name_another_administrator(
        self, emergency: EmergencyDao, project: ProjectManager, owner: AccountAPI, pinned: bool
    ) -> None:
        governor = emergency.governor
        executor = owner.deploy(project.Timelock, 0, [governor.address], [governor.address], owner)
        own = standard_track(executor, name=word("own"), administrator=word("own"), pinned=pinned)
        call = call_to(governor, "setTrack", own)
        if pinned:
            assert refused_execution(emergency, call) == error("GovernorInvalidTrack(bytes32)", word("own"))
        else:
            emergency.pass_(call)
            assert tuple(governor.track(word("own"))) == own

    def test_change_by_the_administrator(self, emergency: EmergencyDao) -> None:
        longest = emergency.settings(lookback=2**24 - 1 - PERIOD, threshold=5 * UNIT)
        emergency.pass_(call_to(emergency.governor, "setTrack", longest))
        assert tuple(emergency.governor.track(word(EMERGENCY))) == longest
        emergency.pass_(call_to(emergency.governor, "setTrack", emergency.settings(lookback=0)))
        proposal = emergency.alarm()
        assert emergency.governor.proposalSnapshot(proposal_id(proposal)) == emergency.now

    def test_at_construction_refuse_the_same(
        self, emergency: EmergencyDao, project: ProjectManager, owner: AccountAPI
    ) -> None:
        executors = [owner.deploy(project.Timelock, 0, [], [], owner.address) for _ in range(2)]
        standard = standard_track(executors[0])
        chosen = emergency.number_call().data[:4]
        whole = (emergency.target.address, bytes(4), word(EMERGENCY))
        pinned = (emergency.target.address, chosen, word(EMERGENCY))
        executor = (executors[0].address, chosen, word(EMERGENCY))
        fast = emergency.settings(executors[1])
        for tracks, reservations in (
            ([standard, emergency.settings(executors[1], voting_delay=1)], [pinned]),
            ([standard_track(executors[0], pinned=True), fast], [pinned]),
            ([standard_track(executors[0], lookback=1, voting_delay=0), fast], [pinned]),
            ([standard, fast], [whole]),
            ([standard, fast], [executor]),
        ):
            with ape.reverts():
                deploy_governor(project, owner, emergency.token, tracks, reservations)
        deploy_governor(project, owner, emergency.token, [standard, fast], [pinned])


def test_what_waits_is_checked_once_more(emergency: EmergencyDao) -> None:
    """A call taken from the fast track while a proposal waits is no longer the fast track's."""
    governor = emergency.governor
    chosen = emergency.number_call().data[:4]
    away = queued(
        emergency, call_to(governor, "reserveCall", emergency.target.address, chosen, word(STANDARD))
    )
    alarm = emergency.alarm()
    governor.castVote(proposal_id(alarm), FOR, sender=emergency.voters[0])
    governor.queue(*hashed(alarm), sender=emergency.owner)
    assert emergency.state(alarm) == QUEUED
    emergency.execute(away)
    told = reserved(emergency.number_call(), STANDARD)
    assert refusal(governor.execute, *hashed(alarm), sender=emergency.owner) == told
