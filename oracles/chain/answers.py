"""HTTP answers of servers that nobody vouches for: bounded, taken only as they come over the wire, and never
remembered.
"""

from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

UNPACKED = {"Accept-Encoding": "identity"}
"""Headers that ask for an answer as it is: a packed one of a few kilobytes may unpack to gigabytes."""


class AnswerRefused(Exception):
    """An answer that is not taken."""


class AnswerTooLong(AnswerRefused):
    """An answer of more bytes than were to be taken."""


def open_client(timeout: httpx.Timeout | float) -> httpx.AsyncClient:
    """An HTTP client that keeps no cookies and heeds no proxy settings. `timeout` is in seconds."""
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
    return httpx.AsyncClient(timeout=timeout, trust_env=False, headers=UNPACKED, cookies=no_cookies)


async def read_answer(response: httpx.Response, limit: int) -> bytes:
    """The body of a streamed answer, of `limit` bytes at most; raises `AnswerRefused`, or what httpx does."""
    packed = response.headers.get("Content-Encoding", "identity")
    if packed != "identity":
        raise AnswerRefused(f"it was packed ({packed[:32]!r}), which was not asked for")
    said = bytearray()
    # With no Content-Encoding left, httpx gives the bytes as they came.
    async for chunk in response.aiter_bytes():
        said += chunk
        if len(said) > limit:
            raise AnswerTooLong(f"it has more than {limit} bytes")
    return bytes(said)
