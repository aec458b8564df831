"""What a daemon stands in while it runs, and how it starts, loops and ends."""

from __future__ import annotations

import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

import anyio
import structlog
from anyio.abc import TaskGroup, TaskStatus
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from oracles.chain.block import Block
from oracles.chain.deployment import Deployment
from oracles.chain.errors import ChainDoubt, ChainError, DeploymentFault
from oracles.chain.finality import Cursor, check_finality
from oracles.chain.rpc import Rpc
from oracles.chain.sender import Sender
from oracles.daemon.errors import DaemonError, KeystoreFault
from oracles.daemon.folder import state_folder
from oracles.daemon.health import Health
from oracles.daemon.http import serve, status_routes
from oracles.daemon.journal import REDACTOR, start_journal
from oracles.daemon.keystore import load_account
from oracles.daemon.metrics import Metrics
from oracles.daemon.outbox import OUTBOX_SCHEMA, StoredOutbox
from oracles.daemon.settings import Settings
from oracles.daemon.store import Store

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

EXIT_CRASHED = 1
"""Something nobody foresaw: a supervisor may start it again."""
EXIT_UNUSABLE = 2
"""Settings, keys, deployment or state folder are not usable; starting again does not help."""
EXIT_STOPPED = 3
"""The chain is not what it must be; a person must look before it is started again."""

S = TypeVar("S", bound=Settings)
T = TypeVar("T")

_log = structlog.get_logger(__name__)
_FINALITY = "finality"


class News:
    """Wakes the loops that wait for the chain to move on."""

    def __init__(self) -> None:
        self.next = anyio.Event()
        """Set once a block is final that was not told before."""
        self._told: Block | None = None

    def tell(self, finalized: Block) -> None:
        """Wakes who waits, unless the block is old news."""
        if finalized != self._told:
            self._told = finalized
            self.next.set()
            self.next = anyio.Event()


@dataclass(frozen=True)
class Frame(Generic[S]):
    """A running daemon's surroundings. `tasks` end when the daemon does; a fault in one ends it."""

    settings: S
    deployment: Deployment
    rpc: Rpc
    store: Store
    outbox: StoredOutbox
    sender: Sender
    account: LocalAccount | None
    health: Health
    metrics: Metrics
    tasks: TaskGroup
    news: News = field(default_factory=News)

    async def cycle(
        self, loop: str, step: Callable[[], Awaitable[None]], *, every: float | None = None
    ) -> None:
        """Run a step for ever, `every` seconds apart; by default once a block is seen that is final anew, and
        at the latest after the settings' poll interval.

        A `ChainDoubt` is said, and waited out: the loop's pulse does not beat meanwhile. Anything else ends
        the daemon.
        """
        pulse = self.health.pulse(loop)
        self.metrics.watch(loop, pulse)
        while True:
            began = time.monotonic()
            news = self.news.next  # taken before the step: what comes meanwhile is not slept through
            result = "failed"
            try:
                await step()
                result = "ok"
                if pulse.trouble is not None:
                    _log.info("going on", loop=loop)
                pulse.beat()
            except ChainDoubt as doubt:
                result = "waiting"
                if pulse.falter(str(doubt)):
                    _log.warning("waiting", loop=loop, reason=str(doubt))
            finally:
                self.metrics.cycle(loop, result, time.monotonic() - began)
            if every is not None:
                await anyio.sleep(every)
                continue
            with anyio.move_on_after(self.settings.poll_seconds):
                await news.wait()

    async def serve(self, routes: Iterable[BaseRoute] = ()) -> int:
        """Serve `/health`, `/metrics` and these routes beside everything else; returns the open port."""
        app = Starlette(routes=[*status_routes(self.health, self.metrics.registry), *routes])
        port: int = await self.tasks.start(serve, app, self.settings.host, self.settings.port)
        _log.info("listening", host=self.settings.host, port=port)
        return port

    async def watch_chain(self) -> None:
        """One round of what every daemon does: see that finality held, and move the outbox."""
        finalized = await self.check_finality()
        self.news.tell(finalized)
        self.metrics.block("finalized", finalized.number)
        self.metrics.block("latest", (await self.rpc.latest()).number)
        await self.sender.tick()
        self.metrics.outbox(await self.outbox.counts())

    async def certain(self) -> Block:
        """The newest finalized block, once the chain can be read and is known to have kept what was final.

        For a daemon whose own part must not begin before. One that has work without a chain begins at once.
        """
        return await self.patiently(self.check_finality)

    async def patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask the chain until it isn't in doubt, for what a daemon cannot begin without."""
        said = ""
        while True:
            try:
                return await ask()
            except ChainDoubt as doubt:
                if said != str(doubt):
                    said = str(doubt)
                    _log.warning("waiting", loop="chain", reason=said)
            await anyio.sleep(self.settings.poll_seconds)

    async def check_finality(self) -> Block:
        """See that what was final is final still; returns the newest finalized block, from now on known.

        Several may look at once: what one of them gets to know meanwhile makes no other's answer an old one.
        """
        async with self.store.transaction() as transaction:
            known = await transaction.cursor(_FINALITY)
        finalized = await self.rpc.finalized()
        if known is not None:
            await check_finality(self.rpc, known, finalized)
        async with self.store.transaction() as transaction:
            newest = await transaction.cursor(_FINALITY)
            if newest is None or newest.number < finalized.number:
                await transaction.set_cursor(_FINALITY, Cursor.of(finalized))
        return finalized


