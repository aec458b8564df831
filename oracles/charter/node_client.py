"""Asking a node's agent for its ledger. The node is a stranger: everything is bounded, and nothing is
believed.
"""

from __future__ import annotations

from base64 import b64decode
from typing import Annotated

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from oracles.chain.answers import UNPACKED, AnswerRefused, read_answer
from oracles.charter.node_address import NodeAddress, NodeAddressError

MAX_PAGE = 256
"""Entries in one answer."""

_MAX_NOTE_BYTES = 4096
_MAX_PAGE_BYTES = 512 * 1024
_MAX_PROOF_BYTES = 8 * 1024


class NodeFaultError(Exception):
    """A node didn't answer, or not with what was asked for."""


class _Answer(BaseModel):
    model_config = ConfigDict(strict=True)  # a node's newer release may say more than we know


class _Entries(_Answer):
    entries: Annotated[list[str], Field(max_length=MAX_PAGE)]


class _Proof(_Answer):
    proof: Annotated[list[str], Field(max_length=64)]


class NodeClient:
    """The node's HTTP surface. Redirects are not followed; the caller bounds the time.

    Nodes on this machine or in its network are asked only where `private` is set.
    """

    def __init__(self, client: httpx.AsyncClient, *, private: bool = False) -> None:
        self._client = client
        self._private = private

    async def checkpoint(self, endpoint: str) -> bytes:
        """The newest checkpoint, a C2SP signed note, unverified."""
        return await self._get(endpoint, "checkpoint", _MAX_NOTE_BYTES)

    async def entries(self, endpoint: str, start: int, end: int) -> list[bytes]:
        """Entries from `start` up to, not including, `end`; a node may give fewer, but not none."""
        said = await self._get(endpoint, f"entries?start={start}&end={end}", _MAX_PAGE_BYTES)
        try:
            found = [b64decode(entry, validate=True) for entry in _Entries.model_validate_json(said).entries]
        except (ValidationError, ValueError) as fault:
            raise NodeFaultError(f"its entries cannot be read: {fault}") from None
        if not 0 < len(found) <= end - start:
            raise NodeFaultError(f"it gave {len(found)} entries where {end - start} were asked for")
        return found

    async def inclusion(self, endpoint: str, index: int, size: int) -> tuple[bytes, ...]:
        """The proof that an entry is in the tree of a size."""
        return await self._proof(endpoint, f"proof/inclusion?index={index}&size={size}")

    async def consistency(self, endpoint: str, old: int, new: int) -> tuple[bytes, ...]:
        """The proof that a tree begins with an older one."""
        return await self._proof(endpoint, f"proof/consistency?old={old}&new={new}")

    async def _proof(self, endpoint: str, path: str) -> tuple[bytes, ...]:
        said = await self._get(endpoint, path, _MAX_PROOF_BYTES)
        try:
            return tuple(bytes.fromhex(hash_) for hash_ in _Proof.model_validate_json(said).proof)
        except (ValidationError, ValueError) as fault:
            raise NodeFaultError(f"its proof cannot be read: {fault}") from None

    async def _get(self, endpoint: str, path: str, limit: int) -> bytes:
        try:
            address = await NodeAddress.find(endpoint, private=self._private)
        except NodeAddressError as fault:
            raise NodeFaultError(str(fault)) from None
        url, headers, extensions = address.request(path)
        try:
            async with self._client.stream(
                "GET", url, headers=headers | UNPACKED, extensions=extensions
            ) as response:
                if response.status_code != 200:
                    raise AnswerRefused(f"status {response.status_code}")
                return await read_answer(response, limit)
        except Exception as fault:
            # What httpx lets through of sockets and task groups has no common base.
            raise NodeFaultError(f"{url}: {str(fault) or type(fault).__name__}") from None
