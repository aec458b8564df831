# pragma version ~=0.4.3
"""
@title Commitments to Reports
@custom:contract-name commitments
@license GNU Affero General Public License v3.0 only
@author The Westworld authors
@notice A report is first committed to by a hash, then revealed, so
        that nobody who reads the reveal can take the bounty: whoever
        copies it has to commit, and to wait, while the reveal only
        has to be included. Anyone may send either of the two: what
        is paid, and to whom, is bound by the hash, and the reporter's
        own address need not appear.
"""


# @dev How many blocks after its commitment a report can be revealed
# at the earliest: what a reveal has to be included in ahead of a
# copy, a minute of Ethereum. A fee of twice the base fee stays
# payable through five full blocks (1.125**5 < 2), and to keep the
# reveal out takes five proposers in a row.
MINIMUM_AGE: public(constant(uint256)) = 5


# @dev What `committed_block` is once a report was revealed.
_REVEALED: constant(uint256) = max_value(uint256)


# @dev How many blocks a commitment can be revealed for, and how
# many blocks an observation may lie back.
recent_blocks: public(immutable(uint256))


# @dev Returns the block of a commitment, zero if there is none,
# 2**256 - 1 once it was revealed.
committed_block: public(HashMap[bytes32, uint256])


# @dev Emitted when someone commits to a report.
event ReportCommitted:
    commitment: indexed(bytes32)


@deploy
@payable
def __init__(recent_blocks_: uint256):
    """
    @dev To omit the opcodes for checking the `msg.value`
         in the creation-time EVM bytecode, the constructor
         is declared as `payable`.
    @param recent_blocks_ The 32-byte number of blocks, at least
           `MINIMUM_AGE`.
    """
    assert recent_blocks_ >= MINIMUM_AGE, "commitments: recent blocks are below the minimum age"
    recent_blocks = recent_blocks_


@external
def commit(commitment: bytes32):
    """
    @dev Commits to a report. Anyone may send it for the reporter.
    @param commitment The 32-byte hash that `commitment_of` gives.
    """
    # A commitment that could be renewed could be kept from ever
    # being old enough by anyone who copies it.
    assert self.committed_block[commitment] == 0, "commitments: already committed"
    self.committed_block[commitment] = block.number
    log ReportCommitted(commitment=commitment)


@external
@view
def commitment_of(
    payee: address,
    node: bytes32,
    kind: bytes32,
    metric: bytes32,
    charter_version: uint256,
    observed_block: uint256,
    evidence: bytes32,
    salt: bytes32,
) -> bytes32:
    """
    @dev Returns the commitment to a report on this chain and to
         this contract. A reporter computes it at home instead:
         asking a stranger's server for it gives the report away.
    @param payee The 20-byte address that the bounty belongs to,
           zero to forgo it.
    @param node The 32-byte id of the node.
    @param kind The 32-byte id of the violation kind.
    @param metric The 32-byte id of the metric.
    @param charter_version The 32-byte version that the node followed.
    @param observed_block The 32-byte number of the block at which
           the violation was seen.
    @param evidence The 32-byte salted hash of the evidence.
    @param salt The 32-byte secret that hides the report.
    @return bytes32 The 32-byte commitment.
    """
    return self._commitment(
        payee, node, kind, metric, charter_version, observed_block, evidence, salt
    )


@internal
@view
def _commitment(
    payee: address,
    node: bytes32,
    kind: bytes32,
    metric: bytes32,
    charter_version: uint256,
    observed_block: uint256,
    evidence: bytes32,
    salt: bytes32,
) -> bytes32:
    """
    @dev Returns the commitment to a report; the parameters
         are those of `commitment_of`.
    @return bytes32 The 32-byte commitment.
    """
    return keccak256(
        abi_encode(
            chain.id,
            self,
            payee,
            node,
            kind,
            metric,
            charter_version,
            observed_block,
            evidence,
            salt,
        )
    )


@internal
def _use(commitment: bytes32) -> uint256:
    """
    @dev Marks a commitment as revealed. One that was revealed
         before passes: `cases` knows whether its report is heard
         again.
    @param commitment The 32-byte commitment.
    @return uint256 The 32-byte number of the block it was made in,
            `_REVEALED` if it was revealed before.
    """
    committed: uint256 = self.committed_block[commitment]
    if committed == _REVEALED:
        return committed
    assert committed != 0, "commitments: no such commitment"
    assert block.number >= committed + MINIMUM_AGE, "commitments: commitment is too young"
    assert block.number <= committed + recent_blocks, "commitments: commitment is too old"
    self.committed_block[commitment] = _REVEALED
    return committed
