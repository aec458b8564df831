# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title Tracks and the Calls That They Reserve
@custom:contract-name tracks
@license GNU Affero General Public License v3.0 only
@author Westworld
@notice A proposal is decided on a *track*, which sets the delay before
        the vote, the period of the vote, the threshold of the proposer,
        the quorum and the executor. Which track a call goes through is
        settled by one rule:

          1. A call reserved with its selector belongs to the track
             that it is reserved for.
          2. Any other call to a target that is reserved as a whole
             belongs to the track that the target is reserved for.
          3. Every other call belongs to the track `standard`.

        A proposal passes only on the track that owns each of its calls.
        So `standard` makes every unreserved call, and any other track
        makes the calls reserved for it and no others.

        A track can be *pinned*, as a fast one should be: its calls are
        reserved with their selectors, carry no ETH, and reach neither
        the Governor nor an executor. It is so from its first day, and a
        track that is not pinned administers it.

        Each track has an *administrator*, itself or another track.
        Changing a track's settings, its executor, or who owns a call
        that it owns, is a call that belongs to its administrator. A
        track that is to be fast can so be kept from widening its power,
        and `standard` cannot shorten the vote on the charter. `standard`
        administers itself.
"""


# @dev We import and use the `checkpoints` module.
import checkpoints as traces
uses: traces


# @dev We import the `bounds` module.
import bounds


# @dev The name of the track of proposals that name none.
STANDARD: public(constant(bytes32)) = 0x7374616e64617264000000000000000000000000000000000000000000000000


# @dev The index of that track.
_STANDARD: constant(uint256) = 0


# @dev What the fraction of the supply that is the quorum is
# counted in: percent.
quorumDenominator: public(constant(uint256)) = 100


# @dev The longest delay and the longest period in seconds
# (194 days), so that they pack.
_MAX_SECONDS: constant(uint256) = 2**24 - 1


# @dev Where the delay, the period, the lookback and the number begin
# in a track's terms, after the threshold, and the bits of that.
_THRESHOLD_MASK: constant(uint256) = 2**96 - 1
_DELAY_SHIFT: constant(uint256) = 96
_PERIOD_SHIFT: constant(uint256) = 120
_LOOKBACK_SHIFT: constant(uint256) = 144
_NUMBER_SHIFT: constant(uint256) = 168


# @dev Where the administrator begins in a track's powers, after the
# executor, and their flags.
_EXECUTOR_MASK: constant(uint256) = 2**160 - 1
_ADMINISTRATOR_SHIFT: constant(uint256) = 160
_ADMINISTRATOR_MASK: constant(uint256) = 2**8 - 1
_PINNED: constant(uint256) = 2**168
_CO_SIGNED: constant(uint256) = 2**169


# @dev Where the super-quorum and the extension begin in a value of
# a track's trace, after the quorum (8), and the bits of a fraction.
_FRACTION_MASK: constant(uint256) = 2**8 - 1
_SUPER_QUORUM_SHIFT: constant(uint256) = 8
_EXTENSION_SHIFT: constant(uint256) = 16


# @dev The bits of a track's number in the slot of a target that is
# reserved as a whole. The flags say that some call of the target is
# reserved with its selector, and that the target is an executor.
_NUMBER_MASK: constant(uint256) = 2**8 - 1
_BY_SELECTOR: constant(uint256) = 256
_EXECUTOR: constant(uint256) = 512


# @dev The 4-byte selectors of the Governor's functions that belong
# to the administrator of the track that they change.
SET_TRACK: constant(bytes4) = method_id(
    "setTrack((bytes32,address,bytes32,uint48,uint32,uint32,uint48,uint256,uint256,uint256,bool,bool))",
    output_type=bytes4,
)
RESERVE_CALL: constant(bytes4) = method_id("reserveCall(address,bytes4,bytes32)", output_type=bytes4)


# @dev The least calldata of those functions: a selector and two
# arguments.
ADMINISTRATION_LENGTH: constant(uint256) = 68


# @dev Returns how many tracks there are.
trackCount: public(uint256)


# @dev Returns the name of a track by its index.
trackName: public(HashMap[uint256, bytes32])


# @dev Returns the terms of a track by its name, which are all that a
# proposal asks for: threshold (96) | delay (24) | period (24) |
# lookback (24) | number of the track (8), its index plus one.
_terms: HashMap[bytes32, uint256]


# @dev Returns the powers of a track by its index:
# executor (160) | administrator (8) | pinned (1) | co-signed (1).
# The track's trace holds quorum (8) | super-quorum (8) | extension
# (24) with their history.
_powers: HashMap[uint256, uint256]


# @dev Returns the index, plus one, of the track that a target is
# reserved for as a whole, and the target's flags.
_targets: HashMap[address, uint256]


# @dev Returns the index, plus one, of the track that a call is
# reserved for with its selector.
_calls: HashMap[address, HashMap[bytes4, uint256]]


# @dev A track as it is set. Names are ASCII of at most 31
# characters, filled up with zeros; times are in seconds, numerators
# in percent. With a `lookback` the votes that count are those of
# that long before the proposal, and the vote begins with it.
struct Track:
    name: bytes32
    executor: address
    administrator: bytes32
    votingDelay: uint48
    votingPeriod: uint32
    lookback: uint32
    lateQuorumVoteExtension: uint48
    proposalThreshold: uint256
    quorumNumerator: uint256
    superQuorumNumerator: uint256
    pinned: bool
    coSigned: bool


# @dev A call that is reserved; without a selector every call to
# the target.
struct Reservation:
    target: address
    selector: bytes4
    track: bytes32


# @dev Emitted when the delay of the track `standard` changes.
event VotingDelaySet:
    oldVotingDelay: uint256
    newVotingDelay: uint256


# @dev Emitted when the period of the track `standard` changes.
event VotingPeriodSet:
    oldVotingPeriod: uint256
    newVotingPeriod: uint256


# @dev Emitted when the threshold of the track `standard` changes.
event ProposalThresholdSet:
    oldProposalThreshold: uint256
    newProposalThreshold: uint256


# @dev Emitted when the quorum of the track `standard` changes.
event QuorumNumeratorUpdated:
    oldQuorumNumerator: uint256
    newQuorumNumerator: uint256


# @dev Emitted when the super-quorum of the track `standard` changes.
event SuperQuorumNumeratorUpdated:
    oldSuperQuorumNumerator: uint256
    newSuperQuorumNumerator: uint256


# @dev Emitted when the extension of a vote on the track `standard`
# whose quorum comes late changes.
event LateQuorumVoteExtensionSet:
    oldVoteExtension: uint64
    newVoteExtension: uint64


# @dev Emitted when the executor of the track `standard` changes.
event TimelockChange:
    oldTimelock: address
    newTimelock: address


# @dev Emitted when any other track is added or changed.
event TrackSet:
    name: indexed(bytes32)
    executor: indexed(address)
    track: Track


# @dev Emitted when a call (or, without a selector, a target as a
# whole) is reserved for a track.
event CallReserved:
    target: indexed(address)
    selector: indexed(bytes4)
    track: indexed(bytes32)


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
def track(name: bytes32) -> Track:
    """
    @dev Returns the settings of the track `name`.
    @param name The 32-byte name of the track.
    @return Track The settings of the track.
    """
    terms: uint256 = self._terms_of(name)
    index: uint256 = self._index_in(terms)
    return Track(
        name=name,
        executor=self._executor(index),
        administrator=self.trackName[self._administrator(index)],
        votingDelay=convert(self._delay(terms), uint48),
        votingPeriod=convert(self._period(terms), uint32),
        lookback=convert(self._lookback(terms), uint32),
        lateQuorumVoteExtension=convert(self._vote_extension(index), uint48),
        proposalThreshold=self._threshold(terms),
        quorumNumerator=traces._value(index) & _FRACTION_MASK,
        superQuorumNumerator=self._super_quorum_numerator(index),
        pinned=self._powers[index] & _PINNED != 0,
        coSigned=self._is_co_signed(index),
    )


@external
@view
def trackOf(target: address, selector: bytes4) -> bytes32:
    """
    @dev Returns the name of the track that owns a call.
    @notice A call that administers a track belongs to that track's
            administrator, whatever this function returns.
    @param target The 20-byte address that is called.
    @param selector The 4-byte selector (zero: a call without any).
    @return bytes32 The 32-byte name of the track.
    """
    return self.trackName[self._owner(target, selector)]


@external
@view
def votingDelay() -> uint256:
    """
    @dev Returns the delay of the track `standard`.
    @return uint256 The seconds from a proposal to its vote.
    """
    return self._delay(self._terms[STANDARD])


@external
@view
def votingPeriod() -> uint256:
    """
    @dev Returns the period of the track `standard`.
    @return uint256 The seconds that a vote lasts.
    """
    return self._period(self._terms[STANDARD])


@external
@view
def proposalThreshold() -> uint256:
    """
    @dev Returns the threshold of the track `standard`.
    @return uint256 The votes that a proposer needs.
    """
    return self._threshold(self._terms[STANDARD])


@external
@view
def quorumNumerator(timepoint: uint256 = max_value(uint256)) -> uint256:
    """
    @dev Returns the quorum of the track `standard` at `timepoint`.
    @param timepoint The timepoint (by default the present).
    @return uint256 The quorum in percent of the supply.
    """
    return self._quorum_numerator_at(_STANDARD, timepoint)


@external
@view
def superQuorumNumerator(timepoint: uint256 = max_value(uint256)) -> uint256:
    """
    @dev Returns the super-quorum of the track `standard` at
         `timepoint`.
    @param timepoint The timepoint (by default the present).
    @return uint256 The super-quorum in percent of the supply.
    """
    return self._super_quorum_numerator_at(_STANDARD, timepoint)


@external
@view
def lateQuorumVoteExtension() -> uint48:
    """
    @dev Returns for how long a vote on the track `standard` goes on
         at least, once its quorum is reached.
    @return uint48 The seconds.
    """
    return convert(self._vote_extension(_STANDARD), uint48)


@external
@view
def timelock() -> address:
    """
    @dev Returns the executor of the track `standard`.
    @return address The 20-byte address of the executor.
    """
    return self._executor(_STANDARD)


@internal
def _found(
    tracks: DynArray[Track, bounds.MAX_TRACKS], reservations: DynArray[Reservation, bounds.MAX_RESERVATIONS]
):
    """
    @dev Adds the first tracks and reserves the first calls.
    @notice At construction alone.
    @param tracks The tracks, `standard` first.
    @param reservations The reserved calls.
    """
    for track: Track in tracks:
        self._set_track(track)
    assert self.trackName[_STANDARD] == STANDARD, "tracks: the first track is not standard"
    for reservation: Reservation in reservations:
        self._reserve(reservation.target, reservation.selector, self._index(reservation.track))


@internal
@view
def _terms_of(name: bytes32) -> uint256:
    """
    @dev Returns the terms of the track `name`.
    @notice Reverts if there is none of that name.
    @param name The 32-byte name of the track.
    @return uint256 The terms of the track.
    """
    terms: uint256 = self._terms[name]
    if terms == 0:
        raw_revert(abi_encode(name, method_id=method_id("GovernorUnknownTrack(bytes32)")))
    return terms


@internal
@pure
def _index_in(terms: uint256) -> uint256:
    """
    @dev Returns the index of a track.
    @param terms The terms of the track.
    @return uint256 The index of the track.
    """
    return unsafe_sub(terms >> _NUMBER_SHIFT, 1)


@internal
@pure
def _threshold(terms: uint256) -> uint256:
    """
    @dev Returns the threshold of a track.
    @param terms The terms of the track.
    @return uint256 The votes that a proposer needs.
    """
    return terms & _THRESHOLD_MASK


@internal
@pure
def _delay(terms: uint256) -> uint256:
    """
    @dev Returns the delay of a track.
    @param terms The terms of the track.
    @return uint256 The seconds from a proposal to its vote.
    """
    return (terms >> _DELAY_SHIFT) & _MAX_SECONDS


@internal
@pure
def _period(terms: uint256) -> uint256:
    """
    @dev Returns the period of a track.
    @param terms The terms of the track.
    @return uint256 The seconds that a vote lasts.
    """
    return (terms >> _PERIOD_SHIFT) & _MAX_SECONDS


@internal
@pure
def _lookback(terms: uint256) -> uint256:
    """
    @dev Returns how long before a proposal the votes are counted.
    @param terms The terms of the track.
    @return uint256 The seconds, or `0` if they are counted when the
            vote begins.
    """
    return (terms >> _LOOKBACK_SHIFT) & _MAX_SECONDS


@internal
@view
def _index(name: bytes32) -> uint256:
    """
    @dev Returns the index of the track `name`.
    @notice Reverts if there is none of that name.
    @param name The 32-byte name of the track.
    @return uint256 The index of the track.
    """
    return self._index_in(self._terms_of(name))


@internal
@view
def _setter(name: bytes32) -> uint256:
    """
    @dev Returns which track may set the track `name`.
    @param name The 32-byte name of the track.
    @return uint256 The index of its administrator, or of `standard`
            if the track does not exist yet.
    """
    terms: uint256 = self._terms[name]
    if terms == 0:
        return _STANDARD
    return self._administrator(self._index_in(terms))


@internal
@view
def _executor(index: uint256) -> address:
    """
    @dev Returns the executor of a track.
    @param index The index of the track.
    @return address The 20-byte address of the executor.
    """
    return convert(self._powers[index] & _EXECUTOR_MASK, address)


@internal
@view
def _administrator(index: uint256) -> uint256:
    """
    @dev Returns which track administers a track.
    @param index The index of the track.
    @return uint256 The index of the administrator.
    """
    return (self._powers[index] >> _ADMINISTRATOR_SHIFT) & _ADMINISTRATOR_MASK


@internal
@view
def _is_co_signed(index: uint256) -> bool:
    """
    @dev Returns whether what passes on a track needs the co-signer.
    @param index The index of the track.
    @return bool The verification whether it does.
    """
    return self._powers[index] & _CO_SIGNED != 0


@internal
@view
def _quorum_numerator_at(index: uint256, timepoint: uint256) -> uint256:
    """
    @dev Returns the quorum of a track at `timepoint`.
    @param index The index of the track.
    @param timepoint The timepoint.
    @return uint256 The quorum in percent of the supply.
    """
    return traces._value_at(index, timepoint) & _FRACTION_MASK


@internal
@view
def _super_quorum_numerator_at(index: uint256, timepoint: uint256) -> uint256:
    """
    @dev Returns the super-quorum of a track at `timepoint`.
    @param index The index of the track.
    @param timepoint The timepoint.
    @return uint256 The super-quorum in percent of the supply.
    """
    return (traces._value_at(index, timepoint) >> _SUPER_QUORUM_SHIFT) & _FRACTION_MASK


@internal
@view
def _super_quorum_numerator(index: uint256) -> uint256:
    """
    @dev Returns the present super-quorum of a track.
    @param index The index of the track.
    @return uint256 The super-quorum in percent of the supply.
    """
    return (traces._value(index) >> _SUPER_QUORUM_SHIFT) & _FRACTION_MASK


@internal
@view
def _vote_extension(index: uint256) -> uint256:
    """
    @dev Returns for how long a vote goes on at least, once its
         quorum is reached.
    @param index The index of the track.
    @return uint256 The seconds.
    """
    return traces._value(index) >> _EXTENSION_SHIFT


@internal
@view
def _owner(target: address, selector: bytes4) -> uint256:
    """
    @dev Returns which track owns a call.
    @param target The 20-byte address that is called.
    @param selector The 4-byte selector (zero: a call without any).
    @return uint256 The index of the track.
    """
    reserved: uint256 = self._targets[target]
    if reserved & _BY_SELECTOR != 0 and selector != empty(bytes4):
        number: uint256 = self._calls[target][selector]
        if number != 0:
            return unsafe_sub(number, 1)

    reserved &= _NUMBER_MASK
    if reserved == 0:
        return _STANDARD
    return unsafe_sub(reserved, 1)


@internal
@view
def _check_owner(index: uint256, owner: uint256, target: address, selector: bytes4):
    """
    @dev Reverts unless the track that owns a call is the track
         `index`.
    @param index The index of the track.
    @param owner The index of the track that owns the call.
    @param target The 20-byte address that is called.
    @param selector The 4-byte selector (zero: a call without any).
    """
    if owner != index:
        raw_revert(
            abi_encode(
                target,
                selector,
                self.trackName[owner],
                method_id=method_id("GovernorReservedCall(address,bytes4,bytes32)"),
            )
        )


@internal
@view
def _check_administration(index: uint256, selector: bytes4, first: bytes32, second: bytes32):
    """
    @dev Reverts unless a call of two arguments or more to the
         Governor itself belongs to a track: to change a track
         belongs to its administrator.
    @param index The index of the track.
    @param selector The 4-byte selector.
    @param first The first 32-byte argument.
    @param second The second 32-byte argument.
    """
    owner: uint256 = 0
    if selector == SET_TRACK:
        owner = self._setter(first)
    elif selector == RESERVE_CALL:
        target: address = convert(convert(first, uint160), address)
        owner = self._administrator(self._owner(target, convert(second, bytes4)))
    else:
        owner = self._owner(self, selector)
    self._check_owner(index, owner, self, selector)


@internal
@view
def _check_value(index: uint256, target: address, selector: bytes4):
    """
    @dev Reverts if a track is pinned, so that its calls carry no
         ETH.
    @param index The index of the track.
    @param target The 20-byte address that is called.
    @param selector The 4-byte selector.
    """
    if self._powers[index] & _PINNED != 0:
        self._revert_unpinned(target, selector)


@internal
@view
def _check_relay(target: address, selector: bytes4):
    """
    @dev Reverts unless the Governor may make a call itself: one
         that belongs to `standard`, to neither the Governor nor an
         executor, where the Governor may do what no track may.
    @param target The 20-byte address that is called.
    @param selector The 4-byte selector (zero: a call without any).
    """
    self._check_owner(_STANDARD, self._owner(target, selector), target, selector)
    if target == self or self._targets[target] & _EXECUTOR != 0:
        self._revert_unpinned(target, selector)


@internal
@pure
def _revert_unpinned(target: address, selector: bytes4):
    """
    @dev Reverts because a call is out of bounds for a pinned track,
         or for the Governor itself.
    @param target The 20-byte address that is called.
    @param selector The 4-byte selector.
    """
    raw_revert(abi_encode(target, selector, method_id=method_id("GovernorUnpinnedCall(address,bytes4)")))


@internal
def _reserve(target: address, selector: bytes4, index: uint256):
    """
    @dev Reserves a call, or a target as a whole, for a track.
    @param target The 20-byte address that is called.
    @param selector The 4-byte selector (zero: every call that is
           not reserved with its own).
    @param index The index of the track.
    """
    reserved: uint256 = self._targets[target]
    if self._powers[index] & _PINNED != 0 and (
        selector == empty(bytes4) or target == self or reserved & _EXECUTOR != 0
    ):
        self._revert_unpinned(target, selector)
    if selector == empty(bytes4):
        self._targets[target] = (reserved & ~_NUMBER_MASK) | (index + 1)
    else:
        self._targets[target] = reserved | _BY_SELECTOR
        self._calls[target][selector] = index + 1
    log CallReserved(target=target, selector=selector, track=self.trackName[index])


@internal
@pure
def _revert_invalid(name: bytes32):
    """
    @dev Reverts because a track cannot be as it is to be set.
    @param name The 32-byte name of the track.
    """
    raw_revert(abi_encode(name, method_id=method_id("GovernorInvalidTrack(bytes32)")))


@internal
def _set_track(track: Track):
    """
    @dev Adds a track, or changes the one of that name. `standard` is
         set as a whole at construction alone.
    @notice A new track may administer itself, unless it is pinned.
    @param track The settings of the track.
    """
    terms: uint256 = self._terms[track.name]
    is_new: bool = terms == 0
    if is_new:
        number: uint256 = self.trackCount + 1
        if track.name == empty(bytes32) or number > bounds.MAX_TRACKS:
            self._revert_invalid(track.name)
        self.trackCount = number
        terms = number << _NUMBER_SHIFT
        self._terms[track.name] = terms
        self.trackName[unsafe_sub(number, 1)] = track.name

    index: uint256 = self._index_in(terms)
    administrator: uint256 = self._index(track.administrator)
    flags: uint256 = 0
    if track.pinned:
        flags |= _PINNED
    if track.coSigned:
        flags |= _CO_SIGNED
    lookback: uint256 = convert(track.lookback, uint256)
    if (
        (index == _STANDARD and (administrator != _STANDARD or track.pinned or lookback != 0))
        # A pinned track would hold its own executor as a whole.
        or (track.pinned and administrator == index)
        or self._powers[administrator] & _PINNED != 0
        or (not is_new and (self._powers[index] ^ flags) & _PINNED != 0)
        or (lookback != 0 and track.votingDelay != 0)
        or lookback + convert(track.votingPeriod, uint256) > _MAX_SECONDS
    ):
        self._revert_invalid(track.name)

    self._set_voting_delay(track.name, convert(track.votingDelay, uint256))
    self._set_voting_period(track.name, convert(track.votingPeriod, uint256))
    self._set_proposal_threshold(track.name, track.proposalThreshold)
    terms = self._terms[track.name] & ~(_MAX_SECONDS << _LOOKBACK_SHIFT)
    self._terms[track.name] = terms | (lookback << _LOOKBACK_SHIFT)
    self._check_vote_extension(track.name, convert(track.lateQuorumVoteExtension, uint256))
    self._set_fractions(
        index, track.quorumNumerator, track.superQuorumNumerator, convert(track.lateQuorumVoteExtension, uint256)
    )
    self._powers[index] = self._powers[index] & ~(_PINNED | _CO_SIGNED) | flags
    self._set_executor(index, track.executor, administrator)
    if index != _STANDARD:
        log TrackSet(name=track.name, executor=track.executor, track=track)
        return
    log QuorumNumeratorUpdated(oldQuorumNumerator=0, newQuorumNumerator=track.quorumNumerator)
    log SuperQuorumNumeratorUpdated(oldSuperQuorumNumerator=0, newSuperQuorumNumerator=track.superQuorumNumerator)
    log LateQuorumVoteExtensionSet(
        oldVoteExtension=0, newVoteExtension=convert(track.lateQuorumVoteExtension, uint64)
    )


@internal
def _set_voting_delay(name: bytes32, delay: uint256):
    """
    @dev Sets the delay of a track.
    @param name The 32-byte name of the track.
    @param delay The seconds from a proposal to its vote.
    """
    assert delay <= _MAX_SECONDS, "tracks: voting delay over 194 days"
    terms: uint256 = self._terms[name]
    if name == STANDARD:
        log VotingDelaySet(oldVotingDelay=self._delay(terms), newVotingDelay=delay)
    self._terms[name] = terms & ~(_MAX_SECONDS << _DELAY_SHIFT) | (delay << _DELAY_SHIFT)


@internal
def _set_voting_period(name: bytes32, period: uint256):
    """
    @dev Sets the period of a track.
    @param name The 32-byte name of the track.
    @param period The seconds that a vote lasts, not zero.
    """
    if period == 0 or period > _MAX_SECONDS:
        raw_revert(abi_encode(period, method_id=method_id("GovernorInvalidVotingPeriod(uint256)")))
    terms: uint256 = self._terms[name]
    if name == STANDARD:
        log VotingPeriodSet(oldVotingPeriod=self._period(terms), newVotingPeriod=period)
    self._terms[name] = terms & ~(_MAX_SECONDS << _PERIOD_SHIFT) | (period << _PERIOD_SHIFT)


@internal
def _set_proposal_threshold(name: bytes32, threshold: uint256):
    """
    @dev Sets the threshold of a track.
    @param name The 32-byte name of the track.
    @param threshold The votes that a proposer needs, below 2**96 as
           all votes are.
    """
    assert threshold <= _THRESHOLD_MASK, "tracks: threshold beyond all votes"
    terms: uint256 = self._terms[name]
    if name == STANDARD:
        log ProposalThresholdSet(oldProposalThreshold=self._threshold(terms), newProposalThreshold=threshold)
    self._terms[name] = terms & ~_THRESHOLD_MASK | threshold


@internal
def _set_quorum_numerator(numerator: uint256):
    """
    @dev Sets the quorum of the track `standard`, for votes that
         begin from now on.
    @param numerator The quorum in percent of the supply, at most
           the super-quorum.
    """
    previous: uint256 = traces._value(_STANDARD) & _FRACTION_MASK
    super_quorum: uint256 = self._super_quorum_numerator(_STANDARD)
    if numerator > super_quorum:
        raw_revert(
            abi_encode(
                numerator, super_quorum, method_id=method_id("GovernorInvalidQuorumTooLarge(uint256,uint256)")
            )
        )
    self._set_fractions(_STANDARD, numerator, super_quorum, self._vote_extension(_STANDARD))
    log QuorumNumeratorUpdated(oldQuorumNumerator=previous, newQuorumNumerator=numerator)


@internal
def _set_super_quorum_numerator(numerator: uint256):
    """
    @dev Sets the super-quorum of the track `standard`, for votes
         that begin from now on.
    @param numerator The super-quorum in percent of the supply, at
           least the quorum.
    """
    previous: uint256 = self._super_quorum_numerator(_STANDARD)
    quorum: uint256 = traces._value(_STANDARD) & _FRACTION_MASK
    self._set_fractions(_STANDARD, quorum, numerator, self._vote_extension(_STANDARD))
    log SuperQuorumNumeratorUpdated(oldSuperQuorumNumerator=previous, newSuperQuorumNumerator=numerator)


@internal
def _set_vote_extension(extension: uint256):
    """
    @dev Sets for how long a vote on the track `standard` goes on at
         least, once its quorum is reached.
    @param extension The seconds, at most the voting period.
    """
    self._check_vote_extension(STANDARD, extension)
    previous: uint256 = self._vote_extension(_STANDARD)
    quorum: uint256 = traces._value(_STANDARD) & _FRACTION_MASK
    self._set_fractions(_STANDARD, quorum, self._super_quorum_numerator(_STANDARD), extension)
    log LateQuorumVoteExtensionSet(
        oldVoteExtension=convert(previous, uint64), newVoteExtension=convert(extension, uint64)
    )


@internal
def _set_fractions(index: uint256, quorum: uint256, super_quorum: uint256, extension: uint256):
    """
    @dev Sets what the trace of a track holds.
    @param index The index of the track.
    @param quorum The quorum in percent of the supply.
    @param super_quorum The super-quorum in percent of the supply,
           not below the quorum.
    @param extension For how long a vote goes on at least, once its
           quorum is reached, in seconds.
    """
    if quorum > quorumDenominator:
        raw_revert(
            abi_encode(
                quorum, quorumDenominator, method_id=method_id("GovernorInvalidQuorumFraction(uint256,uint256)")
            )
        )
    if super_quorum > quorumDenominator:
        raw_revert(
            abi_encode(
                super_quorum,
                quorumDenominator,
                method_id=method_id("GovernorInvalidSuperQuorumFraction(uint256,uint256)"),
            )
        )
    if super_quorum < quorum:
        raw_revert(
            abi_encode(
                super_quorum, quorum, method_id=method_id("GovernorInvalidSuperQuorumTooSmall(uint256,uint256)")
            )
        )
    # A lookback may reach behind the first day of a track: its first
    # fractions hold for all the time before, or none would be needed.
    # (`standard` cannot look back, and keeps the reference's history.)
    since: uint256 = block.timestamp
    if index != _STANDARD and traces._length(index) == 0:
        since = 0
    traces._push(
        index, since, quorum | (super_quorum << _SUPER_QUORUM_SHIFT) | (extension << _EXTENSION_SHIFT)
    )


@internal
@view
def _check_vote_extension(name: bytes32, extension: uint256):
    """
    @dev Reverts if a vote would go on for longer than it lasts. A
         period that is shortened later leaves the extension alone, as
         in the reference.
    @param name The 32-byte name of the track.
    @param extension The seconds, at most the voting period.
    """
    longest: uint256 = self._period(self._terms[name])
    if extension > longest:
        raw_revert(
            abi_encode(
                extension,
                longest,
                method_id=method_id("GovernorPreventLateQuorumVoteExtensionTooLarge(uint256,uint256)"),
            )
        )


@internal
def _set_executor(index: uint256, executor: address, administrator: uint256):
    """
    @dev Sets the executor and the administrator of a track, and
         reserves the executor for the administrator. The executor
         that it had before stays reserved.
    @notice Each track has an executor of its own, and one that is
            reserved cannot be claimed. The importing contract checks
            that what is claimed later is an executor at all.
    @param index The index of the track.
    @param executor The 20-byte address of the executor.
    @param administrator The index of the administrator.
    """
    powers: uint256 = self._powers[index]
    previous: address = convert(powers & _EXECUTOR_MASK, address)
    if executor == empty(address) or (executor != previous and self._targets[executor] != 0):
        self._revert_invalid(self.trackName[index])

    if index == _STANDARD:
        log TimelockChange(oldTimelock=previous, newTimelock=executor)
    self._powers[index] = (
        powers & (_PINNED | _CO_SIGNED) | convert(executor, uint256) | (administrator << _ADMINISTRATOR_SHIFT)
    )
    # Named again by the same administrator it stays with whom it is.
    if executor != previous or administrator != (powers >> _ADMINISTRATOR_SHIFT) & _ADMINISTRATOR_MASK:
        self._targets[executor] |= _EXECUTOR
        self._reserve(executor, empty(bytes4), administrator)
