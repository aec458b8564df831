# pragma version ~=0.4.3
"""
@title Attempts
@custom:contract-name attempts
@license GNU Affero General Public License v3.0 only
@author The Westworld authors
@notice Records what nodes stopped and wrote into their own ledgers,
        as the oracle committee reports it. An attempt costs its node
        nothing: a node that tells must never be worse off than one
        that is silent. Each ledger entry is handled once, by its
        number, so a doubled payload does nothing twice.
"""


# @dev We import the interfaces of the contracts that are asked.
from ..interfaces import ICharter
from ..interfaces import INodeRegistry


# @dev The interface of an earlier registry.
interface Predecessor:
    def next_entry(node: bytes32) -> uint256: view


# @dev What a node stopped: the number of its ledger entry, kind
# and metric, the charter version it followed and the block it saw
# last, how often, and the RFC 6962 leaf hash of the entry.
struct Attempt:
    node: bytes32
    entry: uint256
    kind: bytes32
    metric: bytes32
    charter_version: uint256
    observed_block: uint256
    count: uint256
    evidence: bytes32


# @dev Why an attempt is not recorded.
_ALREADY_HANDLED: constant(uint8) = 1
_UNKNOWN_NODE: constant(uint8) = 2
_NOT_RECENT: constant(uint8) = 3
_VERSION_NOT_IN_FORCE: constant(uint8) = 4
_METRIC_ALLOWED: constant(uint8) = 5


# @dev The kinds that are none if the charter allowed the metric.
_METRIC_NOT_ALLOWED: constant(bytes32) = keccak256("metric_not_allowed")
_SILENT_COLLECTION: constant(bytes32) = keccak256("silent_collection")


# @dev Returns the registry that this one follows, or zero. Where
# this one has handled no entry of a node, that one's count holds.
predecessor: public(immutable(address))


# @dev Mapping from a node to the first ledger entry that was
# not handled here.
_next_entry: HashMap[bytes32, uint256]


# @dev Emitted when an attempt is recorded.
event AttemptRecorded:
    node: indexed(bytes32)
    kind: indexed(bytes32)
    metric: indexed(bytes32)
    entry: uint256
    charter_version: uint256
    count: uint256
    evidence: bytes32


# @dev Emitted when an attempt is not recorded: 1 entry already
# handled, 2 unknown node, 3 observed block not recent, 4 charter
# version not in force, 5 metric was allowed.
event AttemptRefused:
    node: indexed(bytes32)
    entry: uint256
    reason: uint8


# @dev Emitted when the checkpoints of a period are anchored: the
# root over all nodes' ledger roots.
event CheckpointsAnchored:
    sequence: indexed(uint256)
    root: bytes32


@deploy
@payable
def __init__(predecessor_: address):
    """
    @dev To omit the opcodes for checking the `msg.value`
         in the creation-time EVM bytecode, the constructor
         is declared as `payable`.
    @param predecessor_ The 20-byte address of the registry that
           this one follows, or zero.
    """
    predecessor = predecessor_


@external
@view
def next_entry(node: bytes32) -> uint256:
    """
    @dev Returns the first ledger entry of a node that no report
         has handled.
    @param node The 32-byte id of the node.
    @return uint256 The 32-byte number of the entry.
    """
    return self._next(node)


@internal
@view
def _next(node: bytes32) -> uint256:
    """
    @dev Returns the first ledger entry of a node that no report
         has handled.
    @param node The 32-byte id of the node.
    @return uint256 The 32-byte number of the entry.
    """
    entry: uint256 = self._next_entry[node]
    if entry == 0 and predecessor != empty(address):
        entry = staticcall Predecessor(predecessor).next_entry(node)
    return entry


@internal
@pure
def _needs_denial(kind: bytes32) -> bool:
    """
    @dev Returns whether a kind of violation is none if the charter
         allowed the metric.
    @param kind The 32-byte id of the violation kind.
    @return bool Whether the charter must have denied the metric.
    """
    return kind == _METRIC_NOT_ALLOWED or kind == _SILENT_COLLECTION


@internal
def _take(
    charter: ICharter,
    nodes: INodeRegistry,
    reported_block: uint256,
    recent_blocks: uint256,
    payload: Bytes[4096],
) -> bytes32:
    """
    @dev Takes a report: each attempt is checked by itself, and
         one that fails does not stop the others.
    @param charter The charter that is asked.
    @param nodes The registry of nodes that is asked.
    @param reported_block The 32-byte number of the block that the
           report was computed at.
    @param recent_blocks The 32-byte number of blocks that an
           observation may lie back.
    @param payload The maximum 4096-byte ABI-encoded root and
           attempts.
    @return bytes32 The 32-byte root over the nodes' checkpoints.
    """
    root: bytes32 = empty(bytes32)
    reported: DynArray[Attempt, 8] = []
    root, reported = abi_decode(payload, (bytes32, DynArray[Attempt, 8]))
    for attempt: Attempt in reported:
        reason: uint8 = self._handle(charter, nodes, reported_block, recent_blocks, attempt)
        if reason != 0:
            log AttemptRefused(node=attempt.node, entry=attempt.entry, reason=reason)
        else:
            log AttemptRecorded(
                node=attempt.node,
                kind=attempt.kind,
                metric=attempt.metric,
                entry=attempt.entry,
                charter_version=attempt.charter_version,
                count=attempt.count,
                evidence=attempt.evidence,
            )
    return root


@internal
def _handle(
    charter: ICharter,
    nodes: INodeRegistry,
    reported_block: uint256,
    recent_blocks: uint256,
    attempt: Attempt,
) -> uint8:
    """
    @dev Checks one attempt and marks its entry as handled, also
         if it is refused for what it says: otherwise it would be
         reported again in every period.
    @param charter The charter that is asked.
    @param nodes The registry of nodes that is asked.
    @param reported_block The 32-byte number of the block that the
           report was computed at.
    @param recent_blocks The 32-byte number of blocks that an
           observation may lie back.
    @param attempt The attempt.
    @return uint8 The 1-byte reason to refuse it, zero for none.
    """
    if attempt.entry < self._next(attempt.node) or attempt.entry == max_value(uint256):
        return _ALREADY_HANDLED
    if not staticcall nodes.is_registered(attempt.node):
        return _UNKNOWN_NODE
    self._next_entry[attempt.node] = attempt.entry + 1
    if attempt.observed_block > reported_block:
        return _NOT_RECENT
    if reported_block - attempt.observed_block > recent_blocks:
        return _NOT_RECENT
    in_force: bool = False
    allowed: bool = False
    in_force, allowed = staticcall charter.judge(
        attempt.metric, attempt.charter_version, attempt.observed_block
    )
    if not in_force:
        return _VERSION_NOT_IN_FORCE
    if allowed and self._needs_denial(attempt.kind):
        return _METRIC_ALLOWED
    return 0
