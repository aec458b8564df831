"""`make demo`: the charter loop with real parts, from a vote to a kernel and back to the chain."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from scripts._story.steps import STORY  # noqa: E402
from scripts._story.telling import Outcome, Told, tell  # noqa: E402
from scripts._story.world import World  # noqa: E402

HELD, NOT_HELD, NOT_HERE = 0, 1, 3
COLOURS = {Outcome.HELD: "green", Outcome.FAILED: "red", Outcome.NOT_HERE: "yellow"}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--keep", is_flag=True, envvar="KEEP", help="Keep the folder with every log, key and ledger.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", help="How to print.")
def cli(keep: bool, form: str) -> None:
    r"""Tell the story of the charter loop with real processes, and verify every step.

    Exit codes: 0 every step held, 1 a step did not hold, 3 this machine cannot enforce in its kernel.

    \b
    Examples:
      make demo
      make demo KEEP=1
      python scripts/demo.py --format json
    """
    console = Console(stderr=form == "json")
    folder = Path(tempfile.mkdtemp(prefix="westworld-"))
    told: list[Told] = []
    with console.status("…") as status:
        world = World(folder, lambda news: status.update(f"[cyan]{news}[/]"))
        try:
            for step in tell(world):
                told.append(step)
                mark = f"[{COLOURS[step.outcome]}]{step.outcome}[/]"
                console.print(f"{step.number}/{len(STORY)} {step.title}: {mark} ({step.seconds:.1f} s)")
        finally:
            status.update("stopping every process")
            world.close()
    if form == "json":
        click.echo(json.dumps([asdict(step) for step in told], indent=2))
    else:
        _show(console, told)
    code = _exit_code(told)
    if keep or code == NOT_HELD:
        console.print(f"logs, keys and ledgers: {folder}")
    else:
        shutil.rmtree(folder)
    sys.exit(code)


def _exit_code(told: list[Told]) -> int:
    if len(told) < len(STORY) or any(step.outcome is Outcome.FAILED for step in told):
        return NOT_HELD
    return NOT_HERE if any(step.outcome is Outcome.NOT_HERE for step in told) else HELD


def _show(console: Console, told: list[Told]) -> None:
    table = Table(title="From a vote to the kernel, from the kernel to the chain", title_justify="left")
    table.add_column("step", no_wrap=True)
    table.add_column("what was verified", ratio=1)
    table.add_column("time", justify="right")
    for step in told:
        colour = COLOURS[step.outcome]
        table.add_row(f"[{colour}]{step.number} {step.title}[/]", step.verified, f"{step.seconds:.1f} s")
    table.add_section()
    table.add_row("", "", f"{sum(step.seconds for step in told):.1f} s")
    console.print(table)


if __name__ == "__main__":
    cli()
