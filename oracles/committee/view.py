"""What a member needs from around it: the chain, its peers, and somebody who sends transactions.

Protocols, so that the same member runs in a daemon and in the simulated network of its tests.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from oracles.chain.block import Block
from oracles.committee.messages import Answer, Request
from oracles.committee.report import Report
from oracles.committee.votes import DoubleVote

Offload = Callable[..., Awaitable[Any]]
"""Runs a blocking function with its arguments where it doesn't hold up the daemon, e.g.
`anyio.to_thread.run_sync`.
"""


@dataclass(frozen=True)
class Configuration:
    """The committee as OracleCommittee has it at a block; `members` in the contract's ascending order."""

    digest: bytes
    members: tuple[str, ...]
    threshold: int


class ChainView(Protocol):
    """The chain as this member alone sees it. Each read may raise `oracles.chain.errors.ChainDoubt` or
    `ChainStop`.
    """

    async def finalized(self) -> Block:
        """The newest final block."""

    async def latest(self) -> Block:
        """The newest block."""

    async def last_block_before(self, timestamp: int, head: Block) -> Block | None:
        """The last ancestor of `head`, or itself, with a timestamp less than `timestamp` (seconds)."""

    async def is_open(self, topic: bytes, at: Block) -> bool:
        """Whether a topic's reports had somewhere to go at a block."""

    async def configuration(self, at: Block) -> Configuration:
        """The committee at a block."""

    async def last_sequence(self, topic: bytes, at: Block) -> int:
        """The sequence of a topic's latest accepted report at a block."""


class Peers(Protocol):
    """The other members."""

    async def ask(self, requests: Mapping[str, Request]) -> dict[str, Answer]:
        """Ask several members at once, by address. Who gave no proper answer in time is missing from the
        result.
        """


class Submitter(Protocol):
    """Brings calls to OracleCommittee onto the chain, each exactly once however often it is asked."""

    async def submit(self, report: Report, payload: bytes, signatures: Sequence[bytes]) -> None:
        """Hand in a finished report; signatures in ascending order of their signers."""

    async def prove(self, double: DoubleVote) -> None:
        """Show a double vote."""
