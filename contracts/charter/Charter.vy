# pragma version ~=0.4.3
"""
@title Charter
@custom:contract-name Charter
@license GNU Affero General Public License v3.0 only
@author The Westworld authors
@notice The constitution of the network: articles, the metrics that
        may be collected, and what a violation costs. Whatever is not
        allowed is denied. The owner, the executor of the amendment
        track, writes changes into a draft and enacts the draft as a
        whole under the digest that was voted on.

        The events are enough to rebuild the policy of any version,
        articles included: take those between two `CharterEnacted`
        and leave out those before a `DraftDiscarded`.
@custom:replacement The owner deploys a new Charter and plays the
        enacted drafts into it in order. That ends at the same
        versions with the same draft digests, which is the proof that
        nothing was lost. A ViolationRegistry is bound to its Charter
        and is replaced along with it.
"""


# @dev We import and initialise the `ownable` module. Ownership
# moves in one step: see docs/decisions/ownership-in-one-step.md.
from snekmate.auth import ownable
initializes: ownable


# @dev We import and initialise the `drafts` module.
from . import drafts
initializes: drafts


# @dev We import and initialise the `history` module.
from . import history
initializes: history[drafts := drafts]


# @dev We import the `names` module.
from . import names


# @dev We import and implement the `ICharter` interface.
from ..interfaces import ICharter
implements: ICharter


# @dev We export the functions of the modules.
exports: (
    ownable.__interface__,
    drafts.__interface__,
)


# @dev An article as it is in force and as it was last drafted.
struct Article:
    enacted: bytes32
    drafted: bytes32
    stamp: uint256


# @dev The tables of `history`.
_METRICS: constant(uint256) = 0
_KINDS: constant(uint256) = 1


# @dev The entries of a metric.
_ALLOWED: constant(uint256) = 1
_FORBIDDEN: constant(uint256) = 2


# @dev The entry of a violation kind has this bit, the severity
# (4 bits) and the penalty (4 bits).
_KNOWN: constant(uint256) = 1 << 8


# @dev The highest severity: 0 low, 1 medium, 2 high, 3 critical.
_MAX_SEVERITY: constant(uint8) = 3


# @dev The highest penalty: 0 none, 1 rate limited for an hour,
# 2 suspended for a day, 3 fine, 4 ban.
_MAX_PENALTY: constant(uint8) = 4


# @dev Mapping from an article's number to its hashes.
_articles: HashMap[uint256, Article]


# @dev Emitted when a draft allows a metric under a rule.
event MetricAllowed:
    metric: indexed(bytes32)
    version: indexed(uint256)
    name: String[64]
    rule: String[1024]


# @dev Emitted when a draft forbids a metric by name.
event MetricForbidden:
    metric: indexed(bytes32)
    version: indexed(uint256)
    name: String[64]


# @dev Emitted when a draft takes a metric off both lists.
event MetricRemoved:
    metric: indexed(bytes32)
    version: indexed(uint256)
    name: String[64]


# @dev Emitted when a draft sets what a kind of violation costs.
event ViolationSet:
    kind: indexed(bytes32)
    version: indexed(uint256)
    name: String[64]
    severity: uint8
    penalty: uint8


# @dev Emitted when a draft takes a kind of violation out.
event ViolationRemoved:
    kind: indexed(bytes32)
    version: indexed(uint256)
    name: String[64]


# @dev Emitted when a draft adopts or replaces an article.
event ArticleAdopted:
    number: indexed(uint256)
    version: indexed(uint256)
    text: String[2048]


# @dev Emitted when a draft repeals an article.
event ArticleRepealed:
    number: indexed(uint256)
    version: indexed(uint256)


# @dev Emitted when a draft sets the terms of the whole policy.
event TermsSet:
    version: indexed(uint256)
    terms: String[1024]


