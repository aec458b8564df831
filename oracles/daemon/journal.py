"""Logs: one JSON object a line on stderr, from our code and from libraries alike, without secrets."""

import logging
import sys
from collections.abc import Iterable, MutableMapping
from typing import Any, TextIO

import structlog

_REDACTED = "[redacted]"
_SECRET_NAMES = ("password", "secret", "seed", "private", "mnemonic", "authorization")
_SHORTEST = 4
"""Shorter secrets are not looked for in texts: they would blot out half of every line."""


class Redactor:
    """Takes known secret values, and fields whose names speak of secrets, out of log entries."""

    def __init__(self) -> None:
        self._values: list[str] = []

    def hide(self, secrets: Iterable[str]) -> None:
        """From now on, these values do not appear in any line."""
        known = {*self._values, *(secret for secret in secrets if len(secret) >= _SHORTEST)}
        # The longest first: one secret may be a part of another.
        self._values = sorted(known, key=len, reverse=True)

    def text(self, text: str) -> str:
        """A text without secrets."""
        for value in self._values:
            text = text.replace(value, _REDACTED)
        return text

    def __call__(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """A log entry without secrets (structlog's processor interface)."""
        for name in event:
            named = any(word in name.lower() for word in _SECRET_NAMES)
            event[name] = _REDACTED if named else self._clean(event[name])
        return event

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(name)): self._clean(part) for name, part in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._clean(part) for part in value]
        return value if isinstance(value, (int, float, bool, type(None))) else self.text(str(value))


REDACTOR = Redactor()
"""The process's redactor: `REDACTOR.hide([...])` as soon as a secret is read."""


def start_journal(level: str, stream: TextIO | None = None) -> None:
    """Send structlog's and the standard library's logs, and uncaught exceptions, to one stream (stderr)."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                REDACTOR,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # Their DEBUG and INFO are one line per request.
    for chatty in ("uvicorn.access", "asyncio", "aiosqlite", "httpx", "httpcore"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
    sys.excepthook = _log_uncaught


def _log_uncaught(kind: type[BaseException], fault: BaseException, trace: Any) -> None:
    structlog.get_logger(__name__).critical("uncaught exception", exc_info=(kind, fault, trace))
