# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title A Wallet That Is a Contract
@custom:contract-name ContractWallet
@license GNU Affero General Public License v3.0 only
@author Westworld
@notice For tests only: it accepts the signature that is the digest
        itself (ERC-1271), or burns all gas that it is given.
"""


# @dev Whether the wallet burns gas instead of answering.
burns: public(bool)


@deploy
@payable
def __init__(burns_: bool):
    """
    @dev Sets how the wallet behaves.
    @param burns_ Whether it burns gas instead of answering.
    """
    self.burns = burns_


@external
@view
def isValidSignature(hash: bytes32, signature: Bytes[1_024]) -> bytes4:
    """
    @dev Accepts the digest itself as signature (ERC-1271).
    @param hash The 32-byte digest.
    @param signature The signature.
    @return bytes4 The 4-byte function selector, or zero.
    """
    if self.burns:
        for _: uint256 in range(2**32):
            burnt: bytes32 = keccak256(hash)
    if len(signature) == 32 and extract32(signature, 0) == hash:
        return 0x1626BA7E
    return empty(bytes4)


@external
def forward(target: address, data: Bytes[4_096]):
    """
    @dev Calls `target`, so that the wallet can delegate and vote.
    @param target The 20-byte address that is called.
    @param data The calldata.
    """
    raw_call(target, data)
