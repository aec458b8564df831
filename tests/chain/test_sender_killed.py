"""SIGKILL at random moments: every effect happens exactly once."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts._devnet import Devnet

from .tally import Tally, compiled

KILLING = Path(__file__).with_name("killing.py")
NAMES = [f"n{number}" for number in range(6)]


@pytest.mark.parametrize(
    ("seed", "kills"),
    [(1, 15), pytest.param(2, 400, marks=pytest.mark.nightly)],
)
def test_a_killed_sender_neither_loses_nor_doubles(
    start_devnet: Callable[..., Devnet], tmp_path: Path, seed: int, kills: int
) -> None:
    devnet = start_devnet(block_time=0.2, slots_in_an_epoch=4)
    tally = Tally.deploy(devnet)
    (tmp_path / "abi.json").write_text(json.dumps(compiled()["abi"]))
    ran = subprocess.run(
        [
            *(sys.executable, str(KILLING), devnet.rpc_url, tally.address),
            *(str(tmp_path / "abi.json"), str(tmp_path), str(seed), str(kills)),
        ],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0 and ran.stdout.endswith("with 0\n"), ran.stderr
    assert [tally.times(name) for name in NAMES] == [1] * len(NAMES)
