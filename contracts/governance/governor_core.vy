# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title Governor
@custom:contract-name governor_core
@license GNU Affero General Public License v3.0 only
@author Westworld
@notice These functions let the holders of a voting token make
        proposals, vote on them, and have them executed by an executor
        (`Timelock`). Names, argument types, events and custom errors
        are those of the reference's Governor with GovernorSettings,
        GovernorCountingSimple, GovernorVotes,
        GovernorVotesQuorumFraction and GovernorTimelockControl. Beyond
        the reference, a proposal is decided on a track (see `tracks`),
        which its description names (see `descriptions`).

        Whether each call of a proposal belongs to its track is checked
        when it is made, and again when it is executed: a call reserved
        in the meantime is too late.

        The implementation is inspired by OpenZeppelin's implementation here:
        https://github.com/OpenZeppelin/openzeppelin-contracts/blob/master/contracts/governance/Governor.sol.
"""


# @dev We import and implement the `IERC165` interface,
# which is a built-in interface of the Vyper compiler.
from ethereum.ercs import IERC165
implements: IERC165


# @dev We import and use the `eip712_domain_separator` module.
from snekmate.utils import eip712_domain_separator
uses: eip712_domain_separator


# @dev We import and use the `checkpoints` module.
import checkpoints as traces
uses: traces


# @dev We import and use the `tracks` module.
import tracks
uses: tracks


# @dev We import and use the `proposals` module.
import proposals
uses: proposals


# @dev We import the `bounds`, `descriptions` and `signatures`
# modules.
import bounds
import descriptions
import signatures


# @dev What the Governor asks of the token (ERC-5805, ERC-6372).
interface Votes:
    def clock() -> uint48: view
    def getPastVotes(account: address, timepoint: uint256) -> uint256: view
    def getPastTotalSupply(timepoint: uint256) -> uint256: view


# @dev What the Governor asks of an executor.
interface Executor:
    def getMinDelay() -> uint256: view
    def getOperationState(id: bytes32) -> uint8: view
    def scheduleBatch(
        targets: DynArray[address, bounds.MAX_ACTIONS],
        values: DynArray[uint256, bounds.MAX_ACTIONS],
        payloads: DynArray[Bytes[bounds.MAX_CALLDATA], bounds.MAX_ACTIONS],
        predecessor: bytes32,
        salt: bytes32,
        delay: uint256,
    ): nonpayable
    def executeBatch(
        targets: DynArray[address, bounds.MAX_ACTIONS],
        values: DynArray[uint256, bounds.MAX_ACTIONS],
        payloads: DynArray[Bytes[bounds.MAX_CALLDATA], bounds.MAX_ACTIONS],
        predecessor: bytes32,
        salt: bytes32,
    ): payable


# @dev Returns the version of the Governor and of its signing domain.
version: public(constant(String[1])) = "1"


# @dev Returns how votes are counted, machine-readable.
COUNTING_MODE: public(constant(String[32])) = "support=bravo&quorum=for,abstain"


# @dev Returns what the clock counts (ERC-6372).
CLOCK_MODE: public(constant(String[14])) = "mode=timestamp"


# @dev The 32-byte type hashes of the ballots.
BALLOT_TYPEHASH: public(constant(bytes32)) = keccak256(
    "Ballot(uint256 proposalId,uint8 support,address voter,uint256 nonce)"
)
EXTENDED_BALLOT_TYPEHASH: public(constant(bytes32)) = keccak256(
    "ExtendedBallot(uint256 proposalId,uint8 support,address voter,uint256 nonce,string reason,bytes params)"
)


# @dev The ERC-165 identifiers of what this contract implements.
_SUPPORTED_INTERFACES: constant(bytes4[4]) = [
    0x01FFC9A7, # The ERC-165 identifier for ERC-165.
    0xCDBDFCEE, # The ERC-165 identifier for `IGovernor`.
    0xA8F8A668, # The ERC-165 identifier for `IGovernor` before `getProposalId`.
    0x4E2312E0, # The ERC-165 identifier for `IERC1155Receiver`.
]


# @dev The states of a proposal, numbered as in the reference.
_PENDING: constant(uint8) = 0
_ACTIVE: constant(uint8) = 1
_STATE_CANCELED: constant(uint8) = 2
_DEFEATED: constant(uint8) = 3
_SUCCEEDED: constant(uint8) = 4
_QUEUED: constant(uint8) = 5
_STATE_EXECUTED: constant(uint8) = 7


# @dev The states of an executor's operation that matter here.
_OPERATION_UNSET: constant(uint8) = 0
_OPERATION_DONE: constant(uint8) = 3


# @dev The 4-byte selectors of the functions that belong to the
# administrator of the track that they change.
_SET_TRACK: constant(bytes4) = method_id(
    "setTrack((bytes32,address,bytes32,uint48,uint32,uint256,uint256))", output_type=bytes4
)
_RESERVE_CALL: constant(bytes4) = method_id("reserveCall(address,bytes4,bytes32)", output_type=bytes4)


# @dev The least calldata of those functions: a selector and two
# arguments.
_HEAD: constant(uint256) = 68


# @dev The 32-byte role by which an executor obeys a Governor.
_PROPOSER_ROLE: constant(bytes32) = keccak256("PROPOSER_ROLE")


# @dev Returns the name of the Governor.
name: public(immutable(String[50]))


# @dev Returns the address of the voting token.
token: public(immutable(address))


# @dev Returns how often an executor may yet make a call to the
# Governor in the course of the present transaction, by the hash
# of executor and calldata.
_allowed_calls: transient(HashMap[bytes32, uint256])


# @dev Emitted when a proposal is made.
event ProposalCreated:
    proposalId: uint256
    proposer: address
    targets: DynArray[address, bounds.MAX_ACTIONS]
    values: DynArray[uint256, bounds.MAX_ACTIONS]
    signatures: DynArray[String[1], bounds.MAX_ACTIONS]
    calldatas: DynArray[Bytes[bounds.MAX_CALLDATA], bounds.MAX_ACTIONS]
    voteStart: uint256
    voteEnd: uint256
    description: String[bounds.MAX_DESCRIPTION]


# @dev Emitted when a proposal is queued with its executor.
event ProposalQueued:
    proposalId: uint256
    etaSeconds: uint256


# @dev Emitted when a proposal is executed.
event ProposalExecuted:
    proposalId: uint256


# @dev Emitted when a proposal is cancelled.
event ProposalCanceled:
    proposalId: uint256


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


@deploy
@payable
def __init__(name_: String[50], token_: address):
    """
    @dev Initialises the Governor. The importing contract initialises
         the other modules.
    @notice The token's clock must count seconds, as the tracks do.
    @param name_ The maximum 50-character name of the Governor.
    @param token_ The 20-byte address of the voting token.
    """
    name = name_
    token = token_
    timepoint: uint48 = staticcall Votes(token_).clock()
    assert convert(timepoint, uint256) == block.timestamp, "governor: the token's clock counts no seconds"


@external
@payable
def __default__():
    """
    @dev Refuses ETH: the executors hold the treasury.
    """
    self._refuse_deposit()


@external
@view
def supportsInterface(interfaceId: bytes4) -> bool:
    """
    @dev Returns whether this contract implements an interface.
    @param interfaceId The 4-byte interface identifier.
    @return bool The verification whether the contract implements
            the interface or not.
    """
    return interfaceId in _SUPPORTED_INTERFACES


@external
@view
def clock() -> uint48:
    """
    @dev Returns the present timepoint (ERC-6372).
    @return uint48 The timestamp of the block.
    """
    return convert(block.timestamp, uint48)


@external
@pure
def hashProposal(
    targets: DynArray[address, bounds.MAX_ACTIONS],
    values: DynArray[uint256, bounds.MAX_ACTIONS],
    calldatas: DynArray[Bytes[bounds.MAX_CALLDATA], bounds.MAX_ACTIONS],
    descriptionHash: bytes32,
) -> uint256:
    """
    @dev Returns the identifier of a proposal.
    @param targets The addresses that are called.
    @param values The amounts of ETH that the calls carry.
    @param calldatas The calldata of each call.
    @param descriptionHash The 32-byte hash of the description.
    @return uint256 The 32-byte identifier of the proposal.
    """
    return convert(keccak256(abi_encode(targets, values, calldatas, descriptionHash)), uint256)


@external
@view
def getProposalId(
    targets: DynArray[address, bounds.MAX_ACTIONS],
    values: DynArray[uint256, bounds.MAX_ACTIONS],
    calldatas: DynArray[Bytes[bounds.MAX_CALLDATA], bounds.MAX_ACTIONS],
    descriptionHash: bytes32,
) -> uint256:
    """
    @dev Returns the identifier of a proposal, as `hashProposal`.
    @param targets The addresses that are called.
    @param values The amounts of ETH that the calls carry.
    @param calldatas The calldata of each call.
    @param descriptionHash The 32-byte hash of the description.
    @return uint256 The 32-byte identifier of the proposal.
    """
    return convert(keccak256(abi_encode(targets, values, calldatas, descriptionHash)), uint256)


@external
@view
def state(proposalId: uint256) -> uint8:
    """
    @dev Returns the state of a proposal.
    @param proposalId The 32-byte identifier of the proposal.
    @return uint8 0 pending, 1 active, 2 canceled, 3 defeated,
            4 succeeded, 5 queued, 7 executed.
    """
    return self._state(proposalId)


@external
@view
def proposalNeedsQueuing(proposalId: uint256) -> bool:
    """
    @dev Returns whether a proposal is queued before it is executed.
    @param proposalId The 32-byte identifier of the proposal.
    @return bool Always `True`: every track has an executor.
    """
    return True


@external
@view
def proposalTrack(proposalId: uint256) -> bytes32:
    """
    @dev Returns the name of the track of a proposal.
    @param proposalId The 32-byte identifier of the proposal.
    @return bytes32 The 32-byte name of the track.
    """
    return tracks.trackName[proposals._track(self._existing(proposalId))]


@external
@view
def proposalQuorum(proposalId: uint256) -> uint256:
    """
    @dev Returns how many votes, for or abstaining, a proposal needs.
    @notice Known once the vote has begun.
    @param proposalId The 32-byte identifier of the proposal.
    @return uint256 The 32-byte votes.
    """
    proposal: uint256 = self._existing(proposalId)
    return self._quorum(proposals._track(proposal), proposals._snapshot(proposal))


@external
@view
def quorum(timepoint: uint256) -> uint256:
    """
    @dev Returns the quorum of the track `standard` at `timepoint`.
    @param timepoint The timepoint, which must lie in the past.
    @return uint256 The 32-byte votes.
    """
    return self._quorum(0, timepoint)


@external
@view
def getVotes(account: address, timepoint: uint256) -> uint256:
    """
    @dev Returns the votes that `account` had at `timepoint`.
    @param account The 20-byte account address.
    @param timepoint The timepoint, which must lie in the past.
    @return uint256 The 32-byte votes.
    """
    return staticcall Votes(token).getPastVotes(account, timepoint)


@external
@view
def getVotesWithParams(account: address, timepoint: uint256, params: Bytes[bounds.MAX_PARAMS]) -> uint256:
    """
    @dev Returns the votes that `account` had at `timepoint`, whatever
         the parameters of the ballot.
    @param account The 20-byte account address.
    @param timepoint The timepoint, which must lie in the past.
    @param params The parameters of the ballot.
    @return uint256 The 32-byte votes.
    """
    return staticcall Votes(token).getPastVotes(account, timepoint)


@external
def propose(
    targets: DynArray[address, bounds.MAX_ACTIONS],
    values: DynArray[uint256, bounds.MAX_ACTIONS],
    calldatas: DynArray[Bytes[bounds.MAX_CALLDATA], bounds.MAX_ACTIONS],
    description: String[bounds.MAX_DESCRIPTION],
) -> uint256:
    """
    @dev Makes a proposal, on the track that its description names.
    @notice The caller needs the votes that the track asks for, one
            second before.
    @param targets The addresses that are called.
    @param values The amounts of ETH that the calls carry.
    @param calldatas The calldata of each call.
    @param description The description of the proposal.
    @return uint256 The 32-byte identifier of the proposal.
    """
    if not descriptions._is_for_proposer(msg.sender, description):
        raw_revert(abi_encode(msg.sender, method_id=method_id("GovernorRestrictedProposer(address)")))
    track: uint256 = self._track_of(description)
    self._check_threshold(track)

    proposal_id: uint256 = convert(
        keccak256(abi_encode(targets, values, calldatas, keccak256(description))), uint256
    )
    count: uint256 = len(targets)
    if count != len(values) or count != len(calldatas) or count == 0:
        raw_revert(
            abi_encode(
                count,
                len(calldatas),
                len(values),
                method_id=method_id("GovernorInvalidProposalLength(uint256,uint256,uint256)"),
            )
        )
    if proposals._proposals[proposal_id] != 0:
        self._revert_unexpected(proposal_id, self._state(proposal_id), 0)

    signatures_: DynArray[String[1], bounds.MAX_ACTIONS] = []
    for i: uint256 in range(count, bound=bounds.MAX_ACTIONS):
        signatures_.append("")
        selector: bytes4 = empty(bytes4)
        if len(calldatas[i]) >= 4:
            selector = convert(slice(calldatas[i], 0, 4), bytes4)
        if targets[i] == self and len(calldatas[i]) >= _HEAD:
            self._check_own_call(track, selector, extract32(calldatas[i], 4), extract32(calldatas[i], 36))
        else:
            self._check_owner(track, tracks._owner(targets[i], selector), targets[i], selector)

    snapshot: uint256 = unsafe_add(block.timestamp, tracks._delay(track))
    period: uint256 = tracks._period(track)
    proposals._create(proposal_id, msg.sender, snapshot, period, track)
    log ProposalCreated(
        proposalId=proposal_id,
        proposer=msg.sender,
        targets=targets,
        values=values,
        signatures=signatures_,
        calldatas=calldatas,
        voteStart=snapshot,
        voteEnd=unsafe_add(snapshot, period),
        description=description,
    )
    return proposal_id


@external
def queue(
    targets: DynArray[address, bounds.MAX_ACTIONS],
    values: DynArray[uint256, bounds.MAX_ACTIONS],
    calldatas: DynArray[Bytes[bounds.MAX_CALLDATA], bounds.MAX_ACTIONS],
    descriptionHash: bytes32,
) -> uint256:
    """
    @dev Schedules a proposal that succeeded with its executor.
    @param targets The addresses that are called.
    @param values The amounts of ETH that the calls carry.
    @param calldatas The calldata of each call.
    @param descriptionHash The 32-byte hash of the description.
    @return uint256 The 32-byte identifier of the proposal.
    """
    proposal_id: uint256 = convert(keccak256(abi_encode(targets, values, calldatas, descriptionHash)), uint256)
    self._check_state(proposal_id, 1 << _SUCCEEDED)

    executor: address = tracks._executor(proposals._track(proposals._proposals[proposal_id]))
    salt: bytes32 = self._salt(descriptionHash)
    delay: uint256 = staticcall Executor(executor).getMinDelay()
    eta: uint256 = block.timestamp + delay
    proposals._queue(
        proposal_id, keccak256(abi_encode(targets, values, calldatas, empty(bytes32), salt)), eta
    )
    extcall Executor(executor).scheduleBatch(targets, values, calldatas, empty(bytes32), salt, delay)
    log ProposalQueued(proposalId=proposal_id, etaSeconds=eta)
    return proposal_id


@external
@payable
def execute(
    targets: DynArray[address, bounds.MAX_ACTIONS],
    values: DynArray[uint256, bounds.MAX_ACTIONS],
    calldatas: DynArray[Bytes[bounds.MAX_CALLDATA], bounds.MAX_ACTIONS],
    descriptionHash: bytes32,
) -> uint256:
    """
    @dev Executes a queued proposal by its executor, which receives
         the ETH sent along.
    @param targets The addresses that are called.
    @param values The amounts of ETH that the calls carry.
    @param calldatas The calldata of each call.
    @param descriptionHash The 32-byte hash of the description.
    @return uint256 The 32-byte identifier of the proposal.
    """
    proposal_id: uint256 = convert(keccak256(abi_encode(targets, values, calldatas, descriptionHash)), uint256)
    self._check_state(proposal_id, 1 << _QUEUED)
    proposals._mark_executed(proposal_id)

    track: uint256 = proposals._track(proposals._proposals[proposal_id])
    executor: address = tracks._executor(track)
    for i: uint256 in range(len(targets), bound=bounds.MAX_ACTIONS):
        selector: bytes4 = empty(bytes4)
        if len(calldatas[i]) >= 4:
            selector = convert(slice(calldatas[i], 0, 4), bytes4)
        if targets[i] == self and len(calldatas[i]) >= _HEAD:
            self._check_own_call(track, selector, extract32(calldatas[i], 4), extract32(calldatas[i], 36))
        else:
            self._check_owner(track, tracks._owner(targets[i], selector), targets[i], selector)
        if targets[i] == self:
            self._allowed_calls[self._call_key(executor, keccak256(calldatas[i]))] += 1

    extcall Executor(executor).executeBatch(
        targets, values, calldatas, empty(bytes32), self._salt(descriptionHash), value=msg.value
    )
    proposals._operations[proposal_id] = empty(bytes32)
    for i: uint256 in range(len(targets), bound=bounds.MAX_ACTIONS):
        if targets[i] == self:
            self._allowed_calls[self._call_key(executor, keccak256(calldatas[i]))] = 0

    log ProposalExecuted(proposalId=proposal_id)
    return proposal_id


@external
def cancel(
    targets: DynArray[address, bounds.MAX_ACTIONS],
    values: DynArray[uint256, bounds.MAX_ACTIONS],
    calldatas: DynArray[Bytes[bounds.MAX_CALLDATA], bounds.MAX_ACTIONS],
    descriptionHash: bytes32,
) -> uint256:
    """
    @dev Cancels a proposal whose vote has not begun.
    @notice Only its proposer can.
    @param targets The addresses that are called.
    @param values The amounts of ETH that the calls carry.
    @param calldatas The calldata of each call.
    @param descriptionHash The 32-byte hash of the description.
    @return uint256 The 32-byte identifier of the proposal.
    """
    proposal_id: uint256 = convert(keccak256(abi_encode(targets, values, calldatas, descriptionHash)), uint256)
    if (
        self._state(proposal_id) != _PENDING
        or msg.sender != proposals._proposer(proposals._proposals[proposal_id])
    ):
        raw_revert(
            abi_encode(proposal_id, msg.sender, method_id=method_id("GovernorUnableToCancel(uint256,address)"))
        )
    proposals._mark_canceled(proposal_id)
    log ProposalCanceled(proposalId=proposal_id)
    return proposal_id


@external
def castVote(proposalId: uint256, support: uint8) -> uint256:
    """
    @dev Casts the caller's vote.
    @param proposalId The 32-byte identifier of the proposal.
    @param support 0 against, 1 for, 2 abstain.
    @return uint256 The votes that were counted.
    """
    return self._cast(proposalId, msg.sender, support, "", b"")


@external
def castVoteWithReason(proposalId: uint256, support: uint8, reason: String[bounds.MAX_REASON]) -> uint256:
    """
    @dev Casts the caller's vote and says why.
    @param proposalId The 32-byte identifier of the proposal.
    @param support 0 against, 1 for, 2 abstain.
    @param reason The voter's reason.
    @return uint256 The votes that were counted.
    """
    return self._cast(proposalId, msg.sender, support, reason, b"")


@external
def castVoteWithReasonAndParams(
    proposalId: uint256, support: uint8, reason: String[bounds.MAX_REASON], params: Bytes[bounds.MAX_PARAMS]
) -> uint256:
    """
    @dev Casts the caller's vote with a reason and parameters, which
         do not change how it is counted.
    @param proposalId The 32-byte identifier of the proposal.
    @param support 0 against, 1 for, 2 abstain.
    @param reason The voter's reason.
    @param params The parameters of the ballot.
    @return uint256 The votes that were counted.
    """
    return self._cast(proposalId, msg.sender, support, reason, params)


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
    self._check_signature(
        voter, keccak256(abi_encode(BALLOT_TYPEHASH, proposalId, support, voter, nonce)), signature
    )
    return self._cast(proposalId, voter, support, "", b"")


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
    @param support 0 against, 1 for, 2 abstain.
    @param voter The 20-byte address of the voter.
    @param reason The voter's reason.
    @param params The parameters of the ballot.
    @param signature The voter's signature (ECDSA or ERC-1271).
    @return uint256 The votes that were counted.
    """
    nonce: uint256 = proposals._use_nonce(voter)
    self._check_signature(
        voter,
        keccak256(
            abi_encode(
                EXTENDED_BALLOT_TYPEHASH, proposalId, support, voter, nonce, keccak256(reason), keccak256(params)
            )
        ),
        signature,
    )
    return self._cast(proposalId, voter, support, reason, params)


