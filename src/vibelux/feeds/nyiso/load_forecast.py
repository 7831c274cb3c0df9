"""NYISO's hourly load forecast by zone for a day and the next five: isolf (P-7), a file a day."""

from collections.abc import Iterator
from datetime import time, timedelta

from vibelux.feeds._check import shaped
from vibelux.feeds._feed import Ask, Daily, Feed, Payload, Request
from vibelux.feeds.nyiso import _files
from vibelux.market.records import SERIES, Parsed

ZONES = ("Capitl", "Centrl", "Dunwod", "Genese", "Hud Vl", "Longil", "Mhk Vl", "Millwd", "N.Y.C.", "North", "West")
TOTAL = "NYISO"
COLUMNS = (_files.STAMP, *ZONES, TOTAL)


def requests(ask: Ask) -> Iterator[Request]:
    """The issue of each day of the window."""
    return _files.file_requests(ask, "isolf/isolf")


def parse(payload: Payload) -> Parsed:
    """One record a zone and hour; issued on the date of the file, which is the date of its first row.

    The file is really out the morning before; its date is what upstream prints, and never too early.
    """
    import polars as pl

    parsed = Parsed()
    values = (*ZONES, TOTAL)
    wide = _files.all_rows(payload, _files.Form(columns=COLUMNS, numbers=values), parsed.quarantined)
    wide = wide.with_columns(issued_at=pl.col("moment").first().over("file"))
    long = wide.unpivot(values, index=["moment", "issued_at"], variable_name="location")
    parsed.frames[SERIES.name] = shaped(
        SERIES,
        long.with_columns(
            provider=pl.lit("nyiso"),
            variable=pl.lit("load-forecast"),
            unit=pl.lit("MW"),
            valid_start="moment",
            valid_end=pl.col("moment") + timedelta(hours=1),
            data_source=pl.lit("NYISO isolf"),
        ),
    )
    return parsed


FEED = Feed(
    provider="nyiso",
    data_type="load-forecast",
    region="New York",
    kind="series",
    reports=("isolf",),
    service=_files.MIS,
    url=_files.URL,
    publication=Daily(at=time(7, 15), timezone=_files.ZONE, days_ahead=1),
    stale_after_seconds=36 * 3600,
    timezone=_files.ZONE,
    unit="MW",
    plausible=(0.0, 60_000.0),
    columns=COLUMNS,
    requests=requests,
    parse=parse,
    archived_after=_files.DAYS_KEPT,
    source="mis.nyiso.com P-7; proven on recordings of 2017 and 2020, the spring day among them",
)
