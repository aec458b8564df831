"""The nine steps of the story. Each does one thing with real parts, proves what came of it, and says so."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from itertools import cycle

from eth_utils.crypto import keccak
from web3.types import EventData

from oracles.chain.block import Call
from oracles.chain.governor import ProposalState
from oracles.charter.amendment import amendment
from oracles.charter.chain_source import rebuild
from oracles.charter.charter_events import charter_event
from oracles.charter.policy import MetricRule, Policy
from scripts._story.dashboards import expressions
from scripts._story.members import Vote
from scripts._story.nodes import Node
from scripts._story.oracles import Oracle
from scripts._story.processes import PATIENCE, StoryFault, wait_for
from scripts._story.wallets import TOKEN, new_account
from scripts._story.witness import Ledger, signers
from scripts._story.world import AMENDMENT_PERIOD, BOND, EXECUTOR_DELAY, HELD_BY_EACH, VOTING_DELAY, World

DAY = 86_400
NOT_ALLOWED = keccak(text="metric_not_allowed")
OVER_RATE = keccak(text="metric_over_collection_rate")
LOCATION = "55.755826"  # Moscow's latitude: what must never leave, under whichever name
RATE_SAMPLES = 30
ON_THE_DASHBOARD = ("charter_violations_total", "metric_access_denied_total", "charter_policy_version")
OPERATOR, NO_AGENT = "the operator", "does not want to be watched"

Step = Callable[[World], str]


def hold(condition: bool, otherwise: str) -> None:
    """Raises StoryFault saying `otherwise` unless the condition holds."""
    if not condition:
        raise StoryFault(otherwise)


class NotHereFault(Exception):
    """What held of a step that this machine cannot take as a whole, and what it lacks."""

    def __init__(self, told: str, lacking: str) -> None:
        super().__init__(f"{told}; NOT HERE: {lacking}" if told else f"NOT HERE: {lacking}")


def in_kernel_only(node: Node, what: str, told: str = "") -> None:
    """Raises NotHereFault unless the kernel enforces on this machine; `told` is what held without it."""
    if not node.in_kernel:
        missing = "; ".join((node.status() or {"missing": []})["missing"])
        raise NotHereFault(told, f"{what} ({missing})")


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
    ports = (world.statsd.port, world.auditors_collector.port)
    for number, (operator, port) in enumerate(zip(world.operators, ports, strict=True), start=1):
        node = world.add_node(f"node-{number}", operator, port)
        node.settle(world.chain, BOND, world.common(f"{node.name}/state", node.port))
    world.keep_time()
    world.open_dashboard()
    for node in world.nodes:
        node.start()
    for number, key in enumerate(world.oracle_keys, start=1):
        world.add_oracle(f"oracle-{number}", key)
    peers = {oracle.key.address: oracle.url for oracle in world.oracles}
    for oracle in world.oracles:
        env = world.common(f"{oracle.name}/state", oracle.port)
        oracle.start(env | {"WESTWORLD_PEERS": json.dumps(peers)})
    world.open_auditing()
    for node in world.nodes:
        node.ready()
    for oracle in world.oracles:
        oracle.healthy()
    if world.prometheus is not None:
        # An increase is seen only from a number that was there.
        world.prometheus.knows('metric_access_denied_total{metric="user_location"}', len(world.nodes))
    scopes = ", ".join((world.nodes[0].status() or {})["scopes"])
    obeying = f"enforce ({scopes})" if scopes else "limit in user space only"
    return f"two nodes with {BOND:,} MESH each {obeying}; three oracles are healthy"


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
    told = f"2 allowed gauges arrived; 3 datagrams with a location, one as latency_p50: {refused}, 0 arrived"
    in_kernel_only(node, "a kernel that stops who sends past the relay", told)
    return told


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
    # The first of a kind is counted at once, what follows it with the next sweep of the kernel's counters.
    violations = node.counts("charter_violations_total", 2, kind="metric_not_allowed")
    denied = node.counts("metric_access_denied_total", 2, metric="user_location")
    version = node.metric("charter_policy_version")
    hold(version == 1, f"Prometheus has version {version}")
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
    told = (
        f"ledger entry {index} proved included; Prometheus has {violations:.0f} violations, "
        f"{denied:.0f} refusals, charter version {version:.0f}; "
        f"{len(signed)} oracles signed; bond still {BOND:,} MESH"
    )
    if world.prometheus is None:
        raise NotHereFault(told, "a dashboard's Prometheus (Debian: apt-get install prometheus)")
    labels = {"kind": "metric_not_allowed", "metric": "user_location", "reason": "forbidden"}
    asked = [expression for metric in ON_THE_DASHBOARD for expression in expressions(metric)]
    for expression in asked:
        world.prometheus.shows(expression, labels)
    return f"{told}; {len(asked)} of the dashboard's queries show it"


def penalty(world: World) -> str:
    """A node without its agent emits; an auditor shows it; the committee confirms; the bond pays."""
    node, auditors = world.nodes[1], world.auditing
    node.switch_off(OPERATOR, NO_AGENT)
    with node.unheld_collector() as collector:
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
    kept_back = suspension(world, node)
    told = (
        f"case {case}: node_suspended_24h, fine {lost // TOKEN} MESH, {paid // TOKEN} of it to an address "
        f"that sent nothing; {mail} mail, {slack} Slack notices; "
        f"{kept_back} sends kept back until its day was over"
    )
    in_kernel_only(node, "an override in the ledger: there was no kernel enforcement to end", told)
    overrides = [entry for entry in node.entries() if entry["type"] == "override"]
    logged = [(entry["who"], entry["what"], entry["why"]) for entry in overrides]
    hold(logged == [(OPERATOR, "enforcement ended", NO_AGENT)], f"the ledger has the overrides {logged}")
    return f"{told}; the ledger says who switched it off, and why"


def suspension(world: World, node: Node) -> int:
    """A suspended node's agent starts, and nothing gets out until its day is over; how much it kept back."""
    receiver, allowed = world.auditors_collector, "latency_p50:12.5|g"
    with node.collector() as collector:
        with collector.stream([allowed]) as runs:
            node.start()
            node.until("to obey its suspension", suspended=True, charter_version=1)
            wait_for(
                "sends refused as suspended",
                lambda: node.metric("metric_access_denied_total", reason="suspended"),
            )
        # Before the agent has attached its filter nothing holds a collector in the cgroup.
        unheld = runs.pop(0)[1] if node.in_kernel and runs[0][0] is None else 0
        if node.in_kernel:
            answers = {error for error, _ in runs}
            hold(answers == {node.refusal}, f"the starting agent's kernel answered {runs}")
        arrived = receiver.drain()
        hold(
            arrived <= unheld,
            f"{arrived} datagrams arrived of a node that its agent held, and {unheld} before",
        )
        hold(collector.plain(allowed) == node.refusal, "the suspended node still talks")
        world.devnet.warp(DAY + 1)
        node.until("to be released", suspended=False)
        hold(collector.plain(allowed) is None, "the released node cannot talk")
    heard = receiver.receive()
    hold(heard == allowed.encode(), f"the released node was heard saying {heard!r}")
    hold(receiver.drain() == 0, "the suspended node was heard, too")
    return sum(count for _, count in runs) + 1


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
        refusal = collector.plain("battery_percent:80|g")
        hold(refusal == node.refusal, "battery_percent was allowed before the vote")
        world.devnet.warp(VOTING_DELAY + 1)
        vote.expect(ProposalState.ACTIVE)
        in_favour = vote.cast(world.members, world.relayer) // TOKEN
        world.devnet.warp(AMENDMENT_PERIOD + 1)
        vote.expect(ProposalState.SUCCEEDED)
        hold("battery_percent" not in statsd.gauges(), "battery_percent arrived before it was allowed")
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
    in_kernel_only(node, "enforcement that survives its agent")
    witness = Ledger(world.chain, node)
    packets, stopped = statsd.packets, tried(node, "user_location")
    with node.collector() as collector:
        with collector.stream([f"user_location:{LOCATION}|g"]) as runs:
            wait_for("the ledger to be written to", lambda: tried(node, "user_location") > stopped)
            before = witness.checkpoint()
            node.kill()
            node.start()
            status = node.until("to enforce again", state="enforcing")
        sent = sum(count for _, count in runs)
        hold({error for error, _ in runs} == {node.refusal}, f"around its death the kernel answered {runs}")
        hold(bool(status["adopted"]), "the agent did not adopt the running enforcement")
        # Those of the moment of its death may be told twice, none may be missing.
        wait_for("every attempt in the ledger", lambda: tried(node, "user_location") >= stopped + sent)
        collector.gauge("latency_p99", 31.5)
        wait_for("latency_p99 to arrive", lambda: statsd.gauges().get("latency_p99") == 31.5)
    arrived = statsd.packets - packets
    hold(arrived == 1, f"{arrived} datagrams arrived where one was allowed")
    after = witness.continues(before)
    return (
        f"{sent} forbidden sends around a SIGKILL: all EPERM, none arrived, none missing in the ledger; "
        f"programs adopted; ledger of {after.size} entries continues that of {before.size}"
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
    waited = reports_until_signed(world, node, lost)
    attempts = world.chain.events("ViolationRegistry", "AttemptRecorded")
    entries = Counter((attempt["node"], attempt["entry"]) for attempt in attempts)
    sequences = Counter(r["sequence"] for r in world.chain.events("OracleCommittee", "ReportAccepted"))
    twice = [key for key, count in (entries + sequences).items() if count > 1]
    hold(not twice, f"on-chain twice: {twice}")
    return (
        f"2 of 3 reported without it; back again, it signed report {waited} of those that followed; "
        f"{sequences.total()} reports, {entries.total()} attempts, none twice"
    )


def next_report(world: World, metric: str) -> EventData:
    """Waits for one more record of a metric's attempts than there is now."""
    known = len(reports_of(world, metric))
    return wait_for(
        f"a report of {metric}",
        lambda: reports_of(world, metric)[known:],
        alive=world.oracle_processes(),
    )[0]


def reports_until_signed(world: World, node: Node, oracle: Oracle) -> int:
    """Tries forbidden metrics, each once the last is on-chain, until the oracle signs a report; how many.

    An oracle can sign only what it computed for itself from the chain's newest state.
    """
    deadline = time.monotonic() + PATIENCE
    with node.collector() as collector:
        for number, name in enumerate(cycle(sorted(enacted_policy(world).forbidden)), start=1):
            hold(time.monotonic() < deadline, f"{oracle.name} signed none of {number} reports")
            hold(collector.plain(f"{name}:1|g") == node.refusal, f"{name} got out")
            report = next_report(world, name)
            if oracle.key.address in signers(world.chain, report["transactionHash"]):
                return number
    raise StoryFault("the charter forbids nothing by name")


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


def reports_of(world: World, metric: str) -> list[EventData]:
    """The records of a metric's attempts, of every node."""
    return world.chain.logs("ViolationRegistry", "AttemptRecorded", metric=keccak(text=metric))


def tried(node: Node, metric: str) -> int:
    """How many sends of a metric the node's ledger has as stopped."""
    return sum(
        entry["count"]
        for entry in node.entries()
        if entry["type"] == "attempt" and entry.get("metric") == metric
    )


def bond_of(world: World, node: Node) -> int:
    """A node's bond in the token's smallest unit."""
    return int(world.chain.contract("NodeRegistry").functions.bond(bytes.fromhex(node.id[2:])).call())
