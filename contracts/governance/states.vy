# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title The State of a Proposal
@custom:contract-name states
@license GNU Affero General Public License v3.0 only
@author Westworld
@notice These functions tell how far a proposal has come. The numbers of
        the states are the reference's. What quorum and super-quorum
        make of the votes is settled when they are counted (see
        `voting`), so that nothing is asked of the token here.

        The implementation is inspired by OpenZeppelin's implementation here:
        https://github.com/OpenZeppelin/openzeppelin-contracts/blob/master/contracts/governance/extensions/GovernorTimelockControl.sol.
"""


# @dev We import and use the `tracks` module.
import tracks
uses: tracks


# @dev We import and use the `proposals` module.
import proposals
uses: proposals


# @dev What is asked of an executor.
interface Executor:
    def getOperationState(id: bytes32) -> uint8: view


# @dev The states of a proposal, numbered as in the reference.
PENDING: constant(uint8) = 0
ACTIVE: constant(uint8) = 1
CANCELED: constant(uint8) = 2
DEFEATED: constant(uint8) = 3
SUCCEEDED: constant(uint8) = 4
QUEUED: constant(uint8) = 5
EXECUTED: constant(uint8) = 7


# @dev The states of an executor's operation that matter here.
_OPERATION_UNSET: constant(uint8) = 0
_OPERATION_DONE: constant(uint8) = 3


@internal
@view
def _existing(proposal_id: uint256) -> uint256:
    """
    @dev Returns the course of a proposal.
    @notice Reverts if there is no such proposal.
    @param proposal_id The 32-byte identifier of the proposal.
    @return uint256 The course of the proposal.
    """
    course: uint256 = proposals._course(proposal_id)
    if course == 0:
        raw_revert(abi_encode(proposal_id, method_id=method_id("GovernorNonexistentProposal(uint256)")))
    return course


@internal
@view
def _state(proposal_id: uint256) -> uint8:
    """
    @dev Returns the state of a proposal.
    @notice Reverts if there is no such proposal.
    @param proposal_id The 32-byte identifier of the proposal.
    @return uint8 The state.
    """
    course: uint256 = self._existing(proposal_id)
    if proposals._is_executed(course):
        return EXECUTED
    if proposals._is_canceled(course):
        return CANCELED
    if proposals._snapshot(course) >= block.timestamp:
        return PENDING

    tally: uint256 = proposals._tallies[proposal_id]
    if tally & proposals.DECIDED_EARLY == 0:
        if proposals._deadline(proposal_id, course, tally) >= block.timestamp:
            return ACTIVE
        if tally & proposals.QUORUM_REACHED == 0:
            return DEFEATED
        if proposals._in_favour(tally) <= proposals._against(proposal_id):
            return DEFEATED
    if proposals._eta(tally) == 0:
        return SUCCEEDED

    executor: address = tracks._executor(proposals._track(course))
    operation: uint8 = staticcall Executor(executor).getOperationState(proposals._operations[proposal_id])
    if operation == _OPERATION_UNSET:
        return CANCELED
    if operation == _OPERATION_DONE:
        return EXECUTED
    return QUEUED


@internal
@view
def _is_open(proposal_id: uint256, course: uint256, tally: uint256) -> bool:
    """
    @dev Returns whether a proposal is active, in as few steps as it
         takes.
    @param proposal_id The 32-byte identifier of the proposal.
    @param course The course of the proposal, `0` if there is none.
    @param tally The tally of the proposal.
    @return bool The verification whether votes are counted.
    """
    # What was executed is decided early, or over.
    return (
        (course & proposals._CANCELED) | (tally & proposals.DECIDED_EARLY) == 0
        and course & proposals._SNAPSHOT_MASK < block.timestamp
        and block.timestamp <= proposals._deadline(proposal_id, course, tally)
    )


@internal
@view
def _check(proposal_id: uint256, expected: uint256) -> uint8:
    """
    @dev Reverts unless a proposal is in an expected state.
    @param proposal_id The 32-byte identifier of the proposal.
    @param expected The bitmap of the states that would do.
    @return uint8 The state.
    """
    current: uint8 = self._state(proposal_id)
    if (1 << current) & expected == 0:
        self._revert_unexpected(proposal_id, current, expected)
    return current


@internal
@pure
def _revert_unexpected(proposal_id: uint256, current: uint8, expected: uint256):
    """
    @dev Reverts because a proposal is not in a state in which the
         call makes sense.
    @param proposal_id The 32-byte identifier of the proposal.
    @param current The state of the proposal.
    @param expected The bitmap of the states that would do.
    """
    raw_revert(
        abi_encode(
            proposal_id,
            current,
            expected,
            method_id=method_id("GovernorUnexpectedProposalState(uint256,uint8,bytes32)"),
        )
    )
