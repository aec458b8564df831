# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title Mesh Token that Anybody Mints and Burns
@custom:contract-name MeshTokenHarness
@license GNU Affero General Public License v3.0 only
@author Westworld
@notice The token's `erc20_votes` module with its internal functions
        laid open, as suites for the reference expect them. For tests:
        it has no owner, no budgets, and protects nobody's tokens.
"""


# @dev We import and implement the `IERC20` interface,
# which is a built-in interface of the Vyper compiler.
from ethereum.ercs import IERC20
implements: IERC20


# @dev We import and initialise the `eip712_domain_separator` module.
from snekmate.utils import eip712_domain_separator
initializes: eip712_domain_separator


# @dev We import and initialise the `checkpoints` module.
from ..governance import checkpoints as traces
initializes: traces


# @dev We import and initialise the `erc20_votes` module.
from ..governance import erc20_votes
initializes: erc20_votes[eip712_domain_separator := eip712_domain_separator, traces := traces]


# @dev We export all `external` functions of the token and the
# description of its signing domain (ERC-5267).
exports: (
    eip712_domain_separator.eip712Domain,
    erc20_votes.__interface__,
)


# @dev Declared as the standard has it (ERC-5267), and never
# emitted: the signing domain does not change.
event EIP712DomainChanged:
    pass


@deploy
@payable
def __init__(name_: String[50], symbol_: String[16]):
    """
    @dev Creates the token, of which there is nothing yet.
         To omit the opcodes for checking the `msg.value`
         in the creation-time EVM bytecode, the constructor
         is declared as `payable`.
    @param name_ The maximum 50-character name of the token and
           of its signing domain.
    @param symbol_ The maximum 16-character symbol of the token.
    """
    eip712_domain_separator.__init__(name_, "1")
    traces.__init__()
    erc20_votes.__init__(name_, symbol_)


@external
def mint(to: address, amount: uint256):
    """
    @dev Creates `amount` tokens for `to`.
    @param to The 20-byte receiver address.
    @param amount The 32-byte token amount.
    """
    erc20_votes._mint(to, amount)


@external
def burn(account: address, amount: uint256):
    """
    @dev Destroys `amount` tokens of `account`.
    @param account The 20-byte owner address.
    @param amount The 32-byte token amount.
    """
    erc20_votes._burn(account, amount)
