# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title Calls to Strangers
@custom:contract-name calls
@license GNU Affero General Public License v3.0 only
@author Westworld
@notice What governance decides, it does by calling. Of a stranger's
        answer only a bounded part is copied, so that it cannot burn the
        caller's gas with it.

        The implementation is inspired by OpenZeppelin's implementation here:
        https://github.com/OpenZeppelin/openzeppelin-contracts/blob/master/contracts/utils/Address.sol.
"""


# @dev We import the `bounds` module.
from . import bounds


@internal
def _call(target: address, amount: uint256, payload: Bytes[bounds.MAX_CALLDATA]):
    """
    @dev Calls `target`, and reverts with its reason if it reverts.
    @param target The 20-byte address that is called.
    @param amount The 32-byte amount of ETH that the call carries.
    @param payload The calldata.
    """
    success: bool = False
    answer: Bytes[bounds.MAX_RETURN_DATA] = b""
    success, answer = raw_call(
        target, payload, max_outsize=bounds.MAX_RETURN_DATA, value=amount, revert_on_failure=False
    )
    if not success:
        if len(answer) == 0:
            raw_revert(method_id("FailedCall()", output_type=Bytes[4]))
        raw_revert(answer)
