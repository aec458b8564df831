# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title Timelock Controller
@custom:contract-name timelock_controller
@license GNU Affero General Public License v3.0 only
@author Westworld
@notice These functions schedule operations (calls, or batches of
        calls) and execute them once a delay has passed. Proposers
        schedule, cancellers cancel, executors execute (anyone, if the
        zero address holds that role). The contract administers its own
        roles and its own delay, so that both change only by an
        operation that was scheduled and waited.

        snekmate's `timelock_controller` does the same with other names,
        revert strings and arrays of up to 255 calls, which Vyper copies
        in full; this one keeps the reference's interface, events and
        custom errors within the small bounds of `bounds`.

        The implementation is inspired by OpenZeppelin's implementation here:
        https://github.com/OpenZeppelin/openzeppelin-contracts/blob/master/contracts/governance/TimelockController.sol.
"""


# @dev We import and implement the `IERC165` interface,
# which is a built-in interface of the Vyper compiler.
from ethereum.ercs import IERC165
implements: IERC165


# @dev We import and use the `roles` module.
from . import roles
uses: roles


# @dev We import the `bounds` and `calls` modules.
from . import bounds
from . import calls


# @dev The 32-byte role that schedules operations.
PROPOSER_ROLE: public(constant(bytes32)) = keccak256("PROPOSER_ROLE")


# @dev The 32-byte role that executes operations.
EXECUTOR_ROLE: public(constant(bytes32)) = keccak256("EXECUTOR_ROLE")


# @dev The 32-byte role that cancels operations.
CANCELLER_ROLE: public(constant(bytes32)) = keccak256("CANCELLER_ROLE")


# @dev The ERC-165 identifiers of what this contract implements.
_SUPPORTED_INTERFACES: constant(bytes4[3]) = [
    0x01FFC9A7, # The ERC-165 identifier for ERC-165.
    0x7965DB0B, # The ERC-165 identifier for `IAccessControl`.
    0x4E2312E0, # The ERC-165 identifier for `IERC1155Receiver`.
]


# @dev The states of an operation, numbered as in the reference.
_UNSET: constant(uint8) = 0
_WAITING: constant(uint8) = 1
_READY: constant(uint8) = 2
_DONE: constant(uint8) = 3


# @dev The timestamp that marks an executed operation.
_DONE_TIMESTAMP: constant(uint256) = 1


# @dev Returns the timestamp at which an operation becomes ready
# (`0` if it is unknown, `1` if it was executed).
getTimestamp: public(HashMap[bytes32, uint256])


# @dev Returns the least delay of an operation in seconds.
getMinDelay: public(uint256)


# @dev Emitted when a call is scheduled as part of operation `id`.
event CallScheduled:
    id: indexed(bytes32)
    index: indexed(uint256)
    target: address
    value: uint256
    data: Bytes[bounds.MAX_CALLDATA]
    predecessor: bytes32
    delay: uint256


# @dev Emitted when a call is performed as part of operation `id`.
event CallExecuted:
    id: indexed(bytes32)
    index: indexed(uint256)
    target: address
    value: uint256
    data: Bytes[bounds.MAX_CALLDATA]


# @dev Emitted when an operation is scheduled with a salt.
event CallSalt:
    id: indexed(bytes32)
    salt: bytes32


# @dev Emitted when operation `id` is cancelled.
event Cancelled:
    id: indexed(bytes32)


# @dev Emitted when the least delay of operations changes.
event MinDelayChange:
    oldDuration: uint256
    newDuration: uint256


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
    @notice The optional admin can give out roles without delay. It
            serves to wire the contracts and must then renounce.
    @param minDelay The least delay of an operation in seconds.
    @param proposers The accounts that schedule and cancel.
    @param executors The accounts that execute.
    @param admin The optional admin (none: the zero address).
    """
    roles._grant_role(roles.DEFAULT_ADMIN_ROLE, self)
    if admin != empty(address):
        roles._grant_role(roles.DEFAULT_ADMIN_ROLE, admin)
    for proposer: address in proposers:
        roles._grant_role(PROPOSER_ROLE, proposer)
        roles._grant_role(CANCELLER_ROLE, proposer)
    for executor: address in executors:
        roles._grant_role(EXECUTOR_ROLE, executor)

    self.getMinDelay = minDelay
    log MinDelayChange(oldDuration=0, newDuration=minDelay)


@external
@payable
def __default__():
    """
    @dev The contract holds the treasury's ETH. A call that names
         no function of it is refused, unless it is a plain transfer.
    """
    assert len(msg.data) == 0 # dev: unknown function