@external
def setVotingDelay(newVotingDelay: uint48):
    """
    @dev Sets the delay of the track `standard`.
    @notice By governance alone.
    @param newVotingDelay The seconds from a proposal to its vote.
    """
    self._check_governance(keccak256(abi_encode(newVotingDelay, method_id=method_id("setVotingDelay(uint48)"))))
    tracks._set_voting_delay(0, convert(newVotingDelay, uint256))


@external
def setVotingPeriod(newVotingPeriod: uint32):
    """
    @dev Sets the period of the track `standard`.
    @notice By governance alone.
    @param newVotingPeriod The seconds that a vote lasts.
    """
    self._check_governance(keccak256(abi_encode(newVotingPeriod, method_id=method_id("setVotingPeriod(uint32)"))))
    tracks._set_voting_period(0, convert(newVotingPeriod, uint256))


@external
def setProposalThreshold(newProposalThreshold: uint256):
    """
    @dev Sets the threshold of the track `standard`.
    @notice By governance alone.
    @param newProposalThreshold The votes that a proposer needs.
    """
    self._check_governance(
        keccak256(abi_encode(newProposalThreshold, method_id=method_id("setProposalThreshold(uint256)")))
    )
    tracks._set_proposal_threshold(0, newProposalThreshold)


@external
def updateQuorumNumerator(newQuorumNumerator: uint256):
    """
    @dev Sets the quorum of the track `standard`, for votes that
         begin from now on.
    @notice By governance alone.
    @param newQuorumNumerator The quorum in percent of the supply.
    """
    self._check_governance(
        keccak256(abi_encode(newQuorumNumerator, method_id=method_id("updateQuorumNumerator(uint256)")))
    )
    tracks._set_quorum_numerator(0, newQuorumNumerator)


