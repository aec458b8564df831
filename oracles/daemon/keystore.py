"""Keys at rest, sealed with a password: chain keys as Ethereum V3 keystores, Ed25519 seeds by PyNaCl.

Seeds lie in a JSON file of our own: Argon2id (RFC 9106) makes the key, XSalsa20-Poly1305 (NaCl secretbox)
seals.
"""

from __future__ import annotations

import json
import os
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nacl.exceptions import CryptoError
from nacl.pwhash import argon2id
from nacl.secret import SecretBox
from nacl.signing import SigningKey
from nacl.utils import random
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from oracles.daemon.errors import KeystoreFault, WrongPassword

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

_OPERATIONS, _MEMORY = 3, 64 << 20
"""RFC 9106's second recommended choice: an agent may have no more memory to spare while it starts."""


class SealedSeed(BaseModel):
    """The file that holds an Ed25519 seed; byte strings in base64, memory in bytes."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["westworld-ed25519-seed"] = "westworld-ed25519-seed"
    version: Literal[1] = 1
    public_key: str
    kdf: Literal["argon2id"] = "argon2id"
    operations: int = Field(ge=argon2id.OPSLIMIT_MIN, le=argon2id.OPSLIMIT_SENSITIVE)
    memory: int = Field(ge=argon2id.MEMLIMIT_MIN, le=argon2id.MEMLIMIT_SENSITIVE)
    salt: str
    box: str


def save_account(
    path: Path, account: LocalAccount, password: SecretStr, *, iterations: int | None = None
) -> None:
    """Write a chain key as a V3 keystore (scrypt; `iterations` is its cost N, by default eth-account's).

    Raises `KeystoreFault` where the file is there already, or cannot be written.
    """
    from eth_account import Account  # here: an agent, which has none, need not wait for it

    sealed = Account.encrypt(account.key, password.get_secret_value(), iterations=iterations)
    _write(path, {**sealed, "address": account.address.removeprefix("0x").lower()})


def load_account(path: Path, password: SecretStr) -> LocalAccount:
    """The chain key in a V3 keystore; raises `WrongPassword` or `KeystoreFault`."""
    from eth_account import Account

    sealed = _read(path)
    try:
        key = Account.decrypt(sealed, password.get_secret_value())
    except ValueError as fault:
        # eth-keyfile says "MAC mismatch" for a wrong password, and other things for a broken file.
        if "mac" in str(fault).lower():
            raise _wrong_password(path) from None
        raise KeystoreFault(f"the keystore {path} is not a V3 keystore: {fault}") from None
    except (KeyError, TypeError):
        raise KeystoreFault(f"the keystore {path} is not a V3 keystore") from None
    account: LocalAccount = Account.from_key(key)
    return account


def save_signing_key(
    path: Path,
    key: SigningKey,
    password: SecretStr,
    *,
    operations: int = _OPERATIONS,
    memory: int = _MEMORY,
) -> None:
    """Seal an Ed25519 key's seed; raises `KeystoreFault` where the file is there already, or cannot be
    written.
    """
    salt = random(argon2id.SALTBYTES)
    box = SecretBox(_derived(password, salt, operations, memory)).encrypt(bytes(key))
    sealed = SealedSeed(
        public_key=b64encode(bytes(key.verify_key)).decode(),
        operations=operations,
        memory=memory,
        salt=b64encode(salt).decode(),
        box=b64encode(box).decode(),
    )
    _write(path, sealed.model_dump())


def load_signing_key(path: Path, password: SecretStr) -> SigningKey:
    """The Ed25519 key sealed in a file; raises `WrongPassword` or `KeystoreFault`."""
    try:
        sealed = SealedSeed.model_validate(_read(path))
        salt, box = b64decode(sealed.salt, validate=True), b64decode(sealed.box, validate=True)
        opener = SecretBox(_derived(password, salt, sealed.operations, sealed.memory))
    except (ValidationError, Base64Error, CryptoError, ValueError):
        raise KeystoreFault(f"the keystore {path} holds no sealed Ed25519 seed") from None
    try:
        key = SigningKey(opener.decrypt(box))
    except (CryptoError, ValueError):
        raise _wrong_password(path) from None
    if b64encode(bytes(key.verify_key)).decode() != sealed.public_key:
        raise KeystoreFault(f"the keystore {path} names another public key than the one it holds")
    return key


def _derived(password: SecretStr, salt: bytes, operations: int, memory: int) -> bytes:
    return argon2id.kdf(
        SecretBox.KEY_SIZE, password.get_secret_value().encode(), salt, opslimit=operations, memlimit=memory
    )


def _wrong_password(path: Path) -> WrongPassword:
    return WrongPassword(f"wrong password for the keystore {path}; check WESTWORLD_PASSWORD_FILE")


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise KeystoreFault(f"cannot read the keystore {path}: {fault.strerror}") from None
    except ValueError:
        raise KeystoreFault(f"the keystore {path} is not JSON") from None


def _write(path: Path, content: dict[str, Any]) -> None:
    """Durably, readable by the owner only, and never over a key that is there."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except FileExistsError:
        raise KeystoreFault(f"the keystore {path} exists; it is not written over") from None
    except OSError as fault:
        raise KeystoreFault(f"cannot write the keystore {path}: {fault.strerror}") from None
