"""Cursor, state and outbox change together or not at all, whatever ends the process."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from oracles.chain.block import Call
from oracles.chain.fees import Fees
from oracles.chain.finality import Cursor
from oracles.chain.outbox import Attempt, Intent, State
from oracles.daemon.errors import StateFolderFault
from oracles.daemon.outbox import OUTBOX_SCHEMA, StoredOutbox, enqueue
from oracles.daemon.store import Store

pytestmark = pytest.mark.anyio

INTENT = Intent("a", "kind", Call("0x" + "11" * 20, b"\x01", 2**80), deadline=7)
ATTEMPT = Attempt(b"\x02" * 32, b"raw", Fees(2**70, 5), 3)


async def test_what_was_committed_is_there_after_reopening(tmp_path: Path) -> None:
    cursor = Cursor(5, b"\x05" * 32)
    async with Store.open(tmp_path / "db", schema=OUTBOX_SCHEMA) as store:
        async with store.transaction() as transaction:
            await transaction.set_cursor("charter", Cursor(4, b"\x04" * 32))
            await transaction.set_cursor("charter", cursor)
            await transaction.put("policy", {"ü": [1, None]})
            assert await enqueue(transaction, INTENT, 3)
        await StoredOutbox(store).attempt(1, "0xme", 0, ATTEMPT)
    async with Store.open(tmp_path / "db", schema=OUTBOX_SCHEMA) as store:
        async with store.transaction() as transaction:
            assert await transaction.cursor("charter") == cursor
            assert await transaction.cursor("other") is None
            assert await transaction.get("policy") == {"ü": [1, None]}
            await transaction.delete("policy")
            assert await transaction.get("policy") is None
            assert not await enqueue(transaction, INTENT, 9)
        (row,) = await StoredOutbox(store).open_rows()
        assert (row.intent, row.attempts, row.sender, row.nonce) == (INTENT, (ATTEMPT,), "0xme", 0)
        assert (row.queued_at, row.state) == (3, State.SENT)


async def test_an_exception_takes_all_of_a_transaction_back(tmp_path: Path) -> None:
    async with Store.open(tmp_path / "db", schema=OUTBOX_SCHEMA) as store:
        with pytest.raises(ZeroDivisionError):
            async with store.transaction() as transaction:
                await transaction.set_cursor("charter", Cursor(4, b"\x04" * 32))
                await enqueue(transaction, INTENT, 3)
                raise ZeroDivisionError
        async with store.transaction() as transaction:
            assert await transaction.cursor("charter") is None
        assert await StoredOutbox(store).find("a") is None


async def test_a_cancellation_takes_all_of_a_transaction_back(tmp_path: Path) -> None:
    async with Store.open(tmp_path / "db") as store:
        with anyio.CancelScope() as scope:
            async with store.transaction() as transaction:
                await transaction.put("a", 1)
                scope.cancel()
                await anyio.lowlevel.checkpoint()
        async with store.transaction() as transaction:
            assert await transaction.get("a") is None


async def test_transactions_wait_for_each_other(tmp_path: Path) -> None:
    async with Store.open(tmp_path / "db") as store:

        async def add() -> None:
            for _ in range(20):
                async with store.transaction() as transaction:
                    count = await transaction.get("count") or 0
                    await anyio.lowlevel.checkpoint()
                    await transaction.put("count", count + 1)

        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(add)
        async with store.transaction() as transaction:
            assert await transaction.get("count") == 100


async def test_it_is_durable_at_every_commit(tmp_path: Path) -> None:
    async with Store.open(tmp_path / "db") as store, store.transaction() as transaction:
        assert await transaction.rows("PRAGMA synchronous") == [(2,)]
        assert await transaction.rows("PRAGMA journal_mode") == [("wal",)]


async def test_a_room_has_tables_of_its_own(tmp_path: Path) -> None:
    schema = ["CREATE TABLE IF NOT EXISTS vote (sequence INTEGER PRIMARY KEY) STRICT"]
    async with Store.open(tmp_path / "db", schema=schema) as store, store.transaction() as transaction:
        assert await transaction.execute("INSERT INTO vote VALUES (?), (?)", (1, 2)) == 2
        with pytest.raises(sqlite3.IntegrityError):
            await transaction.execute("INSERT INTO vote VALUES (1)")


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "db").write_text("no database, but long enough to be looked at as if it were one" * 20)
    with pytest.raises(StateFolderFault, match="db cannot be used"):
        async with Store.open(tmp_path / "db"):
            pass
    with pytest.raises(StateFolderFault, match="cannot open"):
        async with Store.open(tmp_path / "nowhere" / "db"):
            pass


async def test_two_rows_never_hold_one_nonce(tmp_path: Path) -> None:
    async with Store.open(tmp_path / "db", schema=OUTBOX_SCHEMA) as store:
        outbox = StoredOutbox(store)
        await outbox.enqueue(INTENT, 0)
        await outbox.enqueue(Intent("b", "kind", INTENT.call), 0)
        await outbox.attempt(1, "0xme", 0, ATTEMPT)
        with pytest.raises(sqlite3.IntegrityError):
            await outbox.attempt(2, "0xme", 0, Attempt(b"\x03" * 32, b"raw", ATTEMPT.fees, 3))
        await outbox.close(1, State.DONE, "")
        await outbox.attempt(2, "0xme", 0, Attempt(b"\x03" * 32, b"raw", ATTEMPT.fees, 3))
        await outbox.requeue(2, "why")
        (row,) = await outbox.open_rows()
        assert (row.nonce, row.attempts, row.tries, row.note) == (-1, (), 1, "why")
        await outbox.remark(2, "waits")
        assert await outbox.find("b") == (State.QUEUED, "waits")


WRITER = """
import sys
from pathlib import Path
import anyio
from oracles.chain.block import Call
from oracles.chain.finality import Cursor
from oracles.chain.outbox import Intent
from oracles.daemon.outbox import OUTBOX_SCHEMA, enqueue
from oracles.daemon.store import Store

async def main():
    async with Store.open(Path(sys.argv[1]), schema=OUTBOX_SCHEMA) as store:
        while True:
            async with store.transaction() as transaction:
                cursor = await transaction.cursor("f")
                number = cursor.number + 1 if cursor else 1
                await transaction.set_cursor("f", Cursor(number, bytes(32)))
                await enqueue(transaction, Intent(str(number), "k", Call("0x", b"")), number)
                await transaction.put("state", number)
            print(number, flush=True)

anyio.run(main)
"""


async def test_a_killed_writer_leaves_cursor_state_and_outbox_in_step(tmp_path: Path) -> None:
    path = tmp_path / "db"
    for _ in range(4):
        with subprocess.Popen(  # noqa: ASYNC220 (nothing else waits here)
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            acknowledged = 0
            for _ in range(random.randint(1, 60)):
                acknowledged = int(writer.stdout.readline())
            os.kill(writer.pid, signal.SIGKILL)
            acknowledged = max([acknowledged, *map(int, writer.stdout.read().split())])
        async with Store.open(path, schema=OUTBOX_SCHEMA) as store, store.transaction() as transaction:
            cursor = await transaction.cursor("f")
            assert cursor is not None and cursor.number >= acknowledged
            assert await transaction.get("state") == cursor.number
            assert await transaction.rows("SELECT count(*), max(queued_at) FROM outbox") == [
                (cursor.number, cursor.number)
            ]
