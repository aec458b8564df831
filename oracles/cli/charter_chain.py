"""The commands that act: report, confirm, dismiss, override, watch."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click
from eth_utils.crypto import keccak

from oracles.chain.block import Call, Receipt
from oracles.chain.deployment import Deployment
from oracles.charter.evidence import MAX_EVIDENCE_BYTES, Evidence, EvidenceRefused, SealedEvidence
from oracles.charter.violation_report import NOBODY, NotSent, Report, report_violation
from oracles.charter.vocabulary import Kind
from oracles.cli.chain_access import Access, chain_options, node_option
from oracles.cli.output import USAGE, clear_errors, fail, format_option, run_async, show_json

if TYPE_CHECKING:
    from oracles.chain.contract import Contract
    from oracles.chain.rpc import Rpc

_CASE = click.IntRange(min=1)


@click.command()
@click.option(
    "--type", "kind", required=True, type=click.Choice([kind.value for kind in Kind]), help="What was done."
)
@node_option(required=True, name="--target")
@click.option("--metric", required=True, help="The metric that was seen.")
@click.option(
    "--evidence",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The file that shows it; it is sealed to the auditors and stays yours.",
)
@click.option("--payee", default=NOBODY, help="The address for the bounty; without it none is paid.")
@click.option("--observed-block", type=click.IntRange(min=0), help="The block at which it was seen.")
@click.option("--charter-version", type=click.IntRange(min=1), help="The version that was in force then.")
@click.option(
    "--out",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="A new folder for the files.",
)
@click.option("--send", is_flag=True, help="Send commit and reveal from your own account.")
@chain_options(key=True)
@format_option
@clear_errors
def report(
    kind: str,
    node: str,
    metric: str,
    evidence: Path,
    payee: str,
    observed_block: int | None,
    charter_version: int | None,
    out: Path,
    send: bool,
    access: Access,
    form: str,
) -> None:
    """Report a violation: seal the evidence, commit to the report, reveal it.

    Four files are written: report.json (secret: keep it), evidence.sealed.json (give it to the auditors),
    commit.json and reveal.json. Without --send, hand commit.json to any relayer, and reveal.json once the
    commitment is old enough (a minute on Ethereum; `reveal_after_blocks`): your own address appears nowhere.

    \b
    Examples:
      charter-admin report --type silent_collection --target 0x… --metric user_location \\
        --evidence capture.pcap --payee 0x… --out report-1
      charter-admin report … --out report-1 --send
    """  # noqa: D301
    if out.exists():
        fail(f"{out} exists; name a new folder", USAGE)
    account = access.account() if send else None
    with evidence.open("rb") as file:
        content = file.read(MAX_EVIDENCE_BYTES + 1)

    async def work() -> dict[str, Any]:
        from oracles.charter.on_chain import scene_of_report, transact, until_block

        async with access.connect() as (rpc, deployment):
            scene = await scene_of_report(rpc, deployment, metric, observed_block, charter_version)
            try:
                made, sealed = report_violation(Kind(kind), payee, node, Evidence(metric, content), scene)
            except EvidenceRefused:
                raise
            except ValueError as fault:
                fail(f"this is no report: {fault}", USAGE)
            _write_report(out, made, sealed)
            shown: dict[str, Any] = {
                "folder": str(out),
                "commitment": "0x" + made.commitment.hex(),
                "reveal_after_blocks": scene.minimum_age,
            }
            if account is not None:
                committed = await transact(rpc, account, Call(made.registry, made.commit_data))
                await until_block(rpc, committed.block_number + scene.minimum_age)
                revealed = await transact(rpc, account, Call(made.registry, made.reveal_data))
                shown["case"] = await _case_of(rpc, deployment, revealed)
            return shown

    shown = run_async(work)
    _show(form, shown, "report prepared" if account is None else "report committed and revealed")


@click.command()
@click.argument("case", type=_CASE)
@chain_options(key=True)
@format_option
@clear_errors
def confirm(case: int, access: Access, form: str) -> None:
    """Confirm a case, as an auditor. The penalty is applied at the threshold's confirmation.

    A case that is not in a finalized block yet is refused: its number could still become another report's.

    \b
    Example:
      charter-admin confirm 7 --keystore auditor.json --password-file auditor.password
    """  # noqa: D301
    _act(access, form, f"case {case} confirmed", lambda registry: registry.confirm(case), case)


@click.command()
@click.argument("case", type=_CASE)
@click.option("--reason", required=True, help="Why; only its hash goes on-chain, keep the text.")
@chain_options(key=True)
@format_option
@clear_errors
def dismiss(case: int, reason: str, access: Access, form: str) -> None:
    """Vote to dismiss a case, as an auditor.

    \b
    Example:
      charter-admin dismiss 7 --reason "the capture shows another node"
    """  # noqa: D301
    _act(
        access,
        form,
        f"voted to dismiss case {case}",
        lambda registry: registry.dismiss(case, keccak(text=reason)),
        case,
    )


@click.command()
@click.option("--what", required=True, help="What was overridden, at most 64 bytes.")
@click.option("--why", required=True, help="The reason, at most 256 bytes. It is public for good.")
@chain_options(key=True)
@format_option
@clear_errors
def override(what: str, why: str, access: Access, form: str) -> None:
    """Log an emergency override on-chain: who (your account), what and why.

    \b
    Example:
      charter-admin override --what "stopped a collector" --why "node 0x… exposed a member's home"
    """  # noqa: D301
    for name, text, limit in (("--what", what, 64), ("--why", why, 256)):
        if not 0 < len(text.encode()) <= limit:
            fail(f"{name} has {len(text.encode())} bytes, 1 to {limit} are possible", USAGE)
    _act(access, form, "override logged", lambda registry: registry.log_override(what, why))


@click.command()
def watch() -> None:
    """Run the committee's watch until SIGTERM: notices by e-mail and Slack, and metrics, for what is final.

    Settings are the daemons' WESTWORLD_… variables and WESTWORLD_SMTP_HOST, _SMTP_PORT, _SMTP_SENDER,
    _SMTP_RECIPIENTS, _SMTP_USERNAME, _SMTP_PASSWORD_FILE, _SMTP_REQUIRE_TLS, _SLACK_WEBHOOK_FILE.
    Exit codes: 0 ended, 1 crashed, 2 settings or state unusable, 3 the chain is not what it must be.

    \b
    Example:
      WESTWORLD_SMTP_HOST=mail.example.org WESTWORLD_SMTP_SENDER=charter@example.org \\
        WESTWORLD_SMTP_RECIPIENTS=audit@example.org charter-admin watch
    """  # noqa: D301
    # Imported here: the other commands need no web server.
    from oracles.charter.watch_daemon import main

    sys.exit(main())


def _act(access: Access, form: str, done: str, call: Any, case: int | None = None) -> None:
    account = access.account()

    async def work() -> dict[str, Any]:
        from oracles.chain.violation_registry import ViolationRegistry
        from oracles.charter.on_chain import check_final, transact

        async with access.connect() as (rpc, deployment):
            registry = ViolationRegistry.at(rpc, deployment)
            finalized = await rpc.finalized()
            await registry.check_version(finalized)
            if case is not None:
                await check_final(registry, case, finalized)
            receipt = await transact(rpc, account, call(registry))
            return {
                "transaction": "0x" + receipt.transaction.hex(),
                "block": receipt.block_number,
                "account": account.address,
                "events": await _events_of(rpc, registry, receipt),
            }

    _show(form, run_async(work), done)


async def _events_of(rpc: Rpc, contract: Contract, receipt: Receipt) -> list[str]:
    block = await rpc.block_by_hash(receipt.block_hash)
    logs = [
        log for log in await rpc.logs_in(block, contract.filter()) if log.transaction == receipt.transaction
    ]
    return [event.name for event in contract.events(logs)]


async def _case_of(rpc: Rpc, deployment: Deployment, receipt: Receipt) -> int:
    from oracles.chain.violation_registry import ViolationRegistry

    registry = ViolationRegistry.at(rpc, deployment)
    block = await rpc.block_by_hash(receipt.block_hash)
    for event in registry.events(await rpc.logs_in(block, registry.filter("CaseOpened"))):
        if event.log.transaction == receipt.transaction:
            return int(event.args["case"])
    raise NotSent(f"transaction 0x{receipt.transaction.hex()} opened no case")


def _write_report(folder: Path, report: Report, sealed: SealedEvidence) -> None:
    folder.mkdir(mode=0o700, parents=True)
    for name, data in (
        ("report.json", report.to_json()),
        ("evidence.sealed.json", sealed.to_json()),
        ("commit.json", report.for_relayer("commit")),
        ("reveal.json", report.for_relayer("reveal")),
    ):
        descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data + b"\n")


def _show(form: str, value: dict[str, Any], title: str) -> None:
    if form == "json":
        show_json(value)
        return
    click.echo(title)
    for name, part in value.items():
        click.echo(f"  {name}: {', '.join(part) if isinstance(part, list) else part}")
