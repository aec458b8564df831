"""What all commands share: exit codes, tables or JSON, and errors as one clear message."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, NoReturn, ParamSpec, TypeVar

import anyio
import rich_click as click
from rich.console import Console
from rich.table import Table

from oracles.chain.errors import CallReverted, ChainDoubt, ChainError, DeploymentFault
from oracles.charter.audit import AuditRefused
from oracles.charter.evidence import EvidenceRefused
from oracles.charter.node_client import NodeFaultError
from oracles.charter.violation_report import NotSent
from oracles.charter.yaml_tree import DocumentRefused
from oracles.daemon.errors import DaemonError

OK, FINDING, USAGE, UNAVAILABLE = 0, 1, 2, 3
"""Exit codes: all is well; a finding or a refusal; called wrongly; something needed is not there."""

P = ParamSpec("P")
R = TypeVar("R")

format_option = click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="How to print.",
)


def fail(message: str, code: int) -> NoReturn:
    """End with a message on stderr."""
    click.echo(f"error: {message}", err=True)
    sys.exit(code)


def show_json(value: Any) -> None:
    """Print a value as JSON on stdout."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def show_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows as a table on stdout; what a stranger wrote is never read as markup."""
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(click.unstyle(str(cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else 160, markup=False, emoji=False).print(table)


def clear_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Turn what a command raises on purpose into one message and an exit code."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except BaseExceptionGroup as group:
            _end(next(_leaves(group)))
        except Exception as fault:
            _end(fault)

    return run


def run_async(work: Callable[..., Any], *args: Any) -> Any:
    """Run asynchronous work to its end."""
    return anyio.run(work, *args)


def _end(fault: BaseException) -> NoReturn:
    match fault:
        case DocumentRefused():
            for one in fault.faults:
                click.echo(str(one), err=True)
            fail(f"{len(fault.faults)} fault(s), nothing was applied", FINDING)
        case CallReverted():
            fail(f"the contract refuses: {fault.reason}", FINDING)
        case AuditRefused() | EvidenceRefused():
            fail(str(fault), FINDING)
        case KeyError():
            fail(str(fault.args[0]), FINDING)
        case DeploymentFault() | DaemonError():
            fail(str(fault), USAGE)
        case ChainDoubt() | ChainError() | NotSent() | NodeFaultError():
            fail(str(fault), UNAVAILABLE)
        case OSError():
            fail(f"{fault.filename or ''}: {fault.strerror or fault}".removeprefix(": "), UNAVAILABLE)
        case _:
            raise fault


def _leaves(fault: BaseException) -> Any:
    if isinstance(fault, BaseExceptionGroup):
        for part in fault.exceptions:
            yield from _leaves(part)
    else:
        yield fault
