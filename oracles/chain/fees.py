"""What to pay for a transaction (EIP-1559), and for one that replaces it."""

from dataclasses import dataclass

GWEI = 10**9


@dataclass(frozen=True)
class Fees:
    """The most paid for a unit of gas, and the part of it that goes to the block's builder; in wei."""

    max_fee: int
    tip: int


@dataclass(frozen=True)
class FeePolicy:
    """How an account pays. Fees in wei.

    `stall_blocks` blocks without inclusion bring a replacement that is `bump_percent` dearer: nodes refuse
    one under 10 %. Nothing above `ceiling` is ever signed.
    """

    ceiling: int = 500 * GWEI
    stall_blocks: int = 3
    bump_percent: int = 13

    def first(self, base: int, tip: int) -> Fees | None:
        """Fees for a new transaction: room for the base fee to double. None where the ceiling is too low."""
        return self._capped(Fees(2 * base + tip, tip))

    def replacement(self, before: Fees, base: int, tip: int) -> Fees | None:
        """Fees for taking the place of a waiting transaction: the market's, but dearer enough."""
        dearer = Fees(self._bumped(before.max_fee), self._bumped(before.tip))
        return self._capped(Fees(max(dearer.max_fee, 2 * base + tip), max(dearer.tip, tip)))

    def _bumped(self, fee: int) -> int:
        return fee + -(-fee * self.bump_percent // 100)

    def _capped(self, fees: Fees) -> Fees | None:
        return fees if fees.max_fee <= self.ceiling else None
