"""The daemon's HTTP server, as one of its tasks, and the routes that every daemon has."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import uvicorn
from anyio.abc import TaskStatus
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from oracles.daemon.errors import SettingsFault
from oracles.daemon.health import Health


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers, which are the frame's business, and with an event for "ready"."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = anyio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


def status_routes(health: Health, registry: CollectorRegistry) -> list[Route]:
    """`GET /health` (200, or 503 when a pulse is stale) and `GET /metrics` (Prometheus text format 0.0.4)."""

    async def show_health(_: Request) -> Response:
        well, report = health.report()
        return JSONResponse(report, status_code=200 if well else 503)

    async def show_metrics(_: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return [Route("/health", show_health), Route("/metrics", show_metrics)]


async def serve(
    app: Any, host: str, port: int, *, task_status: TaskStatus[int] = anyio.TASK_STATUS_IGNORED
) -> None:
    """Serve an ASGI application until cancelled, then let open requests end (2 s at most).

    Start it with `await group.start(serve, app, host, port)`, which returns the port once it is open. Raises
    `SettingsFault` where the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as fault:
            raise SettingsFault(
                f"cannot listen on {host}:{port} (WESTWORLD_LISTEN): {fault.strerror}"
            ) from None
        server = _Server(
            uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=2, ws="none")
        )

        async def run() -> None:
            # Shielded: uvicorn closes its connections only when it comes to its own end.
            with anyio.CancelScope(shield=True):
                await server.serve(sockets=[listener])

        async with anyio.create_task_group() as group:
            group.start_soon(run)
            try:
                await server.ready.wait()
                task_status.started(listener.getsockname()[1])
                await anyio.sleep_forever()
            finally:
                server.should_exit = True
    finally:
        listener.close()
