"""How a daemon starts, waits, stops and ends, as a process of its own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from oracles.daemon.frame import EXIT_CRASHED, EXIT_STOPPED, EXIT_UNUSABLE
from oracles.daemon.keystore import save_account
from scripts._devnet import Devnet

DAEMON = Path(__file__).with_name("daemon.py")
ROOT = Path(__file__).parents[2]


class Running:
    """A daemon's process and the log lines that were read from it."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.lines: list[str] = []

    def until(self, event: str) -> dict[str, Any]:
        """The next log entry of this event; fails if the daemon ends first."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line)
            entry: dict[str, Any] = json.loads(line)
            if entry["event"] == event:
                return entry
        raise AssertionError(f"ended without {event!r}: {''.join(self.lines)}")

    def end(self) -> int:
        """Read the log to its end and wait; the exit code."""
        assert self.process.stderr is not None
        self.lines += self.process.stderr
        return self.process.wait()


@contextmanager
def daemon(environment: dict[str, str], *arguments: str) -> Iterator[Running]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("WESTWORLD_")}
    process = subprocess.Popen(
        [sys.executable, str(DAEMON), *arguments],
        env=inherited | {"PYTHONPATH": str(ROOT)} | environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Running(process)
    finally:
        process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()


def _get(listening: dict[str, Any], path: str) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{listening['port']}{path}", trust_env=False)


def _last(running: Running) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads(running.lines[-1])
    return entry


@pytest.mark.feature("I3.1")
def test_it_runs_shows_itself_and_ends_cleanly_on_sigterm(environment: dict[str, str]) -> None:
    with daemon(environment) as running:
        listening = running.until("listening")
        assert _get(listening, "/health").json()["status"] == "ok"
        assert 'westworld_daemon_info{daemon="tested"' in _get(listening, "/metrics").text
        running.process.send_signal(signal.SIGTERM)
        assert running.end() == 0
        assert _last(running)["event"] == "ended"


def test_a_crash_is_logged_without_secrets_and_ends_it(environment: dict[str, str]) -> None:
    with daemon(environment | {"WESTWORLD_PASSWORD": "correct horse"}, "crash") as running:
        assert running.end() == EXIT_CRASHED
        assert "ZeroDivisionError" in _last(running)["exception"]
        assert "correct horse" not in "".join(running.lines)


def test_a_wrong_password_is_one_clear_line(
    environment: dict[str, str], tmp_path: Path, devnet: Devnet
) -> None:
    save_account(tmp_path / "key", devnet.account(1), SecretStr("correct horse"), iterations=2)
    (tmp_path / "password").write_text("battery staple\n")
    keys = {
        "WESTWORLD_KEYSTORE": str(tmp_path / "key"),
        "WESTWORLD_PASSWORD_FILE": str(tmp_path / "password"),
    }
    with daemon(environment | keys) as running:
        assert running.end() == EXIT_UNUSABLE
        (line,) = running.lines
        entry = json.loads(line)
        assert entry["fault"] == "WrongPassword" and str(tmp_path / "key") in entry["reason"]
        assert "battery staple" not in line and "exception" not in entry


def test_missing_settings_are_one_clear_line(environment: dict[str, str]) -> None:
    del environment["WESTWORLD_RPC_URLS"]
    with daemon(environment) as running:
        assert running.end() == EXIT_UNUSABLE
        assert len(running.lines) == 1 and "WESTWORLD_RPC_URLS" in running.lines[0]


def test_a_keystore_without_a_password_is_refused(environment: dict[str, str], tmp_path: Path) -> None:
    with daemon(environment | {"WESTWORLD_KEYSTORE": str(tmp_path / "key")}) as running:
        assert running.end() == EXIT_UNUSABLE
        assert "WESTWORLD_PASSWORD_FILE" in _last(running)["reason"]


def test_two_processes_do_not_share_a_state_folder(environment: dict[str, str]) -> None:
    with daemon(environment) as first:
        first.until("listening")
        with daemon(environment) as second:
            assert second.end() == EXIT_UNUSABLE
            assert _last(second)["fault"] == "StateFolderBusy"


def test_another_chain_stops_it(environment: dict[str, str], start_devnet: Any) -> None:
    other: Devnet = start_devnet(manual=True, chain_id=1337)
    with daemon(environment | {"WESTWORLD_RPC_URLS": other.rpc_url}) as running:
        assert running.end() == EXIT_STOPPED
        assert _last(running)["fault"] == "WrongChain"


def test_a_chain_that_is_down_is_waited_for_while_health_is_503(
    environment: dict[str, str], devnet: Devnet
) -> None:
    with daemon(environment | {"WESTWORLD_STALE_SECONDS": "0.5"}) as running:
        listening = running.until("listening")
        devnet.stop()
        assert "unavailable" in running.until("waiting")["reason"]
        while (sick := _get(listening, "/health")).status_code == 200:
            pass
        assert sick.status_code == 503
        assert "unavailable" in sick.json()["loops"]["chain"]["trouble"]
        assert sick.json()["loops"]["own"]["ok"]


def test_one_that_needs_the_chain_waits_for_it_before_it_serves(
    environment: dict[str, str], devnet: Devnet, start_devnet: Any
) -> None:
    port = int(devnet.rpc_url.rpartition(":")[2])
    devnet.stop()
    with daemon(environment, "certain") as running:
        assert "unavailable" in running.until("waiting")["reason"]
        start_devnet(manual=True, port=port)
        running.until("listening")
        assert sum('"waiting"' in line for line in running.lines) == 1
        assert not any('"listening"' in line for line in running.lines[:-1])


@pytest.mark.parametrize("which", ["oracle", "watch"])
def test_a_chain_that_is_down_at_the_start_ends_no_daemon(environment: dict[str, str], which: str) -> None:
    with daemon(environment | {"WESTWORLD_RPC_URLS": "http://127.0.0.1:9"}, which) as running:
        assert "unavailable" in running.until("waiting")["reason"]
        running.process.send_signal(signal.SIGTERM)
        assert running.end() == 0


def test_a_reorg_below_finality_stops_it_and_names_both_hashes(
    environment: dict[str, str], devnet: Devnet
) -> None:
    devnet.mine(4)
    final = devnet.request("eth_getBlockByNumber", "finalized", False)
    with daemon(environment) as running:
        listening = running.until("listening")
        seen = f'westworld_chain_block_number{{view="finalized"}} {float(int(final["number"], 16))}'
        while seen not in _get(listening, "/metrics").text:
            pass
        devnet.reorg(4)
        assert running.end() == EXIT_STOPPED
        entry = _last(running)
        assert entry["fault"] == "ReorgBelowFinality"
        found = devnet.request("eth_getBlockByNumber", final["number"], False)["hash"]
        assert final["hash"] in entry["reason"] and found in entry["reason"]
    # What it knew of finality is durable: it stops again, whatever the chain has grown to, and before its
    # own part begins.
    devnet.mine(10)
    with daemon(environment, "certain") as running:
        assert running.end() == EXIT_STOPPED
        assert final["hash"] in _last(running)["reason"]
        assert not any('"listening"' in line for line in running.lines)
