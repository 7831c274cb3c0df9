"""Prices from the database, as they are known there now."""

from datetime import UTC, date, datetime, timedelta

from vibelux.backtest.gas import GasIndex
from vibelux.backtest.points import Points, Recorded, chosen
from vibelux.config import Settings
from vibelux.dispatch.facility import Facility
from vibelux.market.errors import UsageError
from vibelux.market.regions import region_of
from vibelux.outlook.learn import DAY_AHEAD, Rules
from vibelux.store import points, reader
from vibelux.store.opened import opened

_FIRST = datetime(2000, 1, 1, tzinfo=UTC)
_LAST = datetime(2100, 1, 1, tzinfo=UTC)
_MOST = 100_000


async def stored_prices(settings: Settings, facility: Facility, node: str | None, market: str | None) -> Recorded:
    """The prices of a facility's node.

    Raises:
        UsageError: there are none.
        StoreUnavailable: the database is away.
    """
    region, name = region_of(facility.iso_region), node or facility.pricing_node
    own = region.real_time_market
    since = dict.fromkeys((own, "real-time-15min", "real-time-hourly", DAY_AHEAD), _FIRST)
    url = settings.database_url
    async with opened(url.get_secret_value() if url is not None else None, settings.data_dir) as db:
        held = await points.price_points(db, region.iso_region, name, since, until=_LAST, as_of=_LAST)
    found = {market: Points.of(one.minutes, one.values) for market, one in held.items() if len(one.minutes) > 1}
    recorded = chosen(found, Rules.of(region.iso_region), name, own, market) if found else None
    if recorded is None:
        told = f"; there are {', '.join(found)}" if found else ""
        raise UsageError(f"the database has no prices of {name} in {market or 'any market'}{told}")
    return recorded


async def stored_gas(settings: Settings, hub: str) -> GasIndex:
    """The daily prices of a hub; empty where there are none.

    Raises:
        StoreUnavailable: the database is away.
    """
    url = settings.database_url
    async with opened(url.get_secret_value() if url is not None else None, settings.data_dir) as db:
        frame = await reader.records(
            db, "gas-price", start=_FIRST, end=_FIRST + timedelta(days=36_500), filters={"hub_name": hub}, limit=_MOST
        )
    rows: list[tuple[date, float]] = [
        (row["trading_date"], float(row["price_per_mmbtu"]))
        for row in frame.iter_rows(named=True)
        if row["contract_type"] != "futures"
    ]
    return GasIndex.of(rows)
