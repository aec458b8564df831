"""Our token does as the reference's does, whatever wallets do in whatever order: the same answers, errors (as
bytes), events, balances, votes, checkpoints and past votes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import budgets
import pytest
from daos import Bench
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st
from web3.contract import Contract

from scripts._devnet import Devnet

from .twins import ADDRESSES, NOBODY, Step, Twins

SHARES = (600, 250, 100, 40, 10)
MOST = 2**256 - 1
BUDGET = 2**255
STEPS = 50
FLAWS = ("key", "nonce", "late", "malleable", "v")

WALLET = st.integers(0, NOBODY - 1)
ANYBODY = st.integers(0, NOBODY)
SMALL = st.integers(0, 700)
AMOUNT = SMALL | st.sampled_from([0, 1, 2**96 - 1, 2**96, 2**208, MOST])
WAIT = st.sampled_from([0, 0, 1, 1, 12, 3_600])
# Never so far that it is before the wallets got their shares, which was in other seconds for each token.
FAR = st.sampled_from([-90_000, -3_600, -12, -1, 0, 1, 2**48, 2**255])
ARGUMENTS: dict[str, st.SearchStrategy[tuple[int, ...]]] = {
    "clock": st.tuples(),  # what the steps that do not matter become when a failure is reduced
    "transfer": st.tuples(ANYBODY, AMOUNT),
    "approve": st.tuples(ANYBODY, AMOUNT),
    "transferFrom": st.tuples(ANYBODY, ANYBODY, AMOUNT),
    "permit": st.tuples(ANYBODY, ANYBODY, AMOUNT),
    "delegate": st.tuples(ANYBODY),
    "delegateBySig": st.tuples(WALLET, ANYBODY),
    "getPastVotes": st.tuples(ANYBODY, FAR),
    "getPastTotalSupply": st.tuples(FAR),
    # A supply from 2**96 on is the one thing that the reference takes and ours refuses.
    "mint": st.tuples(ANYBODY, SMALL | st.sampled_from([2**80, 2**208])),
    "burn": st.tuples(ANYBODY, AMOUNT),
}
SIGNED = ("permit", "delegateBySig")


def runs(functions: Sequence[str]) -> st.SearchStrategy[list[Step]]:
    """Fifty steps that call some of the functions."""
    flaws = {name: st.sampled_from(["", "", "", *FLAWS]) for name in SIGNED}
    each = [
        st.builds(Step, WAIT, WALLET, st.just(name), ARGUMENTS[name], flaws.get(name, st.just("")))
        for name in functions
    ]
    step: st.SearchStrategy[Step] = st.one_of(*each)
    return st.lists(step, min_size=STEPS, max_size=STEPS)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A devnet without a clock of its own."""
    with Devnet.start(tmp_path_factory.mktemp("devnet"), timestamp=2_000_000_000) as devnet:
        yield Bench(devnet)


def shared_out(bench: Bench, token: Contract, shares: Sequence[int] = SHARES) -> Contract:
    """The token, once the deployer has created the wallets' shares."""
    for address, share in zip(ADDRESSES, shares, strict=False):
        bench.send(token.functions.mint(address, share), bench.deployer)
    return token


@pytest.fixture(scope="module")
def reference(bench: Bench) -> Contract:
    return shared_out(bench, bench.deploy_reference("ReferenceToken", "Mesh", "MESH"))


@pytest.fixture(scope="module")
def open_twins(bench: Bench, reference: Contract) -> Twins:
    """Ours as it is laid open: anybody mints and burns."""
    ours = shared_out(bench, bench.deploy_own("MeshTokenHarness", "Mesh", "MESH"))
    return Twins(bench, reference, ours)


@pytest.fixture(scope="module")
def shipped_twins(bench: Bench, reference: Contract) -> Twins:
    """Ours as it is deployed: each wallet mints out of a budget that it never uses up, and nobody burns."""
    ours = bench.deploy_own("MeshToken", "Mesh", "MESH", 0, bench.deployer, bench.deployer)
    for minter in (bench.deployer, *ADDRESSES):
        bench.send(ours.functions.setMintBudget(minter, BUDGET), bench.deployer)
    return Twins(bench, reference, shared_out(bench, ours))


@budgets.runs()
@given(steps=runs(tuple(ARGUMENTS)))
def test_the_harness_does_as_the_reference(open_twins: Twins, steps: list[Step]) -> None:
    assert open_twins.differences(steps) == []


@budgets.runs()
@given(steps=runs(tuple(name for name in ARGUMENTS if name != "burn")))
def test_the_token_does_as_the_reference(shipped_twins: Twins, steps: list[Step]) -> None:
    assert shipped_twins.differences(steps) == []


