"""The commands that read: validate, validate-experiment, audit, export."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import rich_click as click

from oracles.charter.audit import LedgerReport, audit_ledger, audit_metrics
from oracles.charter.capacity import capacities
from oracles.charter.document import load_policy
from oracles.charter.entry import Attempt
from oracles.charter.experiment import load_experiment
from oracles.charter.node_audit import NodeRecord, audit_node
from oracles.charter.node_client import NodeClient
from oracles.charter.policy import Policy
from oracles.charter.yaml_tree import DocumentRefused
from oracles.cli.chain_access import Access, chain_options, node_option
from oracles.cli.output import (
    FINDING,
    USAGE,
    clear_errors,
    fail,
    format_option,
    run_async,
    show_json,
    show_table,
)
from oracles.ledger.note import Verifier

_NODE_SECONDS = 10.0
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_policy_option = click.option(
    "--policy", type=_FILE, help="The charter in YAML; without it the chain's charter in force is read."
)


@click.command()
@click.argument("policy", type=_FILE)
@format_option
@clear_errors
def validate(policy: Path, form: str) -> None:
    """Check a charter policy, and print each metric's capacity in bits a second.

    Every fault is named in one pass, with file, line, column and path; with --format json on stdout, too.

    \b
    Examples:
      charter-admin validate deploy/policies/production.yaml
      charter-admin validate policy.yaml --format json | jq .policy_hash
    """  # noqa: D301
    try:
        found = load_policy(policy)
    except DocumentRefused as refused:
        if form == "json":
            show_json({"file": str(policy), "faults": [asdict(fault) for fault in refused.faults]})
        raise
    if form == "json":
        show_json({"file": str(policy), **_policy_json(found)})
        return
    rows = []
    for one in capacities(found):
        rule = found.metrics[one.metric]
        rows.append(
            (
                one.metric,
                rule.group,
                rule.type.value,
                f"{rule.minimum:f} … {rule.maximum:f}",
                rule.decimals,
                f"{rule.rate_hz:f}",
                rule.access.value,
                f"{one.bits_per_second:.2f}",
            )
        )
    show_table(
        f"{policy} is valid: version {found.version}, {len(found.metrics)} metrics",
        ("metric", "group", "type", "range", "decimals", "Hz", "access", "bits/s"),
        rows,
    )
    click.echo(f"forbidden: {', '.join(sorted(found.forbidden)) or 'nothing by name'}")
    click.echo(f"policy hash: 0x{found.hash.hex()}")


@click.command("validate-experiment")
@click.argument("experiment", type=_FILE)
@_policy_option
@chain_options(key=False)
@format_option
@clear_errors
def validate_experiment(experiment: Path, policy: Path | None, access: Access, form: str) -> None:
    """Check a Cradle experiment: its form, and that it measures only what the charter allows.

    \b
    Examples:
      charter-admin validate-experiment first_experiment.yaml --policy deploy/policies/staging.yaml
      charter-admin validate-experiment first_experiment.yaml      # by the charter on the chain
    """  # noqa: D301
    found = load_experiment(experiment, _policy(policy, access))
    if form == "json":
        show_json({"file": str(experiment), "experiment": found.model_dump(mode="json")})
        return
    stages = [
        (stage.name, f"{stage.node_fraction:f}", f"{stage.duration_hours:f}", stage.gate)
        for stage in found.spec.rollout.stages
    ]
    show_table(
        f"{experiment} is valid: {found.metadata.name}", ("stage", "share of nodes", "hours", "gate"), stages
    )


@click.command()
@node_option(required=False)
@click.option("--ledger", type=click.Path(file_okay=False, path_type=Path), help="A ledger's folder.")
@click.option("--key", "keys", multiple=True, help="A verifier key for the ledger's checkpoint (C2SP form).")
@click.option("--metrics-json", help="JSON of metrics to decide; @FILE reads a file, - reads stdin.")
@_policy_option
@chain_options(key=False)
@format_option
@clear_errors
def audit(
    node: str | None,
    ledger: Path | None,
    keys: tuple[str, ...],
    metrics_json: str | None,
    policy: Path | None,
    access: Access,
    form: str,
) -> None:
    """Audit a ledger, a node, or a list of metrics. The first bad entry of a ledger is named.

    With --node alone, the node's ledger is read over HTTP from its first entry on and held against the node's
    key and against what was reported to the chain. With --ledger, a folder is read; nothing in it is changed.

    \b
    Examples:
      charter-admin audit --node 0x…
      charter-admin audit --ledger /var/lib/westworld-agent/ledger --node 0x… --format json
      charter-admin audit --metrics-json '["latency_p50", {"name": "user_location", "value": 5}]' \\
        --policy deploy/policies/production.yaml
    """  # noqa: D301
    if metrics_json is not None:
        if node or ledger:
            fail("--metrics-json stands alone", USAGE)
        _audit_metrics(_read(metrics_json), _policy(policy, access), form)
    elif ledger is not None:
        try:
            verifiers = [Verifier.parse(key) for key in keys] or None
        except ValueError as fault:
            fail(str(fault), USAGE)
        _show_ledger(audit_ledger(ledger, node, verifiers), None, form)
    elif node is not None:
        record, found = run_async(_audit_node, access, node)
        _show_ledger(found, record, form)
    else:
        fail("say what to audit: --node, --ledger or --metrics-json", USAGE)


@click.command()
@_policy_option
@click.option("--ledger", type=click.Path(file_okay=False, path_type=Path), help="Also a ledger's entries.")
@chain_options(key=False)
@click.option(
    "--format", "form", type=click.Choice(["json"]), default="json", show_default=True, help="Form."
)
@clear_errors
def export(policy: Path | None, ledger: Path | None, access: Access, form: str) -> None:
    """Export the charter, and with --ledger the audit record, for other programs.

    The policy is in canonical form; `policy_hash` is what the chain has for it.

    \b
    Examples:
      charter-admin export --policy deploy/policies/production.yaml --format json
      charter-admin export --ledger /var/lib/westworld-agent/ledger > record.json
    """  # noqa: D301
    value = _policy_json(_policy(policy, access))
    report = None
    if ledger is not None:
        report = audit_ledger(ledger)
        value["ledger"] = _ledger_json(report, None)
    show_json(value)
    if report is not None and not report.sound:
        sys.exit(FINDING)


def _policy(path: Path | None, access: Access) -> Policy:
    return load_policy(path) if path is not None else run_async(_policy_in_force, access)


async def _policy_in_force(access: Access) -> Policy:
    # Imported here: web3 is slow to load, and most commands read files only.
    from oracles.charter.on_chain import charter_history

    async with access.connect() as (rpc, deployment):
        latest = (await charter_history(rpc, deployment)).latest
    if latest is None:
        raise KeyError("no version of the charter was enacted yet")
    if not latest.faithful:
        click.echo(
            f"warning: charter version {latest.version} does not have the hash that was voted on"
            + "".join(f"\n  {fault}" for fault in latest.faults),
            err=True,
        )
    return latest.policy


async def _audit_node(access: Access, node: str) -> tuple[NodeRecord, LedgerReport]:
    from oracles.charter.on_chain import node_record

    async with access.connect() as (rpc, deployment):
        record = await node_record(rpc, deployment, node)
    async with httpx.AsyncClient(timeout=_NODE_SECONDS, trust_env=False) as client:
        # Private addresses, too: it is a person who asks, about a node of their choice, and sees the answer.
        return record, await audit_node(NodeClient(client, private=True), record)


def _read(text: str) -> str:
    if text == "-":
        return sys.stdin.read()
    return Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text


def _audit_metrics(text: str, policy: Policy, form: str) -> None:
    findings = audit_metrics(text, policy)
    if form == "json":
        show_json(
            [
                {
                    "metric": one.metric,
                    "allowed": one.decision.allowed,
                    "reason": one.decision.reason,
                    "kind": one.decision.kind.value if one.decision.kind else None,
                    "message": one.message,
                }
                for one in findings
            ]
        )
    else:
        rows = [
            (one.metric, "yes" if one.decision.allowed else "NO", one.decision.reason, one.message)
            for one in findings
        ]
        show_table("metrics by the charter", ("metric", "allowed", "reason", "what to do"), rows)
    if not all(one.decision.allowed for one in findings):
        sys.exit(FINDING)


def _show_ledger(report: LedgerReport, record: NodeRecord | None, form: str) -> None:
    if form == "json":
        show_json(_ledger_json(report, record))
    else:
        if record is not None:
            click.echo(f"node {record.node}: {record.standing.value} at block {record.block.number}")
            rows = [
                (row["block"], row["event"], row.get("case", row.get("entry", ""))) for row in record.rows()
            ]
            show_table("what the chain has", ("block", "event", "case or entry"), rows)
        show_table(
            f"{report.size} good entries, {report.signed} of them signed",
            ("kind", "metric", "times"),
            [(kind, metric or "-", times) for (kind, metric), times in sorted(report.attempts.items())],
        )
        if report.torn:
            click.echo(f"torn tail: {report.torn}")
        click.echo(f"FIRST BAD ENTRY: {report.fault}" if report.fault else "the ledger is whole")
    if not report.sound:
        sys.exit(FINDING)


def _ledger_json(report: LedgerReport, record: NodeRecord | None) -> dict[str, Any]:
    value: dict[str, Any] = {
        "sound": report.sound,
        "size": report.size,
        "root": report.root,
        "signed": report.signed,
        "signature": report.signature,
        "fault": report.fault,
        "torn": report.torn,
        "attempts": sum(one.entry.count for one in report.entries if isinstance(one.entry, Attempt)),
        "entries": [{"index": one.index, **one.entry.model_dump(mode="json")} for one in report.entries],
    }
    if record is not None:
        value["node"] = {
            "id": record.node,
            "standing": record.standing.value,
            "block": record.block.number,
            "events": record.rows(),
        }
    return value


def _policy_json(policy: Policy) -> dict[str, Any]:
    return {
        "policy": policy.to_canonical(),
        "policy_hash": "0x" + policy.hash.hex(),
        "capacity_bits_per_second": {one.metric: round(one.bits_per_second, 4) for one in capacities(policy)},
    }
