"""The Charter contract's events, typed; enough to rebuild the policy of any version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class MetricAllowed:
    """A draft allows a metric under a rule, or changes its rule."""

    version: int
    name: str
    rule: str


@dataclass(frozen=True)
class MetricForbidden:
    """A draft forbids a metric by name."""

    version: int
    name: str


@dataclass(frozen=True)
class MetricRemoved:
    """A draft takes a metric off both lists."""

    version: int
    name: str


@dataclass(frozen=True)
class ViolationSet:
    """A draft sets what a kind of violation costs."""

    version: int
    name: str
    severity: int
    penalty: int


@dataclass(frozen=True)
class ViolationRemoved:
    """A draft takes a kind of violation out."""

    version: int
    name: str


@dataclass(frozen=True)
class ArticleAdopted:
    """A draft adopts or replaces an article."""

    version: int
    number: int
    text: str


@dataclass(frozen=True)
class ArticleRepealed:
    """A draft repeals an article."""

    version: int
    number: int


@dataclass(frozen=True)
class TermsSet:
    """A draft sets the policy's own version and description."""

    version: int
    terms: str


@dataclass(frozen=True)
class DraftDiscarded:
    """The open draft was thrown away: what was drafted since the last enactment or discard never counts."""

    version: int
    draft: bytes


@dataclass(frozen=True)
class CharterEnacted:
    """The open draft came into force as `version`, in block `block_number`."""

    version: int
    policy_hash: bytes
    draft: bytes
    block_number: int


CharterEvent = (
    MetricAllowed
    | MetricForbidden
    | MetricRemoved
    | ViolationSet
    | ViolationRemoved
    | ArticleAdopted
    | ArticleRepealed
    | TermsSet
    | DraftDiscarded
    | CharterEnacted
)

_TYPES: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        MetricAllowed,
        MetricForbidden,
        MetricRemoved,
        ViolationSet,
        ViolationRemoved,
        ArticleAdopted,
        ArticleRepealed,
        TermsSet,
        DraftDiscarded,
        CharterEnacted,
    )
}
EVENT_NAMES = tuple(_TYPES)


def charter_event(name: str, args: Mapping[str, Any], block_number: int) -> CharterEvent | None:
    """The typed event of a decoded log; None for events that say nothing of the policy."""
    kind = _TYPES.get(name)
    if kind is None:
        return None
    known = {**args, "block_number": block_number}
    event: CharterEvent = kind(**{field.name: known[field.name] for field in fields(kind)})
    return event
