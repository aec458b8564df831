# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title Mandates to Govern
@custom:contract-name mandates
@license GNU Affero General Public License v3.0 only
@author Westworld
@notice While a proposal is executed, its executor has a mandate for each
        call that the proposal makes to the Governor itself. A function
        that is governance's asks for the mandate and uses it up: what
        an executor does for anybody else is no governance. (The
        reference keeps a queue of hashes to the same end.) Mandates live
        in transient storage.
"""


# @dev Solidity's panic code for what is taken from an empty array.
_PANIC_EMPTY: constant(uint256) = 49


# @dev Returns how often an executor may yet make a call in the
# course of the present transaction, by the hash of both.
_left: transient(HashMap[bytes32, uint256])


@internal
@pure
def _key(executor: address, calldata_hash: bytes32) -> bytes32:
    """
    @dev Returns the key of a mandate.
    @param executor The 20-byte address of the executor.
    @param calldata_hash The 32-byte hash of the calldata.
    @return bytes32 The 32-byte key.
    """
    return keccak256(abi_encode(executor, calldata_hash))


@internal
def _give(executor: address, calldata_hash: bytes32):
    """
    @dev Gives an executor a mandate for one call.
    @param executor The 20-byte address of the executor.
    @param calldata_hash The 32-byte hash of the calldata.
    """
    self._left[self._key(executor, calldata_hash)] += 1


@internal
def _take_back(executor: address, calldata_hash: bytes32):
    """
    @dev Takes all mandates for a call from an executor.
    @param executor The 20-byte address of the executor.
    @param calldata_hash The 32-byte hash of the calldata.
    """
    self._left[self._key(executor, calldata_hash)] = 0


@internal
def _use(calldata_hash: bytes32, executor: address):
    """
    @dev Uses up the caller's mandate for this call.
    @notice Reverts if it has none; the executor of `standard` gets the
            panic of the reference's empty queue.
    @param calldata_hash The 32-byte hash of the calldata.
    @param executor The 20-byte address of the executor of `standard`.
    """
    key: bytes32 = self._key(msg.sender, calldata_hash)
    left: uint256 = self._left[key]
    if left == 0 and msg.sender == executor:
        raw_revert(abi_encode(_PANIC_EMPTY, method_id=method_id("Panic(uint256)")))
    if left == 0:
        raw_revert(abi_encode(msg.sender, method_id=method_id("GovernorOnlyExecutor(address)")))
    self._left[key] = unsafe_sub(left, 1)
