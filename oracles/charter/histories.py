"""The checkpoints that nodes showed, to catch one that shows two histories. Notes are kept: they are the
proof.
"""

from __future__ import annotations

from oracles.daemon.store import Store
from oracles.ledger.note import LARGEST, Checkpoint

HISTORY_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS shown (node BLOB NOT NULL, epoch INTEGER NOT NULL, size INTEGER NOT NULL, "
    "root BLOB NOT NULL, note BLOB NOT NULL, PRIMARY KEY (node, epoch, size, root)) STRICT",
    "CREATE TABLE IF NOT EXISTS unproven (node BLOB NOT NULL, older BLOB NOT NULL, newer BLOB NOT NULL, "
    "PRIMARY KEY (node, older, newer)) STRICT",
)
"""Hand this to `run_daemon`."""

_KEPT = 128  # checkpoints of a node; an older one that contradicts nothing is dropped


class Histories:
    """What every node has shown to this oracle or, through their observations, to the others."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def newest(self, node: bytes, epoch: int) -> bytes | None:
        """The note of the largest tree that a node showed up to an epoch."""
        async with self._store.transaction() as transaction:
            rows = await transaction.rows(
                "SELECT note FROM shown WHERE node = ? AND epoch <= ? ORDER BY size DESC, epoch DESC LIMIT 1",
                (node, epoch),
            )
        return bytes(rows[0][0]) if rows else None

    async def remember(self, node: bytes, checkpoint: Checkpoint, note: bytes) -> bool:
        """Keep a verified checkpoint; says whether it contradicts one of the same size."""
        key = (node, checkpoint.epoch, checkpoint.size)
        async with self._store.transaction() as transaction:
            new = await transaction.execute(
                "INSERT OR IGNORE INTO shown VALUES (?, ?, ?, ?, ?)", (*key, checkpoint.root, note)
            )
            if not new:
                return False
            await transaction.execute(
                "DELETE FROM shown WHERE node = ?1 AND epoch = ?2 AND size < (SELECT size FROM shown "
                "WHERE node = ?1 AND epoch = ?2 ORDER BY size DESC LIMIT 1 OFFSET ?3) AND size NOT IN "
                "(SELECT size FROM shown WHERE node = ?1 AND epoch = ?2 GROUP BY size HAVING count(*) > 1)",
                (node, checkpoint.epoch, _KEPT),
            )
            rows = await transaction.rows(
                "SELECT count(*) FROM shown WHERE node = ? AND epoch = ? AND size = ?", key
            )
        return bool(rows[0][0] > 1)

    async def split(self, node: bytes, epoch: int, handled: int) -> tuple[bytes, bytes] | None:
        """Two notes of one size of more than `handled` entries by which a node contradicts itself within an
        epoch, this one or an earlier: the smallest such size.
        """
        if handled > LARGEST:  # hostile oracles marked entries that no tree can have
            return None
        async with self._store.transaction() as transaction:
            rows = await transaction.rows(
                "SELECT a.note, b.note FROM shown a JOIN shown b USING (node, epoch, size) "
                "WHERE node = ? AND epoch <= ? AND size > ? AND a.root < b.root "
                "ORDER BY size, epoch, a.root, b.root LIMIT 1",
                (node, epoch, handled),
            )
        if not rows:
            return None
        first, second = sorted(bytes(note) for note in rows[0])
        return first, second

    async def doubt(self, node: bytes, older: bytes, newer: bytes) -> None:
        """Keep two checkpoints that a node could not show to belong together.

        That proves nothing to others, since an answer can be withheld; it is for the audit committee to ask.
        """
        async with self._store.transaction() as transaction:
            await transaction.execute("INSERT OR IGNORE INTO unproven VALUES (?, ?, ?)", (node, older, newer))

    async def doubts(self) -> list[tuple[bytes, bytes, bytes]]:
        """All such pairs: node, older note, newer note."""
        async with self._store.transaction() as transaction:
            rows = await transaction.rows("SELECT node, older, newer FROM unproven ORDER BY rowid")
        return [(bytes(node), bytes(older), bytes(newer)) for node, older, newer in rows]
