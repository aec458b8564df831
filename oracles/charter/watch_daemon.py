"""The committee's watch as a daemon of its own: `charter-admin watch`."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, ClassVar

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from oracles.chain.follower import Follower
from oracles.chain.violation_registry import ViolationRegistry
from oracles.charter.notices import Channel, EmailChannel, Notices, SlackChannel
from oracles.charter.watch import WATCH_SCHEMA, WATCHED, CommitteeWatch, WatchMeters
from oracles.daemon.errors import SettingsFault
from oracles.daemon.frame import Frame, run_daemon
from oracles.daemon.settings import Settings


class WatchSettings(Settings):
    """What the watch needs besides what every daemon does: how to reach the audit committee."""

    sends: ClassVar[bool] = False

    smtp_host: str | None = Field(None, description="the mail server; without it no e-mail is sent")
    smtp_port: int = Field(25, gt=0, lt=65536, description="its port")
    smtp_sender: str | None = Field(None, description="the notices' From address")
    smtp_recipients: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="the auditors' addresses, comma between"
    )
    smtp_username: str | None = Field(None, description="the account at the mail server")
    smtp_password: SecretStr | None = Field(None, description="its password; rather by _FILE")
    smtp_require_tls: bool = Field(False, description="refuse to send without STARTTLS")
    slack_webhook: SecretStr | None = Field(None, description="the incoming webhook's URL; rather by _FILE")

    @field_validator("smtp_recipients", mode="before")
    @classmethod
    def _split_recipients(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    def channels(self) -> list[Channel]:
        """The channels that are set up. Raises `SettingsFault` for a half of one, and where there is none."""
        found: list[Channel] = []
        if self.smtp_host:
            if not self.smtp_sender or not self.smtp_recipients:
                raise SettingsFault(
                    "WESTWORLD_SMTP_HOST needs WESTWORLD_SMTP_SENDER and WESTWORLD_SMTP_RECIPIENTS beside it"
                )
            password = self.smtp_password.get_secret_value() if self.smtp_password else None
            found.append(
                EmailChannel(
                    self.smtp_host,
                    self.smtp_port,
                    self.smtp_sender,
                    self.smtp_recipients,
                    self.smtp_username,
                    password,
                    self.smtp_require_tls,
                )
            )
        if self.slack_webhook:
            found.append(SlackChannel(self.slack_webhook.get_secret_value()))
        if not found:
            raise SettingsFault(
                "nobody would be told: set WESTWORLD_SMTP_HOST, WESTWORLD_SLACK_WEBHOOK_FILE or both"
            )
        return found


async def start_watch(frame: Frame[WatchSettings]) -> None:
    """Start the watch's two loops in a daemon's frame, and its web surface."""
    finalized = await frame.certain()
    registry = ViolationRegistry.at(frame.rpc, frame.deployment)
    await frame.patiently(partial(registry.check_version, finalized))
    notices = Notices(frame.store, frame.settings.channels(), frame.metrics.registry)
    follower = Follower(frame.rpc, registry.filter(*WATCHED), frame.deployment.deployed_block)
    watch = CommitteeWatch(
        frame.rpc, registry, follower, frame.store, notices, WatchMeters(frame.metrics.registry)
    )

    async def deliver() -> None:
        await notices.deliver()

    frame.tasks.start_soon(frame.cycle, "watch", watch.step)
    frame.tasks.start_soon(frame.cycle, "notices", deliver)
    await frame.serve()


def main() -> int:
    """Run the watch to its end; returns the process's exit code."""
    return run_daemon("charter-watch", WatchSettings.load, start_watch, schema=WATCH_SCHEMA)
