"""Which of a round's sightings keep their entries, so that what all members saw fits one proposal. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from oracles.charter.sighting import MAX_ATTEMPTS, Body, Split, observe_body
from oracles.committee.messages import MAX_MEMBERS
from oracles.committee.share import Share
from oracles.committee.topic import Observation

_ENTRIES = 3 * MAX_ATTEMPTS
"""Of all nodes: what one report takes, thrice, so that it is full even where members saw different nodes."""


def fit(seen: Sequence[tuple[bytes, Body]], sequence: int) -> list[Observation]:
    """What was seen of nodes, by their ids, as observations within a member's share of a proposal.

    Splits go first. Some sightings keep their entries; the others are as valid without them, and their
    entries wait for a later round. Who is served first is drawn anew for each sequence, so that no node
    starves, however many others flood: a plain rotation could fall into step with the one by which nodes are
    asked. All members draw alike, and so keep the same nodes' entries.
    """
    share = Share.of(MAX_MEMBERS)  # the least: how many members will share is not known here
    left = _ENTRIES
    kept = []
    for node, body in sorted(seen, key=lambda one: _lot(one[0], one[1], sequence)):
        if not isinstance(body, Split):
            if len(body.entries) > left:
                body = body.model_copy(update={"entries": ()})
            left -= len(body.entries)
        observation = observe_body(node, body)
        if share.takes(observation):
            kept.append(observation)
    return sorted(kept)


def _lot(node: bytes, body: Body, sequence: int) -> tuple[bool, bytes]:
    return not isinstance(body, Split), sha256(sequence.to_bytes(32) + node).digest()