@external
@view
def supportsInterface(interfaceId: bytes4) -> bool:
    """
    @dev Returns whether this contract implements an interface.
    @param interfaceId The 4-byte interface identifier.
    @return bool The verification whether the contract implements
            the interface or not.
    """
    return interfaceId in _SUPPORTED_INTERFACES


@external
@view
def isOperation(id: bytes32) -> bool:
    """
    @dev Returns whether operation `id` is known, executed ones
         included.
    @param id The 32-byte operation identifier.
    @return bool The verification whether the operation is known.
    """
    return self._state(id) != _UNSET


@external
@view
def isOperationPending(id: bytes32) -> bool:
    """
    @dev Returns whether operation `id` waits or is ready.
    @param id The 32-byte operation identifier.
    @return bool The verification whether the operation is pending.
    """
    return self._state(id) in [_WAITING, _READY]


@external
@view
def isOperationReady(id: bytes32) -> bool:
    """
    @dev Returns whether operation `id` can be executed.
    @param id The 32-byte operation identifier.
    @return bool The verification whether the operation is ready.
    """
    return self._state(id) == _READY


@external
@view
def isOperationDone(id: bytes32) -> bool:
    """
    @dev Returns whether operation `id` was executed.
    @param id The 32-byte operation identifier.
    @return bool The verification whether the operation is done.
    """
    return self._state(id) == _DONE


@external
@view
def getOperationState(id: bytes32) -> uint8:
    """
    @dev Returns the state of operation `id`.
    @param id The 32-byte operation identifier.
    @return uint8 0 unset, 1 waiting, 2 ready, 3 done.
    """
    return self._state(id)


@external
@pure
def hashOperation(
    target: address, amount: uint256, data: Bytes[bounds.MAX_CALLDATA], predecessor: bytes32, salt: bytes32
) -> bytes32:
    """
    @dev Returns the identifier of an operation of one call.
    @param target The 20-byte address that is called.
    @param amount The 32-byte amount of ETH that the call carries.
    @param data The calldata.
    @param predecessor The operation that must be done before.
    @param salt The 32-byte salt of the operation.
    @return bytes32 The 32-byte operation identifier.
    """
    return keccak256(abi_encode(target, amount, data, predecessor, salt))


@external
@pure
def hashOperationBatch(
    targets: DynArray[address, bounds.MAX_ACTIONS],
    values: DynArray[uint256, bounds.MAX_ACTIONS],
    payloads: DynArray[Bytes[bounds.MAX_CALLDATA], bounds.MAX_ACTIONS],
    predecessor: bytes32,
    salt: bytes32,
) -> bytes32:
    """
    @dev Returns the identifier of an operation of several calls.
    @param targets The addresses that are called.
    @param values The amounts of ETH that the calls carry.
    @param payloads The calldata of each call.
    @param predecessor The operation that must be done before.
    @param salt The 32-byte salt of the operation.
    @return bytes32 The 32-byte operation identifier.
    """
    return keccak256(abi_encode(targets, values, payloads, predecessor, salt))


@external
def schedule(
    target: address,
    amount: uint256,
    data: Bytes[bounds.MAX_CALLDATA],
    predecessor: bytes32,
    salt: bytes32,
    delay: uint256,
):
    """
    @dev Schedules an operation of one call.
    @notice The caller must hold the proposer role.
    @param target The 20-byte address that is called.
    @param amount The 32-byte amount of ETH that the call carries.
    @param data The calldata.
    @param predecessor The operation that must be done before
           (none: zero).
    @param salt The 32-byte salt of the operation.
    @param delay The seconds until the operation is ready.
    """
    roles._check_role(PROPOSER_ROLE, msg.sender)
    id: bytes32 = keccak256(abi_encode(target, amount, data, predecessor, salt))
    self._schedule(id, delay)
    log CallScheduled(
        id=id, index=0, target=target, value=amount, data=data, predecessor=predecessor, delay=delay
    )
    if salt != empty(bytes32):
        log CallSalt(id=id, salt=salt)


