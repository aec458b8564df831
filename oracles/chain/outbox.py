"""What a `Sender` remembers of each effect it owes the chain; the daemon's store keeps it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from oracles.chain.block import Call
from oracles.chain.fees import Fees


class State(StrEnum):
    """Where an effect stands. All but the first two are final: such a row is never touched again."""

    QUEUED = "queued"
    SENT = "sent"
    DONE = "done"
    REFUSED = "refused"
    EXPIRED = "expired"
    DRY = "dry"


@dataclass(frozen=True)
class Intent:
    """An effect wanted on the chain, exactly once.

    `key` names the effect for good: enqueuing it again does nothing. `kind` selects the test (see
    `Sender.settles`) that asks the chain whether the effect is already there. `deadline` is in seconds of
    chain time: once a finalized block lies past it, an effect not yet sent is given up.
    """

    key: str
    kind: str
    call: Call
    deadline: int | None = None


@dataclass(frozen=True)
class Attempt:
    """One signed transaction for a row; `made_at` is the number of the block that was newest then."""

    hash: bytes
    raw: bytes
    fees: Fees
    made_at: int


@dataclass(frozen=True)
class Row:
    """An intent and what became of it.

    `nonce`, of the account `sender`, is held from before the first broadcast until a finalized block has used
    it. `tries` counts the nonces that were used without bringing the effect about.
    """

    id: int
    intent: Intent
    state: State
    queued_at: int
    sender: str = ""
    nonce: int = -1
    attempts: tuple[Attempt, ...] = ()
    tries: int = 0
    note: str = ""


class Outbox(Protocol):
    """Durable rows. What a method changes is committed when it returns."""

    async def enqueue(self, intent: Intent, queued_at: int) -> bool:
        """Add a row unless its key is there already; says whether it was. `queued_at` is a block number."""

    async def open_rows(self) -> Sequence[Row]:
        """Rows that are queued or sent, oldest first, with their attempts, oldest first."""

    async def attempt(self, row: int, sender: str, nonce: int, attempt: Attempt) -> None:
        """Bind a row to an account's nonce and one more signed transaction; the row is sent."""

    async def requeue(self, row: int, note: str) -> None:
        """Take nonce and attempts from a row, since none of them can count any more, and count the try."""

    async def close(self, row: int, state: State, note: str) -> None:
        """Make a row final."""

    async def remark(self, row: int, note: str) -> None:
        """Say why a row waits."""
