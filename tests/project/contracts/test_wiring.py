"""The contracts as they are deployed together: a vote changes the charter, reports reach the registry."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import click
import pytest
from ape import reverts
from ape.api import AccountAPI
from ape.contracts import ContractInstance
from ape.managers.chain import ChainManager
from ape.managers.project import ProjectManager
from click.testing import CliRunner
from eth_abi import encode
from eth_account import Account
from eth_utils.crypto import keccak

from oracles.chain.block import Call
from oracles.chain.oracle_committee import OracleCommittee
from oracles.chain.rpc import Rpc
from oracles.chain.typed import COMMITTEE_NAME, Domain
from oracles.charter.amendment import amendment
from oracles.charter.policy import MetricRule, Policy
from oracles.charter.report import ReportedAttempt, encode_payload
from oracles.cli.main import westworld
from oracles.committee.report import AccountSigning, Report, report_message
from oracles.committee.topic import topic_id
from oracles.governance.proposal import CHARTER_AMENDMENT, MAX_CALLS, STANDARD, draft, proposal_id
from oracles.governance.trust import stated
from scripts import deploy
from scripts._deployment.plan import MINIMUM_AGE, Plan, PlanFault

FOR = 1
DAY = 86_400
Contracts = dict[str, ContractInstance]


def more(policy: Policy) -> Policy:
    """The policy and one more metric."""
    return policy.model_copy(update={"metrics": {**policy.metrics, "battery_percent": MetricRule()}})


def amending(plan: Plan, contracts: Contracts) -> list[Call]:
    """The calls that allow one more metric."""
    policy = deploy.first_policy(plan)
    calls = amendment(policy, more(policy), 2).calls
    return [Call(contracts["Charter"].address, call.data) for call in calls]


def decide(
    contracts: Contracts, chain: ChainManager, members: Sequence[AccountAPI], calls: list[Call], track: str
) -> Any:
    """Takes calls through the whole way; returns the receipt of the execution."""
    governor = contracts["Governor"]
    proposal = draft(calls, "why", track=track)
    chain.mine(deltatime=2)
    governor.propose(*proposal.arguments(), proposal.description, sender=members[0])
    identifier = proposal_id(proposal)
    chain.mine(timestamp=governor.proposalSnapshot(identifier) + 1)
    for member in members:
        governor.castVote(identifier, FOR, sender=member)
    chain.mine(timestamp=governor.proposalDeadline(identifier) + 1)
    hashed = (*proposal.arguments(), proposal.description_hash)
    governor.queue(*hashed, sender=members[0])
    chain.mine(timestamp=governor.proposalEta(identifier))
    return governor.execute(*hashed, sender=members[0])


@pytest.mark.feature("C9.2")
def test_a_vote_changes_the_charter(
    plan: Plan, contracts: Contracts, chain: ChainManager, members: Sequence[AccountAPI]
) -> None:
    charter = contracts["Charter"]
    assert charter.version() == 1
    decide(contracts, chain, members, amending(plan, contracts), CHARTER_AMENDMENT)
    assert charter.version() == 2
    metric = keccak(text="battery_percent")
    assert (charter.is_allowed_at(metric, 1), charter.is_allowed_at(metric, 2)) == (False, True)


@pytest.mark.feature("C9.2")
def test_parts_of_an_amendment_take_effect_in_their_order_only(
    plan: Plan, contracts: Contracts, chain: ChainManager, members: Sequence[AccountAPI]
) -> None:
    charter, before = contracts["Charter"], deploy.first_policy(plan)
    added = {f"metric_{number}": MetricRule() for number in range(9)}
    wide = before.model_copy(update={"metrics": {**before.metrics, **added}})
    first, second = (
        [Call(charter.address, call.data) for call in part]
        for part in amendment(before, wide, 2).parts(MAX_CALLS)
    )
    with reverts("drafts: another draft is open"):
        decide(contracts, chain, members, second, CHARTER_AMENDMENT)
    decide(contracts, chain, members, first, CHARTER_AMENDMENT)
    proposal = draft(second, "why", track=CHARTER_AMENDMENT)
    contracts["Governor"].execute(*proposal.arguments(), proposal.description_hash, sender=members[1])
    assert charter.version() == 2
    assert charter.is_allowed(keccak(text="metric_8"))


@pytest.mark.feature("C9.2")
def test_nothing_but_that_vote_does(
    plan: Plan, contracts: Contracts, accounts: Sequence[AccountAPI], members: Sequence[AccountAPI]
) -> None:
    charter, governor = contracts["Charter"], contracts["Governor"]
    for sender in (accounts[0], members[0]):
        with reverts():
            charter.allow_metric("battery_percent", "{}", sender=sender)
    proposal = draft(amending(plan, contracts), "why", track=STANDARD)
    with reverts():
        governor.propose(*proposal.arguments(), proposal.description, sender=members[0])
    for executor in ("StandardExecutor", "CharterExecutor"):
        with reverts():
            call = amending(plan, contracts)[0]
            operation = (call.to, 0, call.data, bytes(32), bytes(32))
            contracts[executor].schedule(*operation, 60, sender=accounts[0])


@pytest.mark.feature("C9.2")
def test_one_operation_replaces_an_executor(
    plan: Plan,
    contracts: Contracts,
    chain: ChainManager,
    project: ProjectManager,
    accounts: Sequence[AccountAPI],
    members: Sequence[AccountAPI],
) -> None:
    charter, governor, old = (contracts[name] for name in ("Charter", "Governor", "CharterExecutor"))
    role = [governor.address]
    new = accounts[0].deploy(project.Timelock, old.getMinDelay(), role, role, "0x" + "00" * 20)
    name, _, *settings = governor.track(CHARTER_AMENDMENT.encode().ljust(32, b"\0"))
    calls = [
        Call(governor.address, bytes(governor.setTrack.encode_input((name, new.address, *settings)))),
        Call(charter.address, bytes(charter.transfer_ownership.encode_input(new))),
    ]
    with reverts():
        decide(contracts, chain, members, calls, STANDARD)
    decide(contracts, chain, members, calls, CHARTER_AMENDMENT)
    assert (governor.track(name).executor, charter.owner()) == (new, new)
    decide(contracts, chain, members, amending(plan, contracts), CHARTER_AMENDMENT)
    assert charter.version() == 2


def test_a_vote_gives_a_budget_to_mint_and_only_that(
    contracts: Contracts, chain: ChainManager, accounts: Sequence[AccountAPI], members: Sequence[AccountAPI]
) -> None:
    token, minter = contracts["MeshToken"], members[2]
    supply, votes = token.totalSupply(), token.getVotes(members[1])
    for sender in (accounts[0], members[0]):
        with reverts():
            token.setMintBudget(minter, 5, sender=sender)
    call = Call(token.address, bytes(token.setMintBudget.encode_input(minter, 5)))
    with reverts():
        decide(contracts, chain, members, [call], CHARTER_AMENDMENT)
    decide(contracts, chain, members, [call], STANDARD)
    token.mint(members[1], 5, sender=minter)
    with reverts():
        token.mint(members[1], 1, sender=minter)
    assert (token.totalSupply(), token.getVotes(members[1])) == (supply + 5, votes + 5)


@pytest.fixture
def node(contracts: Contracts, members: Sequence[AccountAPI]) -> bytes:
    """A member's node with its bond."""
    token, nodes, operator = contracts["MeshToken"], contracts["NodeRegistry"], members[2]
    bond = nodes.minimum_bond()
    token.approve(nodes, bond, sender=operator)
    nodes.register(b"\x01" * 32, "http://node:1", bond, sender=operator)
    return keccak(encode(["address", "bytes32"], [operator.address, b"\x01" * 32]))


