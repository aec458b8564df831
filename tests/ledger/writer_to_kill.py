"""Forks writers on one ledger and kills each at a random moment under load; run by test_crash.py.

usage: writer_to_kill.py DIRECTORY MOMENTS SEED. One interpreter for all: a fork costs far less than a start.
Prints how many entries were acknowledged and how many the ledger holds; fails if one is missing.
"""

import os
import random
import select
import signal
import sys
import time
from pathlib import Path
from struct import Struct
from threading import Thread

from oracles.ledger.ledger import Ledger
from oracles.ledger.verify import verify_consistency

ACKNOWLEDGED = Struct("<QQ")
WRITERS = 4


def entry_of(token: int) -> bytes:
    """Entries of many lengths, so that frames and segments end everywhere."""
    return b"%d:" % token + b"x" * (token * 131 % 3000)


def opened(path: Path) -> Ledger:
    return Ledger.open(path, segment_bytes=128 * 1024, mark_every=50)


def write_until_killed(path: Path, round_: int, pipe: int) -> None:
    ledger = opened(path)

    def write(writer: int) -> None:
        for number in range(1_000_000):
            token = (round_ * WRITERS + writer) * 1_000_000 + number
            index = ledger.append(entry_of(token))
            os.write(pipe, ACKNOWLEDGED.pack(index, token))

    for writer in range(WRITERS):
        Thread(target=write, args=(writer,)).start()


def acknowledged(pipe: int) -> list[tuple[int, int]]:
    received = b""
    while chunk := os.read(pipe, 65_536):
        received += chunk
    return list(ACKNOWLEDGED.iter_unpack(received))


def main() -> None:
    path, moments, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    chance = random.Random(seed)
    total, torn, size, root = 0, 0, 0, b""
    for round_ in range(moments):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            write_until_killed(path, round_, writer)
            signal.pause()
        os.close(writer)
        # Counted from the first acknowledgement; now and then before that, in the opening.
        if chance.random() < 0.85:
            select.select([reader], [], [], 30)
            time.sleep(chance.random() * 0.02)
        else:
            time.sleep(chance.random() * 0.01)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        entries = acknowledged(reader)
        os.close(reader)
        with opened(path) as ledger:
            torn += ledger.recovery.torn is not None
            for index, token in entries:
                assert ledger.read(index) == entry_of(token), f"round {round_}: entry {index} is not {token}"
            if size:
                proof = ledger.consistency(size)
                assert verify_consistency(size, ledger.size, root, ledger.root(), proof), f"round {round_}"
            size, root = ledger.size, ledger.root()
        total += len(entries)
    print(total, size, torn)


if __name__ == "__main__":
    main()
