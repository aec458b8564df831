"""What the agent asks of whatever enforces the charter: the kernel, or the user-space limiter instead."""

from collections.abc import AsyncIterator
from typing import Protocol

from agent.kernel.enforcement import DropEvent, Enforcement, Scope, SelfCheck
from agent.kernel.reasons import Reason
from agent.kernel.rules import KernelRule, MetricType
from oracles.charter.policy import Policy

_TYPES = {kind.name.lower(): kind for kind in MetricType}
_SCOPES = {
    Reason.DESTINATION: Scope.DESTINATION,
    Reason.PROTOCOL: Scope.SOCKET,
    Reason.SOCKET: Scope.SOCKET,
    Reason.UNIX: Scope.UNIX,
}


class Enforcer(Protocol):
    """Lets through what a policy allows. Calls but `events` may block: make them in a worker thread."""

    adopted: bool
    """Whether enforcement was found in place from before this process."""

    def apply(self, policy: Policy, version: int) -> None:
        """Puts the whole policy in force as one."""

    def suspend(self, suspended: bool) -> None:
        """While suspended, nothing gets out."""

    def limit(self, factor: int) -> None:
        """Slows every rate `factor` times."""

    def events(self, period: float = 1.0) -> AsyncIterator[list[DropEvent]]:
        """Batches of drops; asking for the next acknowledges the last."""

    def scope(self, reason: Reason) -> str:
        """In which scope something was refused, as ledger entries name it."""

    def attached(self) -> bool:
        """Whether it is still in place."""

    def self_check(self) -> SelfCheck:
        """Proof that forbidden sends fail and allowed ones arrive."""

    def close(self) -> None:
        """Lets go of it; the kernel goes on enforcing."""


class KernelEnforcer:
    """Enforcement by eBPF."""

    def __init__(self, enforcement: Enforcement, probe_uid: int) -> None:
        self._enforcement = enforcement
        self._probe_uid = probe_uid
        self.adopted = enforcement.adopted

    def apply(self, policy: Policy, version: int) -> None:
        """Switches the kernel's maps to the policy, as one."""
        self._enforcement.switch(kernel_rules(policy), version)

    def suspend(self, suspended: bool) -> None:
        """Opens or closes the kernel's gate."""
        self._enforcement.suspend(suspended)

    def limit(self, factor: int) -> None:
        """Sets the kernel's rate factor."""
        self._enforcement.limit(factor)

    def events(self, period: float = 1.0) -> AsyncIterator[list[DropEvent]]:
        """The kernel's drops."""
        return self._enforcement.events(period)

    def scope(self, reason: Reason) -> str:
        """The hook that refused it."""
        return _SCOPES.get(reason, Scope.DATAGRAM).value

    def attached(self) -> bool:
        """Whether every link is still on the cgroup."""
        return self._enforcement.attached()

    def self_check(self) -> SelfCheck:
        """Sends from inside the cgroup."""
        return self._enforcement.self_check(self._probe_uid)

    def close(self) -> None:
        """Lets go of the descriptors."""
        self._enforcement.close()


def kernel_rules(policy: Policy) -> list[KernelRule]:
    """The policy as the kernel's table takes it. Raises ValueError for a rule that the kernel cannot hold."""
    rules = [KernelRule.forbidding(name.encode()) for name in sorted(policy.forbidden)]
    for name, rule in sorted(policy.metrics.items()):
        minimum, maximum = rule.scaled_bounds
        rules.append(
            KernelRule(
                name.encode(),
                _TYPES[rule.type.value],
                minimum,
                maximum,
                rule.decimals,
                rule.interval_ns,
                rule.burst,
            )
        )
    return rules
