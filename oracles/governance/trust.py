"""Who holds which power and how fast it works, as `docs/trust.md` states it and as the chain has it.

The document is the promise, the chain is the fact. `stated` reads the tables of the one, `deployed`
reads the contracts of the other, and `differences` names every disagreement. Roles of the executors are
rebuilt from their `RoleGranted` and `RoleRevoked` events; reserved calls, topics and minters are looked for
in `CallReserved`, `TopicSet` and `MintBudgetSet`, so that a holder or an exception nobody thought of shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from eth_typing import ChecksumAddress
from web3 import Web3
from web3.contract import Contract

ANYBODY = "0x0000000000000000000000000000000000000000"
#: Each track has an executor of its own.
EXECUTOR_OF = {
    "standard": "StandardExecutor",
    "charter_amendment": "CharterExecutor",
    "experiment_approval": "ExperimentExecutor",
    "emergency_access": "EmergencyExecutor",
    "restart": "RestartExecutor",
}
TRACK_OF = {executor: track for track, executor in EXECUTOR_OF.items()}
EXECUTORS = tuple(TRACK_OF)
#: The ABI of a contract that is deployed under another name, or as a part of another.
ABI_OF = {**dict.fromkeys(EXECUTORS, "Timelock"), "GovernorRules": "Governor"}
ROLES = ("DEFAULT_ADMIN_ROLE", "PROPOSER_ROLE", "CANCELLER_ROLE", "EXECUTOR_ROLE")
WATCHED = ("Charter", "Governor", *EXECUTORS)  # targets whose track is stated
OWNED = ("Charter", "MeshToken", "NodeRegistry", "OracleCommittee", "ViolationRegistry")
#: What a contract relies on for good, by the getter that names it.
FIXED = (
    ("Governor", "rules"),
    ("Governor", "token"),
    ("GovernorRules", "token"),
    ("NodeRegistry", "token"),
    ("ViolationRegistry", "charter"),
    ("ViolationRegistry", "nodes"),
    ("ViolationRegistry", "token"),
)
#: Seats that people hold, by the getter of their members.
SEATED = (("OracleCommittee", "members"), ("ViolationRegistry", "auditors"))
TOPIC = "charter"
POWERS = ("Contract", "Power", "Held by")
MEASURES = ("Contract", "Time or quorum", "At least")
UNITS = {"s": 1, "min": 60, "h": 3600, "%": 1}


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


@dataclass(frozen=True, order=True)
class Measure:
    """How long something takes, or how many votes it takes.

    Attributes:
        contract: name of the contract, as the deployment file has it.
        name: what is measured, such as `voting period of standard`.
        amount: in seconds; a quorum in percent of the supply.

    """

    contract: str
    name: str
    amount: int


@dataclass(frozen=True, order=True)
class Seats:
    """A body of people: the contract that seats it, its members in ascending order, how many decide."""

    contract: str
    members: tuple[str, ...]
    threshold: int


@dataclass(frozen=True)
class Trust:
    """Who is trusted with what. A document names no seats: they differ from network to network."""

    powers: frozenset[Power]
    measures: frozenset[Measure]
    seats: frozenset[Seats] = frozenset()


def stated(document: str) -> Trust:
    """The powers and the least times and quorums in the tables of a trust document.

    Holders of a power are separated by commas, and "nobody" stands for none; an amount has a unit of `UNITS`.

    Raises:
        ValueError: the document lacks one of the tables, or a row cannot be read.

    """
    powers = set()
    for contract, name, held_by in _rows(document, POWERS):
        holders = (holder.strip().strip("`") for holder in held_by.split(","))
        powers.add(Power(contract, name, tuple(sorted(h for h in holders if h != "nobody"))))
    measures = set()
    for contract, name, amount in _rows(document, MEASURES):
        number, _, unit = amount.partition(" ")
        if not number.isdecimal() or unit not in UNITS:
            raise ValueError(
                f"the trust document has {amount!r} for {name}: say a number of {', '.join(UNITS)}"
            )
        measures.add(Measure(contract, name, int(number) * UNITS[unit]))
    return Trust(frozenset(powers), frozenset(measures))


def deployed(
    web3: Web3,
    addresses: Mapping[str, str],
    abis: Mapping[str, Sequence[Any]],
    from_block: int,
) -> Trust:
    """The powers, times, quorums and seats as a chain has them at its latest block.

    Args:
        web3: a connection to the chain.
        addresses: every deployed contract by name; the executors under their own names.
        abis: the contracts' ABIs by the same names.
        from_block: the block of the deployment, from which events are read.

    """
    names = {Web3.to_checksum_address(address): name for name, address in addresses.items()}

    def contract(name: str) -> Contract:
        return web3.eth.contract(address=Web3.to_checksum_address(addresses[name]), abi=abis[name])

    def named(holder: ChecksumAddress) -> str:
        return "anybody" if holder == ANYBODY else names.get(holder, holder)

    def single(contract_name: str, power: str, holder: ChecksumAddress) -> Power:
        return Power(contract_name, power, () if holder == ANYBODY else (named(holder),))

    powers = {single(name, "owner", contract(name).functions.owner().call()) for name in OWNED}
    minters = _minters(contract("MeshToken"), from_block)
    powers.add(Power("MeshToken", "minters", tuple(sorted(named(minter) for minter in minters))))
    nodes, committee = contract("NodeRegistry"), contract("OracleCommittee")
    powers.add(single("NodeRegistry", "arbiter", nodes.functions.arbiter().call()))
    powers |= {
        single("OracleCommittee", f"consumer of {topic}", consumer)
        for topic, consumer in _consumers(committee, from_block).items()
    }
    powers.add(single("NodeRegistry", "treasury", nodes.functions.treasury().call()))
    violations = contract("ViolationRegistry")
    powers.add(single("ViolationRegistry", "committee", violations.functions.committee().call()))
    powers |= {single(name, getter, contract(name).functions[getter]().call()) for name, getter in FIXED}
    governor, measures = contract("Governor"), set()
    for power, getter in (("guardian", "proposalGuardian"), ("co-signer", "coSigner")):
        powers.add(single("Governor", power, governor.functions[getter]().call()))
    flagged: dict[str, set[str]] = {"pinned tracks": set(), "co-signed tracks": set()}
    for index in range(governor.functions.trackCount().call()):
        track = governor.functions.trackName(index).call()
        name, of = _word(track), f"of {_word(track)}"
        # In the order of the contract's `Track`.
        _, executor, administrator, delay, period, lookback, _, _, quorum, _, pinned, co_signed = (
            governor.functions.track(track).call()
        )
        measures |= {
            Measure("Governor", f"voting delay {of}", delay),
            Measure("Governor", f"voting period {of}", period),
            Measure("Governor", f"lookback {of}", lookback),
            Measure("Governor", f"quorum {of}", quorum),
        }
        powers.add(single("Governor", f"executor {of}", Web3.to_checksum_address(executor)))
        powers.add(Power("Governor", f"administrator {of}", (_word(administrator),)))
        for flag, is_set in (("pinned tracks", pinned), ("co-signed tracks", co_signed)):
            flagged[flag] |= {name} if is_set else set()
    powers |= {Power("Governor", flag, tuple(sorted(names))) for flag, names in flagged.items()}
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
        measures.add(Measure(name, "minimum delay", executor.functions.getMinDelay().call()))
    seats = set()
    for name, getter in SEATED:
        functions = contract(name).functions
        members = tuple(sorted(functions[getter]().call(), key=str.lower))
        seats.add(Seats(name, members, functions.threshold().call()))
    return Trust(frozenset(powers), frozenset(measures), frozenset(seats))


def differences(promised: Trust, found: Trust) -> list[str]:
    """Every disagreement between a promise and a chain, one sentence each; empty when they agree.

    Powers must be equal and amounts reached. Seats must be equal where the promise names them.
    """
    return [
        *other_holders(promised.powers, found.powers),
        *shortfalls(promised.measures, found.measures),
        *_other_seats(promised.seats, found.seats),
    ]


def shortfalls(promised: frozenset[Measure], found: frozenset[Measure]) -> list[str]:
    """Every time and quorum below what is promised, one sentence each."""
    facts = {(measure.contract, measure.name): measure for measure in found}
    return [
        f"{least.contract}: {least.name} is {spoken(fact) if fact else 'not there'}, "
        f"the trust document says at least {spoken(least)}"
        for least in sorted(promised)
        for fact in [facts.get((least.contract, least.name))]
        if fact is None or fact.amount < least.amount
    ]


def other_holders(promised: frozenset[Power], found: frozenset[Power]) -> list[str]:
    """Every power that is not held by whom a promise names, one sentence each."""
    promises = {(power.contract, power.name): power.holders for power in promised}
    facts = {(power.contract, power.name): power.holders for power in found}
    return [
        f"{contract}: {name} is held by {_spoken(facts.get(key))}, "
        f"the trust document says {_spoken(promises.get(key))}"
        for key in sorted(promises.keys() | facts.keys())
        if promises.get(key) != facts.get(key)
        for contract, name in [key]
    ]


def spoken(measure: Measure) -> str:
    """The amount with its unit."""
    return f"{measure.amount} {'%' if measure.name.startswith('quorum') else 's'}"


def _other_seats(promised: frozenset[Seats], found: frozenset[Seats]) -> list[str]:
    facts = {seats.contract: seats for seats in found}
    return [
        f"{seats.contract}: {fact.threshold} of {_spoken(fact.members)} decide, "
        f"the plan says {seats.threshold} of {_spoken(seats.members)}"
        for seats in sorted(promised)
        for fact in [facts[seats.contract]]
        if fact != seats
    ]


def _rows(document: str, heading: tuple[str, str, str]) -> Iterator[tuple[str, str, str]]:
    """The cells of a table's rows, by its heading."""
    lines = [line.strip() for line in document.splitlines()]
    head = f"| {' | '.join(heading)} |"
    if head not in lines:
        raise ValueError(f"the trust document has no table headed {head}")
    for row in takewhile(lambda line: line.startswith("|"), lines[lines.index(head) + 2 :]):
        cells = [cell.strip().strip("`") for cell in row.strip("|").split("|")]
        if len(cells) != len(heading):
            raise ValueError(f"the trust document has a row of {len(cells)} cells under {head}: {row}")
        yield cells[0], cells[1], cells[2]


def _consumers(committee: Contract, from_block: int) -> dict[str, ChecksumAddress]:
    """Whoever receives a topic's reports: of ours, and of any other that is open."""
    ours = bytes(Web3.keccak(text=TOPIC))
    logs = committee.events.TopicSet().get_logs(from_block=from_block)
    topics = {ours} | {bytes(log["args"]["topic"]) for log in logs}
    consumers = {topic: committee.functions.consumer(topic).call() for topic in topics}
    return {
        TOPIC if topic == ours else f"0x{topic.hex()}": consumer
        for topic, consumer in consumers.items()
        if topic == ours or consumer != ANYBODY
    }


def _minters(token: Contract, from_block: int) -> set[ChecksumAddress]:
    """Whoever has a budget left to create tokens of."""
    logs = token.events.MintBudgetSet().get_logs(from_block=from_block)
    given = {log["args"]["minter"] for log in logs}
    return {minter for minter in given if token.functions.mintBudget(minter).call()}


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
    return name.rstrip(b"\0").decode(errors="backslashreplace")


def _spoken(holders: tuple[str, ...] | None) -> str:
    if holders is None:
        return "nothing of it"
    return ", ".join(holders) or "nobody"
