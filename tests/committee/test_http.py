"""Members talking over HTTP with real keys; strangers, forgeries and floods are turned away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak
from fastapi import FastAPI

from oracles.chain.block import Block
from oracles.chain.errors import ChainUnavailable
from oracles.chain.typed import COMMITTEE_NAME, Domain
from oracles.committee.authentic import SENDER_HEADER, SIGNATURE_HEADER, Line
from oracles.committee.follower import Follower
from oracles.committee.messages import MAX_MESSAGE_BYTES, FreezeRequest, Frozen, Noted, Votes
from oracles.committee.peers import HttpPeers
from oracles.committee.report import AccountSigning, SignatureInvalid
from oracles.committee.router import committee_router
from oracles.committee.topic import Observation
from oracles.committee.view import Configuration

DOMAIN = Domain(COMMITTEE_NAME, 31337, Account.from_key(keccak(b"contract")).address)
ANN, BOB, EVE = (Account.from_key(keccak(text=name)) for name in ("ann", "bob", "eve"))
ASK = FreezeRequest(topic=b"\1" * 32, sequence=3, config_digest=b"\2" * 32)
SEEN = Frozen(observations=(Observation("ash", b"\x00\xff"),))

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Answering:
    """What the router needs of a follower."""

    def __init__(self, account: LocalAccount) -> None:
        self.domain = DOMAIN
        self.signing = AccountSigning(account)
        self.heard: list[tuple[str, Any]] = []
        self.in_doubt = False

    async def is_member(self, account: str) -> bool:
        if self.in_doubt:
            raise ChainUnavailable("there", "down")
        return account in (ANN.address, BOB.address)

    async def answer(self, sender: str, request: Any) -> Any:
        self.heard.append((sender, request))
        return SEEN if isinstance(request, FreezeRequest) else Noted()


@pytest.fixture
def bob() -> Answering:
    return Answering(BOB)


@pytest.fixture
async def client(bob: Answering) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.include_router(committee_router({"charter": bob}))  # type: ignore[dict-item]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://bob") as opened:
        yield opened


def peers(client: httpx.AsyncClient, account: LocalAccount = ANN, topic: str = "charter") -> HttpPeers:
    return HttpPeers(
        client,
        {BOB.address: "http://bob/"},
        topic=topic,
        domain=DOMAIN,
        signing=AccountSigning(account),
        timeout=5,
    )


async def test_a_member_is_answered(client: httpx.AsyncClient, bob: Answering) -> None:
    assert await peers(client).ask({BOB.address: ASK}) == {BOB.address: SEEN}
    assert bob.heard == [(ANN.address, ASK)]


async def test_a_member_without_a_url_is_not_asked(client: httpx.AsyncClient) -> None:
    assert await peers(client).ask({EVE.address: ASK}) == {}


async def test_a_stranger_is_not_heard(client: httpx.AsyncClient, bob: Answering) -> None:
    assert await peers(client, EVE).ask({BOB.address: ASK}) == {}
    assert await peers(client, topic="other").ask({BOB.address: ASK}) == {}
    assert bob.heard == []


async def test_who_knows_the_members_when_the_chain_is_down(
    client: httpx.AsyncClient, bob: Answering
) -> None:
    bob.in_doubt = True
    response = await client.post("/v1/committee/charter", headers={SENDER_HEADER: ANN.address})
    assert response.status_code == 503


class Committee:
    """A chain that counts how often it is asked for the members."""

    def __init__(self) -> None:
        self.asked = 0

    async def finalized(self) -> Block:
        return Block(1, bytes(32), bytes(32), 0)

    async def configuration(self, at: Block) -> Configuration:
        self.asked += 1
        return Configuration(b"\2" * 32, (ANN.address, BOB.address), 2)


async def test_strangers_do_not_make_a_member_ask_the_chain_each_time() -> None:
    chain: Any = Committee()
    unused: Any = None
    topic: Any = SimpleNamespace(name="charter")
    follower = Follower(
        topic=topic,
        domain=DOMAIN,
        schedule=unused,
        chain=chain,
        signing=AccountSigning(BOB),
        store=unused,
        offload=unused,
        votes_from=0,
        meters=unused,
    )
    assert [await follower.is_member(account.address) for account in (EVE, ANN, EVE, EVE)] == [
        False,
        True,
        False,
        False,
    ]
    assert chain.asked == 1


Sign = Callable[[bytes], bytes]
LINE = Line(DOMAIN, "charter", ANN.address, BOB.address)


@pytest.mark.parametrize(
    ("sign", "status"),
    [
        (lambda body: AccountSigning(ANN).sign(LINE.request(body)), 200),
        (lambda body: AccountSigning(EVE).sign(LINE.request(body)), 401),
        (lambda body: AccountSigning(ANN).sign(LINE.request(body + b" ")), 401),
        (lambda body: AccountSigning(ANN).sign(LINE.reverse().request(body)), 401),
        (lambda body: AccountSigning(ANN).sign(LINE.answer(body, body)), 401),
        (lambda body: b"", 401),
    ],
)
async def test_only_the_senders_own_signature_counts(
    client: httpx.AsyncClient, sign: Sign, status: int
) -> None:
    body = ASK.model_dump_json().encode()
    headers = {SENDER_HEADER: ANN.address, SIGNATURE_HEADER: sign(body).hex()}
    response = await client.post("/v1/committee/charter", content=body, headers=headers)
    assert response.status_code == status


async def post(client: httpx.AsyncClient, body: bytes) -> httpx.Response:
    headers = {
        SENDER_HEADER: ANN.address,
        SIGNATURE_HEADER: AccountSigning(ANN).sign(LINE.request(body)).hex(),
    }
    return await client.post("/v1/committee/charter", content=body, headers=headers)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"type":"freeze"}',
        ASK.model_dump_json().replace("3", '"3"', 1).encode(),
        ASK.model_dump_json().replace("{", '{"more":1,', 1).encode(),
        SEEN.model_dump_json().encode(),
    ],
)
async def test_what_is_no_request_is_refused(client: httpx.AsyncClient, bob: Answering, body: bytes) -> None:
    assert (await post(client, body)).status_code == 422
    assert bob.heard == []


async def test_too_many_bytes_are_refused(client: httpx.AsyncClient, bob: Answering) -> None:
    assert (await post(client, b" " * (MAX_MESSAGE_BYTES + 1))).status_code == 413
    assert bob.heard == []


@pytest.mark.parametrize("fault", ["other key", "other bytes", "not an answer", "too much", "error"])
async def test_an_answer_that_the_member_did_not_sign_is_none(fault: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        said = (ASK if fault == "not an answer" else SEEN).model_dump_json().encode()
        account = EVE if fault == "other key" else BOB
        signature = AccountSigning(account).sign(LINE.reverse().answer(request.content, said)).hex()
        if fault == "other bytes":
            said = Noted().model_dump_json().encode()
        if fault == "too much":
            said = b" " * (MAX_MESSAGE_BYTES + 1)
        return httpx.Response(
            500 if fault == "error" else 200, content=said, headers={SIGNATURE_HEADER: signature}
        )

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        assert await peers(client).ask({BOB.address: ASK, ANN.address: Votes(votes=())}) == {}


@pytest.mark.parametrize("fault", [httpx.ConnectError("refused"), OSError("no route"), UnicodeError("label")])
async def test_a_member_that_cannot_be_reached_harms_no_other(fault: Exception) -> None:
    line = Line(DOMAIN, "charter", BOB.address, EVE.address)

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "ann":
            raise fault
        said = SEEN.model_dump_json().encode()
        signature = AccountSigning(BOB).sign(line.answer(request.content, said)).hex()
        return httpx.Response(200, content=said, headers={SIGNATURE_HEADER: signature})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        asking = HttpPeers(
            client,
            {ANN.address: "http://ann", BOB.address: "http://bob"},
            topic="charter",
            domain=DOMAIN,
            signing=AccountSigning(EVE),
            timeout=5,
        )
        assert await asking.ask({ANN.address: ASK, BOB.address: ASK}) == {BOB.address: SEEN}


def test_signatures_in_a_form_that_the_contract_refuses_are_refused_here() -> None:
    message = LINE.request(b"")
    signature = AccountSigning(ANN).sign(message)
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    higher = (order - int.from_bytes(signature[32:64], "big")).to_bytes(32, "big")
    assert AccountSigning(BOB).signer(message, signature) == ANN.address
    for bad in (
        signature[:32] + higher + bytes([55 - signature[64]]),
        signature[:64] + bytes([signature[64] - 27]),
        signature[:64],
        bytes(64) + b"\x1b",
    ):
        with pytest.raises(SignatureInvalid):
            AccountSigning(BOB).signer(message, bad)
