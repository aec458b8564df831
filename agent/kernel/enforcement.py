"""The agent's hold on the kernel: it starts, adopts, switches, watches and proves enforcement."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import anyio
from anyio import to_thread

from agent.kernel import bpffs, loading, self_check
from agent.kernel.control import Control
from agent.kernel.drops import DropEvent, Drops
from agent.kernel.hooks import HOOKS, Scope
from agent.kernel.image import CACHE, CompilationFailed, compiled
from agent.kernel.maps import Map
from agent.kernel.policy_tables import PolicyTables
from agent.kernel.reasons import Reason
from agent.kernel.rules import Destination, KernelRule
from agent.kernel.self_check import SelfCheck

__all__ = ["DropEvent", "Enforcement", "EnforcementUnavailable", "Scope", "SelfCheck"]

NOBODY = 65534
#: After the first of a kind was told, others are gathered for so long: a flood of kinds wakes the agent 50
#: times a second.
GATHER_SECONDS = 0.02


class EnforcementUnavailable(Exception):
    """No enforcement in the kernel on this machine; `missing` says what it lacks, in an operator's words."""

    def __init__(self, missing: Sequence[str]) -> None:
        self.missing = tuple(missing)
        super().__init__("the kernel cannot enforce the charter here: " + "; ".join(self.missing))


