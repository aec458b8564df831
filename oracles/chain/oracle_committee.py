"""OracleCommittee: the k-of-n door for everything that comes from off the chain."""

from collections.abc import Sequence

from oracles.chain.block import Block, Call
from oracles.chain.contract import Contract
from oracles.chain.typed import COMMITTEE_NAME, Domain, Report


class OracleCommittee(Contract):
    """contracts/committee/OracleCommittee.vy."""

    name = "OracleCommittee"

    def domain(self) -> Domain:
        """The EIP-712 domain that reports are signed under."""
        return Domain(COMMITTEE_NAME, self._rpc.chain_id, self.address)

    async def members(self, at: Block) -> tuple[str, ...]:
        """The members' addresses, in the contract's order."""
        return tuple(await self._read(at, "members"))

    async def threshold(self, at: Block) -> int:
        """How many members must sign."""
        return int(await self._read(at, "threshold"))

    async def is_member(self, account: str, at: Block) -> bool:
        """Whether an address is a member."""
        return bool(await self._read(at, "is_member", account))

    async def config_digest(self, at: Block) -> bytes:
        """What binds a signature to members and threshold."""
        return bytes(await self._read(at, "config_digest"))

    async def last_sequence(self, topic: bytes, at: Block) -> int:
        """The sequence of a topic's last accepted report."""
        return int(await self._read(at, "last_sequence", topic))

    async def consumer(self, topic: bytes, at: Block) -> str:
        """The contract that gets a topic's reports."""
        return str(await self._read(at, "consumer", topic))

    async def is_open(self, topic: bytes, at: Block) -> bool:
        """Whether a topic has a consumer; none has one before the contract is there."""
        if not await self._rpc.code(self.address, at):
            return False
        return int(await self.consumer(topic, at), 16) != 0

    async def hash_report(self, report: Report, at: Block) -> bytes:
        """The digest that members sign, as the contract computes it."""
        return bytes(await self._read(at, "hash_report", report.as_tuple()))

    def submit(self, report: Report, payload: bytes, signatures: Sequence[bytes]) -> Call:
        """Hand in a report; signatures in ascending order of their signers' addresses."""
        return self._call("submit", report.as_tuple(), payload, list(signatures))

    def prove_equivocation(self, a: Report, signature_a: bytes, b: Report, signature_b: bytes) -> Call:
        """Show two payloads that one member signed for one sequence: it is removed."""
        return self._call("prove_equivocation", a.as_tuple(), signature_a, b.as_tuple(), signature_b)

    def set_members(self, members: Sequence[str], threshold: int) -> Call:
        """Seat a new committee (owner only)."""
        return self._call("set_members", list(members), threshold)

    def set_topic(self, topic: bytes, consumer: str) -> Call:
        """Say which contract gets a topic's reports (owner only)."""
        return self._call("set_topic", topic, consumer)

    def rewind(self, topic: bytes, sequence: int) -> Call:
        """Set a topic's sequence back after hostile members used it up (owner only)."""
        return self._call("rewind", topic, sequence)
