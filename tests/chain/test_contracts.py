"""The wrappers against the generated ABIs: every function they name is there and takes what they give."""

import inspect
import types
from typing import Any, get_type_hints

import pytest
from eth_abi.abi import encode
from eth_utils.abi import collapse_if_tuple
from hypothesis import given
from hypothesis import strategies as st

from oracles.chain.block import Block, Call, Log
from oracles.chain.charter import Charter
from oracles.chain.codec import Abi
from oracles.chain.contract import Contract, load_abi
from oracles.chain.deployment import Deployment
from oracles.chain.errors import CallReverted, DeploymentFault, UnknownContractVersion
from oracles.chain.governor import Governor, Proposal
from oracles.chain.mesh_token import MeshToken
from oracles.chain.node_registry import NodeRegistry
from oracles.chain.oracle_committee import OracleCommittee
from oracles.chain.revert import revert_reason
from oracles.chain.rpc import LogFilter
from oracles.chain.timelock import Timelock
from oracles.chain.typed import Report
from oracles.chain.violation_registry import ViolationRegistry

ADDRESS = "0x" + "11" * 20
BLOCK = Block(1, b"\x01" * 32, b"\x00" * 32, 1)
WRAPPERS = (Charter, Governor, MeshToken, NodeRegistry, OracleCommittee, Timelock, ViolationRegistry)
SHARED = set(dir(Contract))

REPORT = Report(b"\x01" * 32, 1, 2, b"\x02" * 32, b"\x03" * 32, 4)
ARGUMENTS: dict[Any, Any] = {
    int: 1,
    str: ADDRESS,
    bytes: b"\x01" * 32,
    Block: BLOCK,
    Report: REPORT,
    Proposal: Proposal((Call(ADDRESS, b"\x01", 2),), "#track=charter_amendment\nwhy"),
}


class ZeroRpc:
    """Answers each call with zeros of the types that the ABI says the function returns."""

    chain_id = 1

    def __init__(self, abi: Abi) -> None:
        self._entries = {
            abi.encode(entry["name"], *map(_zero, entry["inputs"]))[:4]: entry
            for entry in abi.entries
            if entry["type"] == "function"
        }
        self.runtime = b"\x01"

    async def code(self, address: str, at: Block) -> bytes:
        return self.runtime

    async def call(self, call: Call, at: Block) -> bytes:
        outputs = self._entries[call.data[:4]]["outputs"]
        return encode([collapse_if_tuple(entry) for entry in outputs], [_zero(entry) for entry in outputs])


def _zero(entry: Any) -> Any:
    kind = entry["type"]
    if kind.endswith("]"):
        return []
    if kind == "tuple":
        return tuple(_zero(part) for part in entry["components"])
    if kind == "string":
        return ""
    if kind == "bytes":
        return b""
    if kind.startswith("bytes"):
        return bytes(int(kind[5:]))
    return ADDRESS if kind == "address" else False if kind == "bool" else 0


def _methods(wrapper: type[Contract]) -> list[str]:
    functions = inspect.getmembers(wrapper, inspect.isfunction)
    return [name for name, _ in functions if name not in SHARED and name != "domain"]


def _arguments(method: Any) -> list[Any]:
    hints = get_type_hints(method)
    hints.pop("return")
    return [ARGUMENTS.get(hint, []) for hint in hints.values()]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("wrapper", "name"), [(wrapper, name) for wrapper in WRAPPERS for name in _methods(wrapper)]
)
async def test_every_call_is_one_the_contract_has(wrapper: type[Contract], name: str) -> None:
    contract = wrapper(ZeroRpc(load_abi(wrapper.name)), ADDRESS)  # type: ignore[arg-type]
    method = getattr(contract, name)
    result = method(*_arguments(method))
    if inspect.isawaitable(result):
        result = await result
        expected = get_type_hints(method)["return"]
        assert isinstance(result, expected if isinstance(expected, type) else expected.__origin__)
        assert not isinstance(result, types.CoroutineType)
    else:
        assert isinstance(result, Call) and result.to == ADDRESS and len(result.data) >= 4


def _at(wrapper: type[Contract], rpc: Any) -> Contract:
    return wrapper(rpc, ADDRESS)


@pytest.mark.anyio
@pytest.mark.parametrize("found", ["2", "", None])
async def test_an_unknown_version_is_refused(found: str | None) -> None:
    class OtherVersion(ZeroRpc):
        async def call(self, call: Call, at: Block) -> bytes:
            if found is None:
                raise CallReverted("no such function")
            return encode(["string"], [found])

    with pytest.raises(UnknownContractVersion) as stop:
        await _at(Charter, OtherVersion(load_abi("Charter"))).check_version(BLOCK)
    assert stop.value.contract == f"Charter at {ADDRESS}"
    assert (stop.value.found, stop.value.known) == (found or "", frozenset({"1"}))


