"""Token, Governor and executors together, against a plain model: whatever anybody does in whatever order,

- votes are conserved, and past votes never change;
- nothing is executed that did not pass, on its own track, and wait;
- what was cancelled or defeated is never executed;
- every state, deadline and tally is the model's, and every refusal its error.

Each run founds a DAO of its own: supplies from one unit to the most there can be, quorums of nothing, of
powers of two and of everything, proposals numbered from where a voter's slot is full.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from ape.managers.project import ProjectManager
from budgets import runs
from devnets import StartDevnet
from eth_account.signers.local import LocalAccount
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test

from oracles.chain.governor import Proposal
from oracles.chain.typed import ballot_message, extended_ballot_message, sign
from oracles.governance.proposal import CHARTER_AMENDMENT, STANDARD, draft, proposal_id

from .beside_model import EMERGENCY, OWNERS, Beside, count_slot
from .conftest import ABSTAIN, ACTIVE, AGAINST, FOR, PENDING, QUEUED, SUCCEEDED, UNIT, ZERO
from .founding import Founder, Rules
from .governor_model import ALREADY, BAD_SIGNATURE, BAD_TYPE, FRACTIONAL, Action, Case
from .wire import Wire, data, selector

WALLETS = st.integers(0, 4)
SUPPORTS = st.sampled_from([FOR, FOR, FOR, ABSTAIN, AGAINST])
SHARES = [(60, 25, 10, 4, 1), (20, 20, 20, 20, 20), (100, 0, 0, 0, 0), (34, 33, 33, 0, 0)]
SUPPLIES = [1, 2, 3, 100, 127, 400, 1_600, 3_200, 2**40, 1_000 * UNIT, 100 * 2**80, 2**95, 2**96 - 1]
FRACTIONS = [(0, 0), (0, 50), (4, 4), (5, 100), (8, 50), (25, 50), (50, 50), (100, 100), (0, 100), (1, 2)]
KINDS = st.lists(st.sampled_from([*OWNERS, "number", "charter", "door"]), min_size=1, max_size=2)
NUMBERS = st.integers(0, 5) | st.integers(0, 101)
BALLOTS = st.lists(
    st.tuples(WALLETS, SUPPORTS | st.just(3), st.sampled_from(["", "", "", "nonce", "key", "short"])),
    min_size=1,
    max_size=8,
)
STEPS = st.sampled_from(["queue", "queue", "execute", "execute", "guard", "withdraw", "co-sign"])
ACTS = ["transfer", "delegate", "wait", "wait", "propose", "propose", "propose_again", "vote", "vote", "vote"]
ACTS += ["vote_in_parts"] * 4 + ["vote_in_a_batch"] * 2 + ["move_on"] * 5 + ["take_through"] * 2
PARTS = "castVoteWithReasonAndParams(uint256,uint8,string,bytes)"
PARTS_SIGNED = "castVoteWithReasonAndParamsBySig(uint256,uint8,address,string,bytes,bytes)"
SKIPPED = selector("BallotSkipped(address,uint256,bytes4)")


def packed(fractions: Sequence[int]) -> bytes:
    """The parameters of a fractional vote."""
    return b"".join(votes.to_bytes(16, "big") for votes in fractions)


class Machine(Beside):
    """What anybody does."""

    @initialize(
        draws=st.data(),
        supply=st.sampled_from(SUPPLIES),
        shares=st.sampled_from(SHARES),
        fractions=st.lists(st.sampled_from(FRACTIONS), min_size=3, max_size=3),
        times=st.tuples(st.sampled_from([0, 60]), st.sampled_from([0, 50, 600])),
        threshold=st.sampled_from([0, 0, 1, 10]),
        watch=st.tuples(st.none() | WALLETS, st.none() | WALLETS),
        stores=st.booleans(),
        count=st.sampled_from([0, 0, 157, 158, 159, 318]),
    )
    def found(
        self,
        draws: Any,
        supply: int,
        shares: tuple[int, ...],
        fractions: list[tuple[int, int]],
        times: tuple[int, int],
        threshold: int,
        watch: tuple[int | None, int | None],
        stores: bool,
        count: int,
    ) -> None:
        delay, extension = times
        own: list[dict[str, Any]] = [
            {
                "threshold": supply * threshold // 100,
                "quorum": quorum,
                "super_quorum": super_quorum,
                "extension": extension,
            }
            for quorum, super_quorum in fractions
        ]
        standard, charter, emergency = own
        tracks = [
            Rules(STANDARD, STANDARD, delay, 600, **standard),
            Rules(CHARTER_AMENDMENT, CHARTER_AMENDMENT, delay, 7_200, co_signed=True, **charter),
            Rules(EMERGENCY, STANDARD, 0, 600, lookback=300, pinned=True, executor_delay=0, **emergency),
        ]
        balances = [supply * share // 100 for share in shares]
        balances[0] += supply - sum(balances)
        self.begin(tracks, balances, watch, stores, count)
        # Something to vote on, whatever the run does later.
        while len(self.model.cases) < 2:
            self.propose(draws)

    @rule(draws=st.data(), act=st.sampled_from(ACTS))
    def act(self, draws: Any, act: str) -> None:
        """One rule for all acts: Hypothesis leaves rules out of whole runs, and no proposal gets far then."""
        getattr(self, act)(draws)

    def transfer(self, draws: Any) -> None:
        source, destination, portion = draws.draw(st.tuples(WALLETS, WALLETS, st.integers(0, 100)))
        model = self.turn()
        amount = model.balances[source] * portion // 100
        payload = data("transfer(address,uint256)", self.wallets[destination], amount)
        self.attempt("", source, payload, self.dao.token)
        model.transfer(source, destination, amount)

    def delegate(self, draws: Any) -> None:
        wallet, delegatee = draws.draw(st.tuples(WALLETS, st.none() | WALLETS))
        address = ZERO if delegatee is None else self.wallets[delegatee]
        model = self.turn()
        self.attempt("", wallet, data("delegate(address)", address), self.dao.token)
        model.delegate(wallet, delegatee)

    def wait(self, draws: Any) -> None:
        """Until the very second in which a proposal's state changes, or one beside it; else some time."""
        before = draws.draw(st.integers(-1, 2))
        edges = [edge for case in self.model.cases for edge in (case.snapshot, case.deadline, case.eta)]
        coming = sorted({edge - before for edge in edges if edge - before > self.wire.now})
        self.wait_for(draws.draw(st.sampled_from(coming[:3] or [self.wire.now + 100])))

    def propose(self, draws: Any) -> None:
        model = self.turn()
        kinds, number, value = draws.draw(st.tuples(KINDS, NUMBERS, st.sampled_from([0, 0, 0, 1])))
        track = model.owners[kinds[0]]
        if draws.draw(st.integers(0, 7)) == 7:
            track = draws.draw(st.sampled_from(list(model.tracks)))
        else:
            kinds = [kind for kind in kinds if model.owners[kind] == track]
        actions = tuple(Action(kind, number, value if kind in self.targets else 0) for kind in kinds)
        made = draft([self.call(action) for action in actions], f"case {len(model.cases)}", track=track)
        self.submit(self.proposer(draws, track), track, actions, made, again=False)

    def propose_again(self, draws: Any) -> None:
        case = self.any_case(draws)
        self.turn()
        self.submit(self.proposer(draws, case.track), case.track, case.actions, case.proposal, again=True)

    def proposer(self, draws: Any, track: str) -> int:
        """A wallet, mostly the one with the most votes."""
        rules, now = self.model.tracks[track], self.model.now
        votes = self.model.votes_at(min(now + rules.delay - rules.lookback, now - 1))
        return int(draws.draw(st.sampled_from([votes.index(max(votes))] * 5 + [*range(len(votes))])))

    def submit(
        self, wallet: int, track: str, actions: tuple[Action, ...], made: Proposal, *, again: bool
    ) -> None:
        fault = self.model.propose_fault(wallet, track, actions, again=again)
        payload = data("propose(address[],uint256[],bytes[],string)", *made.arguments(), made.description)
        self.attempt(fault, wallet, payload)
        if not fault:
            self.model.propose(wallet, track, actions, made, self.stores)

    def vote(self, draws: Any) -> None:
        case = self.to_vote_on(draws)
        self.cast(case, draws.draw(WALLETS), draws.draw(SUPPORTS | st.sampled_from([3, FRACTIONAL])))

    def cast(self, case: Case, wallet: int, support: int) -> None:
        fault = self.turn().vote_fault(case, wallet, support, None)
        self.attempt(fault, wallet, data("castVote(uint256,uint8)", proposal_id(case.proposal), support))
        if not fault:
            self.model.vote(case, wallet, support)

    def vote_in_parts(self, draws: Any) -> None:
        case = self.to_vote_on(draws)
        model = self.turn()
        wallet, signed, whole = draws.draw(st.tuples(WALLETS, st.booleans(), st.integers(0, 9)))
        support = FOR if whole == 9 else FRACTIONAL
        fractions = draws.draw(self.parts(case, wallet))
        fault = model.vote_fault(case, wallet, support, fractions)
        identifier, params = proposal_id(case.proposal), packed(fractions)
        if signed:
            # Anybody sends it.
            voter, nonce = self.wallets[wallet], self.nonce(wallet)
            message = extended_ballot_message(self.domain, identifier, support, voter, nonce, "so", params)
            signature = sign(self.keys[wallet], message)
            payload = data(PARTS_SIGNED, identifier, support, voter, "so", params, signature)
            self.attempt(fault, (wallet + 1) % 5, payload)
        else:
            self.attempt(fault, wallet, data(PARTS, identifier, support, "so", params))
        if not fault:
            model.vote(case, wallet, support, fractions)

    def parts(self, case: Case, wallet: int) -> st.SearchStrategy[list[int]]:
        """Parts that just reach what matters, or just don't."""
        model = self.model
        if model.state(case) == PENDING:
            return st.just([0, 1, 0])
        left = max(0, model.remaining(case, wallet))
        in_favour, against = case.tally(FOR), case.tally(AGAINST)
        gaps = [model.quorum(case) - in_favour - case.tally(ABSTAIN), model.super_quorum(case) - in_favour]
        gaps.append(against - in_favour)
        close = [gap + by for gap in gaps for by in (-1, 0, 1) if 0 <= gap + by <= left]
        amounts = st.sampled_from([*close, 0, 1, left, left // 2, left // 3])
        zero = st.just(0)
        alone = st.one_of(st.tuples(zero, amounts, zero), st.tuples(zero, zero, amounts))
        return st.one_of(alone, alone, st.tuples(amounts, amounts, amounts)).map(list)

    def vote_in_a_batch(self, draws: Any) -> None:
        """Good and bad ballots together: the good ones count, each bad one is skipped for its own reason."""
        self.to_vote_on(draws)
        model = self.turn()
        nonces = [self.nonce(wallet) for wallet in range(len(self.wallets))]
        ballots, skipped = [], []
        for wallet, support, spoilt in draws.draw(BALLOTS):
            case = self.any_case(draws, ACTIVE)
            voter, signer = self.wallets[wallet], self.keys[(wallet + (spoilt == "key")) % 5]
            nonce = nonces[wallet] + (spoilt == "nonce")
            message = ballot_message(self.domain, proposal_id(case.proposal), support, voter, nonce)
            signature = sign(signer, message)[: 64 if spoilt == "short" else 65]
            ballots.append((proposal_id(case.proposal), support, voter, signature))
            fault = model.vote_fault(case, wallet, support, None)
            if not fault and not spoilt:
                model.vote(case, wallet, support)
                nonces[wallet] += 1
                continue
            # Where several things are wrong with a ballot, any of them is a reason.
            faults = {
                fault,
                BAD_SIGNATURE if spoilt else "",
                BAD_TYPE if fault == ALREADY and support == 3 else "",
            }
            skipped.append({selector(each) for each in faults if each})
        receipt = self.attempt("", 0, data("castVotesBySig((uint256,uint8,address,bytes)[])", ballots))
        assert receipt is not None
        logs = [log for log in receipt["logs"] if log["topics"][0].startswith("0x" + SKIPPED.hex())]
        reasons = [bytes.fromhex(log["data"][66:74]) for log in logs]
        assert len(reasons) == len(skipped)
        assert all(reason in faults for reason, faults in zip(reasons, skipped, strict=True))
        assert [self.nonce(wallet) for wallet in range(len(self.wallets))] == nonces

    def move_on(self, draws: Any) -> None:
        """Queues, executes, cancels or co-signs."""
        model = self.model
        step, wallet, by_id, known = draws.draw(st.tuples(STEPS, WALLETS, st.booleans(), st.booleans()))
        match step:
            case "queue":
                self.queue(self.any_case(draws, SUCCEEDED), wallet, by_id)
            case "execute":
                self.execute(self.any_case(draws, QUEUED), wallet, by_id)
            case "guard":
                who = model.guardian if known and model.guardian is not None else wallet
                self.cancel(self.any_case(draws, ACTIVE, SUCCEEDED, QUEUED), who, by_id)
            case "withdraw":
                chosen = self.any_case(draws, PENDING)
                self.cancel(chosen, chosen.proposer if known else wallet, by_id)
            case "co-sign":
                who = model.co_signer if known and model.co_signer is not None else wallet
                self.co_sign(self.any_case(draws, SUCCEEDED, QUEUED), who)

    def queue(self, case: Case, wallet: int, by_id: bool) -> None:
        model = self.turn()
        fault = self.kept_or(by_id, case, lambda: model.queue_fault(case))
        self.attempt(fault, wallet, self.way("queue", case, by_id))
        if not fault:
            model.queue(case)

    def execute(self, case: Case, wallet: int, by_id: bool) -> None:
        model = self.turn()
        state = model.state(case)
        fault = self.kept_or(by_id, case, lambda: model.execute_fault(case) or model.execute(case))
        value = sum(action.value for action in case.actions)
        self.attempt(fault, wallet, self.way("execute", case, by_id), value=value)
        assert fault or state == QUEUED

    def cancel(self, case: Case, wallet: int, by_id: bool) -> None:
        model = self.turn()
        fault = self.kept_or(by_id, case, lambda: model.cancel_fault(case, wallet))
        self.attempt(fault, wallet, self.way("cancel", case, by_id))
        case.canceled |= not fault

    def co_sign(self, case: Case, wallet: int) -> None:
        fault = self.turn().co_sign_fault(case, wallet)
        self.attempt(fault, wallet, data("coSign(uint256)", proposal_id(case.proposal)))
        if not fault:
            case.co_signature = wallet

    def take_through(self, draws: Any) -> None:
        """The whole way at once, which single steps rarely complete."""
        by_id, fair = draws.draw(st.tuples(st.booleans(), st.sampled_from([True, False, False])))
        if not self.votable():
            self.propose(draws)
            return
        case = self.any_case(draws, PENDING, ACTIVE)
        self.wait_for(max(self.wire.now, case.snapshot) + 1)
        for wallet in range(len(self.wallets)):
            if self.model.state(case) != ACTIVE:
                break
            support = draws.draw(SUPPORTS) if fair else FOR
            self.cast(case, wallet, support)
        if self.model.state(case) == ACTIVE:
            self.wait_for(case.deadline + 1)
        self.queue(case, 0, by_id)
        if self.model.state(case) == QUEUED and draws.draw(st.booleans()):
            if self.model.co_signer is not None:
                self.co_sign(case, self.model.co_signer)
            self.wait_for(max(case.eta, self.wire.now) + 1)
            self.execute(case, 0, by_id)


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
