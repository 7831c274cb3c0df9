"""Reads a reply's body piece by piece and never more of it than allowed, packed or unpacked."""

import zlib
from typing import TYPE_CHECKING

from vibelux.market.errors import Corrupt, TooLarge

if TYPE_CHECKING:
    import httpx2

ACCEPT_ENCODING = "gzip, identity"
"""What we ask for is what we can unpack within bounds."""


async def read_body(response: "httpx2.Response", limit: int) -> bytes:
    """The body, unpacked if it was sent with `Content-Encoding: gzip`.

    Args:
        response: opened for streaming, not yet read.
        limit: bytes, on the wire and unpacked alike.

    Raises:
        TooLarge: more than `limit`; the rest is left unread.
        Corrupt: an encoding that was not asked for, a damaged or a cut-off one.
    """
    host = response.request.url.host
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"", "identity", "gzip", "x-gzip"}:
        raise Corrupt(f"{host}: Content-Encoding {encoding!r} was not asked for")
    promised = response.headers.get("content-length", "")
    if promised.isdigit() and int(promised) > limit:
        raise TooLarge(f"{host}: the reply has {promised} bytes, more than {limit}")
    inflater = zlib.decompressobj(16 + zlib.MAX_WBITS) if "gzip" in encoding else None
    body = bytearray()
    on_the_wire = 0
    async for chunk in response.aiter_raw():
        on_the_wire += len(chunk)
        try:
            body += inflater.decompress(chunk, limit + 1 - len(body)) if inflater else chunk
        except zlib.error as error:
            raise Corrupt(f"{host}: said to be gzip and is not, or is damaged: {error}") from error
        if max(on_the_wire, len(body)) > limit:
            raise TooLarge(f"{host}: the reply has more than {limit} bytes")
    if inflater and on_the_wire and not inflater.eof:
        raise Corrupt(f"{host}: the gzip reply is cut off")
    return bytes(body)
