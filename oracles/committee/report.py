"""The report that members sign and OracleCommittee takes, and whose signature it carries."""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

import pydantic
from eth_account.messages import SignableMessage
from eth_account.signers.local import LocalAccount

from oracles.chain import typed
from oracles.committee.encoding import STRICT, Hash, Number

_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0  # of secp256k1, rounded down


class SignatureInvalid(ValueError):
    """No key made this signature, or it is not in the one form that the contract takes."""


@pydantic.dataclasses.dataclass(frozen=True, config=STRICT)
class Report(typed.Report):
    """`typed.Report`, checked field by field where it comes from another member."""

    topic: Hash
    sequence: Number
    observed_block: Number
    payload_hash: Hash
    config_digest: Hash
    deadline: Number

    @property
    def round(self) -> tuple[bytes, bytes, int]:
        """That for which a member signs one payload only: configuration, topic, sequence."""
        return (self.config_digest, self.topic, self.sequence)


@lru_cache(maxsize=256)
def report_message(domain: typed.Domain, report: Report) -> SignableMessage:
    """What a member signs for a report (EIP-712); each vote for it is checked against the same."""
    return typed.report_message(domain, report)


class Signing(Protocol):
    """A member's key, and the way to tell whose key signed something."""

    @property
    def address(self) -> str:
        """The member's address in checksum form."""

    def sign(self, message: SignableMessage) -> bytes:
        """The member's 65-byte signature."""

    def signer(self, message: SignableMessage, signature: bytes) -> str:
        """The address whose key signed; raises `SignatureInvalid`."""


class AccountSigning:
    """Signing with an account whose key is in memory."""

    def __init__(self, account: LocalAccount) -> None:
        self._account = account

    @property
    def address(self) -> str:
        """The account's address in checksum form."""
        return str(self._account.address)

    def sign(self, message: SignableMessage) -> bytes:
        """`r ‖ s ‖ v` with the lower `s`, `v` being 27 or 28."""
        return typed.sign(self._account, message)

    def signer(self, message: SignableMessage, signature: bytes) -> str:
        """The address whose key signed.

        Raises `SignatureInvalid`, also for the forms that the contract refuses (EIP-2's higher `s`, another
        `v`): one such vote among k would spoil the whole transaction.
        """
        if len(signature) != 65 or signature[64] not in (27, 28):
            raise SignatureInvalid("a signature has 65 bytes, the last of them 27 or 28")
        if int.from_bytes(signature[32:64], "big") > _HALF_ORDER:
            raise SignatureInvalid("the signature's s is the higher of the two possible")
        try:
            return typed.signer(message, signature)
        except ValueError as fault:
            raise SignatureInvalid(str(fault)) from None
