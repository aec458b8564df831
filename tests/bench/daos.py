"""DAOs on one devnet, alike in all that costs gas: ours, and the reference's with few and many extensions.

A DAO here is a token, a timelock, a Governor that alone may use it, and a target that proposals call. Voters
hold the same shares of each token and have delegated to themselves, once; each supply was created at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from eth_utils.crypto import keccak
from solidity import compiled
from web3 import HTTPProvider, Web3
from web3.contract import Contract
from web3.types import TxReceipt

from oracles.chain.block import Call
from oracles.chain.governor import Proposal
from oracles.chain.typed import Domain
from oracles.governance.ballot import Support, sign_ballot
from oracles.governance.proposal import CHARTER_AMENDMENT, STANDARD, proposal_id
from scripts._devnet import Devnet

ROOT = Path(__file__).resolve().parents[2]
COMPILED = ROOT / ".build" / "__local__.json"
ABIS = ROOT / "oracles" / "chain" / "abi"

NAME = "Westworld Governor"
UNIT = 10**18
SUPPLY = 100_000 * UNIT
WHALE_SHARE = 10_000 * UNIT
SHARE = 100 * UNIT
GAS, GAS_PRICE = 12_000_000, 2 * 10**9

VOTING_DELAY = 3_600
VOTING_PERIOD = 72 * 3_600
EXECUTOR_DELAY = 24 * 3_600
LATE_QUORUM_EXTENSION = 3_600
THRESHOLD = UNIT
QUORUM, SUPER_QUORUM = 4, 90
"""In percent: one whale alone reaches the quorum, and nobody the super quorum."""

NOBODY = "0x" + "00" * 20

TEXT_BYTES = 256
"""The length of a proposal's description, the name of its track included."""


@dataclass
class Bench:
    """The devnet, and who acts on it."""

    devnet: Devnet
    web3: Web3 = field(init=False)
    deployer: str = field(init=False)
    artifacts: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.web3 = Web3(HTTPProvider(self.devnet.rpc_url))
        self.deployer = self.web3.eth.accounts[0]
        # Voters send from accounts that the devnet has no key of.
        self.devnet.request("anvil_autoImpersonateAccount", True)
        # Each block gets a second of its own: of two checkpoints in one second, only the later is kept.
        self.devnet.request("anvil_setBlockTimestampInterval", 1)
        self.artifacts = json.loads(COMPILED.read_text(encoding="utf-8"))["contractTypes"]

    def send(self, call: Any, sender: str) -> TxReceipt:
        """Sends a contract call or a deployment; returns its receipt. Raises RuntimeError if it reverted."""
        receipt = self.web3.eth.wait_for_transaction_receipt(
            call.transact({"from": sender, "gas": GAS, "gasPrice": GAS_PRICE}), poll_latency=0.002
        )
        if receipt["status"] != 1:
            raise RuntimeError(f"{call!r} reverted in {receipt['transactionHash'].to_0x_hex()}")
        return receipt

    def deploy(self, abi: Sequence[Mapping[str, Any]], bytecode: str, *arguments: Any) -> Contract:
        """A new contract."""
        factory = self.web3.eth.contract(abi=list(abi), bytecode=bytecode)
        receipt = self.send(factory.constructor(*arguments), self.deployer)
        return self.at(receipt["contractAddress"], abi)

    def at(self, address: ChecksumAddress | None, abi: Sequence[Mapping[str, Any]]) -> Contract:
        """A contract that is there."""
        contract = self.web3.eth.contract(address, abi=list(abi))
        assert isinstance(contract, Contract)  # without an address it would be a class
        return contract

    def deploy_own(self, name: str, *arguments: Any) -> Contract:
        """One of our contracts as setup compiled it, with the ABI that is shipped (harnesses: its own)."""
        artifact = self.artifacts[name]
        contract = self.deploy(artifact["abi"], artifact["deploymentBytecode"]["bytecode"], *arguments)
        shipped = ABIS / f"{name}.json"
        if not shipped.exists():
            return contract
        return self.at(contract.address, json.loads(shipped.read_text(encoding="utf-8")))

    def deploy_reference(self, name: str, *arguments: Any) -> Contract:
        """One of the reference's contracts."""
        return self.deploy(*compiled(name), *arguments)

    def until(self, timestamp: int) -> None:
        """Makes a block of that time, in seconds, unless it has come already."""
        if self.devnet.block_time() < timestamp:
            self.devnet.request("evm_setNextBlockTimestamp", timestamp)
            self.devnet.mine()


