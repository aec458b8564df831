"""Two tokens to which the same wallets do the same in the same blocks, and what differs between them.

A whole run is one `eth_simulateV1` a token: the devnet's own EVM makes the blocks and keeps nothing of them,
so each run begins with the token as it was deployed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

from daos import Bench
from eth_account import Account
from eth_account.messages import SignableMessage
from eth_utils.crypto import keccak
from solidity import compiled
from web3.contract import Contract

from oracles.chain.typed import Domain, delegation_message, permit_message
from scripts.export_abis import signature

ZERO = "0x" + "00" * 20
SECP256K1_N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
BEGIN = 2_000_100_000
"""The time of a run's first block, after all that the devnet has made."""

KEYS = [Account.from_key(keccak(text=f"twin {number}")) for number in range(5)]
ADDRESSES = [*(key.address for key in KEYS), ZERO]
NOBODY = len(KEYS)
"""The place of the zero address among the wallets."""

CHECKPOINTS = 12
"""How many checkpoints of each account are compared one by one; past votes tell of the others."""


class Step(NamedTuple):
    """What a wallet does with both tokens, some seconds after the step before; wallets by their place."""

    wait: int
    sender: int
    function: str
    arguments: tuple[int, ...]
    flaw: str = ""
    """What is wrong with the signature, where there is one: key, nonce, late, malleable or v."""


class Answer(NamedTuple):
    """What was called, whether it succeeded, what it returned or reverted with, and its events."""

    call: str
    succeeded: bool
    data: str
    events: tuple[tuple[str, ...], ...]


@dataclass
class Signers:
    """The wallets' signatures over one token's messages."""

    domain: Domain
    nonces: list[int] = field(default_factory=lambda: [0] * len(ADDRESSES))
    """What each wallet signs next: a token that takes another nonce refuses all that follows."""

    def permit(self, step: Step, now: int) -> list[Any]:
        """The arguments of a permit that lasts until now. For the zero address some wallet signs."""
        owner, spender, amount = step.arguments
        people = ADDRESSES[owner], ADDRESSES[spender]
        terms = (amount, self.nonces[owner] + (step.flaw == "nonce"), now - (step.flaw == "late"))
        signature = self.sign(owner % NOBODY, permit_message(self.domain, *people, *terms), step.flaw)
        if not step.flaw and NOBODY not in (owner, spender):
            self.nonces[owner] += 1
        return [*people, amount, terms[2], *signature]

    def delegation(self, step: Step, now: int) -> list[Any]:
        """The arguments of a delegation that lasts until now."""
        wallet, delegatee = step.arguments
        terms = (self.nonces[wallet] + (step.flaw == "nonce"), now - (step.flaw == "late"))
        message = delegation_message(self.domain, ADDRESSES[delegatee], *terms)
        signature = self.sign(wallet, message, step.flaw)
        # Signed with another key it is a delegation of that wallet's, at that wallet's nonce.
        signer = _other(wallet) if step.flaw == "key" else wallet
        if step.flaw in ("", "key", "nonce") and self.nonces[signer] == terms[0]:
            self.nonces[signer] += 1
        return [ADDRESSES[delegatee], *terms, *signature]

    def sign(self, wallet: int, message: SignableMessage, flaw: str) -> tuple[int, bytes, bytes]:
        """The parts v, r and s of a signature."""
        signed = KEYS[_other(wallet) if flaw == "key" else wallet].sign_message(message)
        v, s = (55 - signed.v, SECP256K1_N - signed.s) if flaw == "malleable" else (signed.v, signed.s)
        return 29 if flaw == "v" else v, signed.r.to_bytes(32, "big"), s.to_bytes(32, "big")


def _other(wallet: int) -> int:
    return (wallet + 1) % NOBODY


