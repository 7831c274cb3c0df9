"""The market data provider of the brief: one upstream, asked directly, without a database."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Any

import structlog

from vibelux.config import Settings
from vibelux.feeds import Ask, Feed, Parsed, all_feeds
from vibelux.ingest.asking import answers, payload_of
from vibelux.ingest.check import examine, is_complete
from vibelux.ingest.client import Upstream
from vibelux.ingest.configured import upstream_of
from vibelux.ingest.events import Subscription
from vibelux.ingest.nodes import with_hubs
from vibelux.ingest.schedule import Schedule, sleep_until
from vibelux.ingest.threads import in_thread
from vibelux.market.clock import Clock, LiveClock
from vibelux.market.errors import FeedError, NotYetPublished, UsageError
from vibelux.market.frames import objects

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class MarketData:
    """What an upstream has to say about one data type."""

    provider: str
    data_type: str
    region: str
    parsed: Parsed = field(default_factory=Parsed)
    received_at: datetime | None = None
    """UTC; None where nothing new came."""
    origin: str = "live"
    newest_end: datetime | None = None
    """End of the newest interval, UTC."""
    digest: str = ""
    """Changes when the bytes do."""

    def records(self) -> list[dict[str, Any]]:
        """All records as the contract's JSON objects."""
        return [record for kind, frame in self.parsed.frames.items() for record in objects(kind, frame)]


DataCallback = Callable[[MarketData], Awaitable[None] | None]


class MarketDataProvider:
    """One provider and its feeds.

    Args:
        feeds: all of one provider.
        clock: for schedules.
        upstream: who asks; sharing one shares budget, keys and connections.
        nodes: what nodal feeds ask for besides the hubs.
        owns_upstream: whether closing this closes the upstream too.
    """

    def __init__(
        self,
        feeds: Sequence[Feed],
        clock: Clock,
        upstream: Upstream,
        nodes: Sequence[str] = (),
        *,
        owns_upstream: bool = False,
    ) -> None:
        self._owns_upstream = owns_upstream
        self._feeds = {feed.data_type: feed for feed in feeds}
        self._clock = clock
        self._upstream = upstream
        self._nodes_wanted = tuple(nodes)
        self._tasks: set[asyncio.Task[None]] = set()
        first = feeds[0]
        self.name = first.provider.upper()
        self.region = first.region
        self.data_types = tuple(self._feeds)
        self.update_frequency = min(feed.cadence_seconds for feed in feeds)
        """Seconds; that of the fastest feed."""

    async def authenticate(self) -> None:
        """Sees to it that all feeds can be asked; keyless upstreams need nothing.

        Raises:
            AccessDenied: a key is missing or refused; the text names the setting.
        """
        for feed in {feed.auth: feed for feed in self._feeds.values()}.values():
            await self._upstream.authenticate(feed)

    async def fetch_latest_data(self, data_type: str) -> MarketData:
        """Asks now for the newest window.

        Raises:
            UsageError: the provider has no such data type.
            FeedError: it gives nothing usable.
        """
        feed = self._feed(data_type)
        ask = Ask(feed.publication.window(self._clock.now()), with_hubs(feed, self._nodes_wanted))
        data = MarketData(feed.provider, feed.data_type, feed.region)
        digest = sha256()
        async for answer in answers(self._upstream, feed, ask):
            reply = answer.reply
            try:
                if isinstance(reply, FeedError):
                    raise reply
                if reply.not_modified:
                    continue  # whoever shares the upstream has it already
                findings = await in_thread(feed, partial(examine, feed, payload_of(reply), ask.nodes))
            except FeedError:
                if answer.is_last_word:
                    raise
                answer.usable = False
                continue
            digest.update(reply.body)
            _join(data.parsed, findings.parsed)
            data.received_at, data.origin = reply.received_at, reply.origin
            ends = [end for end in (data.newest_end, findings.covered.newest_end) if end is not None]
            data.newest_end = max(ends, default=None)
        data.digest = digest.hexdigest()
        return data

    def subscribe_to_updates(self, data_type: str, callback: DataCallback) -> Subscription:
        """Calls `callback(data)`, plain or async, whenever the upstream has something new; needs a running loop.

        Raises:
            UsageError: the provider has no such data type.
        """
        task = asyncio.create_task(self._follow(self._feed(data_type), callback), name=f"{self.name} {data_type}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return Subscription(task.cancel)

    async def close(self) -> None:
        """Ends all subscriptions."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._owns_upstream:
            await self._upstream.close()

    def _feed(self, data_type: str) -> Feed:
        if data_type not in self._feeds:
            raise UsageError(f"{self.name} has no data type {data_type!r}; known: {', '.join(self._feeds)}")
        return self._feeds[data_type]

    async def _follow(self, feed: Feed, callback: DataCallback) -> None:
        schedule, seen = Schedule(feed), ""
        while True:
            asked_at = self._clock.now()
            try:
                data = await self.fetch_latest_data(feed.data_type)
            except NotYetPublished as error:
                next_at = schedule.late(asked_at, self._clock.now(), error.expected_at)
            except FeedError as error:
                log.warning("a feed failed", feed=feed.name, error=str(error))
                next_at = schedule.failed(self._clock.now(), error)
            else:
                if data.digest != seen:
                    seen = data.digest
                    await _tell(callback, data)
                complete = is_complete(feed, data.newest_end, asked_at)
                next_at = schedule.came(asked_at) if complete else schedule.late(asked_at, self._clock.now())
            await sleep_until(self._clock, next_at)


def provider(
    name: str, *, clock: Clock | None = None, upstream: Upstream | None = None, nodes: Sequence[str] = ()
) -> MarketDataProvider:
    """The provider of that name, any case: `provider("caiso")`.

    Args:
        name: as in feeds' names.
        clock: live by default.
        upstream: by default one with the keys and addresses that the environment sets.
        nodes: what nodal feeds ask for besides the hubs.

    Raises:
        UsageError: there is none.
        ConfigError: a variable of the environment is wrong.
    """
    feeds = [feed for feed in all_feeds() if feed.provider == name.lower()]
    if not feeds:
        known = ", ".join(sorted({feed.provider for feed in all_feeds()}))
        raise UsageError(f"no provider is called {name!r}; known: {known}")
    clock = clock or LiveClock()
    return MarketDataProvider(
        feeds, clock, upstream or upstream_of(Settings.load(), clock), nodes, owns_upstream=upstream is None
    )


async def _tell(callback: DataCallback, data: MarketData) -> None:
    try:
        result = callback(data)
        if inspect.isawaitable(result):
            await result
    except Exception:
        log.exception("a listener failed", provider=data.provider, data_type=data.data_type)


def _join(whole: Parsed, part: Parsed) -> None:
    """Adds a payload's rows to those of the others."""
    import polars as pl

    for kind, frame in part.frames.items():
        whole.frames[kind] = pl.concat([whole.frames[kind], frame]) if kind in whole.frames else frame
    whole.quarantined.extend(part.quarantined)
