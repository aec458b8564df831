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


# @dev Where the delay, the period and the administrator begin in
# a track's slot.
_DELAY_SHIFT: constant(uint256) = 160
_PERIOD_SHIFT: constant(uint256) = 184
_ADMINISTRATOR_SHIFT: constant(uint256) = 208


# @dev The flag of a target that some call is reserved of with
# its selector.
_BY_SELECTOR: constant(uint256) = 256


# @dev Returns how many tracks there are.
trackCount: public(uint256)


# @dev Returns the name of a track by its index.
trackName: public(HashMap[uint256, bytes32])


# @dev Returns the index of a track, plus one, by its name.
_numbers: HashMap[bytes32, uint256]


# @dev Returns the settings of a track by its index:
# executor (160) | delay (24) | period (24) | administrator (8).
_settings: HashMap[uint256, uint256]


# @dev Returns the votes that a proposer needs by the index of
# the track.
_thresholds: HashMap[uint256, uint256]


# @dev Returns the index, plus one, of the track that a target is
# reserved for as a whole, and the flag `_BY_SELECTOR`.
_targets: HashMap[address, uint256]


# @dev Returns the index, plus one, of the track that a call is
# reserved for with its selector.
_calls: HashMap[address, HashMap[bytes4, uint256]]


# @dev A track as it is set. Names are ASCII of at most 31
# characters, filled up with zeros.
struct Track:
    name: bytes32
    executor: address
    administrator: bytes32
    votingDelay: uint48
    votingPeriod: uint32
    proposalThreshold: uint256
    quorumNumerator: uint256


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


# @dev Emitted when the executor of the track `standard` changes.
event TimelockChange:
    oldTimelock: address
    newTimelock: address


# @dev Emitted when any other track is added or changed.
event TrackSet:
    name: indexed(bytes32)
    executor: indexed(address)
    administrator: bytes32
    votingDelay: uint256
    votingPeriod: uint256
    proposalThreshold: uint256
    quorumNumerator: uint256


# @dev Emitted when a call (or, without a selector, a target as a
# whole) is reserved for a track.
event CallReserved:
    target: indexed(address)
    selector: indexed(bytes4)
    track: indexed(bytes32)


@deploy
@payable
def __init__(
    tracks: DynArray[Track, bounds.MAX_TRACKS], reservations: DynArray[Reservation, bounds.MAX_RESERVATIONS]
):
    """
    @dev Adds the first tracks and reserves the first calls.
    @param tracks The tracks, `standard` first.
    @param reservations The reserved calls.
    """
    for track: Track in tracks:
        self._set_track(track)
    assert self.trackName[_STANDARD] == STANDARD, "tracks: the first track is not standard"
    for reservation: Reservation in reservations:
        self._reserve(reservation.target, reservation.selector, self._index(reservation.track))


