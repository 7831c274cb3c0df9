"""CAISO's daily index price of a California carbon allowance (one metric ton CO2e): OASIS PRC_GHG_ALLOWANCE."""

from collections.abc import Iterator
from datetime import time

from vibelux.feeds._check import shaped
from vibelux.feeds._feed import Ask, Daily, Feed, Payload, Request
from vibelux.feeds.caiso import _oasis
from vibelux.market.records import CARBON_PRICE, Parsed


def requests(ask: Ask) -> Iterator[Request]:
    """The report has no parameter but the window."""
    return _oasis.oasis_requests(Ask(ask.window), "PRC_GHG_ALLOWANCE", 1)


def parse(payload: Payload) -> Parsed:
    """One price a trade date."""
    import polars as pl

    parsed = Parsed()
    members = _oasis.long_rows(
        payload,
        parsed.quarantined,
        item=("OPR_DT", "DATA_ITEM"),
        what=("OPR_DT", "OPR_DATE"),
        value="GHG_PRC_IDX",
        report="PRC_GHG_ALLOWANCE",
    )
    parsed.frames[CARBON_PRICE.name] = shaped(
        CARBON_PRICE,
        pl.concat(members).select(
            market_name=pl.lit("California Cap-and-Trade"),
            region=pl.lit("California"),
            price_per_metric_ton="value",
            currency=pl.lit("USD"),
            market_type=pl.lit("compliance"),
            trading_date=pl.col("day").str.to_date("%Y-%m-%d", strict=False),
            data_source=pl.lit("CAISO OASIS PRC_GHG_ALLOWANCE"),
        ),
    )
    return parsed


FEED = Feed(
    provider="caiso",
    data_type="ghg-allowance",
    region="California",
    kind="carbon-price",
    reports=("PRC_GHG_ALLOWANCE",),
    service=_oasis.OASIS,
    url=_oasis.URL,
    publication=Daily(at=time(9, 0), timezone=_oasis.ZONE, days_ahead=0),
    stale_after_seconds=96 * 3600,
    timezone=_oasis.ZONE,
    unit="USD/metric ton",
    plausible=(0.0, 1_000.0),
    columns=("OPR_DT", "GHG_PRC_IDX"),
    requests=requests,
    parse=parse,
    source="OASIS specification 5.1.8; no recording found, not yet proven",
)
