"""All settings of a daemon, from the environment (prefix WESTWORLD_); a secret may also come from a file.

`WESTWORLD_PASSWORD_FILE=/run/secrets/x` stands for `WESTWORLD_PASSWORD` with that file's content. This
holds for every secret field, so that secrets need not be in a process's environment.
"""

import os
import re
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self, get_args

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from oracles.daemon.errors import SettingsFault

PREFIX = "WESTWORLD_"
_FIELD = re.compile(r'field "(\w+)"')


class _SecretFiles(PydanticBaseSettingsSource):
    """Reads `<PREFIX><FIELD>_FILE` for every field that holds a secret."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The content of the file named for a field, without its last line break."""
        path = os.environ.get(f"{PREFIX}{field_name.upper()}_FILE")
        if path is None or not _is_secret(field.annotation):
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").rstrip("\r\n"), field_name, False
        except OSError as fault:
            raise SettingsFault(
                f"cannot read {path}, named by {PREFIX}{field_name.upper()}_FILE: {fault.strerror}"
            ) from None

    def __call__(self) -> dict[str, Any]:
        found = {
            name: self.get_field_value(field, name)[0]
            for name, field in self.settings_cls.model_fields.items()
        }
        return {name: value for name, value in found.items() if value is not None}


class Settings(BaseSettings):
    """What every daemon needs. A daemon with more settings subclasses this."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    sends: ClassVar[bool] = True
    """Whether the daemon sends transactions, for which it needs a chain key."""

    deployment: Path = Field(description="the file that says what is deployed where")
    rpc_urls: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        min_length=1, max_length=2, description="one or two JSON-RPC URLs, comma between; two must agree"
    )
    state: Path = Field(description="the folder this process alone keeps its state in")
    keystore: Path | None = Field(None, description="the account's V3 keystore; without it nothing is sent")
    password: SecretStr | None = Field(
        None, description="the keystores' password; rather WESTWORLD_PASSWORD_FILE"
    )
    listen: str = Field(
        "127.0.0.1:9600", description="host:port for /health, /metrics and the daemon's own routes"
    )
    slot_seconds: int = Field(
        60, gt=0, description="the length of a committee slot, in seconds of chain time"
    )
    poll_seconds: float = Field(1.0, gt=0, description="how often the chain is asked for news")
    stale_seconds: float = Field(
        120.0, gt=0, description="the age of the last good cycle at which /health is 503"
    )
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments win over the environment, which wins over secret files."""
        return init_settings, env_settings, _SecretFiles(settings_cls)

    @field_validator("rpc_urls", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return (
            tuple(part.strip() for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )

    @field_validator("listen")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        return host_and_port(value)

    @property
    def host(self) -> str:
        """The address to listen on."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port to listen on; 0 for any free one."""
        return int(self.listen.rpartition(":")[2])

    @property
    def urls(self) -> tuple[str, ...]:
        """The RPC URLs in clear; they may hold keys."""
        return tuple(url.get_secret_value() for url in self.rpc_urls)

    def secrets(self) -> list[str]:
        """Every secret value, for the journal to redact."""
        values = (getattr(self, name) for name in type(self).model_fields)
        parts = (part for value in values for part in (value if isinstance(value, tuple) else (value,)))
        return [part.get_secret_value() for part in parts if isinstance(part, SecretStr)]

    @classmethod
    def load(cls, **overrides: Any) -> Self:
        """Settings from the environment; raises `SettingsFault` naming each variable that is missing or
        wrong.
        """
        try:
            return cls(**overrides)
        except ValidationError as fault:
            # pydantic's own text quotes the input, which may be a secret.
            faults = "; ".join(
                f"{PREFIX}{str(error['loc'][0]).upper() if error['loc'] else ''}: {error['msg']}"
                for error in fault.errors(include_input=False, include_url=False)
            )
            raise SettingsFault(f"settings are not usable: {faults}") from None
        except SettingsError as fault:
            # Of a value that is no JSON, too, pydantic-settings' own text may quote a part.
            name = _FIELD.search(str(fault))
            variable = f"{PREFIX}{name[1].upper()}" if name else "a variable"
            raise SettingsFault(f"settings are not usable: {variable}: must be JSON") from None


def host_and_port(value: str) -> str:
    """The value, if it is `host:port` (or `[address]:port`). Raises ValueError."""
    host, _, port = value.rpartition(":")
    if not host or not (port.isascii() and port.isdecimal()) or int(port) > 65535:
        raise ValueError("must be host:port")
    return value


def _is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or any(_is_secret(part) for part in get_args(annotation))
