"""Notices to the audit committee by e-mail and Slack: durable, sent at least once, without personal data.

A notice is written down in the same transaction as the cursor that found its event; it is done when its
channel took it. A channel that is down holds up nobody: its notices wait, and the others go out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Protocol

import aiosmtplib
import httpx
import stamina
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from oracles.daemon.store import Store, Transaction

NOTICE_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS notice (id INTEGER PRIMARY KEY, key TEXT NOT NULL, channel TEXT NOT NULL, "
    "subject TEXT NOT NULL, body TEXT NOT NULL, sent INTEGER NOT NULL DEFAULT 0, "
    "UNIQUE (key, channel)) STRICT",
)
_TIMEOUT_SECONDS = 10.0
_log = structlog.get_logger(__name__)


class NoticeFailed(Exception):
    """A channel did not take a notice; it will be tried again."""


@dataclass(frozen=True)
class Notice:
    """What the committee is told. `key` names the event for good: the same notice is not queued twice."""

    key: str
    subject: str
    body: str


class Channel(Protocol):
    """A way to reach the committee."""

    @property
    def name(self) -> str:
        """A word for logs and metrics."""
        ...

    async def send(self, notice: Notice) -> None:
        """Hand the notice over. Raises `NoticeFailed`."""
        ...


@dataclass(frozen=True)
class EmailChannel:
    """E-mail over SMTP (RFC 5321); with STARTTLS where the server offers it, or required by `require_tls`."""

    host: str
    port: int
    sender: str
    recipients: tuple[str, ...]
    username: str | None = None
    password: str | None = None
    require_tls: bool = False
    name: str = "email"

    async def send(self, notice: Notice) -> None:
        """Send one message to all recipients; its id is the notice's key, so a second copy can be told."""
        message = EmailMessage()
        message["From"] = self.sender
        message["To"] = ", ".join(self.recipients)
        message["Subject"] = notice.subject
        message["Message-ID"] = f"<{notice.key}@westworld.invalid>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(notice.body)
        try:
            await aiosmtplib.send(
                message,
                hostname=self.host,
                port=self.port,
                username=self.username,
                password=self.password,
                start_tls=True if self.require_tls else None,
                timeout=_TIMEOUT_SECONDS,
            )
        except (aiosmtplib.SMTPException, OSError) as fault:
            raise NoticeFailed(
                f"the mail server {self.host}:{self.port} did not take it: {type(fault).__name__}"
            ) from None


@dataclass(frozen=True)
class SlackChannel:
    """A Slack incoming webhook. The URL is a secret: it is in no log and in no message."""

    url: str
    name: str = "slack"

    async def send(self, notice: Notice) -> None:
        """Post the notice as plain text; nothing in it is read as markup or as a mention."""
        text = f"{notice.subject}\n{notice.body}"
        for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
            text = text.replace(character, entity)
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS) as client:
                answer = await client.post(self.url, json={"text": text, "mrkdwn": False})
        except httpx.HTTPError as fault:
            raise NoticeFailed(f"the webhook did not answer: {type(fault).__name__}") from None
        if answer.status_code != 200:
            raise NoticeFailed(f"the webhook answered {answer.status_code}")


class Notices:
    """The queue of notices in a daemon's store, and their delivery."""

    def __init__(
        self,
        store: Store,
        channels: Sequence[Channel],
        registry: CollectorRegistry,
        *,
        attempts: int = 3,
        first_wait: float = 0.5,
    ) -> None:
        """Deliver over `channels`; each delivery tries `attempts` times, from `first_wait` seconds apart."""
        self._store = store
        self._channels = {channel.name: channel for channel in channels}
        self._attempts = attempts
        self._first_wait = first_wait
        self._outcomes = Counter(
            "charter_notices", "Notices by channel and outcome", ["channel", "outcome"], registry=registry
        )
        self._waiting = Gauge(
            "charter_notices_waiting",
            "Notices not yet taken by their channel",
            ["channel"],
            registry=registry,
        )
        for name in self._channels:
            self._waiting.labels(name).set(0)
            for outcome in ("sent", "failed"):
                self._outcomes.labels(name, outcome)

    async def queue(self, transaction: Transaction, notice: Notice) -> None:
        """Write a notice down for every channel, as part of `transaction`."""
        for channel in self._channels:
            await transaction.execute(
                "INSERT INTO notice (key, channel, subject, body) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (key, channel) DO NOTHING",
                (notice.key, channel, notice.subject, notice.body),
            )

    async def deliver(self) -> int:
        """Try every notice that waits, oldest first; returns how many still wait.

        The first failure of a channel ends its turn: what waits behind it would fail as well.
        """
        left = 0
        for name, channel in self._channels.items():
            rows = await self._rows(name)
            waiting = len(rows)
            for row, notice in rows:
                if not await self._deliver(channel, row, notice):
                    break
                waiting -= 1
            self._waiting.labels(name).set(waiting)
            left += waiting
        return left

    async def _deliver(self, channel: Channel, row: int, notice: Notice) -> bool:
        try:
            async for attempt in stamina.retry_context(
                on=NoticeFailed, attempts=self._attempts, wait_initial=self._first_wait, wait_max=10.0
            ):
                with attempt:
                    await channel.send(notice)
        except NoticeFailed as fault:
            self._outcomes.labels(channel.name, "failed").inc()
            _log.warning("notice waits", channel=channel.name, key=notice.key, reason=str(fault))
            return False
        async with self._store.transaction() as transaction:
            await transaction.execute("UPDATE notice SET sent = 1 WHERE id = ?", (row,))
        self._outcomes.labels(channel.name, "sent").inc()
        _log.info("notice sent", channel=channel.name, key=notice.key)
        return True

    async def _rows(self, channel: str) -> list[tuple[int, Notice]]:
        async with self._store.transaction() as transaction:
            rows = await transaction.rows(
                "SELECT id, key, subject, body FROM notice WHERE channel = ? AND sent = 0 ORDER BY id",
                (channel,),
            )
        return [(row, Notice(key, subject, body)) for row, key, subject, body in rows]
