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


# @dev We import and initialise the `governor_core` module.
import governor_core
initializes: governor_core[
    eip712_domain_separator := eip712_domain_separator,
    traces := traces,
    tracks := tracks,
    proposals := proposals,
]


# @dev We import the `bounds` module.
import bounds


# @dev We export all `external` functions of the modules.
exports: (
    eip712_domain_separator.eip712Domain,
    tracks.__interface__,
    proposals.__interface__,
    governor_core.__interface__,
)


@deploy
@payable
def __init__(
    name_: String[50],
    token_: address,
    tracks_: DynArray[tracks.Track, bounds.MAX_TRACKS],
    reservations: DynArray[tracks.Reservation, bounds.MAX_RESERVATIONS],
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
    @param tracks_ The tracks, `standard` first.
    @param reservations The reserved calls.
    """
    eip712_domain_separator.__init__(name_, governor_core.version)
    traces.__init__()
    tracks.__init__(tracks_, reservations)
    proposals.__init__()
    governor_core.__init__(name_, token_)
