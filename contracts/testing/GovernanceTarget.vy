# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title A Contract That Proposals Call
@custom:contract-name GovernanceTarget
@license GNU Affero General Public License v3.0 only
@author Westworld
@notice For tests only: it remembers what it was told and by whom,
        it refuses, floods or re-enters on demand, and it says yes in
        a way that is no answer.
"""


# @dev Returns the latest number that was set.
number: public(uint256)


# @dev Returns who set it.
setter: public(address)


# @dev Returns how often a number was set.
calls: public(uint256)


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
@payable
def __default__():
    """
    @dev Receives ETH.
    """
    pass


@external
@payable
def set_number(number: uint256):
    """
    @dev Remembers `number` and the caller.
    @param number The 32-byte number.
    """
    self.number = number
    self.setter = msg.sender
    self.calls += 1


@external
def refuse():
    """
    @dev Reverts with a reason.
    """
    raise "governance_target: refused"


@external
def refuse_silently():
    """
    @dev Reverts without a reason.
    """
    raw_revert(b"")


@external
def flood():
    """
    @dev Reverts with 32 KiB.
    """
    raw_revert(abi_encode(empty(bytes32[1_024])))


@external
@view
def hasRole(role: bytes32, account: address) -> bool:
    """
    @dev Reverts with the word that an answer would say yes with.
    @param role The 32-byte role.
    @param account The 20-byte account address.
    @return bool Nothing is ever returned.
    """
    raw_revert(abi_encode(True))


@external
def forward(target: address, data: Bytes[4_096]):
    """
    @dev Calls `target`, and reverts with its reason if it reverts.
    @param target The 20-byte address that is called.
    @param data The calldata.
    """
    raw_call(target, data)
