"""What a running oracle tells its operator and auditors over HTTP."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable

from anyio import to_thread
from fastapi import APIRouter
from pydantic import BaseModel

from oracles.charter.histories import Histories
from oracles.committee.messages import Vote
from oracles.committee.votes import VoteStore


class OracleReport(BaseModel):
    """Where an oracle stands. It votes anew from the sequence `votes_from` on; without a key it has
    neither.
    """

    address: str
    topic: str
    votes_from: int | None
    waiting_for: str


class DoubleVoteFound(BaseModel):
    """A member's two votes for one sequence; handed in on-chain by the oracle itself."""

    member: str
    first: Vote
    second: Vote


class DoubtFound(BaseModel):
    """Two checkpoints of a node, signed notes in base64, that it could not show to belong together."""

    node: str
    older: str
    newer: str


class Evidence(BaseModel):
    """What an oracle holds against members and nodes."""

    double_votes: list[DoubleVoteFound]
    doubts: list[DoubtFound]


def oracle_router(report: Callable[[], OracleReport], votes: VoteStore, histories: Histories) -> APIRouter:
    """`GET /v1/oracle/status` and `GET /v1/oracle/evidence`."""
    router = APIRouter(prefix="/v1/oracle")

    @router.get("/status")
    async def status() -> OracleReport:
        return report()

    @router.get("/evidence")
    async def evidence() -> Evidence:
        double = await to_thread.run_sync(votes.double_votes)
        doubts = await histories.doubts()
        return Evidence(
            double_votes=[DoubleVoteFound(member=d.member, first=d.first, second=d.second) for d in double],
            doubts=[
                DoubtFound(
                    node="0x" + node.hex(), older=b64encode(older).decode(), newer=b64encode(newer).decode()
                )
                for node, older, newer in doubts
            ],
        )

    return router
