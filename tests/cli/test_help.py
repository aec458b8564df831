"""Every command of both programs explains itself: an example, in the lines in which it was written."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from oracles.cli.charter import charter
from oracles.cli.main import westworld


def _commands(command: click.Command, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield words
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from _commands(found, (*words, name))


EVERY = [*_commands(charter, ("charter-admin",)), *_commands(westworld, ("westworld",))]


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_help_has_an_example_in_lines_of_its_own(words: tuple[str, ...]) -> None:
    root = charter if words[0] == "charter-admin" else westworld
    shown = CliRunner().invoke(root, [*words[1:], "--help"])

    assert shown.exit_code == 0
    lines = [line.strip() for line in shown.output.splitlines()]
    # A paragraph that is filled up would run the heading and the commands together.
    assert "Example:" in lines or "Examples:" in lines
    assert "\\b" not in shown.output


def test_every_command_is_looked_at() -> None:
    assert {("westworld", "oracle", "run"), ("westworld", "agent", "status"), ("westworld", "trust")} <= {
        *EVERY
    }
    assert ("charter-admin", "confirm") in EVERY
