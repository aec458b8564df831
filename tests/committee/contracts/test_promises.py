"""What OracleCommittee promises whatever is tried: a state machine beside a model of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from itertools import combinations
from typing import Any

from ape.api import AccountAPI
from ape.contracts import ContractInstance
from ape.managers.chain import ChainManager
from ape.managers.project import ProjectManager
from budgets import few
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from web3 import Web3
from web3.exceptions import ContractLogicError, Web3RPCError

from .conftest import TOPIC, Report, sign, sorted_keys

KEYS = sorted_keys(f"machine {i}" for i in range(5))
HONEST = {KEYS[0].address, KEYS[2].address, KEYS[4].address}
PAYLOADS = (b"one", b"two", b"three")
THRESHOLD = 3

someone = st.integers(0, len(KEYS) - 1)
some_keys = st.sets(someone, max_size=len(KEYS))
payloads = st.integers(0, len(PAYLOADS) - 1)
sequences = st.integers(1, 6)


@dataclass
class World:
    """A committee on the test chain, reached without ape's ceremony: a state machine makes many calls."""

    web3: Web3
    committee: Any
    sink: Any
    owner: str

    def succeeds(self, call: Any) -> bool:
        """Send a call; says whether it went through."""
        try:
            sent = call.transact({"from": self.owner})
        except (ContractLogicError, Web3RPCError):
            return False
        return bool(self.web3.eth.wait_for_transaction_receipt(sent)["status"])

    def rpc(self, method: str, *parameters: Any) -> Any:
        return self.web3.provider.make_request(method, list(parameters))["result"]  # type: ignore[arg-type]


@dataclass
class Model:
    """What must be the case."""

    members: list[str]
    digests: list[bytes]
    seating: list[bytes]
    last: int = 0
    accepted: list[tuple[Report, bytes, list[bytes]]] = field(default_factory=list)


