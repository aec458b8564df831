# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title ERC-20 Token with Voting Power
@custom:contract-name erc20_votes
@license GNU Affero General Public License v3.0 only
@author Westworld
@notice These functions implement ERC-20, ERC-2612 (permits), ERC-5805
        (delegation and past votes) and ERC-6372 (a timestamp clock,
        since layer 2 networks have no steady block time). Names,
        argument types, events and custom errors are those of the
        reference's ERC20, ERC20Permit and ERC20Votes; only the storage
        is laid out differently:
          - a balance shares one slot with the account's delegatee,
          - the latest votes share one slot with their timepoint and
            with the number of checkpoints (see `checkpoints`).
        Both need a supply below 2**96, which is the ceiling here.

        The implementation is inspired by OpenZeppelin's implementation here:
        https://github.com/OpenZeppelin/openzeppelin-contracts/blob/master/contracts/token/ERC20/extensions/ERC20Votes.sol.
"""


# @dev We import and implement the `IERC20` interface,
# which is a built-in interface of the Vyper compiler.
from ethereum.ercs import IERC20
implements: IERC20


# @dev We import and use the `eip712_domain_separator` module.
from snekmate.utils import eip712_domain_separator
uses: eip712_domain_separator


# @dev We import and use the `checkpoints` module.
from . import checkpoints as traces
uses: traces


# @dev We import the `signatures` module.
from . import signatures


# @dev Returns the decimals places of the token.
decimals: public(constant(uint8)) = 18


# @dev The highest total supply that the storage can hold.
_MAX_SUPPLY: constant(uint256) = 2**96 - 1


# @dev Solidity's panic code for an arithmetic overflow.
_PANIC_OVERFLOW: constant(uint256) = 17


# @dev The bits of the balance in an account's slot.
_BALANCE_BITS: constant(uint256) = 96
_BALANCE_MASK: constant(uint256) = 2**96 - 1


# @dev The trace of the total supply. No address's trace collides
# with it, since nobody can delegate to the zero address.
_SUPPLY: constant(uint256) = 2**160


# @dev The 32-byte type hashes of what is signed.
_PERMIT_TYPEHASH: constant(bytes32) = keccak256(
    "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
)
_DELEGATION_TYPEHASH: constant(bytes32) = keccak256("Delegation(address delegatee,uint256 nonce,uint256 expiry)")


# @dev Returns the name of the token.
name: public(immutable(String[50]))


# @dev Returns the symbol of the token.
symbol: public(immutable(String[16]))


# @dev Returns the amount of tokens that a spender may still
# spend for an owner.
allowance: public(HashMap[address, HashMap[address, uint256]])


# @dev Returns the next nonce that an account signs with, for
# permits and delegations alike.
nonces: public(HashMap[address, uint256])


# @dev Returns an account's slot: balance (96) | delegatee (160).
_accounts: HashMap[address, uint256]


# @dev A checkpoint as the reference returns it.
struct Checkpoint208:
    _key: uint48
    _value: uint208


# @dev Emitted when an account changes its delegatee.
event DelegateChanged:
    delegator: indexed(address)
    fromDelegate: indexed(address)
    toDelegate: indexed(address)


# @dev Emitted when a transfer or a delegation changes the
# votes of a delegatee.
event DelegateVotesChanged:
    delegate: indexed(address)
    previousVotes: uint256
    newVotes: uint256


@deploy
@payable
def __init__(name_: String[50], symbol_: String[16]):
    """
    @dev Initialises the token's metadata. The importing contract
         initialises `eip712_domain_separator` with the same name
         and the version "1".
    @param name_ The maximum 50-character name of the token.
    @param symbol_ The maximum 16-character symbol of the token.
    """
    name = name_
    symbol = symbol_


@external
@view
def totalSupply() -> uint256:
    """
    @dev Returns the amount of tokens in existence.
    @return uint256 The 32-byte token supply.
    """
    return traces._value(_SUPPLY)


@external
@view
def balanceOf(account: address) -> uint256:
    """
    @dev Returns the amount of tokens owned by `account`.
    @param account The 20-byte account address.
    @return uint256 The 32-byte token amount.
    """
    return self._accounts[account] & _BALANCE_MASK


@external
def transfer(to: address, amount: uint256) -> bool:
    """
    @dev Moves `amount` tokens from the caller to `to`.
    @param to The 20-byte receiver address.
    @param amount The 32-byte token amount.
    @return bool The verification whether the transfer succeeded;
            it reverts otherwise.
    """
    self._transfer(msg.sender, to, amount)
    return True


@external
def approve(spender: address, amount: uint256) -> bool:
    """
    @dev Sets `amount` as the allowance of `spender` over the
         caller's tokens. The greatest value is never used up.
    @param spender The 20-byte spender address.
    @param amount The 32-byte token amount.
    @return bool The verification whether the approval succeeded;
            it reverts otherwise.
    """
    self._approve(msg.sender, spender, amount)
    return True


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    """
    @dev Moves `amount` tokens from `owner` to `to` out of the
         caller's allowance.
    @param owner The 20-byte owner address.
    @param to The 20-byte receiver address.
    @param amount The 32-byte token amount.
    @return bool The verification whether the transfer succeeded;
            it reverts otherwise.
    """
    self._spend_allowance(owner, msg.sender, amount)
    self._transfer(owner, to, amount)
    return True


@external
def permit(owner: address, spender: address, amount: uint256, deadline: uint256, v: uint8, r: bytes32, s: bytes32):
    """
    @dev Sets `amount` as the allowance of `spender` over `owner`'s
         tokens, given `owner`'s signature.
    @param owner The 20-byte owner address.
    @param spender The 20-byte spender address.
    @param amount The 32-byte token amount.
    @param deadline The last second at which the permit can be used.
    @param v The 1-byte signature parameter `v`.
    @param r The 32-byte signature parameter `r`.
    @param s The 32-byte signature parameter `s`.
    """
    if block.timestamp > deadline:
        raw_revert(abi_encode(deadline, method_id=method_id("ERC2612ExpiredSignature(uint256)")))

    nonce: uint256 = self.nonces[owner]
    self.nonces[owner] = unsafe_add(nonce, 1)
    digest: bytes32 = eip712_domain_separator._hash_typed_data_v4(
        keccak256(abi_encode(_PERMIT_TYPEHASH, owner, spender, amount, nonce, deadline))
    )
    signer: address = signatures._recover(digest, v, r, s)
    if signer != owner:
        raw_revert(abi_encode(signer, owner, method_id=method_id("ERC2612InvalidSigner(address,address)")))

    self._approve(owner, spender, amount)


@external
@view
def DOMAIN_SEPARATOR() -> bytes32:
    """
    @dev Returns the domain separator of what is signed for this
         token.
    @return bytes32 The 32-byte domain separator.
    """
    return eip712_domain_separator._domain_separator_v4()


@external
@view
def clock() -> uint48:
    """
    @dev Returns the present timepoint of the votes (ERC-6372).
    @return uint48 The timestamp of the block.
    """
    return convert(block.timestamp, uint48)


@external
@pure
def CLOCK_MODE() -> String[14]:
    """
    @dev Returns what the clock counts (ERC-6372).
    @return String The machine-readable description of the clock.
    """
    return "mode=timestamp"


@external
@view
def delegates(account: address) -> address:
    """
    @dev Returns to whom `account` has delegated.
    @param account The 20-byte account address.
    @return address The 20-byte delegatee address.
    """
    return convert(self._accounts[account] >> _BALANCE_BITS, address)


@external
@view
def getVotes(account: address) -> uint256:
    """
    @dev Returns the present votes of `account`.
    @param account The 20-byte account address.
    @return uint256 The 32-byte votes.
    """
    return traces._value(convert(account, uint256))


@external
@view
def getPastVotes(account: address, timepoint: uint256) -> uint256:
    """
    @dev Returns the votes that `account` had at the end of
         `timepoint`.
    @param account The 20-byte account address.
    @param timepoint The timepoint, which must lie in the past.
    @return uint256 The 32-byte votes.
    """
    self._check_timepoint(timepoint)
    return traces._value_at(convert(account, uint256), timepoint)


@external
@view
def getPastTotalSupply(timepoint: uint256) -> uint256:
    """
    @dev Returns the supply at the end of `timepoint`. Tokens
         that nobody votes with count.
    @param timepoint The timepoint, which must lie in the past.
    @return uint256 The 32-byte token supply.
    """
    self._check_timepoint(timepoint)
    return traces._value_at(_SUPPLY, timepoint)


@external
def delegate(delegatee: address):
    """
    @dev Delegates the caller's votes to `delegatee`.
    @param delegatee The 20-byte delegatee address (the zero
           address takes the votes back without casting them).
    """
    self._delegate(msg.sender, delegatee)


@external
def delegateBySig(delegatee: address, nonce: uint256, expiry: uint256, v: uint8, r: bytes32, s: bytes32):
    """
    @dev Delegates the signer's votes to `delegatee`.
    @param delegatee The 20-byte delegatee address.
    @param nonce The signer's nonce.
    @param expiry The last second at which the signature can be used.
    @param v The 1-byte signature parameter `v`.
    @param r The 32-byte signature parameter `r`.
    @param s The 32-byte signature parameter `s`.
    """
    if block.timestamp > expiry:
        raw_revert(abi_encode(expiry, method_id=method_id("VotesExpiredSignature(uint256)")))

    digest: bytes32 = eip712_domain_separator._hash_typed_data_v4(
        keccak256(abi_encode(_DELEGATION_TYPEHASH, delegatee, nonce, expiry))
    )
    signer: address = signatures._recover(digest, v, r, s)
    current: uint256 = self.nonces[signer]
    if nonce != current:
        raw_revert(abi_encode(signer, current, method_id=method_id("InvalidAccountNonce(address,uint256)")))

    self.nonces[signer] = unsafe_add(current, 1)
    self._delegate(signer, delegatee)


@external
@view
def numCheckpoints(account: address) -> uint32:
    """
    @dev Returns how often the votes of `account` have changed,
         changes at one timepoint counted once.
    @param account The 20-byte account address.
    @return uint32 The number of checkpoints.
    """
    return convert(traces._length(convert(account, uint256)), uint32)


@external
@view
def checkpoints(account: address, pos: uint32) -> Checkpoint208:
    """
    @dev Returns one checkpoint of the votes of `account`.
    @param account The 20-byte account address.
    @param pos The position of the checkpoint, from `0`.
    @return Checkpoint208 The timepoint and the votes from then on.
    """
    timepoint: uint256 = 0
    votes: uint256 = 0
    timepoint, votes = traces._checkpoint(convert(account, uint256), convert(pos, uint256))
    return Checkpoint208(_key=convert(timepoint, uint48), _value=convert(votes, uint208))


@internal
@view
def _check_timepoint(timepoint: uint256):
    """
    @dev Reverts unless `timepoint` lies in the past, since votes
         can still change within the present one.
    @param timepoint The timepoint that is asked for.
    """
    if timepoint >= block.timestamp:
        raw_revert(
            abi_encode(timepoint, block.timestamp, method_id=method_id("ERC5805FutureLookup(uint256,uint48)"))
        )


@internal
def _transfer(owner: address, to: address, amount: uint256):
    """
    @dev Moves `amount` tokens from `owner` to `to`, and their votes
         from the one's delegatee to the other's.
    @param owner The 20-byte owner address.
    @param to The 20-byte receiver address.
    @param amount The 32-byte token amount.
    """
    if owner == empty(address):
        raw_revert(abi_encode(empty(address), method_id=method_id("ERC20InvalidSender(address)")))
    if to == empty(address):
        raw_revert(abi_encode(empty(address), method_id=method_id("ERC20InvalidReceiver(address)")))

    sender: uint256 = self._accounts[owner]
    if sender & _BALANCE_MASK < amount:
        raw_revert(
            abi_encode(
                owner,
                sender & _BALANCE_MASK,
                amount,
                method_id=method_id("ERC20InsufficientBalance(address,uint256,uint256)"),
            )
        )

    # Neither step touches the delegatee's bits: the balance covers
    # `amount`, and the supply fits into a balance's bits.
    self._accounts[owner] = unsafe_sub(sender, amount)
    receiver: uint256 = self._accounts[to]
    self._accounts[to] = unsafe_add(receiver, amount)
    log IERC20.Transfer(sender=owner, receiver=to, value=amount)

    self._move_votes(sender >> _BALANCE_BITS, receiver >> _BALANCE_BITS, amount)


@internal
def _mint(to: address, amount: uint256):
    """
    @dev Creates `amount` tokens for `to`.
    @notice Reverts as Solidity does (`Panic(0x11)`) if the supply
            does not fit into 32 bytes.
    @param to The 20-byte receiver address.
    @param amount The 32-byte token amount.
    """
    if to == empty(address):
        raw_revert(abi_encode(empty(address), method_id=method_id("ERC20InvalidReceiver(address)")))
    supply: uint256 = unsafe_add(traces._value(_SUPPLY), amount)
    if supply < amount:
        raw_revert(abi_encode(_PANIC_OVERFLOW, method_id=method_id("Panic(uint256)")))
    if supply > _MAX_SUPPLY:
        raw_revert(
            abi_encode(supply, _MAX_SUPPLY, method_id=method_id("ERC20ExceededSafeSupply(uint256,uint256)"))
        )

    traces._push(_SUPPLY, block.timestamp, supply)
    receiver: uint256 = self._accounts[to]
    self._accounts[to] = unsafe_add(receiver, amount)
    log IERC20.Transfer(sender=empty(address), receiver=to, value=amount)

    self._move_votes(0, receiver >> _BALANCE_BITS, amount)


@internal
def _burn(owner: address, amount: uint256):
    """
    @dev Destroys `amount` tokens of `owner`.
    @param owner The 20-byte owner address.
    @param amount The 32-byte token amount.
    """
    if owner == empty(address):
        raw_revert(abi_encode(empty(address), method_id=method_id("ERC20InvalidSender(address)")))
    sender: uint256 = self._accounts[owner]
    if sender & _BALANCE_MASK < amount:
        raw_revert(
            abi_encode(
                owner,
                sender & _BALANCE_MASK,
                amount,
                method_id=method_id("ERC20InsufficientBalance(address,uint256,uint256)"),
            )
        )

    # The supply is never below a balance.
    self._accounts[owner] = unsafe_sub(sender, amount)
    traces._push(_SUPPLY, block.timestamp, unsafe_sub(traces._value(_SUPPLY), amount))
    log IERC20.Transfer(sender=owner, receiver=empty(address), value=amount)

    self._move_votes(sender >> _BALANCE_BITS, 0, amount)


@internal
def _approve(owner: address, spender: address, amount: uint256):
    """
    @dev Sets `amount` as the allowance of `spender` over `owner`'s
         tokens.
    @param owner The 20-byte owner address.
    @param spender The 20-byte spender address.
    @param amount The 32-byte token amount.
    """
    if owner == empty(address):
        raw_revert(abi_encode(empty(address), method_id=method_id("ERC20InvalidApprover(address)")))
    if spender == empty(address):
        raw_revert(abi_encode(empty(address), method_id=method_id("ERC20InvalidSpender(address)")))

    self.allowance[owner][spender] = amount
    log IERC20.Approval(owner=owner, spender=spender, value=amount)


@internal
def _spend_allowance(owner: address, spender: address, amount: uint256):
    """
    @dev Uses up `amount` of the allowance of `spender`, unless it
         is the greatest value.
    @param owner The 20-byte owner address.
    @param spender The 20-byte spender address.
    @param amount The 32-byte token amount.
    """
    allowed: uint256 = self.allowance[owner][spender]
    if allowed == max_value(uint256):
        return
    if allowed < amount:
        raw_revert(
            abi_encode(
                spender, allowed, amount, method_id=method_id("ERC20InsufficientAllowance(address,uint256,uint256)")
            )
        )
    if owner == empty(address):
        raw_revert(abi_encode(empty(address), method_id=method_id("ERC20InvalidApprover(address)")))
    self.allowance[owner][spender] = unsafe_sub(allowed, amount)


@internal
def _delegate(account: address, delegatee: address):
    """
    @dev Delegates the votes of `account` to `delegatee`.
    @param account The 20-byte account address.
    @param delegatee The 20-byte delegatee address.
    """
    slot: uint256 = self._accounts[account]
    balance: uint256 = slot & _BALANCE_MASK
    self._accounts[account] = balance | (convert(delegatee, uint256) << _BALANCE_BITS)
    log DelegateChanged(
        delegator=account, fromDelegate=convert(slot >> _BALANCE_BITS, address), toDelegate=delegatee
    )

    self._move_votes(slot >> _BALANCE_BITS, convert(delegatee, uint256), balance)


@internal
def _move_votes(source: uint256, destination: uint256, amount: uint256):
    """
    @dev Moves `amount` votes from one delegatee to another. Nobody
         votes for the zero address, so what goes there is not cast.
    @param source The delegatee who loses the votes, as a number.
    @param destination The delegatee who wins them, as a number.
    @param amount The 32-byte votes.
    """
    if source == destination or amount == 0:
        return
    if source != 0:
        votes: uint256 = traces._value(source)
        traces._push(source, block.timestamp, votes - amount)
        log DelegateVotesChanged(
            delegate=convert(source, address), previousVotes=votes, newVotes=unsafe_sub(votes, amount)
        )
    if destination != 0:
        votes: uint256 = traces._value(destination)
        traces._push(destination, block.timestamp, unsafe_add(votes, amount))
        log DelegateVotesChanged(
            delegate=convert(destination, address), previousVotes=votes, newVotes=unsafe_add(votes, amount)
        )
