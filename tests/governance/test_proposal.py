"""Proposals: their form, their track, their ids. Pure."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles.chain.block import Call
from oracles.governance import proposal as module
from oracles.governance.proposal import (
    CHARTER_AMENDMENT,
    STANDARD,
    ProposalFault,
    draft,
    operation_id,
    proposal_id,
    track_of,
)

ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
CALL = Call(ADDRESS, b"\x12\x34\x56\x78")
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,30}", fullmatch=True)


class TestDraft:
    def test_names_the_track_first(self) -> None:
        assert draft([CALL], "why", track=CHARTER_AMENDMENT).description == "#track=charter_amendment\nwhy"

    def test_names_no_track_for_standard(self) -> None:
        assert draft([CALL], "why").description == "why"

    def test_names_the_proposer_last(self) -> None:
        proposal = draft([CALL], "why", proposer=ADDRESS.lower())
        assert proposal.description == f"why#proposer={ADDRESS}"

    @pytest.mark.parametrize(
        ("calls", "text", "options", "told"),
        [
            ([], "why", {}, "0 calls"),
            ([CALL] * 9, "why", {}, "9 calls"),
            ([CALL, Call(ADDRESS, bytes(2_177))], "why", {}, "call 1: 2177 bytes"),
            ([CALL], "ä" * 2_049, {}, "4098 bytes"),
            ([CALL], "why", {"track": "Charter"}, "no name of a track"),
            ([CALL], "why", {"track": "a" * 32}, "no name of a track"),
            ([CALL], "#track=standard\nwhy", {}, "names a track"),
            ([CALL], "why", {"proposer": "0x12"}, "no address"),
        ],
    )
    def test_refuses_what_the_governor_would(
        self, calls: list[Call], text: str, options: dict[str, str], told: str
    ) -> None:
        with pytest.raises(ProposalFault, match=told):
            draft(calls, text, **options)

    @given(track=NAMES, text=st.text(max_size=200).filter(lambda text: not text.startswith("#track=")))
    def test_is_read_back(self, track: str, text: str) -> None:
        assert track_of(draft([CALL], text, track=track).description) == track


class TestTrack:
    def test_is_standard_unless_named(self) -> None:
        assert track_of("why #track=x\n") == STANDARD
        assert track_of("#track=restart\0\nwhy") == "restart"

    def test_without_its_end_is_refused(self) -> None:
        with pytest.raises(ProposalFault, match="no line feed"):
            track_of("#track=charter_amendment")


class TestIds:
    def test_cover_calls_and_description(self) -> None:
        first = proposal_id(draft([CALL], "why"))
        assert first != proposal_id(draft([CALL], "why", track=CHARTER_AMENDMENT))
        assert first != proposal_id(draft([CALL, CALL], "why"))
        assert first != proposal_id(draft([Call(ADDRESS, CALL.data, 1)], "why"))

    def test_differ_between_governors(self) -> None:
        proposal = draft([CALL], "why")
        assert operation_id(proposal, ADDRESS) != operation_id(proposal, "0x" + "11" * 20)


@pytest.mark.parametrize("bound", ["MAX_CALLDATA", "MAX_DESCRIPTION", "MAX_ACTIONS"])
def test_the_bounds_are_the_contracts(bound: str) -> None:
    source = Path(__file__).parents[2] / "contracts" / "governance" / "bounds.vy"
    match = re.search(rf"^{bound}: constant\(uint256\) = ([\d_]+)$", source.read_text(), re.MULTILINE)
    assert match is not None
    assert int(match[1]) == getattr(module, bound.replace("ACTIONS", "CALLS"))
