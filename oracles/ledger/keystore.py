"""The Ed25519 seed of a ledger, sealed with a password (Argon2id, then XSalsa20-Poly1305)."""

from binascii import Error as HexError
from json import JSONDecodeError, dumps, loads
from pathlib import Path

from nacl import pwhash
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox
from nacl.utils import random

from oracles.ledger import durable
from oracles.ledger.errors import LedgerError

SEED_BYTES = 32
_FORMAT = "westworld-ed25519-1"


class KeystoreRefused(LedgerError):
    """A keystore that is missing, malformed, or does not open with this password."""


def create_seed(path: Path, password: bytes) -> bytes:
    """Makes a new seed and keeps it sealed at `path`. Raises KeystoreRefused when there is one already."""
    if path.exists():
        raise KeystoreRefused(f"keystore {path}: there is one already; it isn't overwritten")
    seed = random(SEED_BYTES)
    salt = random(pwhash.argon2id.SALTBYTES)
    operations, memory = pwhash.argon2id.OPSLIMIT_INTERACTIVE, pwhash.argon2id.MEMLIMIT_INTERACTIVE
    sealed = SecretBox(_key(password, salt, operations, memory)).encrypt(seed)
    fields = {
        "format": _FORMAT,
        "salt": salt.hex(),
        "operations": operations,
        "memory": memory,
        "sealed": bytes(sealed).hex(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    durable.replace(path, dumps(fields, indent=2).encode() + b"\n")
    return seed


def open_seed(path: Path, password: bytes) -> bytes:
    """The 32-byte seed kept at `path`. Raises KeystoreRefused."""
    try:
        fields = loads(path.read_bytes())
        if fields["format"] != _FORMAT:
            raise KeystoreRefused(
                f"keystore {path}: format {fields['format']!r} is not known, only {_FORMAT!r}"
            )
        salt, sealed = bytes.fromhex(fields["salt"]), bytes.fromhex(fields["sealed"])
        key = _key(password, salt, int(fields["operations"]), int(fields["memory"]))
    except OSError as error:
        raise KeystoreRefused(f"keystore {path}: {error.strerror}") from None
    except (JSONDecodeError, KeyError, TypeError, ValueError, HexError, CryptoError) as error:
        raise KeystoreRefused(f"keystore {path}: malformed: {error!r}") from None
    try:
        return SecretBox(key).decrypt(sealed)
    except (CryptoError, ValueError):
        raise KeystoreRefused(f"keystore {path}: the password does not open it") from None


def _key(password: bytes, salt: bytes, operations: int, memory: int) -> bytes:
    return pwhash.argon2id.kdf(SecretBox.KEY_SIZE, password, salt, opslimit=operations, memlimit=memory)