def test_a_signed_report_reaches_the_registry_and_costs_nothing(
    contracts: Contracts, chain: ChainManager, members: Sequence[AccountAPI], node: bytes
) -> None:
    committee, registry, nodes = (
        contracts[name] for name in ("OracleCommittee", "ViolationRegistry", "NodeRegistry")
    )
    seen = chain.blocks.head.number or 0
    metric = keccak(text="user_location")
    attempt = ReportedAttempt(node, 3, keccak(text="metric_not_allowed"), metric, 1, seen, 5, b"\xe1" * 32)
    payload = encode_payload(b"\x77" * 32, [attempt])
    report = Report(
        topic=topic_id("charter"),
        sequence=7,
        observed_block=seen,
        payload_hash=keccak(payload),
        config_digest=bytes(committee.config_digest()),
        deadline=int(chain.pending_timestamp) + 1_000,
    )
    domain = Domain(COMMITTEE_NAME, chain.chain_id, committee.address)
    fields = tuple(report.__dict__.values())

    stranger = AccountSigning(Account.from_key(keccak(text="stranger")))
    with reverts():
        forged = stranger.sign(report_message(domain, report))
        committee.submit(fields, payload, [forged], sender=members[0])
    oracle = AccountSigning(Account.from_key(members[0].private_key))
    before = nodes.node(node)
    receipt = committee.submit(
        fields, payload, [oracle.sign(report_message(domain, report))], sender=members[1]
    )
    [recorded] = registry.AttemptRecorded.from_receipt(receipt)
    assert (bytes(recorded.node), recorded.entry, recorded.count) == (node, 3, 5)
    assert bytes(recorded.metric) == metric
    assert registry.next_entry(node) == 4
    assert nodes.node(node) == before


