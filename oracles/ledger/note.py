"""C2SP signed notes and tlog checkpoints, signed with Ed25519.

Formats: c2sp.org/signed-note and c2sp.org/tlog-checkpoint. A checkpoint carries one extension line,
`epoch <n>`: it is signed, so a key answers only for the epoch under which it is registered.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from oracles.ledger.errors import NoteInvalid
from oracles.ledger.merkle import HASH_BYTES

_ED25519 = b"\x01"
_KEY_ID_BYTES = 4
_SIGNATURE_BYTES = 64
_MAX_NOTE_BYTES = 16_384
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")
LARGEST = 2**63 - 1
"""The largest size or epoch: what a signed 64-bit number holds, in a database or another implementation."""
_KEY_NAME = re.compile(r"[^\s+]+")


@dataclass(frozen=True)
class Verifier:
    """An Ed25519 public key with the name and the epoch under which it may sign."""

    name: str
    public_key: bytes
    epoch: int = 0

    def __post_init__(self) -> None:
        if not _KEY_NAME.fullmatch(self.name):
            raise ValueError(f"a key name is not empty and has no space and no plus sign: {self.name!r}")
        if len(self.public_key) != 32:
            raise ValueError(f"an Ed25519 public key has 32 bytes, not {len(self.public_key)}")

    @classmethod
    def parse(cls, vkey: str, epoch: int = 0) -> "Verifier":
        """Reads the C2SP verifier key encoding `<name>+<key id>+<base64>`. Raises ValueError."""
        name, _, rest = vkey.partition("+")
        key_id, _, encoded = rest.partition("+")
        key = _base64(encoded)
        if key is None or key[:1] != _ED25519:
            raise ValueError(f"not an Ed25519 verifier key: {vkey!r}")
        verifier = cls(name, key[1:], epoch)
        if verifier.key_id.hex() != key_id:
            raise ValueError(
                f"verifier key {vkey!r} names key id {key_id}, but its key has {verifier.key_id.hex()}"
            )
        return verifier

    @property
    def key_id(self) -> bytes:
        """The 4 bytes that tell this key from others of the same name."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public_key).digest()[:_KEY_ID_BYTES]

    @property
    def vkey(self) -> str:
        """The C2SP verifier key encoding."""
        return f"{self.name}+{self.key_id.hex()}+{b64encode(_ED25519 + self.public_key).decode()}"

    def verifies(self, text: bytes, signature: bytes) -> bool:
        """Whether `signature` (64 bytes) is this key's over `text`."""
        try:
            VerifyKey(self.public_key).verify(text, signature)
        except (BadSignatureError, ValueError):
            return False
        return True


class Signer:
    """An Ed25519 key that signs notes under a name, for one epoch."""

    def __init__(self, name: str, seed: bytes, epoch: int = 0) -> None:
        self._key = SigningKey(seed)
        self.verifier = Verifier(name, bytes(self._key.verify_key), epoch)

    def sign(self, text: str) -> bytes:
        """The signed note over `text`, which ends with a newline. Raises ValueError on other text."""
        _check_text(text, ValueError)
        signature = self.verifier.key_id + self._key.sign(text.encode()).signature
        return f"{text}\n— {self.verifier.name} {b64encode(signature).decode()}\n".encode()


@dataclass(frozen=True)
class Note:
    """An opened note: its text and those known keys that signed it."""

    text: str
    signers: tuple[Verifier, ...]


@dataclass(frozen=True)
class Checkpoint:
    """A tree head: `size` entries with this root, by the log `origin`, in the key epoch `epoch`."""

    origin: str
    size: int
    root: bytes
    epoch: int

    def text(self) -> str:
        """The note text, as tlog-checkpoint lays it down."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\nepoch {self.epoch}\n"

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Reads a note's text; a checkpoint without an epoch line is of epoch 0. Raises NoteInvalid."""
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
            raise NoteInvalid("a checkpoint has an origin, a size and a root, one a line, none of them empty")
        origin, size, root64, *extensions = lines[:-1]
        root = _base64(root64)
        if not _is_number(size):
            raise NoteInvalid(f"checkpoint of {origin}: the size is no decimal number below 2^63: {size!r}")
        if root is None or len(root) != HASH_BYTES:
            raise NoteInvalid(
                f"checkpoint of {origin}: the root is not the base64 of {HASH_BYTES} bytes: {root64!r}"
            )
        epochs = [line.removeprefix("epoch ") for line in extensions if line.startswith("epoch ")]
        if len(epochs) > 1 or not all(map(_is_number, epochs)):
            raise NoteInvalid(f"checkpoint of {origin}: not one decimal epoch below 2^63: {epochs}")
        return cls(origin, int(size), root, int(epochs[0]) if epochs else 0)


