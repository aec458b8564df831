"""ViolationRegistry: attempts, reports, review, penalties, bounties, the override log."""

from oracles.chain.block import Block, Call
from oracles.chain.contract import Contract


class ViolationRegistry(Contract):
    """contracts/charter/ViolationRegistry.vy. Kinds and metrics by id, the keccak256 of the name."""

    name = "ViolationRegistry"

    async def next_entry(self, node: bytes, at: Block) -> int:
        """The first ledger entry of a node that no recorded attempt covers."""
        return int(await self._read(at, "next_entry", node))

    async def auditors(self, at: Block) -> dict[str, bytes]:
        """The auditors in office and their X25519 keys; 32 zeros for one who published none."""
        members = await self._read(at, "auditors")
        return {member: bytes(await self._read(at, "auditor_key", member)) for member in members}

    async def recent_blocks(self, at: Block) -> int:
        """How many blocks an observation may lie back."""
        return int(await self._read(at, "recent_blocks"))

    def commit(self, commitment: bytes) -> Call:
        """Bind a report without showing it; anyone may relay it."""
        return self._call("commit", commitment)

    def reveal(
        self,
        payee: str,
        node: bytes,
        kind: bytes,
        metric: bytes,
        charter_version: int,
        observed_block: int,
        evidence: bytes,
        salt: bytes,
    ) -> Call:
        """Open a case from an earlier commitment; anyone may relay it."""
        return self._call(
            "reveal", payee, node, kind, metric, charter_version, observed_block, evidence, salt
        )

    def confirm(self, case: int) -> Call:
        """An auditor's yes."""
        return self._call("confirm", case)

    def dismiss(self, case: int, reason_hash: bytes) -> Call:
        """An auditor's no."""
        return self._call("dismiss", case, reason_hash)

    def expire(self, case: int) -> Call:
        """Close a case whose review period is over; anyone may."""
        return self._call("expire", case)

    def claim(self, payee: str) -> Call:
        """Pay out a payee's bounties; anyone may."""
        return self._call("claim", payee)

    def log_override(self, what: str, why: str) -> Call:
        """Write an emergency override down for good (auditors or owner)."""
        return self._call("log_override", what, why)

    def set_auditor_key(self, x25519: bytes) -> Call:
        """Publish the sender's X25519 key, which evidence is sealed to."""
        return self._call("set_auditor_key", x25519)
