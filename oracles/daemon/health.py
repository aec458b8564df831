"""Whether a daemon is alive: each of its loops has a pulse, and a pulse that grew stale is a sick daemon."""

import time
from collections.abc import Callable
from typing import Any

Clock = Callable[[], float]


class Pulse:
    """One loop's sign of life. It beats when a cycle went well; a loop that only fails has none."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = clock()
        self.trouble: str | None = None

    def beat(self) -> None:
        """A cycle went well."""
        self._last = self._clock()
        self.trouble = None

    def falter(self, trouble: str) -> bool:
        """A cycle failed; says whether the trouble is a new one."""
        new = trouble != self.trouble
        self.trouble = trouble
        return new

    @property
    def age(self) -> float:
        """Seconds since the last beat, or since the start."""
        return self._clock() - self._last


class Health:
    """All pulses of a process."""

    def __init__(self, stale_seconds: float, clock: Clock = time.monotonic) -> None:
        self._stale = stale_seconds
        self._clock = clock
        self._pulses: dict[str, Pulse] = {}

    def pulse(self, loop: str) -> Pulse:
        """The pulse of a loop, counted from now on."""
        return self._pulses.setdefault(loop, Pulse(self._clock))

    def report(self) -> tuple[bool, dict[str, Any]]:
        """Whether all pulses are fresh, and what `/health` says."""
        loops = {
            name: {
                "ok": pulse.age <= self._stale,
                "age_seconds": round(pulse.age, 1),
                "trouble": pulse.trouble,
            }
            for name, pulse in self._pulses.items()
        }
        well = all(loop["ok"] for loop in loops.values())
        return well, {"status": "ok" if well else "stale", "stale_seconds": self._stale, "loops": loops}
