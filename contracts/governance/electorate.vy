# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title Whose Votes Count, and How Many Are Enough
@custom:contract-name electorate
@license GNU Affero General Public License v3.0 only
@author Westworld
@notice These functions ask the voting token (ERC-5805) for past votes
        and past supply, and a track for the fraction of the supply that
        is its quorum, or its super-quorum.

        The implementation is inspired by OpenZeppelin's implementation here:
        https://github.com/OpenZeppelin/openzeppelin-contracts/blob/master/contracts/governance/extensions/GovernorVotesSuperQuorumFraction.sol.
"""


# @dev We import and use the `tracks` module.
import tracks
uses: tracks


# @dev What the Governor asks of the token (ERC-5805, ERC-6372).
interface Votes:
    def clock() -> uint48: view
    def getPastVotes(account: address, timepoint: uint256) -> uint256: view
    def getPastTotalSupply(timepoint: uint256) -> uint256: view


# @dev Returns the address of the voting token.
token: public(immutable(address))


@deploy
@payable
def __init__(token_: address):
    """
    @dev Sets the voting token.
    @notice The token's clock must count seconds, as the tracks do, and
            its supply stay below 2**96.
    @param token_ The 20-byte address of the voting token.
    """
    token = token_
    timepoint: uint48 = staticcall Votes(token_).clock()
    assert convert(timepoint, uint256) == block.timestamp, "electorate: the token's clock counts no seconds"


@internal
@view
def _votes(account: address, timepoint: uint256) -> uint256:
    """
    @dev Returns the votes that `account` had at `timepoint`.
    @param account The 20-byte account address.
    @param timepoint The timepoint, which must lie in the past.
    @return uint256 The 32-byte votes.
    """
    return staticcall Votes(token).getPastVotes(account, timepoint)


@internal
@view
def _supply(timepoint: uint256) -> uint256:
    """
    @dev Returns the supply at `timepoint`.
    @notice Reverts if it does not fit into the bits that a proposal
            keeps votes in. Whoever votes for a proposal first asks, so
            no proposal passes over a token with such a supply.
    @param timepoint The timepoint, which must lie in the past.
    @return uint256 The 32-byte token supply.
    """
    supply: uint256 = staticcall Votes(token).getPastTotalSupply(timepoint)
    assert supply < 2**96, "electorate: supply beyond 2**96"
    return supply


@internal
@view
def _quorum(track: uint256, timepoint: uint256) -> uint256:
    """
    @dev Returns the quorum of a track at `timepoint`.
    @param track The index of the track.
    @param timepoint The timepoint, which must lie in the past.
    @return uint256 The 32-byte votes.
    """
    return unsafe_div(self._supply(timepoint) * tracks._quorum_numerator_at(track, timepoint), tracks.quorumDenominator)


@internal
@view
def _super_quorum(track: uint256, timepoint: uint256) -> uint256:
    """
    @dev Returns the super-quorum of a track at `timepoint`.
    @param track The index of the track.
    @param timepoint The timepoint, which must lie in the past.
    @return uint256 The 32-byte votes.
    """
    return unsafe_div(self._supply(timepoint) * tracks._super_quorum_numerator_at(track, timepoint), tracks.quorumDenominator)
