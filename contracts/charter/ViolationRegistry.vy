# pragma version ~=0.4.3
"""
@title Registry of Violations
@custom:contract-name ViolationRegistry
@license GNU Affero General Public License v3.0 only
@author The Westworld authors
@notice Where the chain learns what nodes did. Attempts that nodes
        stopped themselves come through the oracle committee and cost
        nothing. Emissions that a receiver saw come from whistle-
        blowers by commit and reveal; the audit committee confirms or
        dismisses them, and a confirmed one costs the node a penalty
        and part of its bond, of which the reporter gets a half.
@custom:replacement The owner deploys a new registry that names this
        one as its predecessor, makes it the arbiter of the node
        registry and the consumer of the committee's topic. Handled
        ledger entries carry over, and so does which violations were
        punished: none is twice. Bounties stay to be claimed here;
        holds of open cases lapse. What was not punished here can be
        committed to there, while the observation is recent by the
        new registry's own `recent_blocks`. So the auditors decide
        open cases before the vote is executed.
        Another committee contract is named with `set_committee`.
"""


# @dev We import and initialise the `ownable` module. Ownership
# moves in one step: see docs/decisions/ownership-in-one-step.md.
from snekmate.auth import ownable
initializes: ownable


# @dev We import and initialise the `audit` module.
from . import audit
initializes: audit[ownable := ownable]


# @dev We import and initialise the `overrides` module.
from . import overrides
initializes: overrides[ownable := ownable, audit := audit]


# @dev We import and initialise the `commitments` module.
from . import commitments
initializes: commitments


# @dev We import and initialise the `cases` module.
from . import cases
initializes: cases


# @dev We import and initialise the `attempts` module.
from . import attempts
initializes: attempts


# @dev We import the `fines` module.
from . import fines


# @dev We import the `IERC20` interface, which is a built-in
# interface of the Vyper compiler.
from ethereum.ercs import IERC20


# @dev We import the interfaces of the contracts that are called.
from ..interfaces import ICharter
from ..interfaces import INodeRegistry


# @dev We import and implement the `IReportConsumer` interface.
from ..interfaces import IReportConsumer
implements: IReportConsumer


# @dev We export the functions of the modules.
exports: (
    ownable.__interface__,
    audit.__interface__,
    overrides.__interface__,
    commitments.__interface__,
    cases.__interface__,
    attempts.__interface__,
)


# @dev The interface of an earlier registry.
interface Predecessor:
    def was_punished(violation: bytes32) -> bool: view


# @dev The topic that the committee reports under.
_TOPIC: constant(bytes32) = keccak256("charter")


# @dev Returns the charter that decides what is a violation.
charter: public(immutable(ICharter))


# @dev Returns the registry whose bonds answer for violations.
nodes: public(immutable(INodeRegistry))


# @dev Returns the token that bounties are paid in.
token: public(immutable(address))


# @dev Returns the contract that reports come from.
committee: public(address)


# @dev Returns the bounties that an address can claim.
bounty_of: public(HashMap[address, uint256])


# @dev Emitted when an auditor votes to confirm a case.
event CaseConfirmed:
    case: indexed(uint256)
    auditor: indexed(address)
    confirmations: uint256


# @dev Emitted when an auditor votes to dismiss a case.
event DismissalVoted:
    case: indexed(uint256)
    auditor: indexed(address)
    reason_hash: bytes32
    dismissals: uint256


# @dev Emitted when enough auditors confirmed.
event PenaltyApplied:
    case: indexed(uint256)
    node: indexed(bytes32)
    penalty: uint8
    fine: uint256
    bounty: uint256


# @dev Emitted when enough auditors voted to dismiss.
event CaseDismissed:
    case: indexed(uint256)
    node: indexed(bytes32)


# @dev Emitted when a case ends because nobody decided it in time.
event CaseExpired:
    case: indexed(uint256)
    node: indexed(bytes32)


