# pragma version ~=0.4.3
"""
@title Fines and Bounties
@custom:contract-name fines
@license GNU Affero General Public License v3.0 only
@author The Westworld authors
@notice What a confirmed violation takes from a bond, and what part
        of it goes to the reporter. The bounty is half of the fine,
        so nobody gains by reporting himself.
"""


# @dev The fines by severity, in basis points of the bond.
_BASIS_POINTS: constant(uint256[4]) = [100, 500, 1_000, 2_000]


# @dev The penalties that differ in their fine: `none` costs
# nothing, a ban costs the whole bond.
_NONE: constant(uint8) = 0
_BAN: constant(uint8) = 4


@internal
@pure
def _of(bond: uint256, severity: uint8, penalty: uint8) -> (uint256, uint256):
    """
    @dev Returns fine and bounty of a confirmed violation.
    @notice The fine is rounded up and the bounty down, so that the
            bounty is the smaller one for every bond, however small.
    @param bond The 32-byte bond at the confirmation, in 128 bits.
    @param severity The 1-byte severity.
    @param penalty The 1-byte penalty.
    @return uint256 The 32-byte fine.
    @return uint256 The 32-byte bounty, below the fine unless both
            are zero.
    """
    fine: uint256 = 0
    if penalty == _BAN:
        fine = bond
    elif penalty != _NONE:
        fine = (bond * _BASIS_POINTS[severity] + 9_999) // 10_000
    return fine, fine // 2
