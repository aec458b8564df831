"""Ballots by signature: a wallet signs, anybody sends (OpenZeppelin Governor 5.x `Ballot`, EIP-712)."""

from dataclasses import dataclass
from enum import IntEnum

from eth_account.signers.local import LocalAccount

from oracles.chain.typed import Domain, ballot_message, sign


class Support(IntEnum):
    """What a vote supports."""

    AGAINST = 0
    FOR = 1
    ABSTAIN = 2


@dataclass(frozen=True)
class Ballot:
    """A signed vote, as `castVoteBySig` takes it."""

    proposal: int
    support: Support
    voter: str
    signature: bytes

    def arguments(self) -> tuple[int, int, str, bytes]:
        """The arguments of `castVoteBySig`."""
        return self.proposal, int(self.support), self.voter, self.signature


def sign_ballot(key: LocalAccount, domain: Domain, proposal: int, support: Support, nonce: int) -> Ballot:
    """The vote of `key`; `domain` and `nonce` are the Governor's `eip712Domain()` and `nonces(voter)`."""
    message = ballot_message(domain, proposal, int(support), key.address, nonce)
    return Ballot(proposal, support, key.address, sign(key, message))
