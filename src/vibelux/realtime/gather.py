"""Reads from the store what a facility's market conditions are made of."""

from datetime import UTC, datetime, timedelta

from vibelux.dispatch.facility import Facility
from vibelux.market.intervals import local_date, zone
from vibelux.market.quality import age_seconds
from vibelux.market.regions import region_of
from vibelux.outlook.conditions import MarketRows
from vibelux.store import reader
from vibelux.store.database import Database

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
        node = {"iso_region": facility.iso_region, "pricing_node": facility.pricing_node}
        begun = await reader.prices_within(reads, [(now - _HOUR, now + datetime.resolution)], **node)
        same_hour = [row for row in begun if row["market"] != own and now < row["market_interval_end"]]
        if same_hour:
            return MarketRows(real_time=real_time, same_hour=same_hour, gas=gas, carbon=carbon)
        history = await reader.prices_within(reads, _same_hours(now, facility.zone_name), market=own, **node)
    return MarketRows(real_time=real_time, history=history, gas=gas, carbon=carbon)


def _same_hours(now: datetime, zone_name: str) -> list[tuple[datetime, datetime]]:
    """This hour of the wall clock on each of the eight days before."""
    hour = now.astimezone(zone(zone_name)).replace(minute=0, second=0, microsecond=0)
    starts = [(hour - timedelta(days=day)).astimezone(UTC) for day in range(1, _DAYS_BACK + 1)]
    return [(start, start + _HOUR) for start in starts]