@external
def updateTimelock(newTimelock: address):
    """
    @dev Sets the executor of the track `standard`.
    @notice By governance alone. What is queued with the executor
            before cannot be executed any more. The new one must
            obey this Governor already.
    @param newTimelock The 20-byte address of the executor.
    """
    self._check_governance(keccak256(abi_encode(newTimelock, method_id=method_id("updateTimelock(address)"))))
    self._check_obedience(newTimelock, tracks.STANDARD)
    tracks._set_executor(0, newTimelock, 0)


@external
def setTrack(track: tracks.Track):
    """
    @dev Adds a track, or changes the one of that name.
    @notice By governance alone: by the track's administrator, or by
            `standard` if it is new. The track `standard` itself is
            set by the reference's functions. The executor must obey
            this Governor already.
    @param track The settings of the track.
    """
    self._check_governance(
        keccak256(
            abi_encode(track, method_id=_SET_TRACK)
        )
    )
    if track.name == tracks.STANDARD:
        raw_revert(abi_encode(track.name, method_id=method_id("GovernorInvalidTrack(bytes32)")))
    self._check_obedience(track.executor, track.name)
    tracks._set_track(track)


@external
def reserveCall(target: address, selector: bytes4, track: bytes32):
    """
    @dev Reserves a call for a track.
    @notice By governance alone: by the administrator of the track
            that owns the call so far.
    @param target The 20-byte address that is called.
    @param selector The 4-byte selector (zero: every call to the
           target that is not reserved with its own).
    @param track The 32-byte name of the track.
    """
    self._check_governance(
        keccak256(abi_encode(target, selector, track, method_id=_RESERVE_CALL))
    )
    tracks._reserve(target, selector, tracks._index(track))


