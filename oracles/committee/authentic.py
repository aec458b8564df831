"""Who sent a message: members sign the exact bytes that they send, and answers name the request they answer.

EIP-191 (`personal_sign`) over a text that binds chain, contract, both members and the topic, so that a
message is good nowhere else. Requests may be replayed: answering one twice changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from eth_account.messages import SignableMessage, encode_defunct
from eth_utils.crypto import keccak

from oracles.chain.typed import Domain

SENDER_HEADER = "Westworld-Member"
SIGNATURE_HEADER = "Westworld-Signature"


@dataclass(frozen=True)
class Line:
    """One direction between two members on one topic."""

    domain: Domain
    topic: str
    sender: str
    recipient: str

    def request(self, body: bytes) -> SignableMessage:
        """What the sender of a request signs."""
        return self._bind("request", keccak(body))

    def answer(self, request: bytes, body: bytes) -> SignableMessage:
        """What the sender of an answer signs; `request` is the request's body."""
        return self._bind("answer", keccak(keccak(request) + keccak(body)))

    def reverse(self) -> Line:
        """The line on which the answer goes back."""
        return Line(self.domain, self.topic, self.recipient, self.sender)

    def _bind(self, kind: str, digest: bytes) -> SignableMessage:
        return encode_defunct(
            text=f"Westworld committee {kind}\n"
            f"chain {self.domain.chain_id}\ncontract {self.domain.contract}\ntopic {self.topic}\n"
            f"from {self.sender}\nto {self.recipient}\n0x{digest.hex()}"
        )
