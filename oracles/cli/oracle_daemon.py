"""The oracle daemon: which parts make it up, and how they are wired."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated

import httpx
from anyio import to_thread
from eth_utils.address import is_address, to_checksum_address
from fastapi import FastAPI
from pydantic import AfterValidator, Field
from starlette.routing import Mount

from oracles.chain.answers import open_client
from oracles.chain.charter import Charter
from oracles.chain.node_registry import NodeRegistry
from oracles.chain.oracle_committee import OracleCommittee
from oracles.chain.violation_registry import ViolationRegistry
from oracles.charter.attempts import CharterTopic
from oracles.charter.histories import HISTORY_SCHEMA, Histories
from oracles.charter.node_client import NodeClient
from oracles.charter.registers import ChainRegisters
from oracles.cli.oracle_routes import OracleReport, oracle_router
from oracles.committee.follower import Follower, first_to_vote_on
from oracles.committee.member import Member
from oracles.committee.meters import CommitteeMeters
from oracles.committee.on_chain import CommitteeChain, OutboxSubmitter
from oracles.committee.peers import HttpPeers
from oracles.committee.rehearsal import Rehearsal
from oracles.committee.report import AccountSigning
from oracles.committee.router import committee_router
from oracles.committee.schedule import Schedule
from oracles.committee.votes import VoteStore
from oracles.daemon.errors import SettingsFault
from oracles.daemon.frame import Frame, run_daemon
from oracles.daemon.settings import Settings

_CONNECT_SECONDS = 2.0


def _addresses(peers: dict[str, str]) -> dict[str, str]:
    for address, url in peers.items():
        if not is_address(address):
            raise ValueError(f"{address} is not an address")
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"{url} is not an HTTP URL")
    return {to_checksum_address(address): url for address, url in peers.items()}


class OracleSettings(Settings):
    """What an oracle needs beyond every daemon's settings. Times are in seconds of chain time."""

    peers: Annotated[dict[str, str], AfterValidator(_addresses)] = Field(
        default_factory=dict, description="the other members: JSON, address to URL"
    )
    turn_seconds: int | None = Field(
        None, gt=0, description="how long a leader has before the next one's turn; by default half a slot"
    )
    grace_seconds: int = Field(
        900, ge=0, description="how long after its slot a report is good; more than the finality lag"
    )
    private_nodes: bool = Field(
        False, description="ask nodes on this machine and in private networks, too: for devnets"
    )

    @property
    def schedule(self) -> Schedule:
        """The committee's rhythm; raises `SettingsFault` for one that cannot be kept."""
        turn = self.turn_seconds or max(1, self.slot_seconds // 2)
        try:
            return Schedule(self.slot_seconds, self.grace_seconds, turn)
        except ValueError as fault:
            raise SettingsFault(f"WESTWORLD_TURN_SECONDS: {fault}") from None

    @property
    def round_seconds(self) -> float:
        """How long collecting, or an answer of a member, may take: a quarter of a slot."""
        return max(1.0, self.slot_seconds / 4)


def main() -> int:
    """Run the oracle daemon; returns the process's exit code."""
    return run_daemon("oracle", OracleSettings.load, set_up, schema=HISTORY_SCHEMA)


async def set_up(frame: Frame[OracleSettings]) -> None:
    """Check chain and contracts, then start the committee's loop and its HTTP side.

    Nothing is signed or served before the chain is known not to have gone back behind what was final.
    """
    finalized = await frame.certain()
    settings, rpc, deployment = frame.settings, frame.rpc, frame.deployment
    committee, charter = OracleCommittee.at(rpc, deployment), Charter.at(rpc, deployment)
    nodes, violations = NodeRegistry.at(rpc, deployment), ViolationRegistry.at(rpc, deployment)
    for contract in (committee, charter, nodes, violations):
        await frame.patiently(partial(contract.check_version, finalized))
    timeout = httpx.Timeout(settings.round_seconds, connect=_CONNECT_SECONDS)
    client = open_client(timeout)
    histories = Histories(frame.store)
    topic = CharterTopic(
        ChainRegisters(charter, nodes, violations),
        NodeClient(client, private=settings.private_nodes),
        histories,
        node_seconds=settings.round_seconds / 2,
        round_seconds=settings.round_seconds,
    )
    chain = CommitteeChain(rpc, committee, frame.check_finality)
    votes = VoteStore(settings.state / "votes.db")
    if frame.account is None:
        rehearsal = Rehearsal(topic, settings.schedule, chain)
        return await _run(frame, rehearsal.step, None, votes, histories)
    signing = AccountSigning(frame.account)
    follower = Follower(
        topic=topic,
        domain=committee.domain(),
        schedule=settings.schedule,
        chain=chain,
        signing=signing,
        store=votes,
        offload=to_thread.run_sync,
        votes_from=await frame.patiently(
            lambda: first_to_vote_on(chain, settings.schedule, int(time.time()))
        ),
        meters=CommitteeMeters(frame.metrics.registry),
    )
    peers = HttpPeers(
        client,
        settings.peers,
        topic=topic.name,
        domain=committee.domain(),
        signing=signing,
        timeout=settings.round_seconds,
    )
    member = Member(follower, peers, OutboxSubmitter(rpc, committee, frame.outbox, frame.sender))
    return await _run(frame, member.step, follower, votes, histories)


async def _run(
    frame: Frame[OracleSettings],
    step: Callable[[], Awaitable[str]],
    follower: Follower | None,
    votes: VoteStore,
    histories: Histories,
) -> None:
    waiting_for = "the first step"

    async def cycle() -> None:
        nonlocal waiting_for
        waiting_for = await step()

    def report() -> OracleReport:
        return OracleReport(
            address=follower.signing.address if follower else "",
            topic=CharterTopic.name,
            votes_from=follower.votes_from if follower else None,
            waiting_for=waiting_for,
        )

    app = FastAPI(openapi_url=None)
    app.include_router(committee_router({CharterTopic.name: follower} if follower else {}))
    app.include_router(oracle_router(report, votes, histories))
    await frame.serve([Mount("/", app)])
    frame.tasks.start_soon(frame.cycle, "committee", cycle)
