"""Fetches the days of prices that are not there: before a node was known, and while the service was away.

An outlook learns from some weeks of a node's prices; waiting weeks for them would make the first plans blind. It goes
on behind everything live and is soon over; what an upstream lacks is asked for once a day at most.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from pathlib import Path

import structlog

from vibelux.feeds import Feed
from vibelux.ingest.backfill import backfill
from vibelux.ingest.collector import Collector
from vibelux.ingest.nodes import Nodes
from vibelux.ingest.quality import expected
from vibelux.ingest.schedule import sleep_until
from vibelux.market.clock import Clock
from vibelux.market.errors import FeedError, StoreUnavailable
from vibelux.market.intervals import Interval, local_date, local_day
from vibelux.market.regions import region_of
from vibelux.store.database import Database
from vibelux.store.points import Points, price_points

log = structlog.get_logger(__name__)

_DAY = timedelta(days=1)
_AGAIN = timedelta(hours=1)
_HOUR = timedelta(hours=1)
_REST, _LONGEST_REST_SECONDS = 3.0, 0.5
"""After each day so many times as long as it took is left to the live prices: the past must not hold them up."""

_AT_LEAST = 0.98
"""Of a day's intervals; the last few that upstream itself has lost are not worth a request each hour."""


class Past:
    """Keeps the last days of prices whole.

    Args:
        db: what is there.
        collector: takes in what comes, behind everything live.
        clock: the service's.
        feeds: those that run; the day-ahead and the real-time prices among them are looked after.
        nodes: which nodes a feed asks for.
        data_dir: where days that were asked for are remembered.
        days: how far back; 0: nothing is fetched.
    """

    def __init__(
        self,
        db: Database,
        collector: Collector,
        clock: Clock,
        feeds: Sequence[Feed],
        nodes: Nodes,
        data_dir: Path,
        *,
        days: int,
    ) -> None:
        self._db = db
        self._collector = collector
        self._clock = clock
        self._feeds = [feed for feed in feeds if days and feed.nodal and is_learnt_from(feed)]
        self._nodes = nodes
        self._data_dir = data_dir
        self._days = days
        self._asked_at: dict[tuple[str, date, str], datetime] = {}
        """When a feed was last asked for a day of a node."""

    async def run(self) -> None:
        """Looks each hour until cancelled."""
        while True:
            for feed in self._feeds:
                try:
                    await self.fill(feed)
                except (FeedError, StoreUnavailable) as error:
                    log.info("the past of a feed has to wait", feed=feed.name, error=str(error))
            await sleep_until(self._clock, self._clock.now() + _AGAIN)

    async def fill(self, feed: Feed) -> int:
        """Asks for what is missing of one feed; how many rows are new.

        Raises:
            FeedError: the upstream cannot be reached or wants no more.
            StoreUnavailable: the database is away.
        """
        new, now = 0, self._clock.now()
        for days, nodes in await self._missing(feed, now):
            began = time.monotonic()
            window = Interval(local_day(days[0], feed.timezone).start, local_day(days[-1], feed.timezone).end)
            async for step in backfill(self._collector, self._clock, feed, window, nodes, self._data_dir):
                new += step.written.new
                if step.error is not None:
                    log.info(
                        "a day of the past gave nothing", feed=feed.name, day=step.chunk.start, error=str(step.error)
                    )
                await asyncio.sleep(min(_REST * (time.monotonic() - began), _LONGEST_REST_SECONDS))
                began = time.monotonic()
            self._asked_at |= {(feed.name, day, node): now for day in days for node in nodes}
        if new:
            log.info("the past is filled", feed=feed.name, rows=new)
        return new

    async def _missing(self, feed: Feed, now: datetime) -> list[tuple[list[date], tuple[str, ...]]]:
        """Runs of market days and the nodes that lack them, the newest run first."""
        today = local_date(now, feed.timezone)
        days = [today - n * _DAY for n in range(self._days + 1)]
        held = {node: await self._held(feed, node, days[-1], now) for node in self._nodes(feed)}
        runs = groupby(days, key=lambda day: self._to_ask(feed, day, held, now))
        return [(sorted(run), nodes) for nodes, run in runs if nodes]

    def _to_ask(self, feed: Feed, day: date, held: Mapping[str, Points], now: datetime) -> tuple[str, ...]:
        """The nodes that lack a day and were not asked for it within the last one."""
        return tuple(
            node
            for node in _lacking(feed, day, held, now)
            if now - self._asked_at.get((feed.name, day, node), now - _DAY) >= _DAY
        )

    async def _held(self, feed: Feed, node: str, first: date, now: datetime) -> Points:
        start = local_day(first, feed.timezone).start
        region, until = region_of(feed.region).iso_region, now + 2 * _DAY
        found = await price_points(self._db, region, node, {feed.market: start}, until=until, as_of=now)
        return found[feed.market]


def is_learnt_from(feed: Feed) -> bool:
    """Whether an outlook learns from its prices: those of the grid's own real-time market, and day-ahead ones."""
    return feed.is_price and feed.market in {region_of(feed.region).real_time_market, "day-ahead-hourly"}


def _lacking(feed: Feed, day: date, held: Mapping[str, Points], now: datetime) -> list[str]:
    """The nodes of which a market day is not whole, as far as it is out."""
    whole, due = local_day(day, feed.timezone), expected(feed, day, now, _HOUR) or 0
    first, last = (int(moment.timestamp()) // 60 for moment in (whole.start, whole.end))
    counts = {node: int(((p.minutes >= first) & (p.minutes < last)).sum()) for node, p in held.items()}
    return sorted(node for node, count in counts.items() if count < int(_AT_LEAST * due))