def test_powers_times_and_seats_are_what_the_trust_document_and_the_plan_say(
    plan: Plan, contracts: Contracts, chain: ChainManager, first_block: int
) -> None:
    deploy.verify_powers(plan, chain.provider.web3, contracts, first_block)


def executed(chain: ChainManager, executor: ContractInstance, method: Any, *arguments: Any) -> None:
    """A call by an executor, without the vote."""
    chain.provider.make_request("anvil_impersonateAccount", [executor.address])
    chain.provider.set_balance(executor.address, 10**18)
    data = method.encode_input(*arguments).to_0x_hex()
    call = {"from": executor.address, "to": method.contract.address, "data": data}
    sent = chain.provider.make_request("eth_sendTransaction", [call])
    chain.provider.web3.eth.wait_for_transaction_receipt(sent)


@pytest.mark.parametrize("endpoints", [1, 2])
def test_the_command_reads_the_same_powers(
    contracts: Contracts, chain: ChainManager, first_block: int, tmp_path: Path, endpoints: int
) -> None:
    deployment = tmp_path / "deployment.json"
    deploy.write_deployment(deployment, chain.chain_id, first_block, contracts)
    url = chain.provider.http_uri
    options = ["--deployment", str(deployment), "--rpc", ",".join([url] * endpoints), "--format", "json"]
    document = Path(__file__).parents[3] / "docs" / "trust.md"
    result = CliRunner(mix_stderr=False).invoke(westworld, ["trust", "--document", str(document), *options])
    assert (result.exit_code, result.stderr) == (0, "")
    assert len(json.loads(result.stdout)["powers"]) == len(
        stated(document.read_text(encoding="utf-8")).powers
    )


def test_a_topic_is_open_once_everything_is_deployed(
    contracts: Contracts, chain: ChainManager, first_block: int
) -> None:
    """An oracle judges no block before that, where what it would read is not there yet."""

    async def ask() -> list[bool]:
        async with Rpc.connect([chain.provider.http_uri], chain.chain_id) as rpc:
            committee = OracleCommittee(rpc, contracts["OracleCommittee"].address)
            before, after = await rpc.block(first_block - 1), await rpc.latest()
            asked = [("charter", before), ("charter", after), ("no such topic", after)]
            return [await committee.is_open(topic_id(topic), at) for topic, at in asked]

    assert anyio.run(ask) == [False, True, False]


@pytest.mark.parametrize("contract", ["Charter", "MeshToken", "NodeRegistry"])
def test_a_power_that_was_not_handed_over_stops_the_deployment(
    plan: Plan,
    contracts: Contracts,
    chain: ChainManager,
    first_block: int,
    contract: str,
    accounts: Sequence[AccountAPI],
) -> None:
    executor = contracts["CharterExecutor" if contract == "Charter" else "StandardExecutor"]
    handing = "transferOwnership" if contract == "MeshToken" else "transfer_ownership"
    executed(chain, executor, getattr(contracts[contract], handing), accounts[0])
    with pytest.raises(click.ClickException, match=f"{contract}: owner is held by {accounts[0].address}"):
        deploy.verify_powers(plan, chain.provider.web3, contracts, first_block)


def test_a_minter_stops_the_deployment_while_its_budget_lasts(
    plan: Plan, contracts: Contracts, chain: ChainManager, first_block: int, accounts: Sequence[AccountAPI]
) -> None:
    token = contracts["MeshToken"]
    executed(chain, contracts["StandardExecutor"], token.setMintBudget, accounts[0], 5)
    with pytest.raises(click.ClickException, match=f"MeshToken: minters is held by {accounts[0].address}"):
        deploy.verify_powers(plan, chain.provider.web3, contracts, first_block)
    token.mint(accounts[0], 5, sender=accounts[0])
    deploy.verify_powers(plan, chain.provider.web3, contracts, first_block)


@pytest.mark.parametrize(
    ("contract", "seating"), [("OracleCommittee", "set_members"), ("ViolationRegistry", "set_auditors")]
)
def test_another_seat_than_the_plans_stops_the_deployment(
    plan: Plan,
    contracts: Contracts,
    chain: ChainManager,
    first_block: int,
    contract: str,
    seating: str,
    accounts: Sequence[AccountAPI],
) -> None:
    method = getattr(contracts[contract], seating)
    executed(chain, contracts["StandardExecutor"], method, [accounts[0]], 1)
    said = f"{contract}: 1 of {accounts[0].address} decide, the plan says 1 of "
    with pytest.raises(click.ClickException, match=said):
        deploy.verify_powers(plan, chain.provider.web3, contracts, first_block)


