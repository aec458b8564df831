"""`make demo`: the charter loop with real parts, from a vote to a kernel and back to the chain."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from scripts._story.steps import STORY  # noqa: E402
from scripts._story.telling import Outcome, Told, tell  # noqa: E402
from scripts._story.world import World  # noqa: E402

HELD, NOT_HELD = 0, 1
ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
COLOURS = {Outcome.HELD: "green", Outcome.FAILED: "red", Outcome.NOT_HERE: "yellow"}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--keep",
    is_flag=True,
    envvar="KEEP",
    help="Keep the folder with every log, key and ledger, as it is where a step does not hold.",
)
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", help="How to print.")
def cli(keep: bool, form: str) -> None:
    """Tell the story of the charter loop with real processes, and verify every step.

    Where the kernel cannot enforce, user space limits: the steps say so as "not possible here".

    Exit codes: 0 every step held as far as it is possible here, 1 a step did not hold,
    128 and more: ended by a signal, with every process stopped.

    \b
    Examples:
      make demo
      make demo KEEP=1
      python scripts/demo.py --format json
    """  # noqa: D301
    for ending in ENDING:
        signal.signal(ending, _end)
    console = Console(stderr=form == "json")
    folder = Path(tempfile.mkdtemp(prefix="westworld-"))
    told: list[Told] = []
    try:
        _tell(World(folder, lambda _: None), console, told)
    finally:
        held = len(told) == len(STORY) and all(step.outcome is not Outcome.FAILED for step in told)
        if keep or not held:
            console.print(f"logs, keys and ledgers: {folder}")
        else:
            shutil.rmtree(folder)
    if form == "json":
        click.echo(json.dumps([asdict(step) for step in told], indent=2))
    else:
        _show(console, told)
    sys.exit(HELD if held else NOT_HELD)


def _tell(world: World, console: Console, told: list[Told]) -> None:
    """Tells the story and takes away all that it made, however it ends."""
    with console.status("…") as status:
        world.say = lambda news: status.update(f"[cyan]{news}[/]")
        try:
            for step in tell(world):
                told.append(step)
                mark = f"[{COLOURS[step.outcome]}]{step.outcome}[/]"
                console.print(f"{step.number}/{len(STORY)} {step.title}: {mark} ({step.seconds:.1f} s)")
        finally:
            for ending in ENDING:
                signal.signal(ending, signal.SIG_IGN)  # what was begun is taken away before this ends
            status.update("stopping every process")
            world.close()


def _end(number: int, _: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def _show(console: Console, told: list[Told]) -> None:
    table = Table(title="From a vote to the kernel, from the kernel to the chain", title_justify="left")
    table.add_column("step", no_wrap=True)
    table.add_column("what was verified", ratio=1)
    table.add_column("time", justify="right")
    for step in told:
        colour = COLOURS[step.outcome]
        said, _, _ = step.verified.partition("\n")
        table.add_row(f"[{colour}]{step.number} {step.title}[/]", escape(said), f"{step.seconds:.1f} s")
    table.add_section()
    table.add_row("", "", f"{sum(step.seconds for step in told):.1f} s")
    console.print(table)
    for step in told:
        if step.outcome is Outcome.FAILED:
            console.print(escape(step.verified), style=COLOURS[step.outcome])


if __name__ == "__main__":
    cli()
