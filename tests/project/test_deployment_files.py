"""What lies under deploy/ and .github/ is what its readers accept: schemas, systemd, and our own daemons."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema.validators import validator_for
from ruamel.yaml import YAML

from agent.kernel import self_check
from agent.settings import AgentSettings
from oracles.charter.watch_daemon import WatchSettings
from oracles.cli.oracle_daemon import OracleSettings
from oracles.daemon.frame import EXIT_CRASHED, EXIT_STOPPED, EXIT_UNUSABLE
from oracles.daemon.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
DEPLOY = ROOT / "deploy"
ENVIRONMENTS = ("development", "staging")


def _run(*command: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)


def _faults(schema: str, content: Any) -> list[str]:
    """What a schema that check-jsonschema brings along finds wrong."""
    path = files("check_jsonschema") / "builtin_schemas" / "vendor" / f"{schema}.json"
    known = json.loads(path.read_text(encoding="utf-8"))
    return [fault.message for fault in validator_for(known)(known).iter_errors(content)]


def _yaml(path: Path) -> Any:
    return YAML(typ="safe").load(path.read_text(encoding="utf-8"))


def _settings(path: Path) -> dict[str, str]:
    lines = (
        line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")
    )
    return dict(line.split("=", 1) for line in lines)


@pytest.mark.feature("I4.1")
def test_the_workflow_runs_what_ci_runs_and_scans_for_vulnerabilities() -> None:
    path = ROOT / ".github" / "workflows" / "ci.yml"
    workflow = _yaml(path)
    assert _faults("github-workflows", workflow) == []
    jobs = workflow["jobs"]
    steps = {
        name: " ".join(str(step.get("run", "")) + str(step.get("uses", "")) for step in job["steps"])
        for name, job in jobs.items()
    }
    assert ".ci/run" in steps["suite"]
    assert all(tool in steps["security"] for tool in ("pip-audit", "bandit", "codeql"))
    del jobs["suite"]["runs-on"]
    assert _faults("github-workflows", workflow) != []


@pytest.mark.feature("I4.2")
def test_every_type_is_checked_strictly() -> None:
    done = _run(BIN / "mypy", "--strict", "oracles", "agent")
    assert done.returncode == 0, done.stdout


@pytest.mark.feature("I4.4")
@pytest.mark.parametrize(("source", "accepted"), [('"""A module."""\n', True), ("import os\n", False)])
def test_pre_commit_lets_only_clean_code_in(tmp_path: Path, source: str, accepted: bool) -> None:
    for name in (".pre-commit-config.yaml", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / ".venv").symlink_to(BIN.parent)
    (tmp_path / "module.py").write_text(source)
    assert _run("git", "init", "-q", cwd=tmp_path).returncode == 0
    assert _run("git", "add", "module.py", ".pre-commit-config.yaml", cwd=tmp_path).returncode == 0
    done = _run(BIN / "pre-commit", "run", "ruff", cwd=tmp_path)
    assert (done.returncode == 0) is accepted, done.stdout + done.stderr


@pytest.mark.feature("I4.5")
def test_the_compose_file_is_valid_and_everything_it_mounts_is_there() -> None:
    compose = _yaml(DEPLOY / "compose.yaml")
    assert _faults("compose-spec", compose) == []
    assert {"oracle", "prometheus", "grafana"} <= set(compose["services"])
    for service in compose["services"].values():
        for volume in service["volumes"]:
            source = str(volume).split(":")[0]
            assert not source.startswith("./") or (DEPLOY / source).exists(), f"{source} is not there"
    for environment in ENVIRONMENTS:
        named = compose["services"]["oracle"]["env_file"].replace(
            "${WESTWORLD_ENVIRONMENT:-development}", environment
        )
        assert (DEPLOY / named).exists()
    assert (ROOT / compose["services"]["oracle"]["build"]["dockerfile"]).exists()


@pytest.mark.feature("I4.5")
@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize(
    ("process", "kind"), [("oracle", OracleSettings), ("agent", AgentSettings), ("watch", WatchSettings)]
)
def test_each_environments_settings_are_understood(
    environment: str, process: str, kind: type[Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = _settings(DEPLOY / "environments" / environment / f"{process}.env")
    if process == "oracle":
        given |= _of_unit(process, tmp_path)
        (tmp_path / "password").write_text("secret\n")
    monkeypatch.setenv("WESTWORLD_STATE", str(tmp_path))
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = kind.load()
    assert settings.port > 0
    assert len(settings.urls) == given["WESTWORLD_RPC_URLS"].count(",") + 1


def _of_unit(process: str, credentials: Path) -> dict[str, str]:
    """What a unit sets, with the folder that systemd puts its credentials into."""
    unit = (DEPLOY / "systemd" / f"westworld-{process}.service").read_text(encoding="utf-8")
    return dict(re.findall(r"^Environment=(\w+)=(.*)$", unit.replace("%d", str(credentials)), re.M))


def test_an_oracle_that_is_nobody_in_particular_reads_nothing_of_root_s() -> None:
    unit = (DEPLOY / "systemd" / "westworld-oracle.service").read_text(encoding="utf-8")
    assert "DynamicUser=yes" in unit
    environment = [(DEPLOY / "environments" / e / "oracle.env").read_text() for e in ENVIRONMENTS]
    settings = [line for text in (unit, *environment) for line in text.splitlines() if "WESTWORLD_" in line]
    assert not any("/etc/westworld" in line for line in settings if not line.startswith("#"))


@pytest.mark.parametrize("process", ["oracle", "agent"])
def test_no_unit_and_no_environment_holds_a_secret(process: str) -> None:
    unit = (DEPLOY / "systemd" / f"westworld-{process}.service").read_text(encoding="utf-8")
    assert f"LoadCredential=password:/etc/westworld/{process}.password" in unit
    handed_over = set(re.findall(r"^LoadCredential=(\w+):", unit, re.M))
    assert set(re.findall(r"%d/(\w+)", unit)) == handed_over
    files = [unit, *((DEPLOY / "environments" / e / f"{process}.env").read_text() for e in ENVIRONMENTS)]
    assert not any(re.search(r"^(Environment=)?WESTWORLD_PASSWORD=", text, re.M) for text in files)


@pytest.mark.parametrize("process", ["oracle", "agent"])
def test_a_daemon_that_stopped_for_a_person_to_look_is_not_started_again(process: str) -> None:
    unit = (DEPLOY / "systemd" / f"westworld-{process}.service").read_text(encoding="utf-8")
    kept_down = re.search(r"^RestartPreventExitStatus=(.*)$", unit, re.M)
    assert kept_down
    assert set(map(int, kept_down[1].split())) == {EXIT_UNUSABLE, EXIT_STOPPED}
    assert EXIT_CRASHED not in {EXIT_UNUSABLE, EXIT_STOPPED}
    assert re.search(r"^Restart=(always|on-failure)$", unit, re.M)


def test_the_agent_may_end_its_self_check_which_is_another_user_s_and_has_the_time_to() -> None:
    unit = (DEPLOY / "systemd" / "westworld-agent.service").read_text(encoding="utf-8")
    capabilities = re.search(r"^CapabilityBoundingSet=(.*)$", unit, re.M)
    patience = re.search(r"^TimeoutStopSec=(\d+)$", unit, re.M)
    assert capabilities and {"CAP_SETUID", "CAP_SETGID", "CAP_KILL"} <= set(capabilities[1].split())
    assert patience and int(patience[1]) > self_check.SECONDS


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is missing")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    for unit in (DEPLOY / "systemd").glob("*.service"):
        # systemd looks for the command on this machine, where nothing is installed.
        text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text(encoding="utf-8"), flags=re.M)
        (tmp_path / unit.name).write_text(text)
    units = sorted(str(path) for path in tmp_path.glob("*.service"))
    done = _run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *units)
    assert done.returncode == 0, done.stderr
    assert not done.stderr.strip()


def test_the_container_runs_as_an_ordinary_user_from_hashed_locks() -> None:
    lines = (DEPLOY / "Containerfile").read_text(encoding="utf-8").splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users == ["10001"]
    installs = [line for line in lines if "pip install" in line and "/wheels/" not in line]
    assert installs and all("--require-hashes -r requirements/" in line for line in installs)
    assert sum(line.startswith("FROM ") for line in lines) == 2


@pytest.mark.parametrize("lock", ["dev.lock", "daemons.lock", "build.lock", "uv.lock"])
def test_lock_files_hold_versions_and_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
    packages = re.findall(r"^([a-z0-9.-]+)==(\S+)", text, re.M)
    entries = re.split(r"\n(?=[a-z])", text.strip())
    assert packages and len(packages) == len(entries)
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text and "index" not in re.sub(r"^\S+==.*$", "", text, flags=re.M)


def test_servers_get_the_versions_that_were_tested_and_no_wallet_tools() -> None:
    def pinned(lock: str) -> dict[str, str]:
        text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
        return dict(re.findall(r"^([a-z0-9.-]+)==([^ ;]+)", text, re.M))

    tested, shipped = pinned("dev.lock"), pinned("daemons.lock")
    assert shipped.items() <= tested.items()
    assert not {"eth-ape", "vyper", "pytest", "mypy"} & set(shipped)
