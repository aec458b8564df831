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
          - one for the votes that its quorum counts, for what they have
            settled, and for the time at which it can be executed; one
            for the votes against it, which also says by how much the
            vote goes on; one for the executor's operation,
          - one for a voter: the nonce, and a bit for each of the latest
            160 proposals, by their serial numbers. So a vote by
            signature changes one slot. When a voter comes to the next
            160, the bits of before move into a slot of their own.
        Votes are below 2**96 in all, as the token's supply is.
        Nothing here is checked; that is the Governor's part.
"""


# @dev Where the fields begin in a proposal's slot, after the
# proposer (160): the snapshot (33 bits, so until the year 2242),
# the seconds from it to the deadline (24), the serial number (32),
# the index of the track (5) and the two flags.
_SNAPSHOT_SHIFT: constant(uint256) = 160
_DURATION_SHIFT: constant(uint256) = 193
_SERIAL_SHIFT: constant(uint256) = 217
_TRACK_SHIFT: constant(uint256) = 249
_EXECUTED: constant(uint256) = 2**254
_CANCELED: constant(uint256) = 2**255


# @dev The bits of the fields in a proposal's slot.
_SNAPSHOT_MASK: constant(uint256) = 2**33 - 1
_DURATION_MASK: constant(uint256) = 2**24 - 1
_SERIAL_MASK: constant(uint256) = 2**32 - 1
_TRACK_MASK: constant(uint256) = 2**5 - 1


# @dev The bits of votes in a tally, and where its other fields
# begin, after the votes for (96): the abstentions (96), the time of
# execution (33), the magnitudes (7 and 7) and the flags.
_VOTES_MASK: constant(uint256) = 2**96 - 1
_ABSTAIN_SHIFT: constant(uint256) = 96
_ETA_SHIFT: constant(uint256) = 192
_ETA_MASK: constant(uint256) = 2**33 - 1
QUORUM_MAGNITUDE_SHIFT: constant(uint256) = 225
SUPER_QUORUM_MAGNITUDE_SHIFT: constant(uint256) = 232
MAGNITUDE_MASK: constant(uint256) = 2**7 - 1


# @dev What the votes have settled: that the quorum is reached, that
# the super-quorum is and the vote has succeeded, and that the vote
# goes on beyond its first deadline.
QUORUM_REACHED: constant(uint256) = 2**239
DECIDED_EARLY: constant(uint256) = 2**240
EXTENDED: constant(uint256) = 2**241


# @dev Where the extension begins in the slot of the votes against.
_EXTENSION_SHIFT: constant(uint256) = 96


# @dev How many proposals one of a voter's slots covers, and where
# its other fields begin: the number of those 160 (32) and the nonce.
_PROPOSALS_PER_SLOT: constant(uint256) = 160
_BITS_MASK: constant(uint256) = 2**160 - 1
_PAGE_SHIFT: constant(uint256) = 160
_PAGE_MASK: constant(uint256) = 2**32 - 1
_NONCE_SHIFT: constant(uint256) = 192


# @dev Returns how many proposals were ever made.
proposalCount: public(uint256)


# @dev Returns a proposal's slot by its identifier.
_proposals: HashMap[uint256, uint256]


# @dev Returns a proposal's tally by its identifier: votes for (96) |
# abstentions (96) | time of execution (33) | magnitude of the quorum
# (7) and of the super-quorum (7) | flags.
_tallies: HashMap[uint256, uint256]


# @dev Returns the votes against a proposal (96) | seconds by which
# its vote goes on (24).
_objections: HashMap[uint256, uint256]


# @dev Returns the executor's operation of a queued proposal.
_operations: HashMap[uint256, bytes32]


# @dev Returns a voter's slot: voted bits (160) | number of those
# 160 proposals (32) | nonce (64).
_voters: HashMap[address, uint256]


# @dev Returns a voter's bits for earlier proposals, by voter (160) |
# number of those 160 proposals.
_earlier_bits: HashMap[uint256, uint256]


# @dev Returns what a voter has used of its votes on a proposal, if
# its ballots did not use all at once.
_parts: HashMap[uint256, HashMap[address, uint256]]


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
    return self._deadline(proposalId, self._proposals[proposalId], self._tallies[proposalId])


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
    return self._eta(self._tallies[proposalId])


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
    tally: uint256 = self._tallies[proposalId]
    return self._against(proposalId), self._in_favour(tally), self._abstaining(tally)


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
    return proposal != 0 and self._has_voted(account, proposal)


@external
@view
def nonces(owner: address) -> uint256:
    """
    @dev Returns the next nonce that `owner` signs a ballot with.
    @param owner The 20-byte account address.
    @return uint256 The nonce.
    """
    return self._nonce(owner)


@internal
def _create(proposal_id: uint256, proposer: address, snapshot: uint256, deadline: uint256, track: uint256):
    """
    @dev Stores a new proposal.
    @param proposal_id The 32-byte identifier of the proposal.
    @param proposer The 20-byte address of the proposer.
    @param snapshot The timepoint whose votes count.
    @param deadline The last timepoint at which votes are counted.
    @param track The index of the track.
    """
    serial: uint256 = self.proposalCount
    assert snapshot <= _SNAPSHOT_MASK and serial <= _SERIAL_MASK, "proposals: the store is full"
    self.proposalCount = unsafe_add(serial, 1)
    self._proposals[proposal_id] = (
        convert(proposer, uint256)
        | (snapshot << _SNAPSHOT_SHIFT)
        | (unsafe_sub(deadline, snapshot) << _DURATION_SHIFT)
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
    return convert(proposal & (2**_SNAPSHOT_SHIFT - 1), address)


@internal
@pure
def _snapshot(proposal: uint256) -> uint256:
    """
    @dev Returns the timepoint whose votes count.
    @param proposal The slot of the proposal.
    @return uint256 The timepoint.
    """
    return (proposal >> _SNAPSHOT_SHIFT) & _SNAPSHOT_MASK


@internal
@pure
def _first_deadline(proposal: uint256) -> uint256:
    """
    @dev Returns the deadline that a proposal was made with.
    @param proposal The slot of the proposal.
    @return uint256 The timepoint.
    """
    return unsafe_add(
        (proposal >> _SNAPSHOT_SHIFT) & _SNAPSHOT_MASK, (proposal >> _DURATION_SHIFT) & _DURATION_MASK
    )


@internal
@view
def _deadline(proposal_id: uint256, proposal: uint256, tally: uint256) -> uint256:
    """
    @dev Returns the last timepoint at which votes are counted.
    @param proposal_id The 32-byte identifier of the proposal.
    @param proposal The slot of the proposal.
    @param tally The tally of the proposal.
    @return uint256 The timepoint.
    """
    deadline: uint256 = self._first_deadline(proposal)
    if tally & EXTENDED == 0:
        return deadline
    return unsafe_add(deadline, self._objections[proposal_id] >> _EXTENSION_SHIFT)


@internal
@pure
def _serial(proposal: uint256) -> uint256:
    """
    @dev Returns how many proposals were made before one.
    @param proposal The slot of the proposal.
    @return uint256 The serial number, from `0`.
    """
    return (proposal >> _SERIAL_SHIFT) & _SERIAL_MASK


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
@pure
def _eta(tally: uint256) -> uint256:
    """
    @dev Returns when a queued proposal can be executed.
    @param tally The tally of the proposal.
    @return uint256 The timestamp, or `0` if it was never queued.
    """
    return (tally >> _ETA_SHIFT) & _ETA_MASK


@internal
@pure
def _in_favour(tally: uint256) -> uint256:
    """
    @dev Returns the votes for a proposal.
    @param tally The tally of the proposal.
    @return uint256 The votes.
    """
    return tally & _VOTES_MASK


@internal
@pure
def _abstaining(tally: uint256) -> uint256:
    """
    @dev Returns the abstentions on a proposal.
    @param tally The tally of the proposal.
    @return uint256 The votes.
    """
    return (tally >> _ABSTAIN_SHIFT) & _VOTES_MASK


@internal
@view
def _against(proposal_id: uint256) -> uint256:
    """
    @dev Returns the votes against a proposal.
    @param proposal_id The 32-byte identifier of the proposal.
    @return uint256 The votes.
    """
    return self._objections[proposal_id] & _VOTES_MASK


@internal
@pure
def _with_votes(tally: uint256, in_favour: uint256, abstaining: uint256) -> uint256:
    """
    @dev Returns a tally with more votes.
    @param tally The tally of the proposal.
    @param in_favour The votes for the proposal.
    @param abstaining The abstentions.
    @return uint256 The new tally.
    """
    return unsafe_add(tally, unsafe_add(in_favour, abstaining << _ABSTAIN_SHIFT))


@internal
def _extend(proposal_id: uint256, seconds_: uint256):
    """
    @dev Stores by how much a vote goes on. The caller sets the flag
         in the tally.
    @param proposal_id The 32-byte identifier of the proposal.
    @param seconds_ The seconds beyond the first deadline.
    """
    self._objections[proposal_id] |= seconds_ << _EXTENSION_SHIFT


@internal
def _queue(proposal_id: uint256, operation: bytes32, eta: uint256):
    """
    @dev Stores that a proposal was queued.
    @param proposal_id The 32-byte identifier of the proposal.
    @param operation The operation of the executor.
    @param eta The timestamp at which it can be executed.
    """
    assert eta <= _ETA_MASK, "proposals: time of execution after 2242"
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
@view
def _has_voted(voter: address, proposal: uint256) -> bool:
    """
    @dev Returns whether `voter` has used votes on a proposal.
    @param voter The 20-byte address of the voter.
    @param proposal The slot of the proposal.
    @return bool The verification whether it has.
    """
    serial: uint256 = self._serial(proposal)
    page: uint256 = unsafe_div(serial, _PROPOSALS_PER_SLOT)
    bits: uint256 = self._voters[voter]
    if (bits >> _PAGE_SHIFT) & _PAGE_MASK != page:
        bits = self._earlier_bits[convert(voter, uint256) | (page << _PAGE_SHIFT)]
    return (bits >> (serial % _PROPOSALS_PER_SLOT)) & 1 == 1


@internal
def _mark_voted(voter: address, proposal: uint256):
    """
    @dev Stores that `voter` has used votes on a proposal.
    @param voter The 20-byte address of the voter.
    @param proposal The slot of the proposal.
    """
    serial: uint256 = self._serial(proposal)
    page: uint256 = unsafe_div(serial, _PROPOSALS_PER_SLOT)
    bit: uint256 = 1 << (serial % _PROPOSALS_PER_SLOT)
    slot: uint256 = self._voters[voter]
    present: uint256 = (slot >> _PAGE_SHIFT) & _PAGE_MASK
    if page == present:
        self._voters[voter] = slot | bit
        return
    if page < present:
        self._earlier_bits[convert(voter, uint256) | (page << _PAGE_SHIFT)] |= bit
        return
    if slot & _BITS_MASK != 0:
        self._earlier_bits[convert(voter, uint256) | (present << _PAGE_SHIFT)] |= slot & _BITS_MASK
    self._voters[voter] = ((slot >> _NONCE_SHIFT) << _NONCE_SHIFT) | (page << _PAGE_SHIFT) | bit


@internal
@view
def _nonce(voter: address) -> uint256:
    """
    @dev Returns the next nonce of `voter`.
    @param voter The 20-byte address of the voter.
    @return uint256 The nonce.
    """
    return self._voters[voter] >> _NONCE_SHIFT


@internal
def _use_nonce(voter: address) -> uint256:
    """
    @dev Uses up the nonce of `voter`.
    @param voter The 20-byte address of the voter.
    @return uint256 The nonce that was used up.
    """
    slot: uint256 = self._voters[voter]
    self._voters[voter] = slot + (1 << _NONCE_SHIFT)
    return slot >> _NONCE_SHIFT