EVERYTHING = [
    Step(0, 0, "delegate", (1,)),
    Step(0, 1, "delegate", (1,)),
    Step(0, 0, "transfer", (2, 100)),
    Step(1, 2, "transfer", (NOBODY, 1)),
    Step(1, 2, "transfer", (0, 2**96)),
    Step(1, 0, "approve", (3, 50)),
    Step(1, 0, "approve", (NOBODY, 50)),
    Step(1, 3, "transferFrom", (0, 4, 30)),
    Step(0, 3, "transferFrom", (0, 4, 21)),
    Step(0, 3, "transferFrom", (NOBODY, 4, 0)),
    Step(12, 4, "permit", (1, 3, MOST)),
    Step(0, 3, "transferFrom", (1, 1, 7)),
    Step(12, 4, "delegateBySig", (2, 0)),
    *(Step(1, 4, "permit", (1, 3, 5), flaw) for flaw in FLAWS),
    *(Step(1, 4, "delegateBySig", (1, 3), flaw) for flaw in FLAWS),
    Step(1, 4, "permit", (1, 2, 5)),
    Step(1, 4, "delegateBySig", (1, 3)),
    Step(1, 0, "mint", (0, 5)),
    Step(1, 0, "mint", (NOBODY, 5)),
    Step(1, 0, "mint", (0, 2**208)),
    Step(1, 0, "burn", (0, 5)),
    Step(0, 0, "burn", (NOBODY, 5)),
    Step(0, 0, "burn", (4, 2**96)),
    Step(3_600, 0, "getPastVotes", (1, -1)),
    Step(0, 0, "getPastVotes", (1, 0)),
    Step(0, 0, "getPastTotalSupply", (2**48,)),
]


REFUSALS = {
    "ECDSAInvalidSignature()",
    "ECDSAInvalidSignatureS(bytes32)",
    "ERC20ExceededSafeSupply(uint256,uint256)",
    "ERC20InsufficientAllowance(address,uint256,uint256)",
    "ERC20InsufficientBalance(address,uint256,uint256)",
    "ERC20InvalidApprover(address)",
    "ERC20InvalidReceiver(address)",
    "ERC20InvalidSender(address)",
    "ERC20InvalidSpender(address)",
    "ERC2612ExpiredSignature(uint256)",
    "ERC2612InvalidSigner(address,address)",
    "ERC5805FutureLookup(uint256,uint48)",
    "InvalidAccountNonce(address,uint256)",
    "Panic(uint256)",
    "VotesExpiredSignature(uint256)",
}
EVENTS = {
    "Approval(address,address,uint256)",
    "DelegateChanged(address,address,address)",
    "DelegateVotesChanged(address,uint256,uint256)",
    "Transfer(address,address,uint256)",
}


def test_every_error_and_event_is_among_what_is_compared(open_twins: Twins) -> None:
    assert open_twins.differences(EVERYTHING) == []
    answers = open_twins.answers(open_twins.reference, EVERYTHING)
    refused = {answer.data[2:10] for answer in answers if not answer.succeeded}
    assert refused == {keccak(text=error)[:4].hex() for error in REFUSALS}
    happened = {event[0][2:] for answer in answers for event in answer.events}
    assert happened == {keccak(text=event).hex() for event in EVENTS}


@pytest.mark.parametrize("function", SIGNED)
def test_each_flaw_of_a_signature_is_refused(open_twins: Twins, function: str) -> None:
    arguments = (1, 3, 5) if function == "permit" else (1, 3)
    for flaw in ("", *FLAWS):
        steps = [Step(1, 4, function, arguments, flaw), Step(1, 4, function, arguments)]
        first, second = open_twins.answers(open_twins.ours, steps)[:2]
        # Another wallet's signature makes a delegation a good one, of that wallet's.
        assert first.succeeded is (not flaw or (flaw, function) == ("key", "delegateBySig"))
        assert second.succeeded


@pytest.mark.parametrize("place", range(len(SHARES)))
def test_a_token_that_differs_by_one_is_found(bench: Bench, reference: Contract, place: int) -> None:
    shares = [share + (place == other) for other, share in enumerate(SHARES)]
    changed = shared_out(bench, bench.deploy_reference("ReferenceToken", "Mesh", "MESH"), shares)
    twins = Twins(bench, reference, changed)
    found = twins.differences([Step(0, place, "transfer", (NOBODY - 1 - place, SHARES[place] + 1))])
    assert any("transfer" in said for said in found) and any("balanceOf" in said for said in found)


def test_the_same_token_is_its_own_twin(bench: Bench, reference: Contract) -> None:
    again = shared_out(bench, bench.deploy_reference("ReferenceToken", "Mesh", "MESH"))
    assert Twins(bench, reference, again).differences(EVERYTHING) == []
