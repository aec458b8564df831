"""A DAO founded over a wire: token, Governor, an executor for each track, what proposals call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ape.managers.project import ProjectManager
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from .conftest import ZERO, word
from .wire import Wire, data, unhex

TRACK = "(bytes32,address,bytes32,uint48,uint32,uint32,uint48,uint256,uint256,uint256,bool,bool)"
SET_NUMBER = "set_number(uint256)"
NAMES = ("MeshToken", "GovernorRules", "Governor", "Timelock", "GovernanceTarget", "Charter")


@dataclass(frozen=True)
class Rules:
    """The settings of a track. Times are in seconds, fractions in percent."""

    name: str
    administrator: str
    delay: int
    period: int
    lookback: int = 0
    extension: int = 0
    threshold: int = 0
    quorum: int = 5
    super_quorum: int = 100
    pinned: bool = False
    co_signed: bool = False
    executor_delay: int = 30

    def encoded(self, executor: str) -> tuple[Any, ...]:
        """As `setTrack` takes it."""
        return (
            word(self.name),
            executor,
            word(self.administrator),
            self.delay,
            self.period,
            self.lookback,
            self.extension,
            self.threshold,
            self.quorum,
            self.super_quorum,
            self.pinned,
            self.co_signed,
        )


@dataclass(frozen=True)
class Founded:
    """Where everything is."""

    token: str
    governor: str
    executors: Mapping[str, str]
    """By the name of the track."""


class Founder:
    """Deploys by an account that keeps no power."""

    def __init__(self, project: ProjectManager, wire: Wire, account: str) -> None:
        self._wire = wire
        self.account = account
        self._code = {
            name: unhex(getattr(project, name).contract_type.deployment_bytecode.bytecode) for name in NAMES
        }

    def deploy(self, name: str, kinds: Sequence[str] = (), *arguments: Any) -> str:
        """Deploys a contract."""
        return self._wire.deploy(self.account, self._code[name] + encode(list(kinds), arguments))

    def token(self, supply: int) -> str:
        """A token, all of which the founder holds."""
        kinds = ("string", "string", "uint256", "address")
        return self.deploy("MeshToken", kinds, "Mesh", "MESH", supply, self.account)

    def executors(self, tracks: Sequence[Rules]) -> dict[str, str]:
        """Executors that obey the Governor which is deployed next but one."""
        governor = self._address(len(tracks) + 1)
        return {
            rules.name: self.deploy(
                "Timelock",
                ("uint256", "address[]", "address[]", "address"),
                rules.executor_delay,
                [governor],
                [governor],
                ZERO,
            )
            for rules in tracks
        }

    def found(
        self,
        token: str,
        tracks: Sequence[Rules],
        reservations: Sequence[tuple[str, bytes, str]],
        *,
        guardian: str = ZERO,
        co_signer: str = ZERO,
        stores: bool = True,
    ) -> Founded:
        """A Governor with these tracks, and its executors."""
        executors = self.executors(tracks)
        rules = self.deploy("GovernorRules", ("address",), token)
        governor = self.deploy(
            "Governor",
            (
                *("string", "address", "address", f"{TRACK}[]", "(address,bytes4,bytes32)[]"),
                *("address", "address", "bool"),
            ),
            "Westworld Governor",
            token,
            rules,
            [track.encoded(executors[track.name]) for track in tracks],
            [(target, selector, word(track)) for target, selector, track in reservations],
            guardian,
            co_signer,
            stores,
        )
        return Founded(token, governor, executors)

    def give(self, token: str, wallet: str, amount: int) -> None:
        """Gives a wallet tokens, which it delegates to itself."""
        if amount:
            self._wire.send(self.account, token, data("transfer(address,uint256)", wallet, amount))
        self._wire.send(wallet, token, data("delegate(address)", wallet))

    def _address(self, ahead: int) -> str:
        """The address of what is deployed after `ahead` others (RLP of the account and its nonce)."""
        nonce = int(self._wire.request("eth_getTransactionCount", self.account, "latest"), 16) + ahead
        tail = b"\x80" if nonce == 0 else nonce.to_bytes((nonce.bit_length() + 7) // 8, "big")
        if nonce > 0x7F:
            tail = bytes([0x80 + len(tail)]) + tail
        account = b"\x94" + bytes.fromhex(self.account.removeprefix("0x"))
        body = account + tail
        return "0x" + keccak(bytes([0xC0 + len(body)]) + body)[12:].hex()
