"""The nine steps of the story. Each does one thing with real parts, proves what came of it, and says so."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from decimal import Decimal

from eth_utils.crypto import keccak

from oracles.chain.block import Call
from oracles.chain.governor import ProposalState
from oracles.charter.amendment import amendment
from oracles.charter.chain_source import rebuild
from oracles.charter.charter_events import charter_event
from oracles.charter.policy import MetricRule, Policy
from scripts._story.members import Vote
from scripts._story.nodes import Node
from scripts._story.oracles import Oracle
from scripts._story.processes import StoryFault, free_port, wait_for
from scripts._story.wallets import TOKEN, new_account
from scripts._story.witness import Ledger, signers
from scripts._story.world import AMENDMENT_PERIOD, BOND, EXECUTOR_DELAY, HELD_BY_EACH, VOTING_DELAY, World

DAY = 86_400
NOT_ALLOWED = keccak(text="metric_not_allowed")
OVER_RATE = keccak(text="metric_over_collection_rate")
LOCATION = "55.755826"  # Moscow's latitude: what must never leave, under whichever name
RATE_SAMPLES = 30

Step = Callable[[World], str]


def hold(condition: bool, otherwise: str) -> None:
    """Raises StoryFault saying `otherwise` unless the condition holds."""
    if not condition:
        raise StoryFault(otherwise)


class NotHereFault(Exception):
    """A step that this machine cannot take, and what it lacks."""


def in_kernel_only(node: Node, what: str) -> None:
    """Raises NotHereFault unless the kernel enforces on this machine."""
    if not node.in_kernel:
        missing = "; ".join((node.status() or {"missing": []})["missing"])
        raise NotHereFault(f"enforcement cannot {what} on this machine: {missing}")


def deployment(world: World) -> str:
    """A devnet; every contract; the deployer's powers given up."""
    world.start_devnet()
    world.say(str(world.devnet))
    said = world.deploy()
    hold("verified" in (world.folder / "deploy.log").read_text(), "the powers were not verified")
    lag = world.devnet.finality_lag
    return f"{said.split(';')[0]}; powers read back equal docs/trust.md; final after {lag} blocks"


