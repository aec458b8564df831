# pragma version ~=0.4.3
"""
@title Names of Metrics and of Violation Kinds
@custom:contract-name names
@license GNU Affero General Public License v3.0 only
@author The Westworld authors
@notice A name in the charter is public vocabulary: 1 to 64 bytes of
        `[a-zA-Z_:][a-zA-Z0-9_:.]*`. A name that no agent could load
        must not reach the charter, so it is checked here and not
        only by those who read it.
"""


# @dev Bit `n` is set if a name may begin with the byte `n`:
# `A-Z`, `a-z`, `_` and `:`.
_FIRST: constant(uint256) = (((1 << 26) - 1) << 65) | (((1 << 26) - 1) << 97) | (1 << 95) | (1 << 58)


# @dev Bit `n` is set if a name may go on with the byte `n`:
# also `0-9` and `.`.
_FURTHER: constant(uint256) = _FIRST | (((1 << 10) - 1) << 48) | (1 << 46)


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
@pure
def _id(name: String[64]) -> bytes32:
    """
    @dev Checks a name and returns its id.
    @param name The name of a metric or of a violation kind.
    @return bytes32 The 32-byte Keccak-256 hash of the name.
    """
    length: uint256 = len(name)
    assert length != 0, "names: empty name"
    # The two words of the name lie behind offset and length.
    encoded: Bytes[128] = abi_encode(name)
    word: uint256 = convert(extract32(encoded, 64), uint256)
    allowed: uint256 = _FIRST
    for i: uint256 in range(length, bound=64):
        if i == 32:
            word = convert(extract32(encoded, 96), uint256)
        assert (allowed >> (word >> 248)) & 1 == 1, "names: character not allowed"
        allowed = _FURTHER
        word = word << 8
    return keccak256(name)
