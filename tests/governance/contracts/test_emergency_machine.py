"""Everything reachable from an emergency, tried by an attacker who has every vote there is.

It proposes on the emergency track alone, and whatever it does, neither the charter, nor a track, nor an
executor, nor the treasury is touched: what the executors called was reserved for emergencies, one by one.
"""

from __future__ import annotations

from random import Random
from typing import Any, ClassVar

import pytest
from ape.managers.project import ProjectManager
from budgets import runs
from devnets import StartDevnet
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from oracles.chain.block import Call
from oracles.chain.contract import load_abi
from oracles.chain.governor import Proposal
from oracles.governance.proposal import CHARTER_AMENDMENT, MAX_CALLDATA, STANDARD, proposal_id

from .conftest import FOR, UNIT, ZERO, word
from .emergency_calls import FORWARD, ROLES, Arguments, changing, encoded
from .founding import SET_NUMBER, Founded, Founder, Rules
from .wire import Wire, data, selector

EMERGENCY = "emergency_access"
TRACKS = [
    Rules(STANDARD, STANDARD, 60, 600, threshold=1),
    Rules(CHARTER_AMENDMENT, CHARTER_AMENDMENT, 60, 7_200, threshold=1, co_signed=True),
    Rules(EMERGENCY, STANDARD, 0, 100, 300, threshold=1, super_quorum=50, pinned=True, executor_delay=0),
]
PINNED = {selector(SET_NUMBER), selector(FORWARD)}
"""What the track may call of one contract, which forwards anything, as no contract in its place should."""

HONEST = f"#track={EMERGENCY}\n"
FORGED = [
    f"#track={EMERGENCY}",
    f"#track={EMERGENCY} \n",
    f"#track={EMERGENCY}\0\n",
    f"#track={STANDARD}\n",
    f"#track={CHARTER_AMENDMENT}\n",
    f"#track=\n#track={EMERGENCY}\n",
    f" #track={EMERGENCY}\n",
    f"#TRACK={EMERGENCY}\n",
    "#track=" + "e" * 40 + "\n",
]
RULES = ("set", "update", "reserve", "relay")
"""How the names of functions begin that governance alone may call."""

ACTS = ["propose"] * 3 + ["pass_"] * 4 + ["move_on"] * 3 + ["call"] * 6
WAY = "(address[],uint256[],bytes[],bytes32)"
VOTING = ("ProposalCreated", "VoteCast", "VoteCastWithParams", "ProposalExtended", "BallotSkipped")
HARMLESS = {load_abi("Governor").topic(event) for event in VOTING}
HARMLESS |= {load_abi("Governor").topic(f"Proposal{ended}") for ended in ("Queued", "Executed", "Canceled")}
EXECUTED = load_abi("Timelock").topic("CallExecuted")
KEPT = {load_abi("Timelock").topic(event) for event in ("CallScheduled", "CallSalt", "Cancelled")}


class World:
    """A DAO with a treasury, and the attacker's own contracts."""

    def __init__(self, project: ProjectManager, wire: Wire) -> None:
        founder = Founder(project, wire, wire.accounts[0])
        self.wire = wire
        self.attacker, guardian, co_signer = wire.accounts[1:4]
        self.charter = founder.deploy("Charter", ("uint256",), 1)
        self.door, self.other = founder.deploy("GovernanceTarget"), founder.deploy("GovernanceTarget")
        reservations = [(self.charter, b"\0" * 4, CHARTER_AMENDMENT)]
        reservations += [(self.door, pinned, EMERGENCY) for pinned in sorted(PINNED)]
        token = founder.token(1_000 * UNIT)
        self.dao: Founded = founder.found(token, TRACKS, reservations, guardian=guardian, co_signer=co_signer)
        self.executors = list(self.dao.executors.values())
        self.treasury = self.dao.executors[STANDARD]
        wire.send(founder.account, token, data("transfer(address,uint256)", self.treasury, 100 * UNIT))
        founder.give(token, self.attacker, 900 * UNIT)
        wire.send(founder.account, self.treasury, b"", value=UNIT)
        charter_executor = self.dao.executors[CHARTER_AMENDMENT]
        wire.send(founder.account, self.charter, data("transfer_ownership(address)", charter_executor))
        # An executor that obeys the Governor, and the attacker too.
        obeying = [self.dao.governor, self.attacker]
        kinds = ("uint256", "address[]", "address[]", "address")
        self.own_executor = founder.deploy("Timelock", kinds, 0, obeying, obeying, self.attacker)
        wire.until(wire.now + 1_000)
        self.places = {
            self.dao.governor: changing("Governor"),
            token: changing("MeshToken"),
            self.charter: changing("Charter"),
            self.door: changing("GovernanceTarget"),
            self.other: changing("GovernanceTarget"),
            **dict.fromkeys([*self.executors, self.own_executor], changing("Timelock")),
        }
        self.rules = [each for each in self.places[self.dao.governor] if each["name"].startswith(RULES)]
        self.before = self.look()
        self.start = wire.height()

    def views(self) -> list[tuple[str, bytes, str]]:
        """What an emergency must leave as it is. (Who else got a role, the executors' logs tell.)"""
        governor, token = self.dao.governor, self.dao.token
        asked = [(governor, data("track(bytes32)", word(rules.name))) for rules in TRACKS]
        plain = ("trackCount()", "proposalGuardian()", "coSigner()", "rules()", "timelock()", "token()")
        asked += [(governor, data(view)) for view in plain]
        asked += [(governor, data("trackOf(address,bytes4)", place, b"\0" * 4)) for place in self.places]
        for executor in self.executors:
            asked.append((executor, data("getMinDelay()")))
            for role in [*ROLES, b"\0" * 32]:
                holders = (self.attacker, self.door)
                asked += [(executor, data("hasRole(bytes32,address)", role, each)) for each in holders]
        asked += [(self.charter, data(view)) for view in ("owner()", "version()", "draft_digest()")]
        asked.append((token, data("balanceOf(address)", self.treasury)))
        asked.append((token, data("allowance(address,address)", self.treasury, self.attacker)))
        return [(to, payload, "raw") for to, payload in asked]

    def look(self) -> tuple[list[Any], list[int]]:
        """What the views say, and the ETH that treasury and Governor hold."""
        return self.wire.read(*self.views()), self.wire.balances([self.treasury, self.dao.governor])