def publication(world: World) -> str:
    """The charter is on-chain, whole; five wallets hold votes."""
    policy = enacted_policy(world)
    hold(policy.metrics.keys() >= {"latency_p50", "packet_loss"}, "the charter lacks its metrics")
    token = world.chain.contract("MeshToken")
    for member in world.members:
        world.chain.send(member, token.functions.delegate(member.address))
    votes = [token.functions.getVotes(member.address).call() // TOKEN for member in world.members]
    hold(votes == [HELD_BY_EACH] * len(world.members), f"the wallets hold {votes}")
    return (
        f"version 1: {len(policy.metrics)} metrics, {len(policy.forbidden)} forbidden, "
        f"{len(policy.articles)} articles, rebuilt from events; {len(votes)} wallets with {votes[0]:,} votes"
    )


def daemons(world: World) -> str:
    """Three oracles and two agents start; both nodes post a bond."""
    world.open_telemetry()
    world.open_auditing()
    ports = (world.statsd.port, world.auditors_collector.port)
    for number, (operator, port) in enumerate(zip(world.operators, ports, strict=True), start=1):
        node = Node(f"node-{number}", world.folder, operator, port)
        world.nodes.append(node)
        node.settle(world.chain, BOND, world.common(f"{node.name}/state", node.port))
    world.keep_time()
    for node in world.nodes:
        node.start()
    world.oracles += [
        Oracle(f"oracle-{number}", world.folder, key, free_port())
        for number, key in enumerate(world.oracle_keys, start=1)
    ]
    peers = {oracle.key.address: oracle.url for oracle in world.oracles}
    for oracle in world.oracles:
        env = world.common(f"{oracle.name}/state", oracle.port)
        oracle.start(env | {"WESTWORLD_PEERS": json.dumps(peers)})
    for node in world.nodes:
        node.ready()
    for oracle in world.oracles:
        oracle.healthy()
    scopes = ", ".join((world.nodes[0].status() or {})["scopes"]) or "in user space only"
    return f"two nodes with {BOND:,} MESH each enforce ({scopes}); three oracles are healthy"


def enforcement(world: World) -> str:
    """What the charter allows arrives; a location does not, under its own name or another's."""
    statsd, node = world.statsd, world.nodes[0]
    with node.collector() as collector:
        hold(collector.uid != 0, "the collector runs as root")
        collector.gauge("latency_p50", 12.5)
        wait_for("latency_p50 to arrive", lambda: statsd.gauges().get("latency_p50") == 12.5)
        before = statsd.packets
        collector.gauge("user_location", 55.75)
        errors = [
            collector.plain(f"user_location:{LOCATION}|g"),
            collector.plain(f"latency_p50:{LOCATION}|g"),
        ]
        hold(errors == [node.refusal] * 2, f"the kernel answered a plain socket with {errors}")
        collector.gauge("packet_loss", 0.5)
        wait_for("packet_loss to arrive", lambda: statsd.gauges().get("packet_loss") == 0.5)
    arrived = statsd.packets - before
    hold(arrived == 1, f"{arrived} datagrams arrived where one was allowed")
    hold("user_location" not in statsd.gauges(), "the server has a user_location")
    hold(statsd.gauges()["latency_p50"] == 12.5, "the location arrived as latency_p50")
    refused = f"refused with {node.refusal}" if node.refusal else "swallowed by the relay"
    return f"2 allowed gauges arrived; 3 datagrams with a location, one as latency_p50: {refused}, 0 arrived"


def evidence(world: World) -> str:
    """The attempt is in the ledger, in Prometheus, on-chain by two signatures; it costs the node nothing."""
    node = world.nodes[0]

    def in_ledger() -> list[int]:
        return [
            index
            for index, entry in enumerate(node.entries())
            if entry["type"] == "attempt" and entry.get("metric") == "user_location"
        ]

    index = wait_for("the attempt in the ledger", in_ledger)[0]
    leaf = Ledger(world.chain, node).prove(index)
    violations = node.metric("charter_violations_total", kind="metric_not_allowed")
    denied = node.metric("metric_access_denied_total", metric="user_location")
    version = node.metric("charter_policy_version")
    hold(
        violations >= 2 and denied >= 2 and version == 1, f"Prometheus has {violations}, {denied}, {version}"
    )
    record = wait_for(
        "the attempt on-chain",
        lambda: [record for record in recorded(world, node) if record["evidence"] == leaf],
        alive=world.oracle_processes(),
    )[0]
    hold(record["kind"] == NOT_ALLOWED and record["entry"] == index, "the record is of another attempt")
    report = world.chain.logs("ViolationRegistry", "AttemptRecorded", evidence=leaf)[0]
    signed = signers(world.chain, report["transactionHash"])
    members = {key.address for key in world.oracle_keys}
    hold(len(set(signed)) >= 2 and set(signed) <= members, f"signed by {signed}")
    bond = bond_of(world, node)
    hold(bond == BOND * TOKEN, f"the honest node's bond is {bond}")
    return (
        f"entry {index} proved included; counters {violations:.0f}/{denied:.0f}/v{version:.0f}; "
        f"{len(signed)} oracles signed; bond still {BOND:,} MESH"
    )


def penalty(world: World) -> str:
    """A node without its agent emits; an auditor shows it; the committee confirms; the bond pays."""
    node, auditors = world.nodes[1], world.auditing
    node.switch_off("the operator", "does not want to be watched")
    with node.collector() as collector:
        collector.plain(f"user_location:{LOCATION}|g")
    datagram = world.auditors_collector.receive()
    hold(datagram.startswith(b"user_location"), f"the auditor received {datagram!r}")

    payee = new_account()
    case = auditors.report(node, "user_location", datagram, payee.address)
    auditors.open_evidence(datagram)
    auditors.confirm(case)
    applied = world.chain.events("ViolationRegistry", "PenaltyApplied", case=case)[0]
    world.chain.send(world.relayer, world.chain.contract("ViolationRegistry").functions.claim(payee.address))
    paid = world.chain.contract("MeshToken").functions.balanceOf(payee.address).call()
    lost = BOND * TOKEN - bond_of(world, node)
    hold(applied["penalty"] == 2, f"the penalty is {applied['penalty']}, not node_suspended_24h")
    hold(0 < paid < lost and paid == applied["bounty"], f"bounty {paid} of a fine of {lost}")
    hold(world.chain.web3.eth.get_transaction_count(payee.address) == 0, "the reporter's address was used")
    mail, slack = world.notices(case)

    node.start()
    node.until("to obey its suspension", suspended=True, charter_version=1)
    with node.collector() as collector:
        silenced = collector.plain("latency_p50:12.5|g")
        hold(silenced == node.refusal and world.auditors_collector.silent(), "the suspended node still talks")
        world.devnet.warp(DAY + 1)
        node.until("to be released", suspended=False)
        hold(collector.plain("latency_p50:12.5|g") is None, "the released node cannot talk")
    world.auditors_collector.receive()
    return (
        f"case {case}: node_suspended_24h, fine {lost // TOKEN} MESH, {paid // TOKEN} of it to an address "
        f"that sent nothing; {mail} mail, {slack} Slack notices; silent until its day was over"
    )


def amendment_by_vote(world: World) -> str:
    """Wallets vote to allow battery_percent at 1 Hz; the running agent follows."""
    node, statsd, chain = world.nodes[0], world.statsd, world.chain
    old = enacted_policy(world)
    rule = MetricRule(group="node", maximum=Decimal(100), decimals=0, rate_hz=Decimal(1))
    changed = amendment(old, old.model_copy(update={"metrics": {**old.metrics, "battery_percent": rule}}), 2)
    charter = chain.deployment.address("Charter")
    calls = [Call(charter, call.data) for call in changed.calls]
    vote = Vote(chain, world.members[0], calls, "Allow battery_percent at 1 Hz")
    with node.collector() as collector:
        hold(
            collector.plain("battery_percent:80|g") == node.refusal,
            "battery_percent was allowed before the vote",
        )
        world.devnet.warp(VOTING_DELAY + 1)
        vote.expect(ProposalState.ACTIVE)
        in_favour = vote.cast(world.members, world.relayer) // TOKEN
        world.devnet.warp(AMENDMENT_PERIOD + 1)
        vote.expect(ProposalState.SUCCEEDED)
        vote.queue(world.relayer)
        world.devnet.warp(EXECUTOR_DELAY + 1)
        vote.execute(world.relayer)
        vote.expect(ProposalState.EXECUTED)
        node.until("to follow the vote", charter_version=2, charter_final=True)
        collector.pace("battery_percent", 80, hz=1, count=2)
        wait_for("battery_percent to arrive", lambda: statsd.gauges().get("battery_percent") == 80)
        before = statsd.packets
        collector.pace("battery_percent", 81, hz=20, count=RATE_SAMPLES)
        wait_for(
            "the excess in the ledger",
            lambda: [
                entry
                for entry in node.entries()
                if entry["type"] == "attempt" and entry["kind"] == "metric_over_collection_rate"
            ],
        )
        passed = statsd.packets - before
    hold(0 < passed < RATE_SAMPLES / 4, f"{passed} of {RATE_SAMPLES} samples at 20 Hz passed a limit of 1 Hz")
    counted = wait_for(
        "every sample counted",
        lambda: node.metric("metric_access_denied_total", metric="battery_percent", reason="rate"),
    )
    return (
        f"{in_favour:,} votes by signature; version 2 in the kernel; 1 Hz arrives, "
        f"at 20 Hz {passed} of {RATE_SAMPLES} pass and {counted:.0f} or more are metric_over_collection_rate"
    )


def survival(world: World) -> str:
    """The agent dies by SIGKILL: the kernel goes on; restarted, the ledger is whole."""
    node, statsd = world.nodes[0], world.statsd
    in_kernel_only(node, "survive its agent")
    witness = Ledger(world.chain, node)
    before = witness.checkpoint()
    packets = statsd.packets
    with node.collector() as collector:
        node.kill()
        errors = Counter(collector.plain(f"user_location:{LOCATION}|g") for _ in range(50))
        node.start()
        while (status := node.status()) is None or status["state"] != "enforcing":
            errors[collector.plain(f"user_location:{LOCATION}|g")] += 1
            hold(node.running(), "the agent did not come back")
        hold(set(errors) == {node.refusal}, f"while the agent was away the kernel answered {dict(errors)}")
        hold(bool(status["adopted"]), "the agent did not adopt the running enforcement")
        collector.gauge("latency_p99", 31.5)
        wait_for("latency_p99 to arrive", lambda: statsd.gauges().get("latency_p99") == 31.5)
    arrived = statsd.packets - packets
    hold(arrived == 1, f"{arrived} datagrams arrived where one was allowed")
    after = witness.continues(before)
    return (
        f"{errors.total()} forbidden sends around a SIGKILL: all EPERM, none arrived; programs adopted; "
        f"ledger of {after.size} entries continues that of {before.size}"
    )


def committee(world: World) -> str:
    """One oracle dies: reports go on. It comes back: it catches up, and nothing is there twice."""
    node, lost = world.nodes[0], world.oracles[0]
    lost.kill()
    with node.collector() as collector:
        hold(collector.plain("device_mac:1|g") == node.refusal, "device_mac got out")
    device_mac = keccak(text="device_mac")
    wait_for(
        "a report by two of three",
        lambda: [record for record in recorded(world, node) if record["metric"] == device_mac],
        alive=[oracle for oracle in world.oracle_processes() if oracle is not lost.process],
    )
    lost.restart()
    lost.healthy()
    with node.collector() as collector:
        hold(collector.plain("payment_data:1|g") == node.refusal, "payment_data got out")
    payment = keccak(text="payment_data")
    report = wait_for(
        "a report after the return",
        lambda: world.chain.logs("ViolationRegistry", "AttemptRecorded", metric=payment),
        alive=world.oracle_processes(),
    )[0]
    signed = signers(world.chain, report["transactionHash"])
    twice = [
        key
        for key, count in Counter((r["node"], r["entry"]) for r in recorded(world, node)).items()
        if count > 1
    ]
    accepted = world.chain.events("OracleCommittee", "ReportAccepted")
    sequences = [report["sequence"] for report in accepted]
    hold(not twice and len(set(sequences)) == len(sequences), f"recorded twice: {twice}, {sequences}")
    return (
        f"2 of 3 reported without it; back again; {len(accepted)} reports, {len(set(sequences))} sequences, "
        f"no attempt twice; the newest has {len(signed)} signatures"
    )


STORY: tuple[tuple[str, Step], ...] = (
    ("A devnet, and every contract on it", deployment),
    ("The charter is published", publication),
    ("Oracles and agents start", daemons),
    ("The kernel obeys the charter", enforcement),
    ("The chain knows what was tried", evidence),
    ("A violation costs the violator", penalty),
    ("A vote reaches the kernel", amendment_by_vote),
    ("The agent is killed", survival),
    ("An oracle is killed", committee),
)


def enacted_policy(world: World) -> Policy:
    """The policy in force, rebuilt from the Charter's events alone; raises StoryFault if its hash differs."""
    logs = world.chain.all_logs("Charter")
    events = (charter_event(log["event"], log["args"], log["blockNumber"]) for log in logs)
    found = rebuild(event for event in events if event is not None)
    if found is None or not found.faithful:
        raise StoryFault("the policy rebuilt from the Charter's events is not the one that was enacted")
    return found.policy


def recorded(world: World, node: Node) -> list[dict[str, object]]:
    """The attempts of a node that are on-chain."""
    return world.chain.events("ViolationRegistry", "AttemptRecorded", node=bytes.fromhex(node.id[2:]))


def bond_of(world: World, node: Node) -> int:
    """A node's bond in the token's smallest unit."""
    return int(world.chain.contract("NodeRegistry").functions.bond(bytes.fromhex(node.id[2:])).call())
