"""Each function of Timelock: what it does, and beside it what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from ape.api import AccountAPI
from ape.contracts import ContractInstance
from ape.managers.chain import ChainManager
from ape.managers.project import ProjectManager
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from .conftest import ZERO, error, refusal, refused_call

DELAY = 100
NONE = bytes(32)
SALT = b"salt".rjust(32)
UNSET, WAITING, READY, DONE = range(4)


def bitmap(*states: int) -> bytes:
    return sum(1 << state for state in states).to_bytes(32, "big")


def unexpected(identifier: bytes, *states: int) -> bytes:
    return error("TimelockUnexpectedOperationState(bytes32,bytes32)", identifier, bitmap(*states))


@pytest.fixture(scope="module")
def target(project: ProjectManager, owner: AccountAPI) -> ContractInstance:
    return owner.deploy(project.GovernanceTarget)


@pytest.fixture(scope="module")
def timelock(project: ProjectManager, owner: AccountAPI) -> ContractInstance:
    """The owner proposes, cancels and executes; nobody but the timelock itself is admin."""
    return owner.deploy(project.Timelock, DELAY, [owner.address], [owner.address], ZERO)


@pytest.fixture
def operation(target: ContractInstance) -> tuple[Any, ...]:
    return (target.address, 0, target.set_number.encode_input(7), NONE, SALT)


@pytest.fixture
def batch(target: ContractInstance) -> tuple[Any, ...]:
    payloads = [target.set_number.encode_input(number) for number in (1, 2)]
    return ([target.address] * 2, [0, 5], payloads, NONE, SALT)


def wait(chain: ChainManager) -> None:
    chain.mine(timestamp=chain.blocks.head.timestamp + DELAY)


def govern(timelock: ContractInstance, chain: ChainManager, owner: AccountAPI, data: bytes) -> Any:
    """Lets the timelock call itself."""
    arguments = (timelock.address, 0, data, NONE, SALT)
    timelock.schedule(*arguments, DELAY, sender=owner)
    wait(chain)
    return timelock.execute(*arguments, sender=owner)


class TestConstructor:
    def test_gives_out_the_roles(
        self, timelock: ContractInstance, owner: AccountAPI, stranger: AccountAPI
    ) -> None:
        for role in ("PROPOSER_ROLE", "EXECUTOR_ROLE", "CANCELLER_ROLE"):
            identifier = bytes(getattr(timelock, role)())
            assert identifier == keccak(text=role)
            assert timelock.hasRole(identifier, owner)
            assert not timelock.hasRole(identifier, stranger)
            assert bytes(timelock.getRoleAdmin(identifier)) == NONE
        assert timelock.hasRole(timelock.DEFAULT_ADMIN_ROLE(), timelock)
        assert not timelock.hasRole(NONE, owner)
        assert timelock.getMinDelay() == DELAY

    def test_says_what_it_implements(self, timelock: ContractInstance) -> None:
        for identifier in ("01ffc9a7", "7965db0b", "4e2312e0"):
            assert timelock.supportsInterface(bytes.fromhex(identifier))
        assert not timelock.supportsInterface(b"\xff" * 4)


class TestSchedule:
    def test_waits_and_becomes_ready(
        self, timelock: ContractInstance, chain: ChainManager, owner: AccountAPI, operation: tuple[Any, ...]
    ) -> None:
        identifier = bytes(timelock.hashOperation(*operation))
        kinds = ["address", "uint256", "bytes", "bytes32", "bytes32"]
        assert identifier == keccak(encode(kinds, operation))
        assert timelock.getOperationState(identifier) == UNSET
        assert not timelock.isOperation(identifier)

        receipt = timelock.schedule(*operation, DELAY, sender=owner)
        (scheduled,) = receipt.decode_logs(timelock.CallScheduled)
        assert (bytes(scheduled.id), scheduled.index, scheduled.delay) == (identifier, 0, DELAY)
        (salted,) = receipt.decode_logs(timelock.CallSalt)
        assert bytes(salted.salt) == SALT
        assert timelock.getTimestamp(identifier) == receipt.timestamp + DELAY
        assert timelock.getOperationState(identifier) == WAITING
        assert timelock.isOperation(identifier) and timelock.isOperationPending(identifier)
        assert not timelock.isOperationReady(identifier)

        wait(chain)
        assert timelock.getOperationState(identifier) == READY
        assert timelock.isOperationPending(identifier) and timelock.isOperationReady(identifier)

    def test_refuses_strangers(
        self,
        timelock: ContractInstance,
        stranger: AccountAPI,
        operation: tuple[Any, ...],
        batch: tuple[Any, ...],
    ) -> None:
        told = error(
            "AccessControlUnauthorizedAccount(address,bytes32)", stranger, bytes(timelock.PROPOSER_ROLE())
        )
        assert refusal(timelock.schedule, *operation, DELAY, sender=stranger) == told
        assert refusal(timelock.scheduleBatch, *batch, DELAY, sender=stranger) == told

    def test_refuses_too_short_a_delay(
        self, timelock: ContractInstance, owner: AccountAPI, operation: tuple[Any, ...]
    ) -> None:
        told = error("TimelockInsufficientDelay(uint256,uint256)", DELAY - 1, DELAY)
        assert refusal(timelock.schedule, *operation, DELAY - 1, sender=owner) == told

    def test_refuses_what_is_scheduled_already(
        self, timelock: ContractInstance, owner: AccountAPI, operation: tuple[Any, ...]
    ) -> None:
        timelock.schedule(*operation, DELAY, sender=owner)
        told = unexpected(bytes(timelock.hashOperation(*operation)), UNSET)
        assert refusal(timelock.schedule, *operation, DELAY, sender=owner) == told

    def test_refuses_arrays_of_unequal_length(
        self, timelock: ContractInstance, owner: AccountAPI, batch: tuple[Any, ...]
    ) -> None:
        targets, values, payloads, *rest = batch
        told = error("TimelockInvalidOperationLength(uint256,uint256,uint256)", 2, 1, 2)
        assert (
            refusal(timelock.scheduleBatch, targets, values, payloads[:1], *rest, DELAY, sender=owner) == told
        )
        assert refusal(timelock.executeBatch, targets, values, payloads[:1], *rest, sender=owner) == told

    def test_refuses_more_calls_than_its_bound(
        self, timelock: ContractInstance, owner: AccountAPI, target: ContractInstance
    ) -> None:
        batch = ([target.address] * 9, [0] * 9, [b""] * 9, NONE, SALT)
        assert refusal(timelock.scheduleBatch, *batch, DELAY, sender=owner) == b""


class TestExecute:
    def test_calls_once(
        self,
        timelock: ContractInstance,
        chain: ChainManager,
        owner: AccountAPI,
        target: ContractInstance,
        operation: tuple[Any, ...],
    ) -> None:
        identifier = bytes(timelock.hashOperation(*operation))
        timelock.schedule(*operation, DELAY, sender=owner)
        wait(chain)
        receipt = timelock.execute(*operation, sender=owner)
        (executed,) = receipt.decode_logs(timelock.CallExecuted)
        assert (bytes(executed.id), executed.target) == (identifier, target)
        assert (target.number(), target.setter()) == (7, timelock)
        assert timelock.isOperationDone(identifier) and timelock.getTimestamp(identifier) == 1
        assert refusal(timelock.execute, *operation, sender=owner) == unexpected(identifier, READY)

    def test_a_batch_with_eth(
        self,
        timelock: ContractInstance,
        chain: ChainManager,
        owner: AccountAPI,
        target: ContractInstance,
        batch: tuple[Any, ...],
    ) -> None:
        kinds = ["address[]", "uint256[]", "bytes[]", "bytes32", "bytes32"]
        identifier = bytes(timelock.hashOperationBatch(*batch))
        assert identifier == keccak(encode(kinds, batch))
        receipt = timelock.scheduleBatch(*batch, DELAY, sender=owner)
        assert [log.index for log in receipt.decode_logs(timelock.CallScheduled)] == [0, 1]
        wait(chain)
        owner.transfer(timelock, 5)
        timelock.executeBatch(*batch, sender=owner)
        assert (target.number(), target.calls(), target.balance) == (2, 2, 5)

    def test_refuses_before_the_delay(
        self,
        timelock: ContractInstance,
        owner: AccountAPI,
        operation: tuple[Any, ...],
        batch: tuple[Any, ...],
    ) -> None:
        timelock.schedule(*operation, DELAY, sender=owner)
        told = unexpected(bytes(timelock.hashOperation(*operation)), READY)
        assert refusal(timelock.execute, *operation, sender=owner) == told
        told = unexpected(bytes(timelock.hashOperationBatch(*batch)), READY)
        assert refusal(timelock.executeBatch, *batch, sender=owner) == told

    def test_refuses_strangers(
        self,
        timelock: ContractInstance,
        stranger: AccountAPI,
        operation: tuple[Any, ...],
        batch: tuple[Any, ...],
    ) -> None:
        told = error(
            "AccessControlUnauthorizedAccount(address,bytes32)", stranger, bytes(timelock.EXECUTOR_ROLE())
        )
        assert refusal(timelock.execute, *operation, sender=stranger) == told
        assert refusal(timelock.executeBatch, *batch, sender=stranger) == told

    def test_is_open_to_all_if_nobody_is_named(
        self,
        project: ProjectManager,
        chain: ChainManager,
        owner: AccountAPI,
        stranger: AccountAPI,
        target: ContractInstance,
        operation: tuple[Any, ...],
    ) -> None:
        timelock = owner.deploy(project.Timelock, DELAY, [owner.address], [ZERO], ZERO)
        timelock.schedule(*operation, DELAY, sender=owner)
        wait(chain)
        timelock.execute(*operation, sender=stranger)
        assert target.number() == 7

    def test_refuses_before_its_predecessor(
        self,
        timelock: ContractInstance,
        chain: ChainManager,
        owner: AccountAPI,
        target: ContractInstance,
        operation: tuple[Any, ...],
    ) -> None:
        first = bytes(timelock.hashOperation(*operation))
        second = (*operation[:3], first, SALT)
        for arguments in (operation, second):
            timelock.schedule(*arguments, DELAY, sender=owner)
        wait(chain)
        told = error("TimelockUnexecutedPredecessor(bytes32)", first)
        assert refusal(timelock.execute, *second, sender=owner) == told
        timelock.execute(*operation, sender=owner)
        timelock.execute(*second, sender=owner)
        assert target.calls() == 2

    @pytest.mark.parametrize(
        ("function", "told"),
        [
            ("refuse", error("Error(string)", "governance_target: refused")),
            ("refuse_silently", error("FailedCall()")),
            ("flood", bytes(1_024)),
        ],
    )
    def test_passes_on_why_a_call_failed(
        self,
        timelock: ContractInstance,
        chain: ChainManager,
        owner: AccountAPI,
        target: ContractInstance,
        function: str,
        told: bytes,
    ) -> None:
        operation = (target.address, 0, getattr(target, function).encode_input(), NONE, SALT)
        timelock.schedule(*operation, DELAY, sender=owner)
        wait(chain)
        assert refusal(timelock.execute, *operation, sender=owner) == told

    def test_refuses_to_be_re_entered(
        self, project: ProjectManager, chain: ChainManager, owner: AccountAPI, target: ContractInstance
    ) -> None:
        timelock = owner.deploy(project.Timelock, DELAY, [owner.address], [ZERO], ZERO)
        plain = (target.address, 0, target.set_number.encode_input(1), NONE, SALT)
        again = timelock.execute.encode_input(*plain)
        outer = ([target.address] * 2, [0, 0], [target.forward.encode_input(timelock, again)] * 2, NONE, SALT)
        timelock.schedule(*plain, DELAY, sender=owner)
        timelock.scheduleBatch(*outer, DELAY, sender=owner)
        wait(chain)
        told = unexpected(bytes(timelock.hashOperation(*plain)), READY)
        assert refusal(timelock.executeBatch, *outer, sender=owner) == told


class TestCancel:
    def test_forgets_the_operation(
        self, timelock: ContractInstance, chain: ChainManager, owner: AccountAPI, operation: tuple[Any, ...]
    ) -> None:
        identifier = bytes(timelock.hashOperation(*operation))
        timelock.schedule(*operation, DELAY, sender=owner)
        receipt = timelock.cancel(identifier, sender=owner)
        assert [bytes(log.id) for log in receipt.decode_logs(timelock.Cancelled)] == [identifier]
        wait(chain)
        assert refusal(timelock.execute, *operation, sender=owner) == unexpected(identifier, READY)

    def test_refuses_what_is_not_pending(self, timelock: ContractInstance, owner: AccountAPI) -> None:
        assert refusal(timelock.cancel, SALT, sender=owner) == unexpected(SALT, WAITING, READY)

    def test_refuses_strangers(self, timelock: ContractInstance, stranger: AccountAPI) -> None:
        told = error(
            "AccessControlUnauthorizedAccount(address,bytes32)", stranger, bytes(timelock.CANCELLER_ROLE())
        )
        assert refusal(timelock.cancel, SALT, sender=stranger) == told


class TestDelay:
    def test_changes_by_an_operation(
        self, timelock: ContractInstance, chain: ChainManager, owner: AccountAPI
    ) -> None:
        receipt = govern(timelock, chain, owner, timelock.updateDelay.encode_input(5))
        (log,) = receipt.decode_logs(timelock.MinDelayChange)
        assert (log.oldDuration, log.newDuration, timelock.getMinDelay()) == (DELAY, 5, 5)

    def test_refuses_everybody_else(self, timelock: ContractInstance, owner: AccountAPI) -> None:
        told = error("TimelockUnauthorizedCaller(address)", owner)
        assert refusal(timelock.updateDelay, 5, sender=owner) == told


class TestRoles:
    def test_change_by_an_operation(
        self, timelock: ContractInstance, chain: ChainManager, owner: AccountAPI, stranger: AccountAPI
    ) -> None:
        role = bytes(timelock.PROPOSER_ROLE())
        receipt = govern(timelock, chain, owner, timelock.grantRole.encode_input(role, stranger))
        (log,) = receipt.decode_logs(timelock.RoleGranted)
        assert (bytes(log.role), log.account, log.sender) == (role, stranger, timelock)
        assert timelock.hasRole(role, stranger)
        receipt = govern(timelock, chain, owner, timelock.revokeRole.encode_input(role, stranger))
        assert len(receipt.decode_logs(timelock.RoleRevoked)) == 1
        assert not timelock.hasRole(role, stranger)

    def test_are_refused_to_everybody_else(self, timelock: ContractInstance, owner: AccountAPI) -> None:
        role = bytes(timelock.PROPOSER_ROLE())
        told = error("AccessControlUnauthorizedAccount(address,bytes32)", owner, NONE)
        assert refusal(timelock.grantRole, role, owner, sender=owner) == told
        assert refusal(timelock.revokeRole, role, owner, sender=owner) == told

    def test_can_be_renounced_by_oneself_alone(
        self, timelock: ContractInstance, owner: AccountAPI, stranger: AccountAPI
    ) -> None:
        role = bytes(timelock.PROPOSER_ROLE())
        told = error("AccessControlBadConfirmation()")
        assert refusal(timelock.renounceRole, role, owner, sender=stranger) == told
        timelock.renounceRole(role, owner, sender=owner)
        assert not timelock.hasRole(role, owner)


class TestDeposits:
    def test_are_taken(self, timelock: ContractInstance, owner: AccountAPI, stranger: AccountAPI) -> None:
        owner.transfer(timelock, 3)
        assert timelock.balance == 3
        single, batch = (owner, stranger, 1, 2, b""), (owner, stranger, [1], [2], b"")
        assert timelock.onERC721Received.call(owner, stranger, 1, b"") == bytes.fromhex("150b7a02")
        assert timelock.onERC1155Received.call(*single) == bytes.fromhex("f23a6e61")
        assert timelock.onERC1155BatchReceived.call(*batch) == bytes.fromhex("bc197c81")

    def test_are_refused_beyond_the_bounds(self, timelock: ContractInstance, owner: AccountAPI) -> None:
        most, much = list(range(64)), bytes(2_176)
        more, longer = [*most, 64], bytes(2_177)
        single, batch = timelock.onERC1155Received, timelock.onERC1155BatchReceived
        nft = timelock.onERC721Received
        assert nft.call(owner, owner, 1, much) == bytes.fromhex("150b7a02")
        assert single.call(owner, owner, 1, 2, much) == bytes.fromhex("f23a6e61")
        assert batch.call(owner, owner, most, most, much) == bytes.fromhex("bc197c81")
        assert refusal(nft, owner, owner, 1, longer, sender=owner) == b""
        assert refusal(single, owner, owner, 1, 2, longer, sender=owner) == b""
        for arguments in ((more, most, b""), (most, more, b""), (most, most, longer)):
            assert refusal(batch, owner, owner, *arguments, sender=owner) == b""

    def test_are_refused_with_unknown_calls(self, timelock: ContractInstance, owner: AccountAPI) -> None:
        assert refused_call(timelock, b"\x12\x34\x56\x78", sender=owner, value=1) == b""
