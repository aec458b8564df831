"""What all contract wrappers share: an address, an ABI shipped with the package, reads pinned to a block."""

import json
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any, ClassVar, Self

from eth_abi.exceptions import DecodingError

from oracles.chain.block import Block, Call, Log
from oracles.chain.codec import Abi, Event
from oracles.chain.deployment import Deployment
from oracles.chain.errors import CallReverted, DeploymentFault, UnknownContractVersion
from oracles.chain.rpc import LogFilter, Rpc


@cache
def load_abi(contract: str) -> Abi:
    """The generated ABI of a contract, from `oracles/chain/abi`."""
    source = files("oracles.chain.abi").joinpath(f"{contract}.json")
    return Abi(contract, json.loads(source.read_text(encoding="utf-8")))


class Contract:
    """One deployed contract. Subclasses add a method per function that daemons and tools use.

    Reads are `async` and take the block they are pinned to; they raise what `Rpc.call` raises. Methods that
    change the chain return a `Call`, for `Sender` or a wallet to send.
    """

    name: ClassVar[str]
    known_versions: ClassVar[frozenset[str]] = frozenset({"1"})
    version_view: ClassVar[str | None] = "API_VERSION"
    """The view that tells the version; None for a contract whose reference has none."""

    def __init__(self, rpc: Rpc, address: str) -> None:
        self._rpc = rpc
        self.address = address
        self.abi = load_abi(self.name)

    @classmethod
    def at(cls, rpc: Rpc, deployment: Deployment, name: str | None = None) -> Self:
        """The contract the deployment names so (by default as the class does); asks nothing yet."""
        return cls(rpc, deployment.address(name or cls.name))

    async def check_version(self, at: Block) -> None:
        """Raises `UnknownContractVersion`, or `DeploymentFault` where there is no contract."""
        if not await self._rpc.code(self.address, at):
            raise DeploymentFault(
                f"no contract at {self.address}, where the deployment has {self.name}, at block {at}"
            )
        if self.version_view is None:
            return
        found = await self._reported_version(self.version_view, at)
        if found not in self.known_versions:
            raise UnknownContractVersion(f"{self.name} at {self.address}", found, self.known_versions)

    async def _reported_version(self, view: str, at: Block) -> str:
        # The ABI is ours and may be newer than what is deployed: a contract that has no such function
        # reverts.
        try:
            return str(await self._read(at, view))
        except CallReverted:
            return ""

    def filter(self, *events: str) -> LogFilter:
        """A filter for these events of this contract; none named: all of its logs."""
        return LogFilter((self.address,), tuple(self.abi.topic(event) for event in events))

    def events(self, logs: Iterable[Log]) -> list[Event]:
        """Those of the logs that are this contract's events, decoded, in order."""
        own = (self.abi.event(log) for log in logs if log.address == self.address)
        return [event for event in own if event is not None]

    async def _read(self, at: Block, function: str, *args: Any) -> Any:
        """The one value, or the tuple of values, that a view returns."""
        returned = await self._rpc.call(self._call(function, *args), at)
        try:
            values = self.abi.decode(function, len(args), returned)
        except DecodingError:
            raise CallReverted(
                f"{self.name}.{function} at {self.address} returned what its ABI does not say", returned
            ) from None
        return values[0] if len(values) == 1 else values

    def _call(self, function: str, *args: Any) -> Call:
        return Call(self.address, self.abi.encode(function, *args))
