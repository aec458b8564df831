"""Runs one frame through a pinned program so many times a second, and says how many there were a second.

python tests/bench/flood.py PROGRAM FRAME A_SECOND SECONDS    # FRAME in hexadecimal
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from agent.kernel import bpf

CHUNK = 10_000


def main() -> None:
    """Floods, at the pace or as fast as this machine can."""
    program, frame = bpf.get(Path(sys.argv[1])), bytes.fromhex(sys.argv[2])
    a_second, seconds = map(int, sys.argv[3:])
    sent, start = 0, time.monotonic()
    while (now := time.monotonic() - start) < seconds:
        if sent <= now * a_second:
            bpf.test_run(program, frame, repeat=CHUNK)
            sent += CHUNK
        else:
            time.sleep(0.001)
    print(json.dumps({"sent": sent, "a_second": sent / (time.monotonic() - start)}))


if __name__ == "__main__":
    main()
