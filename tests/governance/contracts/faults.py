"""What the Governor says to what it refuses, and the steps on which it refuses it."""

from oracles.chain.block import Call
from oracles.chain.governor import Proposal
from oracles.governance.proposal import STANDARD, draft, proposal_id

from .conftest import FOR, Dao, error, hashed, refusal, word


def unexpected(proposal: Proposal, current: int, *states: int) -> bytes:
    """That a proposal is in a state in which the call makes no sense; the `states` in which it would."""
    expected = sum(1 << state for state in states).to_bytes(32, "big")
    signature = "GovernorUnexpectedProposalState(uint256,uint8,bytes32)"
    return error(signature, proposal_id(proposal), current, expected)


def nonexistent(identifier: int) -> bytes:
    """That there is no such proposal, or that its calls are not kept."""
    return error("GovernorNonexistentProposal(uint256)", identifier)


def reserved(call: Call, owner: str) -> bytes:
    """That another track owns the call."""
    return error("GovernorReservedCall(address,bytes4,bytes32)", call.to, selector(call), word(owner))


def unpinned(call: Call) -> bytes:
    """That the call is out of bounds for a pinned track, or for the Governor itself."""
    return error("GovernorUnpinnedCall(address,bytes4)", call.to, selector(call))


def selector(call: Call) -> bytes:
    """The selector of a call, zero if it is too short for one."""
    return call.data[:4] if len(call.data) >= 4 else bytes(4)


def refused_proposal(dao: Dao, *calls: Call, track: str = STANDARD) -> bytes:
    """What the Governor says to a proposal of `calls`."""
    proposal = draft(calls, "why", track=track)
    return refusal(dao.governor.propose, *proposal.arguments(), proposal.description, sender=dao.voters[0])


def queued(dao: Dao, *calls: Call, text: str = "why", track: str = STANDARD) -> Proposal:
    """A proposal of `calls` that passed and can be executed."""
    proposal = dao.propose(*calls, text=text, track=track)
    dao.vote(proposal, FOR)
    dao.queue(proposal)
    return proposal


def refused_execution(dao: Dao, *calls: Call, track: str = STANDARD) -> bytes:
    """What the Governor says to the execution of `calls`, which passed."""
    return refusal(dao.governor.execute, *hashed(queued(dao, *calls, track=track)), sender=dao.owner)
