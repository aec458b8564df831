"""Documents promise only what is there: their links lead somewhere, their commands exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from oracles.cli.charter import charter
from oracles.cli.main import westworld

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "SECURITY.md", *(ROOT / "docs").rglob("*.md")])
RUNBOOK = ROOT / "docs" / "runbooks" / "charter-violation-found.md"


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _commands(text: str) -> set[tuple[str, ...]]:
    """The commands of ours that a document names, up to the first thing that is not a plain word."""
    found = set()
    for code in re.findall(r"`([^`\n]+)`|^((?:charter-admin|westworld) .*)$", text, re.M):
        words = shlex.split((code[0] or code[1]).replace("…", "")) if any(code) else []
        if words and words[0] in {"charter-admin", "westworld"}:
            plain = [word for word in words if re.fullmatch(r"[a-z-]+", word) and not word.startswith("-")]
            found.add(tuple(plain[: 3 if words[0] == "westworld" else 2]))
    return found


def _exists(words: tuple[str, ...]) -> bool:
    command: click.Command | None = {"charter-admin": charter, "westworld": westworld}[words[0]]
    for word in words[1:]:
        if not isinstance(command, click.Group):
            return True  # an argument
        command = command.get_command(click.Context(command), word)
        if command is None:
            return False
    return True


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_every_link_leads_to_a_file(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)|href=\"([^\"]+)\"", text)
    targets = [a or b for a, b in links if not (a or b).startswith(("http", "mailto:"))]
    assert [target for target in targets if not (document.parent / target).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_every_command_that_a_document_names_exists(document: Path) -> None:
    commands = _commands(document.read_text(encoding="utf-8"))
    assert sorted(words for words in commands if not _exists(words)) == []


def test_a_command_that_is_not_there_would_be_found() -> None:
    commands = _commands("`charter-admin pardon CASE` and `westworld oracle run --x`")
    assert commands == {("charter-admin", "pardon"), ("westworld", "oracle", "run")}
    assert not _exists(("charter-admin", "pardon"))


@pytest.mark.feature("I7.2")
def test_the_runbook_leads_from_the_alert_to_the_decision_by_commands_that_exist() -> None:
    commands = _commands(RUNBOOK.read_text(encoding="utf-8"))
    steps = {"audit", "report", "confirm", "override"}
    assert {("charter-admin", step) for step in steps} <= commands
    assert all(_exists(words) for words in commands)


@pytest.mark.feature("I7.4")
def test_security_policy_says_contact_response_disclosure_and_bounty() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    assert re.search(r"^## Report a vulnerability\n\n.*\*\*\"Report a vulnerability\"\*\*", text, re.M)
    assert "within 72 hours" in text
    assert "within 30 days" in text
    assert re.search(r"^## Bounty$", text, re.M)


def test_readme_names_the_two_commands_and_shows_the_matrix() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make demo" in text and "make test" in text and "```mermaid" in text
    assert "<!-- matrix:" in text


@pytest.mark.feature("I7.5")
@pytest.mark.parametrize(
    ("reader", "document"),
    [
        ("member", "docs/charter.md"),
        ("oracle or a node", "docs/operators.md"),
        ("audit committee", "docs/runbooks/charter-violation-found.md"),
        ("code", "docs/engineers.md"),
    ],
)
def test_members_operators_auditors_and_engineers_are_each_led_to_their_document(
    reader: str, document: str
) -> None:
    rows = [
        line for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines() if document in line
    ]
    assert any(reader in row for row in rows)
    assert len((ROOT / document).read_text(encoding="utf-8").split()) > 200
