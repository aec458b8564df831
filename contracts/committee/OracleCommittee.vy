# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title A k-of-n Committee of Oracles
@custom:contract-name OracleCommittee
@license GNU Affero General Public License v3.0 only
@author The Westworld authors
@notice Whatever comes from outside the chain enters through
        here: a report that `threshold` of the members signed
        as EIP-712 typed data, handed to the consumer of its
        topic.

        - A report is bound to this chain, this contract and the
          present configuration (members and threshold) by the
          domain separator and `config_digest`. Each change of the
          configuration kills every signature made before it.
        - A topic's sequence only rises, so no report enters twice.
        - The threshold is always more than half of the members
          that were seated, so two reports for one sequence need
          a member that signed both.
        - Such a member is removed by whoever shows the two
          signatures. The threshold does not fall with it: with
          fewer members than the threshold, reports stop until
          the owner seats a new committee, for which it never
          needs the old one.
"""


# @dev We import and initialise the `ownable` module.
from snekmate.auth import ownable
initializes: ownable


# @dev We import and initialise the `eip712_domain_separator` module.
from snekmate.utils import eip712_domain_separator
initializes: eip712_domain_separator


# @dev We import the `ecdsa` module.
# @notice Please note that the `ecdsa` module is stateless and
# therefore does not require the `initializes` keyword for usage.
from snekmate.utils import ecdsa


# @dev We import the interface of the reports' consumers.
from ..interfaces import IReportConsumer


# @dev We export (i.e. the runtime bytecode exposes these
# functions externally, allowing them to be called using
# the ABI encoding specification) the ownership functions
# and the EIP-5267 description of the signing domain.
exports: (
    ownable.owner,
    ownable.transfer_ownership,
    ownable.renounce_ownership,
    eip712_domain_separator.eip712Domain,
)


# @dev The version of this contract's interface. A daemon
# stops if it does not know the version.
API_VERSION: public(constant(String[8])) = "1"


# @dev The 32-byte type hash of the `Report` struct.
_REPORT_TYPE_HASH: constant(bytes32) = keccak256(
    "Report(bytes32 topic,uint256 sequence,uint256 observedBlock,bytes32 payloadHash,bytes32 configDigest,uint256 deadline)"
)


# @dev The maximum number of members.
_MAX_MEMBERS: constant(uint256) = 16


# @dev The maximum number of bytes of a payload.
_MAX_PAYLOAD: constant(uint256) = 4096


# @dev What the members sign.
struct Report:
    topic: bytes32
    sequence: uint256
    observed_block: uint256
    payload_hash: bytes32
    config_digest: bytes32
    deadline: uint256


# @dev Returns the number of signatures that a report needs.
threshold: public(uint256)


# @dev Returns the number of configurations so far. It makes
# each configuration unique, even if the same members return.
epoch: public(uint256)


# @dev Returns the digest that reports of the present
# configuration must carry.
config_digest: public(bytes32)


# @dev Returns the sequence of the latest accepted report of
# a topic.
last_sequence: public(HashMap[bytes32, uint256])


# @dev Returns the contract that receives a topic's reports.
consumer: public(HashMap[bytes32, address])


# @dev The members in ascending order.
_members: DynArray[address, _MAX_MEMBERS]


# @dev The number of times that the owner seated a committee.
_seating: uint256


# @dev The seating under which a configuration digest arose,
# or `0` for a digest that never existed.
_seating_of: HashMap[bytes32, uint256]


# @dev Emitted when a report was accepted.
event ReportAccepted:
    topic: indexed(bytes32)
    sequence: indexed(uint256)
    payload_hash: bytes32
    observed_block: uint256


# @dev Emitted when the configuration changed, for whichever
# reason.
event MembersSet:
    config_digest: indexed(bytes32)
    members: DynArray[address, _MAX_MEMBERS]
    threshold: uint256


# @dev Emitted when a member was shown to have signed two
# payloads for one sequence.
event MemberRemoved:
    member: indexed(address)
    topic: bytes32
    sequence: uint256


# @dev Emitted when a topic's consumer was set.
event TopicSet:
    topic: indexed(bytes32)
    consumer: indexed(address)


# @dev Emitted when the owner set a topic's sequence back.
event SequenceRewound:
    topic: indexed(bytes32)
    sequence: uint256


@deploy
def __init__(members_: DynArray[address, _MAX_MEMBERS], threshold_: uint256):
    """
    @dev Seats the first committee. The `owner` role is assigned
         to the `msg.sender`.
    @param members_ The members in strictly ascending order.
    @param threshold_ The 32-byte number of signatures that a
           report needs.
    """
    ownable.__init__()
    eip712_domain_separator.__init__("Westworld OracleCommittee", "1")
    self._seat(members_, threshold_)


@external
@nonreentrant
def submit(report: Report, payload: Bytes[_MAX_PAYLOAD], signatures: DynArray[Bytes[65], _MAX_MEMBERS]):
    """
    @dev Accepts a report and hands it to its topic's consumer.
    @notice Anyone may call it: the signatures carry the authority.
            If the consumer reverts, the report is refused as a whole.
    @param report The report that was signed.
    @param payload The content whose hash the report carries.
    @param signatures The 65-byte secp256k1 signatures, ordered by
           ascending signer.
    """
    assert report.config_digest == self.config_digest, "oracle_committee: unknown configuration"
    assert block.timestamp <= report.deadline, "oracle_committee: deadline passed"
    assert report.observed_block < block.number, "oracle_committee: observed block is not in the past"
    assert report.sequence > self.last_sequence[report.topic], "oracle_committee: stale sequence"
    assert keccak256(payload) == report.payload_hash, "oracle_committee: payload does not match its hash"
    consumer: address = self.consumer[report.topic]
    assert consumer != empty(address), "oracle_committee: unknown topic"
    self._check_signatures(self._hash_report(report), signatures)

    self.last_sequence[report.topic] = report.sequence
    log ReportAccepted(
        topic=report.topic,
        sequence=report.sequence,
        payload_hash=report.payload_hash,
        observed_block=report.observed_block,
    )
    extcall IReportConsumer(consumer).on_report(report.topic, report.sequence, report.observed_block, payload)


@external
def prove_equivocation(a: Report, signature_a: Bytes[65], b: Report, signature_b: Bytes[65]):
    """
    @dev Removes a member that signed two payloads for one
         sequence of one topic under one configuration.
    @notice Anyone may call it. The configuration must belong to
            the present seating: the removal of one double voter must
            not let a second one off, while a committee that the owner
            seated since then starts with a clean slate. The threshold
            stays. A differing deadline or observed block alone is no
            equivocation.
    @param a The one report.
    @param signature_a The member's 65-byte signature of `a`.
    @param b The other report.
    @param signature_b The member's 65-byte signature of `b`.
    """
    assert a.topic == b.topic, "oracle_committee: topics differ"
    assert a.sequence == b.sequence, "oracle_committee: sequences differ"
    assert a.config_digest == b.config_digest, "oracle_committee: configurations differ"
    assert self._seating_of[a.config_digest] == self._seating, "oracle_committee: unknown configuration"
    assert a.payload_hash != b.payload_hash, "oracle_committee: payloads are the same"
    member: address = self._recover(self._hash_report(a), signature_a)
    assert member == self._recover(self._hash_report(b), signature_b), "oracle_committee: signers differ"
    assert member in self._members, "oracle_committee: signer is not a member"

    remaining: DynArray[address, _MAX_MEMBERS] = []
    for other: address in self._members:
        if other != member:
            remaining.append(other)
    log MemberRemoved(member=member, topic=a.topic, sequence=a.sequence)
    self._configure(remaining, self.threshold)


@external
def set_members(members_: DynArray[address, _MAX_MEMBERS], threshold_: uint256):
    """
    @dev Seats a committee in place of the present one.
    @notice Note that this function can only be called by the
            current `owner`. Nothing is asked of the present members.
    @param members_ The members in strictly ascending order.
    @param threshold_ The 32-byte number of signatures that a
           report needs: more than half of the members.
    """
    ownable._check_owner()
    self._seat(members_, threshold_)


@external
def set_topic(topic: bytes32, consumer: address):
    """
    @dev Sets the contract that receives a topic's reports.
    @notice Note that this function can only be called by the
            current `owner`. The zero address closes the topic.
    @param topic The 32-byte topic, i.e. `keccak256` of its name.
    @param consumer The 20-byte address of the consumer.
    """
    ownable._check_owner()
    self.consumer[topic] = consumer
    log TopicSet(topic=topic, consumer=consumer)


@external
def rewind(topic: bytes32, sequence: uint256):
    """
    @dev Sets a topic's sequence back.
    @notice Note that this function can only be called by the
            current `owner`. It is the way back after hostile members
            used up the sequences with a huge one. A new configuration
            begins, so that nothing signed before can enter twice.
    @param topic The 32-byte topic, i.e. `keccak256` of its name.
    @param sequence The 32-byte sequence after which reports are
           accepted again.
    """
    ownable._check_owner()
    assert sequence < self.last_sequence[topic], "oracle_committee: not a lower sequence"
    self.last_sequence[topic] = sequence
    log SequenceRewound(topic=topic, sequence=sequence)
    self._configure(self._members, self.threshold)


@external
@view
def members() -> DynArray[address, _MAX_MEMBERS]:
    """
    @dev Returns the members in ascending order.
    @return DynArray The array of 20-byte member addresses.
    """
    return self._members


@external
@view
def is_member(account: address) -> bool:
    """
    @dev Returns whether an account is a member.
    @param account The 20-byte account address.
    @return bool The verification whether `account` is a member.
    """
    return account in self._members


@external
@view
def hash_report(report: Report) -> bytes32:
    """
    @dev Returns the EIP-712 message hash that a member signs.
    @param report The report.
    @return bytes32 The 32-byte message hash.
    """
    return self._hash_report(report)


@internal
def _seat(members_: DynArray[address, _MAX_MEMBERS], threshold_: uint256):
    """
    @dev Checks a committee and seats it.
    @notice This is an `internal` function without access
            restriction.
    @param members_ The members in strictly ascending order.
    @param threshold_ The 32-byte number of needed signatures.
    """
    # Strictly ascending from the zero address: no member twice
    # and no zero address, which is also what a failed recovery
    # would yield.
    previous: address = empty(address)
    for member: address in members_:
        assert convert(member, uint160) > convert(previous, uint160), "oracle_committee: members are not ascending"
        previous = member
    assert threshold_ <= len(members_), "oracle_committee: threshold exceeds members"
    # More than half: two disjoint sets could otherwise report
    # two payloads without any member being a double voter.
    assert threshold_ * 2 > len(members_), "oracle_committee: threshold is not a majority"
    self._seating += 1
    self._configure(members_, threshold_)


@internal
def _configure(members_: DynArray[address, _MAX_MEMBERS], threshold_: uint256):
    """
    @dev Begins a configuration.
    @notice This is an `internal` function without access
            restriction.
    @param members_ The members in strictly ascending order.
    @param threshold_ The 32-byte number of needed signatures.
    """
    epoch: uint256 = self.epoch + 1
    config_digest: bytes32 = keccak256(abi_encode(chain.id, self, epoch, members_, threshold_))
    self.epoch = epoch
    self.config_digest = config_digest
    self.threshold = threshold_
    self._members = members_
    self._seating_of[config_digest] = self._seating
    log MembersSet(config_digest=config_digest, members=members_, threshold=threshold_)


@internal
@view
def _check_signatures(digest: bytes32, signatures: DynArray[Bytes[65], _MAX_MEMBERS]):
    """
    @dev Throws unless enough different members signed.
    @param digest The 32-byte message hash.
    @param signatures The signatures, ordered by ascending signer.
    """
    members_: DynArray[address, _MAX_MEMBERS] = self._members
    assert len(members_) >= self.threshold, "oracle_committee: too few members"
    assert len(signatures) >= self.threshold, "oracle_committee: too few signatures"
    previous: address = empty(address)
    for signature: Bytes[65] in signatures:
        signer: address = self._recover(digest, signature)
        assert convert(signer, uint160) > convert(previous, uint160), "oracle_committee: signers are not ascending"
        assert signer in members_, "oracle_committee: signer is not a member"
        previous = signer


@internal
@pure
def _recover(digest: bytes32, signature: Bytes[65]) -> address:
    """
    @dev Returns the signer of a message hash.
    @notice Only the 65-byte form with the lower `s` is taken,
            so that a signature has one form.
    @param digest The 32-byte message hash.
    @param signature The 65-byte secp256k1 signature.
    @return address The 20-byte signer address.
    """
    assert len(signature) == 65, "oracle_committee: signature is not 65 bytes long"
    return ecdsa._recover_sig(digest, signature)


@internal
@view
def _hash_report(report: Report) -> bytes32:
    """
    @dev Returns the EIP-712 message hash of a report.
    @param report The report.
    @return bytes32 The 32-byte message hash.
    """
    # A struct of static fields encodes as its fields in order.
    return eip712_domain_separator._hash_typed_data_v4(keccak256(abi_encode(_REPORT_TYPE_HASH, report)))
