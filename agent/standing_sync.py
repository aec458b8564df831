"""The node's standing in the NodeRegistry: a suspended, banned or unknown node lets nothing out."""

from dataclasses import asdict, dataclass
from functools import partial

from oracles.chain.block import Block
from oracles.chain.finality import Cursor, check_finality
from oracles.chain.node_registry import Node, NodeRegistry
from oracles.chain.rpc import Rpc
from oracles.chain.together import together
from oracles.charter.policy import RATE_LIMITED_FACTOR
from oracles.charter.vocabulary import Standing
from oracles.daemon.store import Store

_CURSOR = "standing"
_SILENT = (Standing.UNKNOWN, Standing.SUSPENDED, Standing.BANNED, Standing.EXITED)
_STRICTEST_FIRST = (
    Standing.BANNED,
    Standing.UNKNOWN,
    Standing.EXITED,
    Standing.SUSPENDED,
    Standing.RATE_LIMITED,
    Standing.ACTIVE,
)


@dataclass(frozen=True)
class NodeStanding:
    """What the node may do, and until when (Unix seconds of chain time; 0: no end)."""

    standing: Standing = Standing.UNKNOWN
    until: int = 0
    epoch: int = -1
    """The epoch of the ledger key that is registered; -1 before it is known."""
    ledger_key: bytes = b""

    @property
    def silenced(self) -> bool:
        """Whether nothing may get out."""
        return self.standing in _SILENT

    @property
    def factor(self) -> int:
        """How many times slower than the charter's rates the node may send."""
        return RATE_LIMITED_FACTOR if self.standing is Standing.RATE_LIMITED else 1


class StandingSync:
    """Reads the node's record at finalized blocks, and at the latest for what makes it stricter."""

    def __init__(self, rpc: Rpc, registry: NodeRegistry, store: Store, node: bytes) -> None:
        self._rpc = rpc
        self._registry = registry
        self._store = store
        self._node = node
        self._seen: tuple[bytes, bytes] | None = None
        self._cursor: Cursor | None = None
        self.current = NodeStanding()

    async def load(self, *, holds: bool) -> None:
        """Takes up how far an earlier process had read the chain and, where that still `holds`, the standing.

        Without one the node is unknown.
        """
        async with self._store.transaction() as transaction:
            self._cursor = await transaction.cursor(_CURSOR)
            kept = await transaction.get("standing")
        if holds and kept is not None:
            self.current = NodeStanding(
                Standing(kept["standing"]), kept["until"], kept["epoch"], bytes.fromhex(kept["ledger_key"])
            )

    async def update(self) -> bool:
        """Asks the chain where there is a new block; says whether the standing changed.

        Raises `ChainBehind` or `ReorgBelowFinality` where the chain lacks the block that was read last: it is
        not believed that a penalty was never given.
        """
        finalized, latest = await self._rpc.finalized(), await self._rpc.latest()
        if self._seen == (finalized.hash, latest.hash):
            return False
        if self._cursor is not None:
            await check_finality(self._rpc, self._cursor, finalized)
        # The newest record by the older clock: a penalty begins at once and ends only when that is final.
        final, newest = await together(
            [partial(self._registry.node, self._node, block) for block in (finalized, latest)]
        )
        found = stricter(judge(final, finalized), judge(newest, finalized))
        await self._keep(found, Cursor.of(finalized))
        self._seen = (finalized.hash, latest.hash)
        changed = (found.standing, found.until) != (self.current.standing, self.current.until)
        self.current = found
        return changed

    async def _keep(self, found: NodeStanding, cursor: Cursor) -> None:
        if (found, cursor) == (self.current, self._cursor):
            return
        async with self._store.transaction() as transaction:
            await transaction.put("standing", {**asdict(found), "ledger_key": found.ledger_key.hex()})
            await transaction.set_cursor(_CURSOR, cursor)
        self._cursor = cursor


def judge(record: Node, block: Block) -> NodeStanding:
    """The standing by a record and a block's time. A penalty ends when its `until` lies before that."""
    epoch, key = record.epoch, record.ledger_key
    if int(record.operator, 16) == 0:
        return NodeStanding()
    if record.banned:
        return NodeStanding(Standing.BANNED, 0, epoch, key)
    if record.exit_at:
        return NodeStanding(Standing.EXITED, 0, epoch, key)
    if record.suspended_until >= block.timestamp:
        return NodeStanding(Standing.SUSPENDED, record.suspended_until, epoch, key)
    if record.rate_limited_until >= block.timestamp:
        return NodeStanding(Standing.RATE_LIMITED, record.rate_limited_until, epoch, key)
    return NodeStanding(Standing.ACTIVE, 0, epoch, key)


def stricter(final: NodeStanding, newest: NodeStanding) -> NodeStanding:
    """The stricter of two standings; key and epoch are those of the finalized block."""
    worst = min(final, newest, key=lambda one: (_STRICTEST_FIRST.index(one.standing), -one.until))
    return NodeStanding(worst.standing, worst.until, final.epoch, final.ledger_key)
