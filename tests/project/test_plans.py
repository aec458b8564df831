"""The plans of deployments that come with the project, and what a plan may not say."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from eth_utils.address import to_checksum_address
from ruamel.yaml import YAML

from oracles.charter.document import load_policy
from scripts._deployment.plan import Plan, PlanFault

ENVIRONMENTS = Path(__file__).parents[2] / "deploy" / "environments"
PLANS = sorted(ENVIRONMENTS.glob("*/plan.yaml"))


@pytest.fixture
def content() -> Any:
    return copy.deepcopy(YAML(typ="safe", pure=True).load(ENVIRONMENTS / "development" / "plan.yaml"))


def _load(content: Any, folder: Path) -> Plan:
    path = folder / "plan.yaml"
    with path.open("w") as file:
        YAML().dump(content, file)
    return Plan.load(path)


@pytest.mark.parametrize("path", PLANS, ids=[path.parent.name for path in PLANS])
def test_every_environment_has_a_plan_that_can_be_deployed(path: Path) -> None:
    plan = Plan.load(path)
    assert load_policy(plan.charter.policy).version
    assert plan.charter.constitution.is_file()


def test_no_environment_is_without_a_plan() -> None:
    assert {path.parent for path in PLANS} == {path for path in ENVIRONMENTS.iterdir() if path.is_dir()}


def test_a_quorum_that_nobody_can_reach_is_refused(content: Any, tmp_path: Path) -> None:
    content["token"]["holders"] = {"0x70997970C51812dc3A010C7d01b50e0d17dc79C8": 49_999}
    with pytest.raises(PlanFault, match=r"holders get 49999 of 1000000 tokens: a quorum of 5 %"):
        _load(content, tmp_path)


def test_less_than_72_hours_for_the_charter_is_refused(content: Any, tmp_path: Path) -> None:
    content["tracks"]["charter_amendment"]["voting_period"] = 72 * 3600 - 1
    with pytest.raises(PlanFault, match=r"tracks: .*below 259200 seconds"):
        _load(content, tmp_path)


def test_the_other_tracks_have_terms_that_need_not_be_said(content: Any, tmp_path: Path) -> None:
    plan = _load(content, tmp_path)
    tracks = plan.tracks.named()
    names = ("standard", "charter_amendment", "experiment_approval", "emergency_access", "restart")
    assert tuple(tracks) == names
    assert {track.quorum_percent for track in tracks.values()} == {5}
    assert tracks["experiment_approval"].voting_period == 72 * 3600
    assert tracks["emergency_access"].voting_period == 2 * 3600
    signed = {name for name, track in tracks.items() if track.co_signed}
    assert signed == {"charter_amendment", "experiment_approval", "restart"}
    assert (plan.guardian, plan.co_signer) == (None, None)


@pytest.mark.parametrize(
    ("track", "terms", "message"),
    [
        ("restart", {"lookback": 0}, "restart.lookback is below 86400 seconds"),
        ("emergency_access", {"voting_period": 7_199}, "emergency_access.voting_period is below 7200"),
        ("emergency_access", {"voting_delay": 1}, "a vote that looks back begins with its proposal"),
        ("experiment_approval", {"voting_period": 259_199}, "experiment_approval.voting_period is below"),
        ("experiment_approval", {"late_quorum_extension": 259_201}, "longer than voting_period"),
        ("standard", {"voting_period": 2**24}, "is over 16777215 seconds"),
        ("restart", {"lookback": 2**24 - 7_200}, "is over 16777215 seconds"),
        ("restart", {"super_quorum_percent": 4}, "super_quorum_percent is below quorum_percent"),
        ("standard", {"voting_delay": 0, "lookback": 60}, "standard.lookback: only other tracks"),
    ],
)
def test_terms_that_a_track_cannot_have_are_refused(
    content: Any, tmp_path: Path, track: str, terms: dict[str, int], message: str
) -> None:
    standing = _load(content, tmp_path).tracks.named()[track].model_dump()
    content["tracks"][track] = standing
    assert _load(content, tmp_path).tracks.named()[track].model_dump() == standing
    content["tracks"][track] = standing | terms
    with pytest.raises(PlanFault, match=message):
        _load(content, tmp_path)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("oracles", "threshold"), 2, "above the 1 members"),
        (("oracles", "members"), ["0x70997970C51812dc3A010C7d01b50e0d17dc79C8"] * 2, "named twice"),
        (("violations", "recent_blocks"), 4, "violations.recent_blocks: .*greater than or equal to 5"),
        (("nodes", "unbonding_period"), 0, "would leave with its bond before it is found"),
        (("nodes", "unbonding_period"), 2_591_999, "nodes.unbonding_period is 2591999 seconds"),
        (("auditors", "members"), ["0x12"], "is not an address"),
        (("token", "supply"), 299_999, "holders get 300000 tokens of 299999"),
        (("nodes", "colour"), "red", "nodes.colour: Extra inputs"),
        (("charter", "grace_blocks"), -1, "charter.grace_blocks"),
    ],
)
def test_what_cannot_be_deployed_is_named(
    content: Any, tmp_path: Path, place: tuple[str, str], value: Any, message: str
) -> None:
    content[place[0]][place[1]] = value
    with pytest.raises(PlanFault, match=message):
        _load(content, tmp_path)


def test_the_least_that_can_be_deployed_is_accepted(content: Any, tmp_path: Path) -> None:
    content["violations"] |= {"recent_blocks": 5, "review_period": 60}
    content["nodes"]["unbonding_period"] = 60
    assert _load(content, tmp_path).nodes.unbonding_period == 60


@pytest.mark.parametrize(("threshold", "accepted"), [(1, False), (2, False), (3, True), (4, True)])
def test_oracles_need_a_majority(content: Any, tmp_path: Path, threshold: int, accepted: bool) -> None:
    members = [f"0x{number:040x}" for number in range(1, 5)]
    content["oracles"] = {"members": members, "threshold": threshold}
    content["auditors"] = {"members": members, "threshold": 1}
    if accepted:
        assert _load(content, tmp_path).oracles.threshold == threshold
    else:
        with pytest.raises(
            PlanFault, match=f"oracles: .*threshold {threshold} is no majority of the 4 members"
        ):
            _load(content, tmp_path)


@pytest.mark.parametrize(
    ("number", "place"),
    [
        (1, "oracles.members"),
        (2, "auditors.members"),
        (3, "token.holders"),
        (4, "guardian"),
        (5, "co_signer"),
    ],
)
def test_the_deployer_holds_nothing(content: Any, tmp_path: Path, number: int, place: str) -> None:
    people = [to_checksum_address(f"0x{number:040x}") for number in range(1, 7)]
    content["oracles"]["members"] = [people[1]]
    content["auditors"]["members"] = [people[2]]
    content["token"]["holders"] = {people[3].lower(): 300_000}
    content["guardian"], content["co_signer"] = people[4:]
    plan = _load(content, tmp_path)
    plan.check_deployer(people[0])
    with pytest.raises(PlanFault, match=f"{place} names {people[number]}, which deploys"):
        plan.check_deployer(people[number])


def test_a_plan_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PlanFault, match="nowhere"):
        Plan.load(tmp_path / "nowhere.yaml")
