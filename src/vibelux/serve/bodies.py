"""Reads a request's body: bounded, and only when the route knows who asks."""

from typing import TypeVar

import msgspec
from starlette.requests import Request

from vibelux.serve.errors import bad_request, too_large

MOST_BYTES = 1024 * 1024

T = TypeVar("T")


async def read_body(request: Request, shape: type[T], *, empty: bytes = b"") -> T:
    """The JSON body as `shape` (a msgspec struct, or a plain type); `empty` stands for one that was left out.

    Raises:
        HTTPException: 413 over 1 MiB, 400 when it is not JSON of that shape.
    """
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > MOST_BYTES:
        raise too_large()
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise too_large()
    try:
        return msgspec.json.decode(bytes(body) or empty, type=shape)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise bad_request(str(error)) from error
