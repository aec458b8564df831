"""Two Governors on one devnet, ours and the reference's, that are told the same and must answer the same.

They share a token and a target; each has a timelock, and a spare one. What differs by nature are addresses,
and what is hashed from them: the ids of proposals that call their own Governor, the salts and the ids of
operations. All of those are replaced by neutral words before answers, errors and events are compared, byte by
byte.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from eth_abi.abi import encode
from eth_utils.crypto import keccak
from solidity import compiled

from scripts._devnet import Devnet

UNIT = 10**18
ZERO = "0x" + "00" * 20
NAME = "Westworld Governor"
CALL_GAS = 14_000_000
"""Each side's: two such transactions fit a block of anvil's."""


@cache
def selector(signature: str) -> bytes:
    """The first four bytes of a function's or an error's hash."""
    return bytes(keccak(text=signature)[:4])


def calldata(signature: str, *arguments: Any) -> bytes:
    """A call of a function without tuples among its arguments."""
    kinds = [kind for kind in signature[signature.index("(") + 1 : -1].split(",") if kind]
    return selector(signature) + encode(kinds, arguments)


def raw(address: str) -> bytes:
    """The 20 bytes of an address."""
    return bytes.fromhex(address[2:])


@dataclass(frozen=True)
class Terms:
    """The rules under which both Governors of a pair decide."""

    delay: int
    period: int
    threshold: int
    quorum: int
    super_quorum: int
    extension: int
    guardian: str
    executor_delay: int


@dataclass
class Side:
    """One of the two Governors, with what differs between them by nature."""

    name: str
    governor: str
    timelock: str
    spare: str
    words: list[tuple[bytes, bytes]] = field(init=False)

    def __post_init__(self) -> None:
        own = (self.governor, self.timelock, self.spare)
        names = (b"the Governor", b"the timelock", b"the spare one")
        self.words = [(raw(a), name.ljust(20, b".")) for a, name in zip(own, names, strict=True)]

    def neutral(self, data: bytes) -> bytes:
        """The data with neutral words for what differs by nature."""
        for found, word in self.words:
            data = data.replace(found, word)
        return data


@dataclass(frozen=True)
class Outcome:
    """What came of a call: what it returned, or what it reverted with."""

    ok: bool
    data: bytes

    def __str__(self) -> str:
        return f"{'returned' if self.ok else 'reverted with'} {self.data.hex() or 'nothing'}"


@dataclass(frozen=True)
class Request:
    """A call as one side gets it."""

    to: str
    data: bytes


Make = Callable[[Side], Request]


class Chain:
    """A devnet that makes blocks only when told to, spoken to over one open connection."""

    def __init__(self, devnet: Devnet) -> None:
        parts = urlsplit(devnet.rpc_url)
        self.devnet = devnet
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)

    def _post(self, body: Any) -> Any:
        self._connection.request("POST", "/", json.dumps(body), {"Content-Type": "application/json"})
        return json.loads(self._connection.getresponse().read())

    def ask(self, method: str, *params: Any) -> Any:
        """The result of one request; an error fails the test."""
        answer = self._post({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        assert "result" in answer, f"{method}: {answer}"
        return answer["result"]

    def time(self) -> int:
        """The time of the latest block, in seconds."""
        return int(self.ask("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def calls(self, requests: Sequence[Request], sender: str, time: int, value: int = 0) -> list[Outcome]:
        """What each call would come to in a block of that time; nothing is sent."""
        body = [
            {
                "jsonrpc": "2.0",
                "id": n,
                "method": "eth_call",
                "params": [_transaction(request, sender, value), "latest", {}, {"time": hex(time)}],
            }
            for n, request in enumerate(requests)
        ]
        answers = sorted(self._post(body), key=lambda answer: int(answer["id"]))
        return [_outcome(answer) for answer in answers]

    def send(self, requests: Sequence[Request], sender: str, time: int, value: int = 0) -> list[list[Any]]:
        """Sends the calls in one block of that time; returns each one's logs. All of them must succeed."""
        for request in requests:
            self.ask("eth_sendTransaction", _transaction(request, sender, value))
        self.ask("evm_mine", {"timestamp": time, "blocks": 1})
        receipts = self.ask("eth_getBlockReceipts", "latest")
        assert [receipt["status"] for receipt in receipts] == ["0x1"] * len(requests)
        return [receipt["logs"] for receipt in receipts]

    def deploy(self, code: str, arguments: bytes, sender: str) -> str:
        """The address of a new contract."""
        data = f"0x{code.removeprefix('0x')}{arguments.hex()}"
        sent = self.ask("eth_sendTransaction", {"from": sender, "data": data, "gas": hex(2 * CALL_GAS)})
        self.ask("evm_mine")
        receipt = self.ask("eth_getTransactionReceipt", sent)
        assert receipt["status"] == "0x1", "the contract was not deployed"
        return str(receipt["contractAddress"])


