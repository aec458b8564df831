"""A plan of a deployment: who sits where, and how long things take. One YAML file per environment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from eth_utils.address import is_address, to_checksum_address
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
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


LONGEST = 2**24 - 1
"""The longest time, in seconds, that the Governor keeps of a track."""


class Track(_Part):
    """How proposals of one track are decided and executed.

    With a `lookback` the votes that count are those of that many seconds before a proposal, and the vote
    begins with it. What passed on a `co_signed` track also needs the co-signer, where the plan names one.
    """

    voting_delay: Seconds
    voting_period: Annotated[int, Field(gt=0)]
    executor_delay: Seconds
    lookback: Seconds = 0
    late_quorum_extension: Seconds = 0
    quorum_percent: Annotated[int, Field(ge=1, le=100)] = 5
    super_quorum_percent: Annotated[int, Field(ge=1, le=100)] = 100
    proposal_threshold: Annotated[int, Field(ge=0)] = 0
    co_signed: bool = False

    @model_validator(mode="after")
    def _fits_the_contract(self) -> Track:
        if self.lookback and self.voting_delay:
            raise ValueError("lookback and voting_delay: a vote that looks back begins with its proposal")
        if self.super_quorum_percent < self.quorum_percent:
            raise ValueError("super_quorum_percent is below quorum_percent")
        if max(self.voting_delay, self.lookback + self.voting_period) > LONGEST:
            raise ValueError(
                f"voting_delay, or lookback and voting_period together, is over {LONGEST} seconds"
            )
        if self.late_quorum_extension > self.voting_period:
            raise ValueError("late_quorum_extension is longer than voting_period")
        return self


HOUR, DAY = 3600, 86_400
AMENDMENT_PERIOD = 72 * HOUR
"""The least time, in seconds, that members have to vote on their charter, or on an experiment."""
EMERGENCY_PERIOD = 2 * HOUR
"""The least time, in seconds, that members have to vote in an emergency."""
EMERGENCY_LOOKBACK = DAY
"""How long before an emergency, in seconds, its voters must have had their votes, at least."""


class Tracks(_Part):
    """The Governor's tracks. What changes all of the network is co-signed, unless a plan says otherwise."""

    standard: Track
    charter_amendment: Track
    experiment_approval: Track = Track(
        voting_delay=HOUR, voting_period=AMENDMENT_PERIOD, executor_delay=HOUR, co_signed=True
    )
    emergency_access: Track = Track(
        voting_delay=0, voting_period=EMERGENCY_PERIOD, executor_delay=0, lookback=EMERGENCY_LOOKBACK
    )
    restart: Track = Track(
        voting_delay=0,
        voting_period=EMERGENCY_PERIOD,
        executor_delay=0,
        lookback=EMERGENCY_LOOKBACK,
        co_signed=True,
    )

    def named(self) -> dict[str, Track]:
        """The tracks by name, `standard` first."""
        return {name: getattr(self, name) for name in type(self).model_fields}

    @field_validator("charter_amendment", mode="before")
    @classmethod
    def _amendments_are_co_signed(cls, value: object) -> object:
        return {"co_signed": True, **value} if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _time_to_vote(self) -> Tracks:
        for name, least in (
            ("charter_amendment", AMENDMENT_PERIOD),
            ("experiment_approval", AMENDMENT_PERIOD),
            ("emergency_access", EMERGENCY_PERIOD),
            ("restart", EMERGENCY_PERIOD),
        ):
            if getattr(self, name).voting_period < least:
                hours = least // HOUR
                raise ValueError(f"{name}.voting_period is below {least} seconds ({hours} hours)")
        for name in ("emergency_access", "restart"):
            if getattr(self, name).lookback < EMERGENCY_LOOKBACK:
                raise ValueError(f"{name}.lookback is below {EMERGENCY_LOOKBACK} seconds (a day)")
        if self.standard.lookback:
            raise ValueError("standard.lookback: only other tracks can look back")
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
    """Everything that differs from one deployment to another.

    The `guardian` can cancel proposals, the `co_signer` (a Safe, as a rule) signs what passed on co-signed
    tracks; there need be neither. The Governor can keep what each proposal calls (`stores_proposals`, 200 gas
    a byte), so that it is queued and executed by its id alone.
    """

    token: Token
    tracks: Tracks
    guardian: Address | None = None
    co_signer: Address | None = None
    stores_proposals: bool = False
    charter: Charter
    nodes: Nodes
    violations: Violations
    oracles: Oracles
    auditors: Seats

    @model_validator(mode="after")
    def _quorum_can_be_reached(self) -> Plan:
        percent = max(track.quorum_percent for track in self.tracks.named().values())
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
            ("guardian", [self.guardian]),
            ("co_signer", [self.co_signer]),
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
