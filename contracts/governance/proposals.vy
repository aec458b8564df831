# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title Proposals, Their Tallies and Who Voted
@custom:contract-name proposals
@license GNU Affero General Public License v3.0 only
@author Westworld
@notice These functions store what a Governor must remember, in as few
        slots as it takes:
          - one slot for a proposal when it is made: who made it, and
            its *course* (the times of its vote, its serial number and
            its track),
          - one for its tally, from the first vote for it on. It holds
            the votes for, what they have settled, the time of
            execution, and the course once more, so that a vote for a
            proposal reads and changes this slot alone,
          - one for its other votes, which also says by how much the
            vote goes on, and one for the executor's operation,
          - one for a voter: the nonce, and a bit for each proposal of a
            *page* of 128, by their serial numbers. So a vote by
            signature changes one slot. When a voter comes to the next
            page, the bits of the one before move into a slot of their
            own.
        Votes are below 2**96 in all, as the token's supply is.
        Nothing here is checked but that the fields hold what is put
        into them; the rest is the Governor's part.
"""


# @dev Where the course begins in a proposal's slot, after the
# proposer, and in a tally, after the votes for it.
_COURSE_SHIFT: constant(uint256) = 160
_TALLY_COURSE_SHIFT: constant(uint256) = 96


# @dev Where the fields begin in a course, after the snapshot (33
# bits, so until the year 2242): the seconds from it to the deadline
# (24), the serial number (32), the index of the track (5) and two
# flags. A tally does not hold the one that says "executed".
_DURATION_SHIFT: constant(uint256) = 33
_SERIAL_SHIFT: constant(uint256) = 57
_TRACK_SHIFT: constant(uint256) = 89
_EXECUTED: constant(uint256) = 2**94
_CANCELED: constant(uint256) = 2**95


# @dev The bits of the fields in a course, and of all of it.
_SNAPSHOT_MASK: constant(uint256) = 2**33 - 1
_DURATION_MASK: constant(uint256) = 2**24 - 1
_SERIAL_MASK: constant(uint256) = 2**32 - 1
_TRACK_MASK: constant(uint256) = 2**5 - 1
_COURSE_MASK: constant(uint256) = 2**96 - 1


# @dev The bits of votes, and where a tally's other fields begin,
# after the course: the time of execution (33), the magnitudes (7 and
# 7) and the flags.
_VOTES_MASK: constant(uint256) = 2**96 - 1
_ETA_SHIFT: constant(uint256) = 192
_ETA_MASK: constant(uint256) = 2**33 - 1
QUORUM_MAGNITUDE_SHIFT: constant(uint256) = 225
SUPER_QUORUM_MAGNITUDE_SHIFT: constant(uint256) = 232
MAGNITUDE_MASK: constant(uint256) = 2**7 - 1


# @dev What the votes have settled: that the quorum is reached, that
# the super-quorum is and the vote has succeeded, that the vote goes
# on beyond its first deadline, and that somebody abstains.
QUORUM_REACHED: constant(uint256) = 2**239
DECIDED_EARLY: constant(uint256) = 2**240
EXTENDED: constant(uint256) = 2**241
ABSTAINED: constant(uint256) = 2**242


# @dev Where the abstentions and the extension begin in the slot of
# a proposal's other votes, after the votes against it.
_ABSTAIN_SHIFT: constant(uint256) = 96
_EXTENSION_SHIFT: constant(uint256) = 192


# @dev The bits of a serial number that tell the proposal of a page,
# and the bits of a page in a voter's slot; where its other fields
# begin: the number of the page (32) and the nonce.
_ON_PAGE_BITS: constant(uint256) = 7
_ON_PAGE_MASK: constant(uint256) = 127
_BITS_MASK: constant(uint256) = 2**128 - 1
_PAGE_SHIFT: constant(uint256) = 160
_PAGE_MASK: constant(uint256) = 2**32 - 1
_NONCE_SHIFT: constant(uint256) = 192


# @dev Returns how many proposals were ever made.
proposalCount: public(uint256)


# @dev Returns a proposal's slot by its identifier:
# proposer (160) | course (96).
_proposals: HashMap[uint256, uint256]


# @dev Returns a proposal's tally by its identifier: votes for (96) |
# course (96) | time of execution (33) | magnitude of the quorum (7)
# and of the super-quorum (7) | flags.
_tallies: HashMap[uint256, uint256]


# @dev Returns the other votes on a proposal: against (96) |
# abstentions (96) | seconds by which the vote goes on (24).
_others: HashMap[uint256, uint256]


# @dev Returns the executor's operation of a queued proposal.
_operations: HashMap[uint256, bytes32]


# @dev Returns a voter's slot: voted bits of a page (128, the next 32
# are free) | number of the page (32) | nonce (64).
_voters: HashMap[address, uint256]


# @dev Returns a voter's bits of another page, by voter (160) | number
# of the page (32).
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
    return self._snapshot(self._course(proposalId))


@external
@view
def proposalDeadline(proposalId: uint256) -> uint256:
    """
    @dev Returns the last timepoint at which votes are counted.
    @param proposalId The 32-byte identifier of the proposal.
    @return uint256 The timepoint, or `0` for an unknown proposal.
    """
    return self._deadline(proposalId, self._course(proposalId), self._tallies[proposalId])


@external
@view
def proposalProposer(proposalId: uint256) -> address:
    """
    @dev Returns who made the proposal.
    @param proposalId The 32-byte identifier of the proposal.
    @return address The 20-byte address of the proposer.
    """
    return self._proposer(proposalId)


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
    return self._against(proposalId), self._in_favour(self._tallies[proposalId]), self._abstaining(proposalId)


@external
@view
def hasVoted(proposalId: uint256, account: address) -> bool:
    """
    @dev Returns whether `account` has voted on a proposal.
    @param proposalId The 32-byte identifier of the proposal.
    @param account The 20-byte account address.
    @return bool The verification whether the account has voted.
    """
    course: uint256 = self._course(proposalId)
    return course != 0 and self._has_voted(account, self._voters[account], course)


@external
@view
def nonces(owner: address) -> uint256:
    """
    @dev Returns the next nonce that `owner` signs a ballot with.
    @param owner The 20-byte account address.
    @return uint256 The nonce.
    """
    return self._nonce_in(self._voters[owner])


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
    course: uint256 = (
        snapshot
        | (unsafe_sub(deadline, snapshot) << _DURATION_SHIFT)
        | (serial << _SERIAL_SHIFT)
        | (track << _TRACK_SHIFT)
    )
    self._proposals[proposal_id] = convert(proposer, uint256) | (course << _COURSE_SHIFT)


@internal
@view
def _course(proposal_id: uint256) -> uint256:
    """
    @dev Returns the course of a proposal.
    @param proposal_id The 32-byte identifier of the proposal.
    @return uint256 The course, or `0` for an unknown proposal.
    """
    return self._proposals[proposal_id] >> _COURSE_SHIFT


@internal
@pure
def _course_in(tally: uint256) -> uint256:
    """
    @dev Returns the course that a tally holds.
    @param tally The tally of the proposal, not `0`.
    @return uint256 The course, without the flag "executed".
    """
    return (tally >> _TALLY_COURSE_SHIFT) & _COURSE_MASK


@internal
@pure
def _with_course(course: uint256) -> uint256:
    """
    @dev Returns the tally of a proposal that nobody has voted for.
    @param course The course of the proposal.
    @return uint256 The tally.
    """
    return course << _TALLY_COURSE_SHIFT


@internal
@view
def _proposer(proposal_id: uint256) -> address:
    """
    @dev Returns who made a proposal.
    @param proposal_id The 32-byte identifier of the proposal.
    @return address The 20-byte address of the proposer.
    """
    return convert(self._proposals[proposal_id] & (2**_COURSE_SHIFT - 1), address)


@internal
@pure
def _snapshot(course: uint256) -> uint256:
    """
    @dev Returns the timepoint whose votes count.
    @param course The course of the proposal.
    @return uint256 The timepoint.
    """
    return course & _SNAPSHOT_MASK


@internal
@pure
def _first_deadline(course: uint256) -> uint256:
    """
    @dev Returns the deadline that a proposal was made with.
    @param course The course of the proposal.
    @return uint256 The timepoint.
    """
    return unsafe_add(course & _SNAPSHOT_MASK, (course >> _DURATION_SHIFT) & _DURATION_MASK)


@internal
@view
def _deadline(proposal_id: uint256, course: uint256, tally: uint256) -> uint256:
    """
    @dev Returns the last timepoint at which votes are counted.
    @param proposal_id The 32-byte identifier of the proposal.
    @param course The course of the proposal.
    @param tally The tally of the proposal.
    @return uint256 The timepoint.
    """
    # As `_first_deadline`, which a vote is spared the call of.
    deadline: uint256 = unsafe_add(course & _SNAPSHOT_MASK, (course >> _DURATION_SHIFT) & _DURATION_MASK)
    if tally & EXTENDED != 0:
        return unsafe_add(deadline, self._others[proposal_id] >> _EXTENSION_SHIFT)
    return deadline


@internal
@pure
def _serial(course: uint256) -> uint256:
    """
    @dev Returns how many proposals were made before one.
    @param course The course of the proposal.
    @return uint256 The serial number, from `0`.
    """
    return (course >> _SERIAL_SHIFT) & _SERIAL_MASK


@internal
@pure
def _track(course: uint256) -> uint256:
    """
    @dev Returns the track on which a proposal is decided.
    @param course The course of the proposal.
    @return uint256 The index of the track.
    """
    return (course >> _TRACK_SHIFT) & _TRACK_MASK


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
@view
def _against(proposal_id: uint256) -> uint256:
    """
    @dev Returns the votes against a proposal.
    @param proposal_id The 32-byte identifier of the proposal.
    @return uint256 The votes.
    """
    return self._others[proposal_id] & _VOTES_MASK


@internal
@view
def _abstaining(proposal_id: uint256) -> uint256:
    """
    @dev Returns the abstentions on a proposal.
    @param proposal_id The 32-byte identifier of the proposal.
    @return uint256 The votes.
    """
    return (self._others[proposal_id] >> _ABSTAIN_SHIFT) & _VOTES_MASK


@internal
def _add_others(proposal_id: uint256, against: uint256, abstaining: uint256):
    """
    @dev Adds votes that are not for a proposal.
    @param proposal_id The 32-byte identifier of the proposal.
    @param against The votes against it.
    @param abstaining The abstentions.
    """
    self._others[proposal_id] = unsafe_add(
        self._others[proposal_id], unsafe_add(against, abstaining << _ABSTAIN_SHIFT)
    )


@internal
def _extend(proposal_id: uint256, seconds_: uint256):
    """
    @dev Stores by how much a vote goes on. The caller sets the flag
         in the tally.
    @param proposal_id The 32-byte identifier of the proposal.
    @param seconds_ The seconds beyond the first deadline.
    """
    self._others[proposal_id] |= seconds_ << _EXTENSION_SHIFT


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
    self._proposals[proposal_id] |= _EXECUTED << _COURSE_SHIFT


@internal
def _mark_canceled(proposal_id: uint256, has_begun: bool):
    """
    @dev Stores that a proposal was cancelled.
    @param proposal_id The 32-byte identifier of the proposal.
    @param has_begun Whether its vote has begun, so that there may
           be a tally.
    """
    self._proposals[proposal_id] |= _CANCELED << _COURSE_SHIFT
    if has_begun and self._tallies[proposal_id] != 0:
        self._tallies[proposal_id] |= _CANCELED << _TALLY_COURSE_SHIFT


@internal
@pure
def _is_executed(course: uint256) -> bool:
    """
    @dev Returns whether a proposal was executed.
    @param course The course of the proposal.
    @return bool The verification whether it was executed.
    """
    return course & _EXECUTED != 0


@internal
@pure
def _is_canceled(course: uint256) -> bool:
    """
    @dev Returns whether a proposal was cancelled.
    @param course The course of the proposal.
    @return bool The verification whether it was cancelled.
    """
    return course & _CANCELED != 0


@internal
@view
def _has_voted(voter: address, slot: uint256, course: uint256) -> bool:
    """
    @dev Returns whether `voter` has used votes on a proposal.
    @param voter The 20-byte address of the voter.
    @param slot The voter's slot.
    @param course The course of the proposal.
    @return bool The verification whether it has.
    """
    serial: uint256 = (course >> _SERIAL_SHIFT) & _SERIAL_MASK
    page: uint256 = serial >> _ON_PAGE_BITS
    bits: uint256 = slot
    if (slot >> _PAGE_SHIFT) & _PAGE_MASK != page:
        bits = self._earlier_bits[convert(voter, uint256) | (page << _PAGE_SHIFT)]
    return (bits >> (serial & _ON_PAGE_MASK)) & 1 != 0


@internal
def _mark_voted(voter: address, slot: uint256, course: uint256):
    """
    @dev Stores that `voter` has used votes on a proposal.
    @param voter The 20-byte address of the voter.
    @param slot The voter's slot, with the nonce that it is to have.
    @param course The course of the proposal.
    """
    serial: uint256 = (course >> _SERIAL_SHIFT) & _SERIAL_MASK
    page: uint256 = serial >> _ON_PAGE_BITS
    bit: uint256 = 1 << (serial & _ON_PAGE_MASK)
    present: uint256 = (slot >> _PAGE_SHIFT) & _PAGE_MASK
    if page == present:
        self._voters[voter] = slot | bit
    elif page < present:
        self._voters[voter] = slot
        self._earlier_bits[convert(voter, uint256) | (page << _PAGE_SHIFT)] |= bit
    else:
        if slot & _BITS_MASK != 0:
            self._earlier_bits[convert(voter, uint256) | (present << _PAGE_SHIFT)] |= slot & _BITS_MASK
        self._voters[voter] = ((slot >> _NONCE_SHIFT) << _NONCE_SHIFT) | (page << _PAGE_SHIFT) | bit


@internal
@pure
def _nonce_in(slot: uint256) -> uint256:
    """
    @dev Returns the next nonce of a voter.
    @param slot The voter's slot.
    @return uint256 The nonce.
    """
    return slot >> _NONCE_SHIFT


@internal
@pure
def _with_next_nonce(slot: uint256) -> uint256:
    """
    @dev Returns a voter's slot with the nonce after the present one.
    @param slot The voter's slot.
    @return uint256 The new slot.
    """
    return slot + (1 << _NONCE_SHIFT)


@internal
def _use_nonce(voter: address) -> uint256:
    """
    @dev Uses up the nonce of `voter`.
    @param voter The 20-byte address of the voter.
    @return uint256 The nonce that was used up.
    """
    slot: uint256 = self._voters[voter]
    self._voters[voter] = self._with_next_nonce(slot)
    return self._nonce_in(slot)
