"""What an auditor checks without trusting anybody: a node's ledger, and who signed a report."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass

from eth_account import Account
from web3 import Web3

from oracles.chain.typed import COMMITTEE_NAME, Domain, Report, report_message
from oracles.ledger.merkle import leaf_hash
from oracles.ledger.note import Checkpoint, Verifier, open_checkpoint
from oracles.ledger.verify import verify_consistency, verify_inclusion
from scripts._story.nodes import Node
from scripts._story.processes import StoryFault
from scripts._story.wallets import Chain


@dataclass(frozen=True)
class Ledger:
    """A node's ledger seen from outside, checked against the key in the NodeRegistry."""

    chain: Chain
    node: Node

    def checkpoint(self) -> Checkpoint:
        """The newest checkpoint; raises NoteInvalid when the registered key did not sign it."""
        registry = self.chain.contract("NodeRegistry").functions
        node_id = bytes.fromhex(self.node.id[2:])
        epoch = registry.node(node_id).call()[2]
        key = bytes(registry.ledger_key_at(node_id, epoch).call())
        verifier = Verifier(f"westworld/node/{self.node.id}", key, epoch)
        return open_checkpoint(self.node.get("/v1/checkpoint").content, [verifier])

    def prove(self, index: int) -> bytes:
        """The leaf hash of an entry whose inclusion in the newest checkpoint was proved."""
        checkpoint = self.checkpoint()
        entry = b64decode(self.node.get("/v1/entries", start=index, end=index + 1).json()["entries"][0])
        answer = self.node.get("/v1/proof/inclusion", index=index, size=checkpoint.size).json()
        proof = [bytes.fromhex(step) for step in answer["proof"]]
        leaf = leaf_hash(entry)
        if not verify_inclusion(index, checkpoint.size, leaf, proof, checkpoint.root):
            raise StoryFault(f"entry {index} of {self.node.name} is not in its ledger")
        return leaf

    def continues(self, old: Checkpoint) -> Checkpoint:
        """The newest checkpoint, proved to contain everything that `old` did."""
        new = self.checkpoint()
        answer = self.node.get("/v1/proof/consistency", old=old.size, new=new.size).json()
        proof = [bytes.fromhex(step) for step in answer["proof"]]
        if not verify_consistency(old.size, new.size, old.root, new.root, proof):
            raise StoryFault(f"the ledger of {self.node.name} does not continue its past")
        return new


def signers(chain: Chain, transaction_hash: bytes) -> list[str]:
    """Who signed the report that a transaction brought on-chain, recovered from its call data."""
    committee = chain.contract("OracleCommittee")
    transaction = chain.web3.eth.get_transaction(transaction_hash)  # type: ignore[arg-type]
    _, arguments = committee.decode_function_input(transaction["input"])
    fields = arguments["report"]
    report = Report(*(fields.values() if isinstance(fields, dict) else fields))
    domain = Domain(COMMITTEE_NAME, chain.deployment.chain_id, Web3.to_checksum_address(committee.address))
    message = report_message(domain, report)
    return [Account.recover_message(message, signature=signature) for signature in arguments["signatures"]]
