# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title Governor of the Network
@custom:contract-name Governor
@license GNU Affero General Public License v3.0 only
@author Westworld
@notice The holders of the mesh token decide here, on tracks: most
        matters on `standard`, the charter on `charter_amendment`. It
        holds nothing of value and no privilege but one: to schedule,
        cancel and execute with the tracks' executors.

        What is called often stands here: proposals and votes. Every
        other call is answered by the code of `GovernorRules`, in this
        contract's storage: whoever calls sees one contract. That code
        is named once, at construction.
"""


# @dev We import and initialise the `eip712_domain_separator` module.
from snekmate.utils import eip712_domain_separator
initializes: eip712_domain_separator


# @dev We import and initialise the `checkpoints` module.
import checkpoints as traces
initializes: traces


# @dev We import and initialise the `tracks` module.
import tracks
initializes: tracks[traces := traces]


# @dev We import and initialise the `proposals` module.
import proposals
initializes: proposals


# @dev We import and initialise the `oversight` module.
import oversight
initializes: oversight


# @dev We import and initialise the `mandates` module.
import mandates
initializes: mandates


# @dev We import and initialise the `electorate` module.
import electorate
initializes: electorate[tracks := tracks]


# @dev We import and initialise the `states` module.
import states
initializes: states[tracks := tracks, proposals := proposals]


# @dev We import and initialise the `voting` module.
import voting
initializes: voting[
    eip712_domain_separator := eip712_domain_separator,
    tracks := tracks,
    proposals := proposals,
    electorate := electorate,
    states := states,
]


# @dev We import and initialise the `governor_core` module.
import governor_core
initializes: governor_core[
    tracks := tracks,
    proposals := proposals,
    electorate := electorate,
    states := states,
    mandates := mandates,
    oversight := oversight,
]


# @dev We import the `bounds` module.
import bounds


# @dev What is asked of the rules.
interface Rules:
    def token() -> address: view


# @dev We export all `external` functions of the modules that are
# called often, and what only this contract's code can tell.
exports: (
    eip712_domain_separator.eip712Domain,
    voting.__interface__,
    governor_core.__interface__,
)


# @dev Returns the contract whose code answers all other calls.
rules: public(immutable(address))


# @dev Declared as the standard has it (ERC-5267), and never
# emitted: the signing domain does not change.
event EIP712DomainChanged:
    pass


@deploy
@payable
def __init__(
    name_: String[50],
    token_: address,
    rules_: address,
    tracks_: DynArray[tracks.Track, bounds.MAX_TRACKS],
    reservations: DynArray[tracks.Reservation, bounds.MAX_RESERVATIONS],
    guardian: address,
    coSigner: address,
    stores: bool,
):
    """
    @dev Initialises the Governor with its first tracks and the calls
         that they reserve. Later ones come by vote alone.
         To omit the opcodes for checking the `msg.value`
         in the creation-time EVM bytecode, the constructor
         is declared as `payable`.
    @param name_ The maximum 50-character name of the Governor and
           of its signing domain.
    @param token_ The 20-byte address of the voting token.
    @param rules_ The 20-byte address of a `GovernorRules` over the
           same token.
    @param tracks_ The tracks, `standard` first.
    @param reservations The reserved calls.
    @param guardian The 20-byte address of the guardian (or zero).
    @param coSigner The 20-byte address of the co-signer (or zero).
    @param stores Whether what proposals call is kept on-chain.
    """
    eip712_domain_separator.__init__(name_, governor_core.version)
    traces.__init__()
    tracks.__init__()
    tracks._found(tracks_, reservations)
    proposals.__init__()
    electorate.__init__(token_)
    oversight._set_guardian(guardian)
    oversight._set_co_signer(coSigner)
    governor_core.__init__(name_, stores)
    rules = rules_
    assert staticcall Rules(rules_).token() == token_, "governor: rules over another token"


@external
@payable
@raw_return
def __default__() -> Bytes[bounds.MAX_ANSWER]:
    """
    @dev Answers by the code of the rules, in this storage. Refuses
         ETH: the executors hold the treasury.
    @return Bytes The answer.
    """
    if len(msg.data) == 0:
        raw_revert(method_id("GovernorDisabledDeposit()", output_type=Bytes[4]))
    return raw_call(rules, msg.data, max_outsize=bounds.MAX_ANSWER, is_delegate_call=True)
