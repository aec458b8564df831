"""The ledger in use: appends, proofs, checkpoints, one writer, and what stops it."""

import asyncio
import errno
import os
import resource
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from oracles.ledger.errors import LedgerCorrupt, LedgerError, LedgerLocked, LedgerStopped
from oracles.ledger.ledger import MAX_ENTRY_BYTES, Ledger, leaf_hash
from oracles.ledger.note import Signer
from oracles.ledger.verify import open_checkpoint, verify_consistency, verify_inclusion

SEGMENT = 128 * 1024
SIGNER = Signer("westworld/node/0x01", bytes(32), 1)


def opened(path: Path, signer: Signer | None = SIGNER) -> Ledger:
    return Ledger.open(path, signer, segment_bytes=SEGMENT, mark_every=100)


@pytest.mark.feature("C3.1")
def test_what_was_appended_is_read_back_with_proofs_also_after_reopening(tmp_path: Path) -> None:
    entries = [b"entry %d" % number * (number % 90) for number in range(300)]
    with opened(tmp_path) as ledger:
        assert [ledger.append(entry) for entry in entries] == list(range(300))
        half = ledger.root(150)
    with opened(tmp_path) as ledger:
        assert (ledger.size, ledger.recovery.replayed, ledger.recovery.torn) == (300, 0, None)
        assert ledger.entries(0, 300) == entries
        assert ledger.read(7) == entries[7]
        assert ledger.leaf(7) == leaf_hash(entries[7])
        assert verify_inclusion(7, 300, leaf_hash(entries[7]), ledger.inclusion(7), ledger.root())
        assert verify_inclusion(7, 150, leaf_hash(entries[7]), ledger.inclusion(7, 150), half)
        assert verify_consistency(150, 300, half, ledger.root(), ledger.consistency(150))


