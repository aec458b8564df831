"""ViolationRegistry: attempts, reports, review, penalties, bounties, the override log."""

from dataclasses import dataclass

from oracles.chain.block import Block, Call
from oracles.chain.contract import Contract


@dataclass(frozen=True)
class Case:
    """A case as the registry keeps it: times in seconds of chain time, `status` numbered by cases.vy."""

    node: bytes
    payee: str
    opened_at: int
    resolved_at: int
    status: int
    severity: int
    penalty: int


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

    async def minimum_age(self, at: Block) -> int:
        """How many blocks after its commitment a report can be revealed at the earliest."""
        return int(await self._read(at, "MINIMUM_AGE"))

    async def case(self, case: int, at: Block) -> Case:
        """A case's record; all zero for one that was never opened."""
        record = await self._read(at, "case_of", case)
        return Case(**{field: record[field] for field in Case.__dataclass_fields__})

    async def case_count(self, at: Block) -> int:
        """How many cases were ever opened; they are numbered from 1."""
        return int(await self._read(at, "case_count"))

    async def confirmations(self, case: int, at: Block) -> int:
        """How many auditors confirmed a case."""
        return int(await self._read(at, "confirmations", case))

    async def threshold(self, at: Block) -> int:
        """How many auditors must agree."""
        return int(await self._read(at, "threshold"))

    async def bounty_of(self, payee: str, at: Block) -> int:
        """What a payee can claim, in the token's smallest unit."""
        return int(await self._read(at, "bounty_of", payee))

    async def committed_block(self, commitment: bytes, at: Block) -> int:
        """The block number that a commitment was made in; 0: none, 2**256 - 1: it was revealed."""
        return int(await self._read(at, "committed_block", commitment))

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

    def rewind_entries(self, node: bytes, entry: int) -> Call:
        """Set back which ledger entries of a node count as handled (owner only)."""
        return self._call("rewind_entries", node, entry)
