"""One endpoint that answers with what no chain says: it is waited for, never believed, and never a crash."""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from oracles.chain.block import Block, Call
from oracles.chain.endpoint import rpc_url
from oracles.chain.errors import AnswerTooBig, ChainUnavailable, DeploymentFault, RpcError
from oracles.chain.rpc import LogFilter, Rpc

pytestmark = pytest.mark.anyio

ADDRESS = "0x" + "11" * 20
BLOCK = Block(1, b"\x01" * 32, b"\x00" * 32, 1)
HEADER = {"number": "0x1", "hash": "0x" + "01" * 32, "parentHash": "0x" + "00" * 32, "timestamp": "0x1"}
BASE = {**HEADER, "baseFeePerGas": "0x7"}


class Answers:
    """What a server says to each method: a JSON-RPC answer. `headers`, `body` and `status` overrule it."""

    def __init__(self) -> None:
        self.by_method: dict[str, Any] = {"eth_chainId": {"result": "0x1"}}
        self.headers: dict[str, str] = {}
        self.body: bytes | None = None
        self.status = 200
        self.asked: list[tuple[str, dict[str, str]]] = []


@contextmanager
def serving(answers: Answers) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answers.asked.append((request["method"], dict(self.headers)))
            body = json.dumps(answers.by_method.get(request["method"], {"result": None})).encode()
            strange = request["method"] != "eth_chainId"
            if strange and answers.body is not None:
                body = answers.body
            self.send_response(answers.status if strange else 200)
            for name, value in answers.headers.items() if strange else ():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def url(answers: Answers) -> Iterator[str]:
    with serving(answers) as url:
        yield url


async def read(rpc: Rpc, what: str) -> object:
    wanted = LogFilter((ADDRESS,))
    match what:
        case "head":
            return await rpc.latest()
        case "call":
            return await rpc.call(Call(ADDRESS, b""), BLOCK)
        case "nonce":
            return await rpc.nonce(ADDRESS, BLOCK)
        case "logs":
            return await rpc.logs_between(1, 2, wanted)
        case "receipt":
            return await rpc.receipt(b"\x01" * 32)
        case "transactions":
            return await rpc.transactions(BLOCK)
        case "gas":
            return await rpc.estimate_gas(Call(ADDRESS, b""), ADDRESS)
        case _:
            return await rpc.fees()


METHODS = {
    "head": "eth_getBlockByNumber",
    "call": "eth_call",
    "nonce": "eth_getTransactionCount",
    "logs": "eth_getLogs",
    "receipt": "eth_getTransactionReceipt",
    "transactions": "eth_getBlockByHash",
    "gas": "eth_estimateGas",
    "fees": "eth_maxPriorityFeePerGas",
}
SHAPES = [{}, [], "zz", 7, True, {**HEADER, "hash": "0x"}, {"transactions": {}}, [{}], [None]]


@pytest.mark.parametrize("shape", SHAPES, ids=repr)
async def test_a_result_of_a_wrong_shape_is_doubt(answers: Answers, url: str, shape: Any) -> None:
    answers.by_method |= {"eth_getBlockByNumber": {"result": HEADER}, "eth_getBlockByHash": {"result": BASE}}
    async with Rpc.connect([url], 1, attempts=1) as rpc:
        for what, method in METHODS.items():
            if what == "logs" and shape == []:
                continue  # what an empty range gives
            before = answers.by_method.get(method)
            answers.by_method[method] = {"result": shape}
            with pytest.raises(ChainUnavailable, match="something else than it gives"):
                await read(rpc, what)
            answers.by_method[method] = before


@pytest.mark.parametrize(
    "answer",
    [
        {"result": None},
        {"result": {}},
        {},
        [],
        None,
        {"error": {"code": None, "message": None}},
        {"error": {}},
        {"error": "no"},
        {"error": {"code": "x", "message": "execution reverted", "data": "0xzz"}},
    ],
    ids=repr,
)
async def test_no_answer_at_all_is_doubt(answers: Answers, url: str, answer: Any) -> None:
    answers.by_method["eth_chainId"] = answer
    async with Rpc.connect([url], 1, attempts=1) as rpc:
        with pytest.raises((ChainUnavailable, RpcError)):
            await rpc.latest()


async def test_null_for_an_error_beside_a_result_is_none(answers: Answers, url: str) -> None:
    answers.by_method = {
        method: {"result": "0x1", "error": None} for method in ("eth_chainId", "eth_estimateGas")
    }
    async with Rpc.connect([url], 1, attempts=1) as rpc:
        assert await read(rpc, "gas") == 1