@dataclass(frozen=True)
class Dao:
    """One Governor with its token, timelock and target."""

    bench: Bench
    governor: Contract
    token: Contract
    timelock: Contract
    target: Contract

    def proposal(self, number: int, track: str = STANDARD) -> Proposal:
        """A proposal of one call with one number, described at the same length whatever the track."""
        prefix = "" if track == STANDARD else f"#track={track}\n"
        text = f"{prefix}Set the number to {number}. " + "Because it is wanted. " * TEXT_BYTES
        data = self.target.encode_abi("set_number", [number])
        return Proposal((Call(self.target.address, bytes.fromhex(data[2:]), 0),), text[:TEXT_BYTES])

    def propose(self, proposal: Proposal, proposer: str) -> TxReceipt:
        """Proposes."""
        return self.bench.send(
            self.governor.functions.propose(*proposal.arguments(), proposal.description), proposer
        )

    def call(self, step: str, proposal: Proposal, sender: str) -> TxReceipt:
        """Queues, executes or cancels."""
        method = self.governor.get_function_by_signature(f"{step}(address[],uint256[],bytes[],bytes32)")
        return self.bench.send(method(*proposal.arguments(), proposal.description_hash), sender)

    def vote(self, identifier: int, voter: LocalAccount) -> TxReceipt:
        """Votes for a proposal."""
        return self.bench.send(self.governor.functions.castVote(identifier, Support.FOR), voter.address)

    def vote_with_reason(self, identifier: int, voter: LocalAccount, reason: str) -> TxReceipt:
        """Votes for a proposal and says why."""
        method = self.governor.functions.castVoteWithReason(identifier, Support.FOR, reason)
        return self.bench.send(method, voter.address)

    def vote_signed(self, identifier: int, voter: LocalAccount) -> TxReceipt:
        """Votes for a proposal by a signature that somebody else sends in."""
        method = self.governor.functions.castVoteBySig(*self.ballot(identifier, voter))
        return self.bench.send(method, self.bench.deployer)

    def vote_batch(self, identifier: int, voters: Sequence[LocalAccount]) -> TxReceipt:
        """Votes for a proposal by many signatures in one transaction."""
        ballots = [self.ballot(identifier, voter) for voter in voters]
        return self.bench.send(self.governor.functions.castVotesBySig(ballots), self.bench.deployer)

    def ballot(self, identifier: int, voter: LocalAccount) -> tuple[int, int, str, bytes]:
        """A signed ballot for a proposal: its id, support, voter and signature."""
        domain = Domain(NAME, self.bench.devnet.chain_id, self.governor.address)
        nonce = self.governor.functions.nonces(voter.address).call()
        return sign_ballot(voter, domain, identifier, Support.FOR, nonce).arguments()

    def open(self, proposal: Proposal) -> int:
        """Waits until a proposal's vote is open; returns its id."""
        identifier = proposal_id(proposal)
        self.bench.until(self.governor.functions.proposalSnapshot(identifier).call() + 1)
        return identifier

    def close(self, proposal: Proposal) -> None:
        """Waits until a proposal's vote is over."""
        deadline = self.governor.functions.proposalDeadline(proposal_id(proposal)).call()
        self.bench.until(deadline + 1)

    def mature(self, proposal: Proposal) -> None:
        """Waits until a queued proposal can be executed."""
        self.bench.until(self.governor.functions.proposalEta(proposal_id(proposal)).call())


def people(bench: Bench, word: str, count: int) -> list[LocalAccount]:
    """Accounts that exist on the devnet, the same ones in each run."""
    found: list[LocalAccount] = [Account.from_key(keccak(text=f"{word} {n}")) for n in range(count)]
    for person in found:
        bench.devnet.request("anvil_setBalance", person.address, hex(1_000 * UNIT))
    return found


