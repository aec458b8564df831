"""Optional: a checkpoint pinned to IPFS, so that others keep what this node signed.

Speaks the Kubo RPC (`/api/v0/block/put`). The node's answer isn't trusted: a block's CID is the hash of its
bytes, so it is computed here and compared.
"""

from base64 import b32encode
from hashlib import sha256

import httpx

from oracles.ledger.errors import LedgerError

_CID_VERSION = b"\x01"
_RAW = b"\x55"
_SHA2_256 = b"\x12\x20"
_MAX_BLOCK_BYTES = 1_048_576


class PinRefused(LedgerError):
    """The IPFS node did not take the block, or answered with another CID."""


def raw_cid(content: bytes) -> str:
    """The CIDv1 (raw codec, SHA2-256, base32) of a block."""
    cid = _CID_VERSION + _RAW + _SHA2_256 + sha256(content).digest()
    return "b" + b32encode(cid).decode().lower().rstrip("=")


async def pin(client: httpx.AsyncClient, api: str, content: bytes) -> str:
    """Puts and pins a block at the Kubo RPC of base URL `api`; gives its CID. Raises PinRefused."""
    if len(content) > _MAX_BLOCK_BYTES:
        raise PinRefused(f"a block has at most {_MAX_BLOCK_BYTES} bytes, not {len(content)}")
    cid = raw_cid(content)
    url = f"{api.rstrip('/')}/api/v0/block/put"
    parameters = {"cid-codec": "raw", "mhtype": "sha2-256", "pin": "true"}
    try:
        answer = await client.post(url, params=parameters, files={"data": ("block", content)})
        answer.raise_for_status()
        named = answer.json()["Key"]
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise PinRefused(f"the IPFS node at {api} did not take block {cid}: {error!r}") from error
    if named != cid:
        raise PinRefused(f"the IPFS node at {api} says it kept {named}, but the block is {cid}")
    return cid
