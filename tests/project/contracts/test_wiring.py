"""The contracts as they are deployed together: a vote changes the charter, reports reach the registry."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import pytest
from ape import reverts
from ape.api import AccountAPI
from ape.contracts import ContractInstance
from ape.managers.chain import ChainManager
from click.testing import CliRunner
from eth_abi import encode
from eth_account import Account
from eth_utils.crypto import keccak

from oracles.chain.block import Call
from oracles.chain.typed import COMMITTEE_NAME, Domain
from oracles.charter.amendment import amendment
from oracles.charter.policy import MetricRule, Policy
from oracles.charter.report import ReportedAttempt, encode_payload
from oracles.cli.main import westworld
from oracles.committee.report import AccountSigning, Report, report_message
from oracles.committee.topic import topic_id
from oracles.governance.proposal import CHARTER_AMENDMENT, STANDARD, draft, proposal_id
from oracles.governance.trust import stated
from scripts import deploy
from scripts._deployment.plan import Plan

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


def test_the_powers_are_where_the_trust_document_has_them(
    contracts: Contracts, chain: ChainManager, first_block: int
) -> None:
    deploy.verify_powers(chain.provider.web3, contracts, first_block)


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
    assert len(json.loads(result.stdout)["powers"]) == len(stated(document.read_text(encoding="utf-8")))


@pytest.mark.parametrize("contract", ["Charter", "NodeRegistry"])
def test_a_power_that_was_not_handed_over_stops_the_deployment(
    contracts: Contracts, chain: ChainManager, first_block: int, contract: str, accounts: Sequence[AccountAPI]
) -> None:
    executor = contracts["CharterExecutor" if contract == "Charter" else "StandardExecutor"]
    provider = chain.provider
    provider.make_request("anvil_impersonateAccount", [executor.address])
    provider.set_balance(executor.address, 10**18)
    data = contracts[contract].transfer_ownership.encode_input(accounts[0])
    provider.make_request(
        "eth_sendTransaction",
        [{"from": executor.address, "to": contracts[contract].address, "data": data.to_0x_hex()}],
    )
    with pytest.raises(click.ClickException, match=f"{contract}: owner is held by {accounts[0].address}"):
        deploy.verify_powers(chain.provider.web3, contracts, first_block)


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