@external
def onERC721Received(operator: address, owner: address, tokenId: uint256, data: Bytes[bounds.MAX_CALLDATA]) -> bytes4:
    """
    @dev Refuses ERC-721 tokens: the executors hold the treasury.
    @param operator The 20-byte address that moved the token.
    @param owner The 20-byte address of the previous owner.
    @param tokenId The 32-byte identifier of the token.
    @param data The data that came with the token.
    @return bytes4 Nothing is ever returned.
    """
    self._refuse_deposit()
    return empty(bytes4)


@external
def onERC1155Received(
    operator: address, owner: address, id: uint256, amount: uint256, data: Bytes[bounds.MAX_CALLDATA]
) -> bytes4:
    """
    @dev Refuses ERC-1155 tokens: the executors hold the treasury.
    @param operator The 20-byte address that moved the token.
    @param owner The 20-byte address of the previous owner.
    @param id The 32-byte identifier of the token.
    @param amount The 32-byte token amount.
    @param data The data that came with the token.
    @return bytes4 Nothing is ever returned.
    """
    self._refuse_deposit()
    return empty(bytes4)


@external
def onERC1155BatchReceived(
    operator: address,
    owner: address,
    ids: DynArray[uint256, bounds.MAX_TOKEN_BATCH],
    amounts: DynArray[uint256, bounds.MAX_TOKEN_BATCH],
    data: Bytes[bounds.MAX_CALLDATA],
) -> bytes4:
    """
    @dev Refuses ERC-1155 tokens: the executors hold the treasury.
    @param operator The 20-byte address that moved the tokens.
    @param owner The 20-byte address of the previous owner.
    @param ids The identifiers of the tokens.
    @param amounts The token amounts.
    @param data The data that came with the tokens.
    @return bytes4 Nothing is ever returned.
    """
    self._refuse_deposit()
    return empty(bytes4)


