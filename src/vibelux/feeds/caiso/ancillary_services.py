"""CAISO's prices of reserves and regulation by region: OASIS PRC_AS, day-ahead, and HASP where it is given.

Regions nest and their prices add up: a resource in AS_SP26 earns AS_CAISO_EXP, AS_CAISO and AS_SP26 together.
Mileage (RMU, RMD) is in USD per MW moved, not per MW and hour; its `service` says so.
"""

from collections.abc import Iterator
from datetime import time, timedelta

from vibelux.feeds._check import shaped
from vibelux.feeds._feed import Ask, Daily, Feed, Payload, Request
from vibelux.feeds.caiso import _oasis
from vibelux.market.errors import SchemaChanged
from vibelux.market.intervals import Interval, local_date, local_day
from vibelux.market.records import ANCILLARY_PRICE, Parsed

SERVICES = {
    "RU": "regulation-up",
    "RD": "regulation-down",
    "RMU": "regulation-mileage-up",
    "RMD": "regulation-mileage-down",
    "SR": "spinning",
    "NR": "non-spinning",
}
_ITEMS = {
    "RU_CLR_PRC": "RU",
    "RD_CLR_PRC": "RD",
    "RMU_CLR_PRC": "RMU",
    "RMD_CLR_PRC": "RMD",
    "SP_CLR_PRC": "SR",
    "NS_CLR_PRC": "NR",
}
_MARKETS = {"DAM": "day-ahead-hourly", "HASP": "hasp-15min", "RTM": "real-time-15min", "RTPD": "real-time-15min"}


def requests(ask: Ask) -> Iterator[Request]:
    """All products and regions, a Pacific day a request."""
    day = local_date(ask.window.start, _oasis.ZONE)
    while (whole := local_day(day, _oasis.ZONE)).start < ask.window.end:
        window = Ask(Interval(whole.start, whole.end))
        yield from _oasis.oasis_requests(window, "PRC_AS", 12, market_run_id="DAM", anc_type="ALL", anc_region="ALL")
        day += timedelta(days=1)


def parse(payload: Payload) -> Parsed:
    """One record a region, product and interval; the product is upstream's type, told by the data item.

    Raises:
        SchemaChanged: a data item or a market run is none that is known.
    """
    import polars as pl

    parsed = Parsed()
    members = _oasis.long_rows(
        payload,
        parsed.quarantined,
        item=("XML_DATA_ITEM", "DATA_ITEM"),
        what=("ANC_REGION", "RESOURCE_NAME"),
        value_names=("PRC", "VALUE"),
        others={"MARKET_RUN_ID": "MKT_TYPE"},
    )
    long = _oasis.to_utc(pl.concat(members), parsed.quarantined)
    for column, known in (("item", _ITEMS), ("MARKET_RUN_ID", _MARKETS)):
        unknown = [name for name in long[column].unique().drop_nulls() if name not in known]
        if unknown:
            raise SchemaChanged(
                f"{payload.name or 'payload'}: {column} {', '.join(unknown)}; known are {', '.join(known)}",
                missing=tuple(known),
                extra=unknown,
            )
    product = pl.col("item").replace_strict(_ITEMS)
    parsed.frames[ANCILLARY_PRICE.name] = shaped(
        ANCILLARY_PRICE,
        long.select(
            iso_region=pl.lit("CAISO"),
            region="what",
            product=product,
            service=product.replace_strict(SERVICES),
            market=pl.col("MARKET_RUN_ID").replace_strict(_MARKETS),
            price_per_mw_hour="value",
            interval_start="start",
            interval_end="end",
            data_source=pl.lit("CAISO OASIS PRC_AS"),
        ),
    )
    return parsed


FEED = Feed(
    provider="caiso",
    data_type="ancillary-services",
    region="California",
    kind="ancillary-price",
    reports=("PRC_AS",),
    service=_oasis.OASIS,
    url=_oasis.URL,
    publication=Daily(at=time(13, 0), timezone=_oasis.ZONE, days_ahead=1),
    stale_after_seconds=36 * 3600,
    timezone=_oasis.ZONE,
    unit="USD/MW/h",
    plausible=(-100.0, 10_000.0),
    columns=("INTERVALSTARTTIME_GMT", "INTERVALENDTIME_GMT", "ANC_REGION", "XML_DATA_ITEM", "MARKET_RUN_ID", "MW"),
    requests=requests,
    parse=parse,
    source="OASIS specification 5.1.8; no recording found, not yet proven",
)
