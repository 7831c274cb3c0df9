"""The loopback upstream: serves a tape under a clock, so that the whole real path from the fetcher on runs on it.

A request is answered with the newest payload of its report that had been received by the clock's moment. OASIS's
rule of one request in five seconds holds here too, and a feed can be broken on purpose.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import structlog

from vibelux._toml import nearest
from vibelux.feeds.caiso._oasis import OASIS, URL
from vibelux.market.clock import Clock
from vibelux.market.errors import UsageError
from vibelux.market.intervals import iso_z
from vibelux.replay import oasis
from vibelux.replay._http import Answer, Asked, HttpServer
from vibelux.replay.faults import HTML, PLAIN, WORDS, Fault, spoilt
from vibelux.replay.source import TapeSource, Wanted
from vibelux.replay.tape import Entry

_log = structlog.get_logger(__name__)

ORIGIN_HEADER = "X-Vibelux-Origin"
_OASIS_PATHS = urlsplit(URL).path.rpartition("/")[0] + "/"
_WALL_SLACK_SECONDS = 0.02
"""Two requests sent five seconds apart may arrive this much closer: in a fast virtual clock that is a lot."""


@dataclass(frozen=True, slots=True)
class _Broken:
    fault: Fault
    since: datetime
    mended: asyncio.Event = field(default_factory=asyncio.Event)


class LoopbackUpstream:
    """A stand-in for all upstreams of a tape: point their base addresses at `url`."""

    def __init__(self, source: TapeSource, clock: Clock, *, oasis_rule: bool = True) -> None:
        """Takes what to serve and the clock by which it is served; `oasis_rule` refuses requests that come too fast."""
        self._source = source
        self._clock = clock
        self._oasis_rule = oasis_rule
        self._last_oasis: datetime | None = None
        self._broken: dict[str, _Broken] = {}
        self._server = HttpServer(self.answer)
        self.url = ""

    async def start(self, port: int = 0) -> str:
        """Listens on loopback; port 0 is any free one. Returns `url`."""
        self.url = await self._server.start(port)
        return self.url

    async def close(self) -> None:
        """Stops listening, at once."""
        await self._server.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def feeds(self) -> list[str]:
        """Those that can be broken."""
        return sorted(self._source.feeds)

    @property
    def faults(self) -> dict[str, str]:
        """The ways in which they can be, each with what it does."""
        return {fault.value: words for fault, words in WORDS.items()}

    @property
    def broken(self) -> list[dict[str, Any]]:
        """Feeds that are broken now: `feed`, `fault`, `since`."""
        return [
            {"feed": name, "fault": one.fault.value, "since": one.since} for name, one in sorted(self._broken.items())
        ]

    def break_feed(self, feed: str, kind: str) -> None:
        """From now on requests of that feed get a fault of that kind, and none of a kind that it had before.

        Raises:
            UsageError: there is no such feed here, or no such fault.
        """
        if feed not in self._source.feeds:
            raise UsageError(f"no feed of this replay is called {feed!r}{nearest(feed, self.feeds)}")
        if kind not in set(Fault):
            raise UsageError(f"no fault is called {kind!r}; known: {', '.join(Fault)}")
        self.mend(feed)
        self._broken[feed] = _Broken(Fault(kind), self._clock.now())

    def mend(self, feed: str) -> bool:
        """Ends a fault, where there is one; requests that hang in a timeout are answered."""
        broken = self._broken.pop(feed, None)
        if broken:
            broken.mended.set()
        return broken is not None

    async def answer(self, asked: Asked) -> Answer:
        """The reply to one request."""
        wanted = Wanted.by(asked.target)
        if wanted.path.startswith(_OASIS_PATHS) and self._too_fast():
            return Answer(429, HTML, oasis.TOO_FAST_PAGE)
        broken = self._broken.get(self._source.feed_of(wanted) or "")
        if broken and broken.fault is Fault.TIMEOUT:
            await broken.mended.wait()
            broken = None
        moment = broken.since if broken and broken.fault is Fault.STALE else self._clock.now()
        good = await self._good(asked, wanted, moment)
        return await asyncio.to_thread(spoilt, good, broken.fault, moment) if broken else good

    async def _good(self, asked: Asked, wanted: Wanted, moment: datetime) -> Answer:
        entry = self._source.newest(wanted, moment)
        if entry is None:
            return self._nothing(wanted, moment)
        headers = {**entry.headers, ORIGIN_HEADER: entry.origin.value}
        if _same(entry, asked):
            return Answer(304, headers)
        return Answer(entry.status, headers, await asyncio.to_thread(entry.load))

    def _nothing(self, wanted: Wanted, moment: datetime) -> Answer:
        """OASIS says so by its own error document; for all others a status must do."""
        origin = {ORIGIN_HEADER: self._source.origin.value}
        if wanted.path.startswith(_OASIS_PATHS):
            headers = oasis.zip_headers("INVALID_REQUEST.zip") | origin
            return Answer(200, headers, oasis.error_zip(oasis.NO_DATA, moment))
        text = f"The tape holds nothing for {wanted.path} by {iso_z(moment)}.\n"
        return Answer(404, PLAIN | origin, text.encode())

    def _too_fast(self) -> bool:
        if not self._oasis_rule:
            return False
        now = self._clock.now()
        wall_a_second = self._clock.real_seconds(1.0)
        slack = min(OASIS.seconds_between / 2, _WALL_SLACK_SECONDS / wall_a_second) if wall_a_second else 0.0
        if self._last_oasis and (now - self._last_oasis).total_seconds() < OASIS.seconds_between - slack:
            return True
        self._last_oasis = now
        return False


def _same(entry: Entry, asked: Asked) -> bool:
    etag = entry.headers.get("etag")
    return etag is not None and asked.headers.get("if-none-match") == etag
