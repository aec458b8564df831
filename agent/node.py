"""One node's agent: chain to policy, policy to enforcer, drops to ledger, and the truth about it all."""

from __future__ import annotations

import time
from hashlib import blake2b
from importlib.metadata import version
from time import monotonic

import anyio
import structlog
from anyio import to_thread

from agent.charter_sync import CharterSync, InForce
from agent.enforcer import Enforcer
from agent.meters import AgentMeters
from agent.recorder import Recorder
from agent.settings import AgentSettings
from agent.standing_sync import StandingSync
from agent.status import Condition, State, Status
from oracles.charter.entry import AgentStarted, EnforcementChanged, PolicySwitched, StandingChanged
from oracles.ledger.ledger import Ledger
from oracles.ledger.note import Signer

_log = structlog.get_logger(__name__)


class Agent:
    """One node's agent. `follow` and `watch` are its loops; everything else follows from them."""

    def __init__(
        self,
        settings: AgentSettings,
        charter: CharterSync,
        standing: StandingSync,
        enforcer: Enforcer,
        ledger: Ledger,
        seed: bytes,
        meters: AgentMeters,
    ) -> None:
        self.settings = settings
        self.charter = charter
        self.standing = standing
        self.enforcer = enforcer
        self.ledger = ledger
        self.condition = Condition()
        self._seed = seed
        self._meters = meters
        self._applied: InForce | None = None
        self._refused: InForce | None = None
        """What is in force by the charter, but the enforcer cannot take."""
        self._silenced: bool | None = None
        self._factor = 0
        self._epoch = -1
        self._chain_seen = monotonic()
        self._next_check = 0.0
        self._proving = anyio.Lock()
        self._said: tuple[State, tuple[str, ...], tuple[str, ...]] | None = None
        secret = blake2b(seed, person=b"westworld-names", digest_size=32).digest()
        self.recorder = Recorder(ledger, settings.node, secret, lambda: self._applied, meters)

    async def begin(self) -> None:
        """Puts in force what was known before this start, so that no gap waits for the chain.

        Where enforcement was not in place, nobody knows for how long, the standing known then may be long
        past: the node is silent until the chain has said it anew.
        """
        await self.recorder.note(
            AgentStarted(
                node=self.settings.node,
                time=now(),
                release=version("westworld"),
                adopted=self.enforcer.adopted,
            )
        )
        await self.charter.load()
        await self.standing.load(holds=self.enforcer.adopted)
        await self._obey()
        if self._applied is None:
            await self.prove()

    async def follow(self) -> None:
        """One round: ask the chain, obey it. Raises `ChainDoubt` or `ChainStop`."""
        if await self.standing.update():
            # A penalty waits for nothing: the charter's events may be out of reach for long.
            await self._restrain()
            standing = self.standing.current
            await self.recorder.note(
                StandingChanged(
                    node=self.settings.node,
                    time=now(),
                    standing=standing.standing,
                    until=standing.until,
                    observed_block=self.charter.finalized.number if self.charter.finalized else 0,
                )
            )
        await self.charter.update()
        self._chain_seen = monotonic()
        await self._obey()

    async def watch(self) -> None:
        """One round: see that enforcement holds and how fresh it is, and say so."""
        self._judge_freshness()
        attached = await to_thread.run_sync(self.enforcer.attached)
        self.condition.trouble(
            "attached", None if attached else "enforcement was taken off the telemetry cgroup"
        )
        self.condition.trouble("ledger", str(self.ledger.stopped) if self.ledger.stopped else None)
        if monotonic() >= self._next_check:
            await self.prove()
        await self._say()

    async def prove(self) -> None:
        """The self-check, and what it changes in the state."""
        unknown = "no charter version is known yet, so nothing gets out"
        known = self._applied or self._refused
        self.condition.trouble("policy", None if known else unknown)
        if self._applied is not None:
            async with self._proving:
                self.condition.checked(await to_thread.run_sync(self.enforcer.self_check))
        self._next_check = monotonic() + self.settings.check_seconds
        await self._say()

    def status(self) -> Status:
        """The state at this moment."""
        return Status(
            node=self.settings.node,
            state=self.condition.state,
            scopes=self.condition.scopes,
            missing=self.condition.missing,
            limits=self.condition.limits,
            standing=self.standing.current.standing.value,
            suspended=self._silenced is not False,
            charter_version=self._applied.version if self._applied else 0,
            charter_final=self._applied is not None and self._applied.final,
            finalized_block=self.charter.finalized.number if self.charter.finalized else 0,
            ledger_size=self.ledger.size,
            adopted=self.enforcer.adopted,
        )

    @property
    def _silent(self) -> bool:
        """Whether nothing may get out: by the standing, or since its charter cannot be enforced."""
        return self.standing.current.silenced or self._refused is not None

    async def _obey(self) -> None:
        """Brings the enforcer to what is known: silence first, then the policy, then release."""
        standing = self.standing.current
        await self._restrain()
        await self._switch()
        if standing.factor < self._factor:
            await self._limit(standing.factor)
        if not self._silent and self._silenced is not False:
            await self._suspend(False)
        self._take_up_key()

    async def _restrain(self) -> None:
        """What is taken away; all of it while the node is silent."""
        standing = self.standing.current
        if self._silent and self._silenced is not True:
            await self._suspend(True)
        if standing.factor > self._factor:
            await self._limit(standing.factor)

    async def _switch(self) -> None:
        found = self.charter.in_force()
        if found is None:
            return
        self.condition.trouble(
            "charter",
            f"the charter holds what no policy can: {'; '.join(found.faults)}" if found.faults else None,
        )
        if self._applied is not None and found.equals(self._applied):
            self._applied = found
            self._refuse(None)
            return
        if self._refused is not None and found.equals(self._refused):
            return
        first = self._applied is None
        try:
            await to_thread.run_sync(self.enforcer.apply, found.policy, found.version)
        except ValueError as fault:
            said = f"charter version {found.version} cannot be enforced, so nothing gets out: {fault}"
            self._refuse(found, said)
            await self._restrain()
            return
        self._applied = found
        self._refuse(None)
        self._meters.expect(found.policy.forbidden)
        await self.recorder.note(
            PolicySwitched(
                node=self.settings.node,
                time=now(),
                charter_version=found.version,
                policy_hash=f"0x{found.policy_hash.hex()}",
                observed_block=found.observed_block,
            )
        )
        if first:
            await self.prove()

    def _refuse(self, found: InForce | None, said: str | None = None) -> None:
        """A charter that the enforcer cannot take silences the node, lest the older one stay in force."""
        self._refused = found
        self.condition.trouble("enforcer", said)

    async def _suspend(self, suspended: bool) -> None:
        await to_thread.run_sync(self.enforcer.suspend, suspended)
        self._silenced = suspended

    async def _limit(self, factor: int) -> None:
        await to_thread.run_sync(self.enforcer.limit, factor)
        self._factor = factor

    def _take_up_key(self) -> None:
        """Signs checkpoints under the registered epoch, and only with the key that is registered."""
        standing = self.standing.current
        if standing.epoch < 0 or not standing.ledger_key:
            return
        signer = Signer(f"westworld/node/{self.settings.node}", self._seed, standing.epoch)
        if signer.verifier.public_key != standing.ledger_key:
            self.condition.trouble("key", "the ledger's key is not the one in the NodeRegistry")
            return
        self.condition.trouble("key", None)
        if standing.epoch > self._epoch:
            self.ledger.rotate(signer)
            self._epoch = standing.epoch

    def _judge_freshness(self) -> None:
        gone = monotonic() - self._chain_seen
        limit = self.settings.chain_limit_seconds
        self.condition.trouble(
            "chain", f"the chain has not answered for {limit:.0f} s or more" if gone > limit else None
        )
        age = time.time() - self.charter.finalized_time
        limit = self.settings.policy_limit_seconds
        old = self.charter.finalized is not None and age > limit
        self.condition.trouble(
            "age", f"the newest finalized block is more than {limit:.0f} s old" if old else None
        )

    async def _say(self) -> None:
        status = self.status()
        self._meters.show(status)
        said = (status.state, status.scopes, status.missing)
        if said == self._said or self.ledger.stopped:
            return
        self._said = said
        _log.warning("state", state=status.state.value, scopes=status.scopes, missing=status.missing)
        await self.recorder.note(
            EnforcementChanged(
                node=self.settings.node,
                time=now(),
                state=status.state.value,
                scopes=list(status.scopes),
                missing=[reason[:64] for reason in status.missing[:6]],
            )
        )


def now() -> int:
    """Unix seconds."""
    return int(time.time())
