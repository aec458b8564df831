"""Two generations of the policy: one in force, one to be written. A switch is one write of the control word.

A name keeps its token's slot as long as it stays, so a switch gives nobody a fresh burst.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from agent.kernel.bpf import wait_for_programs
from agent.kernel.control import Control
from agent.kernel.maps import Map
from agent.kernel.rules import (
    NAME_LIMIT,
    SHORT_NAME_LIMIT,
    Destination,
    KernelRule,
    MetricType,
    Verdict,
    slot_of,
)

_Tables = tuple[Map, Map]

DESTINATIONS_LIMIT = 8
#: The self-check's own metric; only its sockets may send it.
PROBE = KernelRule(b"westworld.self_check", MetricType.GAUGE, 0, 1, 0, 0, 1, Verdict.PROBE)
_HEAD = struct.Struct("=4I")


class PolicyTables:
    """The tables of names, the heads of both generations and the tokens."""

    def __init__(self, maps: Mapping[str, Map], control: Control) -> None:
        self._short = maps["short_0"], maps["short_1"]
        self._long = maps["long_0"], maps["long_1"]
        self._heads, self._tokens = maps["heads"], maps["tokens"]
        self._control = control
        self._settled = False
        self._names: list[set[bytes]] = [set(), set()]
        slots: list[dict[bytes, int]] = [{}, {}]
        for generation in (0, 1):
            for table in (self._short[generation], self._long[generation]):
                for key, value in table.items():
                    name = key.rstrip(b"\0")
                    self._names[generation].add(name)
                    slots[generation][name] = slot_of(value)
        self._slots = slots[control.generation]
        used = set(self._slots.values())
        self._free = [slot for slot in range(self._tokens.max_entries - 1, -1, -1) if slot not in used]

    @property
    def head(self) -> tuple[bool, int]:
        """Whether a policy is in force, and its version."""
        raw = self._heads.lookup(struct.pack("=I", self._control.generation)) or bytes(_HEAD.size)
        in_force, version, _, _ = _HEAD.unpack_from(raw)
        return bool(in_force), version

    def switch(self, rules: Iterable[KernelRule], version: int, destinations: Sequence[Destination]) -> None:
        """Writes the generation not in force and puts it in force; ValueError with nothing changed."""
        named = self._checked(rules, destinations)
        classes = self._by_length(named)
        self.settle()
        target = self._control.generation ^ 1
        slots = self._assign(named)
        stale = self._names[target] - named.keys()
        for tables, width, chosen in classes:
            keys = (name.ljust(width, b"\0") for name in stale if _width(name) == width)
            tables[target].delete_batch(b"".join(keys))
            tables[target].update_batch(
                b"".join([rule.name.ljust(width, b"\0") for rule in chosen]),
                b"".join([rule.packed(slots[rule.name]) for rule in chosen]),
            )
        head = _HEAD.pack(1, version, len(destinations), 0) + b"".join(one.packed() for one in destinations)
        self._heads.update(struct.pack("=I", target), head.ljust(self._heads.value_size, b"\0"))
        self._names[target] = set(named)
        self._control.flip_generation()
        self._settled = False
        self._free.extend(self._slots[name] for name in self._slots.keys() - named.keys())
        self._slots = slots

    def settle(self) -> None:
        """Waits until no program can still read the generation that was in force before the last switch."""
        if not self._settled:
            wait_for_programs()
            self._settled = True

    def _checked(
        self, rules: Iterable[KernelRule], destinations: Sequence[Destination]
    ) -> dict[bytes, KernelRule]:
        if len(destinations) > DESTINATIONS_LIMIT:
            raise ValueError(f"{len(destinations)} destinations; the kernel holds {DESTINATIONS_LIMIT}")
        listed = [PROBE, *rules]
        named = {rule.name: rule for rule in listed}
        if len(named) < len(listed):
            (name, _), *_ = Counter(rule.name for rule in listed).most_common(1)
            what = "is reserved for the self-check" if name == PROBE.name else "comes twice"
            raise ValueError(f"metric {name.decode()} {what}")
        return named

    def _by_length(self, named: Mapping[bytes, KernelRule]) -> list[tuple[_Tables, int, list[KernelRule]]]:
        """The tables of each length class, the width of their keys, and what goes into them."""
        short = [rule for name, rule in named.items() if len(name) <= SHORT_NAME_LIMIT]
        long = [rule for name, rule in named.items() if len(name) > SHORT_NAME_LIMIT]
        for chosen, tables in ((short, self._short), (long, self._long)):
            if len(chosen) > tables[0].max_entries:
                raise ValueError(
                    f"{len(chosen)} names of one length class; the kernel holds {tables[0].max_entries}"
                )
        return [(self._short, SHORT_NAME_LIMIT, short), (self._long, NAME_LIMIT, long)]

    def _assign(self, named: Mapping[bytes, KernelRule]) -> dict[bytes, int]:
        """Each name's slot; fresh ones are set to zero, whoever had them before."""
        slots = {name: self._slots[name] for name in named.keys() & self._slots.keys()}
        fresh = [self._free.pop() for _ in range(len(named) - len(slots))]
        slots.update(zip(named.keys() - slots.keys(), fresh, strict=True))
        self._tokens.update_batch(struct.pack(f"={len(fresh)}I", *fresh), bytes(8 * len(fresh)))
        return slots


def _width(name: bytes) -> int:
    return SHORT_NAME_LIMIT if len(name) <= SHORT_NAME_LIMIT else NAME_LIMIT
