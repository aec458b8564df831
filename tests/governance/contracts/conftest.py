"""A token held by five wallets, a Governor with two tracks and their executors, and what proposals call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from ape.api import AccountAPI
from ape.contracts import ContractInstance
from ape.managers.chain import ChainManager
from ape.managers.project import ProjectManager
from eth_abi.abi import encode
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak
from web3.exceptions import ContractLogicError

from oracles.chain.block import Call
from oracles.chain.governor import Proposal
from oracles.chain.typed import Domain
from oracles.governance.proposal import CHARTER_AMENDMENT, STANDARD, draft, proposal_id
from scripts._deployment.contracts import governor as whole_governor

ZERO = "0x" + "00" * 20
UNIT = 10**18
SUPPLY = 1_000 * UNIT
SHARES = (600, 250, 100, 40, 10)
"""What each wallet holds, in tokens; the last three together are fewer than the second."""

VOTING_DELAY = 60
VOTING_PERIOD = 600
CHARTER_PERIOD = 72 * 3_600
EXECUTOR_DELAY = 30
CHARTER_EXECUTOR_DELAY = 90
THRESHOLD = UNIT

PENDING, ACTIVE, CANCELED, DEFEATED, SUCCEEDED, QUEUED, EXPIRED, EXECUTED = range(8)
AGAINST, FOR, ABSTAIN = range(3)


def error(signature: str, *arguments: Any) -> bytes:
    """A custom error as a call returns it (or a call as a wallet forwards it)."""
    kinds = [kind for kind in signature[signature.index("(") + 1 : -1].split(",") if kind]
    return bytes(keccak(text=signature)[:4]) + encode(kinds, [getattr(a, "address", a) for a in arguments])


def delegate(token: ContractInstance, delegatee: Any, *, sender: AccountAPI) -> Any:
    """Delegates; ape has a `delegate` of its own on every address (EIP-7702), which hides the token's."""
    return token.invoke_transaction("delegate", delegatee, sender=sender)


def word(name: str) -> bytes:
    """The name of a track, as the Governor has it."""
    return name.encode().ljust(32, b"\0")


def name_of(value: Any) -> str:
    """The name of a track, read from the Governor's answer."""
    return bytes(value).rstrip(b"\0").decode()


def refusal(method: Any, *arguments: Any, sender: Any, value: int = 0) -> bytes:
    """What `method` reverts with if `sender` calls it now. Fails if it does not revert."""
    contract = method.contract
    data = method.encode_input(*arguments)
    return refused_call(contract, bytes(data), sender=sender, value=value)


def refused_call(contract: ContractInstance, data: bytes, *, sender: Any, value: int = 0) -> bytes:
    """What `contract` reverts with on `data`. Fails if it does not revert."""
    transaction = {"from": getattr(sender, "address", sender), "to": contract.address, "data": data}
    try:
        contract.provider.web3.eth.call(transaction | {"value": value})
    except ContractLogicError as fault:
        assert isinstance(fault.data, str), f"no data came with {fault}"
        return bytes.fromhex(fault.data.removeprefix("0x"))
    raise AssertionError("the call did not revert")


def call_to(contract: ContractInstance, function: str, *arguments: Any, value: int = 0) -> Call:
    """A call of one of a contract's functions, as a proposal carries it."""
    data = getattr(contract, function).encode_input(*arguments)
    return Call(contract.address, bytes(data), value)


