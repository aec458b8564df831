"""What members do together: propose, sign ballots, queue, execute. Every act is a wallet's."""

from __future__ import annotations

from eth_account.signers.local import LocalAccount

from oracles.chain.block import Call
from oracles.chain.governor import Proposal, ProposalState
from oracles.chain.typed import Domain
from oracles.governance.ballot import Support, sign_ballot
from oracles.governance.proposal import CHARTER_AMENDMENT, draft, proposal_id
from scripts._story.processes import StoryFault
from scripts._story.wallets import Chain


class Vote:
    """One proposal on its way through the Governor."""

    def __init__(self, chain: Chain, proposer: LocalAccount, calls: list[Call], text: str) -> None:
        self._chain = chain
        self._governor = chain.contract("Governor")
        self.proposal: Proposal = draft(calls, text, track=CHARTER_AMENDMENT)
        self.id = proposal_id(self.proposal)
        arguments = (*self.proposal.arguments(), self.proposal.description)
        chain.send(proposer, self._governor.functions.propose(*arguments))

    def cast(self, voters: list[LocalAccount], relayer: LocalAccount) -> int:
        """Each voter signs a ballot off-chain, the relayer pays for all; returns the votes in favour."""
        name, version, chain_id, contract = self._governor.functions.eip712Domain().call()[1:5]
        domain = Domain(name, chain_id, contract, version)
        for voter in voters:
            nonce = self._governor.functions.nonces(voter.address).call()
            ballot = sign_ballot(voter, domain, self.id, Support.FOR, nonce)
            self._chain.send(relayer, self._governor.functions.castVoteBySig(*ballot.arguments()))
        return int(self._governor.functions.proposalVotes(self.id).call()[1])

    def queue(self, sender: LocalAccount) -> None:
        """Hands a proposal that passed to its executor."""
        self._chain.send(sender, self._governor.functions.queue(*self._by_hash()))

    def execute(self, sender: LocalAccount) -> None:
        """Carries it out."""
        self._chain.send(sender, self._governor.functions.execute(*self._by_hash()))

    def expect(self, state: ProposalState) -> None:
        """Raises StoryFault when the proposal is in another state."""
        found = ProposalState(self._governor.functions.state(self.id).call())
        if found is not state:
            raise StoryFault(f"the proposal should be {state.name} and is {found.name}")

    def _by_hash(self) -> tuple[list[str], list[int], list[bytes], bytes]:
        return (*self.proposal.arguments(), self.proposal.description_hash)
