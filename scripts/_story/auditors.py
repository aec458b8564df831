"""The audit committee and a whistleblower, both through `charter-admin`, and a relayer between them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from eth_account.signers.local import LocalAccount

from scripts._story.nodes import Node
from scripts._story.processes import StoryFault, wait_for
from scripts._story.wallets import Chain, keep

CHARTER_ADMIN = str(Path(sys.executable).with_name("charter-admin"))


class Auditors:
    """The auditors' keys and desks."""

    def __init__(
        self,
        chain: Chain,
        folder: Path,
        accounts: list[LocalAccount],
        relayer: LocalAccount,
        env: dict[str, str],
    ) -> None:
        self._chain = chain
        self._folder = folder / "audit"
        self._folder.mkdir()
        self._relayer = relayer
        self._env = env
        self._keystores = [
            keep(account, self._folder / f"auditor-{number}.json")
            for number, account in enumerate(accounts, start=1)
        ]
        self._each_admin(lambda keystore: ["publish-key", "--evidence-key", str(_key_of(keystore))])

    def report(self, node: Node, metric: str, datagram: bytes, payee: str) -> int:
        """A whistleblower reports what was received, a relayer sends both transactions; returns the case."""
        evidence, out = self._folder / "datagram", self._folder / "report"
        evidence.write_bytes(datagram)
        prepared = ["report", "--type", "silent_collection", "--target", node.id, "--metric", metric]
        prepared += ["--evidence", str(evidence), "--payee", payee, "--out", str(out)]
        self._admin(*prepared)
        commit, reveal = (json.loads((out / f"{step}.json").read_text()) for step in ("commit", "reveal"))
        committed = self._chain.relay(self._relayer, commit)["blockNumber"]
        # Whoever copies the reveal would have to commit, and to wait as long.
        old_enough = committed + self._chain.contract("ViolationRegistry").functions.MINIMUM_AGE().call()
        wait_for("the commitment's age", lambda: self._chain.web3.eth.block_number >= old_enough)
        self._chain.relay(self._relayer, reveal)
        opened = self._chain.events("ViolationRegistry", "CaseOpened", node=bytes.fromhex(node.id[2:]))
        return int(opened[-1]["case"])

    def open_evidence(self, datagram: bytes) -> None:
        """Each auditor opens the sealed evidence; raises StoryFault when it is not what was received."""
        sealed = str(self._folder / "report" / "evidence.sealed.json")
        self._each_admin(
            lambda keystore: [
                *("open", sealed, "--out", str(_opened(keystore))),
                *("--evidence-key", str(_key_of(keystore))),
            ]
        )
        for keystore in self._keystores:
            if _opened(keystore).read_bytes() != datagram:
                raise StoryFault(f"{keystore.stem} opened other evidence than was received")

    def confirm(self, case: int) -> None:
        """Every auditor confirms the case, once its number is final."""
        registry = self._chain.contract("ViolationRegistry").functions
        wait_for("the case to be final", lambda: registry.case_of(case).call(block_identifier="finalized")[4])
        self._each_admin(lambda _: ["confirm", str(case)])

    def _each_admin(self, arguments: Callable[[Path], list[str]]) -> None:
        """Every auditor runs a command with the own keystore, each at the own desk: all at once."""
        with ThreadPoolExecutor(len(self._keystores)) as desks:
            list(
                desks.map(
                    lambda keystore: self._admin(*arguments(keystore), "--keystore", str(keystore)),
                    self._keystores,
                )
            )

    def _admin(self, *arguments: str) -> str:
        ran = subprocess.run(
            [CHARTER_ADMIN, *arguments], env={**os.environ, **self._env}, capture_output=True, text=True
        )
        if ran.returncode:
            raise StoryFault(f"charter-admin {' '.join(arguments)} ended with {ran.returncode}: {ran.stderr}")
        return ran.stdout


def _opened(keystore: Path) -> Path:
    return keystore.with_suffix(".evidence")


def _key_of(keystore: Path) -> Path:
    return keystore.with_suffix(".evidence-key")
