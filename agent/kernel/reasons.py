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
    **{
        reason: "datagram_malformed"
        for reason in (
            Reason.GSO,
            Reason.NONLINEAR,
            Reason.IP_OPTIONS,
            Reason.EXTENSION_HEADER,
            Reason.FRAGMENT,
            Reason.OVERSIZED,
            Reason.LENGTH,
            Reason.EMPTY,
            Reason.TOO_MANY_LINES,
            Reason.NUL,
            Reason.NAME_SYNTAX,
            Reason.NAME_TOO_LONG,
            Reason.VALUE_SYNTAX,
            Reason.TYPE_SYNTAX,
            Reason.TAGS,
            Reason.SUFFIX,
        )
    },
    Reason.FORBIDDEN: "metric_not_allowed",
    Reason.UNKNOWN_NAME: "metric_not_allowed",
    Reason.TYPE: "metric_value_out_of_bounds",
    Reason.RANGE: "metric_value_out_of_bounds",
    Reason.PRECISION: "metric_value_out_of_bounds",
    Reason.RATE: "metric_over_collection_rate",
}
