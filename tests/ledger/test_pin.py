"""Pinning to IPFS: the CID is computed here, so the node at the other end needs no trust."""

import httpx
import pytest

from oracles.ledger.pin import PinRefused, pin, raw_cid

CONTENT = b"hello world"
# What `ipfs block put --cid-codec=raw` answers for these bytes.
CID = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"


def answering(response: httpx.Response, seen: list[httpx.Request]) -> httpx.AsyncClient:
    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return response

    return httpx.AsyncClient(transport=httpx.MockTransport(handle))


def test_the_cid_is_the_one_that_ipfs_gives() -> None:
    assert raw_cid(CONTENT) == CID


@pytest.mark.feature("C3.4")
@pytest.mark.anyio
async def test_a_block_is_put_pinned_and_its_cid_checked() -> None:
    seen: list[httpx.Request] = []
    async with answering(httpx.Response(200, json={"Key": CID, "Size": 11}), seen) as client:
        assert await pin(client, "http://127.0.0.1:5001/", CONTENT) == CID
    (request,) = seen
    assert request.method == "POST"
    assert request.url.path == "/api/v0/block/put"
    assert dict(request.url.params) == {"cid-codec": "raw", "mhtype": "sha2-256", "pin": "true"}
    assert CONTENT in request.content


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("response", "said"),
    [
        (httpx.Response(200, json={"Key": raw_cid(b"something else")}), "but the block is"),
        (httpx.Response(500, text="out of disk"), "did not take block"),
        (httpx.Response(200, text="not json"), "did not take block"),
        (httpx.Response(200, json=[]), "did not take block"),
        (httpx.Response(200, json={}), "did not take block"),
    ],
)
async def test_a_wrong_answer_is_refused(response: httpx.Response, said: str) -> None:
    async with answering(response, []) as client:
        with pytest.raises(PinRefused, match=said):
            await pin(client, "http://127.0.0.1:5001", CONTENT)


@pytest.mark.anyio
async def test_too_large_a_block_is_refused_unsent() -> None:
    seen: list[httpx.Request] = []
    async with answering(httpx.Response(200), seen) as client:
        with pytest.raises(PinRefused, match="at most 1048576 bytes"):
            await pin(client, "http://127.0.0.1:5001", bytes(1_048_577))
    assert not seen