@internal
@pure
def _refuse_deposit():
    """
    @dev Reverts because the Governor holds nothing of value.
    """
    raw_revert(method_id("GovernorDisabledDeposit()", output_type=Bytes[4]))


@internal
@view
def _existing(proposal_id: uint256) -> uint256:
    """
    @dev Returns the slot of a proposal.
    @notice Reverts if there is no such proposal.
    @param proposal_id The 32-byte identifier of the proposal.
    @return uint256 The slot of the proposal.
    """
    proposal: uint256 = proposals._proposals[proposal_id]
    if proposal == 0:
        raw_revert(abi_encode(proposal_id, method_id=method_id("GovernorNonexistentProposal(uint256)")))
    return proposal


@internal
@view
def _state(proposal_id: uint256) -> uint8:
    """
    @dev Returns the state of a proposal.
    @param proposal_id The 32-byte identifier of the proposal.
    @return uint8 The state.
    """
    proposal: uint256 = self._existing(proposal_id)
    if proposals._is_executed(proposal):
        return _STATE_EXECUTED
    if proposals._is_canceled(proposal):
        return _STATE_CANCELED
    if proposals._snapshot(proposal) >= block.timestamp:
        return _PENDING
    if proposals._deadline(proposal) >= block.timestamp:
        return _ACTIVE
    if proposals._eta(proposal_id) == 0:
        return _SUCCEEDED if self._has_passed(proposal_id, proposal) else _DEFEATED

    executor: address = tracks._executor(proposals._track(proposal))
    operation: uint8 = staticcall Executor(executor).getOperationState(proposals._operations[proposal_id])
    if operation == _OPERATION_UNSET:
        return _STATE_CANCELED
    if operation == _OPERATION_DONE:
        return _STATE_EXECUTED
    return _QUEUED


