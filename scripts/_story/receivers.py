"""Who hears the network in the story: the committee's mailbox and channel, an auditor's collector."""

from __future__ import annotations

import json
import socket
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from scripts._story.processes import PATIENCE, free_port

MAX_BODY = 65536


class Mailbox:
    """An SMTP server on loopback that keeps what it receives."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.port = free_port()
        self._server = Controller(self, hostname="127.0.0.1", port=self.port)
        self._server.start()

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Called by the server for each message (the name is the library's)."""
        content = envelope.original_content or b""
        message = message_from_bytes(content, policy=policy.default)
        self.messages.append(message)
        return "250 kept"

    def stop(self) -> None:
        """Closes it."""
        self._server.stop()


class Webhook:
    """An HTTP server on loopback that takes Slack's incoming-webhook messages and keeps them."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        kept = self.messages

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(min(int(self.headers["Content-Length"]), MAX_BODY))
                kept.append(json.loads(body))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *args: Any) -> None:
                """The story has its own log."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """What a sender is given."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/services/audit"

    def stop(self) -> None:
        """Closes it."""
        self._server.shutdown()
        self._server.server_close()


class AuditorsCollector:
    """A UDP socket of an auditor, to which a node's collector sends what its agent should have stopped."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(PATIENCE)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._socket.getsockname()[1])

    def receive(self) -> bytes:
        """The next datagram; raises TimeoutError after long silence."""
        return self._socket.recv(MAX_BODY)

    def drain(self) -> int:
        """Reads what has arrived; how many datagrams that was."""
        arrived = 0
        self._socket.setblocking(False)
        try:
            while True:
                self._socket.recv(MAX_BODY)
                arrived += 1
        except BlockingIOError:
            return arrived
        finally:
            self._socket.settimeout(PATIENCE)

    def stop(self) -> None:
        """Closes it."""
        self._socket.close()