@dataclass(frozen=True)
class Dao:
    """All contracts of one DAO, and the steps by which it decides."""

    chain: ChainManager
    token: ContractInstance
    governor: ContractInstance
    executor: ContractInstance
    charter_executor: ContractInstance
    target: ContractInstance
    charter: ContractInstance
    """A contract whose every call is reserved for the track `charter_amendment`."""
    owner: AccountAPI
    voters: Sequence[AccountAPI]

    @property
    def now(self) -> int:
        """The time of the latest block."""
        return int(self.chain.blocks.head.timestamp)

    @property
    def domain(self) -> Domain:
        """The domain that ballots are signed under."""
        return Domain("Westworld Governor", self.chain.chain_id, self.governor.address)

    def ungoverned(self, caller: Any) -> bytes:
        """What the Governor says to whom governs on its own: an executor meets the reference's panic."""
        if caller == self.executor:
            return error("Panic(uint256)", 0x31)
        return error("GovernorOnlyExecutor(address)", caller)

    def until(self, timestamp: int) -> None:
        """Mines a block of that time."""
        self.chain.mine(timestamp=timestamp)

    def number_call(self, number: int = 7) -> Call:
        """A call that no track reserves."""
        return call_to(self.target, "set_number", number)

    def charter_call(self, number: int = 7) -> Call:
        """A call that the charter's track reserves."""
        return call_to(self.charter, "set_number", number)

    def propose(self, *calls: Call, text: str = "why", track: str = STANDARD) -> Proposal:
        """A proposal by the first wallet."""
        proposal = draft(calls, text, track=track)
        self.governor.propose(*proposal.arguments(), proposal.description, sender=self.voters[0])
        return proposal

    def state(self, proposal: Proposal) -> int:
        """The proposal's state."""
        return int(self.governor.state(proposal_id(proposal)))

    def open(self, proposal: Proposal) -> int:
        """Waits until the vote is open; returns the proposal's id."""
        identifier = proposal_id(proposal)
        self.until(self.governor.proposalSnapshot(identifier) + 1)
        return identifier

    def close(self, proposal: Proposal) -> None:
        """Waits until the vote is over."""
        self.until(self.governor.proposalDeadline(proposal_id(proposal)) + 1)

    def vote(self, proposal: Proposal, *supports: int) -> None:
        """Opens the vote, lets the wallets vote in order, and closes it."""
        identifier = self.open(proposal)
        for voter, support in zip(self.voters, supports, strict=False):
            self.governor.castVote(identifier, support, sender=voter)
        self.close(proposal)

    def queue(self, proposal: Proposal) -> None:
        """Queues, and waits until the proposal can be executed."""
        self.governor.queue(*hashed(proposal), sender=self.owner)
        self.until(self.governor.proposalEta(proposal_id(proposal)))

    def execute(self, proposal: Proposal, value: int = 0) -> Any:
        """Executes; returns the receipt."""
        return self.governor.execute(*hashed(proposal), sender=self.owner, value=value)

    def pass_(self, *calls: Call, text: str = "why", track: str = STANDARD) -> Any:
        """Takes calls through the whole way; returns the receipt of the execution."""
        proposal = self.propose(*calls, text=text, track=track)
        self.vote(proposal, FOR)
        self.queue(proposal)
        return self.execute(proposal)


def hashed(proposal: Proposal) -> tuple[Any, ...]:
    """The arguments of queue, execute and cancel."""
    return (*proposal.arguments(), proposal.description_hash)


def standard_track(executor: Any, **changed: Any) -> tuple[Any, ...]:
    """The settings of the track `standard`."""
    fields: dict[str, Any] = {
        "name": word(STANDARD),
        "executor": getattr(executor, "address", executor),
        "administrator": word(STANDARD),
        "voting_delay": VOTING_DELAY,
        "voting_period": VOTING_PERIOD,
        "lookback": 0,
        "vote_extension": 0,
        "threshold": THRESHOLD,
        "quorum": 5,
        "super_quorum": 100,
        "pinned": False,
        "co_signed": False,
    }
    assert not changed.keys() - fields.keys()
    return tuple((fields | changed).values())


def charter_track(executor: Any, **changed: Any) -> tuple[Any, ...]:
    """The settings of the track `charter_amendment`, which administers itself."""
    own = {"name": word(CHARTER_AMENDMENT), "administrator": word(CHARTER_AMENDMENT)}
    return standard_track(executor, **(own | {"voting_period": CHARTER_PERIOD} | changed))


