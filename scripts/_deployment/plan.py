"""A plan of a deployment: who sits where, and how long things take. One YAML file per environment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from eth_utils.address import is_address, to_checksum_address
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError


def _address(text: str) -> str:
    if not is_address(text):
        raise ValueError(f"{text!r} is not an address (quote it in YAML, or it is read as a number)")
    return to_checksum_address(text)


Address = Annotated[str, AfterValidator(_address)]
Seconds = Annotated[int, Field(ge=0)]
Tokens = Annotated[int, Field(gt=0)]  # whole tokens of 10**18 units


class PlanFault(Exception):
    """A plan that cannot be deployed: which file, which place, what is wrong."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Token(_Part):
    """The reward token with voting power. What is not shared out goes to the treasury."""

    name: str
    symbol: str
    supply: Tokens
    holders: dict[Address, Tokens]

    @model_validator(mode="after")
    def _shared_out(self) -> Token:
        if sum(self.holders.values()) > self.supply:
            raise ValueError(f"holders get {sum(self.holders.values())} tokens of {self.supply}")
        return self


class Track(_Part):
    """How proposals of one track are decided and executed."""

    voting_delay: Seconds
    voting_period: Annotated[int, Field(gt=0)]
    executor_delay: Seconds
    quorum_percent: Annotated[int, Field(ge=1, le=100)] = 5
    proposal_threshold: Annotated[int, Field(ge=0)] = 0


AMENDMENT_PERIOD = 72 * 3600
"""The least time, in seconds, that members have to vote on their charter."""


class Tracks(_Part):
    """The Governor's tracks."""

    standard: Track
    charter_amendment: Track

    @model_validator(mode="after")
    def _time_to_vote(self) -> Tracks:
        if self.charter_amendment.voting_period < AMENDMENT_PERIOD:
            raise ValueError(
                f"charter_amendment.voting_period is below {AMENDMENT_PERIOD} seconds (72 hours)"
            )
        return self


class Seats(_Part):
    """A body of members and how many of them must agree."""

    members: Annotated[list[Address], Field(min_length=1, max_length=16)]
    threshold: Annotated[int, Field(ge=1)]

    @model_validator(mode="after")
    def _enough(self) -> Seats:
        if len(set(self.members)) != len(self.members):
            raise ValueError("a member is named twice")
        if self.threshold > len(self.members):
            raise ValueError(f"threshold {self.threshold} is above the {len(self.members)} members")
        return self


class Oracles(Seats):
    """The oracle committee. More than half must agree: two reports for one slot then share a signer."""

    @model_validator(mode="after")
    def _majority(self) -> Oracles:
        if self.threshold * 2 <= len(self.members):
            raise ValueError(f"threshold {self.threshold} is no majority of the {len(self.members)} members")
        return self


class Charter(_Part):
    """The first policy and the first constitution. Paths are relative to the plan's file."""

    policy: Path
    constitution: Path
    grace_blocks: Annotated[int, Field(ge=0)]


class Nodes(_Part):
    """What a node stakes, and for how long its bond stays after it leaves."""

    minimum_bond: Tokens
    unbonding_period: Seconds


MINIMUM_AGE = 5
"""How many blocks a commitment has to be old when it is revealed, as the ViolationRegistry has it."""


class Violations(_Part):
    """How old an observation may be when it is reported, and how long auditors have."""

    recent_blocks: Annotated[int, Field(ge=MINIMUM_AGE)]
    review_period: Annotated[int, Field(gt=0)]


class Plan(_Part):
    """Everything that differs from one deployment to another."""

    token: Token
    tracks: Tracks
    charter: Charter
    nodes: Nodes
    violations: Violations
    oracles: Oracles
    auditors: Seats

    @model_validator(mode="after")
    def _quorum_can_be_reached(self) -> Plan:
        percent = max(self.tracks.standard.quorum_percent, self.tracks.charter_amendment.quorum_percent)
        held, supply = sum(self.token.holders.values()), self.token.supply
        if held * 100 < percent * supply:
            raise ValueError(
                f"holders get {held} of {supply} tokens: a quorum of {percent} % can never be reached"
            )
        return self

    @model_validator(mode="after")
    def _bonds_outlast_cases(self) -> Plan:
        unbonding, review = self.nodes.unbonding_period, self.violations.review_period
        if unbonding < review:
            raise ValueError(
                f"nodes.unbonding_period is {unbonding} seconds, violations.review_period {review}: "
                "a violator would leave with its bond before it is found and reported"
            )
        return self

    def check_deployer(self, account: str) -> None:
        """Raises PlanFault where the deploying account has a seat or a share.

        All tokens that it still has at the end go to the treasury.
        """
        for place, named in (
            ("token.holders", self.token.holders),
            ("oracles.members", self.oracles.members),
            ("auditors.members", self.auditors.members),
        ):
            if account in named:
                raise PlanFault(f"{place} names {account}, which deploys: the deployer is to hold nothing")

    @classmethod
    def load(cls, path: Path) -> Plan:
        """Reads a plan; raises PlanFault naming every fault and its place."""
        try:
            content = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, YAMLError) as fault:
            raise PlanFault(f"{path}: {fault}") from None
        try:
            plan = cls.model_validate(content)
        except ValidationError as fault:
            places = (f"{'.'.join(map(str, f['loc']))}: {f['msg']}" for f in fault.errors())
            raise PlanFault("\n".join(f"{path}: {place}" for place in places)) from None
        charter = plan.charter.model_copy(
            update={
                "policy": (path.parent / plan.charter.policy).resolve(),
                "constitution": (path.parent / plan.charter.constitution).resolve(),
            }
        )
        return plan.model_copy(update={"charter": charter})
