"""What members say to each other. Strict, bounded, and the same in memory and on the wire."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from oracles.committee.encoding import STRICT, Hash, Number, Signature
from oracles.committee.report import Report
from oracles.committee.topic import Observation

MAX_OBSERVATIONS = 4096
MAX_MEMBERS = 16
MAX_MESSAGE_BYTES = 8 * 1024 * 1024

Observations = Annotated[tuple[Observation, ...], Field(max_length=MAX_OBSERVATIONS)]


class Reason(StrEnum):
    """Why a member does not sign. Each is counted and logged by this name."""

    NOT_A_MEMBER = "not_a_member"
    WRONG_CHAIN = "wrong_chain"
    WRONG_CONTRACT = "wrong_contract"
    UNKNOWN_TOPIC = "unknown_topic"
    OTHER_CONFIGURATION = "other_configuration"
    SEQUENCE_NOT_OPEN = "sequence_not_open"
    SEQUENCE_ACCEPTED = "sequence_accepted"
    DEADLINE_PASSED = "deadline_passed"
    DEADLINE_OUT_OF_BOUNDS = "deadline_out_of_bounds"
    NOT_THE_LEADER = "not_the_leader"
    UNKNOWN_BLOCK = "unknown_block"
    NOT_FROZEN = "not_frozen"
    MISSING_OBSERVATION = "missing_observation"
    OBSERVATION_REFUSED = "observation_refused"
    DIFFERING_PAYLOAD = "differing_payload"
    VOTED_OTHERWISE = "voted_otherwise"
    ABSTAINING = "abstaining"
    CHAIN_IN_DOUBT = "chain_in_doubt"


class _Message(BaseModel):
    model_config = STRICT | ConfigDict(frozen=True)


class Vote(_Message):
    """A member's signature of a report."""

    type: Literal["vote"] = "vote"
    report: Report
    signature: Signature


class Proposal(_Message):
    """What a leader asks others to sign, with all that they need to compute it for themselves."""

    type: Literal["proposal"] = "proposal"
    chain_id: Number
    contract: str
    turn: Number
    block_hash: Hash
    report: Report
    observations: Observations


class FreezeRequest(_Message):
    """A leader asks what a member saw at the slot's start and what was signed so far."""

    type: Literal["freeze"] = "freeze"
    topic: Hash
    sequence: Number
    config_digest: Hash


class Frozen(_Message):
    """What a member saw at the slot's start, which from then on never changes.

    `held` is the proposal that the member voted for, if it voted; `votes` are all votes for this sequence
    that it knows, its own among them.
    """

    type: Literal["frozen"] = "frozen"
    observations: Observations
    held: Proposal | None = None
    votes: Annotated[tuple[Vote, ...], Field(max_length=2 * MAX_MEMBERS)] = ()


class Refusal(_Message):
    """A member does not sign, and says why. `missing` are its own observations that the proposal left out."""

    type: Literal["refusal"] = "refusal"
    reason: Reason
    detail: Annotated[str, Field(max_length=512)] = ""
    missing: Observations = ()


class Votes(_Message):
    """Votes passed on: enough of them to submit the report, or to show that a member voted twice."""

    type: Literal["votes"] = "votes"
    votes: Annotated[tuple[Vote, ...], Field(max_length=2 * MAX_MEMBERS)]


class Noted(_Message):
    """Votes were taken note of."""

    type: Literal["noted"] = "noted"


Request = FreezeRequest | Proposal | Votes
Answer = Frozen | Vote | Refusal | Noted
