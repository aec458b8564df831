"""Timelock: an executor that waits before it acts, with OpenZeppelin TimelockController names."""

from oracles.chain.block import Block
from oracles.chain.contract import Contract


class Timelock(Contract):
    """contracts/governance/Timelock.vy; each track's executor is one of these, named in the deployment."""

    name = "Timelock"
    version_view = None

    async def minimum_delay(self, at: Block) -> int:
        """The shortest wait between queueing and execution, in seconds."""
        return int(await self._read(at, "getMinDelay"))

    async def has_role(self, role: bytes, account: str, at: Block) -> bool:
        """Whether an account holds a role."""
        return bool(await self._read(at, "hasRole", role, account))

    async def is_done(self, operation: bytes, at: Block) -> bool:
        """Whether an operation was carried out."""
        return bool(await self._read(at, "isOperationDone", operation))

    async def is_ready(self, operation: bytes, at: Block) -> bool:
        """Whether an operation's delay is over."""
        return bool(await self._read(at, "isOperationReady", operation))
