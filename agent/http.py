"""What a node shows the network: its ledger's checkpoint, entries and proofs, and its own state."""

from base64 import b64encode
from collections.abc import Awaitable, Callable
from functools import partial

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from agent.status import Status
from oracles.ledger.errors import LedgerError
from oracles.ledger.ledger import Ledger

MAX_ENTRIES = 256
"""Entries in one answer."""


def ledger_routes(ledger: Ledger, status: Callable[[], Status]) -> list[Route]:
    """`/v1/checkpoint`, `/v1/entries`, `/v1/proof/…` and `/v1/status`.

    Wrong parameters get 400, indices that the ledger doesn't have 404, a ledger that cannot answer 503; each
    with `{"error": …}`.
    """

    async def checkpoint(request: Request) -> Response:
        note = await to_thread.run_sync(ledger.checkpoint)
        return PlainTextResponse(note)

    async def entries(request: Request) -> Response:
        start, end = _number(request, "start"), _number(request, "end")
        if end - start > MAX_ENTRIES:
            raise ValueError(f"at most {MAX_ENTRIES} entries at once, not {end - start}")
        found = await to_thread.run_sync(ledger.entries, start, end)
        return JSONResponse({"entries": [b64encode(entry).decode() for entry in found]})

    async def inclusion(request: Request) -> Response:
        index, size = _number(request, "index"), _number(request, "size")
        return _proof(await to_thread.run_sync(ledger.inclusion, index, size))

    async def consistency(request: Request) -> Response:
        old, new = _number(request, "old"), _number(request, "new")
        return _proof(await to_thread.run_sync(ledger.consistency, old, new))

    async def show(request: Request) -> Response:
        return JSONResponse(status().model_dump(mode="json"))

    return [
        Route(path, partial(_answer, endpoint))
        for path, endpoint in (
            ("/v1/checkpoint", checkpoint),
            ("/v1/entries", entries),
            ("/v1/proof/inclusion", inclusion),
            ("/v1/proof/consistency", consistency),
            ("/v1/status", show),
        )
    ]


async def _answer(endpoint: Callable[[Request], Awaitable[Response]], request: Request) -> Response:
    try:
        return await endpoint(request)
    except ValueError as fault:
        return JSONResponse({"error": str(fault)}, 400)
    except IndexError as fault:
        return JSONResponse({"error": str(fault)}, 404)
    except (LedgerError, OSError) as fault:
        return JSONResponse({"error": str(fault)}, 503)


def _number(request: Request, name: str) -> int:
    text = request.query_params.get(name, "")
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise ValueError(f"{name} has to be a whole number of at most 18 digits")
    return int(text)


def _proof(hashes: list[bytes]) -> Response:
    return JSONResponse({"proof": [one.hex() for one in hashes]})
