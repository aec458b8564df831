"""`westworld agent …`: exit codes, JSON, and what goes into the ledger before enforcement ends."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from nacl.pwhash import argon2id
from pydantic import SecretStr

from agent import detach
from agent.cli import agent
from agent.kernel.enforcement import EnforcementUnavailable
from oracles.charter.entry import Override, decode
from oracles.daemon.keystore import load_signing_key, save_signing_key
from oracles.ledger.ledger import Ledger
from tests.agent.fakes import NODE
from tests.agent.test_http import STATUS


def answering(monkeypatch: pytest.MonkeyPatch, response: httpx.Response | httpx.HTTPError) -> None:
    def get(url: str, timeout: float) -> httpx.Response:
        if isinstance(response, httpx.HTTPError):
            raise response
        response.request = httpx.Request("GET", url)
        return response

    monkeypatch.setattr(httpx, "get", get)


@pytest.mark.parametrize(("state", "code"), [("enforcing", 0), ("degraded", 1)])
def test_status_tells_scripts_by_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, state: str, code: int
) -> None:
    content = {**STATUS.model_dump(mode="json"), "state": state}
    answering(monkeypatch, httpx.Response(200, json=content))
    shown = CliRunner().invoke(agent, ["status"])
    assert (shown.exit_code, "no policy" in shown.output, state in shown.output) == (code, True, True)
    printed = CliRunner().invoke(agent, ["status", "--format", "json"])
    assert (printed.exit_code, json.loads(printed.output)) == (code, content)


@pytest.mark.parametrize(
    "response",
    [httpx.ConnectError("refused"), httpx.Response(500), httpx.Response(200, json={"state": "fine"})],
)
def test_status_of_an_agent_that_does_not_answer_is_2(
    monkeypatch: pytest.MonkeyPatch, response: httpx.Response | httpx.HTTPError
) -> None:
    answering(monkeypatch, response)
    found = CliRunner().invoke(agent, ["status"])
    assert found.exit_code == 3
    assert "did not answer" in found.output


def test_a_key_is_made_sealed_and_never_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The least that Argon2id takes: how hard the password is to guess isn't tried here.
    cheap = {"operations": argon2id.OPSLIMIT_MIN, "memory": argon2id.MEMLIMIT_MIN}
    monkeypatch.setattr(save_signing_key, "__kwdefaults__", cheap)
    (tmp_path / "password").write_text("the password\n")
    order = ["key", "--out", str(tmp_path / "key"), "--password-file", str(tmp_path / "password")]
    made = CliRunner().invoke(agent, [*order, "--format", "json"])
    assert made.exit_code == 0
    key = load_signing_key(tmp_path / "key", SecretStr("the password"))
    assert json.loads(made.output)["ledger_key"] == f"0x{bytes(key.verify_key).hex()}"
    again = CliRunner().invoke(agent, order)
    assert again.exit_code == 1
    assert "is not written over" in again.output


class Letting:
    """An `Enforcement` that can be let go of."""

    detached = 0

    @classmethod
    def start(cls, *_: object) -> Letting:
        return cls()

    def detach(self) -> None:
        type(self).detached += 1


def settings(monkeypatch: pytest.MonkeyPatch, state: Path) -> None:
    for name, value in {
        "DEPLOYMENT": "deployment.json",
        "RPC_URLS": "http://chain",
        "STATE": str(state),
        "NODE": NODE,
        "PINS": str(state),
        "LEDGER_KEY": "key",
        "DESTINATIONS": "127.0.0.1:8125",
    }.items():
        monkeypatch.setenv(f"WESTWORLD_{name}", value)
    monkeypatch.setattr(detach, "telemetry_cgroup", lambda name: Path("/cgroup") / name)


@pytest.mark.feature("C13.1")
def test_ending_enforcement_is_an_override_that_the_ledger_has_first(
    monkeypatch: pytest.MonkeyPatch, state: Path
) -> None:
    settings(monkeypatch, state)
    monkeypatch.setattr(detach, "Enforcement", Letting)
    found = CliRunner().invoke(agent, ["detach", "--who", "ops", "--why", "moving"])
    assert found.exit_code == 0, found.output
    assert Letting.detached == 1
    with Ledger.open(state / "ledger") as ledger:
        entry = decode(ledger.read(0))
    assert isinstance(entry, Override)
    assert (entry.who, entry.what, entry.why) == ("ops", "enforcement ended", "moving")


def test_where_nothing_is_enforced_nothing_is_ended_or_written(
    monkeypatch: pytest.MonkeyPatch, state: Path
) -> None:
    settings(monkeypatch, state)
    monkeypatch.setenv("WESTWORLD_PINS", str(state / "nothing"))
    monkeypatch.setattr(detach, "Enforcement", Letting)
    before = Letting.detached
    found = CliRunner().invoke(agent, ["detach", "--who", "ops", "--why", "moving"])
    assert (found.exit_code, "nothing is enforced" in found.output) == (1, True)
    assert Letting.detached == before
    assert not (state / "ledger").exists()


def test_ending_enforcement_that_is_not_possible_says_why(
    monkeypatch: pytest.MonkeyPatch, state: Path
) -> None:
    def refusing(*_: object) -> Letting:
        raise EnforcementUnavailable(["root"])

    settings(monkeypatch, state)
    monkeypatch.setattr(Letting, "start", refusing)
    monkeypatch.setattr(detach, "Enforcement", Letting)
    found = CliRunner().invoke(agent, ["detach", "--who", "ops", "--why", "moving"])
    assert (found.exit_code, "enforcement was not ended" in found.output) == (1, True)
    found = CliRunner().invoke(agent, ["detach", "--who", "o" * 99, "--why", "moving"])
    assert (found.exit_code, "--who" in found.output) == (1, True)
    monkeypatch.delenv("WESTWORLD_NODE")
    found = CliRunner().invoke(agent, ["detach", "--who", "ops", "--why", "moving"])
    assert (found.exit_code, "WESTWORLD_NODE" in found.output) == (2, True)


@pytest.mark.parametrize("command", ["run", "status", "key", "detach"])
def test_every_command_has_an_example(command: str) -> None:
    shown = CliRunner().invoke(agent, [command, "--help"])
    assert shown.exit_code == 0
    assert "westworld agent" in shown.output
