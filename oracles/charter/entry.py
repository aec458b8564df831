"""What a node writes into its ledger: small canonical JSON entries that never hold a denied value.

A name that the charter does not know is attacker-chosen personal data, so it appears only as a hash keyed
by a secret that never leaves the node (`keyed_name`). Each entry that goes on-chain as evidence has a salt,
so its hash cannot be guessed from its few possible contents.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
)

from oracles.charter.canonical import canonical_json, name_id
from oracles.charter.fields import check_name, word_of
from oracles.charter.policy import Policy
from oracles.charter.vocabulary import Kind, Standing

MAX_ENTRY_BYTES = 1024
KEYED_PREFIX = "keyed:"


class EntryRefused(ValueError):
    """The bytes are no ledger entry of this project; the message says why."""


def _check_metric(metric: str) -> str:
    if metric.startswith(KEYED_PREFIX):
        digest = metric[len(KEYED_PREFIX) :]
        if len(digest) != 64 or any(digit not in "0123456789abcdef" for digit in digest):
            raise ValueError("after keyed: there have to be 64 hexadecimal digits")
        return metric
    return metric if metric == "" else check_name(metric)


NodeId = Annotated[str, Field(pattern=r"^0x[0-9a-f]{64}$")]
Salt = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Hash = Annotated[str, Field(pattern=r"^0x[0-9a-f]{64}$")]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
Count = Annotated[int, Field(ge=0, lt=2**64)]


def new_salt() -> str:
    """A fresh salt for an entry: 16 random bytes in hexadecimal."""
    return secrets.token_hex(16)


def keyed_name(name: bytes, secret: bytes) -> str:
    """How a name that the charter does not know leaves a node: BLAKE2b-256 keyed by `secret`."""
    return KEYED_PREFIX + hashlib.blake2b(name, key=secret, digest_size=32).hexdigest()


def metric_text(name: bytes, policy: Policy, secret: bytes) -> str:
    """How an entry names a metric: in the clear if the policy names it, allowed or forbidden, else keyed."""
    try:
        text = name.decode("ascii")
    except UnicodeDecodeError:
        return keyed_name(name, secret)
    return text if text in policy.metrics or text in policy.forbidden else keyed_name(name, secret)


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    node: NodeId
    time: Count
    """Unix seconds."""
    salt: Salt = Field(default_factory=new_salt)


class Attempt(_Entry):
    """Something that the charter denies was tried and stopped, `count` times since the last such entry."""

    type: Literal["attempt"] = "attempt"
    kind: Annotated[Kind, word_of(Kind)]
    metric: Annotated[str, Field(max_length=70), AfterValidator(_check_metric)]
    """A charter's name, `keyed:` and 64 hexadecimal digits, or empty where no name could be read."""
    reason: Word
    """Why, in the enforcing scope's own words: `forbidden`, `unknown`, `range`, `rate`, …"""
    count: Annotated[int, Field(ge=1, lt=2**64)] = 1
    charter_version: Count
    observed_block: Count
    """The newest finalized block that the node knew."""
    scope: Word
    """What stopped it: `datagram`, `connect`, `gateway`, …"""

    @property
    def kind_id(self) -> bytes:
        """The kind as contracts know it."""
        return name_id(self.kind.value)

    @property
    def metric_id(self) -> bytes:
        """The metric as contracts know it: its name's id, the keyed hash itself, or 32 zeros for none."""
        if self.metric.startswith(KEYED_PREFIX):
            return bytes.fromhex(self.metric[len(KEYED_PREFIX) :])
        return name_id(self.metric) if self.metric else bytes(32)


class AgentStarted(_Entry):
    """The agent began to run; `adopted` says whether it found its enforcement still in place."""

    type: Literal["agent_started"] = "agent_started"
    release: Annotated[str, Field(max_length=64)]
    adopted: bool


class PolicySwitched(_Entry):
    """The kernel now enforces another charter version."""

    type: Literal["policy_switched"] = "policy_switched"
    charter_version: Count
    policy_hash: Hash
    observed_block: Count


class StandingChanged(_Entry):
    """The node's standing in the NodeRegistry changed."""

    type: Literal["standing_changed"] = "standing_changed"
    standing: Annotated[Standing, word_of(Standing)]
    until: Count = 0
    """Unix seconds until which it lasts; 0 where it has no end."""
    observed_block: Count


class EnforcementChanged(_Entry):
    """What is enforced changed: the scopes that hold, and what is missing."""

    type: Literal["enforcement_changed"] = "enforcement_changed"
    state: Literal["enforcing", "degraded", "stopped"]
    scopes: Annotated[list[Word], Field(max_length=12)] = Field(default_factory=list)
    missing: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=6)] = Field(
        default_factory=list
    )


class Override(_Entry):
    """Somebody with the power to do so stepped around the charter: who, what, why."""

    type: Literal["override"] = "override"
    who: Annotated[str, Field(min_length=1, max_length=64)]
    what: Annotated[str, Field(min_length=1, max_length=64)]
    why: Annotated[str, Field(min_length=1, max_length=256)]


Entry = Attempt | AgentStarted | PolicySwitched | StandingChanged | EnforcementChanged | Override
_ADAPTER: TypeAdapter[Entry] = TypeAdapter(Annotated[Entry, Field(discriminator="type")])


def encode(entry: Entry) -> bytes:
    """The entry's bytes in the ledger. Raises `EntryRefused` beyond 1024 bytes."""
    data = canonical_json(entry.model_dump(mode="json"))
    if len(data) > MAX_ENTRY_BYTES:
        raise EntryRefused(f"the {entry.type} entry has {len(data)} bytes, {MAX_ENTRY_BYTES} are possible")
    return data


def decode(data: bytes) -> Entry:
    """Read an entry back. Raises `EntryRefused` if it is too long, no entry, or not in canonical form."""
    if len(data) > MAX_ENTRY_BYTES:
        raise EntryRefused(f"{len(data)} bytes are too many for an entry, {MAX_ENTRY_BYTES} are possible")
    try:
        entry = _ADAPTER.validate_python(json.loads(data))
    except ValidationError as fault:
        first = fault.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the entry"
        raise EntryRefused(f"{place}: {first['msg']}") from None
    except (ValueError, RecursionError):
        raise EntryRefused("it is no JSON") from None
    if encode(entry) != data:
        raise EntryRefused("it is not in canonical form")
    return entry


def evidence_hash(data: bytes) -> bytes:
    """How an entry appears on-chain: its leaf hash (RFC 6962, section 2.1): SHA-256 of 0x00 and the entry."""
    return hashlib.sha256(b"\x00" + data).digest()