@internal
@view
def _has_passed(proposal_id: uint256, proposal: uint256) -> bool:
    """
    @dev Returns whether enough voted, and more for than against.
    @param proposal_id The 32-byte identifier of the proposal.
    @param proposal The slot of the proposal.
    @return bool The verification whether the proposal has passed.
    """
    against: uint256 = 0
    in_favour: uint256 = 0
    abstentions: uint256 = 0
    against, in_favour, abstentions = proposals._votes(proposal_id)
    if in_favour <= against:
        return False
    needed: uint256 = self._quorum(proposals._track(proposal), proposals._snapshot(proposal))
    return needed <= unsafe_add(in_favour, abstentions)


@internal
@view
def _quorum(track: uint256, timepoint: uint256) -> uint256:
    """
    @dev Returns the quorum of a track at `timepoint`.
    @param track The index of the track.
    @param timepoint The timepoint, which must lie in the past.
    @return uint256 The 32-byte votes.
    """
    supply: uint256 = staticcall Votes(token).getPastTotalSupply(timepoint)
    return unsafe_div(supply * traces._value_at(track, timepoint), tracks.quorumDenominator)


@internal
@pure
def _revert_unexpected(proposal_id: uint256, current: uint8, expected: uint256):
    """
    @dev Reverts because a proposal is not in a state in which the
         call makes sense.
    @param proposal_id The 32-byte identifier of the proposal.
    @param current The state of the proposal.
    @param expected The bitmap of the states that would do.
    """
    raw_revert(
        abi_encode(
            proposal_id,
            current,
            expected,
            method_id=method_id("GovernorUnexpectedProposalState(uint256,uint8,bytes32)"),
        )
    )


