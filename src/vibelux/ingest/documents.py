"""Small documents that are no feed: an identity provider's key set, from its address or from a file."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from vibelux.ingest.addresses import is_loopback
from vibelux.ingest.wire import USER_AGENT
from vibelux.market.errors import ConfigError, TooLarge, Unreachable

_MOST_BYTES = 256 * 1024
_SECONDS = 10.0


async def small_document(place: str) -> bytes:
    """The bytes at an address or in a file, at most 256 KiB; redirects are not followed.

    Args:
        place: an https address (http on this machine only), or the path of a file.

    Raises:
        ConfigError: the file cannot be read, or the address is not to be trusted.
        Unreachable: nothing usable comes from the address.
        TooLarge: more comes than fits.
    """
    if "://" not in place:
        try:
            return await asyncio.to_thread(Path(place).read_bytes)
        except OSError as error:
            raise ConfigError(f"{place}: {error.strerror}") from error
    parts = urlsplit(place)
    here = parts.scheme == "http" and is_loopback(place)
    if parts.scheme != "https" and not here:
        raise ConfigError(f"{place}: keys are fetched over https")
    headers = {"User-Agent": USER_AGENT, "Accept": "application/json"}
    try:
        async with (
            httpx2.AsyncClient(headers=headers, timeout=_SECONDS, trust_env=not here) as client,
            client.stream("GET", place) as reply,
        ):
            if reply.status_code != 200:
                raise Unreachable(f"{parts.netloc} answered {reply.status_code}", status=reply.status_code)
            body = bytearray()
            async for chunk in reply.aiter_bytes():
                body += chunk
                if len(body) > _MOST_BYTES:
                    raise TooLarge(f"{parts.netloc} sends more than {_MOST_BYTES} bytes")
            return bytes(body)
    except httpx2.HTTPError as error:
        raise Unreachable(f"{parts.netloc}: {type(error).__name__}") from error
