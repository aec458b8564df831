# pragma version ~=0.4.3
"""
@title Records of Nodes
@custom:contract-name records
@license GNU Affero General Public License v3.0 only
@author The Westworld authors
@notice Packs what the registry keeps on a node into two slots: who
        it is (`identity`) and what it stands to lose (`account`).
        Times are seconds in 48 bits.
"""


# @dev The layout of `identity`: operator 160 bits, epoch 32 bits,
# exit time 48 bits, banned 1 bit.
_EPOCH_SHIFT: constant(uint256) = 160
_EXIT_SHIFT: constant(uint256) = 192
_BANNED_SHIFT: constant(uint256) = 240


# @dev The layout of `account`: bond 128 bits, suspended until
# 48 bits, rate-limited until 48 bits.
_SUSPENDED_SHIFT: constant(uint256) = 128
_LIMITED_SHIFT: constant(uint256) = 176


_MASK_128: constant(uint256) = (1 << 128) - 1
_MASK_48: constant(uint256) = (1 << 48) - 1
_MASK_32: constant(uint256) = (1 << 32) - 1


# @dev Who a node is.
struct Identity:
    operator: address
    epoch: uint256
    exit_at: uint256
    banned: bool


# @dev What a node stands to lose.
struct Account:
    bond: uint256
    suspended_until: uint256
    rate_limited_until: uint256


# @dev Mapping from a node to its packed identity.
_identities: HashMap[bytes32, uint256]


# @dev Mapping from a node to its packed account.
_accounts: HashMap[bytes32, uint256]


@deploy
@payable
def __init__():
    """
    @dev To omit the opcodes for checking the `msg.value`
         in the creation-time EVM bytecode, the constructor
         is declared as `payable`.
    """
    pass


@internal
@view
def _identity(node: bytes32) -> Identity:
    """
    @dev Reads who a node is.
    @param node The 32-byte id of the node.
    @return Identity Its identity, the operator zero if unknown.
    """
    packed: uint256 = self._identities[node]
    return Identity(
        operator=convert(packed & convert(max_value(uint160), uint256), address),
        epoch=(packed >> _EPOCH_SHIFT) & _MASK_32,
        exit_at=(packed >> _EXIT_SHIFT) & _MASK_48,
        banned=(packed >> _BANNED_SHIFT) & 1 == 1,
    )


@internal
def _write_identity(node: bytes32, identity: Identity):
    """
    @dev Writes who a node is.
    @param node The 32-byte id of the node.
    @param identity Its identity.
    """
    self._identities[node] = (
        convert(identity.operator, uint256)
        | (identity.epoch << _EPOCH_SHIFT)
        | (identity.exit_at << _EXIT_SHIFT)
        | (convert(identity.banned, uint256) << _BANNED_SHIFT)
    )


@internal
@view
def _account(node: bytes32) -> Account:
    """
    @dev Reads what a node stands to lose.
    @param node The 32-byte id of the node.
    @return Account Its account.
    """
    packed: uint256 = self._accounts[node]
    return Account(
        bond=packed & _MASK_128,
        suspended_until=(packed >> _SUSPENDED_SHIFT) & _MASK_48,
        rate_limited_until=(packed >> _LIMITED_SHIFT) & _MASK_48,
    )


@internal
def _write_account(node: bytes32, account: Account):
    """
    @dev Writes what a node stands to lose.
    @param node The 32-byte id of the node.
    @param account Its account.
    """
    assert account.bond <= _MASK_128, "records: bond exceeds 128 bits"
    self._accounts[node] = (
        account.bond
        | (account.suspended_until << _SUSPENDED_SHIFT)
        | (account.rate_limited_until << _LIMITED_SHIFT)
    )
