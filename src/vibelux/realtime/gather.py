"""Reads from the store what a facility's market conditions are made of."""

from datetime import datetime, timedelta

from vibelux.dispatch.facility import Facility
from vibelux.market.intervals import local_date
from vibelux.market.quality import age_seconds
from vibelux.market.regions import region_of
from vibelux.outlook.conditions import MarketRows
from vibelux.outlook.quotes import Row
from vibelux.store import reader
from vibelux.store.database import Database

_OTHER_MARKETS = (
    "real-time-5min",
    "real-time-15min",
    "hasp-15min",
    "advisory-5min",
    "advisory-15min",
    "day-ahead-hourly",
)
_HISTORY = timedelta(days=8)


async def market_rows(db: Database, facility: Facility, now: datetime, stale_after_seconds: float) -> MarketRows:
    """The newest records that concern a facility, as known now.

    The same moment's price in other markets and the history are read only when the real-time price is missing or
    stale: on an ordinary day this is three reads of one row each.

    Raises:
        StoreUnavailable: the database is away.
    """
    grid, node = facility.iso_region, facility.pricing_node
    own = region_of(grid).real_time_market
    real_time = await reader.latest_price(db, grid, node, own, at=now)
    carbon_market = facility.carbon_market
    today = local_date(now, facility.zone_name)
    gas = await reader.latest_gas(db, facility.prices.gas_hub, at=today)
    carbon = await reader.latest_carbon(db, carbon_market, at=today) if carbon_market else None
    if real_time and age_seconds(now, real_time["market_interval_end"]) <= stale_after_seconds:
        return MarketRows(real_time=real_time, gas=gas, carbon=carbon)
    others = [await reader.latest_price(db, grid, node, market, at=now) for market in _OTHER_MARKETS if market != own]
    same_hour: list[Row] = [row for row in others if row and row["market_interval_end"] > now]
    history: list[Row] = []
    if not same_hour:
        history = list(
            await reader.prices(db, iso_region=grid, pricing_node=node, market=own, start=now - _HISTORY, end=now)
        )
    return MarketRows(real_time=real_time, same_hour=same_hour, history=history, gas=gas, carbon=carbon)
