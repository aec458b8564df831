"""What a member must never forget: what it saw, what it voted for, and what others voted for.

The invariant of this file: **for each (configuration, topic, sequence) at most one payload is ever voted for,
and the vote is on the disk before anybody can see it.** `vote` commits (`synchronous=FULL`: the disk was told
to flush) and returns the vote that holds, which is the first one ever made; the caller signs that one and no
other. The primary key keeps this even where two tasks vote at once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from pydantic import TypeAdapter

from oracles.committee.messages import Proposal, Vote
from oracles.committee.topic import Observation

_SCHEMA = """
CREATE TABLE IF NOT EXISTS frozen (
    topic BLOB NOT NULL, sequence INTEGER NOT NULL, observations BLOB NOT NULL,
    PRIMARY KEY (topic, sequence)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS vote (
    config BLOB NOT NULL, topic BLOB NOT NULL, sequence INTEGER NOT NULL, payload_hash BLOB NOT NULL,
    PRIMARY KEY (config, topic, sequence)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS proposal (
    config BLOB NOT NULL, topic BLOB NOT NULL, sequence INTEGER NOT NULL, proposal BLOB NOT NULL,
    PRIMARY KEY (config, topic, sequence)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS witness (
    config BLOB NOT NULL, topic BLOB NOT NULL, sequence INTEGER NOT NULL, member TEXT NOT NULL,
    payload_hash BLOB NOT NULL, vote BLOB NOT NULL,
    PRIMARY KEY (config, topic, sequence, member, payload_hash)) WITHOUT ROWID;
"""
_OBSERVATIONS = TypeAdapter(tuple[Observation, ...])
_PAYLOADS_KEPT = 2  # of one member in one round: two differing ones are already the proof of a double vote


@dataclass(frozen=True)
class DoubleVote:
    """Two votes of one member for differing payloads of one round: OracleCommittee removes it for them."""

    member: str
    first: Vote
    second: Vote


class VoteStore:
    """One member's memory, in one SQLite file. Every method has committed when it returns; safe from any
    thread.
    """

    def __init__(self, path: Path) -> None:
        self._lock = Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def freeze(
        self, topic: bytes, sequence: int, observations: Sequence[Observation]
    ) -> tuple[Observation, ...]:
        """Keep what was seen for a sequence; returns the set that holds, which is the first one ever
        given.
        """
        ordered = _OBSERVATIONS.dump_json(tuple(sorted(set(observations))))
        with self._lock:
            self._db.execute("INSERT OR IGNORE INTO frozen VALUES (?, ?, ?)", (topic, sequence, ordered))
            row = self._db.execute(
                "SELECT observations FROM frozen WHERE topic = ? AND sequence = ?", (topic, sequence)
            ).fetchone()
        return _OBSERVATIONS.validate_json(row[0])

    def frozen(self, topic: bytes, sequence: int) -> tuple[Observation, ...] | None:
        """What was seen for a sequence, if it was kept."""
        row = self._one("SELECT observations FROM frozen WHERE topic = ? AND sequence = ?", (topic, sequence))
        return None if row is None else _OBSERVATIONS.validate_json(row[0])

    def vote(self, proposal: Proposal) -> bytes:
        """Vote for a proposal's payload; returns the payload hash that holds for its round: sign no other."""
        key = proposal.report.round
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                voted = self._db.execute(
                    "INSERT OR IGNORE INTO vote VALUES (?, ?, ?, ?)", (*key, proposal.report.payload_hash)
                )
                if voted.rowcount == 1:
                    self._db.execute(
                        "INSERT OR REPLACE INTO proposal VALUES (?, ?, ?, ?)",
                        (*key, proposal.model_dump_json()),
                    )
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            row = self._db.execute(
                "SELECT payload_hash FROM vote WHERE config = ? AND topic = ? AND sequence = ?", key
            ).fetchone()
        return bytes(row[0])

    def voted(self, config: bytes, topic: bytes, sequence: int) -> bytes | None:
        """The payload hash that was voted for in a round, if any."""
        row = self._one(
            "SELECT payload_hash FROM vote WHERE config = ? AND topic = ? AND sequence = ?",
            (config, topic, sequence),
        )
        return None if row is None else bytes(row[0])

    def held(self, config: bytes, topic: bytes, sequence: int) -> Proposal | None:
        """The proposal that was voted for in a round, for a new leader to propose again."""
        row = self._one(
            "SELECT proposal FROM proposal WHERE config = ? AND topic = ? AND sequence = ?",
            (config, topic, sequence),
        )
        return None if row is None else Proposal.model_validate_json(row[0])

    def witness(self, member: str, vote: Vote) -> None:
        """Keep a member's vote; its signature has been checked. Of each member two payloads a round are
        kept.
        """
        key = vote.report.round
        with self._lock:
            known = self._db.execute(
                "SELECT payload_hash, vote FROM witness "
                "WHERE config = ? AND topic = ? AND sequence = ? AND member = ?",
                (*key, member),
            ).fetchall()
            others = [row for row in known if bytes(row[0]) != vote.report.payload_hash]
            if len(others) < _PAYLOADS_KEPT:
                # The same payload with a later deadline replaces the earlier vote: it is good for longer.
                self._db.execute(
                    "INSERT INTO witness VALUES (?, ?, ?, ?, ?, ?) "
                    "ON CONFLICT DO UPDATE SET vote = excluded.vote "
                    "WHERE json_extract(excluded.vote, '$.report.deadline') "
                    "> json_extract(witness.vote, '$.report.deadline')",
                    (*key, member, vote.report.payload_hash, vote.model_dump_json()),
                )

    def witnessed(self, config: bytes, topic: bytes, sequence: int) -> list[tuple[str, Vote]]:
        """All votes known for a round, with the members that made them."""
        with self._lock:
            rows = self._db.execute(
                "SELECT member, vote FROM witness WHERE config = ? AND topic = ? AND sequence = ? "
                "ORDER BY member, payload_hash",
                (config, topic, sequence),
            ).fetchall()
        return [(str(member), Vote.model_validate_json(vote)) for member, vote in rows]

    def double_votes(self) -> list[DoubleVote]:
        """Every double vote known, one for each member and round."""
        with self._lock:
            rows = self._db.execute(
                "SELECT a.member, a.vote, b.vote "
                "FROM witness a JOIN witness b USING (config, topic, sequence, member) "
                "WHERE a.payload_hash < b.payload_hash ORDER BY a.sequence, a.member"
            ).fetchall()
        return [
            DoubleVote(str(member), Vote.model_validate_json(first), Vote.model_validate_json(second))
            for member, first, second in rows
        ]

    def forget(self, topic: bytes, before: int) -> None:
        """Drop the bulk of a topic's sequences before one. Which payload was voted for, and proofs, stay for
        good.
        """
        with self._lock:
            self._db.execute("DELETE FROM frozen WHERE topic = ? AND sequence < ?", (topic, before))
            self._db.execute("DELETE FROM proposal WHERE topic = ? AND sequence < ?", (topic, before))
            self._db.execute(
                "DELETE FROM witness WHERE topic = ? AND sequence < ? "
                "AND (config, topic, sequence, member) IN (SELECT config, topic, sequence, member "
                "FROM witness GROUP BY 1, 2, 3, 4 HAVING count(*) = 1)",
                (topic, before),
            )

    def _one(self, query: str, values: tuple[object, ...]) -> tuple[bytes, ...] | None:
        with self._lock:
            row: tuple[bytes, ...] | None = self._db.execute(query, values).fetchone()
        return row
