# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title Rules of the Governor
@custom:contract-name GovernorRules
@license GNU Affero General Public License v3.0 only
@author Westworld
@notice The second half of the Governor's code: a Governor hands every
        call that it does not answer itself on to this code, which runs
        in the Governor's storage. Both initialise the same modules with
        storage in the same order, so that they agree on where
        everything is (a test compares). By itself this contract governs
        nothing: it has no track, so nobody ever has a mandate.
"""


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


# @dev We import and initialise the `governor_rules` module.
import governor_rules
initializes: governor_rules[
    tracks := tracks,
    proposals := proposals,
    electorate := electorate,
    states := states,
    mandates := mandates,
    oversight := oversight,
]


# @dev We export all `external` functions of the modules.
exports: (
    tracks.__interface__,
    proposals.__interface__,
    oversight.__interface__,
    electorate.__interface__,
    governor_rules.__interface__,
)


@deploy
@payable
def __init__(token_: address):
    """
    @dev Sets the voting token.
         To omit the opcodes for checking the `msg.value`
         in the creation-time EVM bytecode, the constructor
         is declared as `payable`.
    @param token_ The 20-byte address of the voting token.
    """
    traces.__init__()
    tracks.__init__()
    proposals.__init__()
    electorate.__init__(token_)
