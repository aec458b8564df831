"""The ledger beside SQLite (one fsync a row) and pymerkle: `python tests/bench/bench_ledger.py`."""

from __future__ import annotations

import asyncio
import os
import random
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import report

from oracles.ledger.ledger import Ledger

WRITERS = 64
APPENDS_EACH = 1_500
SQLITE_ROWS = 2_000
PROOFS = 5_000
ENTRIES = int(os.environ.get("WESTWORLD_BENCH_ENTRIES", "1000000"))
PEER_ENTRIES = ENTRIES
ENTRY = (
    b'{"charter_version":3,"count":1,"kind":"metric_not_allowed","metric":"user_location","padding":"'
    + b"x" * 150
)


def percentile(sorted_values: Sequence[float], part: float) -> float:
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * part))]


def disk(folder: Path) -> list[float]:
    """What one fdatasync of an overwritten block costs here, in seconds, sorted."""
    fd = os.open(folder / "sync", os.O_RDWR | os.O_CREAT)
    os.write(fd, bytes(4 << 20))
    os.fsync(fd)
    taken = []
    for number in range(500):
        os.pwrite(fd, b"x" * 16_384, number * 16_384 % (4 << 20))
        start = time.perf_counter()
        os.fdatasync(fd)
        taken.append(time.perf_counter() - start)
    os.close(fd)
    return sorted(taken)


def append(folder: Path) -> tuple[float, list[float]]:
    """Durable appends a second by all writers at once, and each append's latency in seconds, sorted."""
    latencies: list[float] = []

    async def writer(ledger: Ledger) -> None:
        for _ in range(APPENDS_EACH):
            start = time.perf_counter()
            await ledger.append_async(ENTRY)
            latencies.append(time.perf_counter() - start)

    async def run(ledger: Ledger) -> float:
        start = time.perf_counter()
        await asyncio.gather(*(writer(ledger) for _ in range(WRITERS)))
        return WRITERS * APPENDS_EACH / (time.perf_counter() - start)

    with Ledger.open(folder / "append") as ledger:
        rate = asyncio.run(run(ledger))
    return rate, sorted(latencies)


def sqlite_rows(folder: Path) -> float:
    """Rows a second into SQLite, each its own durable transaction."""
    database = sqlite3.connect(folder / "peer.db", isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE entry (number INTEGER PRIMARY KEY, body BLOB)")
    start = time.perf_counter()
    for _ in range(SQLITE_ROWS):
        database.execute("INSERT INTO entry (body) VALUES (?)", (ENTRY,))
    rate = SQLITE_ROWS / (time.perf_counter() - start)
    database.close()
    return rate


def measured(prove: Callable[[int], object]) -> list[float]:
    chance = random.Random(1)
    taken = []
    for _ in range(PROOFS):
        index = chance.randrange(ENTRIES)
        start = time.perf_counter()
        prove(index)
        taken.append(time.perf_counter() - start)
    return sorted(taken)


def resident() -> float:
    """The most that this process had resident, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def fill(folder: Path) -> None:
    """A ledger of ENTRIES, left as a crash leaves it: not closed."""

    async def run(ledger: Ledger) -> None:
        for start in range(0, ENTRIES, 4096):
            batch = (b"%d" % number for number in range(start, min(ENTRIES, start + 4096)))
            await asyncio.gather(*map(ledger.append_async, batch))

    asyncio.run(run(Ledger.open(folder)))
    os._exit(0)


def proofs(folder: Path) -> None:
    """Run in a process of its own: reopening, proving, memory."""
    start = time.perf_counter()
    ledger = Ledger.open(folder)
    opened = time.perf_counter() - start
    assert ledger.size == ENTRIES
    taken = measured(lambda index: ledger.inclusion(index, ENTRIES))
    print(opened, percentile(taken, 0.5), percentile(taken, 0.99), resident())


def peer(folder: Path) -> None:
    """The same of pymerkle's tree in memory, in a process of its own; opening it is building it."""
    from pymerkle import InmemoryTree

    start = time.perf_counter()
    tree = InmemoryTree(algorithm="sha256")
    for number in range(PEER_ENTRIES):
        tree.append_entry(b"%d" % number)
    opened = time.perf_counter() - start
    taken = measured(lambda index: tree.prove_inclusion(index + 1, PEER_ENTRIES))
    print(opened, percentile(taken, 0.5), percentile(taken, 0.99), resident())


def apart(what: str, folder: Path) -> list[float]:
    ran = subprocess.run(
        [sys.executable, __file__, what, str(folder)], check=True, capture_output=True, text=True
    )
    return [float(word) for word in ran.stdout.split("\n")[-2].split()] if ran.stdout else []


def main() -> None:
    with TemporaryDirectory(dir=os.environ.get("WESTWORLD_BENCH_FOLDER")) as name:
        folder = Path(name)
        syncs = disk(folder)
        rate, latencies = append(folder)
        rows = sqlite_rows(folder)
        apart("fill", folder / "proofs")
        opened, median, slowest, memory = apart("proofs", folder / "proofs")
        peer_opened, peer_median, peer_slowest, peer_memory = apart("peer", folder)
    micro, milli = 1e6, 1e3
    sqlite, other = "SQLite, one fsync per row", f"pymerkle in memory, {PEER_ENTRIES:,} entries"
    report.write(
        "ledger",
        [
            report.Row("fdatasync of this disk, median", percentile(syncs, 0.5) * milli, "ms"),
            report.Row("fdatasync of this disk, p99", percentile(syncs, 0.99) * milli, "ms"),
            report.Row("durable appends, 64 writers", rate, "1/s", sqlite, rows, goal=">= 30_000"),
            report.Row("append latency, median", percentile(latencies, 0.5) * milli, "ms"),
            report.Row("append latency, p99", percentile(latencies, 0.99) * milli, "ms", goal="<= 10"),
            report.Row(
                f"inclusion proof at {ENTRIES:,}, median", median * micro, "us", other, peer_median * micro
            ),
            report.Row(
                f"inclusion proof at {ENTRIES:,}, p99",
                slowest * micro,
                "us",
                other,
                peer_slowest * micro,
                goal="<= 200",
            ),
            report.Row("resident while proving", memory, "MiB", other, peer_memory, goal="<= 64"),
            report.Row(
                "reopening after a crash", opened, "s", other + ", built anew", peer_opened, goal="<= 1"
            ),
        ],
        {"pymerkle": version("pymerkle"), "sqlite": sqlite3.sqlite_version},
    )


if __name__ == "__main__":
    if len(sys.argv) == 3:
        {"fill": fill, "proofs": proofs, "peer": peer}[sys.argv[1]](Path(sys.argv[2]))
    else:
        main()
