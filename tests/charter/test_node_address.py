"""Which addresses of nodes an oracle asks, and how."""

from __future__ import annotations

from typing import Any

import anyio
import httpx
import pytest

from oracles.charter.node_client import NodeClient, NodeFaultError

pytestmark = pytest.mark.anyio


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What host names mean."""
    known: dict[str, list[str]] = {}

    async def look_up(host: str, port: Any, **_: Any) -> list[Any]:
        return [(0, 0, 0, "", (address, port)) for address in known.get(host, [host])]

    monkeypatch.setattr(anyio, "getaddrinfo", look_up)
    return known


async def asked(endpoint: str, *, private: bool = False) -> list[httpx.Request]:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, content=b"note")

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        try:
            await NodeClient(client, private=private).checkpoint(endpoint)
        except NodeFaultError:
            assert not requests
    return requests


@pytest.mark.parametrize(
    "endpoint",
    [
        "ftp://93.184.216.34",
        "http://user:word@93.184.216.34",
        "http://93.184.216.34/path",
        "http://93.184.216.34?query",
        "http://93.184.216.34?",
        "http://93.184.216.34#part",
        "http://",
        "93.184.216.34",
        "http://[",
        "http://a\n.example",
    ],
)
@pytest.mark.parametrize("private", [False, True])
async def test_only_host_and_port_are_taken(
    names: dict[str, list[str]], endpoint: str, private: bool
) -> None:
    assert not await asked(endpoint, private=private)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "fe80::1",
        "fd00::1",
        "::ffff:127.0.0.1",
        "2002:7f00:1::",
    ],
)
async def test_what_is_not_public_is_asked_only_where_settings_allow_it(
    names: dict[str, list[str]], address: str
) -> None:
    names["inner.example"] = [address]
    literal = f"http://[{address}]:8080" if ":" in address else f"http://{address}:8080"
    for endpoint in ("http://inner.example", literal):
        assert not await asked(endpoint)
        assert await asked(endpoint, private=True)


async def test_a_public_name_is_asked_at_the_address_that_was_checked(names: dict[str, list[str]]) -> None:
    names["node.example"] = ["93.184.216.34"]
    [request] = await asked("https://node.example:8443/")
    assert str(request.url) == "https://93.184.216.34:8443/v1/checkpoint"
    assert request.headers["Host"] == "node.example:8443"
    assert request.extensions["sni_hostname"] == "node.example"


async def test_a_query_of_ours_goes_through(names: dict[str, list[str]]) -> None:
    names["node.example"] = ["2606:2800:220:1::1"]
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, json={"proof": []})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        await NodeClient(client).inclusion("http://node.example", 1, 2)
    assert str(requests[0].url) == "http://[2606:2800:220:1::1]/v1/proof/inclusion?index=1&size=2"
