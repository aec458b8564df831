"""A run of random steps that our Governor and the reference's take side by side, compared after each.

After a step that changes anything, what everybody can ask of a Governor and of its timelock is asked of both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
)

from oracles.chain.governor import Proposal, ProposalState
from oracles.chain.typed import Domain, ballot_message, digest, extended_ballot_message, sign
from oracles.governance.proposal import operation_id, proposal_id

from .actions import SETTERS, Action, actions
from .differences import EXTENDED, EXTENDED_BY_NOTHING, INTENDED, OWN_EVENTS
from .peers import (
    NAME,
    SHARES,
    UNIT,
    ZERO,
    Make,
    Outcome,
    Reads,
    Request,
    Side,
    Terms,
    World,
    calldata,
    events,
    raw,
    selector,
)

MAX_PROPOSALS = 10

PEOPLE = st.integers(0, len(SHARES) + 1)
WALLET = len(SHARES) + 2
VOTERS = PEOPLE | st.just(WALLET)
SUBJECTS = st.integers(0, MAX_PROPOSALS - 1)
EARLY = st.sampled_from((False, False, False, True))
SUPPORT = st.sampled_from((1, 1, 1, 0, 2, 3, 255))
TELL = Action("target", "set_number(uint256)", 7)
WAYS = ("queue", "execute", "cancel")
ARRAYS = "(address[],uint256[],bytes[],bytes32)"
_CALLS = actions.map(lambda action: [action]) | st.lists(actions, min_size=1, max_size=3)
_SETTERS = (
    *sorted(SETTERS),
    "setProposalGuardian(address)",
    "updateTimelock(address)",
    "relay(address,uint256,bytes)",
)
EDGES = ("snapshot", "deadline", "eta")

TERMS: tuple[Callable[[tuple[str, ...]], Terms], ...] = (
    lambda people: Terms(60, 600, 50 * UNIT, 30, 60, 120, ZERO, 30),
    lambda people: Terms(10, 100, 0, 45, 100, 100, people[3], 0),
    lambda people: Terms(0, 30, UNIT, 1, 50, 20, people[5], 1_000),
)
"""A DAO as usual; one with a guardian, whose quorum takes two; one whose quorum nearly everybody reaches."""


class Case:
    """A proposal as each side has it, by the side's name."""

    def __init__(
        self, sides: Sequence[Side], proposals: Sequence[Proposal], proposer: int, calls: Sequence[Action]
    ) -> None:
        self.proposer, self.calls = proposer, calls
        self.proposals = {side.name: proposal for side, proposal in zip(sides, proposals, strict=True)}
        self.ids = {name: proposal_id(proposal) for name, proposal in self.proposals.items()}
        self.operations = {
            side.name: operation_id(self.proposals[side.name], side.governor) for side in sides
        }

    def proposed(self, side: Side) -> tuple[Any, ...]:
        """The arguments of propose."""
        proposal = self.proposals[side.name]
        return (*proposal.arguments(), proposal.description)

    def arrays(self, side: Side) -> tuple[Any, ...]:
        """The arguments of queue, execute and cancel."""
        proposal = self.proposals[side.name]
        return (*proposal.arguments(), proposal.description_hash)

    def salt(self, side: Side) -> bytes:
        """The salt of its operation."""
        own = raw(side.governor).ljust(32, b"\0")
        return bytes(a ^ b for a, b in zip(own, self.proposals[side.name].description_hash, strict=True))


@dataclass(frozen=True)
class Step:
    """A step of a run by its name, with its arguments."""

    name: str
    arguments: dict[str, Any]

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(f'{name}={value!r}' for name, value in self.arguments.items())})"


_steps: list[st.SearchStrategy[Step]] = []

Method = TypeVar("Method", bound=Callable[..., None])


