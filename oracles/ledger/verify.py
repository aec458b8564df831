"""Checking proofs without a ledger: what an oracle, an auditor or a wallet needs. Pure functions."""

from collections.abc import Sequence

from oracles.ledger.merkle import EMPTY_ROOT, HASH_BYTES, leaf_hash, node_hash
from oracles.ledger.note import Checkpoint, Note, Verifier, open_checkpoint, open_note

__all__ = [
    "Checkpoint",
    "Note",
    "Verifier",
    "leaf_hash",
    "open_checkpoint",
    "open_note",
    "verify_consistency",
    "verify_inclusion",
]


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the tree of `size` entries with this root has `leaf` (a hash) at `index` (RFC 9162 2.1.3.2)."""
    if not 0 <= index < size or not _all_hashes(leaf, root, *proof):
        return False
    node, last, computed = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            computed = node_hash(sibling, computed)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            computed = node_hash(computed, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and computed == root


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the tree of `new` entries begins with the tree of `old` entries (RFC 9162 2.1.4.2).

    The empty tree begins every tree, and needs an empty proof.
    """
    if not 0 <= old <= new or not _all_hashes(old_root, new_root, *proof):
        return False
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    if old == new:
        return not proof and old_root == new_root
    path = list(proof)
    if not old & (old - 1):
        path.insert(0, old_root)
    if not path:
        return False
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old_computed = new_computed = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            old_computed = node_hash(sibling, old_computed)
            new_computed = node_hash(sibling, new_computed)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new_computed = node_hash(new_computed, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and old_computed == old_root and new_computed == new_root


def _all_hashes(*values: bytes) -> bool:
    return all(len(value) == HASH_BYTES for value in values)
