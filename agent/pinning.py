"""The ledger's checkpoints, given to an IPFS node: others can keep what this node signed of itself."""

from __future__ import annotations

import anyio
import httpx
import structlog
from anyio import to_thread

from agent.meters import AgentMeters
from oracles.ledger.errors import LedgerError
from oracles.ledger.ledger import Ledger
from oracles.ledger.pin import pin

PERIOD_SECONDS = 60.0

_log = structlog.get_logger(__name__)


class Pinner:
    """Pins each checkpoint that is new. An IPFS node that fails is said, and holds up nothing else."""

    def __init__(self, ledger: Ledger, api: str, client: httpx.AsyncClient, meters: AgentMeters) -> None:
        """`api` is the base URL of a Kubo RPC."""
        self._ledger = ledger
        self._api = api
        self._client = client
        self._meters = meters
        self._pinned = b""

    async def run(self, period: float = PERIOD_SECONDS) -> None:
        """Rounds until cancelled, `period` seconds apart; the client is closed at the end."""
        async with self._client:
            while True:
                await self.round()
                await anyio.sleep(period)

    async def round(self) -> str | None:
        """Pins the checkpoint if it is not the last one pinned; gives its CID, or None."""
        try:
            note = await to_thread.run_sync(self._ledger.checkpoint)
            if note == self._pinned:
                return None
            cid = await pin(self._client, self._api, note)
        except (LedgerError, OSError) as fault:
            self._meters.pinned(False)
            _log.warning("checkpoint not pinned", reason=str(fault))
            return None
        self._pinned = note
        self._meters.pinned(True)
        _log.info("checkpoint pinned", cid=cid)
        return cid
