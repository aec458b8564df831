"""`westworld trust`: what it prints, and what it exits with. The chain's answers are canned."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from oracles.cli import trust as command
from oracles.cli.main import westworld
from oracles.governance.trust import Measure, Seats, Trust, stated

DOCUMENT = Path(__file__).parents[2] / "docs" / "trust.md"
PERIOD = Measure("Governor", "voting period of charter_amendment", 72 * 3_600)
ORACLES = Seats("OracleCommittee", ("0x" + "a1" * 20, "0x" + "a2" * 20), 2)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The command against a chain on which `found` was found; by default what the document promises."""
    deployment = tmp_path / "deployment.json"
    deployment.write_text('{"chain_id": 1, "deployed_block": 1, "contracts": {}}')
    promised = replace(stated(DOCUMENT.read_text(encoding="utf-8")), seats=frozenset({ORACLES}))

    def invoke(*args: str, found: Trust = promised, document: Path = DOCUMENT) -> Result:
        async def read(_: object) -> Trust:
            return found

        monkeypatch.setattr(command, "_read", read)
        chain = ["--deployment", str(deployment), "--rpc", "http://localhost:1"]
        runner = CliRunner(mix_stderr=False)
        return runner.invoke(westworld, ["trust", "--document", str(document), *chain, *args])

    return invoke


def _hasty() -> Trust:
    promised = stated(DOCUMENT.read_text(encoding="utf-8"))
    return replace(promised, measures=promised.measures - {PERIOD} | {replace(PERIOD, amount=60)})


def test_powers_times_and_seats_are_shown(run: Callable[..., Result]) -> None:
    result = run()
    assert (result.exit_code, result.stderr) == (0, "")
    for shown in ("CharterExecutor", "voting period of charter_amendment", "259200 s", "5 %", "2 of 2"):
        assert shown in result.stdout
    assert ORACLES.members[0] in result.stdout


def test_a_vote_that_became_too_short_is_a_finding(run: Callable[..., Result]) -> None:
    result = run(found=_hasty())
    assert result.exit_code == 1
    assert "voting period of charter_amendment is 60 s, the trust document says at least" in result.stderr


@pytest.mark.parametrize("hasty", [False, True])
def test_as_json_it_is_for_programs(run: Callable[..., Result], hasty: bool) -> None:
    result = run("--format", "json", **({"found": _hasty()} if hasty else {}))
    content: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == len(content["differences"]) == hasty
    period = {"contract": "Governor", "name": PERIOD.name, "amount": 60 if hasty else 259_200}
    assert period in content["measures"]
    assert {"contract": "Charter", "power": "owner", "held_by": ["CharterExecutor"]} in content["powers"]
    assert bool(content["seats"]) is not hasty


def test_a_document_without_the_tables_is_a_usage_error(run: Callable[..., Result], tmp_path: Path) -> None:
    empty = tmp_path / "empty.md"
    empty.write_text("# Who can do what\n")
    result = run(document=empty)
    assert result.exit_code == 2
    assert f"error: {empty}: the trust document has no table headed" in result.stderr
