"""One process a state folder."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from oracles.daemon.errors import StateFolderBusy, StateFolderFault
from oracles.daemon.folder import state_folder

HOLD = "import sys\nfrom pathlib import Path\nfrom oracles.daemon.folder import state_folder\n"
HOLD += "with state_folder(Path(sys.argv[1])):\n    print('held', flush=True)\n    sys.stdin.read()\n"


def test_the_folder_is_made_for_the_owner_alone(tmp_path: Path) -> None:
    with state_folder(tmp_path / "a" / "b") as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_second_process_is_refused_and_told_who_is_there(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        with pytest.raises(StateFolderBusy, match=f"process {holder.pid} "), state_folder(tmp_path):
            pass
        # However it ends, its lock is gone with it.
        holder.kill()
        holder.wait()
    with state_folder(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateFolderFault, match="file/state"), state_folder(tmp_path / "file" / "state"):
        pass
