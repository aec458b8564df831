"""MeshToken: the reward token with voting power (ERC-20, ERC-2612, ERC-5805, ERC-6372)."""

from oracles.chain.block import Block, Call
from oracles.chain.contract import Contract


class MeshToken(Contract):
    """contracts/governance/MeshToken.vy; OpenZeppelin ERC20Votes' names. Amounts are in the token's
    smallest unit.
    """

    name = "MeshToken"
    version_view = None

    async def balance_of(self, account: str, at: Block) -> int:
        """What an account holds."""
        return int(await self._read(at, "balanceOf", account))

    async def votes(self, account: str, at: Block) -> int:
        """An account's voting power now."""
        return int(await self._read(at, "getVotes", account))

    async def delegate_of(self, account: str, at: Block) -> str:
        """Whom an account's voting power is delegated to."""
        return str(await self._read(at, "delegates", account))

    async def signature_nonce(self, owner: str, at: Block) -> int:
        """The nonce of an account's next permit or delegation by signature."""
        return int(await self._read(at, "nonces", owner))

    def approve(self, spender: str, amount: int) -> Call:
        """Let a contract take this much."""
        return self._call("approve", spender, amount)

    def transfer(self, to: str, amount: int) -> Call:
        """Move tokens."""
        return self._call("transfer", to, amount)

    def delegate(self, delegatee: str) -> Call:
        """Delegate the sender's voting power; to oneself to vote oneself."""
        return self._call("delegate", delegatee)
