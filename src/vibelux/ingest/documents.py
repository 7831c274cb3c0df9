"""Small documents that are no feed: an identity provider's key set, a facility's forecast of its own demand."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from vibelux.ingest.addresses import is_loopback
from vibelux.ingest.body import ACCEPT_ENCODING, read_body
from vibelux.ingest.named_address import LookUp, ways
from vibelux.ingest.wire import USER_AGENT
from vibelux.market.errors import ConfigError, TooLarge, Unreachable

_MOST_BYTES = 256 * 1024
_MOST_OF_NAMED = 4 * 1024 * 1024
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


async def named_document(url: str, *, what: str, allow_private: bool, setting: str, look_up: LookUp) -> bytes:
    """The bytes at an address that a user named, at most 4 MiB; redirects are not followed.

    Args:
        url: https, or, where private addresses are allowed, http.
        what: what it is, for errors, which hold nothing of the address: it may hold a key.
        allow_private: whether it may be in one's own network or on this machine.
        setting: which setting allows that.
        look_up: who knows the addresses of names.

    Raises:
        ConfigError: it must not go there.
        Unreachable, Corrupt, TooLarge: nothing usable comes from there.
    """
    failed = Unreachable(f"{what}: its name has no address")
    try:
        async with asyncio.timeout(_SECONDS):
            for way in await ways(url, what=what, allow_private=allow_private, setting=setting, look_up=look_up):
                headers = {"User-Agent": USER_AGENT, "Accept-Encoding": ACCEPT_ENCODING, "Accept": "text/csv"}
                try:
                    async with (
                        httpx2.AsyncClient(headers=headers | way.headers, timeout=_SECONDS, trust_env=False) as client,
                        client.stream("GET", way.url, extensions=way.extensions) as reply,
                    ):
                        if reply.status_code != 200:
                            raise Unreachable(f"{what} answered {reply.status_code}", status=reply.status_code)
                        return await read_body(reply, _MOST_OF_NAMED)
                except httpx2.HTTPError as error:
                    failed = Unreachable(f"{what} cannot be reached: {type(error).__name__}")
    except TimeoutError:
        failed = Unreachable(f"{what} did not answer in time")
    raise failed