class Enforcement:
    """Programs, links and maps on one telemetry cgroup. All calls block briefly; call from a worker thread.

    `with` or `close()` lets go of the file descriptors only: enforcement stays until `detach()`. One process
    at a time may hold it.
    """

    def __init__(
        self, cgroup: Path, pins: Path, destinations: Iterable[Destination], *, adopted: bool
    ) -> None:
        """Opens what runs already; use `start`."""
        self.cgroup = cgroup
        self.pins = pins
        self.adopted = adopted
        self.destinations = tuple(destinations)
        self._maps = loading.open_maps(pins)
        # A self-check that was killed leaves its probes behind: what they send would not count as dropped.
        for probe, _ in list(self._maps["probes"].items()):
            self._maps["probes"].delete(probe)
        self._control = Control(self._maps["controls"])
        self._tables = PolicyTables(self._maps, self._control)
        self._drops = Drops(self._maps, self._control)
        self.present = [hook for hook in HOOKS if loading.link_path(pins, hook).exists()]

    @classmethod
    def start(
        cls,
        cgroup: Path,
        pins: Path = bpffs.PINS,
        destinations: Iterable[Destination] = (),
        *,
        cache: Path = CACHE,
        reload: bool = False,
    ) -> Self:
        """Adopts what is pinned under `pins` and runs on `cgroup`, or loads and attaches it.

        Programs of another version are swapped in place, without a gap; with `reload` also those of the
        same. Adopted, the policy last switched stays in force, with its destinations, until the next
        `switch`. Otherwise nothing gets out before the first one (`Reason.NO_POLICY`). `cache` keeps the
        compiled programs; root alone may write it.

        Programs of an earlier process that can be neither adopted nor replaced would hold to a charter that
        nobody renews: nothing gets out from then on. Raises EnforcementUnavailable(missing).
        """
        if lacking := _lacking(cgroup):
            raise EnforcementUnavailable(lacking)
        try:
            bpffs.ensure(pins)
            adopted = not reload and loading.is_running(pins, cgroup)
            if not adopted:
                image = compiled(cache)
                loading.load_programs(image, loading.ensure_maps(image, pins), pins)
                loading.attach_programs(pins, cgroup)
                loading.forget_others(pins)
            return cls(cgroup, pins, destinations, adopted=adopted)
        except (OSError, bpffs.BpffsUnavailable, CompilationFailed) as error:
            raise EnforcementUnavailable([str(error), *_silenced(pins, cgroup)]) from error

    @property
    def version(self) -> int:
        """The version of the policy in force; 0 before the first switch."""
        return self._tables.head[1]

    @property
    def suspended(self) -> bool:
        """Whether nothing gets out, as set by whoever held this last."""
        return self._control.suspended

    @property
    def factor(self) -> int:
        """How many times slower than the charter's the rates are."""
        return self._control.factor

    @property
    def maps(self) -> Mapping[str, Map]:
        """The kernel's maps by name, for tests and benchmarks."""
        return self._maps

    def switch(self, rules: Iterable[KernelRule], version: int) -> None:
        """Puts a whole policy in force as one; token state of names that stay survives.

        Raises ValueError if a name comes twice or there are too many, with nothing changed.
        """
        self._tables.switch(rules, version, self.destinations)

    def settle(self) -> None:
        """Waits, some ms, until the policy before decides nothing any more; else the next switch does."""
        self._tables.settle()

    def suspend(self, suspended: bool) -> None:
        """While suspended, nothing gets out (`Reason.SUSPENDED`, which is no violation)."""
        self._control.suspended = suspended

    def limit(self, factor: int) -> None:
        """Slows every allowed rate `factor` times (1..1024): 1 is the charter's own. Raises ValueError."""
        self._control.factor = factor

    def drops(self) -> Mapping[Reason, int]:
        """Everything refused since the maps were made, exact, by reason; survives the agent."""
        return self._drops.by_reason()

    def passed(self) -> int:
        """Datagrams let through since the maps were made."""
        return self._drops.passed()

    def collect(self, drain: bool = True) -> list[DropEvent]:
        """What `events` yields, once: the first of each kind, with `drain` also the period's sums."""
        return self._drops.collect(drain)

    def acknowledge(self) -> None:
        """What `collect` returned is durable: it is not told again."""
        self._drops.acknowledge()

    async def events(self, period: float = 1.0) -> AsyncGenerator[list[DropEvent], None]:
        """Yields batches of drops: the first of a kind at once, the rest summed up each `period` seconds.

        Asking for the next batch acknowledges the last: make it durable before. What was not acknowledged is
        told again to the next holder, so nothing is lost (and after a crash something may be told twice).
        Over time the counts add up to `drops()` exactly.
        """
        due = anyio.current_time() + period
        while True:
            with anyio.move_on_after(max(0.0, due - anyio.current_time())):
                await anyio.wait_readable(self._drops.fd)
            drain = anyio.current_time() >= due
            if drain:
                due = anyio.current_time() + period
            if batch := await to_thread.run_sync(self._drops.collect, drain):
                yield batch
            self._drops.acknowledge()
            await anyio.sleep(min(GATHER_SECONDS, period))

    def attached(self) -> bool:
        """Whether every link is still on the cgroup's present incarnation (removing the folder detaches)."""
        return loading.is_running(self.pins, self.cgroup)

    def self_check(self, uid: int = NOBODY) -> SelfCheck:
        """Sends from inside the cgroup as `uid`: forbidden sends must fail and an allowed one must arrive."""
        given = frozenset(hook.scope for hook in self.present)
        missing = [
            f"{hook.scope.value}: this kernel has no hook for {hook.program.removeprefix('on_')}"
            for hook in HOOKS
            if hook not in self.present
        ]
        faults: list[str] = []
        in_force, _ = self._tables.head
        if not self.attached():
            faults.append(f"the programs are not attached to {self.cgroup}: was it removed and made again?")
        if not in_force:
            faults.append("no policy was switched in yet")
        if not faults:
            faults = self._probe(uid, given)
        return SelfCheck(tuple(scope for scope in Scope if scope in given), tuple(missing), tuple(faults))

    def _probe(self, uid: int, scopes: frozenset[Scope]) -> list[str]:
        """What the probe found wrong; asked again where a penalty began or ended meanwhile."""
        while True:
            silenced = self._control.suspended
            faults = self_check.run(self.cgroup, self._maps["probes"], uid, silenced=silenced, scopes=scopes)
            if silenced == self._control.suspended:
                return faults

    def detach(self) -> None:
        """Ends enforcement: links, programs and maps are unpinned, counters and all."""
        self.close()
        bpffs.clear(self.pins)

    def close(self) -> None:
        """Lets go of the descriptors; the kernel goes on enforcing."""
        if self._maps:
            self._drops.close()
        for one in self._maps.values():
            one.close()
        self._maps = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _silenced(pins: Path, cgroup: Path) -> list[str]:
    """Ends what an earlier process let out; in words, if there was anything."""
    try:
        found = loading.silence(pins, cgroup)
    except OSError as error:
        return [f"what an earlier agent put in force still runs, by its old charter: {error}"]
    return ["nothing gets out of the telemetry cgroup until this is mended"] if found else []


def _lacking(cgroup: Path) -> list[str]:
    """What can be seen to be missing before anything is tried."""
    lacking = []
    if os.uname().sysname != "Linux":
        lacking.append(f"eBPF is Linux's, and this is {os.uname().sysname}")
    elif os.geteuid() != 0:
        lacking.append("loading BPF programs needs root")
    elif not cgroup.is_dir():
        lacking.append(f"there is no cgroup {cgroup}")
    return lacking