def split_note(raw: bytes) -> tuple[str, list[tuple[str, bytes]]]:
    """A note's text and its signatures as (key name, key id + signature), unverified. Raises NoteInvalid."""
    if len(raw) > _MAX_NOTE_BYTES:
        raise NoteInvalid(f"a note of {len(raw)} bytes: the limit is {_MAX_NOTE_BYTES}")
    try:
        whole = raw.decode()
    except UnicodeDecodeError as error:
        raise NoteInvalid(f"a note is UTF-8, this one is not at byte {error.start}") from None
    text, blank, block = whole.rpartition("\n\n")
    text += "\n"
    if not blank or not block.endswith("\n"):
        raise NoteInvalid("a note is a text, an empty line, and signature lines")
    _check_text(text, NoteInvalid)
    signatures = []
    for line in block[:-1].split("\n"):
        dash, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        signature = _base64(encoded)
        if (
            dash != "—"
            or not _KEY_NAME.fullmatch(name)
            or signature is None
            or len(signature) <= _KEY_ID_BYTES
        ):
            raise NoteInvalid(f"not a signature line: {line!r}")
        signatures.append((name, signature))
    return text, signatures


def open_note(raw: bytes, verifiers: Iterable[Verifier]) -> Note:
    """Opens a note that at least one of `verifiers` signed; unknown keys' signatures are passed over.

    Raises NoteInvalid when it is malformed, when a known key's signature is wrong, or none is known.
    """
    text, signatures = split_note(raw)
    known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
    signers = []
    for name, signature in signatures:
        verifier = known.get((name, signature[:_KEY_ID_BYTES]))
        if verifier is None:
            continue
        if not verifier.verifies(text.encode(), signature[_KEY_ID_BYTES:]):
            raise NoteInvalid(f"the signature of {name} ({verifier.key_id.hex()}) does not verify")
        if verifier not in signers:
            signers.append(verifier)
    if not signers:
        names = ", ".join(f"{name} ({signature[:_KEY_ID_BYTES].hex()})" for name, signature in signatures)
        raise NoteInvalid(f"signed by no known key, only by {names}")
    return Note(text, tuple(signers))


def open_checkpoint(raw: bytes, verifiers: Iterable[Verifier]) -> Checkpoint:
    """Opens a checkpoint signed by the log itself, with a key of the epoch that it names.

    Raises NoteInvalid, also when origin and key name differ or the key belongs to another epoch.
    """
    note = open_note(raw, verifiers)
    checkpoint = Checkpoint.parse(note.text)
    for signer in note.signers:
        if signer.name == checkpoint.origin and signer.epoch == checkpoint.epoch:
            return checkpoint
    raise NoteInvalid(
        f"checkpoint of {checkpoint.origin}, epoch {checkpoint.epoch}: "
        "no signature by this origin's key of this epoch"
    )


def _check_text(text: str, error: type[Exception]) -> None:
    if len(text) < 2 or not text.endswith("\n"):
        raise error("a note's text is not empty and ends with a newline")
    if any((ord(char) < 0x20 and char != "\n") or char == "\x7f" for char in text):
        raise error("a note's text has no control characters other than newlines")


def _is_number(text: str) -> bool:
    return _DECIMAL.fullmatch(text) is not None and int(text) <= LARGEST


def _base64(encoded: str) -> bytes | None:
    try:
        return b64decode(encoded, validate=True)
    except (Base64Error, ValueError):
        return None
