"""`charter-admin …`, also `westworld charter …`: the audit committee's commands.

The commands that need the chain are loaded with the group, but connect only when they are called.
"""

from __future__ import annotations

import rich_click as click

from oracles.cli.charter_chain import confirm, dismiss, override, report, watch
from oracles.cli.charter_evidence import open_evidence, publish_key
from oracles.cli.charter_files import audit, export, validate, validate_experiment
from oracles.daemon.journal import start_journal


@click.group(name="charter", context_settings={"help_option_names": ["-h", "--help"]})
def charter() -> None:
    """Check charters, audit nodes, report violations and decide on them.

    Exit codes, of every command: 0 all is well, 1 a finding or a refusal, 2 called wrongly (with a file that
    is not there, too), 3 the chain or a node is not available.

    \b
    Examples:
      charter-admin validate deploy/policies/production.yaml
      charter-admin audit --node 0x… --format json
      charter-admin confirm 7
    """  # noqa: D301
    # Output is for programs too: what libraries say of retries goes to stderr, and only if it is an error.
    start_journal("ERROR")


for _command in (
    validate,
    validate_experiment,
    audit,
    export,
    report,
    confirm,
    dismiss,
    override,
    publish_key,
    open_evidence,
    watch,
):
    charter.add_command(_command)
