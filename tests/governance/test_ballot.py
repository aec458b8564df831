"""Ballots by signature. Pure; that the Governor counts them stands in contracts/test_governor.py."""

import pytest
from eth_account import Account

from oracles.chain.typed import Domain, ballot_message, signer
from oracles.governance.ballot import Support, sign_ballot

KEY = Account.from_key(b"\x01" * 32)
DOMAIN = Domain("Westworld Governor", 31337, "0x" + "11" * 20)


def test_is_the_voters() -> None:
    ballot = sign_ballot(KEY, DOMAIN, 7, Support.FOR, 3)
    assert ballot.arguments() == (7, 1, KEY.address, ballot.signature)
    assert signer(ballot_message(DOMAIN, 7, 1, KEY.address, 3), ballot.signature) == KEY.address


@pytest.mark.parametrize(("proposal", "support", "nonce"), [(8, 1, 3), (7, 0, 3), (7, 1, 4)])
def test_is_for_nothing_else(proposal: int, support: int, nonce: int) -> None:
    ballot = sign_ballot(KEY, DOMAIN, 7, Support.FOR, 3)
    other = ballot_message(DOMAIN, proposal, support, KEY.address, nonce)
    assert signer(other, ballot.signature) != KEY.address
