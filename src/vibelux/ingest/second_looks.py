"""Looks again and again whether prices that can be had by two routes agree, and tells where they do not."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from vibelux.feeds import feed_named
from vibelux.ingest.agreement import COMPARISONS, Comparison, agreement
from vibelux.ingest.metrics import Metrics
from vibelux.ingest.nodes import Nodes
from vibelux.ingest.schedule import sleep_until
from vibelux.market.clock import Clock
from vibelux.market.errors import StoreUnavailable
from vibelux.market.intervals import floor_to
from vibelux.store import disagreements
from vibelux.store.database import Database
from vibelux.store.disagreements import Disagreement
from vibelux.store.reader import records

log = structlog.get_logger(__name__)

EVERY = timedelta(minutes=15)
_ROUTES_BACK = timedelta(days=1)
_A_RUN = timedelta(minutes=15)
"""A short price may begin so much before the interval that it reaches into."""


class SecondLooks:
    """Compares the newest whole intervals of the nodes that the service asks for.

    Args:
        db: where prices are, and where disagreements are kept.
        clock: the service's.
        metrics: counters.
        nodes: which nodes a feed asks for.
    """

    def __init__(self, db: Database, clock: Clock, metrics: Metrics, nodes: Nodes) -> None:
        self._db = db
        self._clock = clock
        self._metrics = metrics
        self._nodes = nodes

    async def run(self) -> None:
        """Looks each quarter of an hour, until cancelled."""
        while True:
            try:
                await self.look()
            except StoreUnavailable as error:
                log.info("the store is away; prices are not compared", error=str(error))
            await sleep_until(self._clock, self._clock.now() + EVERY)

    async def look(self) -> list[Disagreement]:
        """All comparisons once; the disagreements that were not known.

        Raises:
            StoreUnavailable: the database is away.
        """
        now = self._clock.now()
        fresh: list[Disagreement] = []
        for rule in COMPARISONS:
            fresh += await self._compare(rule, now)
        by_route = await disagreements.by_route(self._db, now - _ROUTES_BACK)
        fresh += await self._told(by_route, now)
        return fresh

    async def _compare(self, rule: Comparison, now: datetime) -> list[Disagreement]:
        nodes = tuple(self._nodes(feed_named(rule.feed)))
        start, end = floor_to(now, rule.length) - rule.looks_back, now
        wanted = {"iso_region": rule.iso_region, "pricing_node": nodes}
        long = await records(
            self._db, "electricity-price", start=start, end=end, filters={**wanted, "market": rule.long}
        )
        if long.is_empty():
            return []
        short = await records(
            self._db, "electricity-price", start=start - _A_RUN, end=end, filters={**wanted, "market": rule.short}
        )
        found = agreement(rule, short, long)
        self._metrics.compared(rule.feed, found.compared)
        fresh = await self._told(found.disagreements, now)
        await disagreements.forget(
            self._db,
            found.disagreements,
            iso_region=rule.iso_region,
            comparison=rule.name,
            nodes=nodes,
            start=start,
            end=end,
        )
        return fresh

    async def _told(self, found: Sequence[Disagreement], now: datetime) -> list[Disagreement]:
        """Keeps them, and tells of those that are new."""
        if not found:
            return []
        fresh = await disagreements.add(self._db, found, now)
        for comparison in dict.fromkeys(one.comparison for one in fresh):
            some = [one for one in fresh if one.comparison == comparison]
            worst = max(some, key=lambda one: abs(one.one - one.other))
            log.warning("prices disagree", feed=worst.feed, count=len(some), worst=str(worst), why=worst.why)
            self._metrics.disagree(worst.feed, comparison, len(some))
        return fresh
