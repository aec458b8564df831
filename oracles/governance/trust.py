"""Who holds which power, as `docs/trust.md` states it and as the chain has it.

The document is the promise, the chain is the fact. `stated` reads the table of the one, `deployed`
reads the roles of the other, and `differences` names every disagreement. Roles of the executors are
rebuilt from their `RoleGranted` and `RoleRevoked` events, and reserved calls are looked for in the
Governor's `CallReserved`, so that a holder or an exception nobody thought of shows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from eth_typing import ChecksumAddress
from web3 import Web3
from web3.contract import Contract

ANYBODY = "0x0000000000000000000000000000000000000000"
EXECUTORS = ("StandardExecutor", "CharterExecutor")
ROLES = ("DEFAULT_ADMIN_ROLE", "PROPOSER_ROLE", "CANCELLER_ROLE", "EXECUTOR_ROLE")
WATCHED = ("Charter", "CharterExecutor", "Governor", "StandardExecutor")  # targets whose track is stated
OWNED = ("Charter", "NodeRegistry", "OracleCommittee", "ViolationRegistry")
#: What a contract relies on for good, by the getter that names it.
FIXED = (
    ("Governor", "token"),
    ("NodeRegistry", "token"),
    ("ViolationRegistry", "charter"),
    ("ViolationRegistry", "nodes"),
    ("ViolationRegistry", "token"),
)
HEADING = ("Contract", "Power", "Held by")


@dataclass(frozen=True, order=True)
class Power:
    """One power over one contract, and those who hold it.

    Attributes:
        contract: name of the contract, as the deployment file has it.
        name: what the power is, such as `owner` or `PROPOSER_ROLE`.
        holders: contract names where known, addresses otherwise; empty when nobody holds it.

    """

    contract: str
    name: str
    holders: tuple[str, ...]


def stated(document: str) -> frozenset[Power]:
    """The powers in the table of a trust document.

    The table is the one headed `Contract | Power | Held by`; holders are separated by commas, and
    "nobody" stands for none.

    Raises:
        ValueError: the document has no such table.

    """
    lines = [line.strip() for line in document.splitlines()]
    heading = f"| {' | '.join(HEADING)} |"
    if heading not in lines:
        raise ValueError(f"the trust document has no table headed {heading}")
    rows = takewhile(lambda line: line.startswith("|"), lines[lines.index(heading) + 2 :])
    powers = set()
    for row in rows:
        contract, name, held_by = (cell.strip().strip("`") for cell in row.strip("|").split("|"))
        holders = (holder.strip().strip("`") for holder in held_by.split(","))
        powers.add(Power(contract, name, tuple(sorted(h for h in holders if h != "nobody"))))
    return frozenset(powers)


def deployed(
    web3: Web3,
    addresses: Mapping[str, str],
    abis: Mapping[str, Sequence[Any]],
    from_block: int,
) -> frozenset[Power]:
    """The powers as a chain has them at its latest block.

    Args:
        web3: a connection to the chain.
        addresses: every deployed contract by name; the two executors under their own names.
        abis: the contracts' ABIs by the same names.
        from_block: the block of the deployment, from which role events are read.

    """
    names = {Web3.to_checksum_address(address): name for name, address in addresses.items()}

    def contract(name: str) -> Contract:
        return web3.eth.contract(address=Web3.to_checksum_address(addresses[name]), abi=abis[name])

    def named(holder: ChecksumAddress) -> str:
        return "anybody" if holder == ANYBODY else names.get(holder, holder)

    def single(contract_name: str, power: str, holder: ChecksumAddress) -> Power:
        return Power(contract_name, power, () if holder == ANYBODY else (named(holder),))

    powers = {single(name, "owner", contract(name).functions.owner().call()) for name in OWNED}
    nodes, committee = contract("NodeRegistry"), contract("OracleCommittee")
    powers.add(single("NodeRegistry", "arbiter", nodes.functions.arbiter().call()))
    topic = Web3.keccak(text="charter")
    powers.add(single("OracleCommittee", "consumer of charter", committee.functions.consumer(topic).call()))
    powers.add(single("NodeRegistry", "treasury", nodes.functions.treasury().call()))
    violations = contract("ViolationRegistry")
    powers.add(single("ViolationRegistry", "committee", violations.functions.committee().call()))
    powers |= {single(name, getter, contract(name).functions[getter]().call()) for name, getter in FIXED}
    governor = contract("Governor")
    for index in range(governor.functions.trackCount().call()):
        track = governor.functions.trackName(index).call()
        _, executor, administrator, *_ = governor.functions.track(track).call()
        powers.add(single("Governor", f"executor of {_word(track)}", Web3.to_checksum_address(executor)))
        powers.add(Power("Governor", f"administrator of {_word(track)}", (_word(administrator),)))
    # Reserved calls are read from the events, too: one that nobody thought of, of a single function, shows.
    reserved = [log["args"] for log in governor.events.CallReserved().get_logs(from_block=from_block)]
    calls = {(Web3.to_checksum_address(args["target"]), bytes(args["selector"])) for args in reserved}
    calls |= {(Web3.to_checksum_address(addresses[name]), bytes(4)) for name in WATCHED}
    for target, selector in calls:
        what = f" by 0x{selector.hex()}" if any(selector) else ""
        owner = _word(governor.functions.trackOf(target, selector).call())
        powers.add(Power("Governor", f"calls to {named(target)}{what}", (owner,)))
    for name in EXECUTORS:
        executor = contract(name)
        holders = _role_holders(executor, from_block)
        for role in ROLES:
            held = holders.get(bytes(executor.functions[role]().call()), set())
            powers.add(Power(name, role, tuple(sorted(named(holder) for holder in held))))
    return frozenset(powers)


def differences(promised: frozenset[Power], found: frozenset[Power]) -> list[str]:
    """Every disagreement between the document and the chain, one sentence each; empty when they agree."""
    promises = {(power.contract, power.name): power.holders for power in promised}
    facts = {(power.contract, power.name): power.holders for power in found}
    return [
        f"{contract}: {name} is held by {_spoken(facts.get(key))}, "
        f"the trust document says {_spoken(promises.get(key))}"
        for key in sorted(promises.keys() | facts.keys())
        if promises.get(key) != facts.get(key)
        for contract, name in [key]
    ]


def _role_holders(executor: Contract, from_block: int) -> dict[bytes, set[ChecksumAddress]]:
    """Present holders of each role, from the grants and revocations in the order they happened."""
    granted = executor.events.RoleGranted().get_logs(from_block=from_block)
    revoked = executor.events.RoleRevoked().get_logs(from_block=from_block)
    holders: dict[bytes, set[ChecksumAddress]] = {}
    for log in sorted([*granted, *revoked], key=lambda log: (log["blockNumber"], log["logIndex"])):
        held = holders.setdefault(bytes(log["args"]["role"]), set())
        account = log["args"]["account"]
        held.add(account) if log["event"] == "RoleGranted" else held.discard(account)
    return holders


def _word(name: bytes) -> str:
    return name.rstrip(b"\0").decode()


def _spoken(holders: tuple[str, ...] | None) -> str:
    if holders is None:
        return "nothing of it"
    return ", ".join(holders) or "nobody"