# @dev Emitted when bounties are paid out.
event BountyPaid:
    payee: indexed(address)
    amount: uint256


# @dev Emitted when ledger entries of a node count as not handled
# again.
event EntriesRewound:
    node: indexed(bytes32)
    entry: uint256


# @dev Emitted when reports come from another contract.
event CommitteeSet:
    previous: indexed(address)
    committee: indexed(address)


@deploy
@payable
def __init__(
    charter_: address,
    nodes_: address,
    committee_: address,
    recent_blocks_: uint256,
    review_period_: uint256,
    predecessor_: address,
):
    """
    @dev To omit the opcodes for checking the `msg.value`
         in the creation-time EVM bytecode, the constructor
         is declared as `payable`.
    @notice The `owner` role will be assigned to the `msg.sender`.
            There are no auditors until `set_auditors` is called.
    @param charter_ The 20-byte address of the Charter.
    @param nodes_ The 20-byte address of the NodeRegistry.
    @param committee_ The 20-byte address of the OracleCommittee.
    @param recent_blocks_ The 32-byte number of blocks for which an
           observation counts as recent and a commitment is kept.
    @param review_period_ The 32-byte period in seconds that the
           audit committee has for a case.
    @param predecessor_ The 20-byte address of the registry that
           this one follows, or zero.
    """
    ownable.__init__()
    audit.__init__()
    overrides.__init__()
    commitments.__init__(recent_blocks_)
    cases.__init__(review_period_)
    attempts.__init__(predecessor_)
    assert charter_ != empty(address), "violations: charter is the zero address"
    charter = ICharter(charter_)
    nodes = INodeRegistry(nodes_)
    token = staticcall INodeRegistry(nodes_).token()
    self._set_committee(committee_)


@external
def on_report(topic: bytes32, sequence: uint256, observed_block: uint256, payload: Bytes[4096]):
    """
    @dev Takes a report of attempts and of the nodes' checkpoints.
    @notice Note that this function can only be called by the
            oracle committee. A payload that cannot be decoded
            reverts; an attempt that fails a check is left out.
    @param topic The 32-byte topic, `keccak256("charter")`.
    @param sequence The 32-byte sequence of the report.
    @param observed_block The 32-byte number of the block that the
           report was computed at.
    @param payload The maximum 4096-byte ABI encoding of
           `(bytes32 root, Attempt[] attempts)`, at most 8 attempts.
    """
    assert msg.sender == self.committee, "violations: caller is not the committee"
    assert topic == _TOPIC, "violations: unknown topic"
    root: bytes32 = attempts._take(charter, nodes, observed_block, commitments.recent_blocks, payload)
    if root != empty(bytes32):
        log attempts.CheckpointsAnchored(sequence=sequence, root=root)


