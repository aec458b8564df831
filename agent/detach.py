"""Ending enforcement on purpose: an override, so the ledger has it before the kernel lets go."""

from __future__ import annotations

from contextlib import suppress

from pydantic import ValidationError

from agent.kernel.cgroups import CgroupUnavailable, telemetry_cgroup
from agent.kernel.enforcement import Enforcement, EnforcementUnavailable
from agent.node import now
from agent.settings import AgentSettings
from oracles.charter.entry import Override, encode
from oracles.daemon.errors import DaemonError
from oracles.daemon.folder import state_folder
from oracles.ledger.errors import LedgerError
from oracles.ledger.ledger import Ledger


class Refused(Exception):
    """Enforcement could not be ended; it goes on."""


def end_enforcement(settings: AgentSettings, who: str, why: str) -> None:
    """Writes the override into the ledger, then unpins everything. Raises Refused.

    The telemetry cgroup goes, too, unless collectors are in it.
    """
    try:
        if not settings.pins.exists():
            raise Refused(f"nothing is enforced: there is no {settings.pins}")
        entry = Override(node=settings.node, time=now(), who=who, what="enforcement ended", why=why)
        with state_folder(settings.state) as folder:
            with Ledger.open(folder / "ledger") as ledger:
                ledger.append(encode(entry))
            cgroup = telemetry_cgroup(settings.cgroup)
            Enforcement.start(cgroup, settings.pins, settings.destinations).detach()
            with suppress(OSError):
                cgroup.rmdir()
    except ValidationError as fault:
        first = fault.errors(include_url=False)[0]
        raise Refused(f"--{first['loc'][0]}: {first['msg']}") from None
    except (DaemonError, LedgerError, EnforcementUnavailable, CgroupUnavailable, OSError) as fault:
        raise Refused(str(fault)) from fault
