"""`westworld agent …`: run the agent, ask it, make its key, end its enforcement."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import httpx
import rich_click as click
from pydantic import SecretStr, ValidationError
from rich.console import Console
from rich.table import Table

from agent.status import State, Status

ENFORCING, DEGRADED, UNREACHABLE = 0, 1, 3

_format = click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", help="How to print."
)


@click.group(name="agent", context_settings={"help_option_names": ["-h", "--help"]})
def agent() -> None:
    """The node's agent: it holds this machine's telemetry to the charter.

    \b
    Examples:
      westworld agent key --out /etc/westworld/ledger.key --password-file /etc/westworld/agent.password
      westworld agent run
      westworld agent status --format json
    """  # noqa: D301


@agent.command()
def run() -> None:
    """Run the agent until SIGTERM; settings are WESTWORLD_… variables.

    Kernel enforcement stays in force when the agent ends. Exit codes: 0 ended, 1 crashed, 2 settings, key,
    deployment or state unusable, 3 the chain is not what it must be.

    \b
    Example:
      WESTWORLD_NODE=0x… WESTWORLD_DESTINATIONS=192.0.2.1:8125 westworld agent run
    """  # noqa: D301
    # Imported here: the other commands need neither web3 nor the kernel's part.
    from agent.daemon import main

    sys.exit(main())


@agent.command()
@click.option("--url", default="http://127.0.0.1:9700", show_default=True, help="Where the agent listens.")
@_format
def status(url: str, form: str) -> None:
    """Show what a running agent enforces, and what is missing.

    Exit codes: 0 enforcing, 1 degraded, 3 it did not answer.

    \b
    Examples:
      westworld agent status
      westworld agent status --url http://10.0.0.7:9700 --format json
    """  # noqa: D301
    try:
        answer = httpx.get(f"{url.rstrip('/')}/v1/status", timeout=5).raise_for_status()
        found = Status.model_validate_json(answer.content)
    except (httpx.HTTPError, ValidationError) as fault:
        click.echo(f"error: the agent at {url} did not answer: {fault}", err=True)
        sys.exit(UNREACHABLE)
    if form == "json":
        click.echo(found.model_dump_json(indent=2))
    else:
        _show(found)
    sys.exit(ENFORCING if found.state is State.ENFORCING else DEGRADED)


@agent.command()
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
@_format
def key(out: Path, password_file: Path, form: str) -> None:
    """Make the Ed25519 key that signs the ledger's checkpoints, sealed with a password.

    Prints the public key, with which the node is registered (or rotated). An existing file is kept.

    Exit codes: 0 made, 1 the file is there already or cannot be written, 2 called wrongly.

    \b
    Example:
      westworld agent key --out /etc/westworld/ledger.key --password-file /run/secrets/agent
    """  # noqa: D301
    from nacl.signing import SigningKey

    from oracles.daemon.errors import KeystoreFault
    from oracles.daemon.keystore import save_signing_key

    made = SigningKey.generate()
    password = SecretStr(password_file.read_text(encoding="utf-8").rstrip("\r\n"))
    try:
        save_signing_key(out, made, password)
    except KeystoreFault as fault:
        click.echo(f"error: {fault}", err=True)
        sys.exit(1)
    public = f"0x{bytes(made.verify_key).hex()}"
    click.echo(json.dumps({"file": str(out), "ledger_key": public}) if form == "json" else public)


@agent.command()
@click.option("--who", required=True, help="Who does this; it goes into the ledger.")
@click.option("--why", required=True, help="For what reason; it goes into the ledger.")
def detach(who: str, why: str) -> None:
    """End the kernel's enforcement on this node. The agent must not be running.

    This is an override: it is written into the node's ledger first. Exit codes: 0 ended, 1 not possible,
    2 settings unusable.

    \b
    Example:
      westworld agent detach --who "ops@example.org" --why "moving the collectors to another machine"
    """  # noqa: D301
    from agent.detach import Refused, end_enforcement
    from agent.settings import AgentSettings
    from oracles.daemon.errors import SettingsFault

    try:
        end_enforcement(AgentSettings.load(), who, why)
    except SettingsFault as fault:
        click.echo(f"error: {fault}", err=True)
        sys.exit(2)
    except Refused as fault:
        click.echo(f"error: enforcement was not ended: {fault}", err=True)
        sys.exit(1)
    click.echo("enforcement has ended; the ledger says who and why")


def _show(found: Status) -> None:
    table = Table(show_header=False, box=None, pad_edge=False)
    colour = "green" if found.state is State.ENFORCING else "red"
    rows = {
        "state": f"[{colour}]{found.state.value}[/]",
        "scopes": ", ".join(found.scopes) or "none",
        "missing": "\n".join(found.missing) or "nothing",
        "not possible here": "\n".join(found.limits) or "nothing",
        "standing": found.standing + (" (nothing gets out)" if found.suspended else ""),
        "charter version": f"{found.charter_version}{'' if found.charter_final else ' (not final)'}",
        "finalized block": str(found.finalized_block),
        "ledger entries": str(found.ledger_size),
        "node": found.node,
    }
    for name, value in rows.items():
        table.add_row(name, value)
    Console().print(table)
