"""An auditor's commands around evidence: make and publish the key it is sealed to, open what was sealed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click
from nacl.public import PrivateKey
from nacl.signing import SigningKey

from oracles.charter.evidence import MAX_EVIDENCE_BYTES, EvidenceRefused, SealedEvidence, unseal
from oracles.cli.chain_access import Access, chain_options, read_password
from oracles.cli.output import USAGE, clear_errors, fail, format_option, run_async, show_json
from oracles.daemon.keystore import load_signing_key, save_signing_key

_evidence_key = click.option(
    "--evidence-key",
    "key_file",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The file with your evidence key, sealed with the keystore's password.",
)


@click.command("publish-key")
@_evidence_key
@chain_options(key=True)
@format_option
@clear_errors
def publish_key(key_file: Path, access: Access, form: str) -> None:
    """Publish the key that evidence is sealed to, as an auditor. A file that is not there yet is made.

    \b
    Example:
      charter-admin publish-key --evidence-key evidence.key --keystore auditor.json \\
        --password-file auditor.password
    """  # noqa: D301
    account = access.account()
    key = _load(key_file, access) if key_file.exists() else _make(key_file, access)
    public = bytes(key.public_key)

    async def work() -> dict[str, Any]:
        # Imported here: web3 is slow to load.
        from oracles.chain.violation_registry import ViolationRegistry
        from oracles.charter.on_chain import transact

        async with access.connect() as (rpc, deployment):
            registry = ViolationRegistry.at(rpc, deployment)
            await registry.check_version(await rpc.finalized())
            receipt = await transact(rpc, account, registry.set_auditor_key(public))
            return {
                "transaction": "0x" + receipt.transaction.hex(),
                "auditor": account.address,
                "key": "0x" + public.hex(),
            }

    shown = run_async(work)
    if form == "json":
        show_json(shown)
    else:
        click.echo(f"evidence is sealed to {shown['key']} for {shown['auditor']} from now on")


@click.command("open")
@click.argument("sealed", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_evidence_key
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="A new file for the evidence; it holds personal data.",
)
@click.option(
    "--hash", "expected", help="The case's evidence hash, from its notice: other evidence is refused."
)
@chain_options(key=True)
@clear_errors
def open_evidence(sealed: Path, key_file: Path, out: Path, expected: str | None, access: Access) -> None:
    """Open evidence that was sealed to you, and check it against the hash that the case has on-chain.

    Without --hash the file is only held against itself: compare the hash that is printed with the case's.

    \b
    Example:
      charter-admin open report-1/evidence.sealed.json --evidence-key evidence.key \\
        --hash 0x… --out capture.pcap
    """  # noqa: D301
    if out.exists():
        fail(f"{out} exists; name a new file", USAGE)
    evidence = SealedEvidence.from_json(_bounded(sealed))
    if expected is not None and expected.lower() != evidence.evidence:
        raise EvidenceRefused(f"this is other evidence than the case's: its hash is {evidence.evidence}")
    opened = unseal(evidence, access.account().address, _load(key_file, access))
    out.touch(mode=0o600)
    out.write_bytes(opened.evidence.content)
    checked = "as the case has it" if expected else "compare it with the case's"
    click.echo(f"{len(opened.evidence.content)} bytes with the hash {evidence.evidence}: {checked}", err=True)
    listed, unlisted = (opened.metric_id(listed).hex() for listed in (True, False))
    click.echo(
        f"metric {opened.evidence.metric}: the case has 0x{listed}, "
        f"or where the charter did not list the name 0x{unlisted}",
        err=True,
    )


def _bounded(file: Path) -> bytes:
    """A sealed file's bytes: base64 and the keys make it at most twice as long as its content."""
    with file.open("rb") as opened:
        return opened.read(2 * MAX_EVIDENCE_BYTES)


def _make(key_file: Path, access: Access) -> PrivateKey:
    seed = SigningKey.generate()
    save_signing_key(key_file, seed, read_password(_password_file(access)))
    return seed.to_curve25519_private_key()


def _load(key_file: Path, access: Access) -> PrivateKey:
    """X25519 from the sealed Ed25519 seed (libsodium's conversion); the seed never signs anything."""
    return load_signing_key(key_file, read_password(_password_file(access))).to_curve25519_private_key()


def _password_file(access: Access) -> Path:
    if not access.password_file:
        fail("the evidence key is sealed: give --password-file, or set WESTWORLD_PASSWORD_FILE", USAGE)
    return Path(access.password_file)
