"""`westworld trust`: who holds which power on a chain, against what the trust document promises."""

from __future__ import annotations

import sys
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
    clear_errors,
    fail,
    format_option,
    run_async,
    show_json,
    show_table,
)
from oracles.governance.trust import EXECUTORS, Power, deployed, differences, stated


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--document",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=Path("docs/trust.md"),
    show_default=True,
    help="The document with the table of powers.",
)
@chain_options(key=False)
@format_option
@clear_errors
def trust(document: Path, access: Access, form: str) -> None:
    """Read every power back from the chain and compare it with the trust document.

    Exit codes: 0 they agree, 1 they differ, 2 called wrongly, 3 the chain is not available.

    \b
    Examples:
      westworld trust
      westworld trust --document docs/trust.md --format json
    """  # noqa: D301
    found = run_async(_read, access)
    wrong = differences(stated(document.read_text(encoding="utf-8")), found)
    if form == "json":
        powers = [{"contract": p.contract, "power": p.name, "held_by": p.holders} for p in sorted(found)]
        show_json({"powers": powers, "differences": wrong})
    else:
        rows = [(p.contract, p.name, ", ".join(p.holders) or "nobody") for p in sorted(found)]
        show_table("powers, as the chain has them", ("contract", "power", "held by"), rows)
        for sentence in wrong:
            click.echo(sentence, err=True)
    sys.exit(FINDING if wrong else 0)


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


async def _read(access: Access) -> frozenset[Power]:
    async with access.connect() as (rpc, deployment):
        addresses = {name: contract.address for name, contract in deployment.contracts.items()}
        abis = {name: load_abi("Timelock" if name in EXECUTORS else name).entries for name in addresses}
        web3 = Web3(_Endpoints(rpc))
        try:
            return await to_thread.run_sync(deployed, web3, addresses, abis, deployment.deployed_block)
        except Web3Exception as fault:
            fail(f"the chain does not answer as this deployment does: {fault}", UNAVAILABLE)
