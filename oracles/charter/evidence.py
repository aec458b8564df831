"""Evidence of a violation: personal data, so on-chain there is only a salted hash, and the file is sealed.

The content is encrypted once under a fresh key (NaCl secretbox, XSalsa20-Poly1305), and that key is sealed to
each auditor's X25519 key (NaCl sealed box). Any one auditor can open the file, nobody else can, and it does
not tell who sealed it.
"""

from __future__ import annotations

import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from eth_utils.crypto import keccak
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox
from nacl.secret import SecretBox
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from oracles.charter.canonical import canonical_json

MAX_EVIDENCE_BYTES = 4 << 20
_FORMAT: Literal["westworld-evidence/1"] = "westworld-evidence/1"


class EvidenceRefused(ValueError):
    """The evidence cannot be sealed or opened; the message says why."""


class SealedEvidence(BaseModel):
    """An evidence file as it may lie anywhere. Byte strings are base64."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    format: Literal["westworld-evidence/1"] = _FORMAT
    evidence: Annotated[str, Field(pattern=r"^0x[0-9a-f]{64}$")]
    """The salted hash that is on-chain."""
    content: str
    keys: dict[str, str]
    """Auditor's address in lower case → the content's key, sealed to that auditor."""

    def to_json(self) -> bytes:
        """The file's bytes."""
        return canonical_json(self.model_dump(mode="json"))

    @classmethod
    def from_json(cls, data: bytes) -> SealedEvidence:
        """Read a file back. Raises `EvidenceRefused`."""
        try:
            return cls.model_validate_json(data)
        except ValidationError as fault:
            first = fault.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"])) or "the file"
            raise EvidenceRefused(f"this is no sealed evidence: {place}: {first['msg']}") from None


def evidence_hash(content: bytes, salt: bytes) -> bytes:
    """The hash by which the chain knows evidence: keccak256 of a 32-byte salt and the content."""
    return keccak(salt + content)


def seal(content: bytes, auditors: Mapping[str, bytes]) -> tuple[SealedEvidence, bytes]:
    """Seal `content` to the auditors, given by address with their X25519 keys; the second value is its hash.

    Raises `EvidenceRefused` when nobody could open it, or when it is too large.
    """
    keys = {address.lower(): key for address, key in auditors.items() if any(key)}
    if not keys:
        raise EvidenceRefused("no auditor has published a key, so nobody could open the evidence")
    if not 0 < len(content) <= MAX_EVIDENCE_BYTES:
        raise EvidenceRefused(
            f"the evidence has {len(content)} bytes, 1 to {MAX_EVIDENCE_BYTES} are possible"
        )
    salt, key = secrets.token_bytes(32), secrets.token_bytes(SecretBox.KEY_SIZE)
    digest = evidence_hash(content, salt)
    sealed = SealedEvidence(
        evidence="0x" + digest.hex(),
        content=_text(SecretBox(key).encrypt(salt + content)),
        keys={address: _text(SealedBox(PublicKey(public)).encrypt(key)) for address, public in keys.items()},
    )
    return sealed, digest


def unseal(sealed: SealedEvidence, auditor: str, key: PrivateKey) -> bytes:
    """Open evidence as one of its auditors, and check it against the hash.

    Raises `EvidenceRefused` if it was not sealed to that auditor's key, or is not what the hash says.
    """
    box = sealed.keys.get(auditor.lower())
    if box is None:
        raise EvidenceRefused(f"it was not sealed to {auditor}, but to: {', '.join(sorted(sealed.keys))}")
    try:
        content_key = SealedBox(key).decrypt(b64decode(box, validate=True))
        plain = SecretBox(content_key).decrypt(b64decode(sealed.content, validate=True))
    except (CryptoError, ValueError):
        raise EvidenceRefused(f"the key given does not open what was sealed to {auditor}") from None
    salt, content = plain[:32], plain[32:]
    if "0x" + evidence_hash(content, salt).hex() != sealed.evidence:
        raise EvidenceRefused("the content is not what its hash says: do not decide by it")
    return content


def _text(data: Any) -> str:
    return b64encode(bytes(data)).decode()
