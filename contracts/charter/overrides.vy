# pragma version ~=0.4.3
"""
@title Log of Emergency Overrides
@custom:contract-name overrides
@license GNU Affero General Public License v3.0 only
@author The Westworld authors
@notice Whoever overrides the charter in an emergency says here who
        he is, what he did and why. The log is append-only: events
        under numbers without gaps.
"""


# @dev We import and use the `ownable` module.
from snekmate.auth import ownable
uses: ownable


# @dev We import and use the `audit` module.
from . import audit
uses: audit


# @dev Returns the number of overrides logged so far.
override_count: public(uint256)


# @dev Emitted when an override is logged.
event EmergencyOverride:
    id: indexed(uint256)
    who: indexed(address)
    what: String[64]
    why: String[256]


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
def log_override(what: String[64], why: String[256]) -> uint256:
    """
    @dev Logs an emergency override by the sender.
    @notice Note that this function can only be called by an auditor
            or by the current `owner`.
    @param what The maximum 64-byte name of what was overridden.
    @param why The maximum 256-byte reason.
    @return uint256 The 32-byte number of the entry, from one.
    """
    assert (
        audit.is_auditor[msg.sender] or msg.sender == ownable.owner
    ), "overrides: caller is neither auditor nor owner"
    assert len(what) != 0 and len(why) != 0, "overrides: say what and why"
    id: uint256 = self.override_count + 1
    self.override_count = id
    log EmergencyOverride(id=id, who=msg.sender, what=what, why=why)
    return id
