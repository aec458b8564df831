"""`westworld trust`: who holds which power on a chain, and how fast, against what the document promises."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import rich_click as click
from anyio import from_thread, to_thread
from web3 import Web3
from web3.exceptions import Web3Exception
from web3.providers import BaseProvider
from web3.types import RPCEndpoint, RPCResponse

from oracles.chain.contract import load_abi
from oracles.chain.rpc import Rpc
from oracles.cli.chain_access import Access, chain_options
from oracles.cli.output import (
    FINDING,
    UNAVAILABLE,
    USAGE,
    clear_errors,
    fail,
    format_option,
    run_async,
    show_json,
    show_table,
)
from oracles.governance.trust import ABI_OF, Trust, deployed, differences, spoken, stated


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--document",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=Path("docs/trust.md"),
    show_default=True,
    help="The document with the tables of powers, times and quorums.",
)
@chain_options(key=False)
@format_option
@clear_errors
def trust(document: Path, access: Access, form: str) -> None:
    """Read every power, time and quorum back from the chain and compare them with the trust document.

    The document is the checkout's: elsewhere, name it.

    The seats of oracles and auditors are shown, too: no document knows who sits there.

    Exit codes: 0 they agree, 1 they differ, 2 called wrongly, 3 the chain is not available.

    \b
    Examples:
      westworld trust
      westworld trust --document docs/trust.md --format json
    """  # noqa: D301
    try:
        promised = stated(document.read_text(encoding="utf-8"))
    except ValueError as fault:
        fail(f"{document}: {fault}", USAGE)
    found = run_async(_read, access)
    wrong = differences(promised, found)
    if form == "json":
        show_json(_content(found) | {"differences": wrong})
    else:
        _show(found)
        for sentence in wrong:
            click.echo(sentence, err=True)
    sys.exit(FINDING if wrong else 0)


def _content(found: Trust) -> dict[str, Any]:
    """What was found, for programs: times are in seconds, quorums in percent."""
    return {
        "powers": [
            {"contract": p.contract, "power": p.name, "held_by": p.holders} for p in sorted(found.powers)
        ],
        "measures": [asdict(measure) for measure in sorted(found.measures)],
        "seats": [asdict(seats) for seats in sorted(found.seats)],
    }


def _show(found: Trust) -> None:
    """What was found, for people."""
    powers = [(p.contract, p.name, ", ".join(p.holders) or "nobody") for p in sorted(found.powers)]
    show_table("powers, as the chain has them", ("contract", "power", "held by"), powers)
    measures = [(m.contract, m.name, spoken(m)) for m in sorted(found.measures)]
    show_table("how fast, as the chain has it", ("contract", "time or quorum", "is"), measures)
    seats = [
        (s.contract, f"{s.threshold} of {len(s.members)}", ", ".join(s.members)) for s in sorted(found.seats)
    ]
    show_table("seats, as the chain has them", ("contract", "decide", "members"), seats)


class _Endpoints(BaseProvider):
    """What web3 asks in a worker thread, asked of the project's own endpoints.

    They check the chain's id, have to agree where there are two, and never show a URL.
    """

    def __init__(self, rpc: Rpc) -> None:
        super().__init__()
        self._rpc = rpc

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """The result of a request; raises what `Rpc.raw` raises."""
        return {"jsonrpc": "2.0", "id": 1, "result": from_thread.run(self._rpc.raw, method, params)}


async def _read(access: Access) -> Trust:
    async with access.connect() as (rpc, deployment):
        addresses = {name: contract.address for name, contract in deployment.contracts.items()}
        abis = {name: load_abi(ABI_OF.get(name, name)).entries for name in addresses}
        web3 = Web3(_Endpoints(rpc))
        try:
            return await to_thread.run_sync(deployed, web3, addresses, abis, deployment.deployed_block)
        except Web3Exception as fault:
            fail(f"the chain does not answer as this deployment does: {fault}", UNAVAILABLE)