@external
def reveal(
    payee: address,
    node: bytes32,
    kind: bytes32,
    metric: bytes32,
    charter_version: uint256,
    observed_block: uint256,
    evidence: bytes32,
    salt: bytes32,
) -> uint256:
    """
    @dev Reveals a report that was committed to at least
         `MINIMUM_AGE` blocks ago, and opens a case. Anyone may send
         it for the reporter.
    @notice A report is refused if the version it names was not in
            force at the observed block or did not know the kind, and,
            where the violation is that the metric was not allowed,
            if any version in force at that block allowed it. In the
            grace period after an amendment the older version must
            be named: no accuser chooses the graver penalty. A
            report whose case expired unheard can be revealed again
            at any time, word for word: it was recent once.
    @param payee The 20-byte address that the bounty belongs to,
           zero to forgo it.
    @param node The 32-byte id of the node.
    @param kind The 32-byte id of the violation kind.
    @param metric The 32-byte id of the metric.
    @param charter_version The 32-byte version that the node followed.
    @param observed_block The 32-byte number of the block at which
           the violation was seen.
    @param evidence The 32-byte salted hash of the evidence.
    @param salt The 32-byte secret that hid the report.
    @return uint256 The 32-byte number of the case.
    """
    committed: uint256 = commitments._use(
        commitments._commitment(
            payee, node, kind, metric, charter_version, observed_block, evidence, salt
        )
    )
    again: bool = committed == commitments._REVEALED
    assert observed_block <= committed, "violations: observed after the commitment"
    assert (
        again or committed - observed_block <= commitments.recent_blocks
    ), "violations: observed block is not recent"
    in_force: bool = False
    allowed: bool = False
    in_force, allowed = staticcall charter.judge(metric, charter_version, observed_block)
    assert in_force, "violations: charter version was not in force"
    assert not (allowed and attempts._needs_denial(kind)), "violations: metric was allowed"
    assert not staticcall charter.in_force(
        charter_version - 1, observed_block
    ), "violations: an older version was in force too"
    severity: uint8 = 0
    penalty: uint8 = 0
    known: bool = False
    severity, penalty, known = staticcall charter.violation_at(kind, charter_version)
    assert known, "violations: kind is not in the charter"
    violation: bytes32 = keccak256(abi_encode(node, kind, metric, evidence))
    assert not self._was_punished_before(violation), "violations: punished at a predecessor"
    case: uint256 = cases._open(violation, again, node, payee, severity, penalty)
    log cases.CaseOpened(
        case=case,
        node=node,
        kind=kind,
        metric=metric,
        charter_version=charter_version,
        observed_block=observed_block,
        payee=payee,
        evidence=evidence,
    )
    extcall nodes.hold(node)
    return case


@external
@nonreentrant
def confirm(case: uint256):
    """
    @dev Votes to confirm a case; the vote that makes up the
         threshold applies the penalty.
    @notice Note that this function can only be called by an auditor,
            who has one vote on a case.
    @param case The 32-byte number of the case.
    """
    cases._check_reviewable(case)
    count: uint256 = audit._vote(case, audit._CONFIRM)
    log CaseConfirmed(case=case, auditor=msg.sender, confirmations=count)
    if count >= audit.threshold:
        self._punish(case)


@external
@nonreentrant
def dismiss(case: uint256, reason_hash: bytes32):
    """
    @dev Votes to dismiss a case; the vote that makes up the
         threshold ends it.
    @notice Note that this function can only be called by an auditor,
            who has one vote on a case. It takes as many to dismiss as
            to confirm: no single auditor can bury a report.
    @param case The 32-byte number of the case.
    @param reason_hash The 32-byte hash of the written reason.
    """
    cases._check_reviewable(case)
    count: uint256 = audit._vote(case, audit._DISMISS)
    log DismissalVoted(case=case, auditor=msg.sender, reason_hash=reason_hash, dismissals=count)
    if count >= audit.threshold:
        self._dismiss(case)


@external
@nonreentrant
def settle(case: uint256):
    """
    @dev Ends a case that the auditors in office have decided,
         where no further vote does it: after the committee or the
         threshold changed. Anyone may call it.
    @param case The 32-byte number of the case.
    """
    cases._check_reviewable(case)
    threshold: uint256 = audit.threshold
    assert threshold != 0, "violations: there are no auditors"
    if audit._tally(case, audit._CONFIRM) >= threshold:
        self._punish(case)
    else:
        assert audit._tally(case, audit._DISMISS) >= threshold, "violations: case is not decided"
        self._dismiss(case)


@external
@nonreentrant
def expire(case: uint256):
    """
    @dev Ends a case that nobody decided within the review period,
         and frees the bond. Anyone may call it.
    @param case The 32-byte number of the case.
    """
    opened: cases.Case = cases._case(case)
    assert opened.status == cases._OPEN, "cases: case is not open"
    assert (
        block.timestamp >= opened.opened_at + cases.review_period
    ), "violations: case is still under review"
    cases._resolve(case, cases._EXPIRED)
    log CaseExpired(case=case, node=opened.node)
    extcall nodes.release(opened.node)


