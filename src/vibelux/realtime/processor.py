"""What happens at each market event: how prices moved is said and measured, and whom it concerns is decided for."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from vibelux.dispatch.facility import Facility
from vibelux.ingest.events import (
    MARKET_DATA_UPDATED,
    PRICE_UPDATE,
    Callback,
    Events,
    MarketDataUpdated,
    PriceUpdated,
    Subscription,
)
from vibelux.ingest.nodes import HUBS
from vibelux.market.clock import Clock
from vibelux.market.errors import StoreUnavailable
from vibelux.market.regions import find_region
from vibelux.realtime.metrics import PriceMetrics
from vibelux.realtime.moves import (
    CARBON,
    ELECTRICITY,
    GAS,
    WATCHED,
    Newest,
    Priced,
    Since,
    Watched,
    change,
    newest_of,
)
from vibelux.store import reader
from vibelux.store.database import Database

log = structlog.get_logger(__name__)

_A_MOMENT = {ELECTRICITY.kind: timedelta(microseconds=1), GAS.kind: timedelta(days=1), CARBON.kind: timedelta(days=1)}
"""Before the start of an interval, or before a trading day."""


class Deciding(Protocol):
    """What is needed of the desk."""

    @property
    def facilities(self) -> Sequence[Facility]:
        """All that it decides for."""
        ...

    def on_market_data(self, event: MarketDataUpdated, prices: Mapping[str, float]) -> None:
        """Decides for those concerned; first for those whose break-even one of the new prices has crossed."""
        ...


@dataclass(frozen=True, slots=True)
class _Known:
    region: str
    now: Priced
    last: float | None


class MarketDataProcessor:
    """Listens to market data for as long as its events live.

    After the desk has been told, each price that moved goes out as `price-update`; demand-response opportunities and
    alerts hang on that event. A price that comes again, or an older one (a backfill), moves nothing.

    Args:
        db: the store; asked for the last price of what has not been seen yet.
        clock: the service's.
        events: where market data come from and price updates go to.
        desk: who decides.
        metrics: gauges.
        threshold: relative change from which on one is significant.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        events: Events,
        desk: Deciding,
        *,
        metrics: PriceMetrics,
        threshold: float = 0.05,
    ) -> None:
        self._db = db
        self._clock = clock
        self._events = events
        self._desk = desk
        self._metrics = metrics
        self._threshold = threshold
        self._known: dict[tuple[str, str], _Known] = {}
        events.on(MARKET_DATA_UPDATED, self.process)

    def on(self, name: str, callback: Callback) -> Subscription:
        """Calls `callback(event)` at each `price-update` (`PriceUpdated`) or `chp-decision-update` (`DecisionMade`).

        Raises:
            UsageError: there is no such event.
        """
        return self._events.on(name, callback)

    async def process(self, event: MarketDataUpdated) -> None:
        """Takes up one event."""
        watched = WATCHED.get(event.kind)
        found: list[Newest] = []
        if watched is not None and event.rows is not None:
            found = list(newest_of(watched, event.rows, self._names(watched, event)))
        self._desk.on_market_data(event, {one.name: one.now.price for one in found})
        if watched is not None:
            updates = [update for one in found if (update := await self._moved(watched, event, one)) is not None]
            self._measure(watched, updates)
            for update in updates:
                await self._events.emit(PRICE_UPDATE, update)

    def _names(self, watched: Watched, event: MarketDataUpdated) -> Collection[str]:
        """Of thousands of nodes, those of the facilities and the grid's hubs."""
        if watched is not ELECTRICITY:
            return event.names
        own = {one.pricing_node for one in self._desk.facilities}
        return event.names & (own | set(HUBS.get(event.provider, ())))

    async def _moved(self, watched: Watched, event: MarketDataUpdated, found: Newest) -> PriceUpdated | None:
        """The update that a price makes; None where it is not news."""
        place = (watched.kind, found.name)
        known = self._known.get(place)
        if known is None:
            newest = await self._stored(watched, event, found.name, self._clock.now())
            if newest is not None and newest.since > found.now.since:
                known = self._known[place] = _Known(found.region, newest, None)
        if known is not None and (known.now == found.now or known.now.since > found.now.since):
            return None
        last = await self._last(watched, event, found, known)
        self._known[place] = _Known(found.region, found.now, last)
        moved = None if last is None else change(last, found.now.price, watched.floor)
        return PriceUpdated(
            kind=watched.kind,
            region=found.region,
            name=found.name,
            price=found.now.price,
            last=last,
            change=moved,
            significant=moved is not None and abs(moved) > self._threshold,
            since=found.now.since,
            origin=event.origin,
        )

    async def _last(
        self, watched: Watched, event: MarketDataUpdated, found: Newest, known: _Known | None
    ) -> float | None:
        """What the price was before: of the interval before, or, where this is a correction, until now."""
        if found.before is not None and (known is None or found.before.since >= known.now.since):
            return found.before.price
        if known is not None:
            return known.now.price
        stored = await self._stored(watched, event, found.name, found.now.since - _A_MOMENT[watched.kind])
        return None if stored is None else stored.price

    async def _stored(self, watched: Watched, event: MarketDataUpdated, name: str, at: Since) -> Priced | None:
        """The newest price of a name in the store; None where it has none, or is away: then it is as good as new."""
        try:
            row = await self._row(watched, event, name, at)
        except StoreUnavailable as error:
            log.info("the store is away; a price has no last one to compare with", name=name, error=str(error))
            return None
        return None if row is None else Priced(row[watched.since], float(row[watched.price]))

    async def _row(self, watched: Watched, event: MarketDataUpdated, name: str, at: Since) -> reader.Row | None:
        if watched is GAS:
            return await reader.latest_gas(self._db, name, at=at)
        grid = find_region(event.provider)
        if watched is not ELECTRICITY or grid is None or not isinstance(at, datetime):
            return await reader.latest_carbon(self._db, name, at=at)
        return await reader.latest_price(self._db, grid.iso_region, name, grid.real_time_market, at=at)

    def _measure(self, watched: Watched, updates: Sequence[PriceUpdated]) -> None:
        """Gas by hub; power by region, as the mean of the watched nodes that have its newest interval."""
        if watched is GAS:
            for update in updates:
                if update.change is not None:
                    self._metrics.gas_change(update.name, update.change)
        elif watched is ELECTRICITY:
            for region in {update.region for update in updates}:
                known = [one for (kind, _), one in self._known.items() if kind == watched.kind and one.region == region]
                newest = max(one.now.since for one in known)
                pairs = [(one.last, one.now.price) for one in known if one.now.since == newest and one.last is not None]
                if pairs:
                    last, price = (sum(side) / len(pairs) for side in zip(*pairs, strict=True))
                    self._metrics.electricity_change(region, change(last, price, watched.floor))
