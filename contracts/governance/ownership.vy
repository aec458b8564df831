# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title Ownership with the Reference's Errors
@custom:contract-name ownership
@license GNU Affero General Public License v3.0 only
@author Westworld
@notice These functions give a contract one owner. snekmate's
        `ownable` says the same with revert strings and names of its
        own; these keep the reference's names, event and custom errors,
        which the wallets that read a token's ABI know. Ownership moves
        in one step: see docs/decisions/ownership-in-one-step.md.

        The implementation is inspired by OpenZeppelin's implementation here:
        https://github.com/OpenZeppelin/openzeppelin-contracts/blob/master/contracts/access/Ownable.sol.
"""


# @dev Returns the address of the owner.
owner: public(address)


# @dev Emitted when the ownership moves.
event OwnershipTransferred:
    previousOwner: indexed(address)
    newOwner: indexed(address)


@deploy
@payable
def __init__(owner_: address):
    """
    @dev Names the first owner.
    @notice The owner cannot be the zero address.
    @param owner_ The 20-byte address of the owner.
    """
    self._check_new_owner(owner_)
    self._transfer_ownership(owner_)


@external
def transferOwnership(newOwner: address):
    """
    @dev Makes `newOwner` the owner.
    @notice The caller must be the owner, and `newOwner` cannot
            be the zero address.
    @param newOwner The 20-byte address of the next owner.
    """
    self._check_owner()
    self._check_new_owner(newOwner)
    self._transfer_ownership(newOwner)


@external
def renounceOwnership():
    """
    @dev Leaves the contract without an owner, for good.
    @notice The caller must be the owner.
    """
    self._check_owner()
    self._transfer_ownership(empty(address))


@internal
@view
def _check_owner():
    """
    @dev Reverts unless the caller is the owner.
    """
    if msg.sender != self.owner:
        raw_revert(abi_encode(msg.sender, method_id=method_id("OwnableUnauthorizedAccount(address)")))


@internal
@pure
def _check_new_owner(new_owner: address):
    """
    @dev Reverts if `new_owner` is the zero address.
    @param new_owner The 20-byte address of the next owner.
    """
    if new_owner == empty(address):
        raw_revert(abi_encode(new_owner, method_id=method_id("OwnableInvalidOwner(address)")))


@internal
def _transfer_ownership(new_owner: address):
    """
    @dev Makes `new_owner` the owner, whoever calls.
    @param new_owner The 20-byte address of the next owner.
    """
    previous: address = self.owner
    self.owner = new_owner
    log OwnershipTransferred(previousOwner=previous, newOwner=new_owner)
