"""`westworld oracle …`: run a committee member, ask it, make its key."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import httpx
import rich_click as click
from pydantic import ValidationError

from oracles.cli.output import FINDING, UNAVAILABLE, fail, format_option, show_json, show_table

_url = click.option(
    "--url", default="http://127.0.0.1:9600", show_default=True, help="Where the oracle listens."
)


@click.group(name="oracle", context_settings={"help_option_names": ["-h", "--help"]})
def oracle() -> None:
    """A member of the oracle committee: it re-checks what nodes recorded, signs, and reports to the chain.

    \b
    Examples:
      westworld oracle key --out /etc/westworld/oracle.json --password-file /run/secrets/oracle
      westworld oracle run
      westworld oracle status --format json
      westworld oracle evidence
    """  # noqa: D301


@oracle.command()
def run() -> None:
    """Run the oracle until SIGTERM; settings are WESTWORLD_… variables.

    After a start it votes from the next slot on: its state folder may have been restored from a backup.
    Exit codes: 0 ended, 1 crashed, 2 settings, key or state unusable, 3 the chain is not what it must be.

    \b
    Example:
      WESTWORLD_PEERS='{"0x…": "http://10.0.0.8:9600"}' westworld oracle run
    """  # noqa: D301
    # Imported here: the other commands need neither web3 nor a server.
    from oracles.cli.oracle_daemon import main

    sys.exit(main())


@oracle.command()
@_url
@format_option
def status(url: str, form: str) -> None:
    """Show what a running oracle waits for, and whether its pulse is fresh.

    Exit codes: 0 well, 1 its pulse is stale, 3 it did not answer.

    \b
    Examples:
      westworld oracle status
      westworld oracle status --url http://10.0.0.8:9600 --format json
    """  # noqa: D301
    from oracles.cli.oracle_routes import OracleReport

    try:
        found = OracleReport.model_validate_json(_get(url, "v1/oracle/status").raise_for_status().content)
        health = _get(url, "health")
        loops = health.json()
    except (httpx.HTTPError, ValidationError, ValueError) as fault:
        fail(f"the oracle at {url} did not answer: {fault}", UNAVAILABLE)
    if form == "json":
        show_json(found.model_dump() | {"health": loops})
    else:
        rows = [*found.model_dump().items(), ("health", loops["status"])]
        show_table("oracle", ("what", "is"), rows)
    sys.exit(0 if health.status_code == 200 else FINDING)


@oracle.command()
@_url
@format_option
def evidence(url: str, form: str) -> None:
    """Show what an oracle holds against members that voted twice and nodes with two histories.

    Exit codes: 0 nothing, 1 there is evidence, 3 it did not answer.

    \b
    Example:
      westworld oracle evidence --format json > evidence.json
    """  # noqa: D301
    from oracles.cli.oracle_routes import Evidence

    try:
        found = Evidence.model_validate_json(_get(url, "v1/oracle/evidence").raise_for_status().content)
    except (httpx.HTTPError, ValidationError) as fault:
        fail(f"the oracle at {url} did not answer: {fault}", UNAVAILABLE)
    if form == "json":
        show_json(found.model_dump(mode="json"))
    else:
        rows = [
            *(("double vote", d.member, f"sequence {d.first.report.sequence}") for d in found.double_votes),
            *(("two histories", d.node, "the notes are in the JSON form") for d in found.doubts),
        ]
        show_table("evidence", ("what", "against", "detail"), rows)
    sys.exit(FINDING if found.double_votes or found.doubts else 0)


@oracle.command()
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The file to make."
)
@click.option(
    "--password-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    envvar="WESTWORLD_PASSWORD_FILE",
    required=True,
    help="Its content seals the key.",
)
@format_option
def key(out: Path, password_file: Path, form: str) -> None:
    """Make the account that signs reports and pays for transactions, as a V3 keystore.

    Prints the address, which the DAO then seats. An existing file is kept.

    \b
    Example:
      westworld oracle key --out /etc/westworld/oracle.json --password-file /run/secrets/oracle
    """  # noqa: D301
    from eth_account import Account

    from oracles.cli.chain_access import read_password
    from oracles.daemon.errors import KeystoreFault
    from oracles.daemon.keystore import save_account

    account = Account.create()
    try:
        save_account(out, account, read_password(password_file))
    except KeystoreFault as fault:
        fail(str(fault), FINDING)
    made = {"file": str(out), "address": account.address}
    click.echo(json.dumps(made) if form == "json" else account.address)


def _get(url: str, path: str) -> httpx.Response:
    return httpx.get(f"{url.rstrip('/')}/{path}", timeout=5)
