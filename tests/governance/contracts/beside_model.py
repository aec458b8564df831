"""The contracts beside their model, before anybody does anything: founded, moved together, compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from eth_account.signers.local import LocalAccount
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant

from oracles.chain.block import Call
from oracles.chain.typed import Domain
from oracles.governance.proposal import CHARTER_AMENDMENT, STANDARD, proposal_id

from .conftest import ABSTAIN, ACTIVE, AGAINST, FOR, PENDING, ZERO, word
from .founding import SET_NUMBER, Founded, Founder, Rules
from .governor_model import NONEXISTENT, Action, Case, Model
from .wire import Refused, Wire, data, selector

EMERGENCY = "emergency_access"
OWNERS = {"number": STANDARD, "charter": CHARTER_AMENDMENT, "door": EMERGENCY, "guardian": STANDARD}
OWNERS |= dict.fromkeys(("co_signer", "quorum", "super_quorum", "extension", "reserve"), STANDARD)
"""Each kind of call that proposals make, and the track that owns it at first."""

PROPOSAL = "(address[],uint256[],bytes[],bytes32)"


class Beside(RuleBasedStateMachine):
    """What stands for all runs is set before them; a run founds a DAO of its own."""

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

    def begin(
        self,
        tracks: list[Rules],
        balances: list[int],
        watch: tuple[int | None, int | None],
        stores: bool,
        count: int,
    ) -> None:
        """Founds a DAO that counts its proposals from `count`, with guardian and co-signer."""
        token = self.founder.token(sum(balances))
        reservations = [
            (self.targets["charter"], b"\0" * 4, CHARTER_AMENDMENT),
            (self.targets["door"], selector(SET_NUMBER), EMERGENCY),
        ]
        guardian, co_signer = (ZERO if who is None else self.wallets[who] for who in watch)
        self.dao: Founded = self.founder.found(
            token, tracks, reservations, guardian=guardian, co_signer=co_signer, stores=stores
        )
        for wallet, balance in zip(self.wallets, balances, strict=True):
            self.founder.give(token, wallet, balance)
        self.stores = stores
        self.start_counting(count)
        self.model = Model(tracks, OWNERS, balances, *watch, self.wire.now)
        # An emergency counts the votes of 300 seconds before.
        self.wait_for(self.wire.now + 400)

    def start_counting(self, count: int) -> None:
        """As if so many proposals had been made. (Their keepers are found by the Governor's nonce.)"""
        words = hex(self.count_slot), "0x" + count.to_bytes(32, "big").hex()
        self.wire.request("anvil_setStorageAt", self.dao.governor, *words)
        self.wire.request("anvil_setNonce", self.dao.governor, hex(count + 1 if self.stores else 1))
        assert self.wire.read((self.dao.governor, data("proposalCount()"), "uint256")) == [count]

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

    def any_case(self, draws: Any, *states: int) -> Case:
        """A proposal, seven times of eight one in those states if there is any."""
        fitting = [case for case in self.model.cases if self.model.state(case) in states]
        among = fitting if fitting and draws.draw(st.integers(0, 7)) else self.model.cases
        number: int = draws.draw(st.integers(0, len(among) - 1))
        return among[number]

    def votable(self) -> list[Case]:
        """Those whose vote is not over."""
        return [case for case in self.model.cases if self.model.state(case) in (PENDING, ACTIVE)]

    def to_vote_on(self, draws: Any) -> Case:
        """A proposal, mostly an active one: waits for a vote to begin if none has."""
        coming = self.votable()
        if coming and all(self.model.state(case) == PENDING for case in coming):
            begin = min(case.snapshot for case in coming) + draws.draw(st.sampled_from([0, 0, 0, -1]))
            self.wait_for(max(begin, self.wire.now + 1))
        return self.any_case(draws, ACTIVE)

    @property
    def domain(self) -> Domain:
        """What ballots are signed under."""
        return Domain("Westworld Governor", 31_337, self.dao.governor)

    def nonce(self, wallet: int) -> int:
        """The nonce of a wallet's next ballot."""
        (nonce,) = self.wire.read(
            (self.dao.governor, data("nonces(address)", self.wallets[wallet]), "uint256")
        )
        return int(nonce)

    def kept_or(self, by_id: bool, case: Case, fault: Callable[[], str]) -> str:
        """What the model says, unless an id alone says nothing."""
        return NONEXISTENT if by_id and not case.stored else fault()

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
                payloads = [
                    data("getPastVotes(address,uint256)", wallet, timepoint) for wallet in self.wallets
                ]
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