def deploy_governor(
    project: ProjectManager,
    owner: AccountAPI,
    token: ContractInstance,
    tracks: Sequence[Any],
    reservations: Sequence[Any] = (),
    guardian: Any = ZERO,
    co_signer: Any = ZERO,
    stores: bool = True,
) -> ContractInstance:
    """A Governor over its rules. Its executors do not obey it yet."""
    rules = owner.deploy(project.GovernorRules, token.address)
    watch = (getattr(guardian, "address", guardian), getattr(co_signer, "address", co_signer))
    arguments = ("Westworld Governor", token.address, rules.address, list(tracks), list(reservations))
    return owner.deploy(whole_governor(project), *arguments, *watch, stores)


def hand_over(timelock: ContractInstance, governor: ContractInstance, owner: AccountAPI) -> None:
    """Makes an executor obey a Governor, and nobody else."""
    for role in ("PROPOSER_ROLE", "CANCELLER_ROLE", "EXECUTOR_ROLE"):
        timelock.grantRole(getattr(timelock, role)(), governor, sender=owner)
    timelock.renounceRole(timelock.DEFAULT_ADMIN_ROLE(), owner, sender=owner)


@pytest.fixture(scope="module")
def owner(accounts: Sequence[AccountAPI]) -> AccountAPI:
    """Who deploys, and has no power afterwards."""
    return accounts[0]


@pytest.fixture(scope="module")
def stranger(accounts: Sequence[AccountAPI]) -> AccountAPI:
    """Who holds nothing."""
    return accounts[9]


@pytest.fixture(scope="module")
def voters(accounts: Sequence[AccountAPI]) -> Sequence[AccountAPI]:
    """Five wallets with voting power."""
    return accounts[1:6]


@pytest.fixture(scope="module")
def keys(voters: Sequence[AccountAPI]) -> list[LocalAccount]:
    """The wallets' keys, for what they sign without sending it."""
    return [Account.from_key(voter.private_key) for voter in voters]


@pytest.fixture(scope="module")
def token(project: ProjectManager, owner: AccountAPI) -> ContractInstance:
    """A token, all of which the owner holds, and whose budgets it gives."""
    return owner.deploy(project.MeshToken, "Mesh", "MESH", SUPPLY, owner.address, owner.address)


@pytest.fixture(scope="module")
def dao(
    project: ProjectManager,
    chain: ChainManager,
    token: ContractInstance,
    owner: AccountAPI,
    voters: Sequence[AccountAPI],
) -> Dao:
    """A DAO whose deployer has given up its powers, with the shares delegated."""
    executor = owner.deploy(project.Timelock, EXECUTOR_DELAY, [], [], owner.address)
    charter_executor = owner.deploy(project.Timelock, CHARTER_EXECUTOR_DELAY, [], [], owner.address)
    target = owner.deploy(project.GovernanceTarget)
    charter = owner.deploy(project.GovernanceTarget)
    governor = deploy_governor(
        project,
        owner,
        token,
        [standard_track(executor), charter_track(charter_executor)],
        [(charter.address, b"\0" * 4, word(CHARTER_AMENDMENT))],
    )
    for timelock in (executor, charter_executor):
        hand_over(timelock, governor, owner)
    for voter, share in zip(voters, SHARES, strict=True):
        token.transfer(voter, share * UNIT, sender=owner)
        delegate(token, voter, sender=voter)
    # Votes count from the second after they were given.
    chain.mine(timestamp=int(chain.blocks.head.timestamp) + 2)
    return Dao(chain, token, governor, executor, charter_executor, target, charter, owner, voters)


@pytest.fixture
def new_executor(project: ProjectManager, dao: Dao, owner: AccountAPI) -> ContractInstance:
    """An executor that obeys the Governor, and that no track has yet."""
    return owner.deploy(project.Timelock, 0, [dao.governor.address], [dao.governor.address], ZERO)


@pytest.fixture(autouse=True)
def each_test(isolated: None) -> None:
    """Leaves the chain as it found it."""
