"""Reads from the store what a facility's market conditions are made of."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from vibelux.dispatch.facility import Facility
from vibelux.market.intervals import local_date
from vibelux.market.quality import age_seconds
from vibelux.market.regions import region_of
from vibelux.outlook.conditions import MarketRows
from vibelux.outlook.quotes import Row
from vibelux.store import reader
from vibelux.store.database import Database, Readable

_DAYS_BACK = 8
_HOUR = timedelta(hours=1)


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
        if real_time and age_seconds(now, real_time["market_interval_end"]) <= stale_after_seconds:
            return MarketRows(real_time=real_time, gas=gas, carbon=carbon)
        same_hour = [row for row in await _around(reads, facility, now, None) if row["market"] != own]
        same_hour = [row for row in same_hour if row["market_interval_start"] <= now < row["market_interval_end"]]
        history: list[Row] = []
        if not same_hour:
            for days in range(1, _DAYS_BACK + 1):
                history += await _around(reads, facility, now - timedelta(days=days), own)
    return MarketRows(real_time=real_time, same_hour=same_hour, history=history, gas=gas, carbon=carbon)


async def _around(reads: Readable, facility: Facility, moment: datetime, market: str | None) -> Sequence[Row]:
    """The node's prices from an hour before a moment to an hour after it: clocks may have been changed since."""
    return await reader.prices(
        reads,
        iso_region=facility.iso_region,
        pricing_node=facility.pricing_node,
        market=market,
        start=moment - _HOUR,
        end=moment + _HOUR,
    )
