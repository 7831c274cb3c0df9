"""CAISO's natural gas price index by fuel region and trade date: OASIS PRC_FUEL.

A region's price is hub index plus transport. Each region has a twin whose name ends in `GHG`; names and
prices are upstream's and are not interpreted here.
"""

from collections.abc import Iterator
from datetime import time

from vibelux.feeds._check import shaped
from vibelux.feeds._feed import Ask, Daily, Feed, Payload, Request
from vibelux.feeds.caiso import _oasis
from vibelux.market.records import GAS_PRICE, Parsed, Quarantined


def requests(ask: Ask) -> Iterator[Request]:
    """All fuel regions over the window."""
    return _oasis.oasis_requests(Ask(ask.window), "PRC_FUEL", 1, fuel_region_id="ALL")


def parse(payload: Payload) -> Parsed:
    """The index is repeated for each hour of the trade date: one record a region and date."""
    import polars as pl

    parsed = Parsed()
    members = _oasis.long_rows(
        payload,
        parsed.quarantined,
        item=("XML_DATA_ITEM", "DATA_ITEM"),
        what=("FUEL_REGION_ID", "FUEL_REGION_ID"),
        value_names=("PRC", "VALUE"),
        report="PRC_FUEL",
    )
    daily = pl.concat(members).select("what", "day", "value").unique(maintain_order=True)
    twice = daily.select("what", "day").is_duplicated()
    for row in daily.filter(twice).iter_rows(named=True):
        parsed.quarantined.append(
            Quarantined("two prices on one trade date", f"{row['what']} {row['day']}", str(row["value"]))
        )
    parsed.frames[GAS_PRICE.name] = shaped(
        GAS_PRICE,
        daily.filter(~twice).select(
            hub_name="what",
            region=pl.lit("California"),
            price_per_mmbtu="value",
            currency=pl.lit("USD"),
            trading_date=pl.col("day").str.to_date("%Y-%m-%d", strict=False),
            delivery_date=pl.col("day").str.to_date("%Y-%m-%d", strict=False),
            contract_type=pl.lit("next-day"),
            data_source=pl.lit("CAISO OASIS PRC_FUEL"),
        ),
    )
    return parsed


FEED = Feed(
    provider="caiso",
    data_type="gas-price-index",
    region="California",
    kind="gas-price",
    reports=("PRC_FUEL",),
    service=_oasis.OASIS,
    url=_oasis.URL,
    publication=Daily(at=time(9, 0), timezone=_oasis.ZONE, days_ahead=1),
    stale_after_seconds=96 * 3600,
    timezone=_oasis.ZONE,
    unit="USD/MMBtu",
    plausible=(-10.0, 200.0),
    columns=("OPR_DT", "FUEL_REGION_ID", "PRC"),
    requests=requests,
    parse=parse,
    source="OASIS specification 5.1.8; no recording found, not yet proven",
)