@pytest.mark.parametrize("packing", ["gzip", "identity, gzip", ""])
async def test_a_packed_answer_is_not_unpacked(answers: Answers, url: str, packing: str) -> None:
    answers.body = gzip.compress(json.dumps({"result": HEADER}).encode())
    answers.headers["Content-Encoding"] = packing
    async with Rpc.connect([url], 1, attempts=1) as rpc:
        with pytest.raises(ChainUnavailable, match="packed"):
            await rpc.latest()
        answers.body = json.dumps({"result": HEADER}).encode()
        answers.headers["Content-Encoding"] = "identity"
        assert (await rpc.latest()).number == 1
    assert {headers["Accept-Encoding"] for _, headers in answers.asked} == {"identity"}


async def test_no_cookie_is_kept(answers: Answers, url: str) -> None:
    answers.by_method["eth_getBlockByNumber"] = {"result": HEADER}
    answers.headers["Set-Cookie"] = "who=me"
    async with Rpc.connect([url], 1, attempts=1) as rpc:
        await rpc.latest()
        await rpc.latest()
    assert not any("Cookie" in headers for _, headers in answers.asked)


@pytest.mark.parametrize("status", [413, 504])
async def test_too_many_logs_are_told_from_an_outage(answers: Answers, url: str, status: int) -> None:
    async with Rpc.connect([url], 1, attempts=1) as rpc:
        limit = {"error": {"code": -32005, "message": "query returned more than 10000 results"}}
        answers.by_method = {"eth_chainId": {"result": "0x1"}, "eth_getLogs": limit, "eth_estimateGas": limit}
        with pytest.raises(AnswerTooBig, match="more than 10000 results"):
            await read(rpc, "logs")
        with pytest.raises(ChainUnavailable, match="limited"):
            await read(rpc, "gas")
        answers.status = status
        with pytest.raises(AnswerTooBig, match=str(status)):
            await read(rpc, "logs")
        with pytest.raises(ChainUnavailable, match=str(status)):
            await read(rpc, "gas")


async def test_too_many_bytes_of_logs_are_told_from_an_outage(
    answers: Answers, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oracles.chain.endpoint.MAX_ANSWER", 1000)
    async with Rpc.connect([url], 1, attempts=1) as rpc:
        await rpc.receipt(b"\x01" * 32)
        answers.body = b" " * 1001
        with pytest.raises(AnswerTooBig, match="more than 1000 bytes"):
            await read(rpc, "logs")
        with pytest.raises(ChainUnavailable, match="more than 1000 bytes"):
            await read(rpc, "gas")


async def test_the_tip_is_the_lowest_that_an_endpoint_suggests(answers: Answers, url: str) -> None:
    answers.by_method |= {"eth_getBlockByNumber": {"result": BASE}, "eth_getBlockByHash": {"result": BASE}}
    other = Answers()
    other.by_method = {**answers.by_method, "eth_maxPriorityFeePerGas": {"result": "0x3"}}
    answers.by_method["eth_maxPriorityFeePerGas"] = {"result": "0xffffffffff"}
    with serving(other) as second:
        async with Rpc.connect([url, second], 1, attempts=1) as rpc:
            assert await rpc.fees() == (7, 3)


BAD_URLS = [
    "http://user:pa/ss@host",
    "http://host:99999",
    "http://host:0",
    "ftp://host",
    "hunter2",
    "http://",
    "http://[",
    "http://ho\nst",
    "",
]


@pytest.mark.parametrize("text", BAD_URLS)
async def test_a_url_that_is_none_is_a_clear_fault_that_shows_nothing_of_it(text: str) -> None:
    with pytest.raises(ValueError, match="must be http") as fault:
        rpc_url(text)
    assert not text or text not in str(fault.value)
    with pytest.raises(DeploymentFault, match="WESTWORLD_RPC_URLS: must be") as stop:
        async with Rpc.connect([text], 1):
            pass
    assert "pa/ss" not in str(stop.value) and "hunter" not in str(stop.value)


@pytest.mark.parametrize(
    "text", ["http://host", "https://user:pa%2Fss@host:8545/v3/key", "http://[::1]:8545"]
)
async def test_a_url_may_hold_keys(text: str) -> None:
    assert str(rpc_url(text)) == text