def step(weight: int, /, **arguments: st.SearchStrategy[Any]) -> Callable[[Method], Method]:
    """Makes a method one of the steps. Hypothesis would leave out half of the rules in each run, and run the
    others equally often; few proposals would come to their end.
    """

    def take(method: Method) -> Method:
        _steps.extend([st.builds(Step, st.just(method.__name__), st.fixed_dictionaries(arguments))] * weight)
        return method

    return take


class Duel(RuleBasedStateMachine):
    """One run. `world` and `seen` are set before."""

    world: World
    seen: Counter[str]

    def __init__(self) -> None:
        super().__init__()
        self.chain = self.world.chain
        self.snapshot = self.chain.ask("evm_snapshot")
        self.now = self.chain.time() + 2
        self.cases: list[Case] = []
        self.states: list[int] = []
        """The proposals' states at the time of the next block."""
        self.ballots: list[tuple[Case, str, Make]] = []
        self.over = False
        self.words: list[list[tuple[bytes, bytes]]] = []

    @initialize(pair=st.integers(0, len(TERMS) - 1), calls=st.lists(_CALLS, min_size=1, max_size=3))
    def begin(self, pair: int, calls: list[list[Action]]) -> None:
        """Chooses a DAO, where one person has proposed something already."""
        self.sides: tuple[Side, ...] = self.world.pairs[pair]
        self.words = [list(side.words) for side in self.sides]
        for number, some in enumerate(calls):
            self.submit(0, some, f"first {number}")

    def teardown(self) -> None:
        if self.words:
            for side, words in zip(self.sides, self.words, strict=True):
                side.words = words
        assert self.chain.ask("evm_revert", self.snapshot)

    # How a step is made and compared.

    def person(self, index: int) -> str:
        return self.world.wallet if index == WALLET else self.world.people[index]

    def both(self, requests: Sequence[Request], sender: str, value: int = 0) -> list[Outcome]:
        """What both sides would answer, in neutral words; nothing is sent."""
        found = self.chain.calls(requests, sender, self.now, value)
        return [
            Outcome(outcome.ok, side.neutral(outcome.data))
            for side, outcome in zip(self.sides, found, strict=True)
        ]

    def duel(self, make: Make, sender: str, value: int = 0, case: Case | None = None) -> bool:
        """Asks both sides the same, and compares; what both accept is done. Returns whether it was.

        `case` is the proposal that the step is about.
        """
        requests = [make(side) for side in self.sides]
        ours, theirs = self.both(requests, sender, value)
        if ours != theirs:
            for difference in INTENDED:
                if difference.shows(ours, theirs, case.calls if case else ()):
                    self.seen[difference.what] += 1
                    return False
            self.differ(f"asked for {requests[1].data[:4].hex()}: ours {ours}, theirs {theirs}")
            return False
        self.seen[f"{requests[1].data[:4].hex()} {'done' if ours.ok else ours.data[:4].hex()}"] += 1
        if ours.ok:
            logs = self.chain.send(requests, sender, self.now, value)
            self.now += 1
            told, expected = (events(log, side) for log, side in zip(logs, self.sides, strict=True))
            told = [event for event in told if event[2] not in OWN_EVENTS]
            if told != expected:
                if case and _unextended(told) == _unextended(expected) and self.needs_none(case):
                    self.seen[EXTENDED_BY_NOTHING] += 1
                    self.over = True
                    return True
                self.differ(f"events: ours {_shown(told)}, theirs {_shown(expected)}")
            self.compare_state()
        return ours.ok

    def needs_none(self, case: Case) -> bool:
        """Whether the quorum of a proposal is no votes at all."""
        return self.number("quorum(uint256)", self.moment(case, "snapshot")) == 0

    def differ(self, how: str) -> None:
        """Fails the run: nobody meant this."""
        raise AssertionError(how)

    def to_governor(self, signature: str, *arguments: Any) -> Make:
        data = calldata(signature, *arguments)
        return lambda side: Request(side.governor, data)

    def by_id(self, signature: str, case: Case, *arguments: Any) -> Make:
        return lambda side: Request(side.governor, calldata(signature, case.ids[side.name], *arguments))

    def by_arrays(self, step: str, case: Case) -> Make:
        return lambda side: Request(side.governor, calldata(step + ARRAYS, *case.arrays(side)))

    def ask(self, make: Make, side: Side) -> Outcome:
        return self.chain.calls([make(side)], ZERO, self.now)[0]

    def number(self, view: str, *arguments: Any) -> int:
        return int.from_bytes(self.ask(self.to_governor(view, *arguments), self.sides[1]).data, "big")

    def case(self, subject: int, *states: ProposalState) -> Case:
        """A proposal, the latest first; one in one of these states, if there is any."""
        wanted = [case for case, state in zip(self.cases, self.states, strict=True) if state in states]
        cases = wanted or self.cases
        return cases[-1 - subject % len(cases)]

    def moment(self, case: Case, edge: str) -> int:
        word = f"proposal{edge.capitalize()}(uint256)"
        return int.from_bytes(self.ask(self.by_id(word, case), self.sides[1]).data, "big")

    def state(self, case: Case) -> int:
        return self.states[self.cases.index(case)]

    def reads(self, side: Side) -> Reads:
        """All that both sides are asked after a step."""
        reads = Reads()

        def ask(view: str, *words: int, to: str = side.governor) -> None:
            data = selector(view) + b"".join(word.to_bytes(32, "big") for word in words)
            reads.add(f"{view} {words}", to, data)

        for view in _VIEWS:
            ask(view)
        for timepoint in (0, self.now - 60, self.now - 1, self.now):
            for view in _VIEWS_AT:
                ask(view, timepoint)
        voters = [int(self.person(index), 16) for index in range(WALLET + 1)]
        for voter in voters:
            ask("nonces(address)", voter)
        ask("proposalDetailsAt(uint256)", 0)
        ask("state(uint256)", 1)
        ask("getMinDelay()", to=side.timelock)
        for case in self.cases:
            number = case.ids[side.name]
            for view in _VIEWS_OF:
                ask(view, number)
            for voter in voters:
                ask("usedVotes(uint256,address)", number, voter)
                ask("hasVoted(uint256,address)", number, voter)
            operation = int.from_bytes(case.operations[side.name], "big")
            ask("getOperationState(bytes32)", operation, to=side.timelock)
            ask("getTimestamp(bytes32)", operation, to=side.timelock)
        ask("proposalDetailsAt(uint256)", max(0, len(self.cases) - 1))
        return reads

    def compare_state(self) -> None:
        reads = [self.reads(side) for side in self.sides]
        requests = [Request(self.world.reader, read.packed) for read in reads]
        found = self.chain.calls(requests, ZERO, self.now)
        assert all(outcome.ok for outcome in found), "the reader ran out of gas"
        told = [side.neutral(outcome.data) for side, outcome in zip(self.sides, found, strict=True)]
        if told[0] == told[1]:
            answers = (outcome for label, outcome in reads[1].answers(told[1]) if label.startswith("state("))
            self.states = [int.from_bytes(outcome.data, "big") for outcome in answers if outcome.ok]
            return
        pairs = zip(reads[0].answers(told[0]), reads[1].answers(told[1]), strict=True)
        differing = [
            f"{label}: ours {own}, theirs {peer}" for (_, own), (label, peer) in pairs if own != peer
        ]
        self.differ("state: " + "; ".join(differing))

    @rule(step=st.deferred(lambda: st.one_of(_steps)))
    def go_on(self, step: Step) -> None:
        if not self.over and (self.cases or "subject" not in step.arguments):
            getattr(self, step.name)(**step.arguments)

    # The steps.

    @step(
        4,
        proposer=PEOPLE,
        calls=_CALLS,
        text=st.integers(0, 3),
        suffix=st.sampled_from(("", "", "", "right", "wrong", "broken", "early")),
    )
    def propose(self, proposer: int, calls: list[Action], text: int, suffix: str) -> None:
        person = self.person(proposer)
        description = (f"why {text} at {self.now}" if text else "why") + {
            "": "",
            "right": f"#proposer={person}",
            "wrong": f"#proposer={self.person((proposer + 1) % len(SHARES))}",
            "broken": f"#proposer={person[:-1]}g",
            "early": f"#proposer={person} and more",
        }[suffix]
        self.submit(proposer, calls, description)

    def submit(self, proposer: int, calls: Sequence[Action], description: str) -> None:
        proposals = [
            Proposal(tuple(action.call(self.world, side) for action in calls), description)
            for side in self.sides
        ]
        case = Case(self.sides, proposals, proposer, calls)
        if all(case.ids != other.ids for other in self.cases):
            if len(self.cases) == MAX_PROPOSALS:
                return
            self.learn(case)
        # What is asked after the step is asked of the new one too.
        self.cases.append(case)
        if not self.duel(self.proposing(case), self.person(proposer)):
            self.cases.pop()

    def learn(self, case: Case) -> None:
        """Makes the sides call by one name what depends on their addresses."""
        count = len(self.cases)
        for side in self.sides:
            for word, name in (
                (case.ids[side.name].to_bytes(32, "big"), f"proposal {count}"),
                (case.operations[side.name], f"operation {count}"),
                (case.salt(side), f"salt {case.proposals[side.name].description}"),
            ):
                side.words.append((word, keccak(text=name)))

    def proposing(self, case: Case) -> Make:
        signature = "propose(address[],uint256[],bytes[],string)"
        return lambda side: Request(side.governor, calldata(signature, *case.proposed(side)))

    @step(
        1,
        person=PEOPLE,
        step=st.sampled_from(("propose", *WAYS)),
        counts=st.tuples(*[st.integers(0, 2)] * 3),
    )
    def take_unequal_arrays(self, person: int, step: str, counts: tuple[int, int, int]) -> None:
        targets, values, data = counts
        arrays = ([self.world.target] * targets, [0] * values, [b""] * data)
        if step != "propose":
            make = self.to_governor(step + ARRAYS, *arrays, keccak(text="unequal"))
        elif targets != values or targets != data or targets == 0:
            make = self.to_governor("propose(address[],uint256[],bytes[],string)", *arrays, "unequal")
        else:
            return
        assert not self.duel(make, self.person(person)), "unequal arrays were accepted"

    @step(1, subject=SUBJECTS, proposer=PEOPLE)
    def propose_again(self, subject: int, proposer: int) -> None:
        again = self.proposing(self.case(subject))
        assert not self.duel(again, self.person(proposer)), "the same was proposed twice"

    @step(4, subject=SUBJECTS)
    def advance(self, subject: int) -> None:
        """The next thing on a proposal's way, by whom it succeeds."""
        self.next_step(self.case(subject, *_OPEN_STATES))

    @step(4, subject=SUBJECTS)
    def decide(self, subject: int) -> None:
        """The vote, won by the two who have most votes."""
        case = self.case(subject, ProposalState.PENDING, ProposalState.ACTIVE)
        for _ in range(2):
            if self.state(case) in (ProposalState.PENDING, ProposalState.ACTIVE):
                self.next_step(case)

    @step(3, subject=SUBJECTS)
    def finish(self, subject: int) -> None:
        """All that is left of a proposal's way."""
        case = self.case(subject, *_OPEN_STATES)
        for _ in range(4):
            self.next_step(case)

    def next_step(self, case: Case) -> None:
        state = self.state(case)
        anybody = self.world.people[5]
        if state == ProposalState.PENDING:
            self.reach(self.moment(case, "snapshot") + 1)
        elif state == ProposalState.ACTIVE:
            for voter in (0, 1):
                self.duel(self.by_id("castVote(uint256,uint8)", case, 1), self.person(voter), case=case)
            self.reach(self.moment(case, "deadline") + 1)
        elif state == ProposalState.SUCCEEDED:
            self.duel(self.by_arrays("queue", case), anybody, case=case)
        elif state == ProposalState.QUEUED:
            self.reach(self.moment(case, "eta"))
            self.duel(self.by_arrays("execute", case), anybody, case=case)

    def open(self, subject: int, early: bool) -> Case:
        """A proposal that is voted on, a new one if there is none; or, if it is to be too early, any."""
        if early:
            return self.case(subject)
        if not {ProposalState.PENDING, ProposalState.ACTIVE} & set(self.states):
            self.submit(0, [TELL], f"to vote on at {self.now}")
        case = self.case(subject, ProposalState.PENDING, ProposalState.ACTIVE)
        self.reach(self.moment(case, "snapshot") + 1)
        return case

    def reach(self, moment: int) -> None:
        """The next block is of that time at the earliest."""
        if moment < 2**40:
            self.now = max(self.now, moment)
            self.compare_state()

    @step(2, subject=SUBJECTS, edge=st.sampled_from(EDGES), offset=st.integers(-1, 1))
    def wait(self, subject: int, edge: str, offset: int) -> None:
        self.reach(self.moment(self.case(subject), edge) + offset)

    @step(
        3,
        subject=SUBJECTS,
        voter=PEOPLE,
        support=SUPPORT,
        reason=st.sampled_from((None, "", "because", "é" * 500)),
        early=EARLY,
    )
    def vote(self, subject: int, voter: int, support: int, reason: str | None, early: bool) -> None:
        case = self.open(subject, early)
        make = (
            self.by_id("castVote(uint256,uint8)", case, support)
            if reason is None
            else self.by_id("castVoteWithReason(uint256,uint8,string)", case, support, reason)
        )
        self.duel(make, self.person(voter), case=case)

    @step(
        3,
        subject=SUBJECTS,
        voter=PEOPLE,
        support=SUPPORT,
        parts=st.none() | st.tuples(*[st.integers(0, 60)] * 3),
        cut=st.sampled_from((0, 0, 0, -1, 1)),
        early=EARLY,
    )
    def vote_in_parts(
        self,
        subject: int,
        voter: int,
        support: int,
        parts: tuple[int, int, int] | None,
        cut: int,
        early: bool,
    ) -> None:
        case = self.open(subject, early)
        self.duel(
            self.by_id(
                "castVoteWithReasonAndParams(uint256,uint8,string,bytes)",
                case,
                255 if parts else support,
                "in parts",
                _fractions(parts, cut),
            ),
            self.person(voter),
            case=case,
        )

    @step(
        4,
        subject=SUBJECTS,
        voter=VOTERS,
        relayer=PEOPLE,
        support=SUPPORT,
        parts=st.none() | st.tuples(*[st.integers(0, 60)] * 3),
        extended=st.booleans(),
        flaw=st.sampled_from((*[""] * 18, "nonce", "signer", "short", "high s", "zero", "v")),
        early=EARLY,
    )
    def vote_by_signature(
        self,
        subject: int,
        voter: int,
        relayer: int,
        support: int,
        parts: tuple[int, int, int] | None,
        extended: bool,
        flaw: str,
        early: bool,
    ) -> None:
        case, account = self.open(subject, early), self.person(voter)
        support = 255 if parts and extended else support
        nonce = self.number("nonces(address)", account) + (1 if flaw == "nonce" else 0)
        params = _fractions(parts, 0)

        def make(side: Side) -> Request:
            domain = Domain(NAME, self.chain.devnet.chain_id, side.governor)
            number = case.ids[side.name]
            if extended:
                message = extended_ballot_message(domain, number, support, account, nonce, "why", params)
            else:
                message = ballot_message(domain, number, support, account, nonce)
            if voter == WALLET:
                signature = digest(message)
            else:
                signature = sign(self.key(voter + 1 if flaw == "signer" else voter), message)
            signature = _flawed(signature, flaw)
            if extended:
                data = calldata(_EXTENDED_BY_SIG, number, support, account, "why", params, signature)
            else:
                data = calldata(_BY_SIG, number, support, account, signature)
            return Request(side.governor, data)

        made = {side.name: make(side) for side in self.sides}
        self.ballots.append((case, self.person(relayer), lambda side: made[side.name]))
        self.duel(self.ballots[-1][2], self.person(relayer), case=case)

    def key(self, person: int) -> LocalAccount:
        return self.chain.devnet.account(person % len(self.world.people) + 1)

    @step(1, ballot=st.integers(0, 20))
    def replay(self, ballot: int) -> None:
        if not self.ballots:
            return
        case, relayer, make = self.ballots[ballot % len(self.ballots)]
        self.duel(make, relayer, case=case)

    @step(
        5,
        subject=SUBJECTS,
        step=st.sampled_from(WAYS),
        actor=PEOPLE,
        stored=st.booleans(),
        value=st.sampled_from((0, 0, 0, 0, 1, UNIT)),
        early=EARLY,
    )
    def take(self, subject: int, step: str, actor: int, stored: bool, value: int, early: bool) -> None:
        """Queue, execute or cancel, with the arrays or by what is stored."""
        case = self.case(subject, *() if early else _READY[step])
        if step == "cancel" and actor in (1, 2):
            actor = case.proposer
        if step == "execute" and not early:
            self.reach(self.moment(case, "eta"))
        make = self.by_id(f"{step}(uint256)", case) if stored else self.by_arrays(step, case)
        self.duel(make, self.person(actor), value if step == "execute" or value == 1 else 0, case)

    @step(1, step=st.sampled_from(WAYS), actor=PEOPLE)
    def take_unknown(self, step: str, actor: int) -> None:
        self.duel(self.to_governor(f"{step}(uint256)", 5), self.person(actor))

    @step(1, actor=st.integers(0, len(SHARES) + 1), setter=st.sampled_from(_SETTERS), word=st.integers(0, 5))
    def set_as_stranger(self, actor: int, setter: str, word: int) -> None:
        data = selector(setter) + word.to_bytes(32, "big")
        if setter.startswith("relay"):
            data = calldata(setter, self.world.target, word, b"")
        self.duel(lambda side: Request(side.governor, data), self.person(actor))

    @step(
        1, actor=PEOPLE, data=st.sampled_from((b"", b"\1", b"\1\2\3\4", b"\0" * 36)), value=st.integers(0, 1)
    )
    def send_anything(self, actor: int, data: bytes, value: int) -> None:
        self.duel(lambda side: Request(side.governor, data), self.person(actor), value)

    @step(
        2,
        subject=SUBJECTS,
        step=st.sampled_from(("cancel", "execute", "schedule")),
        actor=st.sampled_from((6, 6, 0, 5)),
    )
    def go_round_the_governor(self, subject: int, step: str, actor: int) -> None:
        """What the Governor asks of its timelock, asked by somebody else (the keeper may)."""
        case = self.case(subject)

        def make(side: Side) -> Request:
            batch = (*case.arrays(side)[:3], bytes(32), case.salt(side))
            kinds = "address[],uint256[],bytes[],bytes32,bytes32"
            if step == "cancel":
                return Request(side.timelock, calldata("cancel(bytes32)", case.operations[side.name]))
            if step == "execute":
                return Request(side.timelock, calldata(f"executeBatch({kinds})", *batch))
            return Request(side.timelock, calldata(f"scheduleBatch({kinds},uint256)", *batch, 1_000))

        self.duel(make, self.person(actor))

    @step(
        2, source=PEOPLE, destination=PEOPLE, portion=st.sampled_from((1, 50, 100)), delegates=st.booleans()
    )
    def change_votes(self, source: int, destination: int, portion: int, delegates: bool) -> None:
        """The token is one for both sides: nothing to compare but what they make of it."""
        holder, other = self.person(source), self.person(destination)
        data = calldata("delegate(address)", other)
        if not delegates:
            balance = calldata("balanceOf(address)", holder)
            held = self.chain.calls([Request(self.world.token, balance)], ZERO, self.now)[0].data
            data = calldata("transfer(address,uint256)", other, int.from_bytes(held, "big") * portion // 100)
        self.chain.send([Request(self.world.token, data)], holder, self.now)
        self.now += 1
        self.compare_state()

    @step(1, person=PEOPLE, tokens=st.sampled_from((1, 1_000)))
    def grow_supply(self, person: int, tokens: int) -> None:
        data = calldata("mint(address,uint256)", self.person(person), tokens * UNIT)
        self.chain.send([Request(self.world.token, data)], self.person(person), self.now)
        self.now += 1
        self.compare_state()


_OPEN_STATES = (
    ProposalState.PENDING,
    ProposalState.ACTIVE,
    ProposalState.SUCCEEDED,
    ProposalState.QUEUED,
)
_READY = {
    "queue": (ProposalState.SUCCEEDED,),
    "execute": (ProposalState.QUEUED,),
    "cancel": _OPEN_STATES,
}
_BY_SIG = "castVoteBySig(uint256,uint8,address,bytes)"
_EXTENDED_BY_SIG = "castVoteWithReasonAndParamsBySig(uint256,uint8,address,string,bytes,bytes)"
_VIEWS = (
    "name()",
    "version()",
    "clock()",
    "CLOCK_MODE()",
    "COUNTING_MODE()",
    "token()",
    "timelock()",
    "votingDelay()",
    "votingPeriod()",
    "proposalThreshold()",
    "quorumNumerator()",
    "quorumDenominator()",
    "superQuorumNumerator()",
    "lateQuorumVoteExtension()",
    "proposalGuardian()",
    "proposalCount()",
)
_VIEWS_AT = (
    "quorum(uint256)",
    "superQuorum(uint256)",
    "quorumNumerator(uint256)",
    "superQuorumNumerator(uint256)",
)
_VIEWS_OF = (
    "state(uint256)",
    "proposalSnapshot(uint256)",
    "proposalDeadline(uint256)",
    "proposalEta(uint256)",
    "proposalProposer(uint256)",
    "proposalVotes(uint256)",
    "proposalNeedsQueuing(uint256)",
    "proposalDetails(uint256)",
)


def _fractions(parts: tuple[int, int, int] | None, cut: int) -> bytes:
    """The parameters of a vote in parts, in tokens; too short or too long by `cut`."""
    if parts is None:
        return b""
    packed = b"".join((part * UNIT).to_bytes(16, "big") for part in parts)
    return packed[:cut] if cut < 0 else packed + b"\0" * cut


_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def _flawed(signature: bytes, flaw: str) -> bytes:
    """A signature with something wrong with its form."""
    if flaw == "short":
        return signature[:-1]
    if flaw == "zero":
        return bytes(len(signature))
    if len(signature) != 65:
        return signature
    if flaw == "v":
        return signature[:64] + bytes([signature[64] - 27])
    if flaw == "high s":
        s = _ORDER - int.from_bytes(signature[32:64], "big")
        return signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])
    return signature


def _unextended(found: Sequence[tuple[bytes, ...]]) -> list[tuple[bytes, ...]]:
    return [event for event in found if event[2] != EXTENDED]


def _shown(found: Sequence[tuple[bytes, ...]]) -> list[list[str]]:
    return [[part.hex() if len(part) < 200 else f"{part[:64].hex()}…" for part in event] for event in found]
