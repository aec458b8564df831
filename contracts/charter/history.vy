# pragma version ~=0.4.3
"""
@title Entries by Version
@custom:contract-name history
@license GNU Affero General Public License v3.0 only
@author The Westworld authors
@notice Keeps what was decided on a key (a metric, a violation kind)
        in every version. The latest decision and its draft share one
        slot, so the common question costs two storage reads; earlier
        ones are found by binary search.
"""


# @dev We import and use the `drafts` module.
from . import drafts
uses: drafts


# @dev Masks the 16 bits of an entry.
_MASK_ENTRY: constant(uint256) = (1 << 16) - 1


# @dev Masks the 128 bits of a stamp.
_MASK_STAMP: constant(uint256) = (1 << 128) - 1


# @dev Mapping from a table and a key to the latest decision: the
# number of earlier ones (upper bits), the stamp of its draft
# (128 bits) and the entry (lower 16 bits).
_latest: HashMap[uint256, HashMap[bytes32, uint256]]


# @dev Mapping from a table, a key and an index to an earlier
# decision: its version (upper bits) and the entry (lower 16 bits).
# Versions ascend, and all of them were enacted.
_earlier: HashMap[uint256, HashMap[bytes32, HashMap[uint256, uint256]]]


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
def _write(table: uint256, key: bytes32, entry: uint256):
    """
    @dev Decides on a key in the open draft. What an unenacted
         draft had decided is overwritten.
    @param table The 32-byte number of the table.
    @param key The 32-byte key.
    @param entry The entry in 16 bits, zero for none.
    """
    latest: uint256 = self._latest[table][key]
    count: uint256 = latest >> 144
    if latest != 0 and drafts._is_enacted((latest >> 16) & _MASK_STAMP):
        self._earlier[table][key][count] = (
            (((latest >> 80) & ((1 << 64) - 1)) << 16) | (latest & _MASK_ENTRY)
        )
        count += 1
    self._latest[table][key] = (count << 144) | (drafts._stamp() << 16) | entry


@internal
@view
def _drafted(table: uint256, key: bytes32) -> uint256:
    """
    @dev Returns the entry that a key would have if the open
         draft were enacted now.
    @param table The 32-byte number of the table.
    @param key The 32-byte key.
    @return uint256 The entry in 16 bits, zero for none.
    """
    latest: uint256 = self._latest[table][key]
    if (latest >> 16) & _MASK_STAMP == drafts._stamp():
        return latest & _MASK_ENTRY
    return self._at(table, key, drafts._version())


@internal
@view
def _at(table: uint256, key: bytes32, version: uint256) -> uint256:
    """
    @dev Returns the entry of a key in an enacted version.
    @param table The 32-byte number of the table.
    @param key The 32-byte key.
    @param version The 32-byte version.
    @return uint256 The entry in 16 bits, zero for none and for a
            version that was never enacted.
    """
    latest: uint256 = self._latest[table][key]
    if latest == 0 or version > drafts._version():
        return 0
    stamp: uint256 = (latest >> 16) & _MASK_STAMP
    if stamp >> 64 <= version and drafts._is_enacted(stamp):
        return latest & _MASK_ENTRY
    low: uint256 = 0
    high: uint256 = latest >> 144
    for _: uint256 in range(64):
        if low == high:
            break
        middle: uint256 = (low + high) // 2
        if self._earlier[table][key][middle] >> 16 <= version:
            low = middle + 1
        else:
            high = middle
    if low == 0:
        return 0
    return self._earlier[table][key][low - 1] & _MASK_ENTRY
