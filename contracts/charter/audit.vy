# pragma version ~=0.4.3
"""
@title Data Audit Committee
@custom:contract-name audit
@license GNU Affero General Public License v3.0 only
@author The Westworld authors
@notice Keeps the auditors, the keys that evidence is sealed to, and
        their votes on cases. Only the votes of auditors in office
        count: they are counted over the present members each time,
        so a removal takes effect on cases that are already open.
"""


# @dev We import and use the `ownable` module.
from snekmate.auth import ownable
uses: ownable


# @dev The votes on a case.
_CONFIRM: constant(uint8) = 1
_DISMISS: constant(uint8) = 2


# @dev Returns the number of equal votes that decide a case.
threshold: public(uint256)


# @dev Returns whether an account is an auditor in office.
is_auditor: public(HashMap[address, bool])


# @dev Returns the X25519 key that evidence for an auditor is
# sealed to, zero if none was set.
auditor_key: public(HashMap[address, bytes32])


# @dev The auditors in office.
_members: DynArray[address, 16]


# @dev Mapping from a case and an auditor to the vote, zero if none.
_votes: HashMap[uint256, HashMap[address, uint8]]


# @dev Emitted when the committee is seated anew.
event AuditorsSet:
    members: DynArray[address, 16]
    threshold: uint256


# @dev Emitted when an auditor names the key to seal evidence to.
event AuditorKeySet:
    auditor: indexed(address)
    x25519: bytes32


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
def set_auditors(members: DynArray[address, 16], threshold: uint256):
    """
    @dev Seats the committee anew. Whoever leaves it loses his
         sealing key and his votes on open cases no longer count.
    @notice Note that this function can only be called by the
            current `owner`.
    @param members The at most 16 addresses of the auditors.
    @param threshold The 32-byte number of equal votes that decide.
    """
    ownable._check_owner()
    assert threshold != 0, "audit: threshold is zero"
    assert threshold <= len(members), "audit: threshold exceeds the members"
    for member: address in self._members:
        self.is_auditor[member] = False
    for member: address in members:
        assert member != empty(address), "audit: auditor is the zero address"
        assert not self.is_auditor[member], "audit: auditor is named twice"
        self.is_auditor[member] = True
    for member: address in self._members:
        if not self.is_auditor[member] and self.auditor_key[member] != empty(bytes32):
            self.auditor_key[member] = empty(bytes32)
            log AuditorKeySet(auditor=member, x25519=empty(bytes32))
    self._members = members
    self.threshold = threshold
    log AuditorsSet(members=members, threshold=threshold)


@external
def set_auditor_key(x25519: bytes32):
    """
    @dev Names the key that evidence for the caller is sealed to,
         zero to withdraw it.
    @notice Note that this function can only be called by an auditor.
    @param x25519 The 32-byte X25519 public key.
    """
    self._check_auditor()
    self.auditor_key[msg.sender] = x25519
    log AuditorKeySet(auditor=msg.sender, x25519=x25519)


@external
@view
def auditors() -> DynArray[address, 16]:
    """
    @dev Returns the auditors in office.
    @return DynArray The addresses.
    """
    return self._members


@external
@view
def vote_of(case: uint256, auditor: address) -> uint8:
    """
    @dev Returns how an auditor voted on a case.
    @param case The 32-byte number of the case.
    @param auditor The 20-byte address of the auditor.
    @return uint8 The 1-byte vote: 0 none, 1 confirm, 2 dismiss.
    """
    return self._votes[case][auditor]


@external
@view
def confirmations(case: uint256) -> uint256:
    """
    @dev Returns how many auditors in office confirmed a case.
    @param case The 32-byte number of the case.
    @return uint256 The 32-byte number of votes.
    """
    return self._tally(case, _CONFIRM)


@external
@view
def dismissals(case: uint256) -> uint256:
    """
    @dev Returns how many auditors in office voted to dismiss a case.
    @param case The 32-byte number of the case.
    @return uint256 The 32-byte number of votes.
    """
    return self._tally(case, _DISMISS)


@internal
@view
def _check_auditor():
    """
    @dev Throws if the sender is not an auditor in office.
    """
    assert self.is_auditor[msg.sender], "audit: caller is not an auditor"


@internal
def _vote(case: uint256, vote: uint8) -> uint256:
    """
    @dev Casts the sender's one vote on a case.
    @param case The 32-byte number of the case.
    @param vote The 1-byte vote.
    @return uint256 The 32-byte number of such votes by auditors
            in office.
    """
    self._check_auditor()
    assert self._votes[case][msg.sender] == 0, "audit: already voted"
    self._votes[case][msg.sender] = vote
    return self._tally(case, vote)


@internal
@view
def _tally(case: uint256, vote: uint8) -> uint256:
    """
    @dev Counts the equal votes of auditors in office.
    @param case The 32-byte number of the case.
    @param vote The 1-byte vote.
    @return uint256 The 32-byte number of votes.
    """
    count: uint256 = 0
    for member: address in self._members:
        if self._votes[case][member] == vote:
            count += 1
    return count
