"""Where a node's agent may be asked. Operators register what they like: it must lead to a stranger's server
and to nothing that only this machine or its network can reach.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

import anyio
import httpx

_ENDPOINT = re.compile(r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?/?")
_LAST_PORT = 65535


class NodeAddressError(Exception):
    """An endpoint that is not asked."""


@dataclass(frozen=True)
class NodeAddress:
    """An endpoint, and the address that its host has: it is asked there, whatever a name means later."""

    url: httpx.URL
    host: str

    @classmethod
    async def find(cls, endpoint: str, *, private: bool) -> NodeAddress:
        """Read `http(s)://host[:port]` and look the host up; raises `NodeAddressError`.

        Where `private` is set nothing is looked up: the host may be anywhere.
        """
        url = _read(endpoint)
        if private:
            return cls(url, url.host)
        try:
            found = await anyio.getaddrinfo(url.host, url.port or 0)
        except (OSError, UnicodeError) as fault:
            raise NodeAddressError(f"{endpoint}: {fault}") from None
        return cls(url, _public(endpoint, (str(address[0]) for *_, address in found)))

    def request(self, path: str) -> tuple[httpx.URL, dict[str, str], dict[str, str]]:
        """The URL of a path below /v1/ at the address that was found, and the headers and extensions by which
        the server still hears its own name.
        """
        target = self.url.copy_with(host=self.host, raw_path=f"/v1/{path}".encode())
        if self.host == self.url.host:
            return target, {}, {}
        return target, {"Host": self.url.netloc.decode()}, {"sni_hostname": self.url.host}


def _read(endpoint: str) -> httpx.URL:
    if _ENDPOINT.fullmatch(endpoint) is None:
        raise NodeAddressError(f"{endpoint!r} is not http(s)://host[:port]")
    try:
        url = httpx.URL(endpoint)
    except httpx.InvalidURL as fault:
        raise NodeAddressError(f"{endpoint!r} is no URL: {fault}") from None
    if url.port is not None and not 0 < url.port <= _LAST_PORT:
        raise NodeAddressError(f"{endpoint!r} names no port")
    return url


def _public(endpoint: str, hosts: Iterable[str]) -> str:
    for host in hosts:
        address = ip_address(host.partition("%")[0])
        if not _is_public(address):
            raise NodeAddressError(f"{endpoint} is at {address}, which is not public")
        return str(address)
    raise NodeAddressError(f"{endpoint} has no address")


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address) and (inner := address.ipv4_mapped or address.sixtofour):
        return _is_public(inner)
    return address.is_global and not address.is_multicast
