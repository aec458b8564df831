"""`westworld trust`: who holds which power on a chain, against what the trust document promises."""

from __future__ import annotations

import sys
from pathlib import Path

import rich_click as click
from web3 import Web3

from oracles.chain.contract import load_abi
from oracles.chain.deployment import Deployment
from oracles.cli.chain_access import Access, chain_options
from oracles.cli.output import FINDING, USAGE, clear_errors, fail, format_option, show_json, show_table
from oracles.governance.trust import EXECUTORS, deployed, differences, stated


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
    if not access.deployment or not access.rpc:
        fail("this needs the chain: give --deployment and --rpc", USAGE)
    deployment = Deployment.load(Path(access.deployment))
    addresses = {name: contract.address for name, contract in deployment.contracts.items()}
    abis = {name: load_abi("Timelock" if name in EXECUTORS else name).entries for name in addresses}
    web3 = Web3(Web3.HTTPProvider(access.rpc.split(",")[0].strip()))
    found = deployed(web3, addresses, abis, deployment.deployed_block)
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
