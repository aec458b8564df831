"""The roots of the command line. Groups hang themselves in by entry points, and load when called."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

import rich_click as click

GROUP = "westworld.commands"


class LazyGroup(click.RichGroup):
    """A group whose commands are the installed entry points of `GROUP`; nobody has to import upward."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the installed groups."""
        return sorted(point.name for point in entry_points(group=GROUP))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one group; None where there is none of that name.

        Raises `click.ClickException` for a group whose own libraries are not installed.
        """
        for point in entry_points(group=GROUP, name=cmd_name):
            try:
                command: click.Command = point.load()
            except ImportError as fault:
                raise click.ClickException(
                    f"`westworld {cmd_name}` needs what is not installed here ({fault.name}); "
                    f"install westworld[{cmd_name}]"
                ) from None
            return command
        return None

    def format_commands(self, ctx: click.Context, formatter: Any) -> None:
        """List the groups, also those that cannot be loaded here."""
        rows = []
        for name in self.list_commands(ctx):
            try:
                command = self.get_command(ctx, name)
                rows.append((name, command.get_short_help_str(80) if command else ""))
            except click.ClickException as fault:
                rows.append((name, fault.message))
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="westworld")
def westworld() -> None:
    """The governance layer of a mesh network: members vote on a charter of data rights, and kernels obey it.

    \b
    Examples:
      westworld charter validate deploy/policies/production.yaml
      westworld oracle --help
      westworld agent --help
    """  # noqa: D301


def main() -> None:
    """Run `westworld`."""
    westworld(prog_name="westworld")


def charter_admin() -> None:
    """Run `charter-admin`, the audit committee's name for `westworld charter`."""
    # Imported here: `westworld agent` and `westworld oracle` start without it.
    from oracles.cli.charter import charter

    charter(prog_name="charter-admin")
