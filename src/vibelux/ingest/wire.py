"""One HTTP request and its whole reply: real seconds, bounded bytes, no keys in what is handed on."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx2

from vibelux.feeds import Feed, Request, Service
from vibelux.ingest.addresses import is_loopback
from vibelux.ingest.body import ACCEPT_ENCODING, read_body
from vibelux.ingest.credentials import Credentials
from vibelux.ingest.metrics import Metrics
from vibelux.market.clock import Clock
from vibelux.market.errors import FeedError, Unreachable
from vibelux.market.quality import Origin

USER_AGENT = "vibelux/0.1 (greenhouse energy desk)"
_CONNECT_SECONDS = 10.0
_SILENCE_SECONDS = 30.0
_ERROR_BODY = 64 * 1024
_ORIGIN_HEADER = "x-vibelux-origin"
_ORIGINS = {origin.value for origin in Origin}
_SECRET_HEADERS = {"set-cookie", "www-authenticate"}

for _logger in ("httpx2", "httpcore2"):  # they log whole addresses and headers, keys included
    logging.getLogger(_logger).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, unpacked and without keys. Header names are in lower case."""

    request: Request
    status: int
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    origin: str
    """`live`, or what our own tape server on loopback says: `recorded`, `rebuilt`, `synthetic`."""
    elapsed_seconds: float
    not_modified: bool = False

    @property
    def name(self) -> str:
        """The file's name as upstream gives it, else the end of the address: a label, never a path."""
        _, _, given = self.headers.get("content-disposition", "").partition("filename=")
        name = given.split(";")[0].strip().strip('"') or unquote(urlsplit(self.request.url).path)
        return name.replace("\\", "/").rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class Letter:
    """A request ready to be sent: signed, and addressed to where it really goes."""

    asked: Request
    """As the feed wanted it, without keys."""
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)


class Wire:
    """The connections to all upstreams."""

    def __init__(self, clock: Clock, credentials: Credentials, metrics: Metrics | None, user_agent: str) -> None:
        self._clock = clock
        self._credentials = credentials
        self._metrics = metrics
        headers = {"User-Agent": user_agent, "Accept-Encoding": ACCEPT_ENCODING, "Accept": "*/*"}
        timeout = httpx2.Timeout(_SILENCE_SECONDS, connect=_CONNECT_SECONDS, pool=None)
        self._outside = httpx2.AsyncClient(headers=headers, timeout=timeout)
        # A proxy of the environment must not stand between us and a stand-in on this machine.
        self._inside = httpx2.AsyncClient(headers=headers, timeout=timeout, trust_env=False)

    async def close(self) -> None:
        """Closes all connections."""
        await asyncio.gather(self._outside.aclose(), self._inside.aclose())

    async def send(
        self, feed: Feed, service: Service, letter: Letter, sent: Callable[[], None], *, stand_in: bool
    ) -> Reply:
        """Sends a request and reads the reply, whatever its status.

        Args:
            feed: for labels.
            service: its seconds and bytes bound the reply.
            letter: what to send.
            sent: is called when the request has left.
            stand_in: the provider's address is another one by the operator's wish; on loopback it may say
                where its payloads come from.

        Raises:
            Unreachable: no reply, or not the whole of it in time.
            Corrupt, TooLarge: a body that cannot be read or is beyond the bound.
        """

        async def trace(event: str, _: Mapping[str, Any]) -> None:
            if event.endswith("send_request_headers.complete"):
                sent()

        inside = is_loopback(letter.url)
        client = self._inside if inside else self._outside
        began = time.perf_counter()
        status = "unreachable"
        try:
            async with (
                asyncio.timeout(service.timeout_seconds),
                client.stream(
                    letter.asked.method,
                    letter.url,
                    headers=dict(letter.headers),
                    content=letter.body,
                    extensions={"trace": trace},
                ) as response,
            ):
                status = str(response.status_code)
                body = await _body(response, service)
        except (TimeoutError, httpx2.TimeoutException):
            raise Unreachable(f"{feed.name}: no whole reply in time from {urlsplit(letter.url).hostname}") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
            # Without the cause: it holds the request, and the request holds keys.
            reason = f"{type(error).__name__}: {error}"
            raise Unreachable(f"{feed.name}: {urlsplit(letter.url).hostname} failed ({reason})") from None
        finally:
            elapsed = time.perf_counter() - began
            if self._metrics:
                self._metrics.answered(feed, status, elapsed)
        headers = {name.lower(): text for name, text in response.headers.items() if name.lower() not in _SECRET_HEADERS}
        claimed = headers.get(_ORIGIN_HEADER, "")
        return Reply(
            request=letter.asked,
            status=response.status_code,
            headers=headers,
            body=self._credentials.redacted(body),
            received_at=self._clock.now(),
            origin=claimed if stand_in and inside and claimed in _ORIGINS else Origin.LIVE.value,
            elapsed_seconds=elapsed,
        )


async def _body(response: httpx2.Response, service: Service) -> bytes:
    """The whole body of a good reply; of an error only as much as a sentence needs."""
    if response.is_success:
        return await read_body(response, service.max_body_bytes)
    with contextlib.suppress(FeedError):
        return await read_body(response, _ERROR_BODY)
    return b""
