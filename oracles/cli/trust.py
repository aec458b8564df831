"""`westworld trust`: who holds which power on a chain, and how fast, against what the document promises."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import rich_click as click
from web3 import Web3

from oracles.chain.contract import load_abi
from oracles.chain.deployment import Deployment
from oracles.cli.chain_access import Access, chain_options
from oracles.cli.output import FINDING, USAGE, clear_errors, fail, format_option, show_json, show_table
from oracles.governance.trust import EXECUTORS, Trust, deployed, differences, spoken, stated


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

    The seats of oracles and auditors are shown, too: no document knows who sits there.

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
    try:
        promised = stated(document.read_text(encoding="utf-8"))
    except ValueError as fault:
        fail(f"{document}: {fault}", USAGE)
    found = deployed(web3, addresses, abis, deployment.deployed_block)
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