@external
@nonreentrant
def claim(payee: address) -> uint256:
    """
    @dev Pays out the bounties of an address. Anyone may call it,
         so that the payee needs no coin of his own.
    @param payee The 20-byte address that is paid.
    @return uint256 The 32-byte amount in the token's smallest unit.
    """
    amount: uint256 = self.bounty_of[payee]
    assert amount != 0, "violations: nothing to claim"
    self.bounty_of[payee] = 0
    log BountyPaid(payee=payee, amount=amount)
    assert extcall IERC20(token).transfer(payee, amount), "violations: token transfer failed"
    return amount


@external
def set_committee(committee: address):
    """
    @dev Names the contract that reports come from.
    @notice Note that this function can only be called by the
            current `owner`.
    @param committee The 20-byte address of the committee.
    """
    ownable._check_owner()
    self._set_committee(committee)


@external
def rewind_entries(node: bytes32, entry: uint256):
    """
    @dev Sets back which ledger entries of a node count as handled.
    @notice Note that this function can only be called by the
            current `owner`: it is the way back after hostile oracles
            marked entries that do not exist yet.
    @param node The 32-byte id of the node.
    @param entry The 32-byte number of the first entry that counts as
           not handled, lower than now. It cannot be zero, which would
           mean the predecessor's count.
    """
    ownable._check_owner()
    assert entry != 0 and entry < attempts._next(node), "violations: not a lower entry"
    attempts._next_entry[node] = entry
    log EntriesRewound(node=node, entry=entry)


@external
@view
def was_punished(violation: bytes32) -> bool:
    """
    @dev Returns whether a violation was confirmed, here or at a
         predecessor.
    @param violation The 32-byte hash of the violation, as in
           `case_on`.
    @return bool Whether it was.
    """
    return (
        cases._case(cases.case_on[violation]).status == cases._CONFIRMED
        or self._was_punished_before(violation)
    )


@external
@pure
def API_VERSION() -> String[8]:
    """
    @dev Returns the version of this contract's interface.
    @return String The version.
    """
    return "1"


@internal
@view
def _was_punished_before(violation: bytes32) -> bool:
    """
    @dev Returns whether a violation was confirmed at a predecessor.
    @param violation The 32-byte hash of the violation, as in
           `case_on`.
    @return bool Whether it was.
    """
    return attempts.predecessor != empty(address) and staticcall Predecessor(
        attempts.predecessor
    ).was_punished(violation)


@internal
def _punish(case: uint256):
    """
    @dev Ends a case as confirmed and applies its penalty.
    @param case The 32-byte number of the case.
    """
    confirmed: cases.Case = cases._resolve(case, cases._CONFIRMED)
    fine: uint256 = 0
    bounty: uint256 = 0
    fine, bounty = fines._of(
        staticcall nodes.bond(confirmed.node), confirmed.severity, confirmed.penalty
    )
    if confirmed.payee == empty(address):
        bounty = 0
    if bounty != 0:
        self.bounty_of[confirmed.payee] += bounty
    log PenaltyApplied(
        case=case, node=confirmed.node, penalty=confirmed.penalty, fine=fine, bounty=bounty
    )
    taken: uint256 = extcall nodes.penalize(confirmed.node, confirmed.penalty, fine, bounty)
    assert taken == fine, "violations: fine was not taken"
    extcall nodes.release(confirmed.node)


@internal
def _dismiss(case: uint256):
    """
    @dev Ends a case as dismissed and frees the bond.
    @param case The 32-byte number of the case.
    """
    dismissed: cases.Case = cases._resolve(case, cases._DISMISSED)
    log CaseDismissed(case=case, node=dismissed.node)
    extcall nodes.release(dismissed.node)


@internal
def _set_committee(committee: address):
    """
    @dev Names the contract that reports come from.
    @notice This is an `internal` function without
            access restriction.
    @param committee The 20-byte address of the committee.
    """
    assert committee != empty(address), "violations: committee is the zero address"
    log CommitteeSet(previous=self.committee, committee=committee)
    self.committee = committee
