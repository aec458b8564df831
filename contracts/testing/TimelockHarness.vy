# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title Executor whose Roles Anybody Gives
@custom:contract-name TimelockHarness
@license GNU Affero General Public License v3.0 only
@author Westworld
@notice The executor with the internal functions of its roles laid
        open, as suites for the reference expect them. For tests: it
        protects nothing.
"""


# @dev We import and initialise the `roles` module.
from ..governance import roles
initializes: roles


# @dev We import and initialise the `timelock_controller` module.
from ..governance import timelock_controller
initializes: timelock_controller[roles := roles]


# @dev We import the `bounds` module.
from ..governance import bounds


# @dev We export all `external` functions of the roles and of the
# timelock controller.
exports: (
    roles.__interface__,
    timelock_controller.__interface__,
)


# @dev Declared as the reference has it, and never emitted: no
# role's admin changes.
event RoleAdminChanged:
    role: indexed(bytes32)
    previousAdminRole: indexed(bytes32)
    newAdminRole: indexed(bytes32)


@deploy
@payable
def __init__(
    minDelay: uint256,
    proposers: DynArray[address, bounds.MAX_ROLE_HOLDERS],
    executors: DynArray[address, bounds.MAX_ROLE_HOLDERS],
    admin: address,
):
    """
    @dev Initialises the delay and the roles.
         To omit the opcodes for checking the `msg.value`
         in the creation-time EVM bytecode, the constructor
         is declared as `payable`.
    @param minDelay The least delay of an operation in seconds.
    @param proposers The accounts that schedule and cancel.
    @param executors The accounts that execute.
    @param admin The optional admin (none: the zero address).
    """
    roles.__init__()
    timelock_controller.__init__(minDelay, proposers, executors, admin)


@external
def grant(role: bytes32, account: address):
    """
    @dev Grants `role` to `account`.
    @param role The 32-byte role.
    @param account The 20-byte account address.
    """
    roles._grant_role(role, account)


@external
def revoke(role: bytes32, account: address):
    """
    @dev Takes `role` from `account`.
    @param role The 32-byte role.
    @param account The 20-byte account address.
    """
    roles._revoke_role(role, account)
