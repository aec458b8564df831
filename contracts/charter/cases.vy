# pragma version ~=0.4.3
"""
@title Cases
@custom:contract-name cases
@license GNU Affero General Public License v3.0 only
@author The Westworld authors
@notice A case is a revealed report under review. It ends once, as
        confirmed, dismissed or expired, and keeps the times of its
        opening and its end, which show how fast the committee is.
        The penalty is fixed at the opening, by the charter version
        that the report names.
"""


# @dev How a case stands.
_OPEN: constant(uint8) = 1
_CONFIRMED: constant(uint8) = 2
_DISMISSED: constant(uint8) = 3
_EXPIRED: constant(uint8) = 4


# @dev The layout of a record: payee 160 bits, opened at 40 bits,
# resolved at 40 bits, status 4 bits, severity 4 bits, penalty 4 bits.
_OPENED_SHIFT: constant(uint256) = 160
_RESOLVED_SHIFT: constant(uint256) = 200
_STATUS_SHIFT: constant(uint256) = 240
_SEVERITY_SHIFT: constant(uint256) = 244
_PENALTY_SHIFT: constant(uint256) = 248


_MASK_40: constant(uint256) = (1 << 40) - 1
_MASK_4: constant(uint256) = (1 << 4) - 1


# @dev A case. `status` is 0 unknown, 1 open, 2 confirmed,
# 3 dismissed, 4 expired; times are in seconds.
struct Case:
    node: bytes32
    payee: address
    opened_at: uint256
    resolved_at: uint256
    status: uint8
    severity: uint8
    penalty: uint8


# @dev Returns the seconds that the committee has for a case.
review_period: public(immutable(uint256))


# @dev Returns the number of cases opened so far.
case_count: public(uint256)


# @dev Returns the latest case on a violation, by
# `keccak256(abi_encode(node, kind, metric, evidence))`.
case_on: public(HashMap[bytes32, uint256])


# @dev Mapping from a case to its node.
_nodes: HashMap[uint256, bytes32]


# @dev Mapping from a case to its packed record.
_records: HashMap[uint256, uint256]


# @dev Emitted when a report is revealed. The block's time is the
# time of the opening.
event CaseOpened:
    case: indexed(uint256)
    node: indexed(bytes32)
    kind: indexed(bytes32)
    metric: bytes32
    charter_version: uint256
    observed_block: uint256
    payee: address
    evidence: bytes32


# @dev Emitted whenever a case ends, however it does.
event CaseResolved:
    case: indexed(uint256)
    node: indexed(bytes32)
    status: uint8
    opened_at: uint256
    resolved_at: uint256


@deploy
@payable
def __init__(review_period_: uint256):
    """
    @dev To omit the opcodes for checking the `msg.value`
         in the creation-time EVM bytecode, the constructor
         is declared as `payable`.
    @param review_period_ The 32-byte period in seconds.
    """
    assert review_period_ != 0, "cases: review period is zero"
    review_period = review_period_


@external
@view
def case_of(case: uint256) -> Case:
    """
    @dev Returns a case.
    @param case The 32-byte number of the case.
    @return Case The case, its status zero if there is none.
    """
    return self._case(case)


@internal
@view
def _case(case: uint256) -> Case:
    """
    @dev Reads a case.
    @param case The 32-byte number of the case.
    @return Case The case, its status zero if there is none.
    """
    packed: uint256 = self._records[case]
    return Case(
        node=self._nodes[case],
        payee=convert(packed & convert(max_value(uint160), uint256), address),
        opened_at=(packed >> _OPENED_SHIFT) & _MASK_40,
        resolved_at=(packed >> _RESOLVED_SHIFT) & _MASK_40,
        status=convert((packed >> _STATUS_SHIFT) & _MASK_4, uint8),
        severity=convert((packed >> _SEVERITY_SHIFT) & _MASK_4, uint8),
        penalty=convert((packed >> _PENALTY_SHIFT) & _MASK_4, uint8),
    )


@internal
def _open(
    key: bytes32, again: bool, node: bytes32, payee: address, severity: uint8, penalty: uint8
) -> uint256:
    """
    @dev Opens a case. A violation is tried once; only if its
         case expired unheard is the same report heard again.
    @param key The 32-byte hash of the violation, as in `case_on`.
    @param again Whether the report is the one that opened the case
           before: another one could name another payee, version or
           block.
    @param node The 32-byte id of the node.
    @param payee The 20-byte address that the bounty belongs to.
    @param severity The 1-byte severity.
    @param penalty The 1-byte penalty.
    @return uint256 The 32-byte number of the case, from one.
    """
    previous: uint256 = self.case_on[key]
    if previous != 0:
        assert again and self._case(previous).status == _EXPIRED, "cases: already reported"
    case: uint256 = self.case_count + 1
    self.case_count = case
    self.case_on[key] = case
    self._nodes[case] = node
    self._records[case] = (
        convert(payee, uint256)
        | (block.timestamp << _OPENED_SHIFT)
        | (convert(_OPEN, uint256) << _STATUS_SHIFT)
        | (convert(severity, uint256) << _SEVERITY_SHIFT)
        | (convert(penalty, uint256) << _PENALTY_SHIFT)
    )
    return case


@internal
@view
def _check_reviewable(case: uint256):
    """
    @dev Throws unless a case is open and within its review period.
    @param case The 32-byte number of the case.
    """
    opened: Case = self._case(case)
    assert opened.status == _OPEN, "cases: case is not open"
    assert block.timestamp < opened.opened_at + review_period, "cases: review period is over"


@internal
def _resolve(case: uint256, status: uint8) -> Case:
    """
    @dev Ends an open case.
    @param case The 32-byte number of the case.
    @param status The 1-byte status that it ends in.
    @return Case The case as it ended.
    """
    resolved: Case = self._case(case)
    resolved.status = status
    resolved.resolved_at = block.timestamp
    self._records[case] = (
        (self._records[case] & ~(_MASK_4 << _STATUS_SHIFT))
        | (block.timestamp << _RESOLVED_SHIFT)
        | (convert(status, uint256) << _STATUS_SHIFT)
    )
    log CaseResolved(
        case=case,
        node=resolved.node,
        status=status,
        opened_at=resolved.opened_at,
        resolved_at=resolved.resolved_at,
    )
    return resolved