@internal
@view
def _check_state(proposal_id: uint256, expected: uint256):
    """
    @dev Reverts unless a proposal is in an expected state.
    @param proposal_id The 32-byte identifier of the proposal.
    @param expected The bitmap of the states that would do.
    """
    current: uint8 = self._state(proposal_id)
    if (1 << current) & expected == 0:
        self._revert_unexpected(proposal_id, current, expected)


@internal
@view
def _track_of(description: String[bounds.MAX_DESCRIPTION]) -> uint256:
    """
    @dev Returns the track that a description names.
    @notice Reverts if it names one that does not exist.
    @param description The description of the proposal.
    @return uint256 The index of the track.
    """
    named: bytes32 = descriptions._track_name(description, tracks.STANDARD)
    return 0 if named == tracks.STANDARD else tracks._index(named)


@internal
@view
def _check_threshold(track: uint256):
    """
    @dev Reverts unless the caller has the votes to propose.
    @param track The index of the track.
    """
    threshold: uint256 = tracks._thresholds[track]
    if threshold == 0:
        return
    votes: uint256 = staticcall Votes(token).getPastVotes(msg.sender, unsafe_sub(block.timestamp, 1))
    if votes < threshold:
        raw_revert(
            abi_encode(
                msg.sender,
                votes,
                threshold,
                method_id=method_id("GovernorInsufficientProposerVotes(address,uint256,uint256)"),
            )
        )


@internal
@view
def _check_own_call(track: uint256, selector: bytes4, first: bytes32, second: bytes32):
    """
    @dev Reverts unless a call to the Governor itself belongs to
         `track`: what changes a track belongs to its administrator.
    @param track The index of the track.
    @param selector The 4-byte selector.
    @param first The first 32-byte argument.
    @param second The second 32-byte argument.
    """
    owner: uint256 = 0
    if selector == _SET_TRACK:
        owner = tracks._keeper(first)
    elif selector == _RESERVE_CALL:
        target: address = convert(convert(first, uint160), address)
        owner = tracks._administrator(tracks._owner(target, convert(second, bytes4)))
    else:
        owner = tracks._owner(self, selector)
    self._check_owner(track, owner, self, selector)


