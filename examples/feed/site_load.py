"""A feed of one's own: a plant's load in CSV, quarter hours in local time with a column that tells a repeated hour.

As `src/vibelux/feeds/site/site_load.py` it is `site/site-load` for every command; nothing else is edited.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from vibelux.feeds import Ask, Feed, Payload, Request, Rolling, Service
from vibelux.feeds._check import shaped
from vibelux.feeds._csv import read_csv
from vibelux.market.errors import TimeRefused
from vibelux.market.intervals import to_utc
from vibelux.market.records import SERIES, Parsed, Quarantined

_ZONE = "America/Los_Angeles"
_STEP = timedelta(minutes=15)
_COLUMNS = ("local_start", "repeated", "load_mw")


def requests(ask: Ask) -> Iterator[Request]:
    """The whole of the last days: the page takes no parameters."""
    del ask
    yield Request("https://meters.example.com/load.csv")


def parse(payload: Payload) -> Parsed:
    """One row a quarter of an hour; a row without a time that exists, or without a number, is set aside."""
    import polars as pl

    parsed, rows = Parsed(), []
    for local, repeated, load in read_csv(payload.body, _COLUMNS, name=payload.name).fill_null("").iter_rows():
        try:
            start = to_utc(datetime.fromisoformat(local), _ZONE, repeated=repeated == "Y")
            rows.append((start, start + _STEP, float(load)))
        except (TimeRefused, ValueError) as error:
            parsed.quarantined.append(Quarantined(str(error), local, f"{local},{repeated},{load}"))
    schema = {"valid_start": pl.Datetime("us", "UTC"), "valid_end": pl.Datetime("us", "UTC"), "value": pl.Float64()}
    frame = pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        provider=pl.lit("site"),
        variable=pl.lit("load"),
        location=pl.lit("plant-1"),
        unit=pl.lit("MW"),
        data_source=pl.lit("meters.example.com load.csv"),
    )
    parsed.frames[SERIES.name] = shaped(SERIES, frame)
    return parsed


FEED = Feed(
    provider="site",
    data_type="site-load",
    region="California",
    kind="series",
    reports=("load.csv",),
    service=Service("meters.example.com", seconds_between=5.0),
    url="https://meters.example.com",
    publication=Rolling(step=_STEP, lag=timedelta(minutes=16)),
    stale_after_seconds=3600,
    timezone=_ZONE,
    unit="MW",
    plausible=(0.0, 50.0),
    columns=_COLUMNS,
    requests=requests,
    parse=parse,
    source="an example",
)
