# pragma version ~=0.4.3
"""
@title Drafts and Versions
@custom:contract-name drafts
@license GNU Affero General Public License v3.0 only
@author The Westworld authors
@notice Changes are gathered in a draft and come into force together,
        when the draft is enacted under the digest that was voted on.
        Each draft has an id of its own. Whatever is stored under a
        draft counts only once a version names that id, so a draft of
        any size is discarded by moving on to the next id.
"""


# @dev The most versions that may be in force at one block, those
# within their grace period included. It bounds the search for
# them, and no real amendment will meet it.
_MAX_IN_FORCE: constant(uint256) = 32


# @dev Masks the lower 64 bits.
_MASK_64: constant(uint256) = (1 << 64) - 1


# @dev For how many blocks a version stays in force beside the
# one that follows it.
grace_blocks: public(immutable(uint256))


# @dev Returns the hash of the policy that a version stands for.
policy_hash: public(HashMap[uint256, bytes32])


# @dev The number of drafts that were closed (upper bits) and
# the version in force (lower 64 bits).
_progress: uint256


# @dev The running digest of the open draft, zero while the
# draft is empty.
_digest: bytes32


# @dev Mapping from a version to the block of its enactment (upper
# bits) and the id of its draft (lower 64 bits).
_enactments: HashMap[uint256, uint256]


# @dev Emitted when the open draft is thrown away. Readers ignore
# the changes since the previous `CharterEnacted` or `DraftDiscarded`.
event DraftDiscarded:
    version: indexed(uint256)
    draft: bytes32


# @dev Emitted when the open draft comes into force as `version`.
event CharterEnacted:
    version: indexed(uint256)
    policy_hash: bytes32
    draft: bytes32


@deploy
@payable
def __init__(grace_blocks_: uint256):
    """
    @dev To omit the opcodes for checking the `msg.value`
         in the creation-time EVM bytecode, the constructor
         is declared as `payable`.
    @param grace_blocks_ The 32-byte number of blocks for which
           a version stays in force beside its successor.
    """
    grace_blocks = grace_blocks_


@external
@view
def version() -> uint256:
    """
    @dev Returns the latest enacted version, zero before the first.
    @return uint256 The 32-byte version.
    """
    return self._version()


@external
@view
def draft_digest() -> bytes32:
    """
    @dev Returns the digest of the open draft: the draft's version
         as 32 bytes while it is empty, and after each change
         `keccak256(digest ‖ keccak256(calldata of the change))`,
         the calldata as the standard ABI encoder writes it.
    @return bytes32 The 32-byte digest.
    """
    return self._draft_digest()


@external
@view
def enacted_block(version: uint256) -> uint256:
    """
    @dev Returns the block in which a version was enacted.
    @param version The 32-byte version.
    @return uint256 The 32-byte block number, zero if there is
            no such version.
    """
    return self._enacted_block(version)


@external
@view
def in_force(version: uint256, block_number: uint256) -> bool:
    """
    @dev Returns whether a version was in force at a block: from
         its enactment until `grace_blocks` after the next one's.
    @param version The 32-byte version.
    @param block_number The 32-byte block number.
    @return bool Whether the version was in force.
    """
    return self._in_force(version, block_number)


@internal
@view
def _version() -> uint256:
    """
    @dev Returns the latest enacted version.
    @return uint256 The 32-byte version.
    """
    return self._progress & _MASK_64


@internal
@view
def _draft_version() -> uint256:
    """
    @dev Returns the version that the open draft would become.
    @return uint256 The 32-byte version.
    """
    return self._version() + 1


@internal
@view
def _draft_digest() -> bytes32:
    """
    @dev Returns the digest of the open draft.
    @return bytes32 The 32-byte digest.
    """
    digest: bytes32 = self._digest
    if digest == empty(bytes32):
        digest = convert(self._draft_version(), bytes32)
    return digest


