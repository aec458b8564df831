"""The HTTP side of a member: takes other members' requests, refuses strangers' before reading them
closely.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import Field, TypeAdapter, ValidationError

from oracles.chain.errors import ChainDoubt
from oracles.committee import messages
from oracles.committee.authentic import SENDER_HEADER, SIGNATURE_HEADER, Line
from oracles.committee.follower import Follower
from oracles.committee.messages import MAX_MESSAGE_BYTES
from oracles.committee.report import SignatureInvalid

_REQUEST: TypeAdapter[messages.Request] = TypeAdapter(
    Annotated[messages.Request, Field(discriminator="type")]
)


def committee_router(followers: Mapping[str, Follower]) -> APIRouter:
    """`POST /v1/committee/{topic}` for each topic by name: a signed request in, a signed answer out.

    401 where the signature is not a member's, 404 for a topic not served here, 413 for too many bytes, 422
    for what is no request, 503 while the chain cannot tell who is a member.
    """
    router = APIRouter(prefix="/v1/committee")

    @router.post("/{topic}")
    async def answer(topic: str, request: Request) -> Response:
        follower = followers.get(topic)
        if follower is None:
            raise HTTPException(404, f"topic {topic} is not served here")
        sender = request.headers.get(SENDER_HEADER, "")
        try:
            known = await follower.is_member(sender)
        except ChainDoubt as doubt:
            raise HTTPException(503, str(doubt)) from None
        if not known:
            raise HTTPException(401, "the sender is not a member")
        body = await _bounded(request)
        line = Line(follower.domain, topic, sender, follower.signing.address)
        try:
            signature = bytes.fromhex(request.headers.get(SIGNATURE_HEADER, ""))
            if follower.signing.signer(line.request(body), signature) != sender:
                raise HTTPException(401, "the request is signed by another key than the sender's")
        except (SignatureInvalid, ValueError) as fault:
            raise HTTPException(401, f"the request is not signed: {fault}") from None
        try:
            parsed = _REQUEST.validate_json(body)
        except ValidationError as fault:
            first = fault.errors(include_url=False, include_input=False, include_context=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise HTTPException(422, f"{place}: {first['msg']}") from None
        said = (await follower.answer(sender, parsed)).model_dump_json().encode()
        signed = follower.signing.sign(line.reverse().answer(body, said)).hex()
        return Response(said, media_type="application/json", headers={SIGNATURE_HEADER: signed})

    return router


async def _bounded(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_MESSAGE_BYTES:
            raise HTTPException(413, f"a message has at most {MAX_MESSAGE_BYTES} bytes")
    return bytes(body)