@external
def scheduleBatch(
    targets: DynArray[address, bounds.MAX_ACTIONS],
    values: DynArray[uint256, bounds.MAX_ACTIONS],
    payloads: DynArray[Bytes[bounds.MAX_CALLDATA], bounds.MAX_ACTIONS],
    predecessor: bytes32,
    salt: bytes32,
    delay: uint256,
):
    """
    @dev Schedules an operation of several calls.
    @notice The caller must hold the proposer role.
    @param targets The addresses that are called.
    @param values The amounts of ETH that the calls carry.
    @param payloads The calldata of each call.
    @param predecessor The operation that must be done before
           (none: zero).
    @param salt The 32-byte salt of the operation.
    @param delay The seconds until the operation is ready.
    """
    roles._check_role(PROPOSER_ROLE, msg.sender)
    self._check_lengths(len(targets), len(payloads), len(values))
    id: bytes32 = keccak256(abi_encode(targets, values, payloads, predecessor, salt))
    self._schedule(id, delay)
    for i: uint256 in range(len(targets), bound=bounds.MAX_ACTIONS):
        log CallScheduled(
            id=id,
            index=i,
            target=targets[i],
            value=values[i],
            data=payloads[i],
            predecessor=predecessor,
            delay=delay,
        )
    if salt != empty(bytes32):
        log CallSalt(id=id, salt=salt)


@external
def cancel(id: bytes32):
    """
    @dev Cancels operation `id`, which waits or is ready.
    @notice The caller must hold the canceller role.
    @param id The 32-byte operation identifier.
    """
    roles._check_role(CANCELLER_ROLE, msg.sender)
    state: uint8 = self._state(id)
    if state != _WAITING and state != _READY:
        self._revert_unexpected(id, (1 << _WAITING) | (1 << _READY))
    self.getTimestamp[id] = 0
    log Cancelled(id=id)


@external
@payable
def execute(
    target: address, amount: uint256, payload: Bytes[bounds.MAX_CALLDATA], predecessor: bytes32, salt: bytes32
):
    """
    @dev Executes a ready operation of one call.
    @notice The caller must hold the executor role, unless the zero
            address does. A call may re-enter; an operation is done
            only once, since it must still be ready after its calls.
    @param target The 20-byte address that is called.
    @param amount The 32-byte amount of ETH that the call carries.
    @param payload The calldata.
    @param predecessor The operation that must be done before.
    @param salt The 32-byte salt of the operation.
    """
    self._check_executor()
    id: bytes32 = keccak256(abi_encode(target, amount, payload, predecessor, salt))
    self._before_call(id, predecessor)
    calls._call(target, amount, payload)
    log CallExecuted(id=id, index=0, target=target, value=amount, data=payload)
    self._after_call(id)


@external
@payable
def executeBatch(
    targets: DynArray[address, bounds.MAX_ACTIONS],
    values: DynArray[uint256, bounds.MAX_ACTIONS],
    payloads: DynArray[Bytes[bounds.MAX_CALLDATA], bounds.MAX_ACTIONS],
    predecessor: bytes32,
    salt: bytes32,
):
    """
    @dev Executes a ready operation of several calls, all or none.
    @notice The caller must hold the executor role, unless the zero
            address does.
    @param targets The addresses that are called.
    @param values The amounts of ETH that the calls carry.
    @param payloads The calldata of each call.
    @param predecessor The operation that must be done before.
    @param salt The 32-byte salt of the operation.
    """
    self._check_executor()
    self._check_lengths(len(targets), len(payloads), len(values))
    id: bytes32 = keccak256(abi_encode(targets, values, payloads, predecessor, salt))
    self._before_call(id, predecessor)
    for i: uint256 in range(len(targets), bound=bounds.MAX_ACTIONS):
        calls._call(targets[i], values[i], payloads[i])
        log CallExecuted(id=id, index=i, target=targets[i], value=values[i], data=payloads[i])
    self._after_call(id)


@external
def updateDelay(newDelay: uint256):
    """
    @dev Changes the least delay of operations scheduled from now on.
    @notice Only the contract itself can call this, by an operation.
    @param newDelay The new least delay in seconds.
    """
    if msg.sender != self:
        raw_revert(abi_encode(msg.sender, method_id=method_id("TimelockUnauthorizedCaller(address)")))
    log MinDelayChange(oldDuration=self.getMinDelay, newDuration=newDelay)
    self.getMinDelay = newDelay


@external
def onERC721Received(
    operator: address, owner: address, tokenId: uint256, data: Bytes[bounds.MAX_CALLDATA]
) -> bytes4:
    """
    @dev Accepts an ERC-721 token.
    @param operator The 20-byte address that moved the token.
    @param owner The 20-byte address of the previous owner.
    @param tokenId The 32-byte identifier of the token.
    @param data The data that came with the token.
    @return bytes4 The 4-byte function selector, which accepts.
    """
    return method_id("onERC721Received(address,address,uint256,bytes)", output_type=bytes4)


