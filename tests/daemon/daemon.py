"""A daemon as small as one can be, run as a process by the frame's tests; its argument says how it fares, or
which real one to run.
"""

import sys

import anyio

from oracles.charter import watch_daemon
from oracles.cli import oracle_daemon
from oracles.daemon.frame import Frame, run_daemon
from oracles.daemon.settings import Settings


async def setup(frame: Frame[Settings]) -> None:
    """Serves, and does as it was told."""

    async def crash() -> None:
        raise ZeroDivisionError(f"with {frame.settings.password}")

    async def step() -> None:
        await anyio.lowlevel.checkpoint()

    if sys.argv[1:] == ["certain"]:
        await frame.certain()
    await frame.serve()
    frame.tasks.start_soon(frame.cycle, "own", crash if sys.argv[1:] == ["crash"] else step)


def tested() -> int:
    """Runs the small one."""
    return run_daemon("tested", Settings.load, setup)


if __name__ == "__main__":
    mains = {"oracle": oracle_daemon.main, "watch": watch_daemon.main}
    sys.exit(mains.get("".join(sys.argv[1:]), tested)())