def _transaction(request: Request, sender: str, value: int) -> dict[str, str]:
    return {
        "from": sender,
        "to": request.to,
        "data": "0x" + request.data.hex(),
        "value": hex(value),
        "gas": hex(CALL_GAS),
    }


def _outcome(answer: dict[str, Any]) -> Outcome:
    if "result" in answer:
        return Outcome(True, bytes.fromhex(answer["result"][2:]))
    fault = answer["error"]
    data = fault.get("data") or "0x"
    assert data != "0x" or "revert" in fault["message"], f"not a revert: {fault}"
    return Outcome(False, bytes.fromhex(data[2:]))


def events(logs: Sequence[Any], side: Side) -> list[tuple[bytes, ...]]:
    """Each event as emitter, data and topics, in neutral words."""
    found = []
    for log in logs:
        parts = [log["address"], log["data"], *log["topics"]]
        found.append(tuple(side.neutral(bytes.fromhex(part[2:])) for part in parts))
    return found


class Reads:
    """Many views of one contract or several, asked for in one call."""

    def __init__(self) -> None:
        self.labels: list[str] = []
        self.packed = b""

    def add(self, label: str, to: str, data: bytes) -> None:
        """Adds a view; the label is what a difference is reported under."""
        self.labels.append(label)
        self.packed += raw(to) + len(data).to_bytes(2, "big") + data

    def answers(self, packed: bytes) -> Iterator[tuple[str, Outcome]]:
        """What each view answered."""
        at = 0
        for label in self.labels:
            size = int.from_bytes(packed[at + 1 : at + 5], "big")
            yield label, Outcome(packed[at] == 1, packed[at + 5 : at + 5 + size])
            at += 5 + size


class Own:
    """The creation code of our contracts, as ape compiled them."""

    def __init__(self, project: Any) -> None:
        self._project = project

    def code(self, name: str) -> str:
        """The creation code of a contract, in hexadecimal digits."""
        return str(self._project.get_contract(name).contract_type.deployment_bytecode.bytecode)


@dataclass
class World:
    """The devnet with all that both sides share, and the pairs of Governors."""

    chain: Chain
    people: tuple[str, ...]
    """Five holders, one who holds nothing, and the keeper: both timelocks obey it too."""
    wallet: str
    """A contract with votes: it accepts the digest itself as its signature (ERC-1271)."""
    token: str
    target: str
    reader: str
    pairs: list[tuple[Side, Side]]

    @property
    def keeper(self) -> str:
        """Who may schedule, cancel and execute in the timelocks beside their Governors."""
        return self.people[-1]


SHARES = (400, 250, 200, 100, 40)
"""What each of the first five people holds, in tokens, and has delegated to itself."""
WALLET_SHARE = 10


