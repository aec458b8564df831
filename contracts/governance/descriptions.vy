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


# @dev The prefix that names a track, and its length.
TRACK_PREFIX: constant(String[7]) = "#track="
TRACK_PREFIX_LENGTH: constant(uint256) = 7


# @dev The length of a suffix that names a proposer: `#proposer=0x`
# and an address in hexadecimal digits.
PROPOSER_SUFFIX_LENGTH: constant(uint256) = 52
_PROPOSER_PREFIX_LENGTH: constant(uint256) = 12
_ADDRESS_DIGITS: constant(uint256) = 40


# @dev The line feed that ends the name of a track, in every byte,
# and what tells which bytes of a word are zero.
_LINE_FEEDS: constant(uint256) = max_value(uint256) // 255 * 10
_LOW_BITS: constant(uint256) = max_value(uint256) // 255 * 127


@internal
@pure
def _track_name(word: uint256) -> bytes32:
    """
    @dev Returns the name of the track that a description names.
    @notice A name that no line feed ends is no name: it comes back
            as zero, which is no track's.
    @param word The 32 bytes that follow the prefix.
    @return bytes32 The name, filled up with zeros.
    """
    # The highest bit of each byte that is a line feed, and no other.
    rest: uint256 = word ^ _LINE_FEEDS
    ends: uint256 = ~(unsafe_add(rest & _LOW_BITS, _LOW_BITS) | rest | _LOW_BITS)
    if ends == 0:
        return empty(bytes32)
    # All bits from the first of them on.
    for step: uint256 in [1, 2, 4, 8, 16, 32, 64, 128]:
        ends |= ends >> step
    return convert(word & ~ends, bytes32)


@internal
@pure
def _is_for_proposer(proposer: address, suffix: String[PROPOSER_SUFFIX_LENGTH]) -> bool:
    """
    @dev Returns whether `proposer` may propose what a description
         describes. A suffix that is not quite an address restricts
         nobody, as in the reference.
    @param proposer The 20-byte address of who proposes.
    @param suffix The last 52 bytes of the description.
    @return bool The verification whether the proposer is the one
            that the description names, or it names none.
    """
    if slice(suffix, 0, _PROPOSER_PREFIX_LENGTH) != "#proposer=0x":
        return True

    digits: Bytes[_ADDRESS_DIGITS] = slice(
        convert(suffix, Bytes[PROPOSER_SUFFIX_LENGTH]), _PROPOSER_PREFIX_LENGTH, _ADDRESS_DIGITS
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
