"""Each function of OracleCommittee: what it does, and beside it what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ape
import pytest
from ape.api import AccountAPI
from ape.contracts import ContractInstance
from ape.managers.chain import ChainManager
from ape.managers.project import ProjectManager
from eth_abi.abi import encode
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from .conftest import PAYLOAD, TOPIC, Report, sign, sorted_keys

SECP256K1_N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
ZERO = "0x" + "00" * 20

Make = Callable[..., Report]
Signed = Callable[..., list[bytes]]
Keys = list[LocalAccount]


def addresses(keys: Keys) -> list[str]:
    return [key.address for key in keys]


class TestConstructor:
    def test_seats_the_members(self, committee: ContractInstance, keys: Keys, owner: AccountAPI) -> None:
        assert committee.members() == addresses(keys)
        assert committee.threshold() == 2
        assert committee.owner() == owner
        assert committee.API_VERSION() == "1"

    @pytest.mark.parametrize(
        ("order", "threshold", "reason"),
        [
            ([1, 0, 2], 2, "oracle_committee: members are not ascending"),
            ([0, 0, 1], 2, "oracle_committee: members are not ascending"),
            ([0, 1, 2], 4, "oracle_committee: threshold exceeds members"),
            ([0, 1], 1, "oracle_committee: threshold is not a majority"),
            ([], 0, "oracle_committee: threshold is not a majority"),
        ],
    )
    def test_refuses_what_cannot_decide(
        self,
        project: ProjectManager,
        owner: AccountAPI,
        keys: Keys,
        order: list[int],
        threshold: int,
        reason: str,
    ) -> None:
        with ape.reverts(reason):
            owner.deploy(project.OracleCommittee, [keys[i].address for i in order], threshold)

    def test_refuses_the_zero_address(self, project: ProjectManager, owner: AccountAPI, keys: Keys) -> None:
        with ape.reverts("oracle_committee: members are not ascending"):
            owner.deploy(project.OracleCommittee, [ZERO, keys[0].address], 2)


class TestViews:
    def test_config_digest_binds_chain_contract_epoch_and_members(
        self, committee: ContractInstance, chain: ChainManager, keys: Keys
    ) -> None:
        bound = encode(
            ["uint256", "address", "uint256", "address[]", "uint256"],
            [chain.chain_id, committee.address, 1, addresses(keys), 2],
        )
        assert bytes(committee.config_digest()) == keccak(bound)
        assert committee.epoch() == 1

    def test_is_member(self, committee: ContractInstance, keys: Keys, stranger: AccountAPI) -> None:
        assert committee.is_member(keys[1].address)
        assert not committee.is_member(stranger)
        assert not committee.is_member(ZERO)

    def test_signing_domain_is_described(self, committee: ContractInstance, chain: ChainManager) -> None:
        fields, name, version, chain_id, contract, _, _ = committee.eip712Domain()
        assert (bytes(fields), name, version) == (b"\x0f", "Westworld OracleCommittee", "1")
        assert (chain_id, contract) == (chain.chain_id, committee.address)

    def test_hash_report_depends_on_every_field(self, committee: ContractInstance, make_report: Make) -> None:
        other = {
            "topic": keccak(text="other"),
            "sequence": 8,
            "observed_block": 0,
            "payload_hash": keccak(b"other"),
            "config_digest": keccak(b"other"),
            "deadline": 1,
        }
        hashes = {bytes(committee.hash_report(make_report(**{name: value}))) for name, value in other.items()}
        assert len(hashes | {bytes(committee.hash_report(make_report()))}) == 7


class TestSubmit:
    def test_two_of_three_get_a_report_through(
        self,
        committee: ContractInstance,
        sink: ContractInstance,
        make_report: Make,
        signed: Signed,
        keys: Keys,
        stranger: AccountAPI,
    ) -> None:
        report = make_report()
        receipt = committee.submit(report, PAYLOAD, signed(report, keys[0], keys[2]), sender=stranger)
        [event] = receipt.decode_logs(committee.ReportAccepted)
        assert (bytes(event.topic), event.sequence, bytes(event.payload_hash)) == (TOPIC, 7, keccak(PAYLOAD))
        assert committee.last_sequence(TOPIC) == 7
        assert (bytes(sink.topic()), sink.sequence(), sink.observed_block()) == (TOPIC, 7, report[2])
        assert bytes(sink.payload()) == PAYLOAD

    def test_all_may_sign(
        self,
        committee: ContractInstance,
        make_report: Make,
        signed: Signed,
        keys: Keys,
        stranger: AccountAPI,
    ) -> None:
        report = make_report()
        committee.submit(report, PAYLOAD, signed(report, *keys), sender=stranger)
        assert committee.last_sequence(TOPIC) == 7

    @pytest.mark.parametrize(
        ("changed", "reason"),
        [
            ({"config_digest": keccak(b"old")}, "oracle_committee: unknown configuration"),
            ({"deadline": 1}, "oracle_committee: deadline passed"),
            ({"observed_block": 2**64}, "oracle_committee: observed block is not in the past"),
            ({"sequence": 0}, "oracle_committee: stale sequence"),
            ({"payload_hash": keccak(b"other")}, "oracle_committee: payload does not match its hash"),
            ({"topic": keccak(text="other")}, "oracle_committee: unknown topic"),
        ],
    )
    def test_refuses_a_wrong_report_that_all_signed(
        self,
        committee: ContractInstance,
        make_report: Make,
        signed: Signed,
        keys: Keys,
        stranger: AccountAPI,
        changed: dict[str, Any],
        reason: str,
    ) -> None:
        report = make_report(**changed)
        with ape.reverts(reason):
            committee.submit(report, PAYLOAD, signed(report, *keys), sender=stranger)

    @pytest.mark.parametrize(
        ("signers", "reason"),
        [
            ([], "oracle_committee: too few signatures"),
            ([1], "oracle_committee: too few signatures"),
            ([1, 1], "oracle_committee: signers are not ascending"),
            ([1, 0], "oracle_committee: signers are not ascending"),
        ],
    )
    def test_refuses_fewer_than_k_different_signers(
        self,
        committee: ContractInstance,
        make_report: Make,
        signed: Signed,
        keys: Keys,
        stranger: AccountAPI,
        signers: list[int],
        reason: str,
    ) -> None:
        report = make_report()
        with ape.reverts(reason):
            committee.submit(report, PAYLOAD, signed(report, *[keys[i] for i in signers]), sender=stranger)

    def test_refuses_a_stranger_among_the_signers(
        self,
        committee: ContractInstance,
        make_report: Make,
        signed: Signed,
        keys: Keys,
        stranger: AccountAPI,
    ) -> None:
        report = make_report()
        pair = sorted([keys[0], sorted_keys(["stranger"])[0]], key=lambda key: int(key.address, 16))
        with ape.reverts("oracle_committee: signer is not a member"):
            committee.submit(report, PAYLOAD, signed(report, *pair), sender=stranger)

    def test_refuses_a_malleated_signature(
        self,
        committee: ContractInstance,
        make_report: Make,
        signed: Signed,
        keys: Keys,
        stranger: AccountAPI,
    ) -> None:
        report = make_report()
        first, second = signed(report, keys[0], keys[1])
        s = SECP256K1_N - int.from_bytes(second[32:64], "big")
        malleated = second[:32] + s.to_bytes(32, "big") + bytes([27 + 28 - second[64]])
        with ape.reverts("ecdsa: invalid signature `s` value"):
            committee.submit(report, PAYLOAD, [first, malleated], sender=stranger)

    def test_refuses_the_compact_form(
        self,
        committee: ContractInstance,
        make_report: Make,
        signed: Signed,
        keys: Keys,
        stranger: AccountAPI,
    ) -> None:
        report = make_report()
        first, second = signed(report, keys[0], keys[1])
        vs = int.from_bytes(second[32:64], "big") | (second[64] - 27) << 255
        with ape.reverts("oracle_committee: signature is not 65 bytes long"):
            committee.submit(report, PAYLOAD, [first, second[:32] + vs.to_bytes(32, "big")], sender=stranger)

    @pytest.mark.parametrize("elsewhere", ["contract", "chain"])
    def test_refuses_signatures_made_for_elsewhere(
        self,
        committee: ContractInstance,
        chain: ChainManager,
        make_report: Make,
        keys: Keys,
        stranger: AccountAPI,
        elsewhere: str,
    ) -> None:
        report = make_report()
        contract = stranger.address if elsewhere == "contract" else committee.address
        chain_id = chain.chain_id + (elsewhere == "chain")
        signatures = [sign(key, report, contract=contract, chain_id=chain_id) for key in keys]
        with ape.reverts():
            committee.submit(report, PAYLOAD, signatures, sender=stranger)
        assert committee.last_sequence(TOPIC) == 0

    @pytest.mark.parametrize("sequence", [6, 7])
    def test_refuses_a_sequence_that_is_not_higher(
        self,
        committee: ContractInstance,
        make_report: Make,
        signed: Signed,
        keys: Keys,
        stranger: AccountAPI,
        sequence: int,
    ) -> None:
        report = make_report()
        committee.submit(report, PAYLOAD, signed(report, *keys), sender=stranger)
        again = make_report(sequence=sequence)
        with ape.reverts("oracle_committee: stale sequence"):
            committee.submit(again, PAYLOAD, signed(again, *keys), sender=stranger)

    def test_a_refusing_consumer_leaves_the_sequence_unused(
        self,
        committee: ContractInstance,
        sink: ContractInstance,
        make_report: Make,
        signed: Signed,
        keys: Keys,
        stranger: AccountAPI,
    ) -> None:
        report = make_report()
        sink.refuse(True, sender=stranger)
        with ape.reverts("report_sink: refusing"):
            committee.submit(report, PAYLOAD, signed(report, *keys), sender=stranger)
        assert committee.last_sequence(TOPIC) == 0
        sink.refuse(False, sender=stranger)
        committee.submit(report, PAYLOAD, signed(report, *keys), sender=stranger)
        assert sink.count() == 1

    def test_a_consumer_cannot_submit_from_within(
        self,
        committee: ContractInstance,
        sink: ContractInstance,
        make_report: Make,
        signed: Signed,
        keys: Keys,
        stranger: AccountAPI,
    ) -> None:
        report, later = make_report(), make_report(sequence=8)
        call = committee.submit.encode_input(later, PAYLOAD, signed(later, *keys))
        sink.reenter(call, sender=stranger)
        with ape.reverts():
            committee.submit(report, PAYLOAD, signed(report, *keys), sender=stranger)
        assert sink.count() == 0


class TestProveEquivocation:
    def test_removes_a_double_voter_and_keeps_the_threshold(
        self,
        committee: ContractInstance,
        make_report: Make,
        signed: Signed,
        keys: Keys,
        stranger: AccountAPI,
    ) -> None:
        a, b = make_report(), make_report(payload_hash=keccak(b"other"), deadline=9, observed_block=0)
        digest = committee.config_digest()
        receipt = committee.prove_equivocation(
            a, *signed(a, keys[1]), b, *signed(b, keys[1]), sender=stranger
        )
        [event] = receipt.decode_logs(committee.MemberRemoved)
        assert (event.member, bytes(event.topic), event.sequence) == (keys[1].address, TOPIC, 7)
        assert committee.members() == [keys[0].address, keys[2].address]
        assert committee.threshold() == 2
        assert committee.config_digest() != digest

    def test_removal_kills_what_was_signed_before(
        self,
        committee: ContractInstance,
        make_report: Make,
        signed: Signed,
        keys: Keys,
        stranger: AccountAPI,
    ) -> None:
        a, b = make_report(), make_report(payload_hash=keccak(b"other"))
        committee.prove_equivocation(a, *signed(a, keys[1]), b, *signed(b, keys[1]), sender=stranger)
        with ape.reverts("oracle_committee: unknown configuration"):
            committee.submit(a, PAYLOAD, signed(a, keys[0], keys[2]), sender=stranger)

    def test_below_the_threshold_reports_stop_until_the_owner_seats_anew(
        self,
        committee: ContractInstance,
        make_report: Make,
        signed: Signed,
        keys: Keys,
        owner: AccountAPI,
        stranger: AccountAPI,
    ) -> None:
        # Both double votes are from before the first removal: it must not let the second voter off.
        a, b = make_report(), make_report(payload_hash=keccak(b"other"))
        for key in keys[:2]:
            committee.prove_equivocation(a, *signed(a, key), b, *signed(b, key), sender=stranger)
        assert committee.members() == [keys[2].address]
        report = make_report()
        with ape.reverts("oracle_committee: too few members"):
            committee.submit(report, PAYLOAD, signed(report, keys[2]), sender=stranger)
        committee.set_members([keys[2].address], 1, sender=owner)
        report = make_report()
        committee.submit(report, PAYLOAD, signed(report, keys[2]), sender=stranger)

    @pytest.mark.parametrize(
        ("changed", "reason"),
        [
            ({"topic": keccak(text="other")}, "oracle_committee: topics differ"),
            ({"sequence": 8}, "oracle_committee: sequences differ"),
            ({"config_digest": keccak(b"old")}, "oracle_committee: configurations differ"),
            ({"payload_hash": keccak(PAYLOAD)}, "oracle_committee: payloads are the same"),
            ({"payload_hash": keccak(PAYLOAD), "deadline": 9}, "oracle_committee: payloads are the same"),
        ],
    )
    def test_refuses_what_is_no_double_vote(
        self,
        committee: ContractInstance,
        make_report: Make,
        signed: Signed,
        keys: Keys,
        stranger: AccountAPI,
        changed: dict[str, Any],
        reason: str,
    ) -> None:
        a, b = make_report(), make_report(**({"payload_hash": keccak(b"other")} | changed))
        with ape.reverts(reason):
            committee.prove_equivocation(a, *signed(a, keys[1]), b, *signed(b, keys[1]), sender=stranger)

    def test_refuses_votes_of_two_members(
        self,
        committee: ContractInstance,
        make_report: Make,
        signed: Signed,
        keys: Keys,
        stranger: AccountAPI,
    ) -> None:
        a, b = make_report(), make_report(payload_hash=keccak(b"other"))
        with ape.reverts("oracle_committee: signers differ"):
            committee.prove_equivocation(a, *signed(a, keys[0]), b, *signed(b, keys[1]), sender=stranger)

    def test_refuses_a_stranger_and_the_member_already_removed(
        self,
        committee: ContractInstance,
        make_report: Make,
        signed: Signed,
        keys: Keys,
        stranger: AccountAPI,
    ) -> None:
        a, b = make_report(), make_report(payload_hash=keccak(b"other"))
        [unseated] = sorted_keys(["stranger"])
        with ape.reverts("oracle_committee: signer is not a member"):
            committee.prove_equivocation(a, *signed(a, unseated), b, *signed(b, unseated), sender=stranger)
        proof = (a, *signed(a, keys[1]), b, *signed(b, keys[1]))
        committee.prove_equivocation(*proof, sender=stranger)
        with ape.reverts("oracle_committee: signer is not a member"):
            committee.prove_equivocation(*proof, sender=stranger)

    def test_a_new_seating_starts_with_a_clean_slate(
        self,
        committee: ContractInstance,
        make_report: Make,
        signed: Signed,
        keys: Keys,
        owner: AccountAPI,
        stranger: AccountAPI,
    ) -> None:
        a, b = make_report(), make_report(payload_hash=keccak(b"other"))
        proof = (a, *signed(a, keys[1]), b, *signed(b, keys[1]))
        committee.set_members(addresses(keys), 2, sender=owner)
        with ape.reverts("oracle_committee: unknown configuration"):
            committee.prove_equivocation(*proof, sender=stranger)

    def test_refuses_a_configuration_that_never_was(
        self,
        committee: ContractInstance,
        make_report: Make,
        signed: Signed,
        keys: Keys,
        stranger: AccountAPI,
    ) -> None:
        a = make_report(config_digest=keccak(b"none"))
        b = make_report(config_digest=keccak(b"none"), payload_hash=keccak(b"other"))
        with ape.reverts("oracle_committee: unknown configuration"):
            committee.prove_equivocation(a, *signed(a, keys[1]), b, *signed(b, keys[1]), sender=stranger)


class TestSetMembers:
    def test_rotation_kills_old_signatures(
        self,
        committee: ContractInstance,
        make_report: Make,
        signed: Signed,
        keys: Keys,
        owner: AccountAPI,
        stranger: AccountAPI,
    ) -> None:
        report = make_report()
        signatures = signed(report, *keys)
        receipt = committee.set_members(addresses(keys), 2, sender=owner)
        [event] = receipt.decode_logs(committee.MembersSet)
        assert bytes(event.config_digest) == bytes(committee.config_digest()) != report[4]
        with ape.reverts("oracle_committee: unknown configuration"):
            committee.submit(report, PAYLOAD, signatures, sender=stranger)

    def test_only_the_owner(self, committee: ContractInstance, keys: Keys, stranger: AccountAPI) -> None:
        with ape.reverts("ownable: caller is not the owner"):
            committee.set_members(addresses(keys), 2, sender=stranger)

    def test_refuses_what_cannot_decide(
        self, committee: ContractInstance, keys: Keys, owner: AccountAPI
    ) -> None:
        with ape.reverts("oracle_committee: threshold is not a majority"):
            committee.set_members(addresses(keys), 1, sender=owner)

    def test_seats_sixteen_at_most(
        self, committee: ContractInstance, owner: AccountAPI, make_report: Make, signed: Signed
    ) -> None:
        many = sorted_keys(f"many {i}" for i in range(17))
        committee.set_members(addresses(many[:16]), 16, sender=owner)
        report = make_report()
        committee.submit(report, PAYLOAD, signed(report, *many[:16]), sender=owner)
        with pytest.raises(Exception, match=r".+"):
            committee.set_members(addresses(many), 16, sender=owner)
        assert committee.members() == addresses(many[:16])


class TestSetTopic:
    def test_routes_and_closes(
        self,
        committee: ContractInstance,
        sink: ContractInstance,
        make_report: Make,
        signed: Signed,
        keys: Keys,
        owner: AccountAPI,
        stranger: AccountAPI,
    ) -> None:
        other = keccak(text="other")
        committee.set_topic(other, sink, sender=owner)
        assert committee.consumer(other) == sink.address
        report = make_report(topic=other)
        committee.submit(report, PAYLOAD, signed(report, *keys), sender=stranger)
        assert (committee.last_sequence(other), committee.last_sequence(TOPIC)) == (7, 0)
        committee.set_topic(other, ZERO, sender=owner)
        report = make_report(topic=other, sequence=8)
        with ape.reverts("oracle_committee: unknown topic"):
            committee.submit(report, PAYLOAD, signed(report, *keys), sender=stranger)

    def test_only_the_owner(
        self, committee: ContractInstance, sink: ContractInstance, stranger: AccountAPI
    ) -> None:
        with ape.reverts("ownable: caller is not the owner"):
            committee.set_topic(TOPIC, sink, sender=stranger)


class TestRewind:
    def test_frees_used_up_sequences_and_kills_old_signatures(
        self,
        committee: ContractInstance,
        make_report: Make,
        signed: Signed,
        keys: Keys,
        owner: AccountAPI,
        stranger: AccountAPI,
    ) -> None:
        accepted, jam = make_report(), make_report(sequence=2**256 - 1)
        for report in (accepted, jam):
            committee.submit(report, PAYLOAD, signed(report, *keys), sender=stranger)
        committee.rewind(TOPIC, 6, sender=owner)
        assert committee.last_sequence(TOPIC) == 6
        for report in (accepted, jam):
            with ape.reverts("oracle_committee: unknown configuration"):
                committee.submit(report, PAYLOAD, signed(report, *keys), sender=stranger)
        report = make_report(sequence=8)
        committee.submit(report, PAYLOAD, signed(report, *keys), sender=stranger)

    def test_only_the_owner_and_only_back(
        self, committee: ContractInstance, owner: AccountAPI, stranger: AccountAPI
    ) -> None:
        with ape.reverts("ownable: caller is not the owner"):
            committee.rewind(TOPIC, 0, sender=stranger)
        with ape.reverts("oracle_committee: not a lower sequence"):
            committee.rewind(TOPIC, 0, sender=owner)


class TestOwnership:
    def test_passes_on(self, committee: ContractInstance, owner: AccountAPI, stranger: AccountAPI) -> None:
        committee.transfer_ownership(stranger, sender=owner)
        assert committee.owner() == stranger
        committee.renounce_ownership(sender=stranger)
        assert committee.owner() == ZERO

    def test_only_the_owner(self, committee: ContractInstance, stranger: AccountAPI) -> None:
        with ape.reverts("ownable: caller is not the owner"):
            committee.transfer_ownership(stranger, sender=stranger)
        with ape.reverts("ownable: caller is not the owner"):
            committee.renounce_ownership(sender=stranger)

    def test_not_to_nobody(self, committee: ContractInstance, owner: AccountAPI) -> None:
        with ape.reverts("ownable: new owner is the zero address"):
            committee.transfer_ownership(ZERO, sender=owner)