@external
def onERC1155Received(
    operator: address, owner: address, id: uint256, amount: uint256, data: Bytes[bounds.MAX_CALLDATA]
) -> bytes4:
    """
    @dev Accepts an amount of one ERC-1155 token.
    @param operator The 20-byte address that moved the token.
    @param owner The 20-byte address of the previous owner.
    @param id The 32-byte identifier of the token.
    @param amount The 32-byte token amount.
    @param data The data that came with the token.
    @return bytes4 The 4-byte function selector, which accepts.
    """
    return method_id("onERC1155Received(address,address,uint256,uint256,bytes)", output_type=bytes4)


@external
def onERC1155BatchReceived(
    operator: address,
    owner: address,
    ids: DynArray[uint256, bounds.MAX_TOKEN_BATCH],
    amounts: DynArray[uint256, bounds.MAX_TOKEN_BATCH],
    data: Bytes[bounds.MAX_CALLDATA],
) -> bytes4:
    """
    @dev Accepts amounts of several ERC-1155 tokens.
    @param operator The 20-byte address that moved the tokens.
    @param owner The 20-byte address of the previous owner.
    @param ids The identifiers of the tokens.
    @param amounts The token amounts.
    @param data The data that came with the tokens.
    @return bytes4 The 4-byte function selector, which accepts.
    """
    return method_id("onERC1155BatchReceived(address,address,uint256[],uint256[],bytes)", output_type=bytes4)


@internal
@view
def _state(id: bytes32) -> uint8:
    """
    @dev Returns the state of operation `id`.
    @param id The 32-byte operation identifier.
    @return uint8 0 unset, 1 waiting, 2 ready, 3 done.
    """
    timestamp: uint256 = self.getTimestamp[id]
    if timestamp == 0:
        return _UNSET
    if timestamp == _DONE_TIMESTAMP:
        return _DONE
    if timestamp > block.timestamp:
        return _WAITING
    return _READY


@internal
@pure
def _revert_unexpected(id: bytes32, expected: uint256):
    """
    @dev Reverts because operation `id` is not in a state in which
         the call makes sense.
    @param id The 32-byte operation identifier.
    @param expected The bitmap of the states that would do.
    """
    raw_revert(
        abi_encode(id, expected, method_id=method_id("TimelockUnexpectedOperationState(bytes32,bytes32)"))
    )


@internal
@pure
def _check_lengths(targets: uint256, payloads: uint256, values: uint256):
    """
    @dev Reverts unless the arrays of a batch are equally long.
    @param targets The number of targets.
    @param payloads The number of payloads.
    @param values The number of values.
    """
    if targets != values or targets != payloads:
        raw_revert(
            abi_encode(
                targets,
                payloads,
                values,
                method_id=method_id("TimelockInvalidOperationLength(uint256,uint256,uint256)"),
            )
        )


@internal
@view
def _check_executor():
    """
    @dev Reverts unless the caller, or everybody, may execute.
    """
    if not roles.hasRole[EXECUTOR_ROLE][empty(address)]:
        roles._check_role(EXECUTOR_ROLE, msg.sender)


@internal
def _schedule(id: bytes32, delay: uint256):
    """
    @dev Lets operation `id` become ready after `delay`.
    @param id The 32-byte operation identifier.
    @param delay The delay in seconds.
    """
    if self.getTimestamp[id] != 0:
        self._revert_unexpected(id, 1 << _UNSET)
    minimum: uint256 = self.getMinDelay
    if delay < minimum:
        raw_revert(
            abi_encode(delay, minimum, method_id=method_id("TimelockInsufficientDelay(uint256,uint256)"))
        )
    self.getTimestamp[id] = block.timestamp + delay


@internal
@view
def _before_call(id: bytes32, predecessor: bytes32):
    """
    @dev Reverts unless operation `id` is ready and its predecessor
         is done.
    @param id The 32-byte operation identifier.
    @param predecessor The operation that must be done before.
    """
    if self._state(id) != _READY:
        self._revert_unexpected(id, 1 << _READY)
    if predecessor != empty(bytes32) and self.getTimestamp[predecessor] != _DONE_TIMESTAMP:
        raw_revert(abi_encode(predecessor, method_id=method_id("TimelockUnexecutedPredecessor(bytes32)")))


@internal
def _after_call(id: bytes32):
    """
    @dev Marks operation `id` as done, if its calls left it ready.
    @param id The 32-byte operation identifier.
    """
    if self._state(id) != _READY:
        self._revert_unexpected(id, 1 << _READY)
    self.getTimestamp[id] = _DONE_TIMESTAMP
