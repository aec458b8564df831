"""A daemon's memory: one SQLite file in which cursor, state and outbox change together or not at all."""

import json
import sqlite3
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiosqlite
import anyio

from oracles.chain.finality import Cursor
from oracles.daemon.errors import StateFolderFault

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS cursor "
    "(name TEXT PRIMARY KEY, number INTEGER NOT NULL, hash BLOB NOT NULL) STRICT",
    "CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
)


class Transaction:
    """The store inside one transaction: all of it is durable after the `async with`, or none of it
    happened.
    """

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run a statement on a room's own table; returns how many rows it changed."""
        async with self._connection.execute(sql, parameters) as cursor:
            return cursor.rowcount

    async def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        async with self._connection.execute(sql, parameters) as cursor:
            return [tuple(row) for row in await cursor.fetchall()]

    async def cursor(self, name: str) -> Cursor | None:
        """How far a follower has come; None before its first span."""
        found = await self.rows("SELECT number, hash FROM cursor WHERE name = ?", (name,))
        return Cursor(*found[0]) if found else None

    async def set_cursor(self, name: str, cursor: Cursor) -> None:
        """Move a follower's cursor."""
        await self.execute(
            "INSERT INTO cursor VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE "
            "SET number = excluded.number, hash = excluded.hash",
            (name, cursor.number, cursor.hash),
        )

    async def get(self, key: str) -> Any:
        """A JSON value, or None."""
        found = await self.rows("SELECT value FROM state WHERE key = ?", (key,))
        return json.loads(found[0][0]) if found else None

    async def put(self, key: str, value: Any) -> None:
        """Store a JSON value."""
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        await self.execute(
            "INSERT INTO state VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, text),
        )

    async def delete(self, key: str) -> None:
        """Forget a value."""
        await self.execute("DELETE FROM state WHERE key = ?", (key,))


class Store:
    """One SQLite file, one connection, one transaction at a time."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self._turn = anyio.Lock()

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path, *, schema: Iterable[str] = ()) -> "AsyncIterator[Store]":
        """Open or make the file. `schema`: statements that make a room's own tables where they are missing.

        WAL with `synchronous=FULL`: what a transaction left is on the disk when it returns. Raises
        `StateFolderFault` for a file that is no such database, or cannot be written.
        """
        try:
            # isolation_level None: transactions begin and end where this file says, not where sqlite3
            # guesses.
            connection = await aiosqlite.connect(path, isolation_level=None)
        except sqlite3.Error as fault:
            raise StateFolderFault(f"cannot open the state database {path}: {fault}") from None
        try:
            store = cls(connection)
            try:
                for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
                    await connection.execute(f"PRAGMA {pragma}")
                async with store.transaction() as transaction:
                    for statement in (*_SCHEMA, *schema):
                        await transaction.execute(statement)
            except sqlite3.Error as fault:
                raise StateFolderFault(f"the state database {path} cannot be used: {fault}") from None
            yield store
        finally:
            with anyio.CancelScope(shield=True):
                await connection.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """A transaction that others wait for. An exception or a cancellation inside takes all of it back.

        Do not ask the chain inside: others wait meanwhile. Not reentrant.
        """
        async with self._turn:
            try:
                await self._connection.execute("BEGIN IMMEDIATE")
                yield Transaction(self._connection)
            except BaseException:
                with anyio.CancelScope(shield=True):
                    await self._connection.rollback()
                raise
            # Shielded: whoever is cancelled meanwhile must not leave it open whether this happened.
            with anyio.CancelScope(shield=True):
                await self._connection.commit()
