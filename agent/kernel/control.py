"""The control word that the programs read once for each datagram."""

from __future__ import annotations

import struct

from agent.kernel.maps import Map

FACTOR_LIMIT = 1024
_LAYOUT = struct.Struct("=IBBBx")
_KEY = bytes(4)


class Control:
    """Reads, changes and writes the word; this process is the only writer."""

    def __init__(self, controls: Map) -> None:
        self._map = controls
        raw = controls.lookup(_KEY)
        assert raw is not None  # noqa: S101 - an array's elements always exist
        factor, generation, period, suspended = _LAYOUT.unpack(raw)
        self._factor: int = factor or 1
        self.generation: int = generation
        self.period: int = period
        self._suspended = bool(suspended)
        self._write()

    def _write(self) -> None:
        self._map.update(_KEY, _LAYOUT.pack(self._factor, self.generation, self.period, self._suspended))

    @property
    def suspended(self) -> bool:
        """Whether nothing gets out."""
        return self._suspended

    @suspended.setter
    def suspended(self, value: bool) -> None:
        self._suspended = value
        self._write()

    @property
    def factor(self) -> int:
        """How many times slower than the charter's every rate is."""
        return self._factor

    @factor.setter
    def factor(self, value: int) -> None:
        if not 1 <= value <= FACTOR_LIMIT:
            raise ValueError(f"the rates' factor {value} is not between 1 and {FACTOR_LIMIT}")
        self._factor = value
        self._write()

    def flip_generation(self) -> None:
        """Puts the other generation of the policy in force: the one write by which a policy is switched."""
        self.generation ^= 1
        self._write()

    def flip_period(self) -> None:
        """Lets drops be attributed in the other table of kinds."""
        self.period ^= 1
        self._write()
