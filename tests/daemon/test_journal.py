"""Logs are JSON, one object a line, and never hold a secret."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from oracles.daemon.journal import REDACTOR, Redactor, start_journal

SECRET = 'hunter2 "quoted"'


class Journal(io.StringIO):
    """What was logged."""

    def entries(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture
def journal() -> Iterator[Journal]:
    root = logging.getLogger()
    before = (root.handlers, root.level, sys.excepthook)
    stream = Journal()
    start_journal("INFO", stream)
    REDACTOR.hide([SECRET])
    yield stream
    root.handlers, sys.excepthook = before[0], before[2]
    root.setLevel(before[1])
    structlog.reset_defaults()


def test_ours_and_libraries_lines_are_json(journal: Journal) -> None:
    structlog.get_logger("ours").info("sent", nonce=7, hash="0x1")
    logging.getLogger("library").warning("slow: %d s", 3)
    ours, library = journal.entries()
    assert (ours["event"], ours["nonce"], ours["level"], ours["logger"]) == ("sent", 7, "info", "ours")
    assert (library["event"], library["level"]) == ("slow: 3 s", "warning")
    assert "timestamp" in ours and "timestamp" in library


def test_less_than_the_level_is_not_logged(journal: Journal) -> None:
    structlog.get_logger("ours").debug("chatter")
    logging.getLogger("httpx").info("request")
    assert journal.entries() == []


def test_a_secret_value_is_nowhere(journal: Journal) -> None:
    log = structlog.get_logger("ours")
    log.info(f"said {SECRET}", part=[{"deep": SECRET, SECRET: 1}], whole=SECRET, other=OSError(SECRET))
    logging.getLogger("library").error("failed with %s", SECRET)
    assert "hunter2" not in journal.getvalue()
    assert journal.entries()[0]["whole"] == "[redacted]"


def test_a_secret_is_not_in_a_traceback(journal: Journal) -> None:
    def login(password: str) -> None:
        raise ValueError(f"cannot log in with {password}")

    try:
        login(SECRET)
    except ValueError:
        structlog.get_logger("ours").exception("crashed")
    (entry,) = journal.entries()
    assert "cannot log in with [redacted]" in entry["exception"]
    assert "hunter2" not in journal.getvalue()


def test_an_uncaught_exception_goes_through_the_journal(journal: Journal) -> None:
    try:
        raise ValueError(SECRET)
    except ValueError as fault:
        sys.excepthook(type(fault), fault, fault.__traceback__)
    (entry,) = journal.entries()
    assert entry["level"] == "critical" and "hunter2" not in journal.getvalue()


@pytest.mark.parametrize("name", ["password", "keystore_password", "private_key", "seed", "Authorization"])
def test_a_field_whose_name_speaks_of_a_secret_is_taken_out(journal: Journal, name: str) -> None:
    structlog.get_logger("ours").info("said", **{name: "whatever"})
    assert journal.entries()[0][name] == "[redacted]"


def test_the_longest_secret_goes_first() -> None:
    redactor = Redactor()
    redactor.hide(["abcd", "abcdef", "ab"])
    assert redactor.text("abcdef abcd ab") == "[redacted] [redacted] ab"
