# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title Mesh Token
@custom:contract-name MeshToken
@license GNU Affero General Public License v3.0 only
@author Westworld
@notice The network's reward token, whose holders vote. The first
        supply is created at construction, for one holder. More is
        created only out of budgets that the owner, which is the
        DAO's executor, gives (see `mint_budget`); nobody destroys
        any. Holders delegate (to themselves, if they like) before
        their tokens vote.
"""


# @dev We import and implement the `IERC20` interface,
# which is a built-in interface of the Vyper compiler.
from ethereum.ercs import IERC20
implements: IERC20


# @dev We import and initialise the `eip712_domain_separator` module.
from snekmate.utils import eip712_domain_separator
initializes: eip712_domain_separator


# @dev We import and initialise the `checkpoints` module.
import checkpoints as traces
initializes: traces


# @dev We import and initialise the `erc20_votes` module.
import erc20_votes
initializes: erc20_votes[eip712_domain_separator := eip712_domain_separator, traces := traces]


# @dev We import and initialise the `ownership` module.
import ownership
initializes: ownership


# @dev We import and initialise the `mint_budget` module.
import mint_budget
initializes: mint_budget[ownership := ownership, erc20_votes := erc20_votes]


# @dev We export all `external` functions of the token, of its
# owner and its minters, and the description of its signing domain
# (ERC-5267).
exports: (
    eip712_domain_separator.eip712Domain,
    erc20_votes.__interface__,
    ownership.__interface__,
    mint_budget.__interface__,
)


# @dev Declared as the standard has it (ERC-5267), and never
# emitted: the signing domain does not change.
event EIP712DomainChanged:
    pass


@deploy
@payable
def __init__(name_: String[50], symbol_: String[16], supply: uint256, holder: address, owner_: address):
    """
    @dev Creates the token and its first supply.
         To omit the opcodes for checking the `msg.value`
         in the creation-time EVM bytecode, the constructor
         is declared as `payable`.
    @param name_ The maximum 50-character name of the token and
           of its signing domain.
    @param symbol_ The maximum 16-character symbol of the token.
    @param supply The first supply, below 2**96.
    @param holder The 20-byte address that receives the supply.
    @param owner_ The 20-byte address that gives budgets to minters.
    """
    eip712_domain_separator.__init__(name_, "1")
    traces.__init__()
    erc20_votes.__init__(name_, symbol_)
    ownership.__init__(owner_)
    mint_budget.__init__()
    erc20_votes._mint(holder, supply)
