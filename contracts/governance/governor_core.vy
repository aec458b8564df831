# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title Governor
@custom:contract-name governor_core
@license GNU Affero General Public License v3.0 only
@author Westworld
@notice These functions take a proposal along its way: it is made, queued
        with the executor (`Timelock`) of its track, executed by it, or
        cancelled. Names, argument types, events and custom errors are
        those of the reference's Governor with GovernorTimelockControl,
        GovernorProposalGuardian and GovernorStorage. Beyond the
        reference, a proposal is decided on a track (see `tracks`), which
        its description names (see `descriptions`), and what passed on a
        co-signed track waits for the co-signer (see `oversight`).

        Whether each call of a proposal belongs to its track is checked
        when it is made, and again when it is executed: a call reserved
        in the meantime is too late.

        The implementation is inspired by OpenZeppelin's implementation here:
        https://github.com/OpenZeppelin/openzeppelin-contracts/blob/master/contracts/governance/Governor.sol.
"""


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


# @dev We import the `bounds`, `descriptions` and `details` modules.
import bounds
import descriptions
import details


# @dev What the Governor asks of an executor.
interface Executor:
    def getMinDelay() -> uint256: view
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
    def cancel(id: bytes32): nonpayable


# @dev Returns the version of the Governor and of its signing domain.
version: public(constant(String[1])) = "1"


# @dev The bitmap of the states in which a proposal can be cancelled:
# all but canceled, expired and executed.
_CANCELABLE: constant(uint256) = 59


# @dev Returns the name of the Governor.
name: public(immutable(String[50]))


# @dev Whether what proposals call is kept on-chain, so that they can
# be queued, executed and cancelled by their identifiers alone.
_stores: immutable(bool)


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


@deploy
@payable
def __init__(name_: String[50], stores: bool):
    """
    @dev Initialises the Governor. The importing contract initialises
         the other modules.
    @param name_ The maximum 50-character name of the Governor.
    @param stores Whether what proposals call is kept on-chain.
    """
    name = name_
    _stores = stores


@external
@view
def state(proposalId: uint256) -> uint8:
    """
    @dev Returns the state of a proposal.
    @param proposalId The 32-byte identifier of the proposal.
    @return uint8 0 pending, 1 active, 2 canceled, 3 defeated,
            4 succeeded, 5 queued, 7 executed.
    """
    return states._state(proposalId)


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
            second before, or at the snapshot if that is earlier.
    @param targets The addresses that are called.
    @param values The amounts of ETH that the calls carry.
    @param calldatas The calldata of each call.
    @param description The description of the proposal.
    @return uint256 The 32-byte identifier of the proposal.
    """
    # Only parts of the description are handed on: Vyper copies.
    length: uint256 = len(description)
    if length >= descriptions.PROPOSER_SUFFIX_LENGTH and not descriptions._is_for_proposer(
        msg.sender,
        slice(
            description,
            unsafe_sub(length, descriptions.PROPOSER_SUFFIX_LENGTH),
            descriptions.PROPOSER_SUFFIX_LENGTH,
        ),
    ):
        raw_revert(abi_encode(msg.sender, method_id=method_id("GovernorRestrictedProposer(address)")))
    track_name: bytes32 = tracks.STANDARD
    if length >= descriptions.TRACK_PREFIX_LENGTH and (
        slice(description, 0, descriptions.TRACK_PREFIX_LENGTH) == descriptions.TRACK_PREFIX
    ):
        track_name = descriptions._track_name(
            extract32(
                concat(convert(description, Bytes[bounds.MAX_DESCRIPTION]), empty(bytes32)),
                descriptions.TRACK_PREFIX_LENGTH,
                output_type=uint256,
            )
        )
    terms: uint256 = tracks._terms_of(track_name)
    track: uint256 = tracks._index_in(terms)
    opening: uint256 = unsafe_add(block.timestamp, tracks._delay(terms))
    snapshot: uint256 = unsafe_sub(opening, tracks._lookback(terms))
    self._check_threshold(tracks._threshold(terms), min(snapshot, unsafe_sub(block.timestamp, 1)))

    description_hash: bytes32 = keccak256(description)
    proposal_id: uint256 = convert(
        keccak256(abi_encode(targets, values, calldatas, description_hash)), uint256
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
        states._revert_unexpected(proposal_id, states._state(proposal_id), 0)

    signatures_: DynArray[String[1], bounds.MAX_ACTIONS] = []
    for i: uint256 in range(count, bound=bounds.MAX_ACTIONS):
        signatures_.append("")
        selector: bytes4 = empty(bytes4)
        if len(calldatas[i]) >= 4:
            selector = convert(slice(calldatas[i], 0, 4), bytes4)
        if targets[i] == self and len(calldatas[i]) >= tracks.ADMINISTRATION_LENGTH:
            tracks._check_administration(track, selector, extract32(calldatas[i], 4), extract32(calldatas[i], 36))
        else:
            tracks._check_owner(track, tracks._owner(targets[i], selector), targets[i], selector)
        if values[i] != 0:
            tracks._check_value(track, targets[i], selector)

    deadline: uint256 = unsafe_add(opening, tracks._period(terms))
    proposals._create(proposal_id, msg.sender, snapshot, deadline, track)
    if _stores:
        keeper: address = raw_create(details.KEEPER, targets, values, calldatas, description_hash)
    log ProposalCreated(
        proposalId=proposal_id,
        proposer=msg.sender,
        targets=targets,
        values=values,
        signatures=signatures_,
        calldatas=calldatas,
        voteStart=snapshot,
        voteEnd=deadline,
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
    states._check(proposal_id, 1 << states.SUCCEEDED)

    executor: address = tracks._executor(proposals._track(proposals._course(proposal_id)))
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
    states._check(proposal_id, 1 << states.QUEUED)
    proposals._mark_executed(proposal_id)

    track: uint256 = proposals._track(proposals._course(proposal_id))
    executor: address = tracks._executor(track)
    # Whoever watches has no say in who watches.
    exempt: bool = True
    for i: uint256 in range(len(targets), bound=bounds.MAX_ACTIONS):
        selector: bytes4 = empty(bytes4)
        if len(calldatas[i]) >= 4:
            selector = convert(slice(calldatas[i], 0, 4), bytes4)
        if targets[i] == self and len(calldatas[i]) >= tracks.ADMINISTRATION_LENGTH:
            tracks._check_administration(track, selector, extract32(calldatas[i], 4), extract32(calldatas[i], 36))
        else:
            tracks._check_owner(track, tracks._owner(targets[i], selector), targets[i], selector)
        if values[i] != 0:
            tracks._check_value(track, targets[i], selector)
        if targets[i] == self:
            mandates._give(executor, keccak256(calldatas[i]))
        exempt = exempt and targets[i] == self and oversight._is_replacement(selector)

    if not exempt and tracks._is_co_signed(track):
        oversight._check_co_signature(proposal_id)

    extcall Executor(executor).executeBatch(
        targets, values, calldatas, empty(bytes32), self._salt(descriptionHash), value=msg.value
    )
    proposals._operations[proposal_id] = empty(bytes32)
    for i: uint256 in range(len(targets), bound=bounds.MAX_ACTIONS):
        if targets[i] == self:
            mandates._take_back(executor, keccak256(calldatas[i]))

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
    @dev Cancels a proposal, with its executor too if it is queued.
    @notice The guardian can, until it is executed, and so can the
            proposer if there is no guardian; otherwise the proposer
            can until the vote begins. The guardian has no say where
            all that is proposed is to replace it, or the co-signer.
    @param targets The addresses that are called.
    @param values The amounts of ETH that the calls carry.
    @param calldatas The calldata of each call.
    @param descriptionHash The 32-byte hash of the description.
    @return uint256 The 32-byte identifier of the proposal.
    """
    proposal_id: uint256 = convert(keccak256(abi_encode(targets, values, calldatas, descriptionHash)), uint256)
    current: uint8 = states._state(proposal_id)
    is_proposer: bool = msg.sender == proposals._proposer(proposal_id)
    if not (is_proposer and current == states.PENDING):
        guardian: address = oversight.proposalGuardian
        replaces: bool = True
        for i: uint256 in range(len(targets), bound=bounds.MAX_ACTIONS):
            replaces = (
                replaces
                and targets[i] == self
                and len(calldatas[i]) >= 4
                and oversight._is_replacement(convert(slice(calldatas[i], 0, 4), bytes4))
            )
        if (msg.sender != guardian or replaces) and not (is_proposer and guardian == empty(address)):
            raw_revert(
                abi_encode(
                    proposal_id, msg.sender, method_id=method_id("GovernorUnableToCancel(uint256,address)")
                )
            )
    if (1 << current) & _CANCELABLE == 0:
        states._revert_unexpected(proposal_id, current, _CANCELABLE)
    proposals._mark_canceled(proposal_id, current != states.PENDING)
    log ProposalCanceled(proposalId=proposal_id)
    if current == states.QUEUED:
        executor: address = tracks._executor(proposals._track(proposals._course(proposal_id)))
        extcall Executor(executor).cancel(proposals._operations[proposal_id])
        proposals._operations[proposal_id] = empty(bytes32)
    return proposal_id


@internal
@view
def _check_threshold(threshold: uint256, timepoint: uint256):
    """
    @dev Reverts unless the caller has the votes to propose.
    @param threshold The votes that a proposer needs.
    @param timepoint The timepoint at which it must have them.
    """
    if threshold == 0:
        return
    votes: uint256 = electorate._votes(msg.sender, timepoint)
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
def _salt(description_hash: bytes32) -> bytes32:
    """
    @dev Returns the salt of an executor's operation. It differs
         between Governors, so that none blocks another's.
    @param description_hash The 32-byte hash of the description.
    @return bytes32 The 32-byte salt.
    """
    return convert((convert(self, uint256) << 96) ^ convert(description_hash, uint256), bytes32)