@external
@view
def track(name: bytes32) -> Track:
    """
    @dev Returns the settings of the track `name`.
    @param name The 32-byte name of the track.
    @return Track The settings of the track.
    """
    index: uint256 = self._index(name)
    return Track(
        name=name,
        executor=self._executor(index),
        administrator=self.trackName[self._administrator(index)],
        votingDelay=convert(self._delay(index), uint48),
        votingPeriod=convert(self._period(index), uint32),
        proposalThreshold=self._thresholds[index],
        quorumNumerator=traces._value(index),
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
    return self._delay(_STANDARD)


@external
@view
def votingPeriod() -> uint256:
    """
    @dev Returns the period of the track `standard`.
    @return uint256 The seconds that a vote lasts.
    """
    return self._period(_STANDARD)


@external
@view
def proposalThreshold() -> uint256:
    """
    @dev Returns the threshold of the track `standard`.
    @return uint256 The votes that a proposer needs.
    """
    return self._thresholds[_STANDARD]


@external
@view
def quorumNumerator() -> uint256:
    """
    @dev Returns the present quorum of the track `standard`.
    @return uint256 The quorum in percent of the supply.
    """
    return traces._value(_STANDARD)


@external
@view
def timelock() -> address:
    """
    @dev Returns the executor of the track `standard`.
    @return address The 20-byte address of the executor.
    """
    return self._executor(_STANDARD)


@internal
@view
def _index(name: bytes32) -> uint256:
    """
    @dev Returns the index of the track `name`.
    @notice Reverts if there is none of that name.
    @param name The 32-byte name of the track.
    @return uint256 The index of the track.
    """
    number: uint256 = self._numbers[name]
    if number == 0:
        raw_revert(abi_encode(name, method_id=method_id("GovernorUnknownTrack(bytes32)")))
    return unsafe_sub(number, 1)


@internal
@view
def _keeper(name: bytes32) -> uint256:
    """
    @dev Returns which track may set the track `name`.
    @param name The 32-byte name of the track.
    @return uint256 The index of its administrator, or of `standard`
            if the track does not exist yet.
    """
    number: uint256 = self._numbers[name]
    if number == 0:
        return _STANDARD
    return self._administrator(unsafe_sub(number, 1))


@internal
@view
def _executor(index: uint256) -> address:
    """
    @dev Returns the executor of a track.
    @param index The index of the track.
    @return address The 20-byte address of the executor.
    """
    return convert(self._settings[index] & (2**_DELAY_SHIFT - 1), address)


@internal
@view
def _delay(index: uint256) -> uint256:
    """
    @dev Returns the delay of a track.
    @param index The index of the track.
    @return uint256 The seconds from a proposal to its vote.
    """
    return (self._settings[index] >> _DELAY_SHIFT) & _MAX_SECONDS


@internal
@view
def _period(index: uint256) -> uint256:
    """
    @dev Returns the period of a track.
    @param index The index of the track.
    @return uint256 The seconds that a vote lasts.
    """
    return (self._settings[index] >> _PERIOD_SHIFT) & _MAX_SECONDS


@internal
@view
def _administrator(index: uint256) -> uint256:
    """
    @dev Returns which track administers a track.
    @param index The index of the track.
    @return uint256 The index of the administrator.
    """
    return self._settings[index] >> _ADMINISTRATOR_SHIFT


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

    reserved &= unsafe_sub(_BY_SELECTOR, 1)
    if reserved == 0:
        return _STANDARD
    return unsafe_sub(reserved, 1)


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
    if selector == empty(bytes4):
        self._targets[target] = (reserved & _BY_SELECTOR) | (index + 1)
    else:
        self._targets[target] = reserved | _BY_SELECTOR
        self._calls[target][selector] = index + 1
    log CallReserved(target=target, selector=selector, track=self.trackName[index])


@internal
def _set_track(track: Track):
    """
    @dev Adds a track, or changes the one of that name.
    @notice A new track may administer itself.
    @param track The settings of the track.
    """
    number: uint256 = self._numbers[track.name]
    if number == 0:
        number = self.trackCount + 1
        if track.name == empty(bytes32) or number > bounds.MAX_TRACKS:
            raw_revert(abi_encode(track.name, method_id=method_id("GovernorInvalidTrack(bytes32)")))
        self.trackCount = number
        self._numbers[track.name] = number
        self.trackName[unsafe_sub(number, 1)] = track.name

    index: uint256 = unsafe_sub(number, 1)
    administrator: uint256 = self._index(track.administrator)
    if index == _STANDARD and administrator != _STANDARD:
        raw_revert(abi_encode(track.name, method_id=method_id("GovernorInvalidTrack(bytes32)")))

    self._set_voting_delay(index, convert(track.votingDelay, uint256))
    self._set_voting_period(index, convert(track.votingPeriod, uint256))
    self._set_proposal_threshold(index, track.proposalThreshold)
    self._set_quorum_numerator(index, track.quorumNumerator)
    self._set_executor(index, track.executor, administrator)
    if index != _STANDARD:
        log TrackSet(
            name=track.name,
            executor=track.executor,
            administrator=track.administrator,
            votingDelay=convert(track.votingDelay, uint256),
            votingPeriod=convert(track.votingPeriod, uint256),
            proposalThreshold=track.proposalThreshold,
            quorumNumerator=track.quorumNumerator,
        )


@internal
def _set_voting_delay(index: uint256, delay: uint256):
    """
    @dev Sets the delay of a track.
    @param index The index of the track.
    @param delay The seconds from a proposal to its vote.
    """
    assert delay <= _MAX_SECONDS, "tracks: voting delay over 194 days"
    settings: uint256 = self._settings[index]
    if index == _STANDARD:
        log VotingDelaySet(
            oldVotingDelay=(settings >> _DELAY_SHIFT) & _MAX_SECONDS, newVotingDelay=delay
        )
    self._settings[index] = settings & ~(_MAX_SECONDS << _DELAY_SHIFT) | (delay << _DELAY_SHIFT)


@internal
def _set_voting_period(index: uint256, period: uint256):
    """
    @dev Sets the period of a track.
    @param index The index of the track.
    @param period The seconds that a vote lasts, not zero.
    """
    if period == 0 or period > _MAX_SECONDS:
        raw_revert(abi_encode(period, method_id=method_id("GovernorInvalidVotingPeriod(uint256)")))
    settings: uint256 = self._settings[index]
    if index == _STANDARD:
        log VotingPeriodSet(
            oldVotingPeriod=(settings >> _PERIOD_SHIFT) & _MAX_SECONDS, newVotingPeriod=period
        )
    self._settings[index] = settings & ~(_MAX_SECONDS << _PERIOD_SHIFT) | (period << _PERIOD_SHIFT)


@internal
def _set_proposal_threshold(index: uint256, threshold: uint256):
    """
    @dev Sets the threshold of a track.
    @param index The index of the track.
    @param threshold The votes that a proposer needs.
    """
    if index == _STANDARD:
        log ProposalThresholdSet(
            oldProposalThreshold=self._thresholds[index], newProposalThreshold=threshold
        )
    self._thresholds[index] = threshold


@internal
def _set_quorum_numerator(index: uint256, numerator: uint256):
    """
    @dev Sets the quorum of a track, for votes that begin from now
         on.
    @param index The index of the track.
    @param numerator The quorum in percent of the supply.
    """
    if numerator > quorumDenominator:
        raw_revert(
            abi_encode(
                numerator,
                quorumDenominator,
                method_id=method_id("GovernorInvalidQuorumFraction(uint256,uint256)"),
            )
        )
    previous: uint256 = traces._push(index, block.timestamp, numerator)
    if index == _STANDARD:
        log QuorumNumeratorUpdated(oldQuorumNumerator=previous, newQuorumNumerator=numerator)


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
    settings: uint256 = self._settings[index]
    previous: address = convert(settings & (2**_DELAY_SHIFT - 1), address)
    if executor == empty(address) or (executor != previous and self._targets[executor] != 0):
        raw_revert(abi_encode(self.trackName[index], method_id=method_id("GovernorInvalidTrack(bytes32)")))

    if index == _STANDARD:
        log TimelockChange(oldTimelock=previous, newTimelock=executor)
    self._settings[index] = (
        (settings >> _DELAY_SHIFT) & (2**(_ADMINISTRATOR_SHIFT - _DELAY_SHIFT) - 1)
    ) << _DELAY_SHIFT | convert(executor, uint256) | (administrator << _ADMINISTRATOR_SHIFT)
    self._reserve(executor, empty(bytes4), administrator)
