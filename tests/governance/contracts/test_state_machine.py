"""Token, Governor and executors together, against a plain model: whatever anybody does in whatever order,

- votes are conserved, and past votes never change;
- nothing is executed that did not pass, on its own track, and wait;
- what was cancelled or defeated is never executed;
- every state, deadline and tally is the model's, and every refusal its error.

Each run founds a DAO of its own: supplies from one unit to the most there can be, quorums of nothing, of
powers of two and of everything, proposals numbered from where a voter's slot is full.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import pytest
from ape.managers.project import ProjectManager
from budgets import runs
from devnets import StartDevnet
from eth_account.signers.local import LocalAccount
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from oracles.chain.block import Call
from oracles.chain.governor import Proposal
from oracles.chain.typed import Domain, ballot_message, extended_ballot_message, sign
from oracles.governance.proposal import CHARTER_AMENDMENT, STANDARD, draft, proposal_id

from . import governor_model as expected
from .conftest import ABSTAIN, ACTIVE, AGAINST, FOR, PENDING, QUEUED, SUCCEEDED, UNIT, ZERO, word
from .founding import SET_NUMBER, Founded, Founder, Rules
from .governor_model import FRACTIONAL, Action, Case, Model
from .wire import Refused, Wire, data, selector

EMERGENCY = "emergency_access"
WALLETS = st.integers(0, 4)
SUPPORTS = st.sampled_from([FOR, FOR, FOR, ABSTAIN, AGAINST])
SHARES = [(60, 25, 10, 4, 1), (20, 20, 20, 20, 20), (100, 0, 0, 0, 0), (34, 33, 33, 0, 0)]
SUPPLIES = [1, 2, 3, 100, 127, 400, 1_600, 3_200, 2**40, 1_000 * UNIT, 100 * 2**80, 2**95, 2**96 - 1]
FRACTIONS = [(0, 0), (0, 50), (4, 4), (5, 100), (8, 50), (25, 50), (50, 50), (100, 100), (0, 100), (1, 2)]
OWNERS = {"number": STANDARD, "charter": CHARTER_AMENDMENT, "door": EMERGENCY, "guardian": STANDARD}
OWNERS |= dict.fromkeys(("co_signer", "quorum", "super_quorum", "extension", "reserve"), STANDARD)
PROPOSAL = "(address[],uint256[],bytes[],bytes32)"
PARTS = "castVoteWithReasonAndParams(uint256,uint8,string,bytes)"
PARTS_SIGNED = "castVoteWithReasonAndParamsBySig(uint256,uint8,address,string,bytes,bytes)"
SKIPPED = selector("BallotSkipped(address,uint256,bytes4)")


def packed(fractions: Sequence[int]) -> bytes:
    """The parameters of a fractional vote."""
    return b"".join(votes.to_bytes(16, "big") for votes in fractions)


class Machine(RuleBasedStateMachine):
    """The contracts beside the model. What stands for all runs is set before them."""

    wire: ClassVar[Wire]
    founder: ClassVar[Founder]
    keys: ClassVar[list[LocalAccount]]
    targets: ClassVar[dict[str, str]]
    """Where the calls `number`, `charter` and `door` go."""
    count_slot: ClassVar[int]
    """Where the Governor counts proposals."""

    def __init__(self) -> None:
        super().__init__()
        self.snapshot = self.wire.request("evm_snapshot")
        self.wallets = [key.address for key in self.keys]

    def teardown(self) -> None:
        self.wire.request("evm_revert", self.snapshot)
        self.wire.look()

    @initialize(
        supply=st.sampled_from(SUPPLIES),
        shares=st.sampled_from(SHARES),
        fractions=st.lists(st.sampled_from(FRACTIONS), min_size=3, max_size=3),
        extension=st.sampled_from([0, 50, 600]),
        delay=st.sampled_from([0, 60]),
        threshold=st.sampled_from([0, 0, 1, 10]),
        watch=st.tuples(st.none() | WALLETS, st.none() | WALLETS),
        stores=st.booleans(),
        count=st.sampled_from([0, 0, 157, 158, 159, 318]),
    )
    def found(
        self,
        supply: int,
        shares: tuple[int, ...],
        fractions: list[tuple[int, int]],
        extension: int,
        delay: int,
        threshold: int,
        watch: tuple[int | None, int | None],
        stores: bool,
        count: int,
    ) -> None:
        least = supply * threshold // 100
        standard, charter, emergency = (
            {"threshold": least, "quorum": quorum, "super_quorum": super_quorum, "extension": extension}
            for quorum, super_quorum in fractions
        )
        tracks = [
            Rules(STANDARD, STANDARD, delay, 600, **standard),
            Rules(CHARTER_AMENDMENT, CHARTER_AMENDMENT, delay, 7_200, co_signed=True, **charter),
            Rules(
                EMERGENCY, STANDARD, 0, 600, **emergency, lookback=300, pinned=True, executor_delay=0
            ),
        ]
        token = self.founder.token(supply)
        reservations = [
            (self.targets["charter"], b"\0" * 4, CHARTER_AMENDMENT),
            (self.targets["door"], selector(SET_NUMBER), EMERGENCY),
        ]
        guardian, co_signer = (ZERO if who is None else self.wallets[who] for who in watch)
        self.dao: Founded = self.founder.found(
            token, tracks, reservations, guardian=guardian, co_signer=co_signer, stores=stores
        )
        balances = [supply * share // 100 for share in shares]
        balances[0] += supply - sum(balances)
        for wallet, balance in zip(self.wallets, balances, strict=True):
            self.founder.give(token, wallet, balance)
        self.stores = stores
        self.start_counting(count)
        self.model = Model(tracks, OWNERS, balances, *watch, self.wire.now)
        self.wait_for(self.wire.now + 400)

    def start_counting(self, count: int) -> None:
        """As if so many proposals had been made. (Their keepers are found by the Governor's nonce.)"""
        words = hex(self.count_slot), "0x" + count.to_bytes(32, "big").hex()
        self.wire.request("anvil_setStorageAt", self.dao.governor, *words)
        self.wire.request("anvil_setNonce", self.dao.governor, hex(count + 1 if self.stores else 1))
        assert self.wire.read((self.dao.governor, data("proposalCount()"), "uint256")) == [count]

    # How the two are moved side by side.

    def turn(self) -> Model:
        """The model, at the time of the next block."""
        self.model.now = self.wire.now + 1
        return self.model

    def wait_for(self, timestamp: int) -> None:
        self.wire.until(timestamp)
        self.model.now = timestamp

    def attempt(
        self, fault: str, wallet: int, payload: bytes, to: str | None = None, value: int = 0
    ) -> dict[str, Any] | None:
        """Sends; it must be refused with `fault` if there is one. Returns the receipt."""
        to = to or self.dao.governor
        try:
            receipt = self.wire.send(self.wallets[wallet], to, payload, value=value, at=self.model.now)
        except Refused as refusal:
            assert fault, f"the contracts refused what the model allows: {refusal}"
            assert refusal.data[:4] == selector(fault), f"not {fault}: {refusal}"
            return None
        assert not fault, f"the contracts allowed what the model refuses: {fault}"
        return receipt

    def way(self, verb: str, case: Case, by_id: bool) -> bytes:
        """The call that moves a proposal on, by its id or by all that it is made of."""
        if by_id:
            return data(f"{verb}(uint256)", proposal_id(case.proposal))
        return data(verb + PROPOSAL, *case.proposal.arguments(), case.proposal.description_hash)

    def call(self, action: Action) -> Call:
        """What an action of the model is on the chain."""
        number, governor = action.argument, self.dao.governor
        if action.kind in self.targets:
            return Call(self.targets[action.kind], data(SET_NUMBER, number), action.value)
        who = self.wallets[number] if number < len(self.wallets) else ZERO
        payload = {
            "guardian": lambda: data("setProposalGuardian(address)", who),
            "co_signer": lambda: data("setCoSigner(address)", who),
            "quorum": lambda: data("updateQuorumNumerator(uint256)", number),
            "super_quorum": lambda: data("updateSuperQuorumNumerator(uint256)", number),
            "extension": lambda: data("setLateQuorumVoteExtension(uint48)", number),
            "reserve": lambda: data(
                "reserveCall(address,bytes4,bytes32)",
                self.targets["number"],
                selector(SET_NUMBER),
                word(CHARTER_AMENDMENT),
            ),
        }[action.kind]()
        return Call(governor, payload, action.value)

    def any_case(self, draws: Any, states: Sequence[int] = ()) -> Case:
        """A proposal, three times of four one in those states if there is any."""
        fitting = [case for case in self.model.cases if self.model.state(case) in states]
        among = fitting if fitting and draws.draw(st.integers(0, 3)) else self.model.cases
        return among[draws.draw(st.integers(0, len(among) - 1))]

    # What anybody does.

    @rule(source=WALLETS, destination=WALLETS, portion=st.integers(0, 100))
    def transfer(self, source: int, destination: int, portion: int) -> None:
        model = self.turn()
        amount = model.balances[source] * portion // 100
        payload = data("transfer(address,uint256)", self.wallets[destination], amount)
        self.attempt("", source, payload, self.dao.token)
        model.transfer(source, destination, amount)

    @rule(wallet=WALLETS, delegatee=st.none() | WALLETS)
    def delegate(self, wallet: int, delegatee: int | None) -> None:
        address = ZERO if delegatee is None else self.wallets[delegatee]
        model = self.turn()
        self.attempt("", wallet, data("delegate(address)", address), self.dao.token)
        model.delegate(wallet, delegatee)

    @rule(seconds=st.sampled_from([1, 5, 100, 800, 8_000]))
    def wait(self, seconds: int) -> None:
        self.wait_for(self.wire.now + seconds)

    @precondition(lambda self: self.model.cases)
    @rule(draws=st.data(), before=st.integers(-1, 2))
    def wait_for_an_edge(self, draws: Any, before: int) -> None:
        """Until the very second in which a proposal's state changes, or one beside it."""
        edges = [edge for case in self.model.cases for edge in (case.snapshot, case.deadline, case.eta)]
        coming = sorted({edge - before for edge in edges if edge - before > self.wire.now})
        if coming:
            self.wait_for(draws.draw(st.sampled_from(coming[:4])))

    @rule(
        wallet=WALLETS,
        kinds=st.lists(st.sampled_from([*OWNERS, "number", "charter", "door"]), min_size=1, max_size=2),
        argument=st.integers(0, 101) | st.integers(0, 5),
        value=st.sampled_from([0, 0, 0, 1]),
        stray=st.integers(0, 5),
    )
    def propose(self, wallet: int, kinds: list[str], argument: int, value: int, stray: int) -> None:
        model = self.turn()
        targets = self.targets
        actions = tuple(Action(kind, argument, value if kind in targets else 0) for kind in kinds)
        track = list(model.tracks)[stray] if stray < 3 else model.owners[kinds[0]]
        made = draft([self.call(action) for action in actions], f"case {len(model.cases)}", track=track)
        self.submit(wallet, track, actions, made, again=False)

    @precondition(lambda self: self.model.cases)
    @rule(draws=st.data(), wallet=WALLETS)
    def propose_again(self, draws: Any, wallet: int) -> None:
        case = self.any_case(draws)
        self.turn()
        self.submit(wallet, case.track, case.actions, case.proposal, again=True)

    def submit(
        self, wallet: int, track: str, actions: tuple[Action, ...], made: Proposal, *, again: bool
    ) -> None:
        fault = self.model.propose_fault(wallet, track, actions, again=again)
        payload = data("propose(address[],uint256[],bytes[],string)", *made.arguments(), made.description)
        self.attempt(fault, wallet, payload)
        if not fault:
            self.model.propose(wallet, track, actions, made, self.stores)

    @precondition(lambda self: self.model.cases)
    @rule(draws=st.data(), wallet=WALLETS, support=SUPPORTS | st.sampled_from([3, FRACTIONAL]))
    def vote(self, draws: Any, wallet: int, support: int) -> None:
        case = self.any_case(draws, [ACTIVE])
        fault = self.turn().vote_fault(case, wallet, support, None)
        self.attempt(fault, wallet, data("castVote(uint256,uint8)", proposal_id(case.proposal), support))
        if not fault:
            self.model.vote(case, wallet, support)

    @precondition(lambda self: self.model.cases)
    @rule(draws=st.data(), wallet=WALLETS, support=st.sampled_from([FRACTIONAL] * 9 + [FOR]), signed=st.booleans())
    def vote_in_parts(self, draws: Any, wallet: int, support: int, signed: bool) -> None:
        case = self.any_case(draws, [ACTIVE])
        model = self.turn()
        fractions = draws.draw(self.parts(case, wallet))
        fault = model.vote_fault(case, wallet, support, fractions)
        arguments = proposal_id(case.proposal), support
        if signed:
            # Anybody sends it.
            voter = self.wallets[wallet]
            message = extended_ballot_message(
                self.domain, *arguments, voter, self.nonce(wallet), "so", packed(fractions)
            )
            signature = sign(self.keys[wallet], message)
            payload = data(PARTS_SIGNED, *arguments, voter, "so", packed(fractions), signature)
            self.attempt(fault, (wallet + 1) % 5, payload)
        else:
            self.attempt(fault, wallet, data(PARTS, *arguments, "so", packed(fractions)))
        if not fault:
            model.vote(case, wallet, support, fractions)

    def parts(self, case: Case, wallet: int) -> st.SearchStrategy[list[int]]:
        """Parts that just reach what matters, or just don't."""
        model = self.model
        if model.state(case) == PENDING:
            return st.just([0, 1, 0])
        left = max(0, model.remaining(case, wallet))
        in_favour, cast = case.tally(FOR), case.tally(FOR) + case.tally(ABSTAIN)
        gaps = [model.quorum(case) - cast, model.super_quorum(case) - in_favour, case.tally(AGAINST) - in_favour]
        close = [gap + by for gap in gaps for by in (-1, 0, 1) if 0 <= gap + by <= left]
        amounts = st.sampled_from([*close, 0, 1, left, left // 2, left // 3])
        zero = st.just(0)
        alone = st.one_of(st.tuples(zero, amounts, zero), st.tuples(zero, zero, amounts))
        return st.one_of(alone, alone, st.tuples(amounts, amounts, amounts)).map(list)

    @property
    def domain(self) -> Domain:
        return Domain("Westworld Governor", 31_337, self.dao.governor)

    def nonce(self, wallet: int) -> int:
        (nonce,) = self.wire.read((self.dao.governor, data("nonces(address)", self.wallets[wallet]), "uint256"))
        return int(nonce)

    @precondition(lambda self: self.model.cases)
    @rule(
        draws=st.data(),
        drawn=st.lists(
            st.tuples(WALLETS, SUPPORTS | st.just(3), st.sampled_from(["", "", "", "nonce", "key", "short"])),
            min_size=1,
            max_size=8,
        ),
        sender=WALLETS,
    )
    def vote_in_a_batch(self, draws: Any, drawn: list[tuple[int, int, str]], sender: int) -> None:
        """Good and bad ballots together: the good ones count, each bad one is skipped for its own reason."""
        model = self.turn()
        nonces = [self.nonce(wallet) for wallet in range(len(self.wallets))]
        ballots, skipped, counted = [], [], 0
        for wallet, support, spoilt in drawn:
            case = self.any_case(draws, [ACTIVE])
            identifier = proposal_id(case.proposal)
            nonce = nonces[wallet] + (spoilt == "nonce")
            message = ballot_message(self.domain, identifier, support, self.wallets[wallet], nonce)
            signature = sign(self.keys[(wallet + (spoilt == "key")) % 5], message)
            ballots.append((identifier, support, self.wallets[wallet], signature[: 64 if spoilt == "short" else 65]))
            fault = model.vote_fault(case, wallet, support, None)
            if fault or spoilt:
                skipped.append({fault, expected.BAD_SIGNATURE if spoilt else ""} - {""})
                # Two things can be wrong with a vote at once.
                skipped[-1] |= {expected.BAD_TYPE} if fault == expected.ALREADY and support == 3 else set()
                continue
            nonces[wallet] += 1
            counted += 1
            model.vote(case, wallet, support)
        receipt = self.attempt("", sender, data("castVotesBySig((uint256,uint8,address,bytes)[])", ballots))
        assert receipt is not None
        logs = [log for log in receipt["logs"] if log["topics"][0][2:10] == SKIPPED.hex()]
        reasons = [bytes.fromhex(log["data"][2 + 64 : 2 + 64 + 8]) for log in logs]
        assert len(reasons) == len(skipped)
        for reason, faults in zip(reasons, skipped, strict=True):
            assert reason in {selector(fault) for fault in faults}
        assert [self.nonce(wallet) for wallet in range(len(self.wallets))] == nonces

    @precondition(lambda self: self.model.cases)
    @rule(draws=st.data(), wallet=WALLETS, by_id=st.booleans())
    def cancel(self, draws: Any, wallet: int, by_id: bool) -> None:
        case = self.any_case(draws, [PENDING, ACTIVE, SUCCEEDED, QUEUED])
        model = self.turn()
        fault = self.kept_or(by_id, case, lambda: model.cancel_fault(case, wallet))
        self.attempt(fault, wallet, self.way("cancel", case, by_id))
        case.canceled |= not fault

    def kept_or(self, by_id: bool, case: Case, fault: Callable[[], str]) -> str:
        """What the model says, unless an id alone says nothing."""
        return expected.NONEXISTENT if by_id and not case.stored else fault()

    @precondition(lambda self: self.model.cases)
    @rule(draws=st.data(), wallet=WALLETS)
    def co_sign(self, draws: Any, wallet: int) -> None:
        case = self.any_case(draws, [SUCCEEDED, QUEUED])
        if self.model.co_signer is not None and draws.draw(st.booleans()):
            wallet = self.model.co_signer
        fault = self.turn().co_sign_fault(case, wallet)
        self.attempt(fault, wallet, data("coSign(uint256)", proposal_id(case.proposal)))
        if not fault:
            case.co_signature = wallet

    @precondition(lambda self: self.model.cases)
    @rule(draws=st.data(), wallet=WALLETS, by_id=st.booleans())
    def queue(self, draws: Any, wallet: int, by_id: bool) -> None:
        self.queue_one(self.any_case(draws, [SUCCEEDED]), wallet, by_id)

    def queue_one(self, case: Case, wallet: int, by_id: bool) -> None:
        model = self.turn()
        fault = self.kept_or(by_id, case, lambda: model.queue_fault(case))
        self.attempt(fault, wallet, self.way("queue", case, by_id))
        if not fault:
            model.queue(case)

    @precondition(lambda self: self.model.cases)
    @rule(draws=st.data(), wallet=WALLETS, by_id=st.booleans())
    def execute(self, draws: Any, wallet: int, by_id: bool) -> None:
        self.execute_one(self.any_case(draws, [QUEUED]), wallet, by_id)

    def execute_one(self, case: Case, wallet: int, by_id: bool) -> None:
        model = self.turn()
        ready = model.state(case) == QUEUED
        fault = self.kept_or(by_id, case, lambda: model.execute_fault(case) or model.execute(case))
        value = sum(action.value for action in case.actions)
        self.attempt(fault, wallet, self.way("execute", case, by_id), value=value)
        assert ready or fault

    def votable(self) -> list[Case]:
        return [case for case in self.model.cases if self.model.state(case) in (PENDING, ACTIVE)]

    @precondition(lambda self: self.votable())
    @rule(draws=st.data(), by_id=st.booleans(), fair=st.booleans())
    def take_through(self, draws: Any, by_id: bool, fair: bool) -> None:
        """The whole way at once, which single steps rarely complete."""
        among = self.votable()
        case = among[draws.draw(st.integers(0, len(among) - 1))]
        self.wait_for(max(self.wire.now, case.snapshot) + 1)
        for wallet in range(len(self.wallets)):
            support = draws.draw(SUPPORTS) if fair else FOR
            fault = self.turn().vote_fault(case, wallet, support, None)
            payload = data("castVote(uint256,uint8)", proposal_id(case.proposal), support)
            self.attempt(fault, wallet, payload)
            if not fault:
                self.model.vote(case, wallet, support)
        if self.model.state(case) == ACTIVE:
            self.wait_for(case.deadline + 1)
        self.queue_one(case, 0, by_id)
        if case.eta and not case.canceled:
            if self.model.co_signer is not None:
                self.turn()
                payload = data("coSign(uint256)", proposal_id(case.proposal))
                self.attempt("", self.model.co_signer, payload)
                case.co_signature = self.model.co_signer
            self.wait_for(max(case.eta, self.wire.now + 1))
            self.execute_one(case, 0, by_id)

    # What always holds.

    @invariant()
    def votes_are_conserved(self) -> None:
        token, model = self.dao.token, self.model
        calls = [(token, data("getVotes(address)", wallet), "uint256") for wallet in self.wallets]
        *votes, supply = self.wire.read(*calls, (token, data("totalSupply()"), "uint256"))
        assert votes == model.votes()
        idle = sum(b for b, d in zip(model.balances, model.delegatees, strict=True) if d is None)
        assert sum(votes) + idle == model.supply == supply

    @invariant()
    def past_votes_stand(self) -> None:
        history = self.model.history
        for timepoint in {history[0][0], history[len(history) // 2][0]}:
            if timepoint < self.wire.now:
                payloads = [data("getPastVotes(address,uint256)", wallet, timepoint) for wallet in self.wallets]
                past = self.wire.read(*((self.dao.token, payload, "uint256") for payload in payloads))
                assert past == self.model.votes_at(timepoint)

    @invariant()
    def nothing_was_done_but_by_vote(self) -> None:
        calls = [(target, data("calls()"), "uint256") for target in self.targets.values()]
        assert self.wire.read(*calls) == [self.model.done.get(kind, 0) for kind in self.targets]
        governor = self.dao.governor
        views = ("proposalGuardian()", "coSigner()")
        for watching, who in zip(
            self.wire.read(*((governor, data(view), "address") for view in views)),
            (self.model.guardian, self.model.co_signer),
            strict=True,
        ):
            assert int(watching, 16) == int(ZERO if who is None else self.wallets[who], 16)

    @invariant()
    def each_proposal_stands_as_it_should(self) -> None:
        model, governor = self.model, self.dao.governor
        model.now = self.wire.now
        calls, answers = [], []
        for case in model.cases:
            identifier = proposal_id(case.proposal)
            for view, kind, answer in (
                ("state", "uint8", model.state(case)),
                ("proposalVotes", "uint256 uint256 uint256", tuple(map(case.tally, (AGAINST, FOR, ABSTAIN)))),
                ("proposalDeadline", "uint256", case.deadline),
            ):
                calls.append((governor, data(f"{view}(uint256)", identifier), kind))
                answers.append(answer)
            for wallet, address in enumerate(self.wallets):
                payload = data("usedVotes(uint256,address)", identifier, address)
                calls.append((governor, payload, "uint256"))
                answers.append(case.used(wallet))
        assert self.wire.read(*calls) == answers if calls else True


def count_slot(wire: Wire, governor: str) -> int:
    """Where the Governor's storage has `proposalCount`: the slot that changes the answer."""
    for slot in range(64):
        place = (governor, "0x" + slot.to_bytes(32, "big").hex())
        kept = wire.request("eth_getStorageAt", *place, "latest")
        wire.request("anvil_setStorageAt", *place, "0x" + (77).to_bytes(32, "big").hex())
        (answer,) = wire.read((governor, data("proposalCount()"), "uint256"))
        wire.request("anvil_setStorageAt", *place, kept)
        if answer == 77:
            return slot
    raise AssertionError("no slot is the count of proposals")


@pytest.mark.feature("C9.2")
def test_nothing_happens_but_by_vote(
    project: ProjectManager, start_devnet: StartDevnet, keys: list[LocalAccount]
) -> None:
    wire = Wire(start_devnet().rpc_url)
    founder = Founder(project, wire, wire.accounts[0])
    targets = {kind: founder.deploy("GovernanceTarget") for kind in ("number", "charter", "door")}
    tracks = [Rules(STANDARD, STANDARD, 0, 600)]
    slot = count_slot(wire, founder.found(founder.token(1), tracks, []).governor)
    bound = {"wire": wire, "founder": founder, "keys": keys, "targets": targets, "count_slot": slot}
    run_state_machine_as_test(type("Bound", (Machine,), bound), settings=runs())