Setup = Callable[[Frame[S]], Awaitable[None]]
"""A daemon's own part: tells the sender what settles its intents, starts its loops in `tasks`, and returns.
"""


def run_daemon(name: str, load: Callable[[], S], setup: Setup[S], *, schema: Iterable[str] = ()) -> int:
    """Run a daemon to its end and return the process's exit code: 0 after SIGTERM or SIGINT.

    `load` reads the settings; `schema` makes the domain's own tables. What the operator can mend is one
    line without a traceback; what is a fault of ours comes with one.
    """
    start_journal("INFO")
    try:
        settings = load()
        REDACTOR.hide(settings.secrets())
        start_journal(settings.log_level)
        anyio.run(_supervised, name, settings, setup, tuple(schema))
    except BaseException as fault:
        return _end(name, fault)
    _log.info("ended", daemon=name)
    return 0


async def _supervised(name: str, settings: S, setup: Setup[S], schema: tuple[str, ...]) -> None:
    async with anyio.create_task_group() as outer:
        await outer.start(_cancel_on_signal, outer)
        with state_folder(settings.state):
            async with open_frame(name, settings, schema=schema) as frame:
                _log.info("started", daemon=name, account=frame.account.address if frame.account else None)
                await setup(frame)
                # Only now: rows from before a restart need what `setup` told the sender.
                await frame.cycle("chain", frame.watch_chain, every=settings.poll_seconds)


@asynccontextmanager
async def open_frame(name: str, settings: S, *, schema: Iterable[str] = ()) -> AsyncIterator[Frame[S]]:
    """All that a frame holds, opened from settings; closed, its tasks cancelled, at the end.

    Raises `DaemonError` or `DeploymentFault`. The caller holds the state folder's lock.
    """
    metrics = Metrics(name)
    deployment = Deployment.load(settings.deployment)
    account = _account(settings)
    async with (
        Store.open(settings.state / "state.db", schema=(*OUTBOX_SCHEMA, *schema)) as store,
        Rpc.connect(settings.urls, deployment.chain_id, observe=metrics.request) as rpc,
        anyio.create_task_group() as tasks,
    ):
        outbox = StoredOutbox(store)
        yield Frame(
            settings=settings,
            deployment=deployment,
            rpc=rpc,
            store=store,
            outbox=outbox,
            sender=Sender(rpc, outbox, account),
            account=account,
            health=Health(settings.stale_seconds),
            metrics=metrics,
            tasks=tasks,
        )
        tasks.cancel_scope.cancel()


def _account(settings: Settings) -> LocalAccount | None:
    if not settings.sends:
        return None
    if settings.keystore is None:
        _log.warning("dry run: WESTWORLD_KEYSTORE is not set, so nothing will be sent")
        return None
    if settings.password is None:
        raise KeystoreFault("WESTWORLD_KEYSTORE is set; WESTWORLD_PASSWORD_FILE must be, too")
    account = load_account(settings.keystore, settings.password)
    REDACTOR.hide([bytes(account.key).hex()])
    return account


async def _cancel_on_signal(
    group: TaskGroup, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as received:
        task_status.started()
        async for number in received:
            _log.info("ending", signal=signal.Signals(number).name)
            group.cancel_scope.cancel()
            return


def _end(name: str, fault: BaseException) -> int:
    leaves = list(_leaves(fault))
    # A doubt is for waiting: should one end a daemon nevertheless, a supervisor has to start it again.
    for kinds, code in (
        ((DaemonError, DeploymentFault), EXIT_UNUSABLE),
        (ChainDoubt, EXIT_CRASHED),
        (ChainError, EXIT_STOPPED),
    ):
        known = next((leaf for leaf in leaves if isinstance(leaf, kinds)), None)
        if known is not None:
            _log.critical("stopped", daemon=name, fault=type(known).__name__, reason=str(known))
            return code
    _log.critical("crashed", daemon=name, exc_info=fault)
    return EXIT_CRASHED


def _leaves(fault: BaseException) -> Iterable[BaseException]:
    if isinstance(fault, BaseExceptionGroup):
        for part in fault.exceptions:
            yield from _leaves(part)
    else:
        yield fault
