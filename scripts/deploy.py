"""Deploys every contract, publishes the first charter, and gives up the deployer's powers.

    ape run deploy --plan deploy/environments/development/plan.yaml --output .westworld/deployment.json

The addresses are written only after powers, times and seats were read back from the chain and agree with
`docs/trust.md` and the plan: daemons never see a deployment whose keys lie elsewhere.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from ape import project
from ape.api import AccountAPI, ProviderAPI, TestAccountAPI
from ape.cli import ConnectedProviderCommand, account_option, network_option
from ape.contracts import ContractInstance
from ruamel.yaml import YAML
from web3 import Web3

from oracles.chain.contract import load_abi
from oracles.charter.amendment import amendment
from oracles.charter.document import load_policy
from oracles.charter.policy import Policy
from oracles.governance import trust
from scripts._deployment.contracts import governor as whole_governor
from scripts._deployment.plan import Plan, PlanFault, Track

UNIT = 10**18
NOBODY = "0x" + "00" * 20
PINNED = ("emergency_access", "restart")  # tracks that are fast: each of their calls is named one by one
SELF_ADMINISTERED = ("standard", "charter_amendment")  # `standard` administers the others
CHARTER_TOPIC = "charter"
EVERY_CALL = bytes(4)  # reserves a target as a whole


@click.command(cls=ConnectedProviderCommand)
@network_option()
@account_option()
@click.option(
    "--plan", "plan_file", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True
)
@click.option(
    "--output", type=click.Path(path_type=Path), required=True, help="Where daemons read the addresses."
)
def cli(network: Any, provider: ProviderAPI, account: AccountAPI, plan_file: Path, output: Path) -> None:
    """Deploy every contract as PLAN says, verify the powers, write the addresses to OUTPUT.

    \b
    Examples:
      APE_FOUNDRY_HOST=http://127.0.0.1:8545 \\
        ape run deploy --network ethereum:local:foundry --account TEST::0 \\
        --plan deploy/environments/development/plan.yaml --output .westworld/deployment.json
    """  # noqa: D301
    try:
        plan = Plan.load(plan_file)
        plan.check_deployer(account.address)
        check_promises(plan)
    except PlanFault as fault:
        raise click.ClickException(str(fault)) from None
    if not isinstance(account, TestAccountAPI):
        account.set_autosign(True)  # one password for the whole deployment
    first_block = provider.get_block("latest").number + 1

    contracts = deploy(plan, account)
    publish_charter(plan, contracts["Charter"], account)
    seat(plan, contracts, account)
    share_out(plan, contracts, account)
    hand_over(contracts, account)
    verify_powers(plan, provider.web3, contracts, first_block)
    write_deployment(output, provider.chain_id, first_block, contracts)
    click.echo(f"Deployed {len(contracts)} contracts; addresses are in {output}.")


def promise() -> trust.Trust:
    """What the trust document promises of every deployment."""
    return trust.stated((project.path / "docs" / "trust.md").read_text(encoding="utf-8"))


def check_promises(plan: Plan) -> None:
    """Raises PlanFault for a time, a quorum or a watch that is not as the trust document promises."""
    planned = set()
    for name, track in plan.tracks.named().items():
        planned |= {
            trust.Measure("Governor", f"voting delay of {name}", track.voting_delay),
            trust.Measure("Governor", f"voting period of {name}", track.voting_period),
            trust.Measure("Governor", f"lookback of {name}", track.lookback),
            trust.Measure("Governor", f"quorum of {name}", track.quorum_percent),
            trust.Measure(trust.EXECUTOR_OF[name], "minimum delay", track.executor_delay),
        }
    co_signed = tuple(sorted(name for name, track in plan.tracks.named().items() if track.co_signed))
    watch = {
        trust.Power("Governor", "guardian", (plan.guardian,) if plan.guardian else ()),
        trust.Power("Governor", "co-signer", (plan.co_signer,) if plan.co_signer else ()),
        trust.Power("Governor", "co-signed tracks", co_signed),
    }
    names = {power.name for power in watch}
    promised = promise()
    stated = {power for power in promised.powers if power.contract == "Governor" and power.name in names}
    if wrong := [
        *trust.shortfalls(promised.measures, frozenset(planned)),
        *trust.other_holders(frozenset(stated), frozenset(watch)),
    ]:
        raise PlanFault("the plan is not what docs/trust.md promises:\n" + "\n".join(wrong))


def deploy(plan: Plan, account: AccountAPI) -> dict[str, ContractInstance]:
    """Deploys the contracts in the order of their dependence, by name."""

    def new(name: str, *arguments: object) -> ContractInstance:
        click.echo(f"deploying {name}")
        return account.deploy(getattr(project, name), *arguments)

    executors = {
        trust.EXECUTOR_OF[name]: new("Timelock", track.executor_delay, [], [], account.address)
        for name, track in plan.tracks.named().items()
    }
    # The token's owner can give budgets to mint: it is never the deployer.
    token = new(
        "MeshToken",
        plan.token.name,
        plan.token.symbol,
        plan.token.supply * UNIT,
        account.address,
        executors["StandardExecutor"],
    )
    charter = new("Charter", plan.charter.grace_blocks)
    rules = new("GovernorRules", token)
    click.echo("deploying Governor")
    arguments = governor_arguments(plan, token, rules, executors, charter)
    governor = account.deploy(whole_governor(project), *arguments)
    nodes = new(
        "NodeRegistry",
        token,
        executors["StandardExecutor"],
        plan.nodes.minimum_bond * UNIT,
        plan.nodes.unbonding_period,
    )
    committee = new("OracleCommittee", sorted(plan.oracles.members, key=str.lower), plan.oracles.threshold)
    violations = new(
        "ViolationRegistry",
        charter,
        nodes,
        committee,
        plan.violations.recent_blocks,
        plan.violations.review_period,
        NOBODY,
    )
    return {
        "MeshToken": token,
        **executors,
        "GovernorRules": rules,
        "Governor": governor,
        "Charter": charter,
        "NodeRegistry": nodes,
        "OracleCommittee": committee,
        "ViolationRegistry": violations,
    }


def governor_arguments(
    plan: Plan,
    token: ContractInstance,
    rules: ContractInstance,
    executors: dict[str, ContractInstance],
    charter: ContractInstance,
) -> tuple[object, ...]:
    """The Governor's birth: its tracks, what the charter's track reserves, and who watches over proposals."""

    def track(name: str, described: Track) -> dict[str, object]:
        return {
            "name": _word(name),
            "executor": executors[trust.EXECUTOR_OF[name]].address,
            "administrator": _word(name if name in SELF_ADMINISTERED else "standard"),
            "votingDelay": described.voting_delay,
            "votingPeriod": described.voting_period,
            "lookback": described.lookback,
            "lateQuorumVoteExtension": described.late_quorum_extension,
            "proposalThreshold": described.proposal_threshold * UNIT,
            "quorumNumerator": described.quorum_percent,
            "superQuorumNumerator": described.super_quorum_percent,
            "pinned": name in PINNED,
            "coSigned": described.co_signed,
        }

    tracks = [track(name, described) for name, described in plan.tracks.named().items()]
    # Naming an executor reserves it, too.
    reserved = [{"target": charter.address, "selector": EVERY_CALL, "track": _word("charter_amendment")}]
    watch = (plan.guardian or NOBODY, plan.co_signer or NOBODY)
    return "Westworld Governor", token, rules, tracks, reserved, *watch, plan.stores_proposals


def _word(name: str) -> bytes:
    """A short name as a bytes32, filled up with zeros."""
    return name.encode().ljust(32, b"\0")


def first_policy(plan: Plan) -> Policy:
    """The policy of the charter's version 1, with the constitution's articles."""
    constitution = YAML(typ="safe", pure=True).load(plan.charter.constitution.read_text(encoding="utf-8"))
    drafted = load_policy(plan.charter.policy)
    return Policy.from_canonical({**drafted.to_canonical(), "articles": constitution["articles"]})


def publish_charter(plan: Plan, charter: ContractInstance, account: AccountAPI) -> None:
    """Writes and enacts version 1: the policy's metrics and the constitution's articles."""
    policy = first_policy(plan)
    first = amendment(Policy(version="0"), policy, 1)
    click.echo(f"publishing the charter: {len(first.calls)} calls, policy hash 0x{policy.hash.hex()}")
    for call in first.calls:
        getattr(charter, call.function)(*call.args, sender=account)


def seat(plan: Plan, contracts: dict[str, ContractInstance], account: AccountAPI) -> None:
    """Connects the registries and seats the auditors."""
    violations = contracts["ViolationRegistry"]
    contracts["NodeRegistry"].set_arbiter(violations, sender=account)
    topic = project.provider.web3.keccak(text=CHARTER_TOPIC)
    contracts["OracleCommittee"].set_topic(topic, violations, sender=account)
    violations.set_auditors(plan.auditors.members, plan.auditors.threshold, sender=account)


def share_out(plan: Plan, contracts: dict[str, ContractInstance], account: AccountAPI) -> None:
    """Gives the holders their tokens and the treasury the rest."""
    token = contracts["MeshToken"]
    for holder, amount in plan.token.holders.items():
        token.transfer(holder, amount * UNIT, sender=account)
    rest = token.balanceOf(account)
    if rest:
        token.transfer(contracts["StandardExecutor"], rest, sender=account)


def hand_over(contracts: dict[str, ContractInstance], account: AccountAPI) -> None:
    """Gives every power to the contract that is to hold it; the deployer keeps none."""
    governor = contracts["Governor"]
    for name in trust.EXECUTORS:
        executor = contracts[name]
        for role in ("PROPOSER_ROLE", "CANCELLER_ROLE", "EXECUTOR_ROLE"):
            executor.grantRole(getattr(executor, role)(), governor, sender=account)
        # Who administers a track administers its executor, or nobody could when a fast track cannot.
        if trust.TRACK_OF[name] not in SELF_ADMINISTERED:
            executor.grantRole(executor.DEFAULT_ADMIN_ROLE(), contracts["StandardExecutor"], sender=account)
        executor.renounceRole(executor.DEFAULT_ADMIN_ROLE(), account, sender=account)
    contracts["Charter"].transfer_ownership(contracts["CharterExecutor"], sender=account)
    for name in ("NodeRegistry", "OracleCommittee", "ViolationRegistry"):
        contracts[name].transfer_ownership(contracts["StandardExecutor"], sender=account)


def verify_powers(plan: Plan, web3: Web3, contracts: dict[str, ContractInstance], first_block: int) -> None:
    """Reads powers, times and seats back; stops where they differ from the trust document or the plan."""
    seats = {
        trust.Seats(contract, tuple(sorted(planned.members, key=str.lower)), planned.threshold)
        for contract, planned in (("OracleCommittee", plan.oracles), ("ViolationRegistry", plan.auditors))
    }
    promised = replace(promise(), seats=frozenset(seats))
    addresses = {name: contract.address for name, contract in contracts.items()}
    abis = {name: load_abi(trust.ABI_OF.get(name, name)).entries for name in contracts}
    wrong = trust.differences(promised, trust.deployed(web3, addresses, abis, first_block))
    if wrong:
        raise click.ClickException("the powers are not where docs/trust.md has them:\n" + "\n".join(wrong))
    click.echo(
        f"verified {len(promised.powers)} powers, {len(promised.measures)} times and quorums against "
        f"docs/trust.md, {len(promised.seats)} bodies' seats against the plan"
    )


def write_deployment(
    output: Path, chain_id: int, first_block: int, contracts: dict[str, ContractInstance]
) -> None:
    """Puts the addresses where daemons read them, whole or not at all."""
    own = {"Charter", "NodeRegistry", "OracleCommittee", "ViolationRegistry"}
    deployment = {
        "chain_id": chain_id,
        "deployed_block": first_block,
        "contracts": {
            name: {
                "address": contract.address,
                "api_version": contract.API_VERSION() if name in own else "1",
            }
            for name, contract in contracts.items()
        },
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    draft = output.with_suffix(".new")
    draft.write_text(json.dumps(deployment, indent=2) + "\n", encoding="utf-8")
    draft.replace(output)
