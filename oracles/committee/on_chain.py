"""The committee's chain as daemons have it: pinned reads of OracleCommittee, and effects through the
outbox.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from oracles.chain.block import Block
from oracles.chain.oracle_committee import OracleCommittee
from oracles.chain.outbox import Intent, Outbox
from oracles.chain.rpc import Rpc
from oracles.chain.search import last_block_before
from oracles.chain.sender import Sender
from oracles.committee.report import Report
from oracles.committee.view import Configuration
from oracles.committee.votes import DoubleVote

_REPORT = "report"
_DOUBLE_VOTE = "double_vote"


class CommitteeChain:
    """`view.ChainView` over JSON-RPC.

    `finalized` is the daemon's own look at the newest final block: it raises where the chain is behind what
    was final, or another one. Whatever a member does begins with it, so nothing is signed on doubt.
    """

    def __init__(
        self, rpc: Rpc, contract: OracleCommittee, finalized: Callable[[], Awaitable[Block]]
    ) -> None:
        self._rpc = rpc
        self._contract = contract
        self._finalized = finalized
        self._configuration: tuple[bytes, Configuration] | None = None
        self._before: tuple[int, Block] | None = None
        self._open: tuple[tuple[bytes, bytes], bool] | None = None

    async def finalized(self) -> Block:
        """The newest final block. Raises `ChainBehind`, `ReorgBelowFinality`."""
        return await self._finalized()

    async def latest(self) -> Block:
        """The newest block."""
        return await self._rpc.latest()

    async def last_block_before(self, timestamp: int, head: Block) -> Block | None:
        """The last block before a time; the latest answer is kept, since final blocks do not change."""
        if self._before is not None and self._before[0] == timestamp:
            return self._before[1]
        found = await last_block_before(self._rpc, timestamp, head)
        if found is not None:
            self._before = (timestamp, found)
        return found

    async def is_open(self, topic: bytes, at: Block) -> bool:
        """Whether a topic had a consumer at a block; the latest answer is kept."""
        if self._open is None or self._open[0] != (topic, at.hash):
            self._open = ((topic, at.hash), await self._contract.is_open(topic, at))
        return self._open[1]

    async def configuration(self, at: Block) -> Configuration:
        """The committee at a block; members and threshold are read anew only where the digest changed."""
        digest = await self._contract.config_digest(at)
        if self._configuration is None or self._configuration[0] != digest:
            members, threshold = await self._contract.members(at), await self._contract.threshold(at)
            self._configuration = (digest, Configuration(digest, members, threshold))
        return self._configuration[1]

    async def last_sequence(self, topic: bytes, at: Block) -> int:
        """The sequence of a topic's latest accepted report."""
        return await self._contract.last_sequence(topic, at)


class OutboxSubmitter:
    """`view.Submitter` over the daemon's outbox. The chain itself says whether an effect is already there."""

    def __init__(self, rpc: Rpc, contract: OracleCommittee, outbox: Outbox, sender: Sender) -> None:
        self._rpc = rpc
        self._contract = contract
        self._outbox = outbox
        sender.settles(_REPORT, self._is_accepted)
        sender.settles(_DOUBLE_VOTE, self._is_removed)

    async def submit(self, report: Report, payload: bytes, signatures: Sequence[bytes]) -> None:
        """Queue a finished report; it is given up when its deadline has passed."""
        key = f"{_REPORT}:{report.topic.hex()}:{report.sequence}:{report.config_digest.hex()}"
        call = self._contract.submit(report, payload, signatures)
        await self._enqueue(Intent(key, _REPORT, call, report.deadline))

    async def prove(self, double: DoubleVote) -> None:
        """Queue the proof of a double vote. A member is removed once only, whichever its proof."""
        first, second = double.first, double.second
        key = f"{_DOUBLE_VOTE}:{double.member}:{first.report.config_digest.hex()}"
        call = self._contract.prove_equivocation(
            first.report, first.signature, second.report, second.signature
        )
        await self._enqueue(Intent(key, _DOUBLE_VOTE, call))

    async def _enqueue(self, intent: Intent) -> None:
        await self._outbox.enqueue(intent, (await self._rpc.latest()).number)

    async def _is_accepted(self, intent: Intent, at: Block) -> bool:
        _, topic, sequence, _ = intent.key.split(":")
        return await self._contract.last_sequence(bytes.fromhex(topic), at) >= int(sequence)

    async def _is_removed(self, intent: Intent, at: Block) -> bool:
        _, member, _ = intent.key.split(":")
        return not await self._contract.is_member(member, at)