class Machine(RuleBasedStateMachine):
    """The attacker. `world` is set before all runs."""

    world: ClassVar[World]

    def __init__(self) -> None:
        super().__init__()
        self.wire = self.world.wire
        self.snapshot = self.wire.request("evm_snapshot")
        world = self.world
        addresses = [*world.places, world.attacker, ZERO]
        names = [*(rules.name for rules in TRACKS), "loophole"]
        self.arguments = Arguments(addresses, names, [*PINNED, selector("transfer(address,uint256)")])
        self.proposals: list[Proposal] = []
        self.seen = world.start

    def teardown(self) -> None:
        self.wire.request("evm_revert", self.snapshot)
        self.wire.look()

    # What it can think of.

    def any_call(self, chance: Random, depth: int = 0) -> Call:
        """Any call, forwarded at most twice."""
        world = self.world
        if depth < 2 and chance.randint(0, 3) == 0:
            return self.forwarded(chance, chance.choice([world.door, world.other]), depth)
        place = chance.choice([world.dao.governor, *world.places])
        function = chance.choice(world.places[place])
        if place == world.dao.governor and chance.choice([True, True, False]):
            function = chance.choice(world.rules)
        value = chance.choice([0, 0, 0, 1])
        return Call(place, self.arguments.call(chance, function), value)

    def pinned_call(self, chance: Random) -> Call:
        """A call that the track may make."""
        if chance.randint(0, 2) == 0:
            return Call(self.world.door, data(SET_NUMBER, chance.randint(0, 3)))
        return self.forwarded(chance, self.world.door, 0)

    def forwarded(self, chance: Random, through: str, depth: int) -> Call:
        """A call through a contract: of anything, of a proposal's next step, of an executor's operation."""
        governor, known = self.world.dao.governor, self.proposals
        if known and bool(chance.randint(0, 1)):
            verb = chance.choice(["queue", "execute", "cancel"])
            proposal = chance.choice(known)
            inner = Call(governor, self.way(verb, proposal, chance.choice([True, False])))
        else:
            inner = self.any_call(chance, depth + 1)
        return Call(through, data(FORWARD, inner.to, inner.data))

    def way(self, verb: str, proposal: Proposal, by_id: bool) -> bytes:
        """The call that moves a proposal on."""
        if by_id:
            return data(f"{verb}(uint256)", proposal_id(proposal))
        return data(verb + WAY, *proposal.arguments(), proposal.description_hash)

    # What it does.

    @rule(act=st.sampled_from(ACTS), seed=st.integers(0, 2**64 - 1))
    def act(self, act: str, seed: int) -> None:
        """Does something. A seed decides what exactly: Hypothesis gives up runs that draw as much as this."""
        getattr(self, act)(Random(seed))

    def propose(self, chance: Random) -> None:
        kinds = chance.choices([True, False, False], k=chance.choice([1, 1, 1, 2, 3]))
        calls = tuple(self.pinned_call(chance) if pinned else self.any_call(chance) for pinned in kinds)
        prefix = chance.choice([HONEST] * 15 + FORGED)
        self.submit(Proposal(calls, f"{prefix}{len(self.proposals)} {self.wire.now}"))

    def submit(self, proposal: Proposal) -> bool:
        """Proposes; returns whether it is an emergency's, since the attacker uses no other here."""
        world, governor = self.world, self.world.dao.governor
        payload = data(
            "propose(address[],uint256[],bytes[],string)", *proposal.arguments(), proposal.description
        )
        # Names are filled up with zeros: one that ends in zeros is the same name.
        honest = proposal.description.replace("\0", "").startswith(HONEST)
        pinned = all(
            call.to == world.door and call.data[:4] in PINNED and call.value == 0 for call in proposal.calls
        )
        pinned = pinned and all(len(call.data) <= MAX_CALLDATA for call in proposal.calls)
        made = int(self.wire.attempt(world.attacker, governor, payload)["status"], 16) == 1
        if honest:
            assert made == pinned, (
                "an emergency took a call that is not reserved for it, or refused one that is"
            )
        if not made:
            return False
        identifier = proposal_id(proposal)
        (track,) = self.wire.read((governor, data("proposalTrack(uint256)", identifier), "bytes32"))
        assert (track == word(EMERGENCY)) == honest
        if honest:
            self.proposals.append(proposal)
            self.arguments.ids.append(identifier)
            self.arguments.operations.append(encoded((*proposal.arguments(), proposal.description_hash)))
        return honest

    def pass_(self, chance: Random) -> None:
        """Takes something that the track may do through the whole way, as far as it goes."""
        world, governor = self.world, self.world.dao.governor
        calls = [self.pinned_call(chance) for _ in range(chance.randint(1, 2))]
        proposal = Proposal(tuple(calls), f"{HONEST}{len(self.proposals)} {self.wire.now}")
        if not self.submit(proposal):
            return  # its calldata is too long
        self.wire.send(world.attacker, governor, data("castVote(uint256,uint8)", proposal_id(proposal), FOR))
        by_id = chance.choice([True, False])
        self.wire.send(world.attacker, governor, self.way("queue", proposal, by_id))
        value = chance.choice([0, 0, 1])
        self.wire.attempt(world.attacker, governor, self.way("execute", proposal, by_id), value=value)

    def move_on(self, chance: Random) -> None:
        """Votes on, queues, executes or withdraws one of its proposals; or lets time pass."""
        verb = chance.choice(["vote", "vote", "queue", "execute", "execute", "cancel", "wait"])
        if verb == "wait" or not self.proposals:
            self.wire.until(self.wire.now + chance.choice([1, 99, 100, 101]))
            return
        proposal = chance.choice(self.proposals[-4:])
        payload = data("castVote(uint256,uint8)", proposal_id(proposal), FOR)
        if verb != "vote":
            payload = self.way(verb, proposal, chance.choice([True, False]))
        self.wire.attempt(self.world.attacker, self.world.dao.governor, payload)

    def call(self, chance: Random) -> None:
        """Calls anything itself, but neither proposes on another track nor gives its votes away."""
        call = self.any_call(chance)
        apart = {selector("propose(address[],uint256[],bytes[],string)")}
        apart |= {selector(f"{name}") for name in ("transfer(address,uint256)", "delegate(address)")}
        if call.data[:4] not in apart:
            self.wire.attempt(self.world.attacker, call.to, call.data, value=call.value)

    # What never happens.

    @invariant()
    def nothing_else_was_touched(self) -> None:
        said, held = self.world.look()
        said_before, held_before = self.world.before
        assert said == said_before
        assert all(now >= before for now, before in zip(held, held_before, strict=True))

    @invariant()
    def only_what_is_reserved_was_called(self) -> None:
        """By what the executors and the Governor say themselves."""
        world = self.world
        logs, self.seen = self.wire.logs_after(self.seen)
        emergency = world.dao.executors[EMERGENCY].lower()
        for log in logs:
            topic, address = bytes.fromhex(log["topics"][0][2:]), log["address"].lower()
            if address == world.dao.governor.lower():
                assert topic in HARMLESS
            elif topic == EXECUTED and address in {each.lower() for each in world.executors}:
                assert address == emergency
                arguments = bytes.fromhex(log["data"][2:])
                assert "0x" + arguments[12:32].hex() == world.door.lower()
                assert arguments[32:64] == b"\0" * 32
                assert arguments[128:132] in PINNED  # after target, value, the data's place and length
            elif address in {each.lower() for each in world.executors}:
                assert topic in KEPT
                assert address == emergency
            else:
                assert address in {each.lower() for each in (world.dao.token, world.own_executor)}


@pytest.mark.feature("C9.2")
def test_an_emergency_reaches_nothing_else(project: ProjectManager, start_devnet: StartDevnet) -> None:
    world = World(project, Wire(start_devnet().rpc_url))
    run_state_machine_as_test(type("Bound", (Machine,), {"world": world}), settings=runs())
