# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title Packed Checkpoint Traces
@custom:contract-name checkpoints
@license GNU Affero General Public License v3.0 only
@author Westworld
@notice These functions keep, for each of many traces, the history of
        a value below 2**96 by timepoint, and answer what the value was
        at a past timepoint. A trace is named by a number below 2**192:
        addresses are, and there is room beside them.

        The latest checkpoint of a trace shares one slot with the
        trace's length, so that the usual question ("what is it now, or
        since the last change?") and the usual change cost one slot. A
        checkpoint moves into the history only when a later one takes
        its place.

        The implementation is inspired by OpenZeppelin's implementation here:
        https://github.com/OpenZeppelin/openzeppelin-contracts/blob/master/contracts/utils/structs/Checkpoints.sol.
"""


# @dev The bits of the value in a checkpoint's slot.
_VALUE_BITS: constant(uint256) = 96
_VALUE_MASK: constant(uint256) = 2**96 - 1


# @dev The bits of the timepoint in a checkpoint's slot.
_TIMEPOINT_MASK: constant(uint256) = 2**48 - 1


# @dev Where the length of the trace begins in the slot of the
# latest checkpoint.
_LENGTH_SHIFT: constant(uint256) = 144


# @dev Where the position begins in the key of a past checkpoint.
_POSITION_SHIFT: constant(uint256) = 192


# @dev Solidity's panic code for an index that is out of bounds.
_PANIC_INDEX: constant(uint256) = 50


# @dev Returns the latest checkpoint of a trace:
# value (96) | timepoint (48) | length of the trace (32).
_latest: HashMap[uint256, uint256]


# @dev Returns a past checkpoint by trace (192) | position (32):
# value (96) | timepoint (48).
_past: HashMap[uint256, uint256]


@deploy
@payable
def __init__():
    """
    @dev To omit the opcodes for checking the `msg.value`
         in the creation-time EVM bytecode, the constructor
         is declared as `payable`.
    """
    pass


@internal
def _push(trace: uint256, timepoint: uint256, new_value: uint256) -> uint256:
    """
    @dev Sets the value of `trace` from `timepoint` on. A second
         change at the same timepoint replaces the first.
    @notice The caller answers for `new_value < 2**96` and for
            timepoints that never decrease.
    @param trace The number of the trace.
    @param timepoint The timepoint of the change.
    @param new_value The value from then on.
    @return uint256 The value until then.
    """
    latest: uint256 = self._latest[trace]
    length: uint256 = latest >> _LENGTH_SHIFT

    if length == 0:
        length = 1
    elif (latest >> _VALUE_BITS) & _TIMEPOINT_MASK != timepoint:
        self._past[trace | (unsafe_sub(length, 1) << _POSITION_SHIFT)] = latest & (2**_LENGTH_SHIFT - 1)
        length = unsafe_add(length, 1)

    self._latest[trace] = new_value | (timepoint << _VALUE_BITS) | (length << _LENGTH_SHIFT)
    return latest & _VALUE_MASK


@internal
@view
def _value(trace: uint256) -> uint256:
    """
    @dev Returns the present value of `trace`.
    @param trace The number of the trace.
    @return uint256 The present value, or `0` if none was ever set.
    """
    return self._latest[trace] & _VALUE_MASK


@internal
@view
def _value_at(trace: uint256, timepoint: uint256) -> uint256:
    """
    @dev Returns the value of `trace` at `timepoint`.
    @param trace The number of the trace.
    @param timepoint The timepoint that is asked for.
    @return uint256 The value then, or `0` if none was set by then.
    """
    latest: uint256 = self._latest[trace]
    if (latest >> _VALUE_BITS) & _TIMEPOINT_MASK <= timepoint:
        return latest & _VALUE_MASK

    # The last checkpoint at or before `timepoint` lies below
    # `high`; all from `high` on are later. A length of at most
    # 32 bits is halved to nothing in 32 steps.
    low: uint256 = 0
    high: uint256 = unsafe_sub(latest >> _LENGTH_SHIFT, 1)
    for _: uint256 in range(32):
        if low == high:
            break
        middle: uint256 = unsafe_add(low, high) >> 1
        if self._past[trace | (middle << _POSITION_SHIFT)] >> _VALUE_BITS > timepoint:
            high = middle
        else:
            low = unsafe_add(middle, 1)

    if high == 0:
        return 0
    return self._past[trace | (unsafe_sub(high, 1) << _POSITION_SHIFT)] & _VALUE_MASK


@internal
@view
def _length(trace: uint256) -> uint256:
    """
    @dev Returns how many checkpoints `trace` has.
    @param trace The number of the trace.
    @return uint256 The number of checkpoints.
    """
    return self._latest[trace] >> _LENGTH_SHIFT


@internal
@view
def _checkpoint(trace: uint256, position: uint256) -> (uint256, uint256):
    """
    @dev Returns one checkpoint of `trace`.
    @notice Reverts as Solidity does (`Panic(0x32)`) if there is no
            checkpoint at `position`.
    @param trace The number of the trace.
    @param position The position of the checkpoint, from `0`.
    @return uint256 The timepoint of the checkpoint.
    @return uint256 The value from that timepoint on.
    """
    checkpoint: uint256 = self._latest[trace]
    length: uint256 = checkpoint >> _LENGTH_SHIFT
    if position >= length:
        raw_revert(abi_encode(_PANIC_INDEX, method_id=method_id("Panic(uint256)")))
    if position != unsafe_sub(length, 1):
        checkpoint = self._past[trace | (position << _POSITION_SHIFT)]
    return (checkpoint >> _VALUE_BITS) & _TIMEPOINT_MASK, checkpoint & _VALUE_MASK
