"""Notices reach a real mail server and a real webhook, once each, and none is lost while they are down."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from prometheus_client import CollectorRegistry, generate_latest

from oracles.charter.notices import (
    NOTICE_SCHEMA,
    Channel,
    EmailChannel,
    Notice,
    NoticeFailed,
    Notices,
    SlackChannel,
)
from oracles.daemon.store import Store
from scripts._story.processes import free_port

NOTICE = Notice("case-7-opened", "Westworld charter: case 7 waits", "Case 7 <b>\n& more\n")
pytestmark = pytest.mark.anyio


class Mailbox:
    """What a mail server took; refuses while told to."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.refuse = False

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refuse:
            return "451 try again later"
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return "250 taken"


@pytest.fixture
def mail() -> Iterator[tuple[Mailbox, EmailChannel]]:
    mailbox = Mailbox()
    port = free_port()
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    yield (
        mailbox,
        EmailChannel("127.0.0.1", port, "charter@example.org", ("a@example.org", "b@example.org")),
    )
    controller.stop()


class Webhook:
    """What a webhook was sent; `status` is what it answers."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.status = 200


@pytest.fixture
def slack() -> Iterator[tuple[Webhook, SlackChannel]]:
    webhook = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if webhook.status == 200:
                webhook.bodies.append(json.loads(body))
            self.send_response(webhook.status)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield webhook, SlackChannel(f"http://127.0.0.1:{server.server_port}/services/T/B/secret")
    server.shutdown()
    thread.join()
    server.server_close()


async def tell(path: Path, channels: list[Channel], notices: list[Notice]) -> tuple[int, str]:
    """Queue and deliver once, as one life of a daemon would; returns what still waits, and the metrics."""
    registry = CollectorRegistry()
    async with Store.open(path / "state.db", schema=NOTICE_SCHEMA) as store:
        outbox = Notices(store, channels, registry, attempts=2, first_wait=0.01)
        async with store.transaction() as transaction:
            for notice in notices:
                await outbox.queue(transaction, notice)
        left = await outbox.deliver()
    return left, generate_latest(registry).decode()


@pytest.mark.feature("C4.2")
async def test_mail_reaches_every_auditor(mail: tuple[Mailbox, EmailChannel], tmp_path: Path) -> None:
    mailbox, channel = mail

    left, metrics = await tell(tmp_path, [channel], [NOTICE])

    assert left == 0
    (message,) = mailbox.messages
    assert message["Subject"] == NOTICE.subject
    assert message["To"] == "a@example.org, b@example.org"
    assert message["Message-ID"] == "<case-7-opened@westworld.invalid>"
    assert message.get_content().replace("\r\n", "\n") == NOTICE.body
    assert 'charter_notices_total{channel="email",outcome="sent"} 1.0' in metrics


@pytest.mark.feature("C4.3")
async def test_webhook_is_told_in_plain_text(slack: tuple[Webhook, SlackChannel], tmp_path: Path) -> None:
    webhook, channel = slack

    left, _ = await tell(tmp_path, [channel], [NOTICE])

    assert left == 0
    assert webhook.bodies == [
        {"text": "Westworld charter: case 7 waits\nCase 7 &lt;b&gt;\n&amp; more\n", "mrkdwn": False}
    ]


async def test_notice_waits_while_the_server_refuses_and_goes_out_after_a_restart(
    mail: tuple[Mailbox, EmailChannel], tmp_path: Path
) -> None:
    mailbox, channel = mail
    mailbox.refuse = True

    left, metrics = await tell(tmp_path, [channel], [NOTICE])
    assert left == 1
    assert mailbox.messages == []
    assert 'charter_notices_waiting{channel="email"} 1.0' in metrics
    assert 'charter_notices_total{channel="email",outcome="failed"} 1.0' in metrics

    mailbox.refuse = False
    left, metrics = await tell(tmp_path, [channel], [NOTICE])  # found again: it is not queued twice
    assert left == 0
    assert len(mailbox.messages) == 1
    assert 'charter_notices_waiting{channel="email"} 0.0' in metrics


async def test_notice_is_sent_once_however_often_it_is_queued_and_delivered(
    slack: tuple[Webhook, SlackChannel], tmp_path: Path
) -> None:
    webhook, channel = slack

    for _ in range(3):
        await tell(tmp_path, [channel], [NOTICE])

    assert len(webhook.bodies) == 1


async def test_channel_that_is_down_does_not_hold_up_the_other(
    mail: tuple[Mailbox, EmailChannel], slack: tuple[Webhook, SlackChannel], tmp_path: Path
) -> None:
    mailbox, email = mail
    webhook, hook = slack
    webhook.status = 500
    second = Notice("case-8-opened", "another", "x")

    left, _ = await tell(tmp_path, [hook, email], [NOTICE, second])

    assert left == 2
    assert [message["Subject"] for message in mailbox.messages] == [NOTICE.subject, "another"]


async def test_transaction_that_fails_queues_nothing(
    slack: tuple[Webhook, SlackChannel], tmp_path: Path
) -> None:
    webhook, channel = slack
    async with Store.open(tmp_path / "state.db", schema=NOTICE_SCHEMA) as store:
        outbox = Notices(store, [channel], CollectorRegistry())
        with pytest.raises(RuntimeError):
            async with store.transaction() as transaction:
                await outbox.queue(transaction, NOTICE)
                raise RuntimeError("the power went out")

        assert await outbox.deliver() == 0
    assert webhook.bodies == []


async def test_server_that_is_not_there_is_a_clear_failure_without_the_secret() -> None:
    with pytest.raises(NoticeFailed, match=r"127\.0\.0\.1:1 did not take it"):
        await EmailChannel("127.0.0.1", 1, "a@example.org", ("b@example.org",)).send(NOTICE)
    with pytest.raises(NoticeFailed) as failed:
        await SlackChannel("http://127.0.0.1:1/services/secret").send(NOTICE)
    assert "secret" not in str(failed.value)