@pytest.mark.feature("C3.2")
def test_a_checkpoint_is_signed_over_what_is_durable(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        ledger.append(b"one")
        note = ledger.checkpoint()
        checkpoint = open_checkpoint(note, [SIGNER.verifier])
        assert (checkpoint.size, checkpoint.root, checkpoint.epoch) == (1, leaf_hash(b"one"), 1)
        assert ledger.checkpoint() == note

        later = Signer("westworld/node/0x01", bytes([1] * 32), 2)
        ledger.rotate(later)
        assert open_checkpoint(ledger.checkpoint(), [later.verifier]).epoch == 2
        with pytest.raises(ValueError, match="epoch 1 is not later than 2"):
            ledger.rotate(SIGNER)


def test_without_a_key_no_checkpoint(tmp_path: Path) -> None:
    with opened(tmp_path, None) as ledger, pytest.raises(LedgerError, match="opened without a key"):
        ledger.checkpoint()


def test_many_threads_share_syncs_and_each_gets_its_own_index(tmp_path: Path) -> None:
    syncs = 0
    original = os.fdatasync

    def counted(fd: int) -> None:
        nonlocal syncs
        syncs += 1
        original(fd)

    found: dict[int, bytes] = {}
    with opened(tmp_path) as ledger, pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fdatasync", counted)

        def write(name: int) -> None:
            for number in range(20):
                entry = b"%d/%d" % (name, number)
                found[ledger.append(entry)] = entry

        threads = [Thread(target=write, args=(name,)) for name in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [found[index] for index in range(320)] == ledger.entries(0, 320)
    assert syncs < 320


def test_tasks_append_too(tmp_path: Path) -> None:
    async def run(ledger: Ledger) -> list[int]:
        return await asyncio.gather(*(ledger.append_async(b"%d" % number) for number in range(200)))

    with opened(tmp_path) as ledger:
        assert sorted(asyncio.run(run(ledger))) == list(range(200))


def test_a_second_writer_is_kept_out(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(LedgerLocked, match="another process has it open"):
        opened(tmp_path)
    opened(tmp_path).close()


def test_out_of_range_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        ledger.append(b"one")
        for wrong in (
            lambda: ledger.read(1),
            lambda: ledger.entries(1, 0),
            lambda: ledger.leaf(-1),
            lambda: ledger.root(2),
            lambda: ledger.inclusion(1),
            lambda: ledger.consistency(2, 1),
        ):
            with pytest.raises(IndexError):
                wrong()
        with pytest.raises(ValueError, match="at most 65536 bytes"):
            ledger.append(bytes(MAX_ENTRY_BYTES + 1))
        assert ledger.append(bytes(MAX_ENTRY_BYTES)) == 1
    with pytest.raises(LedgerStopped, match="closed"):
        ledger.append(b"late")
    with pytest.raises(LedgerError, match="closed"):
        ledger.root()
    ledger.close()


def test_an_entry_altered_under_a_running_ledger_is_not_given_out(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        ledger.append(b"the truth")
        segment = tmp_path / "segments" / "000000"
        segment.write_bytes(segment.read_bytes().replace(b"truth", b"trath"))
        with pytest.raises(LedgerCorrupt, match="not the one in the tree"):
            ledger.read(0)


def test_a_failed_fsync_stops_the_writer_for_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0

    def failing(fd: int) -> None:
        nonlocal calls
        calls += 1
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    ledger = opened(tmp_path)
    ledger.append(b"good")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", failing)
        with pytest.raises(LedgerStopped, match=r"will not retry: \[Errno 5\]"):
            ledger.append(b"lost")
    with pytest.raises(LedgerStopped):
        ledger.append(b"later, with a good disk again")
    assert calls == 1
    assert ledger.size == 1
    assert ledger.stopped is not None
    assert open_checkpoint(ledger.checkpoint(), [SIGNER.verifier]).size == 1
    ledger.close()
    with opened(tmp_path) as ledger:
        assert ledger.read(0) == b"good"


def test_waiting_tasks_hear_of_a_failed_fsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(fd: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    async def run(ledger: Ledger) -> list[int | BaseException]:
        appends = (ledger.append_async(b"%d" % number) for number in range(20))
        return await asyncio.gather(*appends, return_exceptions=True)

    monkeypatch.setattr(os, "fdatasync", failing)
    with opened(tmp_path) as ledger:
        assert all(isinstance(result, LedgerStopped) for result in asyncio.run(run(ledger)))


FULL_DISK = """
import sys
from pathlib import Path
from oracles.ledger.errors import LedgerStopped
from oracles.ledger.ledger import Ledger
ledger = Ledger.open(Path(sys.argv[1]), segment_bytes=131072)
kept = 0
try:
    while True:
        ledger.append(b"x" * 1000)
        kept += 1
except LedgerStopped as error:
    print(kept, error)
ledger.close()
"""


def fill(path: Path, limit: int | None) -> str:
    def limited() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    result = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True, preexec_fn=limited
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def kept_after(output: str, path: Path) -> None:
    kept = int(output.split()[0])
    assert kept > 0
    with Ledger.open(path) as ledger:
        assert ledger.size >= kept
        assert ledger.entries(0, kept) == [b"x" * 1000] * kept


def test_a_file_size_limit_stops_the_writer(tmp_path: Path) -> None:
    output = fill(tmp_path / "ledger", 135_168)
    assert "File too large" in output
    kept_after(output, tmp_path / "ledger")


def test_a_full_disk_stops_the_writer(tmp_path: Path) -> None:
    mount = tmp_path / "small"
    mount.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=768k", "tmpfs", str(mount)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.strip()}")
    try:
        output = fill(mount / "ledger", None)
        assert "No space left on device" in output
        assert "will not retry" in output
        subprocess.run(["mount", "-o", "remount,size=4m", str(mount)], check=True)
        kept_after(output, mount / "ledger")
    finally:
        subprocess.run(["umount", str(mount)], check=True)


@pytest.mark.feature("C15.2")
def test_a_write_takes_less_than_50_ms(tmp_path: Path) -> None:
    import time

    taken = []
    with opened(tmp_path) as ledger:
        for number in range(40):
            start = time.perf_counter()
            ledger.append(b"entry %d" % number)
            taken.append(time.perf_counter() - start)
    assert sorted(taken)[len(taken) // 2] < 0.05
