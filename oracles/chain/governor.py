"""Governor: proposals on tracks, with OpenZeppelin Governor 5.x names."""

from dataclasses import dataclass
from enum import IntEnum

from eth_utils.crypto import keccak

from oracles.chain.block import Block, Call
from oracles.chain.contract import Contract
from oracles.chain.typed import Domain


class ProposalState(IntEnum):
    """OpenZeppelin `IGovernor.ProposalState`."""

    PENDING = 0
    ACTIVE = 1
    CANCELED = 2
    DEFEATED = 3
    SUCCEEDED = 4
    QUEUED = 5
    EXPIRED = 6
    EXECUTED = 7


@dataclass(frozen=True)
class Proposal:
    """What is proposed: calls in order, and a description whose first line may name the track."""

    calls: tuple[Call, ...]
    description: str

    def arguments(self) -> tuple[list[str], list[int], list[bytes]]:
        """Targets, values and call data, as the Governor takes them."""
        return (
            [call.to for call in self.calls],
            [call.value for call in self.calls],
            [call.data for call in self.calls],
        )

    @property
    def description_hash(self) -> bytes:
        """The keccak256 of the description."""
        return keccak(text=self.description)


class Governor(Contract):
    """contracts/governance/Governor.vy. Timepoints are in the Governor's clock (ERC-6372)."""

    name = "Governor"
    version_view = "version"

    async def domain(self, at: Block) -> Domain:
        """The EIP-712 domain that ballots are signed under (ERC-5267)."""
        _, name, version, chain_id, contract, _, _ = await self._read(at, "eip712Domain")
        return Domain(name, chain_id, contract, version)

    async def state(self, proposal: int, at: Block) -> ProposalState:
        """Where a proposal stands; raises `CallReverted` for one that does not exist."""
        return ProposalState(await self._read(at, "state", proposal))

    async def snapshot(self, proposal: int, at: Block) -> int:
        """The timepoint that voting power is counted at."""
        return int(await self._read(at, "proposalSnapshot", proposal))

    async def deadline(self, proposal: int, at: Block) -> int:
        """The timepoint that voting ends after."""
        return int(await self._read(at, "proposalDeadline", proposal))

    async def eta(self, proposal: int, at: Block) -> int:
        """When a queued proposal may be executed; 0 if it is not queued."""
        return int(await self._read(at, "proposalEta", proposal))

    async def votes(self, proposal: int, at: Block) -> tuple[int, int, int]:
        """Votes against, for, and abstaining."""
        against, in_favour, abstaining = await self._read(at, "proposalVotes", proposal)
        return against, in_favour, abstaining

    async def has_voted(self, proposal: int, account: str, at: Block) -> bool:
        """Whether an account's vote was counted."""
        return bool(await self._read(at, "hasVoted", proposal, account))

    async def signature_nonce(self, voter: str, at: Block) -> int:
        """The nonce of a voter's next ballot by signature."""
        return int(await self._read(at, "nonces", voter))

    async def proposal_id(self, proposal: Proposal, at: Block) -> int:
        """The id that the Governor gives a proposal."""
        arguments = (*proposal.arguments(), proposal.description_hash)
        return int(await self._read(at, "hashProposal", *arguments))

    def propose(self, proposal: Proposal) -> Call:
        """Propose."""
        return self._call("propose", *proposal.arguments(), proposal.description)

    def queue(self, proposal: Proposal) -> Call:
        """Hand a proposal that succeeded to its executor."""
        return self._call("queue", *proposal.arguments(), proposal.description_hash)

    def execute(self, proposal: Proposal) -> Call:
        """Carry out a queued proposal whose delay is over."""
        return self._call("execute", *proposal.arguments(), proposal.description_hash)

    def cast_vote(self, proposal: int, support: int) -> Call:
        """Vote: 0 against, 1 for, 2 abstain."""
        return self._call("castVote", proposal, support)

    def cast_vote_by_signature(self, proposal: int, support: int, voter: str, signature: bytes) -> Call:
        """Relay a voter's signed ballot (`castVoteBySig`)."""
        return self._call("castVoteBySig", proposal, support, voter, signature)
