# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title Roles with the Reference's Errors
@custom:contract-name roles
@license GNU Affero General Public License v3.0 only
@author Westworld
@notice These functions let accounts hold roles, and each role be
        administered by another. snekmate's `access_control` says the
        same with revert strings; these keep the reference's custom
        errors and nothing beyond its functions.

        The implementation is inspired by OpenZeppelin's implementation here:
        https://github.com/OpenZeppelin/openzeppelin-contracts/blob/master/contracts/access/AccessControl.sol.
"""


# @dev We import and implement the `IAccessControl` interface,
# which is written using standard Vyper syntax.
from snekmate.auth.interfaces import IAccessControl
implements: IAccessControl


# @dev The role that administers every role, itself included.
DEFAULT_ADMIN_ROLE: public(constant(bytes32)) = empty(bytes32)


# @dev Returns whether an account holds a role.
hasRole: public(HashMap[bytes32, HashMap[address, bool]])


# @dev Returns the role that administers a role.
getRoleAdmin: public(HashMap[bytes32, bytes32])


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
def grantRole(role: bytes32, account: address):
    """
    @dev Grants `role` to `account`.
    @notice The caller must hold the role that administers `role`.
    @param role The 32-byte role.
    @param account The 20-byte account address.
    """
    self._check_role(self.getRoleAdmin[role], msg.sender)
    self._grant_role(role, account)


@external
def revokeRole(role: bytes32, account: address):
    """
    @dev Takes `role` from `account`.
    @notice The caller must hold the role that administers `role`.
    @param role The 32-byte role.
    @param account The 20-byte account address.
    """
    self._check_role(self.getRoleAdmin[role], msg.sender)
    self._revoke_role(role, account)


@external
def renounceRole(role: bytes32, callerConfirmation: address):
    """
    @dev Takes `role` from the caller.
    @param role The 32-byte role.
    @param callerConfirmation The caller's own address, so that
           nobody gives up a role by mistake.
    """
    if callerConfirmation != msg.sender:
        raw_revert(method_id("AccessControlBadConfirmation()", output_type=Bytes[4]))
    self._revoke_role(role, callerConfirmation)


@internal
@view
def _check_role(role: bytes32, account: address):
    """
    @dev Reverts unless `account` holds `role`.
    @param role The 32-byte role.
    @param account The 20-byte account address.
    """
    if not self.hasRole[role][account]:
        raw_revert(
            abi_encode(account, role, method_id=method_id("AccessControlUnauthorizedAccount(address,bytes32)"))
        )


@internal
def _grant_role(role: bytes32, account: address):
    """
    @dev Grants `role` to `account`, unless it holds it already.
    @param role The 32-byte role.
    @param account The 20-byte account address.
    """
    if not self.hasRole[role][account]:
        self.hasRole[role][account] = True
        log IAccessControl.RoleGranted(role=role, account=account, sender=msg.sender)


@internal
def _revoke_role(role: bytes32, account: address):
    """
    @dev Takes `role` from `account`, if it holds it.
    @param role The 32-byte role.
    @param account The 20-byte account address.
    """
    if self.hasRole[role][account]:
        self.hasRole[role][account] = False
        log IAccessControl.RoleRevoked(role=role, account=account, sender=msg.sender)
