"""NYISO's prices of reserves and regulation by zone: real-time rtasp (P-6B) and day-ahead damasp (P-5).

Real-time stamps are the ends of five-minute intervals, day-ahead stamps the starts of hours. Until June 2016 a row
held all regions, each with columns of its own (`East 10 Min Spinning Reserve`); since then a zone has its row.
Regulation movement is in USD per MW moved, not per MW and hour; its `service` says so.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from vibelux.feeds._check import shaped
from vibelux.feeds._csv import header_of
from vibelux.feeds._feed import Ask, Feed, Payload, Request, Rolling
from vibelux.feeds._zip import Member
from vibelux.feeds.nyiso import _dispatch, _files
from vibelux.market.records import ANCILLARY_PRICE, Parsed, Quarantined

if TYPE_CHECKING:
    import polars as pl

SERVICES = {
    "10 Min Spinning Reserve": "spinning",
    "10 Min Non-Synchronous Reserve": "non-spinning",
    "30 Min Operating Reserve": "operating-30min",
    "Regulation": "regulation",
    "NYCA Regulation Capacity": "regulation",
    "NYCA Regulation Movement": "regulation-movement",
}
_ZONAL = (
    "10 Min Spinning Reserve",
    "10 Min Non-Synchronous Reserve",
    "30 Min Operating Reserve",
    "NYCA Regulation Capacity",
)
"""The products of each zone's row."""
COLUMNS = (_files.STAMP, "Name", *(f"{product} ($/MWHr)" for product in _ZONAL))
_PRICE_COLUMN = re.compile(r"(?:(East|West|SENY) )?(.+?)(?: \(\$/MWH?r?\)?)?")
_MOVEMENT = "NYCA Regulation Movement"


def requests(ask: Ask) -> Iterator[Request]:
    """Both files of each day of the window."""
    return _files.file_requests(ask, "rtasp/rtasp", "damasp/damasp")


def parse(payload: Payload) -> Parsed:
    """One record a region, product and interval; a file with stamps off the hour, or with movement, is real-time."""
    import polars as pl

    parsed = Parsed()
    frames = [_long(member, payload, parsed.quarantined) for member in _files.members(payload)]
    parsed.frames[ANCILLARY_PRICE.name] = shaped(
        ANCILLARY_PRICE,
        pl.concat(frames).with_columns(
            iso_region=pl.lit("NYISO"),
            service=pl.col("product").replace_strict(SERVICES),
            interval_start="start",
            interval_end="end",
        ),
    )
    return parsed


def _long(member: Member, payload: Payload, quarantined: list[Quarantined]) -> "pl.DataFrame":
    import polars as pl

    products: dict[str, tuple[str | None, str]] = {}
    for column in header_of(member.body):
        match = _PRICE_COLUMN.fullmatch(column)
        if match is not None and match[2] in SERVICES:
            products[column] = (match[1], match[2])
    printed = {product for _, product in products.values()}
    zonal = not any(region for region, _ in products.values())
    absent = [f"{product} ($/MWHr)" for product in _ZONAL if zonal and product not in printed]
    form = _files.Form(
        columns=(_files.STAMP, *(("Name",) if zonal else ()), *products, *absent),
        numbers=tuple(products),
        series=("Name",) if zonal else (),
        optional=(_files.LABEL,),
    )
    wide = _files.table(member, form, quarantined)
    long = wide.with_columns(Name=pl.col("Name") if zonal else pl.lit("NYCA")).unpivot(
        list(products), index=["moment", "Name"], variable_name="column", value_name="price_per_mw_hour"
    )
    region, product = ({column: said[at] for column, said in products.items()} for at in (0, 1))
    long = long.with_columns(
        region=pl.coalesce(pl.col("column").replace_strict(region, return_dtype=pl.String), "Name"),
        product=pl.col("column").replace_strict(product, return_dtype=pl.String),
    )
    if _MOVEMENT in product.values() or (wide["moment"].dt.minute() != 0).any():
        source = long.with_columns(series=pl.concat_str("region", "column"), data_source=pl.lit("NYISO rtasp"))
        return _dispatch.with_intervals(source, "series", payload.received_at).drop("series")
    return long.rename({"moment": "start"}).select(
        end=pl.col("start") + timedelta(hours=1),
        market=pl.lit("day-ahead-hourly"),
        data_source=pl.lit("NYISO damasp"),
        start="start",
        Name="Name",
        column="column",
        price_per_mw_hour="price_per_mw_hour",
        region="region",
        product="product",
    )


FEED = Feed(
    provider="nyiso",
    data_type="reserve-prices",
    region="New York",
    kind="ancillary-price",
    reports=("rtasp", "damasp"),
    service=_files.MIS,
    url=_files.URL,
    publication=Rolling(step=timedelta(minutes=5), lag=timedelta(minutes=1)),
    stale_after_seconds=1_800,
    timezone=_files.ZONE,
    unit="USD/MW/h",
    plausible=(-100.0, 10_000.0),
    columns=COLUMNS,
    requests=requests,
    parse=parse,
    archived_after=_files.DAYS_KEPT,
    source="mis.nyiso.com P-5, P-6B; columns as public readers name them, not yet proven on a recording",
)
