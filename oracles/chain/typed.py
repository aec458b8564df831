"""Typed data that keys sign for our contracts (EIP-712): the domain, oracle reports, votes and permits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_account import Account
from eth_account.messages import SignableMessage, _hash_eip191_message, encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address

COMMITTEE_NAME = "Westworld OracleCommittee"
"""The committee's EIP-712 domain name; its version is "1"."""


@dataclass(frozen=True)
class Domain:
    """An EIP-712 domain without salt, as all our contracts have it."""

    name: str
    chain_id: int
    contract: str
    version: str = "1"

    def as_json(self) -> dict[str, Any]:
        """The domain by the standard's field names."""
        return {
            "name": self.name,
            "version": self.version,
            "chainId": self.chain_id,
            "verifyingContract": self.contract,
        }


@dataclass(frozen=True)
class Report:
    """What committee members sign. `deadline` is in seconds of chain time."""

    topic: bytes
    sequence: int
    observed_block: int
    payload_hash: bytes
    config_digest: bytes
    deadline: int

    def as_tuple(self) -> tuple[bytes, int, int, bytes, bytes, int]:
        """The struct as the contract takes it."""
        return (
            self.topic,
            self.sequence,
            self.observed_block,
            self.payload_hash,
            self.config_digest,
            self.deadline,
        )


_REPORT = (
    ("bytes32", "topic"),
    ("uint256", "sequence"),
    ("uint256", "observedBlock"),
    ("bytes32", "payloadHash"),
    ("bytes32", "configDigest"),
    ("uint256", "deadline"),
)
_BALLOT = (("uint256", "proposalId"), ("uint8", "support"), ("address", "voter"), ("uint256", "nonce"))
_EXTENDED_BALLOT = (*_BALLOT, ("string", "reason"), ("bytes", "params"))
_DELEGATION = (("address", "delegatee"), ("uint256", "nonce"), ("uint256", "expiry"))
_PERMIT = (
    ("address", "owner"),
    ("address", "spender"),
    ("uint256", "value"),
    ("uint256", "nonce"),
    ("uint256", "deadline"),
)


def report_message(domain: Domain, report: Report) -> SignableMessage:
    """A committee report, ready to be signed or checked."""
    names = (name for _, name in _REPORT)
    return _message(domain, "Report", _REPORT, dict(zip(names, report.as_tuple(), strict=True)))


def ballot_message(domain: Domain, proposal: int, support: int, voter: str, nonce: int) -> SignableMessage:
    """A vote by signature (OpenZeppelin Governor 5.x `Ballot`); support: 0 against, 1 for, 2 abstain."""
    values = {"proposalId": proposal, "support": support, "voter": voter, "nonce": nonce}
    return _message(domain, "Ballot", _BALLOT, values)


def extended_ballot_message(
    domain: Domain, proposal: int, support: int, voter: str, nonce: int, reason: str, params: bytes = b""
) -> SignableMessage:
    """A vote by signature with a reason (OpenZeppelin Governor 5.x `ExtendedBallot`)."""
    values = {"proposalId": proposal, "support": support, "voter": voter, "nonce": nonce}
    return _message(domain, "ExtendedBallot", _EXTENDED_BALLOT, values | {"reason": reason, "params": params})


def delegation_message(domain: Domain, delegatee: str, nonce: int, expiry: int) -> SignableMessage:
    """A delegation of voting power by signature (ERC-5805); `expiry` in seconds."""
    values = {"delegatee": delegatee, "nonce": nonce, "expiry": expiry}
    return _message(domain, "Delegation", _DELEGATION, values)


def permit_message(
    domain: Domain, owner: str, spender: str, value: int, nonce: int, deadline: int
) -> SignableMessage:
    """An allowance by signature (ERC-2612); `deadline` in seconds."""
    values = {"owner": owner, "spender": spender, "value": value, "nonce": nonce, "deadline": deadline}
    return _message(domain, "Permit", _PERMIT, values)


def digest(message: SignableMessage) -> bytes:
    """The 32 bytes that are signed."""
    return bytes(_hash_eip191_message(message))


def sign(account: LocalAccount, message: SignableMessage) -> bytes:
    """65 bytes r ‖ s ‖ v with low s (EIP-2) and v 27 or 28."""
    return bytes(account.sign_message(message).signature)


def signer(message: SignableMessage, signature: bytes) -> str:
    """The address whose key made the signature, in checksum form; raises `ValueError` for no signature."""
    try:
        return to_checksum_address(Account.recover_message(message, signature=signature))
    except Exception as fault:
        # eth-account lets its curve library's own errors through, and they have no common base.
        raise ValueError(f"not a signature: {fault}") from None


def _message(
    domain: Domain, name: str, fields: Sequence[tuple[str, str]], values: Mapping[str, Any]
) -> SignableMessage:
    types = {name: [{"type": kind, "name": field} for kind, field in fields]}
    return encode_typed_data(domain.as_json(), types, dict(values))
