# pragma version ~=0.4.3
"""
@title A Token That Can Refuse
@custom:contract-name RefusingToken
@license GNU Affero General Public License v3.0 only
@author The Westworld authors
@notice For tests only: it answers every transfer with what it was
        told to, and moves nothing.
"""


# @dev Whether transfers are refused.
_refusing: bool


@deploy
@payable
def __init__():
    """
    @dev To omit the opcodes for checking the `msg.value`
         in the creation-time EVM bytecode, the constructor
         is declared as `payable`.
    """
    pass


@external
def refuse(refusing: bool):
    """
    @dev Sets what transfers are answered with.
    @param refusing Whether they are refused.
    """
    self._refusing = refusing


@external
def transfer(to: address, amount: uint256) -> bool:
    """
    @dev Answers a transfer.
    @param to The 20-byte address of the receiver.
    @param amount The 32-byte amount.
    @return bool Whether it would have been accepted.
    """
    return not self._refusing


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    """
    @dev Answers a transfer out of an allowance.
    @param owner The 20-byte address of the holder.
    @param to The 20-byte address of the receiver.
    @param amount The 32-byte amount.
    @return bool Whether it would have been accepted.
    """
    return not self._refusing
