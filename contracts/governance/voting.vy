# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title Voting
@custom:contract-name voting
@license GNU Affero General Public License v3.0 only
@author Westworld
@notice These functions cast and count votes: a voter's own, one by
        signature, or many by signature in one transaction. Names,
        argument types, events and custom errors are those of the
        reference's Governor with GovernorCountingFractional; a late
        quorum extends the vote as in GovernorPreventLateQuorum, and a
        super-quorum ends it early as in GovernorSuperQuorum.

        Both need the supply at the snapshot, which would be asked of the
        token with every vote. But a fraction of a past supply never
        changes: its *magnitude* (the number of its highest bit) is kept
        in the tally, and the token is asked only where the votes have
        that magnitude and nothing is settled yet. What is settled stays
        so, and is kept in the tally too.

        The implementation is inspired by OpenZeppelin's implementation here:
        https://github.com/OpenZeppelin/openzeppelin-contracts/blob/master/contracts/governance/extensions/GovernorCountingFractional.sol.
"""


# @dev We import and use the `eip712_domain_separator` module.
from snekmate.utils import eip712_domain_separator
uses: eip712_domain_separator


# @dev We import and use the `tracks` module.
import tracks
uses: tracks


# @dev We import and use the `proposals` module.
import proposals
uses: proposals


# @dev We import and use the `electorate` module.
import electorate
uses: electorate


# @dev We import and use the `states` module.
import states
uses: states


# @dev We import the `bounds` and `signatures` modules.
import bounds
import signatures


# @dev Returns the 32-byte type hash of a ballot.
BALLOT_TYPEHASH: public(constant(bytes32)) = keccak256(
    "Ballot(uint256 proposalId,uint8 support,address voter,uint256 nonce)"
)


# @dev Returns the 32-byte type hash of a ballot with a reason and
# parameters.
EXTENDED_BALLOT_TYPEHASH: public(constant(bytes32)) = keccak256(
    "ExtendedBallot(uint256 proposalId,uint8 support,address voter,uint256 nonce,string reason,bytes params)"
)


# @dev What a vote supports, numbered as in the reference. The
# parameters of a fractional vote say how much goes where.
_AGAINST: constant(uint8) = 0
_FOR: constant(uint8) = 1
_ABSTAIN: constant(uint8) = 2
_FRACTIONAL: constant(uint8) = 255


# @dev The length of its parameters: three packed `uint128`.
_FRACTIONS_LENGTH: constant(uint256) = 48


# @dev A vote that somebody else hands in.
struct Ballot:
    proposalId: uint256
    support: uint8
    voter: address
    signature: Bytes[bounds.MAX_SIGNATURE]


# @dev Emitted when a vote is cast without parameters.
event VoteCast:
    voter: indexed(address)
    proposalId: uint256
    support: uint8
    weight: uint256
    reason: String[bounds.MAX_REASON]


# @dev Emitted when a vote is cast with parameters.
event VoteCastWithParams:
    voter: indexed(address)
    proposalId: uint256
    support: uint8
    weight: uint256
    reason: String[bounds.MAX_REASON]
    params: Bytes[bounds.MAX_PARAMS]


# @dev Emitted when a vote goes on because its quorum came late.
event ProposalExtended:
    proposalId: indexed(uint256)
    extendedDeadline: uint64


# @dev Emitted when a ballot in a batch is not counted. The reason is
# the selector of an error that it would have met alone.
event BallotSkipped:
    voter: indexed(address)
    proposalId: uint256
    reason: bytes4


@external
def castVote(proposalId: uint256, support: uint8) -> uint256:
    """
    @dev Casts the caller's vote.
    @param proposalId The 32-byte identifier of the proposal.
    @param support 0 against, 1 for, 2 abstain.
    @return uint256 The votes that were counted.
    """
    counted: uint256 = 0
    deadline: uint256 = 0
    counted, deadline = self._cast(proposalId, msg.sender, support, False)
    log VoteCast(voter=msg.sender, proposalId=proposalId, support=support, weight=counted, reason="")
    if deadline != 0:
        self._announce(proposalId, deadline)
    return counted


@external
def castVoteWithReason(proposalId: uint256, support: uint8, reason: String[bounds.MAX_REASON]) -> uint256:
    """
    @dev Casts the caller's vote and says why.
    @param proposalId The 32-byte identifier of the proposal.
    @param support 0 against, 1 for, 2 abstain.
    @param reason The voter's reason.
    @return uint256 The votes that were counted.
    """
    counted: uint256 = 0
    deadline: uint256 = 0
    counted, deadline = self._cast(proposalId, msg.sender, support, False)
    log VoteCast(voter=msg.sender, proposalId=proposalId, support=support, weight=counted, reason=reason)
    if deadline != 0:
        self._announce(proposalId, deadline)
    return counted


@external
def castVoteWithReasonAndParams(
    proposalId: uint256, support: uint8, reason: String[bounds.MAX_REASON], params: Bytes[bounds.MAX_PARAMS]
) -> uint256:
    """
    @dev Casts the caller's vote, or a part of it, and says why.
    @param proposalId The 32-byte identifier of the proposal.
    @param support 0 against, 1 for, 2 abstain, 255 as `params` say.
    @param reason The voter's reason.
    @param params Nothing, or for 255 the votes against, for, and
           abstaining: three packed `uint128`.
    @return uint256 The votes that were counted.
    """
    return self._cast_with_params(proposalId, msg.sender, support, reason, params)


@external
def castVoteBySig(
    proposalId: uint256, support: uint8, voter: address, signature: Bytes[bounds.MAX_SIGNATURE]
) -> uint256:
    """
    @dev Casts the vote of `voter`, who signed a `Ballot`.
    @param proposalId The 32-byte identifier of the proposal.
    @param support 0 against, 1 for, 2 abstain.
    @param voter The 20-byte address of the voter.
    @param signature The voter's signature (ECDSA or ERC-1271).
    @return uint256 The votes that were counted.
    """
    nonce: uint256 = proposals._use_nonce(voter)
    if not signatures._is_valid(voter, self._ballot_digest(proposalId, support, voter, nonce), signature):
        raw_revert(abi_encode(voter, method_id=method_id("GovernorInvalidSignature(address)")))
    counted: uint256 = 0
    deadline: uint256 = 0
    counted, deadline = self._cast(proposalId, voter, support, False)
    log VoteCast(voter=voter, proposalId=proposalId, support=support, weight=counted, reason="")
    if deadline != 0:
        self._announce(proposalId, deadline)
    return counted


@external
def castVoteWithReasonAndParamsBySig(
    proposalId: uint256,
    support: uint8,
    voter: address,
    reason: String[bounds.MAX_REASON],
    params: Bytes[bounds.MAX_PARAMS],
    signature: Bytes[bounds.MAX_SIGNATURE],
) -> uint256:
    """
    @dev Casts the vote of `voter`, who signed an `ExtendedBallot`.
    @param proposalId The 32-byte identifier of the proposal.
    @param support 0 against, 1 for, 2 abstain, 255 as `params` say.
    @param voter The 20-byte address of the voter.
    @param reason The voter's reason.
    @param params Nothing, or for 255 the votes against, for, and
           abstaining: three packed `uint128`.
    @param signature The voter's signature (ECDSA or ERC-1271).
    @return uint256 The votes that were counted.
    """
    nonce: uint256 = proposals._use_nonce(voter)
    digest: bytes32 = eip712_domain_separator._hash_typed_data_v4(
        keccak256(
            abi_encode(
                EXTENDED_BALLOT_TYPEHASH, proposalId, support, voter, nonce, keccak256(reason), keccak256(params)
            )
        )
    )
    if not signatures._is_valid(voter, digest, signature):
        raw_revert(abi_encode(voter, method_id=method_id("GovernorInvalidSignature(address)")))
    return self._cast_with_params(proposalId, voter, support, reason, params)


@external
def castVotesBySig(ballots: DynArray[Ballot, bounds.MAX_BALLOTS]) -> uint256:
    """
    @dev Casts the votes of all who signed a `Ballot`. One that does
         not count is skipped, and keeps its nonce.
    @notice A contract wallet gets the gas that it may use, or the
            whole call reverts (`GovernorInsufficientGas`): nobody can
            make a good ballot fail by sending too little. So whoever
            sends a batch adds 516,000 gas for each such wallet to
            what it is estimated to use.
    @param ballots The ballots.
    @return uint256 How many ballots were counted.
    """
    counted: uint256 = 0
    for ballot: Ballot in ballots:
        tally: uint256 = proposals._tallies[ballot.proposalId]
        course: uint256 = self._course(ballot.proposalId, tally)
        remaining: uint256 = 0
        used: uint256 = 0
        slot: uint256 = 0
        reason: bytes4 = empty(bytes4)
        if not states._is_open(ballot.proposalId, course, tally):
            reason = method_id("GovernorUnexpectedProposalState(uint256,uint8,bytes32)", output_type=bytes4)
            if course == 0:
                reason = method_id("GovernorNonexistentProposal(uint256)", output_type=bytes4)
        elif ballot.support > _ABSTAIN:
            reason = method_id("GovernorInvalidVoteType()", output_type=bytes4)
            if ballot.support == _FRACTIONAL:
                reason = method_id("GovernorInvalidVoteParams()", output_type=bytes4)
        else:
            remaining, used, slot = self._weight(ballot.proposalId, course, ballot.voter)
            if remaining == 0:
                reason = method_id("GovernorAlreadyCastVote(address)", output_type=bytes4)
            elif not self._is_signed(
                ballot.proposalId, ballot.support, ballot.voter, proposals._nonce_in(slot), ballot.signature
            ):
                reason = method_id("GovernorInvalidSignature(address)", output_type=bytes4)

        if reason != empty(bytes4):
            log BallotSkipped(voter=ballot.voter, proposalId=ballot.proposalId, reason=reason)
            continue
        deadline: uint256 = self._count(
            ballot.proposalId,
            course,
            tally,
            ballot.voter,
            proposals._with_next_nonce(slot),
            ballot.support,
            remaining,
            used,
        )
        log VoteCast(
            voter=ballot.voter,
            proposalId=ballot.proposalId,
            support=ballot.support,
            weight=remaining,
            reason="",
        )
        if deadline != 0:
            self._announce(ballot.proposalId, deadline)
        counted = unsafe_add(counted, 1)
    return counted


@internal
@view
def _ballot_digest(proposal_id: uint256, support: uint8, voter: address, nonce: uint256) -> bytes32:
    """
    @dev Returns what a voter signs.
    @param proposal_id The 32-byte identifier of the proposal.
    @param support What the ballot supports.
    @param voter The 20-byte address of the voter.
    @param nonce The voter's nonce.
    @return bytes32 The 32-byte digest.
    """
    return eip712_domain_separator._hash_typed_data_v4(
        keccak256(abi_encode(BALLOT_TYPEHASH, proposal_id, support, voter, nonce))
    )


@internal
@view
def _is_signed(
    proposal_id: uint256, support: uint8, voter: address, nonce: uint256, signature: Bytes[bounds.MAX_SIGNATURE]
) -> bool:
    """
    @dev Returns whether a ballot of a batch is signed.
    @notice Reverts if a contract wallet could not get its gas.
    @param proposal_id The 32-byte identifier of the proposal.
    @param support What the ballot supports.
    @param voter The 20-byte address of the voter.
    @param nonce The voter's nonce.
    @param signature The signature.
    @return bool The verification whether it is.
    """
    digest: bytes32 = self._ballot_digest(proposal_id, support, voter, nonce)
    if signatures._is_by_key(voter, digest, signature):
        return True
    if not voter.is_contract:
        return False
    # A call hands on at most 63 of 64 parts of the gas (EIP-150).
    if msg.gas < signatures.ERC1271_GAS + signatures.ERC1271_GAS // 32:
        raw_revert(method_id("GovernorInsufficientGas()", output_type=Bytes[4]))
    return signatures._is_by_contract(voter, digest, signature)


@internal
@view
def _course(proposal_id: uint256, tally: uint256) -> uint256:
    """
    @dev Returns the course of a proposal, from its tally if that
         holds it.
    @param proposal_id The 32-byte identifier of the proposal.
    @param tally The tally of the proposal.
    @return uint256 The course, or `0` for an unknown proposal.
    """
    return proposals._course_in(tally) if tally != 0 else proposals._course(proposal_id)


@internal
def _announce(proposal_id: uint256, deadline: uint256):
    """
    @dev Tells that a vote goes on.
    @param proposal_id The 32-byte identifier of the proposal.
    @param deadline The new deadline.
    """
    log ProposalExtended(proposalId=proposal_id, extendedDeadline=convert(deadline, uint64))


@internal
def _cast_with_params(
    proposal_id: uint256,
    voter: address,
    support: uint8,
    reason: String[bounds.MAX_REASON],
    params: Bytes[bounds.MAX_PARAMS],
) -> uint256:
    """
    @dev Casts a vote with parameters.
    @param proposal_id The 32-byte identifier of the proposal.
    @param voter The 20-byte address of the voter.
    @param support What the vote supports.
    @param reason The voter's reason.
    @param params The parameters of the vote.
    @return uint256 The votes that were counted.
    """
    counted: uint256 = 0
    deadline: uint256 = 0
    if support == _FRACTIONAL:
        # Of other parameters the reference thinks after it has asked
        # for the voter's weight.
        against: uint256 = max_value(uint256)
        rest: uint256 = 0
        if len(params) == _FRACTIONS_LENGTH:
            against = extract32(params, 0, output_type=uint256) >> 128
            rest = extract32(params, 16, output_type=uint256)
        counted, deadline = self._cast_fractions(proposal_id, voter, against, rest >> 128, rest & (2**128 - 1))
    else:
        counted, deadline = self._cast(proposal_id, voter, support, len(params) != 0)

    if len(params) == 0:
        log VoteCast(voter=voter, proposalId=proposal_id, support=support, weight=counted, reason=reason)
    else:
        log VoteCastWithParams(
            voter=voter, proposalId=proposal_id, support=support, weight=counted, reason=reason, params=params
        )
    if deadline != 0:
        self._announce(proposal_id, deadline)
    return counted


@internal
def _cast(proposal_id: uint256, voter: address, support: uint8, has_params: bool) -> (uint256, uint256):
    """
    @dev Casts all votes that a voter has left. The caller tells of
         it.
    @param proposal_id The 32-byte identifier of the proposal.
    @param voter The 20-byte address of the voter.
    @param support 0 against, 1 for, 2 abstain.
    @param has_params Whether there are parameters, which there
           should not be.
    @return uint256 The votes that were counted.
    @return uint256 The deadline to which the vote is extended, or
            `0` if it is not.
    """
    tally: uint256 = proposals._tallies[proposal_id]
    course: uint256 = self._course(proposal_id, tally)
    if not states._is_open(proposal_id, course, tally):
        states._check(proposal_id, 1 << states.ACTIVE)
    remaining: uint256 = 0
    used: uint256 = 0
    slot: uint256 = 0
    remaining, used, slot = self._weight(proposal_id, course, voter)
    if remaining == 0:
        raw_revert(abi_encode(voter, method_id=method_id("GovernorAlreadyCastVote(address)")))
    if has_params or support > _ABSTAIN:
        # Fractions come with parameters, and by another way.
        if support <= _ABSTAIN or support == _FRACTIONAL:
            raw_revert(method_id("GovernorInvalidVoteParams()", output_type=Bytes[4]))
        raw_revert(method_id("GovernorInvalidVoteType()", output_type=Bytes[4]))
    return remaining, self._count(proposal_id, course, tally, voter, slot, support, remaining, used)


@internal
def _cast_fractions(
    proposal_id: uint256, voter: address, against: uint256, in_favour: uint256, abstaining: uint256
) -> (uint256, uint256):
    """
    @dev Casts some of the votes that a voter has left. The caller
         tells of it.
    @param proposal_id The 32-byte identifier of the proposal.
    @param voter The 20-byte address of the voter.
    @param against The votes against it, or the greatest value if
           the parameters say nothing.
    @param in_favour The votes for it.
    @param abstaining The abstentions.
    @return uint256 The votes that were counted.
    @return uint256 The deadline to which the vote is extended, or
            `0` if it is not.
    """
    tally: uint256 = proposals._tallies[proposal_id]
    course: uint256 = self._course(proposal_id, tally)
    if not states._is_open(proposal_id, course, tally):
        states._check(proposal_id, 1 << states.ACTIVE)
    remaining: uint256 = 0
    used: uint256 = 0
    slot: uint256 = 0
    remaining, used, slot = self._weight(proposal_id, course, voter)
    if remaining == 0:
        raw_revert(abi_encode(voter, method_id=method_id("GovernorAlreadyCastVote(address)")))
    if against == max_value(uint256):
        raw_revert(method_id("GovernorInvalidVoteParams()", output_type=Bytes[4]))
    counted: uint256 = against + in_favour + abstaining
    if counted > remaining:
        raw_revert(
            abi_encode(
                voter,
                counted,
                remaining,
                method_id=method_id("GovernorExceedRemainingWeight(address,uint256,uint256)"),
            )
        )
    if counted == 0:
        return 0, 0

    if used == 0:
        proposals._mark_voted(voter, slot, course)
    if used != 0 or counted != remaining:
        proposals._parts[proposal_id][voter] = unsafe_add(used, counted)
    if against | abstaining != 0:
        proposals._add_others(proposal_id, against, abstaining)
    if in_favour | abstaining == 0:
        return counted, 0
    return counted, self._tally(proposal_id, course, tally, in_favour, abstaining)


@internal
@view
def _weight(proposal_id: uint256, course: uint256, voter: address) -> (uint256, uint256, uint256):
    """
    @dev Returns how many votes a voter has left on a proposal, and
         how many it has used.
    @param proposal_id The 32-byte identifier of the proposal.
    @param course The course of the proposal.
    @param voter The 20-byte address of the voter.
    @return uint256 The votes left.
    @return uint256 The votes used.
    @return uint256 The voter's slot.
    """
    weight: uint256 = electorate._votes(voter, course & proposals._SNAPSHOT_MASK)
    slot: uint256 = proposals._voters[voter]
    if not proposals._has_voted(voter, slot, course):
        return weight, 0, slot
    used: uint256 = proposals._parts[proposal_id][voter]
    # Unless it was cast in parts, a vote used all.
    if used == 0:
        return 0, weight, slot
    return unsafe_sub(weight, used), used, slot


@internal
def _count(
    proposal_id: uint256,
    course: uint256,
    tally: uint256,
    voter: address,
    slot: uint256,
    support: uint8,
    remaining: uint256,
    used: uint256,
) -> uint256:
    """
    @dev Counts all votes that a voter has left on an active
         proposal.
    @param proposal_id The 32-byte identifier of the proposal.
    @param course The course of the proposal.
    @param tally The tally of the proposal.
    @param voter The 20-byte address of the voter.
    @param slot The voter's slot, with the nonce that it is to have.
    @param support 0 against, 1 for, 2 abstain.
    @param remaining The votes that the voter has left, not `0`.
    @param used The votes that it has used.
    @return uint256 The deadline to which the vote is extended, or
            `0` if it is not.
    """
    proposals._mark_voted(voter, slot, course)
    if used != 0:
        proposals._parts[proposal_id][voter] = unsafe_add(used, remaining)
    if support == _FOR:
        return self._tally(proposal_id, course, tally, remaining, 0)
    if support == _AGAINST:
        proposals._add_others(proposal_id, remaining, 0)
        return 0
    proposals._add_others(proposal_id, 0, remaining)
    return self._tally(proposal_id, course, tally, 0, remaining)


@internal
def _tally(
    proposal_id: uint256, course: uint256, tally: uint256, in_favour: uint256, abstaining: uint256
) -> uint256:
    """
    @dev Adds votes that the quorum counts, and keeps what they
         settle.
    @param proposal_id The 32-byte identifier of the proposal.
    @param course The course of the proposal.
    @param tally The tally of the proposal.
    @param in_favour The votes for the proposal.
    @param abstaining The abstentions, which are stored already.
    @return uint256 The deadline to which this extends the vote, or
            `0` if it does not.
    """
    # No vote for the proposal touches the fields above the votes: the
    # supply fits into their bits.
    tallied: uint256 = unsafe_add(tally if tally != 0 else self._first_tally(course), in_favour)
    if abstaining != 0:
        tallied |= proposals.ABSTAINED
    votes: uint256 = tallied & proposals._VOTES_MASK
    deadline: uint256 = 0

    if tallied & proposals.QUORUM_REACHED == 0:
        cast: uint256 = votes
        if tallied & proposals.ABSTAINED != 0:
            cast = unsafe_add(votes, proposals._abstaining(proposal_id))
        magnitude: uint256 = (tallied >> proposals.QUORUM_MAGNITUDE_SHIFT) & proposals.MAGNITUDE_MASK
        if cast >> magnitude != 0 and cast >= electorate._quorum(
            proposals._track(course), proposals._snapshot(course)
        ):
            tallied |= proposals.QUORUM_REACHED
            extended: uint256 = unsafe_add(block.timestamp, tracks._vote_extension(proposals._track(course)))
            if extended > proposals._first_deadline(course):
                deadline = extended
                tallied |= proposals.EXTENDED
                proposals._extend(proposal_id, unsafe_sub(extended, proposals._first_deadline(course)))

    if (
        in_favour != 0
        and votes >> ((tallied >> proposals.SUPER_QUORUM_MAGNITUDE_SHIFT) & proposals.MAGNITUDE_MASK) != 0
        and votes > proposals._against(proposal_id)
        and votes >= electorate._super_quorum(proposals._track(course), proposals._snapshot(course))
    ):
        tallied |= proposals.DECIDED_EARLY

    proposals._tallies[proposal_id] = tallied
    return deadline


@internal
@view
def _first_tally(course: uint256) -> uint256:
    """
    @dev Returns the tally of a proposal that nobody has voted for:
         its course, and the magnitudes of quorum and super-quorum.
    @param course The course of the proposal.
    @return uint256 The tally.
    """
    track: uint256 = proposals._track(course)
    snapshot: uint256 = proposals._snapshot(course)
    return proposals._with_course(course) | (
        self._magnitude(electorate._quorum(track, snapshot)) << proposals.QUORUM_MAGNITUDE_SHIFT
    ) | (self._magnitude(electorate._super_quorum(track, snapshot)) << proposals.SUPER_QUORUM_MAGNITUDE_SHIFT)


@internal
@pure
def _magnitude(votes: uint256) -> uint256:
    """
    @dev Returns the number of the highest bit of some votes.
    @param votes The votes, below 2**128.
    @return uint256 The number, or `0` for no votes.
    """
    magnitude: uint256 = 0
    rest: uint256 = votes
    for step: uint256 in [64, 32, 16, 8, 4, 2, 1]:
        if rest >> step != 0:
            rest = rest >> step
            magnitude = unsafe_add(magnitude, step)
    return magnitude
