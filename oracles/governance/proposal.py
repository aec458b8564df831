"""Proposals as the Governor takes them: checked against its bounds, with the track in the description.

Pure: nothing here asks a chain.
"""

import re
from collections.abc import Sequence

from eth_abi.abi import encode
from eth_utils.address import is_address, to_checksum_address
from eth_utils.crypto import keccak

from oracles.chain.block import Call
from oracles.chain.governor import Proposal

STANDARD = "standard"
"""The track of proposals that name none."""

CHARTER_AMENDMENT = "charter_amendment"
"""The track that calls to the charter are reserved for."""

MAX_CALLS = 8
"""The most calls in one proposal; this and the next two are contracts/governance/bounds.vy."""

MAX_CALLDATA = 2_176
"""The longest calldata of one call, in bytes."""

MAX_DESCRIPTION = 4_096
"""The longest description, prefix and suffix included, in bytes."""

_TRACK = re.compile(r"[a-z][a-z0-9_]{0,30}")
_PREFIX = re.compile(r"#track=([^\n]*)\n")


class ProposalFault(ValueError):
    """A proposal that the Governor would refuse, whoever made it."""


def draft(
    calls: Sequence[Call], text: str, *, track: str = STANDARD, proposer: str | None = None
) -> Proposal:
    """A proposal of `calls`, described by `text`, on `track`.

    With `proposer` only that address can propose it, so that nobody can submit it first and cancel it.
    Raises `ProposalFault` if the Governor would refuse it for its form.
    """
    if _TRACK.fullmatch(track) is None:
        raise ProposalFault(
            f"no name of a track: {track!r}; it is at most 31 of a-z, 0-9 and _, a letter first"
        )
    if text.startswith("#track="):
        raise ProposalFault("the text names a track; give it as `track`, the prefix is made from that")
    description = text if track == STANDARD else f"#track={track}\n{text}"
    if proposer is not None:
        if not is_address(proposer):
            raise ProposalFault(f"no address: the proposer {proposer!r}")
        description = f"{description}#proposer={to_checksum_address(proposer)}"
    proposal = Proposal(tuple(calls), description)
    _check_bounds(proposal)
    return proposal


def _check_bounds(proposal: Proposal) -> None:
    count = len(proposal.calls)
    if not 1 <= count <= MAX_CALLS:
        raise ProposalFault(f"{count} calls; the Governor takes 1 to {MAX_CALLS}, so split the proposal")
    for index, call in enumerate(proposal.calls):
        if len(call.data) > MAX_CALLDATA:
            raise ProposalFault(f"call {index}: {len(call.data)} bytes of calldata; at most {MAX_CALLDATA}")
    length = len(proposal.description.encode())
    if length > MAX_DESCRIPTION:
        raise ProposalFault(
            f"the description has {length} bytes; at most {MAX_DESCRIPTION}, so link to the rest"
        )


def track_of(description: str) -> str:
    """The track that a description names, read as the Governor reads it.

    Raises `ProposalFault` for a prefix that no line feed ends: the Governor refuses it as an unknown track.
    """
    if not description.startswith("#track="):
        return STANDARD
    match = _PREFIX.match(description)
    if match is None:
        raise ProposalFault("the description begins with #track= but no line feed ends the name")
    # The Governor fills names up with zeros: zeros at the end are no part of one.
    return match[1].rstrip("\0")


def proposal_id(proposal: Proposal) -> int:
    """The id that the Governor gives a proposal (OpenZeppelin Governor 5.x `hashProposal`)."""
    targets, values, calldatas = proposal.arguments()
    encoded = encode(
        ["address[]", "uint256[]", "bytes[]", "bytes32"],
        [targets, values, calldatas, proposal.description_hash],
    )
    return int.from_bytes(keccak(encoded), "big")


def operation_id(proposal: Proposal, governor: str) -> bytes:
    """The executor's operation for a proposal of `governor` (OpenZeppelin GovernorTimelockControl's salt)."""
    targets, values, calldatas = proposal.arguments()
    own = bytes.fromhex(governor.removeprefix("0x")).ljust(32, b"\0")
    salt = bytes(a ^ b for a, b in zip(own, proposal.description_hash, strict=True))
    encoded = encode(
        ["address[]", "uint256[]", "bytes[]", "bytes32", "bytes32"],
        [targets, values, calldatas, bytes(32), salt],
    )
    return keccak(encoded)
