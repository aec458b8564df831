"""Settings come from the environment, secrets from files too, and every fault names its variable."""

from pathlib import Path

import pytest
from pydantic import Field, SecretStr

from oracles.daemon.errors import SettingsFault
from oracles.daemon.settings import Settings

FULL = {
    "WESTWORLD_DEPLOYMENT": "deployment.json",
    "WESTWORLD_RPC_URLS": "http://one/key1, http://two/key2",
    "WESTWORLD_STATE": "state",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in FULL.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_all_is_read_from_the_environment(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("WESTWORLD_LISTEN", "[::1]:9601")
    settings = Settings.load()
    assert settings.urls == ("http://one/key1", "http://two/key2")
    assert (settings.host, settings.port) == ("::1", 9601)
    assert settings.keystore is None


def test_a_secret_comes_from_a_file(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("correct horse\n")
    (tmp_path / "urls").write_text("http://three\n")
    environment.setenv("WESTWORLD_PASSWORD_FILE", str(tmp_path / "password"))
    environment.delenv("WESTWORLD_RPC_URLS")
    environment.setenv("WESTWORLD_RPC_URLS_FILE", str(tmp_path / "urls"))
    settings = Settings.load()
    assert settings.password is not None and settings.password.get_secret_value() == "correct horse"
    assert settings.urls == ("http://three",)
    assert set(settings.secrets()) == {"correct horse", "http://three"}


def test_a_secret_file_that_cannot_be_read_is_named(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("WESTWORLD_PASSWORD_FILE", "/nowhere/password")
    with pytest.raises(SettingsFault, match="/nowhere/password, named by WESTWORLD_PASSWORD_FILE"):
        Settings.load()


def test_only_secrets_come_from_files(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("elsewhere")
    environment.setenv("WESTWORLD_STATE_FILE", str(tmp_path / "state"))
    assert Settings.load().state == Path("state")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WESTWORLD_RPC_URLS", ""),
        ("WESTWORLD_RPC_URLS", "http://a,http://b,http://c"),
        ("WESTWORLD_LISTEN", "9600"),
        ("WESTWORLD_LISTEN", "localhost:99999"),
        ("WESTWORLD_SLOT_SECONDS", "-7319"),
        ("WESTWORLD_LOG_LEVEL", "loud"),
    ],
)
def test_a_wrong_value_is_named_and_not_shown(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv(name, value)
    with pytest.raises(SettingsFault, match=name) as fault:
        Settings.load()
    assert not value or value not in str(fault.value)


def test_what_has_to_be_json_and_is_not_is_named_and_not_shown(environment: pytest.MonkeyPatch) -> None:
    class Own(Settings):
        """With a mapping."""

        peers: dict[str, str] = Field(default_factory=dict)

    environment.setenv("WESTWORLD_PEERS", '{"0xaa": "hunter2"')
    with pytest.raises(SettingsFault, match="WESTWORLD_PEERS: must be JSON") as fault:
        Own.load()
    assert "hunter2" not in str(fault.value)


def test_every_missing_value_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in FULL:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SettingsFault) as fault:
        Settings.load()
    assert all(name in str(fault.value) for name in FULL)


def test_secrets_do_not_show_in_a_representation(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("WESTWORLD_PASSWORD", "correct horse")
    shown = repr(Settings.load())
    assert "correct horse" not in shown and "key1" not in shown


def test_a_daemon_adds_its_own_settings(environment: pytest.MonkeyPatch) -> None:
    class Own(Settings):
        """With one more."""

        webhook: SecretStr = Field()

    environment.setenv("WESTWORLD_WEBHOOK", "https://hooks.example/T0")
    assert "https://hooks.example/T0" in Own.load().secrets()
