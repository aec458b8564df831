"""Keys at rest: what opens them, what does not, and what is said then."""

import json
import stat
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from nacl.pwhash import argon2id
from nacl.signing import SigningKey
from pydantic import SecretStr

from oracles.daemon.errors import KeystoreFault, WrongPassword
from oracles.daemon.keystore import load_account, load_signing_key, save_account, save_signing_key

PASSWORD = SecretStr("correct horse")
WRONG_PASSWORD = SecretStr("battery staple")
ACCOUNT = Account.create()
SIGNING = SigningKey.generate()


def _save_account(path: Path) -> None:
    save_account(path, ACCOUNT, PASSWORD, iterations=2)


def _save_signing_key(path: Path) -> None:
    save_signing_key(path, SIGNING, PASSWORD, operations=argon2id.OPSLIMIT_MIN, memory=argon2id.MEMLIMIT_MIN)


BOTH = pytest.mark.parametrize(
    ("save", "load"),
    [(_save_account, load_account), (_save_signing_key, load_signing_key)],
    ids=["account", "signing key"],
)
Save = Callable[[Path], None]
Load = Callable[[Path, SecretStr], Any]


def test_a_chain_key_comes_back(tmp_path: Path) -> None:
    _save_account(tmp_path / "key")
    assert load_account(tmp_path / "key", PASSWORD).key == ACCOUNT.key


def test_a_signing_key_comes_back(tmp_path: Path) -> None:
    _save_signing_key(tmp_path / "key")
    assert load_signing_key(tmp_path / "key", PASSWORD) == SIGNING


@BOTH
def test_a_wrong_password_is_one_clear_line(tmp_path: Path, save: Save, load: Load) -> None:
    save(tmp_path / "key")
    with pytest.raises(WrongPassword) as fault:
        load(tmp_path / "key", WRONG_PASSWORD)
    assert (
        str(fault.value) == f"wrong password for the keystore {tmp_path}/key; check WESTWORLD_PASSWORD_FILE"
    )
    told = "".join(traceback.format_exception(fault.value))
    assert WRONG_PASSWORD.get_secret_value() not in told and "During handling" not in told


@BOTH
def test_a_keystore_is_the_owners_alone_and_not_written_over(tmp_path: Path, save: Save, load: Load) -> None:
    save(tmp_path / "key")
    before = (tmp_path / "key").read_bytes()
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    with pytest.raises(KeystoreFault, match="not written over"):
        save(tmp_path / "key")
    assert (tmp_path / "key").read_bytes() == before
    with pytest.raises(KeystoreFault, match="cannot write"):
        save(tmp_path / "nowhere" / "key")


@BOTH
@pytest.mark.parametrize("content", ["", "{}", "[]", '"text"', '{"version": 3, "crypto": {}}'])
def test_a_file_that_is_no_keystore_is_named(tmp_path: Path, save: Save, load: Load, content: str) -> None:
    (tmp_path / "key").write_text(content)
    with pytest.raises(KeystoreFault, match=f"{tmp_path}/key") as fault:
        load(tmp_path / "key", PASSWORD)
    assert not isinstance(fault.value, WrongPassword)


@BOTH
def test_a_missing_keystore_is_named(tmp_path: Path, save: Save, load: Load) -> None:
    with pytest.raises(KeystoreFault, match="cannot read the keystore"):
        load(tmp_path / "key", PASSWORD)


@BOTH
def test_keys_are_not_in_the_file(tmp_path: Path, save: Save, load: Load) -> None:
    save(tmp_path / "key")
    text = (tmp_path / "key").read_text()
    assert bytes(ACCOUNT.key).hex() not in text and bytes(SIGNING).hex() not in text


def test_a_seed_file_that_names_another_public_key_is_refused(tmp_path: Path) -> None:
    _save_signing_key(tmp_path / "key")
    _rewrite(tmp_path / "key", public_key="AAAA")
    with pytest.raises(KeystoreFault, match="another public key"):
        load_signing_key(tmp_path / "key", PASSWORD)


def test_a_seed_file_with_absurd_costs_is_refused(tmp_path: Path) -> None:
    _save_signing_key(tmp_path / "key")
    _rewrite(tmp_path / "key", memory=2**62)
    with pytest.raises(KeystoreFault, match="no sealed Ed25519 seed"):
        load_signing_key(tmp_path / "key", PASSWORD)


def _rewrite(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
