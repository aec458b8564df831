"""The durable outbox of a `Sender`, in the daemon's store."""

from collections.abc import Sequence
from typing import Any

from oracles.chain.block import Call
from oracles.chain.fees import Fees
from oracles.chain.outbox import Attempt, Intent, Row, State
from oracles.daemon.store import Store, Transaction

OUTBOX_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS outbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        key TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        target TEXT NOT NULL,
        data BLOB NOT NULL,
        value TEXT NOT NULL,
        deadline INTEGER,
        state TEXT NOT NULL,
        queued_at INTEGER NOT NULL,
        sender TEXT NOT NULL DEFAULT '',
        nonce INTEGER NOT NULL DEFAULT -1,
        tries INTEGER NOT NULL DEFAULT 0,
        note TEXT NOT NULL DEFAULT ''
    ) STRICT""",
    """CREATE TABLE IF NOT EXISTS attempt (
        outbox INTEGER NOT NULL REFERENCES outbox (id),
        hash BLOB NOT NULL,
        raw BLOB NOT NULL,
        max_fee TEXT NOT NULL,
        tip TEXT NOT NULL,
        made_at INTEGER NOT NULL,
        PRIMARY KEY (outbox, hash)
    ) STRICT""",
    "CREATE UNIQUE INDEX IF NOT EXISTS one_row_a_nonce ON outbox (sender, nonce) WHERE state = 'sent'",
)
"""Hand this to `Store.open`. Amounts of wei are texts, since they may not fit SQLite's integers."""

_OPEN = (State.QUEUED.value, State.SENT.value)


class StoredOutbox:
    """`oracles.chain.outbox.Outbox` over a store that was opened with `OUTBOX_SCHEMA`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def enqueue(self, intent: Intent, queued_at: int) -> bool:
        """Add a row in a transaction of its own."""
        async with self._store.transaction() as transaction:
            return await enqueue(transaction, intent, queued_at)

    async def open_rows(self) -> Sequence[Row]:
        """Rows that are queued or sent, oldest first."""
        async with self._store.transaction() as transaction:
            rows = await transaction.rows(
                "SELECT id, key, kind, target, data, value, deadline, "
                "state, queued_at, sender, nonce, tries, note "
                "FROM outbox WHERE state IN (?, ?) ORDER BY id",
                _OPEN,
            )
            attempts = await transaction.rows(
                "SELECT outbox, hash, raw, max_fee, tip, made_at FROM attempt "
                "WHERE outbox IN (SELECT id FROM outbox WHERE state = ?) ORDER BY rowid",
                (State.SENT.value,),
            )
        return [_row(row, [attempt for attempt in attempts if attempt[0] == row[0]]) for row in rows]

    async def find(self, key: str) -> tuple[State, str] | None:
        """What became of an intent: its state and note, or None where it was never queued."""
        async with self._store.transaction() as transaction:
            found = await transaction.rows("SELECT state, note FROM outbox WHERE key = ?", (key,))
        return (State(found[0][0]), found[0][1]) if found else None

    async def counts(self) -> dict[State, int]:
        """How many rows stand where, for the metrics."""
        async with self._store.transaction() as transaction:
            found = dict(await transaction.rows("SELECT state, count(*) FROM outbox GROUP BY state"))
        return {state: found.get(state.value, 0) for state in State}

    async def attempt(self, row: int, sender: str, nonce: int, attempt: Attempt) -> None:
        """Bind a row to an account's nonce and one more signed transaction."""
        async with self._store.transaction() as transaction:
            await transaction.execute(
                "UPDATE outbox SET state = ?, sender = ?, nonce = ?, note = '' WHERE id = ?",
                (State.SENT.value, sender, nonce, row),
            )
            await transaction.execute(
                "INSERT INTO attempt VALUES (?, ?, ?, ?, ?, ?)",
                (
                    row,
                    attempt.hash,
                    attempt.raw,
                    str(attempt.fees.max_fee),
                    str(attempt.fees.tip),
                    attempt.made_at,
                ),
            )

    async def requeue(self, row: int, note: str) -> None:
        """Take nonce and attempts from a row and count the try."""
        async with self._store.transaction() as transaction:
            await transaction.execute("DELETE FROM attempt WHERE outbox = ?", (row,))
            await transaction.execute(
                "UPDATE outbox SET state = ?, sender = '', nonce = -1, tries = tries + 1, note = ? "
                "WHERE id = ?",
                (State.QUEUED.value, note, row),
            )

    async def close(self, row: int, state: State, note: str) -> None:
        """Make a row final. Its attempts stay, as a record of what was signed."""
        async with self._store.transaction() as transaction:
            await transaction.execute(
                "UPDATE outbox SET state = ?, note = ? WHERE id = ?", (state.value, note, row)
            )

    async def remark(self, row: int, note: str) -> None:
        """Say why a row waits."""
        async with self._store.transaction() as transaction:
            await transaction.execute("UPDATE outbox SET note = ? WHERE id = ?", (note, row))


async def enqueue(transaction: Transaction, intent: Intent, queued_at: int) -> bool:
    """Add an intent within a transaction, beside the cursor and state that it follows from.

    Says whether it was added: a key that is there already, in whatever state, stays as it is.
    """
    added = await transaction.execute(
        "INSERT OR IGNORE INTO outbox (key, kind, target, data, value, deadline, state, queued_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            intent.key,
            intent.kind,
            intent.call.to,
            intent.call.data,
            str(intent.call.value),
            intent.deadline,
            State.QUEUED.value,
            queued_at,
        ),
    )
    return added == 1


def _row(row: tuple[Any, ...], attempts: list[tuple[Any, ...]]) -> Row:
    number, key, kind, target, data, value, deadline, state, queued_at, sender, nonce, tries, note = row
    return Row(
        id=number,
        intent=Intent(key, kind, Call(target, data, int(value)), deadline),
        state=State(state),
        queued_at=queued_at,
        sender=sender,
        nonce=nonce,
        attempts=tuple(
            Attempt(transaction, raw, Fees(int(max_fee), int(tip)), made_at)
            for _, transaction, raw, max_fee, tip, made_at in attempts
        ),
        tries=tries,
        note=note,
    )
