"""The people of the story: keys made for this run alone, and what a wallet does with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from eth_account import Account
from eth_account.signers.local import LocalAccount
from pydantic import SecretStr
from web3 import Web3
from web3.contract import Contract
from web3.contract.contract import ContractFunction
from web3.types import EventData, TxParams, TxReceipt, Wei

from oracles.chain.contract import load_abi
from oracles.chain.deployment import Deployment
from oracles.daemon.keystore import save_account
from scripts._devnet import Devnet
from scripts._story.processes import PATIENCE, StoryFault

CHEAP_SCRYPT = 2**12  # these keys live for a minute; real ones are saved at the library's own cost
ETHER = 10**18
TOKEN = 10**18
PASSWORD = SecretStr("a demonstration")


class Chain:
    """The devnet as a wallet sees it: its contracts, and transactions that are mined when a call returns."""

    def __init__(self, devnet: Devnet, deployment: Deployment) -> None:
        self.devnet = devnet
        self.deployment = deployment
        self.web3 = Web3(Web3.HTTPProvider(devnet.rpc_url))

    def contract(self, name: str) -> Contract:
        """A deployed contract by its name in the deployment file."""
        abi = "Timelock" if name.endswith("Executor") else name
        return self.web3.eth.contract(
            address=Web3.to_checksum_address(self.deployment.address(name)), abi=load_abi(abi).entries
        )

    def send(self, sender: LocalAccount, call: ContractFunction) -> TxReceipt:
        """Signs and sends a call, and waits for its receipt; raises StoryFault when it reverted."""
        transaction = call.build_transaction(
            {
                "from": sender.address,
                "gas": call.estimate_gas({"from": sender.address}) * 5 // 4,
                "nonce": self.web3.eth.get_transaction_count(sender.address, "pending"),
            }
        )
        return self._mined(sender, transaction)

    def relay(self, relayer: LocalAccount, prepared: dict[str, Any]) -> TxReceipt:
        """Sends a transaction that somebody else prepared, as `charter-admin report` writes it."""
        request: TxParams = {
            "from": relayer.address,
            "to": prepared["to"],
            "data": prepared["data"],
            "chainId": prepared["chain_id"],
            "nonce": self.web3.eth.get_transaction_count(relayer.address, "pending"),
            "maxFeePerGas": Wei(2 * self.web3.eth.gas_price),
            "maxPriorityFeePerGas": self.web3.eth.max_priority_fee,
        }
        request["gas"] = self.web3.eth.estimate_gas(request) * 5 // 4
        return self._mined(relayer, request)

    def fund(self, account: LocalAccount) -> LocalAccount:
        """Gives a new account coins for gas; returns it."""
        self.devnet.request("anvil_setBalance", account.address, hex(10 * ETHER))
        return account

    def logs(self, contract: str, event: str, **arguments: Any) -> list[EventData]:
        """All such events so far, oldest first."""
        wanted = self.contract(contract).events[event]()
        return list(wanted.get_logs(from_block=self.deployment.deployed_block, argument_filters=arguments))

    def events(self, contract: str, event: str, **arguments: Any) -> list[dict[str, Any]]:
        """The arguments of all such events so far, oldest first."""
        return [dict(log["args"]) for log in self.logs(contract, event, **arguments)]

    def all_logs(self, contract: str) -> list[EventData]:
        """Every event of a contract in the order in which they happened."""
        deployed = self.contract(contract)
        names = [entry["name"] for entry in deployed.abi if entry["type"] == "event"]
        found = [log for name in names for log in self.logs(contract, name)]
        return sorted(found, key=lambda log: (log["blockNumber"], log["logIndex"]))

    def _mined(self, sender: LocalAccount, transaction: TxParams) -> TxReceipt:
        raw = sender.sign_transaction(cast(dict[str, Any], transaction)).raw_transaction
        receipt = self.web3.eth.wait_for_transaction_receipt(
            self.web3.eth.send_raw_transaction(raw), timeout=PATIENCE, poll_latency=0.05
        )
        if receipt["status"] != 1:
            raise StoryFault(f"transaction {receipt['transactionHash'].hex()} reverted")
        return receipt


def new_account() -> LocalAccount:
    """A fresh chain key."""
    account: LocalAccount = Account.create()
    return account


def keep(account: LocalAccount, path: Path) -> Path:
    """Seals a key into a V3 keystore, as a daemon takes it; returns the path."""
    save_account(path, account, PASSWORD, iterations=CHEAP_SCRYPT)
    return path
