"""The tree against RFC 6962: the reference implementation's vectors, the RFC's own definition."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles.ledger import merkle
from oracles.ledger.merkle import Frontier, leaf_hash, node_hash
from oracles.ledger.verify import verify_consistency, verify_inclusion

# The test vectors of the Certificate Transparency reference implementation.
LEAVES = [
    bytes.fromhex(entry)
    for entry in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAF_1 = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
NODE_2_3 = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
NODE_4_7 = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
LEAF_4 = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
NODE_6_7 = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
NODE_4_5 = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
INCLUSION = {
    (0, 1): [],
    (0, 8): [LEAF_1, NODE_2_3, NODE_4_7],
    (5, 8): [LEAF_4, NODE_6_7, ROOTS[4]],
    (2, 3): [ROOTS[2]],
    (1, 5): [ROOTS[1], NODE_2_3, LEAF_4],
}
CONSISTENCY = {
    (1, 1): [],
    (1, 8): [LEAF_1, NODE_2_3, NODE_4_7],
    (6, 8): [NODE_4_5, NODE_6_7, ROOTS[4]],
    (2, 5): [NODE_2_3, LEAF_4],
}


class Tree:
    """A tree in memory, laid out as the ledger lays it out on disk."""

    def __init__(self, entries: list[bytes]) -> None:
        self.nodes: list[bytes] = []
        self.frontier = Frontier()
        for entry in entries:
            self.frontier.append(leaf_hash(entry), self.nodes)

    def read(self, position: int) -> bytes:
        return self.nodes[position]


def mth(entries: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word by word."""
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return leaf_hash(entries[0])
    k = split(len(entries))
    return node_hash(mth(entries[:k]), mth(entries[k:]))


def path(m: int, entries: list[bytes]) -> list[bytes]:
    """RFC 6962 section 2.1.1, word by word."""
    if len(entries) == 1:
        return []
    k = split(len(entries))
    if m < k:
        return [*path(m, entries[:k]), mth(entries[k:])]
    return [*path(m - k, entries[k:]), mth(entries[:k])]


def proof(m: int, entries: list[bytes], complete: bool = True) -> list[bytes]:
    """RFC 6962 section 2.1.2, word by word."""
    if m == len(entries):
        return [] if complete else [mth(entries)]
    k = split(len(entries))
    if m <= k:
        return [*proof(m, entries[:k], complete), mth(entries[k:])]
    return [*proof(m - k, entries[k:], False), mth(entries[:k])]


def split(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


@pytest.mark.feature("C3.3")
@pytest.mark.parametrize("size", range(9))
def test_published_roots(size: int) -> None:
    tree = Tree(LEAVES[:size])
    assert tree.frontier.root().hex() == ROOTS[size]
    assert merkle.root(Tree(LEAVES).read, size).hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "size"), INCLUSION)
def test_published_inclusion_proofs(index: int, size: int) -> None:
    found = merkle.inclusion_path(Tree(LEAVES).read, index, size)
    assert [node.hex() for node in found] == INCLUSION[index, size]
    assert verify_inclusion(index, size, leaf_hash(LEAVES[index]), found, bytes.fromhex(ROOTS[size]))


@pytest.mark.parametrize(("old", "new"), CONSISTENCY)
def test_published_consistency_proofs(old: int, new: int) -> None:
    found = merkle.consistency_path(Tree(LEAVES).read, old, new)
    assert [node.hex() for node in found] == CONSISTENCY[old, new]
    assert verify_consistency(old, new, bytes.fromhex(ROOTS[old]), bytes.fromhex(ROOTS[new]), found)


ENTRIES = [number.to_bytes(2) for number in range(70)]
WHOLE = Tree(ENTRIES)


@pytest.mark.parametrize("size", [*range(1, 18), 31, 32, 33, 63, 64, 65, 70])
def test_every_proof_is_the_rfc_s_own(size: int) -> None:
    entries = ENTRIES[:size]
    assert merkle.root(WHOLE.read, size) == mth(entries)
    for index in range(size):
        assert merkle.inclusion_path(WHOLE.read, index, size) == path(index, entries)
    for old in range(1, size + 1):
        assert merkle.consistency_path(WHOLE.read, old, size) == proof(old, entries)


@given(st.data(), st.integers(1, 70))
def test_a_proof_holds_for_what_it_proves_and_nothing_else(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    root, leaf = mth(ENTRIES[:size]), leaf_hash(ENTRIES[index])
    found = merkle.inclusion_path(WHOLE.read, index, size)
    assert verify_inclusion(index, size, leaf, found, root)

    other = data.draw(st.integers(0, size - 1))
    assert verify_inclusion(other, size, leaf, found, root) == (other == index)
    assert not verify_inclusion(index, size, leaf_hash(b"another"), found, root)
    assert not verify_inclusion(index, size, leaf, [*found, root], root)
    if found:
        assert not verify_inclusion(index, size, leaf, found[:-1], root)
        at = data.draw(st.integers(0, len(found) - 1))
        assert not verify_inclusion(
            index, size, leaf, [*found[:at], sha256(found[at]).digest(), *found[at + 1 :]], root
        )


@given(st.data(), st.integers(1, 70))
def test_consistency_holds_for_a_prefix_and_nothing_else(data: st.DataObject, new: int) -> None:
    old = data.draw(st.integers(1, new))
    old_root, new_root = mth(ENTRIES[:old]), mth(ENTRIES[:new])
    found = merkle.consistency_path(WHOLE.read, old, new)
    assert verify_consistency(old, new, old_root, new_root, found)

    forged = [b"forged", *ENTRIES[1:old]]
    assert not verify_consistency(old, new, mth(forged), new_root, found)
    assert not verify_consistency(old, new, old_root, sha256(new_root).digest(), found)
    assert not verify_consistency(old, new, old_root, new_root, [*found, old_root])
    if found:
        assert not verify_consistency(old, new, old_root, new_root, found[:-1])
        at = data.draw(st.integers(0, len(found) - 1))
        wrong = [*found[:at], sha256(found[at]).digest(), *found[at + 1 :]]
        assert not verify_consistency(old, new, old_root, new_root, wrong)


def test_the_empty_tree_begins_every_tree() -> None:
    assert verify_consistency(0, 5, merkle.EMPTY_ROOT, mth(ENTRIES[:5]), [])
    assert not verify_consistency(0, 5, leaf_hash(b""), mth(ENTRIES[:5]), [])
    assert not verify_consistency(0, 5, merkle.EMPTY_ROOT, mth(ENTRIES[:5]), [merkle.EMPTY_ROOT])


def test_a_proof_out_of_range_is_refused() -> None:
    root = mth(ENTRIES[:5])
    with pytest.raises(IndexError, match="a tree of 5 entries has no entry 5"):
        merkle.inclusion_path(WHOLE.read, 5, 5)
    with pytest.raises(IndexError, match="from size 6 to size 5"):
        merkle.consistency_path(WHOLE.read, 6, 5)
    assert not verify_inclusion(5, 5, root, [], root)
    assert not verify_inclusion(-1, 5, root, [], root)
    assert not verify_consistency(6, 5, root, root, [])
    assert not verify_inclusion(0, 1, b"short", [], b"short")


@given(st.integers(0, 70))
def test_a_frontier_can_be_taken_up_anywhere(size: int) -> None:
    frontier = Frontier.load(WHOLE.read, size)
    nodes = WHOLE.nodes[: merkle.node_count(size)]
    for entry in ENTRIES[size:]:
        frontier.append(leaf_hash(entry), nodes)
    assert (frontier.root(), nodes) == (mth(ENTRIES), WHOLE.nodes)
