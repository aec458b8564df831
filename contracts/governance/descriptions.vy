# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title What a Proposal's Description Says
@custom:contract-name descriptions
@license GNU Affero General Public License v3.0 only
@author Westworld
@notice Two parts of a description are read by the Governor. Since a
        proposal's identifier covers the description, it covers them
        too:
          - the prefix `#track=<name>\\n` names the track on which the
            proposal is decided,
          - the suffix `#proposer=0x<address>` says who alone can
            propose it (as in the reference), so that nobody can
            submit it first and then cancel it.
"""


# @dev We import the `bounds` module.
import bounds


# @dev The length of `#track=`.
_TRACK_PREFIX_LENGTH: constant(uint256) = 7


# @dev The length of `#proposer=0x`.
_PROPOSER_PREFIX_LENGTH: constant(uint256) = 12


# @dev The length of an address in hexadecimal digits.
_ADDRESS_DIGITS: constant(uint256) = 40


# @dev The line feed that ends the name of a track.
_LINE_FEED: constant(uint256) = 10


@internal
@pure
def _track_name(description: String[bounds.MAX_DESCRIPTION], standard: bytes32) -> bytes32:
    """
    @dev Returns the name of the track that `description` names.
    @notice A name that no line feed ends is no name: it comes back
            as zero, which is no track's.
    @param description The description of a proposal.
    @param standard What to return if the description names none.
    @return bytes32 The name, filled up with zeros.
    """
    if len(description) < _TRACK_PREFIX_LENGTH or slice(description, 0, _TRACK_PREFIX_LENGTH) != "#track=":
        return standard

    # The name and what follows it, in one word.
    word: uint256 = extract32(
        concat(convert(description, Bytes[bounds.MAX_DESCRIPTION]), empty(bytes32)),
        _TRACK_PREFIX_LENGTH,
        output_type=uint256,
    )
    for i: uint256 in range(32):
        if (word >> unsafe_sub(248, i << 3)) & 255 == _LINE_FEED:
            return convert((word >> unsafe_sub(256, i << 3)) << unsafe_sub(256, i << 3), bytes32)
    return empty(bytes32)


@internal
@pure
def _is_for_proposer(proposer: address, description: String[bounds.MAX_DESCRIPTION]) -> bool:
    """
    @dev Returns whether `proposer` may propose what `description`
         describes. A suffix that is not quite an address restricts
         nobody, as in the reference.
    @param proposer The 20-byte address of who proposes.
    @param description The description of a proposal.
    @return bool The verification whether the proposer is the one
            that the description names, or it names none.
    """
    length: uint256 = len(description)
    if length < _PROPOSER_PREFIX_LENGTH + _ADDRESS_DIGITS:
        return True

    start: uint256 = unsafe_sub(length, _PROPOSER_PREFIX_LENGTH + _ADDRESS_DIGITS)
    if slice(description, start, _PROPOSER_PREFIX_LENGTH) != "#proposer=0x":
        return True

    digits: Bytes[_ADDRESS_DIGITS] = slice(
        convert(description, Bytes[bounds.MAX_DESCRIPTION]), start + _PROPOSER_PREFIX_LENGTH, _ADDRESS_DIGITS
    )
    named: uint256 = 0
    for i: uint256 in range(_ADDRESS_DIGITS):
        character: uint256 = convert(slice(digits, i, 1), uint256)
        if character >= 48 and character <= 57:
            character = unsafe_sub(character, 48) # "0" to "9".
        elif character >= 97 and character <= 102:
            character = unsafe_sub(character, 87) # "a" to "f".
        elif character >= 65 and character <= 70:
            character = unsafe_sub(character, 55) # "A" to "F".
        else:
            return True
        named = (named << 4) | character
    return named == convert(proposer, uint256)
