"""Reports of violations: evidence sealed to the audit committee, a commitment, and the two calls to be made.

Whoever reports needs no account: both calls can be handed to any relayer, and the commitment binds chain,
contract and payee, so a relayer can neither change a report nor take its bounty.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from eth_abi.abi import encode
from eth_utils.address import is_address, to_checksum_address
from eth_utils.crypto import keccak
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from oracles.charter.canonical import canonical_json, name_id
from oracles.charter.entry import Hash, NodeId
from oracles.charter.evidence import Evidence, SealedEvidence, seal
from oracles.charter.fields import MetricName, word_of
from oracles.charter.vocabulary import Kind

NOBODY = "0x" + "00" * 20
"""The payee of a reporter who forgoes the bounty."""
_REPORT_TYPES = (
    "address",
    "bytes32",
    "bytes32",
    "bytes32",
    "uint256",
    "uint256",
    "bytes32",
    "bytes32",
)


class NotSent(Exception):
    """A transaction was not sent, or was not included in time; the message says what became of it."""


def _address(text: str) -> str:
    if not is_address(text):
        raise ValueError(f"{text!r} is no address")
    return to_checksum_address(text)


Address = Annotated[str, AfterValidator(_address)]


@dataclass(frozen=True)
class Scene:
    """Where and when a violation was seen."""

    chain_id: int
    registry: str
    """The ViolationRegistry's address."""
    charter_version: int
    """The version that was in force for the node."""
    observed_block: int
    auditors: Mapping[str, bytes]
    """The auditors' addresses and X25519 keys."""
    minimum_age: int
    """How many blocks after its commitment a report can be revealed."""
    listed: bool
    """Whether the charter lists the metric's name, allowed or forbidden."""


class Report(BaseModel):
    """A report before it is revealed. Keep it secret: whoever has it can reveal it, or tell who wrote it."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    format: Literal["westworld-report/1"] = "westworld-report/1"
    chain_id: Annotated[int, Field(gt=0)]
    registry: Address
    payee: Address
    node: NodeId
    kind: Annotated[Kind, word_of(Kind)]
    metric: MetricName
    metric_id: Hash
    charter_version: Annotated[int, Field(gt=0)]
    observed_block: Annotated[int, Field(ge=0)]
    evidence: Hash
    salt: Hash

    @property
    def arguments(self) -> tuple[str, bytes, bytes, bytes, int, int, bytes, bytes]:
        """The arguments of `ViolationRegistry.reveal`."""
        return (
            self.payee,
            bytes.fromhex(self.node[2:]),
            name_id(self.kind.value),
            bytes.fromhex(self.metric_id[2:]),
            self.charter_version,
            self.observed_block,
            bytes.fromhex(self.evidence[2:]),
            bytes.fromhex(self.salt[2:]),
        )

    @property
    def commitment(self) -> bytes:
        """What `commit` takes: binds chain, contract and everything that the reveal will say."""
        return keccak(
            encode(("uint256", "address", *_REPORT_TYPES), (self.chain_id, self.registry, *self.arguments))
        )

    @property
    def commit_data(self) -> bytes:
        """Call data of the first transaction."""
        return keccak(text="commit(bytes32)")[:4] + self.commitment

    @property
    def reveal_data(self) -> bytes:
        """Call data of the second transaction, `MINIMUM_AGE` blocks after the first or later."""
        return keccak(text=f"reveal({','.join(_REPORT_TYPES)})")[:4] + encode(_REPORT_TYPES, self.arguments)

    def for_relayer(self, step: Literal["commit", "reveal"]) -> bytes:
        """One of the two transactions as JSON that anybody can send; the reveal's holds the report."""
        data = self.commit_data if step == "commit" else self.reveal_data
        return canonical_json({"chain_id": self.chain_id, "to": self.registry, "data": "0x" + data.hex()})

    def to_json(self) -> bytes:
        """The secret file's bytes."""
        return canonical_json(self.model_dump(mode="json"))


def report_violation(
    type: Kind,  # noqa: A002 -- the mission's own signature
    reporter: str,
    target: str,
    evidence: Evidence,
    scene: Scene,
) -> tuple[Report, SealedEvidence]:
    """Prepare a report of `type` against the node `target`; the bounty goes to the address `reporter`.

    The evidence is sealed to the audit committee. Nothing is sent: the report has the two calls for that.
    Raises `EvidenceRefused`, or `ValueError` for what is no report.
    """
    sealed, salted = seal(evidence, scene.auditors)
    report = Report(
        chain_id=scene.chain_id,
        registry=scene.registry,
        payee=reporter,
        node=target,
        kind=type,
        metric=evidence.metric,
        metric_id="0x" + salted.metric_id(scene.listed).hex(),
        charter_version=scene.charter_version,
        observed_block=scene.observed_block,
        evidence=sealed.evidence,
        salt="0x" + secrets.token_hex(32),
    )
    return report, sealed
