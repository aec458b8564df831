"""Why the kernel refused something, and which kind of violation that is.

The numbers are shared with `source/reasons.h`; a test compares the two.
"""

from __future__ import annotations

from enum import IntEnum


class Reason(IntEnum):
    """The one reason for which a datagram, a connection or a socket was refused."""

    NO_POLICY = 1
    SUSPENDED = 2
    DESTINATION = 3
    PROTOCOL = 4
    SOCKET = 5
    UNIX = 6
    GSO = 7
    NONLINEAR = 8
    IP_OPTIONS = 9
    EXTENSION_HEADER = 10
    FRAGMENT = 11
    OVERSIZED = 12
    LENGTH = 13
    EMPTY = 14
    TOO_MANY_LINES = 15
    NUL = 16
    NAME_SYNTAX = 17
    NAME_TOO_LONG = 18
    VALUE_SYNTAX = 19
    TYPE_SYNTAX = 20
    TAGS = 21
    SUFFIX = 22
    FORBIDDEN = 23
    UNKNOWN_NAME = 24
    TYPE = 25
    RANGE = 26
    PRECISION = 27
    RATE = 28

    @property
    def violation(self) -> str | None:
        """The charter's violation kind, or None: nothing sent while silenced is a violation."""
        return _VIOLATIONS[self]


_VIOLATIONS: dict[Reason, str | None] = {
    Reason.NO_POLICY: None,
    Reason.SUSPENDED: None,
    Reason.DESTINATION: "destination_not_allowed",
    Reason.PROTOCOL: "destination_not_allowed",
    Reason.SOCKET: "destination_not_allowed",
    Reason.UNIX: "destination_not_allowed",
    Reason.GSO: "datagram_malformed",
    Reason.NONLINEAR: "datagram_malformed",
    Reason.IP_OPTIONS: "datagram_malformed",
    Reason.EXTENSION_HEADER: "datagram_malformed",
    Reason.FRAGMENT: "datagram_malformed",
    Reason.OVERSIZED: "datagram_malformed",
    Reason.LENGTH: "datagram_malformed",
    Reason.EMPTY: "datagram_malformed",
    Reason.TOO_MANY_LINES: "datagram_malformed",
    Reason.NUL: "datagram_malformed",
    Reason.NAME_SYNTAX: "datagram_malformed",
    Reason.NAME_TOO_LONG: "datagram_malformed",
    Reason.VALUE_SYNTAX: "datagram_malformed",
    Reason.TYPE_SYNTAX: "datagram_malformed",
    Reason.TAGS: "datagram_malformed",
    Reason.SUFFIX: "datagram_malformed",
    Reason.FORBIDDEN: "metric_not_allowed",
    Reason.UNKNOWN_NAME: "metric_not_allowed",
    Reason.TYPE: "metric_value_out_of_bounds",
    Reason.RANGE: "metric_value_out_of_bounds",
    Reason.PRECISION: "metric_value_out_of_bounds",
    Reason.RATE: "metric_over_collection_rate",
}
