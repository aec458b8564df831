# pragma version ~=0.4.3
"""
@title Bounds of the Governance Contracts
@custom:contract-name bounds
@license GNU Affero General Public License v3.0 only
@author Westworld
@notice Vyper needs an upper bound for everything dynamic, and copies
        a dynamic array at that bound. All bounds of the governance
        contracts stand here, so that they are small, agree with each
        other, and are changed in one place. A call beyond a bound
        reverts while its arguments are decoded.
"""


# @dev The most calls that one proposal, or one batch of an
# executor, can carry.
MAX_ACTIONS: constant(uint256) = 8


# @dev The longest calldata of one call: the charter's longest
# article (2,048 bytes) with its selector and its other arguments.
MAX_CALLDATA: constant(uint256) = 2_176


# @dev The longest description of a proposal, its prefix that
# names the track and its suffix that names the proposer included.
MAX_DESCRIPTION: constant(uint256) = 4_096


# @dev The longest reason that a voter can give.
MAX_REASON: constant(uint256) = 1_024


# @dev The longest parameters of an extended ballot.
MAX_PARAMS: constant(uint256) = 256


# @dev The longest signature (ERC-1271 wallets may need more than
# 65 bytes).
MAX_SIGNATURE: constant(uint256) = 1_024


# @dev The most ballots that one batch can carry.
MAX_BALLOTS: constant(uint256) = 64


# @dev The longest encoding of a proposal's calls and the hash of its
# description: eight calls with the longest calldata.
MAX_DETAILS: constant(uint256) = 18_656


# @dev The longest answer of the Governor: a proposal's identifier
# and those details.
MAX_ANSWER: constant(uint256) = 18_688


# @dev The most of a called stranger's answer that is copied.
MAX_RETURN_DATA: constant(uint256) = 1_024


# @dev The most tracks that a Governor can have (a proposal keeps the
# index of its track in 5 bits).
MAX_TRACKS: constant(uint256) = 32


# @dev The most reserved calls that a Governor can be born with
# (later ones come by vote).
MAX_RESERVATIONS: constant(uint256) = 32


# @dev The most accounts that an executor can be born with in
# one role.
MAX_ROLE_HOLDERS: constant(uint256) = 8


# @dev The most tokens in one ERC-1155 batch that an executor
# can receive.
MAX_TOKEN_BATCH: constant(uint256) = 64