@deploy
@payable
def __init__(grace_blocks_: uint256):
    """
    @dev To omit the opcodes for checking the `msg.value`
         in the creation-time EVM bytecode, the constructor
         is declared as `payable`.
    @notice The `owner` role will be assigned to the `msg.sender`.
    @param grace_blocks_ The 32-byte number of blocks for which
           a version stays in force beside its successor.
    """
    ownable.__init__()
    drafts.__init__(grace_blocks_)
    history.__init__()


@external
def allow_metric(name: String[64], rule: String[1024]):
    """
    @dev Allows a metric in the open draft, or changes its rule.
    @notice Note that this function can only be called by the
            current `owner`.
    @param name The maximum 64-byte name of the metric.
    @param rule The maximum 1024-byte rule: canonical JSON of what
           differs from the defaults, `{}` for nothing.
    """
    ownable._check_owner()
    metric: bytes32 = names._id(name)
    assert len(rule) != 0, "charter: empty rule"
    history._write(_METRICS, metric, _ALLOWED)
    drafts._record(keccak256(abi_encode(name, rule, method_id=method_id("allow_metric(string,string)"))))
    log MetricAllowed(metric=metric, version=drafts._draft_version(), name=name, rule=rule)


@external
def forbid_metric(name: String[64]):
    """
    @dev Forbids a metric by name in the open draft. It was not
         allowed before either, unless it was on the whitelist: the
         list says aloud what must never be proposed lightly.
    @notice Note that this function can only be called by the
            current `owner`.
    @param name The maximum 64-byte name of the metric.
    """
    ownable._check_owner()
    metric: bytes32 = names._id(name)
    history._write(_METRICS, metric, _FORBIDDEN)
    drafts._record(keccak256(abi_encode(name, method_id=method_id("forbid_metric(string)"))))
    log MetricForbidden(metric=metric, version=drafts._draft_version(), name=name)


@external
def remove_metric(name: String[64]):
    """
    @dev Takes a metric off both lists in the open draft.
    @notice Note that this function can only be called by the
            current `owner`.
    @param name The maximum 64-byte name of the metric.
    """
    ownable._check_owner()
    metric: bytes32 = keccak256(name)
    assert history._drafted(_METRICS, metric) != 0, "charter: metric is on neither list"
    history._write(_METRICS, metric, 0)
    drafts._record(keccak256(abi_encode(name, method_id=method_id("remove_metric(string)"))))
    log MetricRemoved(metric=metric, version=drafts._draft_version(), name=name)


@external
def set_violation(kind: String[64], severity: uint8, penalty: uint8):
    """
    @dev Sets in the open draft what a kind of violation costs.
    @notice Note that this function can only be called by the
            current `owner`.
    @param kind The maximum 64-byte name of the violation kind.
    @param severity The 1-byte severity: 0 low, 1 medium, 2 high,
           3 critical.
    @param penalty The 1-byte penalty: 0 none, 1 rate limited for an
           hour, 2 suspended for a day, 3 fine, 4 ban.
    """
    ownable._check_owner()
    id: bytes32 = names._id(kind)
    assert severity <= _MAX_SEVERITY, "charter: unknown severity"
    assert penalty <= _MAX_PENALTY, "charter: unknown penalty"
    history._write(
        _KINDS, id, _KNOWN | (convert(severity, uint256) << 4) | convert(penalty, uint256)
    )
    drafts._record(
        keccak256(
            abi_encode(kind, severity, penalty, method_id=method_id("set_violation(string,uint8,uint8)"))
        )
    )
    log ViolationSet(
        kind=id, version=drafts._draft_version(), name=kind, severity=severity, penalty=penalty
    )


