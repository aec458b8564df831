# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title Proposals, Their Tallies and Who Voted
@custom:contract-name proposals
@license GNU Affero General Public License v3.0 only
@author Westworld
@notice These functions store what a Governor must remember, in as few
        slots as it takes:
          - one slot for a proposal when it is made,
          - one for the votes for and against it and for the time at
            which it can be executed (votes stay below 2**96), one for
            the abstentions, and one for the executor's operation,
          - one for each 192 proposals that a voter has voted on: a bit
            for each, by the proposal's serial number. The first of
            these slots holds the voter's nonce too, so that a vote by
            signature changes one slot.
        Nothing here is checked; that is the Governor's part.
"""


# @dev Where the fields begin in a proposal's slot, after the
# proposer (160): the start of the vote (33 bits, so until the year
# 2242), its duration (24), the serial number (32), the index of
# the track (5) and the two flags.
_START_SHIFT: constant(uint256) = 160
_DURATION_SHIFT: constant(uint256) = 193
_SERIAL_SHIFT: constant(uint256) = 217
_TRACK_SHIFT: constant(uint256) = 249
_EXECUTED: constant(uint256) = 2**254
_CANCELED: constant(uint256) = 2**255


# @dev The bits of the fields in a proposal's slot.
_START_MASK: constant(uint256) = 2**33 - 1
_DURATION_MASK: constant(uint256) = 2**24 - 1
_SERIAL_MASK: constant(uint256) = 2**32 - 1
_TRACK_MASK: constant(uint256) = 2**5 - 1


# @dev The bits of votes in a tally, and where the votes against
# and the time of execution begin.
_VOTES_MASK: constant(uint256) = 2**96 - 1
_AGAINST_SHIFT: constant(uint256) = 96
_ETA_SHIFT: constant(uint256) = 192


# @dev How many proposals one of a voter's slots covers, and
# where its nonce begins in the first.
_PROPOSALS_PER_SLOT: constant(uint256) = 192
_NONCE_SHIFT: constant(uint256) = 192


# @dev What a vote supports, numbered as in the reference.
_AGAINST: constant(uint8) = 0
_FOR: constant(uint8) = 1
_ABSTAIN: constant(uint8) = 2


# @dev Returns how many proposals were ever made.
proposalCount: public(uint256)


# @dev Returns a proposal's slot by its identifier.
_proposals: HashMap[uint256, uint256]


# @dev Returns a proposal's tally by its identifier:
# votes for (96) | votes against (96) | time of execution (48).
_tallies: HashMap[uint256, uint256]


# @dev Returns a proposal's abstentions by its identifier.
_abstentions: HashMap[uint256, uint256]


# @dev Returns the executor's operation of a queued proposal.
_operations: HashMap[uint256, bytes32]


# @dev Returns one of a voter's slots, by voter (160) | number of
# the slot: voted bits (192) | nonce (64, in the first slot).
_voters: HashMap[uint256, uint256]


@deploy
@payable
def __init__():
    """
    @dev To omit the opcodes for checking the `msg.value`
         in the creation-time EVM bytecode, the constructor
         is declared as `payable`.
    """
    pass


@external
@view
def proposalSnapshot(proposalId: uint256) -> uint256:
    """
    @dev Returns the timepoint whose votes count.
    @param proposalId The 32-byte identifier of the proposal.
    @return uint256 The timepoint, or `0` for an unknown proposal.
    """
    return self._snapshot(self._proposals[proposalId])


@external
@view
def proposalDeadline(proposalId: uint256) -> uint256:
    """
    @dev Returns the last timepoint at which votes are counted.
    @param proposalId The 32-byte identifier of the proposal.
    @return uint256 The timepoint, or `0` for an unknown proposal.
    """
    return self._deadline(self._proposals[proposalId])


@external
@view
def proposalProposer(proposalId: uint256) -> address:
    """
    @dev Returns who made the proposal.
    @param proposalId The 32-byte identifier of the proposal.
    @return address The 20-byte address of the proposer.
    """
    return self._proposer(self._proposals[proposalId])


@external
@view
def proposalEta(proposalId: uint256) -> uint256:
    """
    @dev Returns when a queued proposal can be executed.
    @param proposalId The 32-byte identifier of the proposal.
    @return uint256 The timestamp, or `0` if it was never queued.
    """
    return self._eta(proposalId)


@external
@view
def proposalVotes(proposalId: uint256) -> (uint256, uint256, uint256):
    """
    @dev Returns how the votes stand.
    @param proposalId The 32-byte identifier of the proposal.
    @return uint256 The votes against the proposal.
    @return uint256 The votes for the proposal.
    @return uint256 The abstentions.
    """
    return self._votes(proposalId)


@external
@view
def hasVoted(proposalId: uint256, account: address) -> bool:
    """
    @dev Returns whether `account` has voted on a proposal.
    @param proposalId The 32-byte identifier of the proposal.
    @param account The 20-byte account address.
    @return bool The verification whether the account has voted.
    """
    proposal: uint256 = self._proposals[proposalId]
    if proposal == 0:
        return False
    serial: uint256 = (proposal >> _SERIAL_SHIFT) & _SERIAL_MASK
    return (self._voters[self._voter_key(account, serial)] >> (serial % _PROPOSALS_PER_SLOT)) & 1 == 1


@external
@view
def nonces(owner: address) -> uint256:
    """
    @dev Returns the next nonce that `owner` signs a ballot with.
    @param owner The 20-byte account address.
    @return uint256 The nonce.
    """
    return self._voters[convert(owner, uint256)] >> _NONCE_SHIFT


@internal
def _create(proposal_id: uint256, proposer: address, start: uint256, duration: uint256, track: uint256):
    """
    @dev Stores a new proposal.
    @param proposal_id The 32-byte identifier of the proposal.
    @param proposer The 20-byte address of the proposer.
    @param start The timepoint whose votes count.
    @param duration The seconds that the vote lasts.
    @param track The index of the track.
    """
    serial: uint256 = self.proposalCount
    assert start <= _START_MASK and serial <= _SERIAL_MASK, "proposals: the store is full"
    self.proposalCount = unsafe_add(serial, 1)
    self._proposals[proposal_id] = (
        convert(proposer, uint256)
        | (start << _START_SHIFT)
        | (duration << _DURATION_SHIFT)
        | (serial << _SERIAL_SHIFT)
        | (track << _TRACK_SHIFT)
    )


@internal
@pure
def _proposer(proposal: uint256) -> address:
    """
    @dev Returns who made a proposal.
    @param proposal The slot of the proposal.
    @return address The 20-byte address of the proposer.
    """
    return convert(proposal & (2**_START_SHIFT - 1), address)


@internal
@pure
def _snapshot(proposal: uint256) -> uint256:
    """
    @dev Returns the timepoint whose votes count.
    @param proposal The slot of the proposal.
    @return uint256 The timepoint.
    """
    return (proposal >> _START_SHIFT) & _START_MASK


@internal
@pure
def _deadline(proposal: uint256) -> uint256:
    """
    @dev Returns the last timepoint at which votes are counted.
    @param proposal The slot of the proposal.
    @return uint256 The timepoint.
    """
    return unsafe_add(
        (proposal >> _START_SHIFT) & _START_MASK, (proposal >> _DURATION_SHIFT) & _DURATION_MASK
    )


@internal
@pure
def _track(proposal: uint256) -> uint256:
    """
    @dev Returns the track on which a proposal is decided.
    @param proposal The slot of the proposal.
    @return uint256 The index of the track.
    """
    return (proposal >> _TRACK_SHIFT) & _TRACK_MASK


@internal
@view
def _eta(proposal_id: uint256) -> uint256:
    """
    @dev Returns when a queued proposal can be executed.
    @param proposal_id The 32-byte identifier of the proposal.
    @return uint256 The timestamp, or `0` if it was never queued.
    """
    return self._tallies[proposal_id] >> _ETA_SHIFT


@internal
@view
def _votes(proposal_id: uint256) -> (uint256, uint256, uint256):
    """
    @dev Returns how the votes stand.
    @param proposal_id The 32-byte identifier of the proposal.
    @return uint256 The votes against the proposal.
    @return uint256 The votes for the proposal.
    @return uint256 The abstentions.
    """
    tally: uint256 = self._tallies[proposal_id]
    return (tally >> _AGAINST_SHIFT) & _VOTES_MASK, tally & _VOTES_MASK, self._abstentions[proposal_id]


@internal
def _queue(proposal_id: uint256, operation: bytes32, eta: uint256):
    """
    @dev Stores that a proposal was queued.
    @param proposal_id The 32-byte identifier of the proposal.
    @param operation The operation of the executor.
    @param eta The timestamp at which it can be executed.
    """
    self._operations[proposal_id] = operation
    self._tallies[proposal_id] |= eta << _ETA_SHIFT


@internal
def _mark_executed(proposal_id: uint256):
    """
    @dev Stores that a proposal was executed.
    @param proposal_id The 32-byte identifier of the proposal.
    """
    self._proposals[proposal_id] |= _EXECUTED


@internal
def _mark_canceled(proposal_id: uint256):
    """
    @dev Stores that a proposal was cancelled.
    @param proposal_id The 32-byte identifier of the proposal.
    """
    self._proposals[proposal_id] |= _CANCELED


@internal
@pure
def _is_executed(proposal: uint256) -> bool:
    """
    @dev Returns whether a proposal was executed.
    @param proposal The slot of the proposal.
    @return bool The verification whether it was executed.
    """
    return proposal & _EXECUTED != 0


@internal
@pure
def _is_canceled(proposal: uint256) -> bool:
    """
    @dev Returns whether a proposal was cancelled.
    @param proposal The slot of the proposal.
    @return bool The verification whether it was cancelled.
    """
    return proposal & _CANCELED != 0


@internal
@pure
def _voter_key(voter: address, serial: uint256) -> uint256:
    """
    @dev Returns the key of the slot that says whether `voter` has
         voted on a proposal.
    @param voter The 20-byte address of the voter.
    @param serial The serial number of the proposal.
    @return uint256 The key of the voter's slot.
    """
    return convert(voter, uint256) | (unsafe_div(serial, _PROPOSALS_PER_SLOT) << 160)


@internal
def _count(proposal_id: uint256, proposal: uint256, voter: address, support: uint8, weight: uint256):
    """
    @dev Counts the votes of `voter`, once.
    @param proposal_id The 32-byte identifier of the proposal.
    @param proposal The slot of the proposal.
    @param voter The 20-byte address of the voter.
    @param support 0 against, 1 for, 2 abstain.
    @param weight The votes, below 2**96 over all voters.
    """
    serial: uint256 = (proposal >> _SERIAL_SHIFT) & _SERIAL_MASK
    key: uint256 = self._voter_key(voter, serial)
    bit: uint256 = 1 << (serial % _PROPOSALS_PER_SLOT)
    voted: uint256 = self._voters[key]
    if voted & bit != 0:
        raw_revert(abi_encode(voter, method_id=method_id("GovernorAlreadyCastVote(address)")))
    self._voters[key] = voted | bit

    if support == _FOR:
        self._tallies[proposal_id] = unsafe_add(self._tallies[proposal_id], weight)
    elif support == _AGAINST:
        self._tallies[proposal_id] = unsafe_add(self._tallies[proposal_id], weight << _AGAINST_SHIFT)
    elif support == _ABSTAIN:
        self._abstentions[proposal_id] = unsafe_add(self._abstentions[proposal_id], weight)
    else:
        raw_revert(method_id("GovernorInvalidVoteType()", output_type=Bytes[4]))


@internal
def _use_nonce(voter: address) -> uint256:
    """
    @dev Uses up the nonce of `voter`.
    @param voter The 20-byte address of the voter.
    @return uint256 The nonce that was used up.
    """
    key: uint256 = convert(voter, uint256)
    slot: uint256 = self._voters[key]
    self._voters[key] = slot + (1 << _NONCE_SHIFT)
    return slot >> _NONCE_SHIFT