@internal
@view
def _stamp() -> uint256:
    """
    @dev Returns the stamp that changes of the open draft are
         stored under: its version (upper 64 bits) and its id
         (lower 64 bits).
    @return uint256 The stamp in 128 bits.
    """
    progress: uint256 = self._progress
    return (((progress & _MASK_64) + 1) << 64) | ((progress >> 64) + 1)


@internal
@view
def _is_enacted(stamp: uint256) -> bool:
    """
    @dev Returns whether the draft of a stamp has become the
         version that it was written for.
    @param stamp The stamp in 128 bits.
    @return bool Whether what is stored under the stamp counts.
    """
    return self._enactments[stamp >> 64] & _MASK_64 == stamp & _MASK_64


@internal
@view
def _enacted_block(version: uint256) -> uint256:
    """
    @dev Returns the block in which a version was enacted.
    @param version The 32-byte version.
    @return uint256 The 32-byte block number, zero if none.
    """
    return self._enactments[version] >> 64


@internal
@view
def _in_force(version: uint256, block_number: uint256) -> bool:
    """
    @dev Returns whether a version was in force at a block.
    @param version The 32-byte version.
    @param block_number The 32-byte block number.
    @return bool Whether the version was in force.
    """
    enacted: uint256 = self._enacted_block(version)
    if enacted == 0 or enacted > block_number:
        return False
    following: uint256 = self._enacted_block(version + 1)
    return following == 0 or block_number < following + grace_blocks


@internal
@view
def _range_in_force(version: uint256, block_number: uint256) -> (uint256, uint256):
    """
    @dev Returns the versions that were in force at a block, as
         an unbroken range around one that is known to be.
    @param version The 32-byte version that was in force.
    @param block_number The 32-byte block number.
    @return uint256 The 32-byte oldest version of the range.
    @return uint256 The 32-byte newest version of the range.
    """
    oldest: uint256 = version
    for _: uint256 in range(_MAX_IN_FORCE):
        if oldest == 1 or block_number >= self._enacted_block(oldest) + grace_blocks:
            break
        oldest -= 1
    newest: uint256 = version
    for _: uint256 in range(_MAX_IN_FORCE):
        following: uint256 = self._enacted_block(newest + 1)
        if following == 0 or following > block_number:
            break
        newest += 1
    return oldest, newest


@internal
def _record(change: bytes32):
    """
    @dev Adds a change to the digest of the open draft.
    @param change The 32-byte hash of the change's calldata.
    """
    self._digest = keccak256(concat(self._draft_digest(), change))


@internal
@view
def _expect(draft: bytes32):
    """
    @dev Throws unless the open draft is the one named.
    @param draft The 32-byte digest; that of an empty draft is its
           version.
    """
    assert draft == self._draft_digest(), "drafts: another draft is open"


@internal
def _discard():
    """
    @dev Throws the open draft away, whatever its size.
    """
    assert self._digest != empty(bytes32), "drafts: draft is empty"
    log DraftDiscarded(version=self._draft_version(), draft=self._digest)
    self._digest = empty(bytes32)
    self._progress += 1 << 64


@internal
def _enact(draft: bytes32, policy_hash: bytes32):
    """
    @dev Brings the open draft into force as the next version.
    @param draft The 32-byte digest that was voted on.
    @param policy_hash The 32-byte hash of the whole policy.
    """
    assert self._digest != empty(bytes32), "drafts: draft is empty"
    assert draft == self._digest, "drafts: another draft is open"
    assert policy_hash != empty(bytes32), "drafts: policy hash is zero"
    progress: uint256 = self._progress
    version: uint256 = (progress & _MASK_64) + 1
    if version > _MAX_IN_FORCE:
        superseded: uint256 = self._enacted_block(version - _MAX_IN_FORCE + 1)
        assert superseded + grace_blocks <= block.number, "drafts: too many versions in force"
    self._enactments[version] = (block.number << 64) | ((progress >> 64) + 1)
    self.policy_hash[version] = policy_hash
    self._digest = empty(bytes32)
    # The draft is closed and the version goes up by one.
    self._progress = progress + (1 << 64) + 1
    log CharterEnacted(version=version, policy_hash=policy_hash, draft=draft)
