# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title Signatures with the Reference's Errors
@custom:contract-name signatures
@license GNU Affero General Public License v3.0 only
@author Westworld
@notice These functions verify who signed a digest: an externally
        owned account by ECDSA, a contract by ERC-1271. They refuse
        what the reference refuses, with its custom errors, which
        snekmate's `ecdsa` and `signature_checker` modules do not have.

        The implementation is inspired by OpenZeppelin's implementation here:
        https://github.com/OpenZeppelin/openzeppelin-contracts/blob/master/contracts/utils/cryptography/SignatureChecker.sol.
"""


# @dev We import the `bounds` module.
from . import bounds


# @dev The 4-byte function selector of `isValidSignature(bytes32,bytes)`,
# which is also the answer that means "valid".
_ERC1271_MAGIC: constant(bytes4) = 0x1626BA7E


# @dev The greatest `s` that is not the malleable twin of another
# signature: half the order of secp256k1.
_MALLEABILITY_THRESHOLD: constant(uint256) = (
    57_896_044_618_658_097_711_785_492_504_343_953_926_418_782_139_537_452_191_302_581_570_759_080_747_168
)


# @dev The most gas that a contract wallet may use to verify one
# signature, so that a hostile wallet cannot burn a relayer's gas.
ERC1271_GAS: constant(uint256) = 500_000


@internal
@pure
def _recover(digest: bytes32, v: uint8, r: bytes32, s: bytes32) -> address:
    """
    @dev Returns who signed `digest`.
    @notice Reverts with `ECDSAInvalidSignatureS` on a malleable
            signature and with `ECDSAInvalidSignature` on one that
            nobody can have made.
    @param digest The 32-byte digest that was signed.
    @param v The recovery parameter, `27` or `28`.
    @param r The 32-byte `r` of the signature.
    @param s The 32-byte `s` of the signature.
    @return address The signer's address.
    """
    if convert(s, uint256) > _MALLEABILITY_THRESHOLD:
        raw_revert(abi_encode(s, method_id=method_id("ECDSAInvalidSignatureS(bytes32)")))

    signer: address = ecrecover(digest, v, r, s)
    if signer == empty(address):
        raw_revert(method_id("ECDSAInvalidSignature()", output_type=Bytes[4]))
    return signer


@internal
@view
def _is_valid(signer: address, digest: bytes32, signature: Bytes[bounds.MAX_SIGNATURE]) -> bool:
    """
    @dev Returns whether `signature` is `signer`'s of `digest`: by
         its key, or as its code says (ERC-1271), with bounded gas.
         The key is asked first, unlike in the reference, which saves
         a look at the account: an account that has a key and code
         (EIP-7702) can do all that its key can anyway.
    @param signer The address that is said to have signed.
    @param digest The 32-byte digest that was signed.
    @param signature The signature.
    @return bool The verification whether the signature is valid.
    """
    return self._is_by_key(signer, digest, signature) or (
        signer.is_contract and self._is_by_contract(signer, digest, signature)
    )


@internal
@pure
def _is_by_key(signer: address, digest: bytes32, signature: Bytes[bounds.MAX_SIGNATURE]) -> bool:
    """
    @dev Returns whether `signature` is by the key of `signer`.
    @param signer The address that is said to have signed.
    @param digest The 32-byte digest that was signed.
    @param signature The signature.
    @return bool The verification whether it is.
    """
    if len(signature) != 65:
        return False
    s: uint256 = extract32(signature, 32, output_type=uint256)
    if s > _MALLEABILITY_THRESHOLD:
        return False
    v: uint256 = extract32(signature, 33, output_type=uint256) & 255
    recovered: address = ecrecover(digest, v, extract32(signature, 0, output_type=uint256), s)
    return recovered == signer and recovered != empty(address)


@internal
@view
def _is_by_contract(signer: address, digest: bytes32, signature: Bytes[bounds.MAX_SIGNATURE]) -> bool:
    """
    @dev Returns whether the code at `signer` accepts `signature`
         (ERC-1271).
    @param signer The address that is said to have signed.
    @param digest The 32-byte digest that was signed.
    @param signature The signature.
    @return bool The verification whether it does.
    """
    success: bool = False
    answer: Bytes[32] = b""
    success, answer = raw_call(
        signer,
        abi_encode(digest, signature, method_id=_ERC1271_MAGIC),
        max_outsize=32,
        gas=ERC1271_GAS,
        is_static_call=True,
        revert_on_failure=False,
    )
    return success and len(answer) == 32 and convert(answer, bytes32) == convert(_ERC1271_MAGIC, bytes32)
