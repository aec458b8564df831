"""The charter's fixed words, and the small numbers by which contracts know some of them."""

from __future__ import annotations

from enum import StrEnum


class MetricType(StrEnum):
    """What a metric measures. The statsd type letters are `g`, `c`, `ms` and `s`."""

    GAUGE = "gauge"
    COUNTER = "counter"
    TIMER = "timer"
    SET = "set"


class Access(StrEnum):
    """Who may read a metric, from everybody to the audit committee alone."""

    PUBLIC = "public"
    MEMBERS = "members"
    OPERATORS = "operators"
    COMMITTEE = "committee"


class Severity(StrEnum):
    """How grave a violation is."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def code(self) -> int:
        """The `uint8` that the contracts use."""
        return _SEVERITIES.index(self)

    @classmethod
    def from_code(cls, code: int) -> Severity:
        """The severity of a `uint8`. Raises `ValueError` when no severity has it."""
        if not 0 <= code < len(_SEVERITIES):
            raise ValueError(f"severity {code} is not known: 0 to {len(_SEVERITIES) - 1} are")
        return _SEVERITIES[code]


class Penalty(StrEnum):
    """What a confirmed violation costs the node."""

    NONE = "none"
    RATE_LIMITED_1H = "rate_limited_1h"
    NODE_SUSPENDED_24H = "node_suspended_24h"
    FINE = "fine"
    BAN = "ban"

    @property
    def code(self) -> int:
        """The `uint8` that the contracts use."""
        return _PENALTIES.index(self)

    @classmethod
    def from_code(cls, code: int) -> Penalty:
        """The penalty of a `uint8`. Raises `ValueError` when no penalty has it."""
        if not 0 <= code < len(_PENALTIES):
            raise ValueError(f"penalty {code} is not known: 0 to {len(_PENALTIES) - 1} are")
        return _PENALTIES[code]


class Kind(StrEnum):
    """The kinds of violation. A contract knows each by `canonical.name_id(kind)`."""

    METRIC_NOT_ALLOWED = "metric_not_allowed"
    METRIC_OVER_COLLECTION_RATE = "metric_over_collection_rate"
    METRIC_VALUE_OUT_OF_BOUNDS = "metric_value_out_of_bounds"
    DATAGRAM_MALFORMED = "datagram_malformed"
    DESTINATION_NOT_ALLOWED = "destination_not_allowed"
    SILENT_COLLECTION = "silent_collection"
    ENFORCEMENT_TAMPERED = "enforcement_tampered"
    CHECKPOINT_MISSING = "checkpoint_missing"
    LEDGER_TAMPERED = "ledger_tampered"


class Standing(StrEnum):
    """What the NodeRegistry says of a node."""

    UNKNOWN = "unknown"
    ACTIVE = "active"
    RATE_LIMITED = "rate_limited"
    SUSPENDED = "suspended"
    BANNED = "banned"
    EXITED = "exited"

    @classmethod
    def from_code(cls, code: int) -> Standing:
        """The standing of a `uint8`. Raises `ValueError` when no standing has it."""
        if not 0 <= code < len(_STANDINGS):
            raise ValueError(f"standing {code} is not known: 0 to {len(_STANDINGS) - 1} are")
        return _STANDINGS[code]


_SEVERITIES = tuple(Severity)
_PENALTIES = tuple(Penalty)
_STANDINGS = tuple(Standing)
