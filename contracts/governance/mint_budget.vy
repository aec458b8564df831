# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title Minting within Budgets
@custom:contract-name mint_budget
@license GNU Affero General Public License v3.0 only
@author Westworld
@notice These functions let the owner of a token, which is the DAO's
        executor, give an account a budget, and that account create
        tokens until its budget is used up. Nothing else creates a
        token: who has no budget mints none, the owner included, so
        that all new voting power was voted on as a number.
"""


# @dev We import and use the `ownership` module.
from . import ownership
uses: ownership


# @dev We import and use the `erc20_votes` module.
from . import erc20_votes
uses: erc20_votes


# @dev Returns the amount of tokens that a minter may still create.
mintBudget: public(HashMap[address, uint256])


# @dev Emitted when the owner gives a minter another budget.
# `oldBudget` is what was left of the one before.
event MintBudgetSet:
    minter: indexed(address)
    oldBudget: uint256
    newBudget: uint256


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
def setMintBudget(minter: address, budget: uint256):
    """
    @dev Sets what `minter` may create from now on, whatever was
         left of its budget before.
    @notice The caller must be the owner. A minter can use up what
            it has before it gets less. No budget is without end: the
            greatest value, too, is used up.
    @param minter The 20-byte address of the minter.
    @param budget The 32-byte token amount.
    """
    ownership._check_owner()
    log MintBudgetSet(minter=minter, oldBudget=self.mintBudget[minter], newBudget=budget)
    self.mintBudget[minter] = budget


@external
def mint(to: address, amount: uint256):
    """
    @dev Creates `amount` tokens for `to` out of the caller's
         budget. They vote for whom `to` has delegated to.
    @param to The 20-byte receiver address.
    @param amount The 32-byte token amount.
    """
    budget: uint256 = self.mintBudget[msg.sender]
    # Nobody without a budget creates anything, not even nothing: each
    # time the supply's history would grow.
    if budget == 0 or budget < amount:
        raw_revert(
            abi_encode(
                msg.sender, budget, amount, method_id=method_id("MeshTokenExceededBudget(address,uint256,uint256)")
            )
        )

    self.mintBudget[msg.sender] = unsafe_sub(budget, amount)
    erc20_votes._mint(to, amount)