@external
def remove_violation(kind: String[64]):
    """
    @dev Takes a kind of violation out in the open draft: reports
         of it are no longer heard.
    @notice Note that this function can only be called by the
            current `owner`.
    @param kind The maximum 64-byte name of the violation kind.
    """
    ownable._check_owner()
    id: bytes32 = keccak256(kind)
    assert history._drafted(_KINDS, id) != 0, "charter: unknown violation kind"
    history._write(_KINDS, id, 0)
    drafts._record(keccak256(abi_encode(kind, method_id=method_id("remove_violation(string)"))))
    log ViolationRemoved(kind=id, version=drafts._draft_version(), name=kind)


@external
def adopt_article(number: uint256, text: String[2048]):
    """
    @dev Adopts or replaces an article in the open draft.
    @notice Note that this function can only be called by the
            current `owner`.
    @param number The 32-byte number of the article.
    @param text The maximum 2048-byte text of the article.
    """
    ownable._check_owner()
    assert len(text) != 0, "charter: empty article"
    self._write_article(number, keccak256(text))
    drafts._record(
        keccak256(abi_encode(number, text, method_id=method_id("adopt_article(uint256,string)")))
    )
    log ArticleAdopted(number=number, version=drafts._draft_version(), text=text)


@external
def repeal_article(number: uint256):
    """
    @dev Repeals an article in the open draft.
    @notice Note that this function can only be called by the
            current `owner`.
    @param number The 32-byte number of the article.
    """
    ownable._check_owner()
    article: Article = self._articles[number]
    drafted: bytes32 = article.enacted
    if article.stamp == drafts._stamp() or drafts._is_enacted(article.stamp):
        drafted = article.drafted
    assert drafted != empty(bytes32), "charter: no such article"
    self._write_article(number, empty(bytes32))
    drafts._record(keccak256(abi_encode(number, method_id=method_id("repeal_article(uint256)"))))
    log ArticleRepealed(number=number, version=drafts._draft_version())


@external
def set_terms(terms: String[1024]):
    """
    @dev Sets in the open draft what holds for the policy as a
         whole: its own version, description and defaults.
    @notice Note that this function can only be called by the
            current `owner`.
    @param terms The maximum 1024-byte terms in canonical JSON.
    """
    ownable._check_owner()
    assert len(terms) != 0, "charter: empty terms"
    drafts._record(keccak256(abi_encode(terms, method_id=method_id("set_terms(string)"))))
    log TermsSet(version=drafts._draft_version(), terms=terms)


@external
def discard_draft():
    """
    @dev Throws the open draft away at a cost that does not
         depend on its size.
    @notice Note that this function can only be called by the
            current `owner`.
    """
    ownable._check_owner()
    drafts._discard()


@external
@view
def expect_draft(draft: bytes32):
    """
    @dev Throws unless the open draft is exactly the one named: the
         first call of each part of an amendment that takes several
         proposals, so that parts take effect in the order that was
         voted on, whoever executes them and whenever.
    @param draft The 32-byte digest, the next version while the
           draft is empty.
    """
    drafts._expect(draft)


@external
def enact(draft: bytes32, policy_hash: bytes32):
    """
    @dev Brings the open draft into force as the next version.
    @notice Note that this function can only be called by the
            current `owner`. It reverts unless the open draft is
            exactly the one named, so that no change which was not
            voted on can slip in with it.
    @param draft The 32-byte digest of the draft.
    @param policy_hash The 32-byte hash of the whole policy in its
           canonical form, against which readers check what they
           rebuilt from the events.
    """
    ownable._check_owner()
    drafts._enact(draft, policy_hash)


@external
@view
def is_allowed(metric: bytes32) -> bool:
    """
    @dev Returns whether the version in force allows a metric.
    @param metric The 32-byte id of the metric.
    @return bool Whether the metric may be collected.
    """
    return history._at(_METRICS, metric, drafts._version()) == _ALLOWED


@external
@view
def is_allowed_at(metric: bytes32, version: uint256) -> bool:
    """
    @dev Returns whether a version allows a metric.
    @param metric The 32-byte id of the metric.
    @param version The 32-byte version.
    @return bool Whether the version allows the metric, false for a
            version that was never enacted.
    """
    return history._at(_METRICS, metric, version) == _ALLOWED


