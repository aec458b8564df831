"""The sealed seed opens with its password and nothing else."""

from json import dumps, loads
from pathlib import Path

import pytest

from oracles.ledger.keystore import KeystoreRefused, create_seed, open_seed


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    path = tmp_path_factory.mktemp("keys") / "ledger.json"
    return path, create_seed(path, b"the password")


def test_the_password_opens_it(sealed: tuple[Path, bytes]) -> None:
    path, seed = sealed
    assert open_seed(path, b"the password") == seed
    assert len(seed) == 32
    assert seed.hex() not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0


def test_a_wrong_password_is_one_clear_line(sealed: tuple[Path, bytes]) -> None:
    with pytest.raises(KeystoreRefused) as raised:
        open_seed(sealed[0], b"another")
    assert str(raised.value) == f"keystore {sealed[0]}: the password does not open it"


def test_an_existing_keystore_is_not_overwritten(sealed: tuple[Path, bytes]) -> None:
    with pytest.raises(KeystoreRefused, match="there is one already"):
        create_seed(sealed[0], b"the password")


def test_a_malformed_or_missing_keystore_is_refused(sealed: tuple[Path, bytes], tmp_path: Path) -> None:
    with pytest.raises(KeystoreRefused, match="No such file"):
        open_seed(tmp_path / "none", b"")
    fields = loads(sealed[0].read_text())
    broken = tmp_path / "broken"
    for change in ({"format": "other"}, {"salt": "zz"}, {"salt": "00"}, {"memory": 1}, {"sealed": "00"}):
        broken.write_text(dumps({**fields, **change}))
        with pytest.raises(KeystoreRefused):
            open_seed(broken, b"the password")
    broken.write_text("{")
    with pytest.raises(KeystoreRefused, match="malformed"):
        open_seed(broken, b"the password")
