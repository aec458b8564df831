"""Two generations of the policy: one in force, one to be written. A switch is one write of the control word.

A name keeps its token's slot as long as it stays, so a switch gives nobody a fresh burst.
"""

from __future__ import annotations

import struct
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
        self.settle()
        target = self._control.generation ^ 1
        slots = self._assign(named)
        for tables, width, limit in (
            (self._short, SHORT_NAME_LIMIT, range(33)),
            (self._long, NAME_LIMIT, range(33, 65)),
        ):
            chosen = [rule for name, rule in named.items() if len(name) in limit]
            stale = [name for name in self._names[target] if len(name) in limit and name not in named]
            tables[target].delete_batch(b"".join(name.ljust(width, b"\0") for name in stale))
            tables[target].update_batch(
                b"".join(rule.name.ljust(width, b"\0") for rule in chosen),
                b"".join(rule.packed(slots[rule.name]) for rule in chosen),
            )
        head = _HEAD.pack(1, version, len(destinations), 0) + b"".join(one.packed() for one in destinations)
        self._heads.update(struct.pack("=I", target), head.ljust(self._heads.value_size, b"\0"))
        self._names[target] = set(named)
        self._control.flip_generation()
        self._settled = False
        self._free.extend(slot for name, slot in self._slots.items() if name not in named)
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
        named = {PROBE.name: PROBE}
        for rule in rules:
            if rule.name in named:
                what = "is reserved for the self-check" if rule.name == PROBE.name else "comes twice"
                raise ValueError(f"metric {rule.name.decode()} {what}")
            named[rule.name] = rule
        short = sum(len(name) <= SHORT_NAME_LIMIT for name in named)
        for count, table in ((short, self._short[0]), (len(named) - short, self._long[0])):
            if count > table.max_entries:
                raise ValueError(f"{count} names of one length class; the kernel holds {table.max_entries}")
        return named

    def _assign(self, named: Mapping[bytes, KernelRule]) -> dict[bytes, int]:
        """Each name's slot; fresh ones are set to zero, whoever had them before."""
        slots, fresh = {}, []
        for name in named:
            slot = self._slots.get(name)
            if slot is None:
                slot = self._free.pop()
                fresh.append(slot)
            slots[name] = slot
        self._tokens.update_batch(struct.pack(f"={len(fresh)}I", *fresh), bytes(8 * len(fresh)))
        return slots