@external
@view
def is_forbidden(metric: bytes32) -> bool:
    """
    @dev Returns whether the version in force forbids a metric
         by name.
    @param metric The 32-byte id of the metric.
    @return bool Whether the metric is on the forbidden list.
    """
    return history._at(_METRICS, metric, drafts._version()) == _FORBIDDEN


@external
@view
def judge(metric: bytes32, version: uint256, block_number: uint256) -> (bool, bool):
    """
    @dev Judges an observation: was the version it names in force,
         and did that version, or any other in force beside it,
         allow the metric? A node in its grace period may follow the
         old version as well as the new one, and an accuser must
         not pick the one that the node did not follow.
    @param metric The 32-byte id of the metric.
    @param version The 32-byte version that the observation names.
    @param block_number The 32-byte number of the observed block.
    @return bool Whether the version was in force at the block.
    @return bool Whether the metric was allowed at the block, false
            if the version was not in force.
    """
    if not drafts._in_force(version, block_number):
        return False, False
    oldest: uint256 = 0
    newest: uint256 = 0
    oldest, newest = drafts._range_in_force(version, block_number)
    for candidate: uint256 in range(oldest, newest + 1, bound=32):
        if history._at(_METRICS, metric, candidate) == _ALLOWED:
            return True, True
    return True, False


@external
@view
def violation(kind: bytes32) -> (uint8, uint8, bool):
    """
    @dev Returns what a kind of violation costs in the version
         in force.
    @param kind The 32-byte id of the violation kind.
    @return uint8 The 1-byte severity.
    @return uint8 The 1-byte penalty.
    @return bool Whether the charter knows the kind.
    """
    return self._violation(kind, drafts._version())


@external
@view
def violation_at(kind: bytes32, version: uint256) -> (uint8, uint8, bool):
    """
    @dev Returns what a kind of violation costs in a version.
    @param kind The 32-byte id of the violation kind.
    @param version The 32-byte version.
    @return uint8 The 1-byte severity.
    @return uint8 The 1-byte penalty.
    @return bool Whether that version knows the kind.
    """
    return self._violation(kind, version)


@external
@view
def article_hash(number: uint256) -> bytes32:
    """
    @dev Returns the hash of an article in force.
    @param number The 32-byte number of the article.
    @return bytes32 The 32-byte Keccak-256 hash of its text, zero if
            there is no such article.
    """
    article: Article = self._articles[number]
    if drafts._is_enacted(article.stamp):
        return article.drafted
    return article.enacted


@external
@pure
def API_VERSION() -> String[8]:
    """
    @dev Returns the version of this contract's interface.
    @return String The version.
    """
    return "1"


@internal
def _write_article(number: uint256, text_hash: bytes32):
    """
    @dev Writes an article into the open draft. What an unenacted
         draft had written is overwritten.
    @param number The 32-byte number of the article.
    @param text_hash The 32-byte hash of its text, zero to repeal it.
    """
    article: Article = self._articles[number]
    if article.stamp != 0 and drafts._is_enacted(article.stamp):
        self._articles[number].enacted = article.drafted
    self._articles[number].drafted = text_hash
    self._articles[number].stamp = drafts._stamp()


@internal
@view
def _violation(kind: bytes32, version: uint256) -> (uint8, uint8, bool):
    """
    @dev Returns what a kind of violation costs in a version.
    @param kind The 32-byte id of the violation kind.
    @param version The 32-byte version.
    @return uint8 The 1-byte severity.
    @return uint8 The 1-byte penalty.
    @return bool Whether that version knows the kind.
    """
    entry: uint256 = history._at(_KINDS, kind, version)
    return convert((entry >> 4) & 15, uint8), convert(entry & 15, uint8), entry & _KNOWN != 0
