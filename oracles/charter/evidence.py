"""Evidence of a violation: personal data, so on-chain there is only a salted hash, and the file is sealed.

The metric's name and the content are encrypted once under a fresh key (NaCl secretbox, XSalsa20-Poly1305),
and that key is sealed to each auditor's X25519 key (NaCl sealed box). Any one auditor can open the file,
nobody else can, and it does not tell who sealed it.
"""

from __future__ import annotations

import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from eth_utils.crypto import keccak
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox
from nacl.secret import SecretBox
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from oracles.charter.canonical import canonical_json, name_id

MAX_EVIDENCE_BYTES = 4 << 20
_FORMAT: Literal["westworld-evidence/1"] = "westworld-evidence/1"


class EvidenceRefused(ValueError):
    """The evidence cannot be sealed or opened; the message says why."""


@dataclass(frozen=True)
class Evidence:
    """What the reporter holds: the metric that was seen, and whatever shows it."""

    metric: str
    content: bytes


@dataclass(frozen=True)
class SaltedEvidence:
    """Evidence and the 32 secret bytes that keep its hashes from being guessed."""

    evidence: Evidence
    salt: bytes

    @property
    def plain(self) -> bytes:
        """What is sealed: salt, name, NUL, content."""
        return self.salt + self.evidence.metric.encode() + b"\0" + self.evidence.content

    @classmethod
    def from_plain(cls, plain: bytes) -> SaltedEvidence:
        """Read `plain` back. Raises `ValueError`."""
        name, nul, content = plain[32:].partition(b"\0")
        if not nul:
            raise ValueError("no name of a metric")
        return cls(Evidence(name.decode(), content), plain[:32])

    @property
    def hash(self) -> bytes:
        """The hash by which the chain knows evidence, the metric's name included."""
        return keccak(self.plain)

    def metric_id(self, listed: bool) -> bytes:
        """The id by which the chain knows the metric: salted unless the charter lists the name.

        A listed name is public. Any other may say something of somebody, and a plain hash can be guessed.
        """
        return name_id(self.evidence.metric) if listed else keccak(self.salt + self.evidence.metric.encode())


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


def seal(evidence: Evidence, auditors: Mapping[str, bytes]) -> tuple[SealedEvidence, SaltedEvidence]:
    """Seal evidence to the auditors, by address with their X25519 keys; the second value has its hashes.

    Raises `EvidenceRefused` when nobody could open it, or when it is too large.
    """
    keys = {address.lower(): key for address, key in auditors.items() if any(key)}
    if not keys:
        raise EvidenceRefused("no auditor has published a key, so nobody could open the evidence")
    size = len(evidence.content)
    if not 0 < size <= MAX_EVIDENCE_BYTES:
        raise EvidenceRefused(f"the evidence has {size} bytes, 1 to {MAX_EVIDENCE_BYTES} are possible")
    salted, key = SaltedEvidence(evidence, secrets.token_bytes(32)), secrets.token_bytes(SecretBox.KEY_SIZE)
    sealed = SealedEvidence(
        evidence="0x" + salted.hash.hex(),
        content=_text(SecretBox(key).encrypt(salted.plain)),
        keys={address: _text(SealedBox(PublicKey(public)).encrypt(key)) for address, public in keys.items()},
    )
    return sealed, salted


def unseal(sealed: SealedEvidence, auditor: str, key: PrivateKey) -> SaltedEvidence:
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
    if "0x" + keccak(plain).hex() != sealed.evidence:
        raise EvidenceRefused("the content is not what its hash says: do not decide by it")
    try:
        return SaltedEvidence.from_plain(plain)
    except ValueError:
        raise EvidenceRefused("it names no metric: do not decide by it") from None


def _text(data: Any) -> str:
    return b64encode(bytes(data)).decode()
