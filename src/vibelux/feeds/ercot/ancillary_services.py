"""ERCOT's day-ahead clearing prices for capacity, hourly: NP4-188-CD, and NP4-181-ER by year, a column a product.

ECRS began on 10 June 2023. Real-time prices (NP6-331-CD, by quarter hour) are read here too, and polled by
`ercot/real-time-ancillary-services`. Responsive reserve (RRS) is ERCOT's spinning reserve.
"""

from collections.abc import Sequence
from datetime import time
from typing import TYPE_CHECKING

from vibelux.feeds._check import shaped
from vibelux.feeds._feed import Daily, Feed, Payload
from vibelux.feeds.ercot import _mis
from vibelux.feeds.ercot._series import gathered
from vibelux.feeds.ercot._tables import Layout, Table, numbers, tables
from vibelux.feeds.ercot._time import ZONE, hours
from vibelux.market.records import ANCILLARY_PRICE, Parsed, Quarantined

if TYPE_CHECKING:
    import polars as pl

_SERVICES = {
    "REGUP": "regulation-up",
    "REGDN": "regulation-down",
    "RRS": "spinning",
    "NSPIN": "non-spinning",
    "ECRS": "ecrs",
}
REAL_TIME = Layout(
    "NP6-331-CD",
    ("deliverydate", "deliveryhour", "deliveryinterval", "repeatedhourflag|repeathourflag", "astype", "mcpc"),
)
_LAYOUTS = (
    Layout("NP4-188-CD", ("deliverydate", "hourending", "ancillarytype", "mcpc", "dstflag")),
    Layout("NP4-181-ER", ("deliverydate", "hourending", "repeatedhourflag", "regdn", "regup", "rrs", "nspin")),
    REAL_TIME,
)
PLAUSIBLE = (-100.0, 30_000.0)
"""USD a MW and hour."""
_LISTED = (_mis.Listed(12329, _mis.day_after(1), years=13091),)


def parse(payload: Payload) -> Parsed:
    """All products and intervals of a payload; a product that was not yet sold has a blank cell and no record."""
    return read_reports(payload, _LAYOUTS)


def read_reports(payload: Payload, layouts: Sequence[Layout]) -> Parsed:
    """The same, of these reports alone."""
    quarantined: list[Quarantined] = []
    frames = [_records(table, quarantined) for table in tables(payload, layouts)]
    return gathered(ANCILLARY_PRICE, frames, quarantined)


def _records(table: Table, quarantined: list[Quarantined]) -> "pl.DataFrame":
    import polars as pl

    timed = hours(table.frame, quarantined)
    if table.report == "NP4-181-ER":
        products = [column for column in timed.columns if column not in {"day", "hour", "flag", "start", "end"}]
        if any(timed.schema[product] == pl.String for product in products):
            timed = timed.with_columns(pl.col(products).cast(pl.String))
        timed = timed.unpivot(products, index=["start", "end"], variable_name="product", value_name="price")
        timed = timed.filter(pl.col("price").is_not_null())
    product = pl.col("product")
    return shaped(
        ANCILLARY_PRICE,
        numbers(timed, "price", quarantined).with_columns(
            iso_region=pl.lit("ERCOT"),
            region=pl.lit("Texas"),
            service=product.replace_strict(_SERVICES, default=product.str.to_lowercase(), return_dtype=pl.String()),
            market=pl.lit("real-time-15min" if table.report == "NP6-331-CD" else "day-ahead-hourly"),
            price_per_mw_hour="price",
            interval_start="start",
            interval_end="end",
            data_source=pl.lit(f"ERCOT {table.report}"),
        ),
    )


FEED = Feed(
    provider="ercot",
    data_type="ancillary-services",
    region="Texas",
    kind="ancillary-price",
    reports=("NP4-188-CD", "NP4-181-ER", "NP6-331-CD"),
    service=_mis.ERCOT,
    url=_mis.LIST_URL,
    publication=Daily(at=time(13, 30), timezone=ZONE, days_ahead=1),
    stale_after_seconds=36 * 3600,
    timezone=ZONE,
    unit="USD/MW/h",
    plausible=PLAUSIBLE,
    columns=("DeliveryDate", "HourEnding", "AncillaryType", "MCPC", "DSTFlag"),
    requests=_mis.lists(_LISTED),
    parse=parse,
    follow=_mis.downloads(_LISTED),
    source="NP4-181-ER proven on the file of 2015; NP4-188-CD and NP6-331-CD in the documented form only",
)
