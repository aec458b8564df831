"""Who has voted on what is remembered in pages of 128 proposals, in whatever order the votes come."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from ape.api import AccountAPI
from eth_account.signers.local import LocalAccount

from oracles.governance.ballot import Support, sign_ballot

from .conftest import FOR, Dao, error, refusal

SERIALS = (0, 1, 127, 128, 255, 256, 2**32 - 1)
"""The serial numbers of the proposals: the edges of pages, and the last that there can be."""


@pytest.fixture(scope="module")
def identifiers(dao: Dao) -> list[int]:
    """Proposals with those serial numbers, which can all be voted on."""
    provider, governor = dao.chain.provider, dao.governor
    proposals = [dao.propose(dao.number_call())]
    storage = [int.from_bytes(provider.web3.eth.get_storage_at(governor.address, at)) for at in range(32)]
    slot = hex(storage.index(1))
    for serial in SERIALS[1:]:
        provider.make_request("anvil_setStorageAt", [governor.address, slot, f"0x{serial:064x}"])
        assert governor.proposalCount() == serial
        proposals.append(dao.propose(dao.number_call(), text=f"{serial}"))
    return [dao.open(proposal) for proposal in proposals]


@pytest.mark.parametrize(
    "order", [(0, 1, 2, 3, 4, 5, 6), (6, 5, 4, 3, 2, 1, 0), (3, 0, 6, 2, 5, 1, 4), (2, 3, 4)]
)
def test_are_found_again(
    dao: Dao, identifiers: Sequence[int], voters: Sequence[AccountAPI], order: tuple[int, ...]
) -> None:
    voted: set[int] = set()
    for index in order:
        dao.governor.castVote(identifiers[index], FOR, sender=voters[1])
        voted.add(index)
        seen = {at for at, each in enumerate(identifiers) if dao.governor.hasVoted(each, voters[1])}
        assert seen == voted
    told = error("GovernorAlreadyCastVote(address)", voters[1])
    for index in order:
        assert refusal(dao.governor.castVote, identifiers[index], FOR, sender=voters[1]) == told
    assert not any(dao.governor.hasVoted(each, voters[2]) for each in identifiers)
    assert dao.governor.nonces(voters[1]) == 0


def test_keep_the_nonce(
    dao: Dao, identifiers: Sequence[int], keys: Sequence[LocalAccount], stranger: AccountAPI
) -> None:
    order = (3, 0, 5, 2, 6, 1)
    voter = keys[1].address
    for nonce, index in enumerate(order):
        ballot = sign_ballot(keys[1], dao.domain, identifiers[index], Support.FOR, nonce)
        dao.governor.castVoteBySig(*ballot.arguments(), sender=stranger)
        assert dao.governor.nonces(voter) == nonce + 1
        # Replayed, it has not even the right nonce.
        told = error("GovernorInvalidSignature(address)", voter)
        assert refusal(dao.governor.castVoteBySig, *ballot.arguments(), sender=stranger) == told
    assert [dao.governor.hasVoted(each, voter) for each in identifiers] == [at in order for at in range(7)]


def test_end_with_the_last_serial_number(dao: Dao, identifiers: Sequence[int]) -> None:
    assert dao.governor.proposalCount() == 2**32 == SERIALS[len(identifiers) - 1] + 1
    arguments = ([dao.target.address], [0], [b""], "one more")
    told = error("Error(string)", "proposals: the store is full")
    assert refusal(dao.governor.propose, *arguments, sender=dao.voters[0]) == told
