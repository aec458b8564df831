"""A ledger whose process is killed at random moments under load loses nothing that it acknowledged."""

import subprocess
import sys
from pathlib import Path

import pytest

from oracles.ledger.audit import audit

WRITER = Path(__file__).with_name("writer_to_kill.py")


def kill(path: Path, moments: int, seed: int) -> None:
    result = subprocess.run(
        [sys.executable, str(WRITER), str(path), str(moments), str(seed)], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    acknowledged, size, _ = map(int, result.stdout.splitlines()[-1].split())
    assert 0 < acknowledged <= size
    assert audit(path).fault is None


@pytest.mark.feature("C3.5")
def test_nothing_acknowledged_is_lost_at_200_random_kills(tmp_path: Path) -> None:
    kill(tmp_path / "ledger", 200, 1)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(2, 7))
def test_nothing_acknowledged_is_lost_at_200_other_kills(tmp_path: Path, seed: int) -> None:
    kill(tmp_path / "ledger", 200, seed)
