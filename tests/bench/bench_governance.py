"""The Governor's and the token's gas beside the reference's: `python tests/bench/bench_governance.py`.

All run on one devnet, in one run, on the same proposals, terms and times. For a goal that is missed, and with
`--profile` for every row, the gas is shown by opcode and written to `build/bench/governance-profile.json`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import opcodes
from eth_account.signers.local import LocalAccount
from report import BUILD, Row, write
from web3.contract import Contract
from web3.types import TxReceipt

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "plugins"))

import daos
from daos import Bench, Dao
from solidity import SETTINGS, versions

from oracles.governance.proposal import CHARTER_AMENDMENT, STANDARD
from scripts._devnet import Devnet

GENESIS = 2_000_000_000
BATCH = 50
REASON = "It costs the nodes nothing, and everybody can check it."
FULL = "OpenZeppelin, full"
BARE = "OpenZeppelin, bare"
TOKEN = "OpenZeppelin ERC20Votes"


@dataclass(frozen=True)
class Wallets:
    """Who votes how; a returning voter voted on the earlier proposal in the same manner."""

    whales: Sequence[LocalAccount]
    """One proposes, one votes before everybody else."""
    once: Sequence[LocalAccount]
    again: Sequence[LocalAccount]
    """Voters by a transaction of their own, who come the first time and who return."""
    signed_once: Sequence[LocalAccount]
    signed_again: Sequence[LocalAccount]
    """Voters by signature: one alone, and the others as a batch."""

    def voters(self) -> list[LocalAccount]:
        """All but the whales."""
        return [*self.once, *self.again, *self.signed_once, *self.signed_again]


def transfers(bench: Bench, token: Contract, people: Sequence[LocalAccount]) -> dict[str, TxReceipt]:
    """What a token costs its holders. The people hold nothing yet."""
    giver, taker, delegator, delegate = people
    for person in people:
        bench.send(token.functions.transfer(person.address, daos.SHARE), bench.deployer)
    measured = {
        "transfer, nobody delegated": bench.send(
            token.functions.transfer(taker.address, daos.UNIT), giver.address
        ),
        "first self-delegation": bench.send(token.functions.delegate(delegator.address), delegator.address),
    }
    bench.send(token.functions.delegate(delegate.address), delegate.address)
    measured["transfer, both delegated"] = bench.send(
        token.functions.transfer(delegate.address, daos.UNIT), delegator.address
    )
    return measured


def decisions(dao: Dao, wallets: Wallets, track: str = STANDARD) -> dict[str, TxReceipt]:
    """What the steps of a decision cost on a Governor that has decided once before."""
    proposer, first = wallets.whales
    earlier = dao.proposal(1, track)
    dao.propose(earlier, proposer.address)
    vote = dao.open(earlier)
    batched = has(dao.governor, "castVotesBySig")
    signers = wallets.signed_again if batched else wallets.signed_again[:1]
    for voter in [first, *wallets.again]:
        dao.vote(vote, voter)
    for voter in signers:
        dao.vote_signed(vote, voter)
    dao.close(earlier)
    dao.call("queue", earlier, proposer.address)
    dao.mature(earlier)
    dao.call("execute", earlier, proposer.address)

    measured: dict[str, TxReceipt] = {}
    proposal, doomed = dao.proposal(2, track), dao.proposal(3, track)
    measured["propose"] = dao.propose(proposal, proposer.address)
    dao.propose(doomed, proposer.address)
    measured["cancel"] = dao.call("cancel", doomed, proposer.address)
    slow = dao.proposal(4, track)
    dao.propose(slow, proposer.address)
    vote = dao.open(slow)
    dao.vote(vote, wallets.once[2])
    measured["castVote before the quorum, first"] = dao.vote(vote, wallets.once[3])
    vote = dao.open(proposal)
    dao.vote(vote, first)
    for kind, voters, signed in (
        ("first", wallets.once, wallets.signed_once),
        ("returning", wallets.again, wallets.signed_again),
    ):
        measured[f"castVote, {kind}"] = dao.vote(vote, voters[0])
        measured[f"castVoteWithReason, {kind}"] = dao.vote_with_reason(vote, voters[1], REASON)
        measured[f"castVoteBySig, {kind}"] = dao.vote_signed(vote, signed[0])
        if batched:
            measured[f"batch, {kind}"] = dao.vote_batch(vote, signed[1:])
    dao.close(proposal)
    measured["queue"] = dao.call("queue", proposal, proposer.address)
    dao.mature(proposal)
    measured["execute"] = dao.call("execute", proposal, proposer.address)
    return measured


def has(contract: Contract, function: str) -> bool:
    """Whether a contract has a function of that name."""
    return any(entry.get("name") == function for entry in contract.abi)


@dataclass(frozen=True)
class Comparison:
    """A transaction of ours beside one of the peer's."""

    name: str
    peer: str
    bound: float | None
    """The most that the ratio may be; None promises nothing."""
    ours: TxReceipt
    theirs: TxReceipt
    ballots: int = 1
    """How many ballots our transaction carries; the row is about one."""

    def row(self) -> Row:
        """The gas of both, and the goal."""
        goal = "" if self.bound is None else f"ratio <= {self.bound:.2f}"
        value = self.ours["gasUsed"] / self.ballots
        return Row(self.name, value, "gas", self.peer, self.theirs["gasUsed"], goal=goal)


