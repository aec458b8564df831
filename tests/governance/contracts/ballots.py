"""Fractional ballots, as the tests cast them."""

from .conftest import UNIT

FRACTIONAL = 255
"""The support of a ballot whose parameters say how many votes go where."""


def parts(against: int, in_favour: int, abstaining: int, unit: int = UNIT) -> bytes:
    """The parameters of a fractional ballot, in tokens unless `unit` says otherwise."""
    return b"".join((part * unit).to_bytes(16, "big") for part in (against, in_favour, abstaining))
