"""The "charter" topic's payload: one root over the nodes' checkpoints, and the attempts they own up to.
Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass

from eth_abi.abi import encode

from oracles.charter.entry import Attempt, evidence_hash
from oracles.charter.sighting import MAX_ATTEMPTS
from oracles.ledger.merkle import Frontier, leaf_hash
from oracles.ledger.note import Checkpoint

_ATTEMPT = "(bytes32,uint256,bytes32,bytes32,uint256,uint256,uint256,bytes32)"


@dataclass(frozen=True)
class ReportedAttempt:
    """ViolationRegistry's `Attempt`, field by field."""

    node: bytes
    entry: int
    kind: bytes
    metric: bytes
    charter_version: int
    observed_block: int
    count: int
    evidence: bytes

    @classmethod
    def of(cls, node: bytes, index: int, attempt: Attempt, entry: bytes) -> ReportedAttempt:
        """What a ledger entry becomes on-chain: its salted hash stands for all that isn't named here."""
        return cls(
            node=node,
            entry=index,
            kind=attempt.kind_id,
            metric=attempt.metric_id,
            charter_version=attempt.charter_version,
            observed_block=attempt.observed_block,
            count=attempt.count,
            evidence=evidence_hash(entry),
        )


def checkpoints_root(checkpoints: Iterable[tuple[bytes, Checkpoint]]) -> bytes:
    """The RFC 6962 root over the nodes in order of their ids, one leaf each.

    A leaf is the node's id (32 bytes), its largest tree's size (8 bytes, big-endian) and that tree's root (32
    bytes).
    """
    largest: dict[bytes, tuple[int, bytes]] = {}
    for node, checkpoint in checkpoints:
        shown = (checkpoint.size, checkpoint.root)
        largest[node] = max(largest.get(node, shown), shown)
    tree = Frontier()
    for node, (size, root) in sorted(largest.items()):
        tree.append(leaf_hash(node + size.to_bytes(8, "big") + root), [])
    return tree.root()


def choose(attempts: Mapping[bytes, Sequence[ReportedAttempt]], sequence: int) -> list[ReportedAttempt]:
    """Which attempts go into this report: turn about among the nodes, beginning with another one each time.

    Of one node they go in ascending order without gaps, since the registry takes no earlier entry afterwards.
    """
    nodes = sorted(node for node, found in attempts.items() if found)
    if not nodes:
        return []
    first = sequence % len(nodes)
    order = nodes[first:] + nodes[:first]
    chosen = [
        attempts[node][place]
        for place in range(max(len(attempts[node]) for node in order))
        for node in order
        if place < len(attempts[node])
    ][:MAX_ATTEMPTS]
    return sorted(chosen, key=lambda attempt: (attempt.node, attempt.entry))


def encode_payload(root: bytes, attempts: Sequence[ReportedAttempt]) -> bytes:
    """`abi.encode(bytes32 root, Attempt[] attempts)`, as ViolationRegistry.on_report takes it."""
    return encode(["bytes32", f"{_ATTEMPT}[]"], [root, [astuple(attempt) for attempt in attempts]])
