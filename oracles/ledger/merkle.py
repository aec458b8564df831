"""RFC 6962 section 2.1: hashes, roots and proofs over nodes kept in one append-only sequence.

Complete subtrees are laid down as they complete (post-order), so that nothing once written is ever
rewritten: leaf `i` sits at `2 * i - popcount(i)`, its completed ancestors right behind it.
"""

from collections.abc import Callable
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()

ReadNode = Callable[[int], bytes]
"""Gives the hash at a position of the post-order sequence."""


def leaf_hash(entry: bytes) -> bytes:
    """The RFC 6962 leaf hash of an entry; on-chain this is the entry's evidence."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The RFC 6962 hash of an interior node."""
    return sha256(b"\x01" + left + right).digest()


def node_count(size: int) -> int:
    """How many complete nodes a tree of `size` leaves has."""
    return 2 * size - size.bit_count()


def position(level: int, index: int) -> int:
    """Where the complete node `index` of `level` (0: the leaves) stands in post-order."""
    last_leaf = ((index + 1) << level) - 1
    return node_count(last_leaf) + level


class Frontier:
    """The right edge of a growing tree: the roots of its complete subtrees, largest first."""

    def __init__(self, size: int = 0, roots: list[bytes] | None = None) -> None:
        self.size = size
        self._roots = list(roots or [])

    @classmethod
    def load(cls, read: ReadNode, size: int) -> "Frontier":
        """Takes up a tree of `size` leaves from its stored nodes."""
        return cls(size, _complete_roots(read, 0, size))

    def append(self, leaf: bytes, nodes: list[bytes]) -> None:
        """Adds a leaf hash; every node that it completes goes to the end of `nodes`, in post-order."""
        node, size, roots = leaf, self.size, self._roots
        nodes.append(node)
        while size & 1:
            node = sha256(b"\x01" + roots.pop() + node).digest()
            nodes.append(node)
            size >>= 1
        roots.append(node)
        self.size += 1

    def root(self) -> bytes:
        """The root of the tree as it stands."""
        return _fold(self._roots)


def root(read: ReadNode, size: int) -> bytes:
    """MTH(D[size])."""
    return range_hash(read, 0, size)


def range_hash(read: ReadNode, start: int, end: int) -> bytes:
    """MTH(D[start:end]) for a range that RFC 6962's recursion can meet."""
    width = end - start
    if width and not width & (width - 1) and not start % width:
        level = width.bit_length() - 1
        return read(position(level, start >> level))
    return _fold(_complete_roots(read, start, end))


def inclusion_path(read: ReadNode, index: int, size: int) -> list[bytes]:
    """PATH(index, D[size]), leaf upwards. Raises IndexError when the tree has no such leaf."""
    if not 0 <= index < size:
        raise IndexError(f"a tree of {size} entries has no entry {index}")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        split = start + _split(end - start)
        if index < split:
            path.append(range_hash(read, split, end))
            end = split
        else:
            path.append(range_hash(read, start, split))
            start = split
    path.reverse()
    return path


def consistency_path(read: ReadNode, old: int, new: int) -> list[bytes]:
    """PROOF(old, D[new]); empty for `old` 0 or equal to `new`. Raises IndexError on other orders."""
    if not 0 <= old <= new:
        raise IndexError(f"no consistency proof from size {old} to size {new}")
    if old in (0, new):
        return []
    path: list[bytes] = []
    start, end = 0, new
    while end > old:
        split = start + _split(end - start)
        if old <= split:
            path.append(range_hash(read, split, end))
            end = split
        else:
            path.append(range_hash(read, start, split))
            start = split
    # The old root itself is known to the verifier, unless it starts inside the tree.
    if start:
        path.append(range_hash(read, start, end))
    path.reverse()
    return path


def _split(width: int) -> int:
    """The largest power of two below `width` (k in RFC 6962)."""
    return 1 << ((width - 1).bit_length() - 1)


def _complete_roots(read: ReadNode, start: int, end: int) -> list[bytes]:
    roots = []
    while start < end:
        level = (end - start).bit_length() - 1
        roots.append(read(position(level, start >> level)))
        start += 1 << level
    return roots


def _fold(roots: list[bytes]) -> bytes:
    if not roots:
        return EMPTY_ROOT
    folded = roots[-1]
    for left in reversed(roots[:-1]):
        folded = node_hash(left, folded)
    return folded
