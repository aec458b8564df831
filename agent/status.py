"""What the agent says of itself: `enforcing` with its scopes, or `degraded` with all that is missing."""

from collections.abc import Iterable
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from agent.kernel.enforcement import SelfCheck


class State(StrEnum):
    """The two things that an agent can be."""

    ENFORCING = "enforcing"
    DEGRADED = "degraded"


class Status(BaseModel):
    """The agent's state at a moment, as `/v1/status` and `westworld agent status` show it."""

    model_config = ConfigDict(frozen=True)

    node: str
    state: State
    scopes: tuple[str, ...]
    """What was proved by the last self-check; empty while degraded without the kernel."""
    missing: tuple[str, ...]
    """Why it is degraded, one reason each, in words for an operator."""
    limits: tuple[str, ...]
    """Scopes that this machine's kernel cannot give; they do not make it degraded."""
    standing: str
    suspended: bool
    """Whether nothing gets out: what was asked of the enforcer last, not what the standing will bring."""
    charter_version: int
    charter_final: bool
    """Whether that version is in force as a whole; until its block is final, only what it tightens is."""
    finalized_block: int
    ledger_size: int
    adopted: bool


class Condition:
    """Collects what is missing from those who notice it; `enforcing` needs a proof and no gap."""

    def __init__(self) -> None:
        self._troubles: dict[str, str] = {}
        self._check: SelfCheck | None = None

    def trouble(self, what: str, said: str | None) -> None:
        """Says that something is missing, or (None) that it no longer is."""
        if said is None:
            self._troubles.pop(what, None)
        else:
            self._troubles[what] = said

    def checked(self, check: SelfCheck | None) -> None:
        """Keeps the result of the self-check; None before the first, or when it no longer counts."""
        self._check = check

    @property
    def state(self) -> State:
        """Enforcing only with a self-check that found it so, and nothing missing."""
        proved = self._check is not None and self._check.enforcing
        return State.ENFORCING if proved and not self._troubles else State.DEGRADED

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes that hold by the last self-check."""
        if self._check is None or not self._check.enforcing:
            return ()
        return tuple(scope.value for scope in self._check.scopes)

    @property
    def limits(self) -> tuple[str, ...]:
        """What this kernel cannot give."""
        return self._check.missing if self._check else ()

    @property
    def missing(self) -> tuple[str, ...]:
        """Everything that stands between the agent and `enforcing`."""
        return tuple(self._gaps())

    def _gaps(self) -> Iterable[str]:
        yield from self._troubles.values()
        if self._check is None:
            yield "enforcement has not been proved yet"
        elif not self._check.enforcing:
            yield from self._check.faults or ("the datagram scope is not enforced",)
