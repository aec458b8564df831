"""What an oracle saw of a node, in a form that proves itself to the other oracles.

A `Sighting` is the node's signed checkpoint with the attempts it owns up to; a `Split` is two checkpoints by
which it contradicts itself.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    TypeAdapter,
    ValidationError,
)

from oracles.charter.canonical import canonical_json
from oracles.charter.entry import MAX_ENTRY_BYTES
from oracles.committee.topic import Observation, ObservationRefused

MAX_ATTEMPTS = 8
"""Of one node in one round, and of all nodes in one payload."""

_SOURCE = re.compile(r"0x[0-9a-f]{64}")


def _decode(value: Any) -> Any:
    return b64decode(value, validate=True) if isinstance(value, str) else value


def _encode(value: bytes) -> str:
    return b64encode(value).decode()


_FromBase64 = BeforeValidator(_decode)
_AsBase64 = PlainSerializer(_encode, return_type=str, when_used="json")

EntryBytes = Annotated[bytes, _FromBase64, Field(max_length=MAX_ENTRY_BYTES), _AsBase64]
HashBytes = Annotated[bytes, _FromBase64, Field(min_length=32, max_length=32), _AsBase64]
NoteBytes = Annotated[bytes, _FromBase64, Field(max_length=4096), _AsBase64]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class SeenEntry(_Body):
    """A ledger entry and its inclusion proof in the sighting's checkpoint."""

    index: Annotated[int, Field(ge=0, lt=2**63)]
    entry: EntryBytes
    proof: Annotated[tuple[HashBytes, ...], Field(max_length=63)]


class Sighting(_Body):
    """A node's checkpoint and the first attempts in its ledger that no report has handled."""

    type: Literal["sighting"] = "sighting"
    note: NoteBytes
    entries: Annotated[tuple[SeenEntry, ...], Field(max_length=MAX_ATTEMPTS)] = ()


class Split(_Body):
    """Two checkpoints of one size and one epoch with different roots, in ascending order of their bytes."""

    type: Literal["split"] = "split"
    first: NoteBytes
    second: NoteBytes


Body = Sighting | Split
_BODY: TypeAdapter[Body] = TypeAdapter(Annotated[Body, Field(discriminator="type")])


def node_source(node: bytes) -> str:
    """A node's id as an observation's source."""
    return "0x" + node.hex()


def observe_body(node: bytes, body: Body) -> Observation:
    """The observation of a node."""
    return Observation(node_source(node), canonical_json(body.model_dump(mode="json")))


def read_observation(observation: Observation) -> tuple[bytes, Body]:
    """The node's id and what was seen; raises `ObservationRefused` for anything but our own canonical
    form.
    """
    if _SOURCE.fullmatch(observation.source) is None:
        raise ObservationRefused(observation.source, "the source is no node id")
    try:
        body = _BODY.validate_json(observation.body)
    except ValidationError as fault:
        first = fault.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "body"
        raise ObservationRefused(observation.source, f"{place}: {first['msg']}") from None
    node = bytes.fromhex(observation.source[2:])
    if observe_body(node, body) != observation:
        raise ObservationRefused(observation.source, "the body is not in canonical form")
    return node, body
