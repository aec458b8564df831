# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title Rules of a Governor
@custom:contract-name governor_rules
@license GNU Affero General Public License v3.0 only
@author Westworld
@notice These functions set the rules by which a Governor decides, and
        read them; and what is read or done rarely stands here too. They
        run in the Governor's storage (see `GovernorRules`).

        A rule changes by governance alone: only an executor that has a
        mandate for the very call (see `mandates`) can change it.
"""


# @dev We import and implement the `IERC165` interface,
# which is a built-in interface of the Vyper compiler.
from ethereum.ercs import IERC165
implements: IERC165


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


# @dev We import and use the `mandates` module.
import mandates
uses: mandates


# @dev We import and use the `oversight` module.
import oversight
uses: oversight


# @dev We import the `bounds`, `calls` and `details` modules.
import bounds
import calls
import details


# @dev Returns how votes are counted, machine-readable.
COUNTING_MODE: public(constant(String[61])) = "support=bravo,fractional&quorum=for,abstain&params=fractional"


# @dev Returns what the clock counts (ERC-6372).
CLOCK_MODE: public(constant(String[14])) = "mode=timestamp"


# @dev The ERC-165 identifiers of what the Governor implements.
_SUPPORTED_INTERFACES: constant(bytes4[4]) = [
    0x01FFC9A7, # The ERC-165 identifier for ERC-165.
    0xCDBDFCEE, # The ERC-165 identifier for `IGovernor`.
    0xA8F8A668, # The ERC-165 identifier for `IGovernor` before `getProposalId`.
    0x4E2312E0, # The ERC-165 identifier for `IERC1155Receiver`.
]


# @dev The 32-byte roles by which an executor obeys a Governor, and
# the most gas that it may use to say so.
_PROPOSER_ROLE: constant(bytes32) = keccak256("PROPOSER_ROLE")
_CANCELLER_ROLE: constant(bytes32) = keccak256("CANCELLER_ROLE")
_EXECUTOR_ROLE: constant(bytes32) = keccak256("EXECUTOR_ROLE")
_ROLE_GAS: constant(uint256) = 100_000


# @dev Solidity's panic code for an index that is out of bounds.
_PANIC_INDEX: constant(uint256) = 50


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
    return tracks.trackName[proposals._track(states._existing(proposalId))]


@external
@view
def proposalQuorum(proposalId: uint256) -> uint256:
    """
    @dev Returns how many votes, for or abstaining, a proposal needs.
    @notice Known once the vote has begun.
    @param proposalId The 32-byte identifier of the proposal.
    @return uint256 The 32-byte votes.
    """
    course: uint256 = states._existing(proposalId)
    return electorate._quorum(proposals._track(course), proposals._snapshot(course))


@external
@view
def usedVotes(proposalId: uint256, account: address) -> uint256:
    """
    @dev Returns how many of its votes `account` has used on a
         proposal.
    @param proposalId The 32-byte identifier of the proposal.
    @param account The 20-byte account address.
    @return uint256 The 32-byte votes.
    """
    course: uint256 = proposals._course(proposalId)
    if course == 0 or not proposals._has_voted(account, proposals._voters[account], course):
        return 0
    used: uint256 = proposals._parts[proposalId][account]
    # Unless it was cast in parts, a vote used all.
    return used if used != 0 else electorate._votes(account, proposals._snapshot(course))


@external
@view
def quorum(timepoint: uint256) -> uint256:
    """
    @dev Returns the quorum of the track `standard` at `timepoint`.
    @param timepoint The timepoint, which must lie in the past.
    @return uint256 The 32-byte votes.
    """
    return electorate._quorum(0, timepoint)


@external
@view
def superQuorum(timepoint: uint256) -> uint256:
    """
    @dev Returns the super-quorum of the track `standard` at
         `timepoint`.
    @param timepoint The timepoint, which must lie in the past.
    @return uint256 The 32-byte votes.
    """
    return electorate._super_quorum(0, timepoint)


@external
@view
def getVotes(account: address, timepoint: uint256) -> uint256:
    """
    @dev Returns the votes that `account` had at `timepoint`.
    @param account The 20-byte account address.
    @param timepoint The timepoint, which must lie in the past.
    @return uint256 The 32-byte votes.
    """
    return electorate._votes(account, timepoint)


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
    return electorate._votes(account, timepoint)


@external
@view
@raw_return
def proposalDetails(proposalId: uint256) -> Bytes[bounds.MAX_DETAILS]:
    """
    @dev Returns what a proposal calls, if the Governor keeps it.
    @param proposalId The 32-byte identifier of the proposal.
    @return Bytes The ABI-encoding of targets, values, calldatas and
            the hash of the description.
    """
    return self._details(proposalId)


@external
@view
def proposalDetailsAt(
    index: uint256,
) -> (
    uint256,
    DynArray[address, bounds.MAX_ACTIONS],
    DynArray[uint256, bounds.MAX_ACTIONS],
    DynArray[Bytes[bounds.MAX_CALLDATA], bounds.MAX_ACTIONS],
    bytes32,
):
    """
    @dev Returns what the proposal with a serial number calls, if the
         Governor keeps it.
    @param index The serial number of the proposal, from `0`.
    @return uint256 The 32-byte identifier of the proposal.
    @return DynArray The addresses that are called.
    @return DynArray The amounts of ETH that the calls carry.
    @return DynArray The calldata of each call.
    @return bytes32 The 32-byte hash of the description.
    """
    kept: Bytes[bounds.MAX_DETAILS] = b""
    if index < proposals.proposalCount:
        kept = details._of(index)
    if len(kept) == 0:
        raw_revert(abi_encode(_PANIC_INDEX, method_id=method_id("Panic(uint256)")))
    targets: DynArray[address, bounds.MAX_ACTIONS] = []
    values: DynArray[uint256, bounds.MAX_ACTIONS] = []
    calldatas: DynArray[Bytes[bounds.MAX_CALLDATA], bounds.MAX_ACTIONS] = []
    description_hash: bytes32 = empty(bytes32)
    targets, values, calldatas, description_hash = abi_decode(
        kept,
        (
            DynArray[address, bounds.MAX_ACTIONS],
            DynArray[uint256, bounds.MAX_ACTIONS],
            DynArray[Bytes[bounds.MAX_CALLDATA], bounds.MAX_ACTIONS],
            bytes32,
        ),
    )
    return convert(keccak256(kept), uint256), targets, values, calldatas, description_hash


@external
def queue(proposalId: uint256):
    """
    @dev Queues a proposal whose calls the Governor keeps.
    @param proposalId The 32-byte identifier of the proposal.
    """
    self._do(proposalId, method_id("queue(address[],uint256[],bytes[],bytes32)", output_type=bytes4))


@external
@payable
def execute(proposalId: uint256):
    """
    @dev Executes a proposal whose calls the Governor keeps.
    @param proposalId The 32-byte identifier of the proposal.
    """
    self._do(proposalId, method_id("execute(address[],uint256[],bytes[],bytes32)", output_type=bytes4))


@external
def cancel(proposalId: uint256):
    """
    @dev Cancels a proposal whose calls the Governor keeps.
    @param proposalId The 32-byte identifier of the proposal.
    """
    self._do(proposalId, method_id("cancel(address[],uint256[],bytes[],bytes32)", output_type=bytes4))


@external
def coSign(proposalId: uint256):
    """
    @dev Signs a proposal that passed, so that it can be executed.
    @notice By the co-signer alone.
    @param proposalId The 32-byte identifier of the proposal.
    """
    states._check(proposalId, (1 << states.SUCCEEDED) | (1 << states.QUEUED))
    oversight._co_sign(proposalId)


@external
@payable
def relay(target: address, amount: uint256, data: Bytes[bounds.MAX_CALLDATA]):
    """
    @dev Makes a call as the Governor, which holds nothing: to get
         back what was sent to it by force or mistake.
    @notice By governance alone, and to neither the Governor nor an
            executor, named or not: those obey the Governor, whatever
            the track.
    @param target The 20-byte address that is called.
    @param amount The amount of ETH that the call carries.
    @param data The calldata.
    """
    self._check_governance(
        keccak256(abi_encode(target, amount, data, method_id=method_id("relay(address,uint256,bytes)")))
    )
    selector: bytes4 = empty(bytes4)
    if len(data) >= 4:
        selector = convert(slice(data, 0, 4), bytes4)
    tracks._check_relay(target, selector)
    # One that obeys is an executor, though no track has named it yet.
    if (
        self._has_role(target, _PROPOSER_ROLE, self)
        or self._has_role(target, _CANCELLER_ROLE, self)
        or self._has_role(target, _EXECUTOR_ROLE, self)
    ):
        tracks._revert_unpinned(target, selector)
    calls._call(target, amount, data)


@external
def setVotingDelay(newVotingDelay: uint48):
    """
    @dev Sets the delay of the track `standard`.
    @notice By governance alone.
    @param newVotingDelay The seconds from a proposal to its vote.
    """
    self._check_governance(keccak256(abi_encode(newVotingDelay, method_id=method_id("setVotingDelay(uint48)"))))
    tracks._set_voting_delay(tracks.STANDARD, convert(newVotingDelay, uint256))


@external
def setVotingPeriod(newVotingPeriod: uint32):
    """
    @dev Sets the period of the track `standard`.
    @notice By governance alone.
    @param newVotingPeriod The seconds that a vote lasts.
    """
    self._check_governance(keccak256(abi_encode(newVotingPeriod, method_id=method_id("setVotingPeriod(uint32)"))))
    tracks._set_voting_period(tracks.STANDARD, convert(newVotingPeriod, uint256))


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
    tracks._set_proposal_threshold(tracks.STANDARD, newProposalThreshold)


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
    tracks._set_quorum_numerator(newQuorumNumerator)


@external
def updateSuperQuorumNumerator(newSuperQuorumNumerator: uint256):
    """
    @dev Sets the super-quorum of the track `standard`, for votes
         that begin from now on.
    @notice By governance alone.
    @param newSuperQuorumNumerator The super-quorum in percent of
           the supply.
    """
    self._check_governance(
        keccak256(
            abi_encode(newSuperQuorumNumerator, method_id=method_id("updateSuperQuorumNumerator(uint256)"))
        )
    )
    tracks._set_super_quorum_numerator(newSuperQuorumNumerator)


@external
def setLateQuorumVoteExtension(newVoteExtension: uint48):
    """
    @dev Sets for how long a vote on the track `standard` goes on at
         least, once its quorum is reached.
    @notice By governance alone.
    @param newVoteExtension The seconds, at most the voting period.
    """
    self._check_governance(
        keccak256(abi_encode(newVoteExtension, method_id=method_id("setLateQuorumVoteExtension(uint48)")))
    )
    tracks._set_vote_extension(convert(newVoteExtension, uint256))


@external
def setProposalGuardian(newProposalGuardian: address):
    """
    @dev Replaces the guardian.
    @notice By governance alone, and never by the guardian's leave.
    @param newProposalGuardian The 20-byte address of the guardian
           (none: the zero address).
    """
    self._check_governance(
        keccak256(abi_encode(newProposalGuardian, method_id=method_id("setProposalGuardian(address)")))
    )
    oversight._set_guardian(newProposalGuardian)


@external
def setCoSigner(newCoSigner: address):
    """
    @dev Replaces the co-signer.
    @notice By governance alone, and never by the co-signer's leave.
    @param newCoSigner The 20-byte address of the co-signer (none:
           the zero address).
    """
    self._check_governance(keccak256(abi_encode(newCoSigner, method_id=method_id("setCoSigner(address)"))))
    oversight._set_co_signer(newCoSigner)


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
            this Governor already. A new quorum is for snapshots from
            now on: with a lookback, for proposals that much later.
    @param track The settings of the track.
    """
    self._check_governance(keccak256(abi_encode(track, method_id=tracks.SET_TRACK)))
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
    self._check_governance(keccak256(abi_encode(target, selector, track, method_id=tracks.RESERVE_CALL)))
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
def _details(proposal_id: uint256) -> Bytes[bounds.MAX_DETAILS]:
    """
    @dev Returns what a proposal calls.
    @notice Reverts if the Governor does not keep it.
    @param proposal_id The 32-byte identifier of the proposal.
    @return Bytes The encoding (see `details`).
    """
    kept: Bytes[bounds.MAX_DETAILS] = details._of(proposals._serial(states._existing(proposal_id)))
    if len(kept) == 0:
        raw_revert(abi_encode(proposal_id, method_id=method_id("GovernorNonexistentProposal(uint256)")))
    return kept


