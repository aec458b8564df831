# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title Executor of a Track
@custom:contract-name Timelock
@license GNU Affero General Public License v3.0 only
@author Westworld
@notice Each class of privilege has an executor of its own: a contract
        holds a privilege by naming its executor as owner, and a
        proposal reaches that executor only on the track that the
        executor belongs to. The Governor is the only proposer,
        canceller and executor here; the executor itself is its only
        admin once the deployer has renounced.
"""


# @dev We import and initialise the `roles` module.
import roles
initializes: roles


# @dev We import and initialise the `timelock_controller` module.
import timelock_controller
initializes: timelock_controller[roles := roles]


# @dev We import the `bounds` module.
import bounds


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
    @param admin The optional admin (none: the zero address), which
           wires the roles and then renounces.
    """
    roles.__init__()
    timelock_controller.__init__(minDelay, proposers, executors, admin)
