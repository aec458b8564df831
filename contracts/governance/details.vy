# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title What Proposals Call, Kept On-Chain
@custom:contract-name details
@license GNU Affero General Public License v3.0 only
@author Westworld
@notice A Governor can keep what each proposal calls (the reference's
        GovernorStorage), as the code of a contract that answers every
        call with it: 200 gas a byte instead of 22,100 a word in storage.
        Such *keepers* are all that a Governor creates, one a proposal,
        so a proposal's serial number tells where its keeper is.

        What is kept is the ABI-encoding of targets, values, calldatas
        and the hash of the description: what the identifier is the hash
        of, and the arguments of `queue`, `execute` and `cancel`.
"""


# @dev We import the `create` module.
from snekmate.utils import create


# @dev We import the `bounds` module.
import bounds


# @dev The creation code of a keeper, to be followed by what it keeps:
# the same eleven bytes twice. They return all code that follows them,
# first as what is deployed, later as the answer to a call.
#   PUSH1 11, CODESIZE, SUB, DUP1, PUSH1 11, PUSH0, CODECOPY, PUSH0, RETURN
KEEPER: constant(Bytes[22]) = x"600b380380600b5f395ff3600b380380600b5f395ff3"


@internal
@view
def _of(serial: uint256) -> Bytes[bounds.MAX_DETAILS]:
    """
    @dev Returns what a proposal calls.
    @param serial The serial number of the proposal.
    @return Bytes The encoding, empty if it is not kept.
    """
    # A contract's nonce begins with 1 (EIP-161).
    keeper: address = create._compute_create_address(self, unsafe_add(serial, 1))
    return raw_call(keeper, b"", max_outsize=bounds.MAX_DETAILS, is_static_call=True)
