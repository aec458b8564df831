"""`charter-admin`: what it prints, and what it exits with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from oracles.charter.document import load_policy
from oracles.charter.entry import AgentStarted, encode
from oracles.cli.charter import charter
from oracles.ledger.ledger import Ledger
from oracles.ledger.note import Signer

DEPLOY = Path(__file__).parents[2] / "deploy"
PRODUCTION = str(DEPLOY / "policies" / "production.yaml")
DRAFT = str(DEPLOY / "policies" / "charter_policy.yaml")
EXPERIMENT = DEPLOY / "experiments" / "first_experiment.yaml"
NODE = "0x" + "11" * 32
NO_CHAIN = {"WESTWORLD_DEPLOYMENT": "", "WESTWORLD_RPC_URLS": "", "WESTWORLD_KEYSTORE": ""}


def run(*args: str, **options: Any) -> Result:
    return CliRunner(mix_stderr=False).invoke(charter, args, env=NO_CHAIN, **options)


@pytest.mark.feature("C7.1")
def test_validate_prints_every_metric_with_its_capacity() -> None:
    result = run("validate", PRODUCTION)

    assert result.exit_code == 0
    assert "bits/s" in result.stdout
    for metric in load_policy(Path(PRODUCTION)).metrics:
        assert metric in result.stdout


@pytest.mark.feature("C7.1")
def test_validate_names_every_fault_and_exits_with_1(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(
        "version: '1'\nx: 1\nallowed_metrics: {g: [9, {a: {rate_hz: 0}}]}\n"
        "forbidden_metrics: [westworld.self_check]\n"
    )

    result = run("validate", str(bad))

    assert result.exit_code == 1
    assert f"{bad}:2:1: x: unknown key" in result.stderr
    assert f"{bad}:3:23: allowed_metrics.g[0]" in result.stderr
    assert "allowed_metrics.g[1].a.rate_hz: 0 Hz is no rate" in result.stderr
    assert f"{bad}:4:21: forbidden_metrics[0]: westworld.self_check is reserved" in result.stderr
    assert "4 fault(s), nothing was applied" in result.stderr
    assert "Traceback" not in result.output + result.stderr


def test_validate_as_json_has_every_fault(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("version: '1'\nx: 1\nallowed_metrics: {g: [9, {a: {labels: {r: [1, eu]}}}]}\n")

    result = run("validate", str(bad), "--format", "json")

    assert result.exit_code == 1
    faults = json.loads(result.stdout)["faults"]
    assert [(fault["line"], fault["path"]) for fault in faults] == [
        (2, "x"),
        (3, "allowed_metrics.g[0]"),
        (3, "allowed_metrics.g[1].a.labels.r[0]"),
    ]
    assert "has to be text" in faults[2]["message"]
    assert f"{bad}:2:1: x: unknown key" in result.stderr


def test_validate_as_json_has_the_policy_s_hash() -> None:
    result = run("validate", PRODUCTION, "--format", "json")

    shown = json.loads(result.stdout)
    assert shown["policy_hash"] == "0x" + load_policy(Path(PRODUCTION)).hash.hex()
    assert shown["capacity_bits_per_second"]["node_count"] > 0


@pytest.mark.feature("C7.4")
def test_validate_experiment_passes_what_the_charter_allows() -> None:
    result = run("validate-experiment", str(EXPERIMENT), "--policy", DRAFT)

    assert result.exit_code == 0
    assert "routing-v2-canary" in result.stdout


@pytest.mark.feature("C7.4")
def test_validate_experiment_refuses_what_the_charter_denies(tmp_path: Path) -> None:
    bad = tmp_path / "e.yaml"
    bad.write_text(EXPERIMENT.read_text().replace("route_stability", "user_location"))

    result = run("validate-experiment", str(bad), "--policy", DRAFT)

    assert result.exit_code == 1
    assert "'user_location' is forbidden by the charter" in result.stderr


@pytest.mark.feature("C7.3")
@pytest.mark.parametrize(
    ("document", "code", "shown"),
    [('["latency_p50"]', 0, "allowed"), ('{"user_location": 1}', 1, "forbidden"), ("{", 1, "no JSON")],
)
def test_audit_of_metrics(document: str, code: int, shown: str) -> None:
    result = run("audit", "--metrics-json", document, "--policy", DRAFT)

    assert result.exit_code == code
    assert shown in result.output + result.stderr


@pytest.mark.feature("C7.3")
def test_audit_of_metrics_reads_a_file_or_stdin_and_prints_json(tmp_path: Path) -> None:
    file = tmp_path / "m.json"
    file.write_text('["user_location"]')
    expected = [("user_location", False, "forbidden", "metric_not_allowed")]

    for result in (
        run("audit", "--metrics-json", f"@{file}", "--policy", DRAFT, "--format", "json"),
        run("audit", "--metrics-json", "-", "--policy", DRAFT, "--format", "json", input='["user_location"]'),
    ):
        assert result.exit_code == 1
        shown = json.loads(result.stdout)
        assert [(one["metric"], one["allowed"], one["reason"], one["kind"]) for one in shown] == expected


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "ledger"
    with Ledger.open(path, Signer(f"westworld/node/{NODE}", b"k" * 32)) as opened:
        opened.append(encode(AgentStarted(node=NODE, time=1, release="0.1.0", adopted=False)))
        opened.checkpoint()
    return path


@pytest.mark.feature("C7.2")
def test_audit_of_a_ledger_by_node(ledger: Path) -> None:
    result = run("audit", "--ledger", str(ledger), "--node", NODE)

    assert result.exit_code == 0
    assert "the ledger is whole" in result.stdout


@pytest.mark.feature("C7.2")
def test_audit_names_the_first_bad_entry_and_exits_with_1(ledger: Path) -> None:
    segment = ledger / "segments" / "000000"
    segment.write_bytes(segment.read_bytes().replace(b'"0.1.0"', b'"0.1.1"'))

    result = run("audit", "--ledger", str(ledger), "--format", "json")

    assert result.exit_code == 1
    assert json.loads(result.stdout)["fault"].startswith("entry 0 ")


@pytest.mark.feature("C7.5")
def test_export_is_json_with_policy_and_record(ledger: Path) -> None:
    result = run("export", "--policy", DRAFT, "--ledger", str(ledger), "--format", "json")

    assert result.exit_code == 0
    shown = json.loads(result.stdout)
    assert shown["policy"]["format"] == "westworld-charter/1"
    assert shown["ledger"]["entries"][0]["type"] == "agent_started"


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (("audit",), 2, "say what to audit"),
        (("audit", "--node", "0x12"), 2, "64 hexadecimal digits"),
        (("audit", "--node", NODE), 2, "this needs the chain"),
        (("audit", "--node", NODE, "--metrics-json", "[]"), 2, "stands alone"),
        (("audit", "--ledger", "/nonexistent"), 1, "ledger"),
        (("audit", "--ledger", "/nonexistent", "--key", "x"), 2, "verifier key"),
        (("confirm", "0"), 2, "0 is not in the range"),
        (("confirm", "7"), 2, "this sends a transaction"),
        (("dismiss", "7"), 2, "--reason"),
        (("override", "--what", "x" * 65, "--why", "y"), 2, "--what has 65 bytes"),
        (("validate", "/nonexistent"), 2, "does not exist"),
        (("report", "--type", "theft"), 2, "silent_collection"),
    ],
)
def test_calls_that_are_wrong_end_with_one_clear_message(
    args: tuple[str, ...], code: int, message: str
) -> None:
    # A real process: rich-click writes usage errors past click's test runner.
    program = Path(sys.executable).with_name("charter-admin")
    result = subprocess.run(
        [program, *args], env={**os.environ, **NO_CHAIN}, capture_output=True, text=True, timeout=120
    )

    said = result.stdout + result.stderr
    assert result.returncode == code, said
    assert message in " ".join(said.replace("│", " ").split())
    assert "Traceback" not in said


def test_wrong_password_is_one_clear_line(tmp_path: Path) -> None:
    from eth_account import Account
    from pydantic import SecretStr

    from oracles.daemon.keystore import save_account

    save_account(tmp_path / "key.json", Account.create(), SecretStr("right"), iterations=2)
    (tmp_path / "password").write_text("wrong\n")

    result = run(
        "confirm",
        "7",
        "--keystore",
        str(tmp_path / "key.json"),
        "--password-file",
        str(tmp_path / "password"),
    )

    assert result.exit_code == 2
    assert "wrong password" in result.stderr
    assert "Traceback" not in result.output + result.stderr


def test_every_command_has_examples_in_its_help() -> None:
    for name in charter.commands:
        result = run(name, "--help")
        assert result.exit_code == 0
        assert "Example" in result.output, name
        assert "charter-admin" in result.output, name


def test_groups_are_loaded_by_name_and_unknown_ones_refused() -> None:
    from oracles.cli.main import westworld

    found = CliRunner().invoke(westworld, ["charter", "validate", PRODUCTION, "--format", "json"])
    unknown = CliRunner().invoke(westworld, ["nothing"])

    assert found.exit_code == 0
    assert unknown.exit_code == 2
    assert "No such command" in unknown.output


def test_evidence_that_is_not_the_case_s_is_not_opened(tmp_path: Path) -> None:
    from eth_account import Account
    from nacl.signing import SigningKey
    from pydantic import SecretStr

    from oracles.charter.canonical import name_id
    from oracles.charter.evidence import Evidence, seal
    from oracles.daemon.keystore import save_account, save_signing_key

    account, seed, password = Account.create(), SigningKey.generate(), SecretStr("right")
    save_account(tmp_path / "key.json", account, password, iterations=2)
    save_signing_key(tmp_path / "evidence.key", seed, password)
    (tmp_path / "password").write_text("right\n")
    sealed, salted = seal(
        Evidence("cpu", b"what was received"),
        {account.address: bytes(seed.to_curve25519_private_key().public_key)},
    )
    (tmp_path / "sealed.json").write_bytes(sealed.to_json())
    keys = ["--evidence-key", "evidence.key", "--keystore", "key.json", "--password-file", "password"]
    keys = [word if word.startswith("--") else str(tmp_path / word) for word in keys]
    command = ["open", str(tmp_path / "sealed.json"), "--out", str(tmp_path / "out"), *keys]

    other = run(*command, "--hash", "0x" + "11" * 32)
    assert (other.exit_code, (tmp_path / "out").exists()) == (1, False)
    assert "other evidence" in other.stderr
    assert "compare it" in run(*command).stderr
    (tmp_path / "out").unlink()
    said = run(*command, "--hash", "0x" + salted.hash.hex()).stderr
    assert "as the case has it" in said
    assert f"metric cpu: the case has 0x{name_id('cpu').hex()}" in said
    assert salted.metric_id(listed=False).hex() in said
    assert (tmp_path / "out").read_bytes() == b"what was received"
