"""How a command reaches the chain: options that stand for the daemons' environment variables."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click
from pydantic import SecretStr

from oracles.chain.deployment import Deployment
from oracles.cli.output import USAGE, fail
from oracles.daemon.errors import KeystoreFault

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from oracles.chain.rpc import Rpc

_NODE = re.compile(r"0x[0-9a-fA-F]{64}")
_OPTIONS: tuple[tuple[str, str, str], ...] = (
    ("--deployment", "WESTWORLD_DEPLOYMENT", "The file that says what is deployed where."),
    ("--rpc", "WESTWORLD_RPC_URLS", "One or two JSON-RPC URLs, comma between."),
)
_KEY_OPTIONS: tuple[tuple[str, str, str], ...] = (
    ("--keystore", "WESTWORLD_KEYSTORE", "The account's V3 keystore."),
    ("--password-file", "WESTWORLD_PASSWORD_FILE", "The file with the keystore's password."),
)


@dataclass(frozen=True)
class Access:
    """Where the chain is, and as whom to write to it. Nothing is opened before it is needed."""

    deployment: str | None
    rpc: str | None
    keystore: str | None = None
    password_file: str | None = None

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[tuple[Rpc, Deployment]]:
        """The chain's endpoints and the deployment; ends the command when they were not named."""
        if not self.deployment or not self.rpc:
            fail(
                "this needs the chain: give --deployment and --rpc, or set WESTWORLD_DEPLOYMENT and "
                "WESTWORLD_RPC_URLS",
                USAGE,
            )
        # Imported here: web3 is slow to load, and a command that fails earlier needs none of it.
        from oracles.chain.rpc import Rpc

        deployment = Deployment.load(Path(self.deployment))
        urls = [url.strip() for url in self.rpc.split(",") if url.strip()]
        async with Rpc.connect(urls, deployment.chain_id) as rpc:
            yield rpc, deployment

    def account(self) -> LocalAccount:
        """The account in the keystore. Raises `KeystoreFault`; ends the command when none was named."""
        if not self.keystore or not self.password_file:
            fail(
                "this sends a transaction: give --keystore and --password-file, or set WESTWORLD_KEYSTORE "
                "and WESTWORLD_PASSWORD_FILE",
                USAGE,
            )
        from oracles.daemon.keystore import load_account

        return load_account(Path(self.keystore), read_password(Path(self.password_file)))


def read_password(path: Path) -> SecretStr:
    """A password from its file, without the last line break. Raises `KeystoreFault`."""
    try:
        return SecretStr(path.read_text(encoding="utf-8").rstrip("\r\n"))
    except OSError as fault:
        raise KeystoreFault(f"cannot read the password file {path}: {fault.strerror}") from None


def chain_options(*, key: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Options for the chain, handed to the command as `access`; with `key`, also for an account."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        options = _OPTIONS + (_KEY_OPTIONS if key else ())
        names = [option.removeprefix("--").replace("-", "_") for option, _, _ in options]

        @wraps(command)
        def run(**arguments: Any) -> Any:
            given = {name: arguments.pop(name) for name in names}
            return command(access=Access(**given), **arguments)

        decorated: Callable[..., Any] = run
        for option, variable, text in reversed(options):
            decorated = click.option(option, envvar=variable, show_envvar=True, help=text)(decorated)
        return decorated

    return decorate


def node_option(
    *, required: bool, name: str = "--node"
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option for a node's id, checked and in lower case."""

    def check(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
        if value is not None and _NODE.fullmatch(value) is None:
            raise click.BadParameter("a node's id is 0x and 64 hexadecimal digits")
        return value.lower() if value else value

    return click.option(name, "node", required=required, callback=check, help="The node's id: 0x, 64 digits.")