def build(devnet: Devnet, project: Any, terms: Sequence[Callable[[tuple[str, ...]], Terms]]) -> World:
    """Deploys everything. Each of `terms` gets the people's addresses and makes one pair of Governors."""
    chain, own = Chain(devnet), Own(project)
    deployer = devnet.account(0).address
    people = tuple(devnet.account(n).address for n in range(1, 8))
    token = chain.deploy(
        compiled("ReferenceToken").bytecode, encode(["string", "string"], ["Mesh", "MESH"]), deployer
    )
    wallet = chain.deploy(own.code("ContractWallet"), encode(["bool"], [False]), deployer)
    target = chain.deploy(own.code("GovernanceTarget"), b"", deployer)
    reader = chain.deploy(compiled("Reader").bytecode, b"", deployer)
    world = World(chain, people, wallet, token, target, reader, [])

    def send(to: str, data: bytes, sender: str = deployer) -> None:
        chain.send([Request(to, data)], sender, chain.time() + 1)

    for holder, share in (*zip(people, SHARES, strict=False), (wallet, WALLET_SHARE)):
        send(token, calldata("mint(address,uint256)", holder, share * UNIT))
    for person in people[: len(SHARES)]:
        send(token, calldata("delegate(address)", person), person)
    delegation = calldata("delegate(address)", wallet)
    send(wallet, calldata("forward(address,bytes)", token, delegation))

    rules = chain.deploy(own.code("GovernorRules"), encode(["address"], [token]), deployer)
    for make in terms:
        agreed = make(people)
        timelocks = [_timelock(chain, code, agreed, deployer) for code in _timelock_codes(own)]
        ours = Side("ours", _ours(chain, own, world, rules, timelocks[0], agreed, deployer), *timelocks[:2])
        theirs = Side("theirs", _theirs(chain, world, timelocks[2], agreed, deployer), *timelocks[2:])
        for side in (ours, theirs):
            for timelock in (side.timelock, side.spare):
                chain.ask("anvil_setBalance", timelock, hex(100 * UNIT))
                for role in ("PROPOSER_ROLE", "CANCELLER_ROLE", "EXECUTOR_ROLE"):
                    for account in (side.governor, world.keeper):
                        send(timelock, calldata("grantRole(bytes32,address)", keccak(text=role), account))
                send(timelock, calldata("renounceRole(bytes32,address)", bytes(32), deployer))
        world.pairs.append((ours, theirs))
    return world


def _timelock_codes(own: Own) -> list[str]:
    return [own.code("Timelock")] * 2 + [compiled("ReferenceTimelock").bytecode] * 2


def _timelock(chain: Chain, code: str, terms: Terms, deployer: str) -> str:
    kinds = ["uint256", "address[]", "address[]", "address"]
    return chain.deploy(code, encode(kinds, [terms.executor_delay, [], [], deployer]), deployer)


def _ours(
    chain: Chain, own: Own, world: World, rules: str, timelock: str, terms: Terms, deployer: str
) -> str:
    standard = b"standard".ljust(32, b"\0")
    lookback, pinned, co_signed, stores = 0, False, False, True
    spans = (terms.delay, terms.period, lookback, terms.extension)
    shares = (terms.threshold, terms.quorum, terms.super_quorum)
    track = (standard, timelock, standard, *spans, *shares, pinned, co_signed)
    kind = (
        "(bytes32,address,bytes32,uint48,uint32,uint32,uint48,uint256,uint256,uint256,bool,bool)[]",
        "(address,bytes4,bytes32)[]",
    )
    arguments = encode(
        ["string", "address", "address", *kind, "address", "address", "bool"],
        [NAME, world.token, rules, [track], [], terms.guardian, ZERO, stores],
    )
    return chain.deploy(own.code("Governor"), arguments, deployer)


def _theirs(chain: Chain, world: World, timelock: str, terms: Terms, deployer: str) -> str:
    settled = (terms.delay, terms.period, terms.threshold, terms.quorum, terms.super_quorum)
    arguments = encode(
        ["string", "address", "address", "(uint48,uint32,uint256,uint256,uint256,uint48,address)"],
        [NAME, world.token, timelock, (*settled, terms.extension, terms.guardian)],
    )
    return chain.deploy(compiled("ReferenceGovernorFull").bytecode, arguments, deployer)
