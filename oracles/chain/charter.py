"""Charter: the constitution, its metric whitelist and versions."""

from dataclasses import dataclass

from oracles.chain.block import Block, Call
from oracles.chain.contract import Contract


@dataclass(frozen=True)
class ViolationTerms:
    """What the charter says of a kind of violation. `known` is false for a kind that it does not list."""

    severity: int
    penalty: int
    known: bool


class Charter(Contract):
    """contracts/charter/Charter.vy. Metrics and kinds are given by id, the keccak256 of the name."""

    name = "Charter"

    async def version(self, at: Block) -> int:
        """The version in force; 0 before the first enactment."""
        return int(await self._read(at, "version"))

    async def draft_digest(self, at: Block) -> bytes:
        """The running digest of the changes waiting to be enacted."""
        return bytes(await self._read(at, "draft_digest"))

    async def enacted_block(self, version: int, at: Block) -> int:
        """The block number that a version was enacted in; 0 if it was not."""
        return int(await self._read(at, "enacted_block", version))

    async def policy_hash(self, version: int, at: Block) -> bytes:
        """The canonical policy's hash that a version was enacted with."""
        return bytes(await self._read(at, "policy_hash", version))

    async def in_force(self, version: int, block_number: int, at: Block) -> bool:
        """Whether a version was in force at a block, grace period included."""
        return bool(await self._read(at, "in_force", version, block_number))

    async def judge(self, metric: bytes, version: int, block_number: int, at: Block) -> tuple[bool, bool]:
        """Whether a version was in force at a block, and whether any that was allowed the metric."""
        in_force, allowed = await self._read(at, "judge", metric, version, block_number)
        return bool(in_force), bool(allowed)

    async def grace_blocks(self, at: Block) -> int:
        """How many blocks a version stays in force after its successor's enactment."""
        return int(await self._read(at, "grace_blocks"))

    async def is_allowed(self, metric: bytes, at: Block) -> bool:
        """Whether the version in force allows a metric."""
        return bool(await self._read(at, "is_allowed", metric))

    async def is_allowed_at(self, metric: bytes, version: int, at: Block) -> bool:
        """Whether a version allowed a metric."""
        return bool(await self._read(at, "is_allowed_at", metric, version))

    async def is_forbidden(self, metric: bytes, at: Block) -> bool:
        """Whether the version in force forbids a metric by name."""
        return bool(await self._read(at, "is_forbidden", metric))

    async def violation(self, kind: bytes, at: Block) -> ViolationTerms:
        """Severity and penalty of a kind of violation."""
        severity, penalty, known = await self._read(at, "violation", kind)
        return ViolationTerms(severity, penalty, known)

    async def article_hash(self, number: int, at: Block) -> bytes:
        """The keccak256 of an article's text; zeros if there is none."""
        return bytes(await self._read(at, "article_hash", number))

    def allow_metric(self, name: str, rule: str) -> Call:
        """Add a metric to the draft's whitelist; `rule` is canonical JSON."""
        return self._call("allow_metric", name, rule)

    def forbid_metric(self, name: str) -> Call:
        """Forbid a metric by name in the draft."""
        return self._call("forbid_metric", name)

    def remove_metric(self, name: str) -> Call:
        """Take a metric out of the draft's lists."""
        return self._call("remove_metric", name)

    def set_violation(self, kind: str, severity: int, penalty: int) -> Call:
        """Set a kind's severity and penalty in the draft."""
        return self._call("set_violation", kind, severity, penalty)

    def adopt_article(self, number: int, text: str) -> Call:
        """Put an article into the draft."""
        return self._call("adopt_article", number, text)

    def set_terms(self, terms: str) -> Call:
        """Set the policy-wide terms in the draft; canonical JSON."""
        return self._call("set_terms", terms)

    def discard_draft(self) -> Call:
        """Drop all changes of the draft."""
        return self._call("discard_draft")

    def expect_draft(self, draft: bytes) -> Call:
        """Fail unless the open draft's digest is this one."""
        return self._call("expect_draft", draft)

    def enact(self, draft: bytes, policy_hash: bytes) -> Call:
        """Put the draft in force; refused unless its digest is `draft`."""
        return self._call("enact", draft, policy_hash)