class Machine(RuleBasedStateMachine):
    """Members 0, 2 and 4 are honest: one payload for each configuration and sequence. The others sign
    anything.
    """

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.snapshot = world.rpc("evm_snapshot")
        digest = self._digest()
        self.model = Model([key.address for key in KEYS], [digest], [digest])
        self.votes: dict[tuple[str, bytes, int], bytes] = {}
        self.honest: dict[str, list[tuple[Report, bytes]]] = {}

    def teardown(self) -> None:
        self.world.rpc("evm_revert", self.snapshot)

    @rule(
        signers=some_keys, sequence=sequences, payload=payloads, config=st.integers(0, 3), late=st.booleans()
    )
    def submit(self, signers: set[int], sequence: int, payload: int, config: int, late: bool) -> None:
        digest = self.model.digests[-1 - config % len(self.model.digests)]
        now = self.world.web3.eth.get_block("latest")["timestamp"]
        report = self._report(sequence, PAYLOADS[payload], digest, now - 1 if late else now + 1_000)
        signatures, signed = [], []
        for place in sorted(signers):
            signature = self._vote(KEYS[place], report)
            if signature is not None:
                signatures.append(signature)
                signed.append(KEYS[place].address)
        call = self.world.committee.functions.submit(report, PAYLOADS[payload], signatures)
        model = self.model
        expected = (
            digest == model.digests[-1]
            and not late
            and sequence > model.last
            and len(signed) >= THRESHOLD
            and set(signed) <= set(model.members)
        )
        assert self.world.succeeds(call) == expected
        if expected:
            model.last = sequence
            model.accepted.append((report, PAYLOADS[payload], signatures))

    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        for report, payload, signatures in self.model.accepted[-3:]:
            order: list[bytes] = data.draw(st.permutations(signatures))
            call = self.world.committee.functions.submit(report, payload, order)
            assert not self.world.succeeds(call)

    @rule(who=someone, sequence=sequences, config=st.integers(0, 3))
    def prove_a_double_vote(self, who: int, sequence: int, config: int) -> None:
        digest = self.model.digests[-1 - config % len(self.model.digests)]
        a, b = (self._report(sequence, payload, digest, 1) for payload in PAYLOADS[:2])
        key = KEYS[who]
        if key.address in HONEST:
            return  # it never makes two such signatures: `frame` tries what it does make
        proof = (a, self._sign(key, a), b, self._sign(key, b))
        expected = digest in self.model.seating and key.address in self.model.members
        assert self.world.succeeds(self.world.committee.functions.prove_equivocation(*proof)) == expected
        if expected:
            self.model.members.remove(key.address)
            self._reconfigured()

    @rule(
        who=st.sampled_from(sorted(HONEST)), sequence=sequences, payload=payloads, deadline=st.integers(1, 9)
    )
    def re_sign(self, who: str, sequence: int, payload: int, deadline: int) -> None:
        """An honest member lives through leader changes: it is asked again, for other payloads and
        deadlines.
        """
        key = next(key for key in KEYS if key.address == who)
        self._vote(key, self._report(sequence, PAYLOADS[payload], self.model.digests[-1], deadline))

    @rule(who=st.sampled_from(sorted(HONEST)))
    def frame(self, who: str) -> None:
        """Any two signatures that an honest member ever made are tried as a proof against it."""
        for (a, signature_a), (b, signature_b) in combinations(self.honest.get(who, [])[-5:], 2):
            call = self.world.committee.functions.prove_equivocation(a, signature_a, b, signature_b)
            assert not self.world.succeeds(call)

    @rule(members=st.sets(someone, min_size=THRESHOLD))
    def seat(self, members: set[int]) -> None:
        addresses: list[str] = [KEYS[place].address for place in sorted(members)]
        assert self.world.succeeds(self.world.committee.functions.set_members(addresses, THRESHOLD))
        self.model.members = addresses
        self.model.seating = []
        self._reconfigured()

    @rule(sequence=sequences)
    def rewind(self, sequence: int) -> None:
        expected = sequence < self.model.last
        assert self.world.succeeds(self.world.committee.functions.rewind(TOPIC, sequence)) == expected
        if expected:
            self.model.last = sequence
            self._reconfigured()

    @invariant()
    def the_contract_is_as_the_model_says(self) -> None:
        functions = self.world.committee.functions
        assert functions.members().call() == self.model.members
        assert functions.threshold().call() == THRESHOLD
        assert functions.last_sequence(TOPIC).call() == self.model.last
        assert self.world.sink.functions.count().call() == len(self.model.accepted)

    def _reconfigured(self) -> None:
        digest = self._digest()
        assert digest not in self.model.digests
        self.model.digests.append(digest)
        self.model.seating.append(digest)

    def _digest(self) -> bytes:
        return bytes(self.world.committee.functions.config_digest().call())

    def _report(self, sequence: int, payload: bytes, digest: bytes, deadline: int) -> Report:
        return (TOPIC, sequence, 0, keccak(payload), digest, deadline)

    def _vote(self, key: LocalAccount, report: Report) -> bytes | None:
        """A member's signature; an honest one gives it to one payload of a round only."""
        signature = self._sign(key, report)
        if key.address in HONEST:
            if self.votes.setdefault((key.address, report[4], report[1]), report[3]) != report[3]:
                return None
            self.honest.setdefault(key.address, []).append((report, signature))
        return signature

    def _sign(self, key: LocalAccount, report: Report) -> bytes:
        return sign(key, report, contract=self.world.committee.address, chain_id=self.world.web3.eth.chain_id)


def test_only_k_current_members_report_and_only_double_voters_go(
    project: ProjectManager, chain: ChainManager, owner: AccountAPI, sink: ContractInstance
) -> None:
    contract = owner.deploy(project.OracleCommittee, [key.address for key in KEYS], THRESHOLD)
    contract.set_topic(TOPIC, sink, sender=owner)
    web3 = chain.provider.web3
    world = World(
        web3=web3,
        committee=_plain(web3, contract),
        sink=_plain(web3, sink),
        owner=owner.address,
    )
    # The library calls this to make each run's machine; a class is only the commonest such thing.
    factory: Any = partial(Machine, world)
    run_state_machine_as_test(factory, settings=few())


def _plain(web3: Web3, contract: ContractInstance) -> Any:
    abi = [entry.model_dump(mode="json", by_alias=True) for entry in contract.contract_type.abi]
    return web3.eth.contract(address=contract.address, abi=abi)