@dataclass(frozen=True)
class Twins:
    """The reference's token and ours, of which the wallets hold the same."""

    bench: Bench
    reference: Contract
    ours: Contract

    def differences(self, steps: Sequence[Step]) -> list[str]:
        """Every answer that differs, to the steps and to all that can be asked after them."""
        pairs = zip(self.answers(self.reference, steps), self.answers(self.ours, steps), strict=True)
        return [f"{wanted} of the reference, {told} of ours" for wanted, told in pairs if wanted != told]

    def answers(self, token: Contract, steps: Sequence[Step]) -> list[Answer]:
        """What a token answers to the steps, and then to everything that can be asked."""
        signers = Signers(Domain("Mesh", self.bench.devnet.chain_id, token.address))
        now, calls, cuts = BEGIN, [_block(BEGIN)], []
        labels = []
        for step in steps:
            if step.wait:
                now += step.wait
                calls.append(_block(now))
            arguments = _arguments(step, signers, now)
            calls[-1]["calls"].append(_call(token, ADDRESSES[step.sender], step.function, arguments))
            labels.append(f"{step} at {now}")
            cuts.append(_comparable(step))
        times = [int(block["blockOverrides"]["time"], 16) for block in calls]
        calls.append(_block(now + 1))
        for function, arguments in _views(times):
            calls[-1]["calls"].append(_call(token, ZERO, function, arguments))
            labels.append(f"{function}{tuple(arguments)}")
            cuts.append(None)
        request = {"blockStateCalls": calls, "validation": False, "traceTransfers": False}
        made = self.bench.devnet.request("eth_simulateV1", request, "latest")
        told = [answer for block in made for answer in block["calls"]]
        return [_answer(*each) for each in zip(labels, cuts, told, strict=True)]


def _block(time: int) -> dict[str, Any]:
    return {"blockOverrides": {"time": hex(time), "gasLimit": hex(2**40)}, "calls": []}


def _call(token: Contract, sender: str, function: str, arguments: list[Any]) -> dict[str, Any]:
    data = "0x" + _selector(function) + "".join(map(_word, arguments))
    return {"from": sender, "to": token.address, "data": data, "gas": hex(10**6)}


@cache
def _selector(function: str) -> str:
    declared = [entry for entry in compiled("ReferenceToken").abi if entry.get("name") == function]
    return keccak(text=signature(declared[0]))[:4].hex()


def _word(value: Any) -> str:
    """An argument as it is sent: all are of one word. web3's own encoder takes most of a run's time."""
    if isinstance(value, bytes):
        return value.hex()
    return f"{int(value, 16) if isinstance(value, str) else value:064x}"


def _arguments(step: Step, signers: Signers, now: int) -> list[Any]:
    """A step's arguments as they are sent: wallets' addresses, and times from now."""
    if step.function == "permit":
        return signers.permit(step, now)
    if step.function == "delegateBySig":
        return signers.delegation(step, now)
    if step.function == "getPastVotes":
        return [ADDRESSES[step.arguments[0]], now + step.arguments[1]]
    if step.function == "getPastTotalSupply":
        return [now + step.arguments[0]]
    people = {"clock": 0, "transferFrom": 2}.get(step.function, 1)
    return [*(ADDRESSES[place] for place in step.arguments[:people]), *step.arguments[people:]]


def _views(times: Sequence[int]) -> Iterator[tuple[str, list[Any]]]:
    """Everything that can be asked of a token, by function and arguments."""
    yield from (("totalSupply", []), ("clock", []))
    yield from (("getPastTotalSupply", [time]) for time in times)
    for account in ADDRESSES:
        for name in ("balanceOf", "getVotes", "delegates", "nonces", "numCheckpoints"):
            yield name, [account]
        yield from (("allowance", [account, spender]) for spender in ADDRESSES)
        yield from (("checkpoints", [account, place]) for place in range(CHECKPOINTS))
        yield from (("getPastVotes", [account, time]) for time in times)


def _comparable(step: Step) -> int | None:
    """How many bytes of an error are the same for both tokens, if not all.

    A signature is another one for each token, and so is whoever seems to have signed what he did not. The
    ceiling of the supply is ours; the supply that it stops is the same.
    """
    if step.flaw == "malleable" or (step.function == "permit" and step.flaw == "nonce"):
        return 4
    return 36 if step.function == "mint" else None


def _answer(label: str, cut: int | None, told: dict[str, Any]) -> Answer:
    succeeded = told["status"] == "0x1"
    data = told["returnData"] if succeeded or cut is None else told["returnData"][: 2 + 2 * cut]
    events = tuple((*log["topics"], log["data"]) for log in told["logs"])
    return Answer(label, succeeded, data, events)