def spread(
    bench: Bench, token: Contract, whales: Sequence[LocalAccount], voters: Sequence[LocalAccount]
) -> None:
    """Hands the shares out, and has everybody delegate to themselves."""
    for holders, share in ((whales, WHALE_SHARE), (voters, SHARE)):
        for holder in holders:
            bench.send(token.functions.transfer(holder.address, share), bench.deployer)
            bench.send(token.functions.delegate(holder.address), holder.address)


def deploy_own_token(bench: Bench) -> Contract:
    """Our token, all of it the deployer's."""
    return bench.deploy_own("MeshToken", "Mesh", "MESH", SUPPLY, bench.deployer, bench.deployer)


def deploy_reference_token(bench: Bench) -> Contract:
    """The reference's token, all of it the deployer's."""
    token = bench.deploy_reference("ReferenceToken", "Mesh", "MESH")
    bench.send(token.functions.mint(bench.deployer, SUPPLY), bench.deployer)
    return token


def deploy_ours(bench: Bench, token: Contract, guardian: str, *, track: str, stores: bool) -> Dao:
    """Our Governor with two tracks of equal terms; the target is reserved for `track` as the charter is."""
    tracks = (STANDARD, CHARTER_AMENDMENT)
    executors = [bench.deploy_own("Timelock", EXECUTOR_DELAY, [], [], bench.deployer) for _ in tracks]
    target = bench.deploy_own("GovernanceTarget")
    terms = [_terms(name, executor) for name, executor in zip(tracks, executors, strict=True)]
    reservations = [] if track == STANDARD else [(target.address, bytes(4), _word(track))]
    rules = bench.deploy_own("GovernorRules", token.address)
    governor = bench.deploy_own(
        "Governor", NAME, token.address, rules.address, terms, reservations, guardian, NOBODY, stores
    )
    for executor in executors:
        wire(bench, executor, governor)
    return Dao(bench, governor, token, executors[tracks.index(track)], target)


def deploy_bare(bench: Bench, token: Contract) -> Dao:
    """The reference's Governor with what most DAOs deploy."""
    timelock = bench.deploy_reference("ReferenceTimelock", EXECUTOR_DELAY, [], [], bench.deployer)
    terms = (VOTING_DELAY, VOTING_PERIOD, THRESHOLD, QUORUM)
    governor = bench.deploy_reference("ReferenceGovernorBare", NAME, token.address, timelock.address, *terms)
    wire(bench, timelock, governor)
    return Dao(bench, governor, token, timelock, bench.deploy_own("GovernanceTarget"))


def deploy_full(bench: Bench, token: Contract, guardian: str) -> Dao:
    """The reference's Governor with the extensions whose part ours has."""
    timelock = bench.deploy_reference("ReferenceTimelock", EXECUTOR_DELAY, [], [], bench.deployer)
    terms = (VOTING_DELAY, VOTING_PERIOD, THRESHOLD, QUORUM, SUPER_QUORUM, LATE_QUORUM_EXTENSION, guardian)
    governor = bench.deploy_reference("ReferenceGovernorFull", NAME, token.address, timelock.address, terms)
    wire(bench, timelock, governor)
    return Dao(bench, governor, token, timelock, bench.deploy_own("GovernanceTarget"))


def wire(bench: Bench, timelock: Contract, governor: Contract) -> None:
    """Makes a Governor the only one that a timelock obeys."""
    for role in ("PROPOSER_ROLE", "CANCELLER_ROLE", "EXECUTOR_ROLE"):
        word = timelock.get_function_by_name(role)().call()
        bench.send(timelock.functions.grantRole(word, governor.address), bench.deployer)
    bench.send(timelock.functions.renounceRole(bytes(32), bench.deployer), bench.deployer)


def _terms(track: str, executor: Contract) -> tuple[Any, ...]:
    """A track that administers itself, as our Governor takes it: with all that the full one has."""
    lookback, pinned, co_signed = 0, False, False
    return (
        _word(track),
        executor.address,
        _word(track),
        VOTING_DELAY,
        VOTING_PERIOD,
        lookback,
        LATE_QUORUM_EXTENSION,
        THRESHOLD,
        QUORUM,
        SUPER_QUORUM,
        pinned,
        co_signed,
    )


def _word(track: str) -> bytes:
    return track.encode().ljust(32, b"\0")