@internal
@view
def _check_owner(track: uint256, owner: uint256, target: address, selector: bytes4):
    """
    @dev Reverts unless the track that owns a call is `track`.
    @param track The index of the track.
    @param owner The index of the track that owns the call.
    @param target The 20-byte address that is called.
    @param selector The 4-byte selector.
    """
    if owner != track:
        raw_revert(
            abi_encode(
                target,
                selector,
                tracks.trackName[owner],
                method_id=method_id("GovernorReservedCall(address,bytes4,bytes32)"),
            )
        )


@internal
@pure
def _call_key(executor: address, calldata_hash: bytes32) -> bytes32:
    """
    @dev Returns the key under which a call to the Governor is
         allowed.
    @param executor The 20-byte address of the executor.
    @param calldata_hash The 32-byte hash of the calldata.
    @return bytes32 The 32-byte key.
    """
    return keccak256(abi_encode(executor, calldata_hash))


@internal
def _check_governance(calldata_hash: bytes32):
    """
    @dev Reverts unless the caller is an executor that makes this
         call for a proposal in the course of its execution. What an
         executor does for anybody else is no governance.
    @param calldata_hash The 32-byte hash of the calldata.
    """
    key: bytes32 = self._call_key(msg.sender, calldata_hash)
    allowed: uint256 = self._allowed_calls[key]
    if allowed == 0:
        raw_revert(abi_encode(msg.sender, method_id=method_id("GovernorOnlyExecutor(address)")))
    self._allowed_calls[key] = unsafe_sub(allowed, 1)


@internal
@view
def _check_obedience(executor: address, track: bytes32):
    """
    @dev Reverts unless `executor` lets this Governor schedule. To
         name an executor reserves it, so that a track could take
         any contract from `standard` by naming it. The constructor
         alone asks nothing: executors get their roles after it.
    @param executor The 20-byte address that is to be the executor.
    @param track The 32-byte name of the track.
    """
    success: bool = False
    answer: Bytes[32] = b""
    success, answer = raw_call(
        executor,
        abi_encode(_PROPOSER_ROLE, self, method_id=method_id("hasRole(bytes32,address)")),
        max_outsize=32,
        is_static_call=True,
        revert_on_failure=False,
    )
    # What has no code answers nothing, and succeeds.
    if not success or answer != abi_encode(True):
        raw_revert(abi_encode(track, method_id=method_id("GovernorInvalidTrack(bytes32)")))


@internal
@view
def _salt(description_hash: bytes32) -> bytes32:
    """
    @dev Returns the salt of an executor's operation. It differs
         between Governors, so that none blocks another's.
    @param description_hash The 32-byte hash of the description.
    @return bytes32 The 32-byte salt.
    """
    return convert((convert(self, uint256) << 96) ^ convert(description_hash, uint256), bytes32)


@internal
@view
def _check_signature(voter: address, struct_hash: bytes32, signature: Bytes[bounds.MAX_SIGNATURE]):
    """
    @dev Reverts unless `voter` signed a ballot.
    @param voter The 20-byte address of the voter.
    @param struct_hash The 32-byte hash of the ballot.
    @param signature The voter's signature.
    """
    digest: bytes32 = eip712_domain_separator._hash_typed_data_v4(struct_hash)
    if not signatures._is_valid(voter, digest, signature):
        raw_revert(abi_encode(voter, method_id=method_id("GovernorInvalidSignature(address)")))


@internal
def _cast(
    proposal_id: uint256,
    voter: address,
    support: uint8,
    reason: String[bounds.MAX_REASON],
    params: Bytes[bounds.MAX_PARAMS],
) -> uint256:
    """
    @dev Counts a vote.
    @param proposal_id The 32-byte identifier of the proposal.
    @param voter The 20-byte address of the voter.
    @param support 0 against, 1 for, 2 abstain.
    @param reason The voter's reason.
    @param params The parameters of the ballot.
    @return uint256 The votes that were counted.
    """
    self._check_state(proposal_id, 1 << _ACTIVE)
    proposal: uint256 = proposals._proposals[proposal_id]
    weight: uint256 = staticcall Votes(token).getPastVotes(voter, proposals._snapshot(proposal))
    proposals._count(proposal_id, proposal, voter, support, weight)

    if len(params) == 0:
        log VoteCast(voter=voter, proposalId=proposal_id, support=support, weight=weight, reason=reason)
    else:
        log VoteCastWithParams(
            voter=voter, proposalId=proposal_id, support=support, weight=weight, reason=reason, params=params
        )
    return weight
