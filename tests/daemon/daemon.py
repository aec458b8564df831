"""A daemon as small as one can be, run as a process by the frame's tests; its argument says how it fares."""

import sys

import anyio

from oracles.daemon.frame import Frame, run_daemon
from oracles.daemon.settings import Settings


async def setup(frame: Frame[Settings]) -> None:
    """Serves, and does as it was told."""

    async def crash() -> None:
        raise ZeroDivisionError(f"with {frame.settings.password}")

    async def step() -> None:
        await anyio.lowlevel.checkpoint()

    await frame.serve()
    frame.tasks.start_soon(frame.cycle, "own", crash if sys.argv[1:] == ["crash"] else step)


if __name__ == "__main__":
    sys.exit(run_daemon("tested", Settings.load, setup))
