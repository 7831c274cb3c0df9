"""Reads from the store what a facility's market conditions are made of."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from vibelux.dispatch.facility import Facility
from vibelux.market.intervals import floor_to, local_date, zone
from vibelux.market.quality import age_seconds
from vibelux.market.regions import region_of
from vibelux.outlook.conditions import MarketRows
from vibelux.outlook.quotes import Row
from vibelux.store import reader
from vibelux.store.database import Database

_DAYS_BACK = 8
_HOUR = timedelta(hours=1)
_SLOT = timedelta(minutes=5)
_KEPT_SECONDS = 1.0
"""Of the wall: other processes write too."""


class SharedRows:
    """Market rows that many facilities of one market share: on an ordinary day they are read once for all of them.

    What was read is good until something new comes, for a second at the longest, and never beyond the five minutes
    that it was read in: with the next ones another price may begin to count. What stands in for a real-time price is
    read each time.

    Args:
        db: the store.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._kept: dict[tuple[Any, ...], tuple[float, MarketRows]] = {}

    def forget(self) -> None:
        """Something new is stored."""
        self._kept = {}

    async def of(self, facility: Facility, now: datetime, stale_after_seconds: float) -> MarketRows:
        """As `market_rows`.

        Raises:
            StoreUnavailable: the database is away.
        """
        kept, began = self._kept, time.monotonic()
        markets = (facility.iso_region, facility.pricing_node, facility.prices.gas_market, facility.carbon_market)
        key = (*markets, local_date(now, facility.zone_name), floor_to(now, _SLOT))
        read_at, rows = kept.get(key, (-_KEPT_SECONDS, MarketRows()))
        if began - read_at < _KEPT_SECONDS and _is_fresh(rows.real_time, now, stale_after_seconds):
            return rows
        rows = await market_rows(self._db, facility, now, stale_after_seconds)
        if _is_fresh(rows.real_time, now, stale_after_seconds):
            kept[key] = began, rows  # what came in the meantime has put another dict in the place of this one
        return rows


async def market_rows(db: Database, facility: Facility, now: datetime, stale_after_seconds: float) -> MarketRows:
    """The newest records that concern a facility, as known now: on an ordinary day three reads of one row each.

    The same moment's price in other markets, and this hour's on recent days, are read only when the real-time price
    is missing or stale.

    Raises:
        StoreUnavailable: the database is away.
    """
    own, today = region_of(facility.iso_region).real_time_market, local_date(now, facility.zone_name)
    async with db.at_once() as reads:
        real_time = await reader.latest_price(reads, facility.iso_region, facility.pricing_node, own, at=now)
        gas = await reader.latest_gas(reads, facility.prices.gas_market, at=today)
        market = facility.carbon_market
        carbon = await reader.latest_carbon(reads, market, at=today) if market else None
        if _is_fresh(real_time, now, stale_after_seconds):
            return MarketRows(real_time=real_time, gas=gas, carbon=carbon)
        node = {"iso_region": facility.iso_region, "pricing_node": facility.pricing_node}
        begun = await reader.prices_within(reads, [(now - _HOUR, now + datetime.resolution)], **node)
        same_hour = [row for row in begun if row["market"] != own and now < row["market_interval_end"]]
        if same_hour:
            return MarketRows(real_time=real_time, same_hour=same_hour, gas=gas, carbon=carbon)
        history = await reader.prices_within(reads, _same_hours(now, facility.zone_name), market=own, **node)
    return MarketRows(real_time=real_time, history=history, gas=gas, carbon=carbon)


def _is_fresh(real_time: Row | None, now: datetime, stale_after_seconds: float) -> bool:
    return real_time is not None and age_seconds(now, real_time["market_interval_end"]) <= stale_after_seconds


def _same_hours(now: datetime, zone_name: str) -> list[tuple[datetime, datetime]]:
    """This hour of the wall clock on each of the eight days before."""
    hour = now.astimezone(zone(zone_name)).replace(minute=0, second=0, microsecond=0)
    starts = [(hour - timedelta(days=day)).astimezone(UTC) for day in range(1, _DAYS_BACK + 1)]
    return [(start, start + _HOUR) for start in starts]
