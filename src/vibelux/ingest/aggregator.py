"""The aggregator of the brief: the latest price of a region from cache, store or upstream, and the events."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from vibelux.feeds import Ask, Feed
from vibelux.ingest.collector import Collector
from vibelux.ingest.events import MARKET_DATA_UPDATED, Callback, Events, Subscription
from vibelux.ingest.keeper import PriceReader
from vibelux.ingest.latest import CACHE_SECONDS, LatestPrices
from vibelux.ingest.nodes import Nodes, with_hubs
from vibelux.market.clock import Clock
from vibelux.market.errors import FeedError, NotYetPublished, UsageError
from vibelux.market.quality import Quality, age_seconds, quality_of_age
from vibelux.market.regions import Region, region_of
from vibelux.store.shared import Shared

_DATA_TYPES = {
    "real-time": ("real-time-pricing", "real-time-lmp", "settlement-point-prices"),
    "fifteen-minute": ("fifteen-minute-pricing", "settlement-point-prices"),
    "day-ahead": ("day-ahead-pricing", "day-ahead-lmp", "day-ahead-prices"),
}
"""By price type, what the grids call the feed."""
_MARKETS = {"fifteen-minute": "real-time-15min", "day-ahead": "day-ahead-hourly"}


class MarketDataAggregator:
    """Latest prices by region: the face for programs that embed Vibelux.

    It asks the upstream itself where the store has nothing good. The service does not do that on behalf of whoever
    sends it a request: its schedules ask, and `/api/market/latest` answers from the same `LatestPrices`.

    Args:
        clock: the service's.
        collector: fetches what is neither cached nor stored.
        prices: the store.
        events: of the collector.
        feeds: those that are enabled.
        nodes: which nodes a nodal feed asks for.
        cache_seconds: how long a price is answered from memory, unless a newer one comes.
        shared: what several processes remember together.
    """

    def __init__(
        self,
        clock: Clock,
        collector: Collector,
        prices: PriceReader,
        events: Events,
        feeds: Sequence[Feed],
        *,
        nodes: Nodes = with_hubs,
        cache_seconds: float = CACHE_SECONDS,
        shared: Shared | None = None,
    ) -> None:
        self._clock = clock
        self._collector = collector
        self._events = events
        self._feeds = tuple(feeds)
        self._nodes = nodes

        async def read(iso_region: str, _: str | None, market: str, at: datetime) -> dict[str, Any] | None:
            return await prices.newest_price(iso_region, market, at)

        self._asked: dict[str, datetime] = {}
        self._ask_after = timedelta(seconds=cache_seconds)
        self._latest = LatestPrices(clock, read, shared=shared, seconds=cache_seconds)
        events.on(MARKET_DATA_UPDATED, self._latest.on_market_data)

    def on(self, name: str, callback: Callback) -> Subscription:
        """Calls `callback(event)` at each `market-data-updated` or `provider-error`.

        Raises:
            UsageError: there is no such event.
        """
        return self._events.on(name, callback)

    async def get_latest_price(self, region: str, price_type: str = "real-time") -> dict[str, Any]:
        """The newest price known, as a record with `quality` (`good`, `stale`) and `age_seconds` beside it.

        Args:
            region: ISO or region, any case.
            price_type: `real-time` (the region's own real-time market), `fifteen-minute` or `day-ahead`.

        Raises:
            UsageError: no such region or type, or no enabled feed gives it.
            FeedError: none is known and the upstream gives none.
            StoreUnavailable: it is not cached and the store is away.
        """
        grid = region_of(region)
        feed = self._feed(grid, price_type)
        market = _MARKETS.get(price_type, grid.real_time_market)
        row = await self._latest.newest(grid.iso_region, None, market)
        now = self._clock.now()
        if row is None or (self._judged(row, feed, now)["quality"] is not Quality.GOOD and self._may_ask(feed, now)):
            self._asked[feed.name] = now
            row = await self._fetched(grid, feed, market, row)
        return self._judged(row, feed, now)

    def _feed(self, grid: Region, price_type: str) -> Feed:
        names = _DATA_TYPES.get(price_type)
        if names is None:
            raise UsageError(f"no price type is called {price_type!r}; known: {', '.join(_DATA_TYPES)}")
        for feed in self._feeds:
            if feed.provider == grid.iso_region.lower() and feed.data_type in names:
                return feed
        raise UsageError(f"no enabled feed gives a {price_type} price of {grid.iso_region}")

    async def _fetched(self, grid: Region, feed: Feed, market: str, known: dict[str, Any] | None) -> dict[str, Any]:
        """What the upstream adds to what is stored; an old price is better than none, and says its age."""
        ask = Ask(feed.publication.window(self._clock.now()), tuple(self._nodes(feed)))
        try:
            await self._collector.poll(feed, ask)
        except FeedError:
            if known is None:
                raise
        row = await self._latest.newest(grid.iso_region, None, market)
        if row is None:
            raise NotYetPublished(f"{feed.name}: no price of {market} is known")
        return row

    def _may_ask(self, feed: Feed, now: datetime) -> bool:
        """An upstream that has nothing better is not asked at each question."""
        asked = self._asked.get(feed.name)
        return asked is None or now - asked >= self._ask_after

    @staticmethod
    def _judged(row: dict[str, Any], feed: Feed, now: datetime) -> dict[str, Any]:
        age = age_seconds(now, row["market_interval_end"])
        return row | {"quality": quality_of_age(age, feed.stale_after_seconds), "age_seconds": age}