STEPS: Sequence[tuple[str, float | None, float | None]] = (
    ("castVote, first", 0.90, 0.75),
    ("castVote, returning", 0.70, 0.75),
    ("castVote before the quorum, first", None, None),
    ("castVoteWithReason, first", 0.93, None),
    ("castVoteWithReason, returning", 0.93, None),
    ("castVoteBySig, first", 0.75, None),
    ("castVoteBySig, returning", 0.75, None),
    ("queue", 0.85, None),
    ("execute", 0.92, None),
    ("cancel", 0.90, None),
)
"""The steps that are compared, with what may be spent beside bare and beside full."""

BATCHES = {"first": 0.42, "returning": 0.30}
TRANSFERS = {
    "transfer, nobody delegated": 0.90,
    "transfer, both delegated": 0.92,
    "first self-delegation": 0.65,
}


def measure(bench: Bench) -> list[Comparison]:
    """Deploys all DAOs, lets them decide, and compares."""
    people = daos.people
    wallets = Wallets(
        people(bench, "whale", 2),
        people(bench, "once", 4),
        people(bench, "again", 2),
        people(bench, "signed once", 1 + BATCH),
        people(bench, "signed again", 1 + BATCH),
    )
    guardian = bench.deployer
    own, reference = daos.deploy_own_token(bench), daos.deploy_reference_token(bench)
    holders = people(bench, "holder", 4)
    spent, peers_spent = (transfers(bench, token, holders) for token in (own, reference))
    for token in (own, reference):
        daos.spread(bench, token, wallets.whales, wallets.voters())

    bare = decisions(daos.deploy_bare(bench, reference), wallets)
    full = decisions(daos.deploy_full(bench, reference, guardian), wallets)
    plain = decisions(daos.deploy_ours(bench, own, guardian, track=STANDARD, stores=False), wallets)
    lean = decisions(
        daos.deploy_ours(bench, own, guardian, track=CHARTER_AMENDMENT, stores=False),
        wallets,
        CHARTER_AMENDMENT,
    )
    rich = decisions(
        daos.deploy_ours(bench, own, guardian, track=CHARTER_AMENDMENT, stores=True),
        wallets,
        CHARTER_AMENDMENT,
    )
    found = [
        Comparison("propose and store, its track named", FULL, 0.70, rich["propose"], full["propose"]),
        Comparison("propose, its track named", BARE, 1.05, lean["propose"], bare["propose"]),
        Comparison("propose, on standard", BARE, None, plain["propose"], bare["propose"]),
    ]
    for step, beside_bare, beside_full in STEPS:
        found.append(Comparison(step, BARE, beside_bare, lean[step], bare[step]))
        found.append(Comparison(step, FULL, beside_full, rich[step], full[step]))
    for kind, bound in BATCHES.items():
        name = f"one ballot in a batch of {BATCH}, {kind}"
        single = bare[f"castVoteBySig, {kind}"]
        found.append(Comparison(name, BARE, bound, lean[f"batch, {kind}"], single, BATCH))
    for step, bound in TRANSFERS.items():
        found.append(Comparison(f"token: {step}", TOKEN, bound, spent[step], peers_spent[step]))
    return found


def profiles(bench: Bench, found: Sequence[Comparison]) -> None:
    """Shows where the gas of some comparisons goes, and writes it down."""
    written: list[dict[str, Any]] = []
    for comparison in found:
        ours = opcodes.share(trace(bench, comparison.ours), comparison.ballots)
        peer = trace(bench, comparison.theirs)
        opcodes.show(f"{comparison.name} / {comparison.peer}", ours, peer)
        written.append({"name": comparison.name, "peer": comparison.peer, "ours": ours, "theirs": peer})
    BUILD.mkdir(parents=True, exist_ok=True)
    path = BUILD / "governance-profile.json"
    path.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


def trace(bench: Bench, receipt: TxReceipt) -> dict[str, Any]:
    """The profile of a transaction that was sent."""
    transaction = receipt["transactionHash"].to_0x_hex()
    terms = {"disableStack": True, "disableStorage": True, "enableMemory": False}
    steps = bench.devnet.request("debug_traceTransaction", transaction, terms)["structLogs"]
    data = bytes(bench.web3.eth.get_transaction(receipt["transactionHash"])["input"])
    return opcodes.profile(steps, data, receipt["gasUsed"])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--profile", action="store_true", help="show the gas of every row by opcode")
    everything = parser.parse_args().profile
    with TemporaryDirectory() as folder, Devnet.start(Path(folder), timestamp=GENESIS, steps=True) as devnet:
        bench = Bench(devnet)
        found = measure(bench)
        rows = [comparison.row() for comparison in found]
        software = {**versions(), "vyper": version("vyper"), "anvil": bench.web3.client_version}
        software["solc_settings"] = json.dumps({key: SETTINGS[key] for key in ("optimizer", "evmVersion")})
        write("governance", rows, software)
        profiles(
            bench,
            [each for each, row in zip(found, rows, strict=True) if everything or row.met is False],
        )


if __name__ == "__main__":
    main()