@internal
@payable
def _do(proposal_id: uint256, selector: bytes4):
    """
    @dev Makes the Governor queue, execute or cancel a proposal, for
         the same caller and with the same ETH.
    @param proposal_id The 32-byte identifier of the proposal.
    @param selector The 4-byte selector of the function that takes
           what is kept as its arguments.
    """
    raw_call(self, concat(selector, self._details(proposal_id)), is_delegate_call=True)


@internal
def _check_governance(calldata_hash: bytes32):
    """
    @dev Reverts unless governance makes this very call.
    @param calldata_hash The 32-byte hash of the calldata.
    """
    mandates._use(calldata_hash, tracks._executor(0))


@internal
@view
def _check_obedience(executor: address, track: bytes32):
    """
    @dev Reverts unless `executor` lets this Governor schedule, cancel
         and execute, and does not let everybody execute: then nobody
         would ask for the co-signer. To name an executor reserves it,
         so that a track could take any contract from `standard` by
         naming it. The constructor alone asks nothing: executors get
         their roles after it.
    @param executor The 20-byte address that is to be the executor.
    @param track The 32-byte name of the track.
    """
    if (
        not self._has_role(executor, _PROPOSER_ROLE, self)
        or not self._has_role(executor, _CANCELLER_ROLE, self)
        or not self._has_role(executor, _EXECUTOR_ROLE, self)
        or self._has_role(executor, _EXECUTOR_ROLE, empty(address))
    ):
        raw_revert(abi_encode(track, method_id=method_id("GovernorInvalidTrack(bytes32)")))


@internal
@view
def _has_role(executor: address, role: bytes32, account: address) -> bool:
    """
    @dev Returns whether an account has a role with `executor`.
    @param executor The 20-byte address that is asked.
    @param role The 32-byte role.
    @param account The 20-byte account address.
    @return bool The verification whether it has; what is no executor
            gives no role.
    """
    success: bool = False
    answer: Bytes[32] = b""
    success, answer = raw_call(
        executor,
        abi_encode(role, account, method_id=method_id("hasRole(bytes32,address)")),
        max_outsize=32,
        gas=_ROLE_GAS,
        is_static_call=True,
        revert_on_failure=False,
    )
    # What has no code answers nothing, and succeeds.
    return success and answer == abi_encode(True)