def test_a_consumer_of_another_topic_stops_the_deployment(
    plan: Plan, contracts: Contracts, chain: ChainManager, first_block: int, accounts: Sequence[AccountAPI]
) -> None:
    topic = keccak(text="weather")
    executed(chain, contracts["StandardExecutor"], contracts["OracleCommittee"].set_topic, topic, accounts[0])
    said = f"consumer of 0x{topic.hex()} is held by {accounts[0].address}"
    with pytest.raises(click.ClickException, match=said):
        deploy.verify_powers(plan, chain.provider.web3, contracts, first_block)


def test_a_vote_that_shortens_the_votes_on_the_charter_is_named(
    plan: Plan, contracts: Contracts, chain: ChainManager, members: Sequence[AccountAPI], first_block: int
) -> None:
    governor = contracts["Governor"]
    name = CHARTER_AMENDMENT.encode().ljust(32, b"\0")
    for period, promised in ((72 * 3_600 + 1, True), (72 * 3_600 - 1, False)):
        executor = contracts["CharterExecutor"].address
        track = (name, executor, name, 60, period, 0, 0, 0, 5, 100, False, True)
        call = Call(governor.address, bytes(governor.setTrack.encode_input(track)))
        decide(contracts, chain, members, [call], CHARTER_AMENDMENT)
        if promised:
            deploy.verify_powers(plan, chain.provider.web3, contracts, first_block)
        else:
            with pytest.raises(click.ClickException, match="voting period of charter_amendment is 259199 s"):
                deploy.verify_powers(plan, chain.provider.web3, contracts, first_block)


def _faster(plan: Plan, track: str, **changed: int) -> Plan:
    faster = getattr(plan.tracks, track).model_copy(update=changed)
    return plan.model_copy(update={"tracks": plan.tracks.model_copy(update={track: faster})})


@pytest.mark.parametrize(
    ("track", "changed", "said"),
    [
        ("standard", {"voting_delay": 59}, "Governor: voting delay of standard is 59 s"),
        ("standard", {"executor_delay": 0}, "StandardExecutor: minimum delay is 0 s"),
        ("charter_amendment", {"quorum_percent": 4}, "Governor: quorum of charter_amendment is 4 %"),
    ],
)
def test_a_plan_below_what_the_trust_document_promises_is_refused(
    plan: Plan, track: str, changed: dict[str, int], said: str
) -> None:
    deploy.check_promises(plan)
    with pytest.raises(PlanFault, match=f"{said}, the trust document says at least"):
        deploy.check_promises(_faster(plan, track, **changed))


@pytest.mark.parametrize(
    ("place", "said"),
    [("guardian", "Governor: guardian is held by"), ("co_signer", "Governor: co-signer is held by")],
)
def test_a_watch_that_the_trust_document_does_not_name_is_refused(
    plan: Plan, accounts: Sequence[AccountAPI], place: str, said: str
) -> None:
    watched = plan.model_copy(update={place: accounts[7].address})
    with pytest.raises(PlanFault, match=f"{said} {accounts[7].address}, the trust document says nobody"):
        deploy.check_promises(watched)


def test_a_track_that_is_co_signed_otherwise_is_refused(plan: Plan) -> None:
    with pytest.raises(PlanFault, match="co-signed tracks is held by charter_amendment, experiment_approval"):
        deploy.check_promises(_faster(plan, "restart", co_signed=False))


def test_a_vote_on_standard_administers_a_fast_tracks_executor(
    contracts: Contracts, chain: ChainManager, accounts: Sequence[AccountAPI], members: Sequence[AccountAPI]
) -> None:
    executor = contracts["RestartExecutor"]
    grant = executor.grantRole.encode_input(executor.CANCELLER_ROLE(), accounts[7])
    call = Call(executor.address, bytes(grant))
    for track in ("restart", CHARTER_AMENDMENT):
        with reverts():
            decide(contracts, chain, members, [call], track)
    decide(contracts, chain, members, [call], STANDARD)
    assert executor.hasRole(executor.CANCELLER_ROLE(), accounts[7])


def test_the_plans_least_age_is_the_contracts(contracts: Contracts) -> None:
    assert contracts["ViolationRegistry"].MINIMUM_AGE() == MINIMUM_AGE


def test_the_addresses_are_written_whole_or_not_at_all(
    contracts: Contracts, chain: ChainManager, first_block: int, tmp_path: Path
) -> None:
    from oracles.chain.deployment import Deployment

    output = tmp_path / "state" / "deployment.json"
    deploy.write_deployment(output, chain.chain_id, first_block, contracts)
    found = Deployment.load(output)
    assert {name: one.address for name, one in found.contracts.items()} == {
        name: one.address for name, one in contracts.items()
    }
    assert [path.name for path in output.parent.iterdir()] == ["deployment.json"]