@pytest.mark.anyio
@pytest.mark.parametrize("wrapper", WRAPPERS)
async def test_a_known_version_is_accepted_and_an_empty_address_is_not(wrapper: type[Contract]) -> None:
    class KnownVersion(ZeroRpc):
        async def call(self, call: Call, at: Block) -> bytes:
            return encode(["string"], ["1"])

    rpc = KnownVersion(load_abi(wrapper.name))
    await _at(wrapper, rpc).check_version(BLOCK)
    rpc.runtime = b""
    with pytest.raises(DeploymentFault, match=wrapper.name):
        await _at(wrapper, rpc).check_version(BLOCK)


@pytest.mark.anyio
async def test_an_answer_that_the_abi_does_not_know_is_no_value() -> None:
    class Short(ZeroRpc):
        async def call(self, call: Call, at: Block) -> bytes:
            return b"\x01"

    with pytest.raises(CallReverted, match=r"Charter\.version"):
        await Charter(Short(load_abi("Charter")), ADDRESS).version(BLOCK)  # type: ignore[arg-type]


def test_a_contract_is_found_by_the_name_in_the_deployment() -> None:
    deployment = Deployment.model_validate(
        {"chain_id": 1, "deployed_block": 0, "contracts": {"X": {"address": ADDRESS, "api_version": "1"}}}
    )
    rpc: Any = ZeroRpc(load_abi("Timelock"))
    assert Timelock.at(rpc, deployment, "X").address == ADDRESS
    with pytest.raises(DeploymentFault, match="no contract Timelock; it has X"):
        Timelock.at(rpc, deployment)


@given(
    name=st.text(max_size=40), version=st.integers(0, 2**256 - 1), metric=st.binary(min_size=32, max_size=32)
)
def test_events_are_decoded_by_name(name: str, version: int, metric: bytes) -> None:
    charter = Charter(ZeroRpc(load_abi("Charter")), ADDRESS)  # type: ignore[arg-type]
    topic = charter.abi.topic("MetricAllowed")
    data = encode(["string", "string"], [name, "{}"])
    log = Log(ADDRESS, (topic, metric, version.to_bytes(32)), data, 1, BLOCK.hash, b"\x02" * 32, 0)
    stranger = Log("0x" + "22" * 20, log.topics, data, 1, BLOCK.hash, b"\x02" * 32, 1)
    garbled = Log(ADDRESS, log.topics, b"\x01", 1, BLOCK.hash, b"\x02" * 32, 2)
    foreign = Log(ADDRESS, (b"\x03" * 32,), data, 1, BLOCK.hash, b"\x02" * 32, 3)
    anonymous = Log(ADDRESS, (), data, 1, BLOCK.hash, b"\x02" * 32, 4)
    (event,) = charter.events([log, stranger, garbled, foreign, anonymous])
    assert event.name == "MetricAllowed" and event.log == log
    assert event.args == {"metric": metric, "version": version, "name": name, "rule": "{}"}
    assert charter.filter("MetricAllowed") == LogFilter((ADDRESS,), (topic,))


def test_addresses_come_in_checksum_form_and_structs_by_name() -> None:
    entries = [
        {
            "type": "function",
            "name": "f",
            "inputs": [],
            "outputs": [
                {
                    "name": "",
                    "type": "tuple[]",
                    "components": [{"name": "who", "type": "address"}, {"name": "many", "type": "address[]"}],
                }
            ],
        }
    ]
    lower = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
    proper = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    returned = encode(["(address,address[])[]"], [[(lower, [lower])]])
    assert Abi("F", entries).decode("f", 0, returned) == (({"who": proper, "many": (proper,)},),)
    with pytest.raises(KeyError, match="F has no function g"):
        Abi("F", entries).encode("g")
    assert Abi("F", entries).has("f") and not Abi("F", entries).has("g")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", ""),
        (bytes.fromhex("08c379a0") + encode(["string"], ["why"]), "why"),
        (bytes.fromhex("4e487b71") + encode(["uint256"], [0x11]), "panic 0x11"),
        (bytes.fromhex("08c379a0") + b"\x01", "custom error 0x08c379a0"),
        (bytes.fromhex("deadbeef"), "custom error 0xdeadbeef"),
    ],
)
def test_a_reverts_reason_is_read(data: bytes, reason: str) -> None:
    assert revert_reason(data) == reason
