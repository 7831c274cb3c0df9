"""NYISO's generation by fuel, each five minutes: rtfuelmix (P-63). Stamps are instants."""

from collections.abc import Iterator
from datetime import timedelta

from vibelux.feeds._check import shaped
from vibelux.feeds._feed import Ask, Feed, Payload, Request, Rolling
from vibelux.feeds.nyiso import _files
from vibelux.market.records import SERIES, Parsed

COLUMNS = (_files.STAMP, "Time Zone", "Fuel Category", "Gen MW")


def requests(ask: Ask) -> Iterator[Request]:
    """The file of each day."""
    return _files.file_requests(ask, "rtfuelmix/rtfuelmix")


def parse(payload: Payload) -> Parsed:
    """One record a fuel and stamp. Files of 2016 call the column `Gen MWh`; the numbers were MW then too."""
    import polars as pl

    parsed = Parsed()
    form = _files.Form(
        columns=COLUMNS, numbers=("Gen MW",), series=("Fuel Category",), aliases={"Gen MW": ("Gen MWh",)}
    )
    frame = _files.all_rows(payload, form, parsed.quarantined)
    parsed.frames[SERIES.name] = shaped(
        SERIES,
        frame.select(
            provider=pl.lit("nyiso"),
            category="Fuel Category",
            variable=pl.lit("fuel-mix"),
            location=pl.lit("NYISO"),
            unit=pl.lit("MW"),
            value="Gen MW",
            valid_start="moment",
            valid_end="moment",
            data_source=pl.lit("NYISO rtfuelmix"),
        ),
    )
    return parsed


FEED = Feed(
    provider="nyiso",
    data_type="fuel-mix",
    region="New York",
    kind="series",
    reports=("rtfuelmix",),
    service=_files.MIS,
    url=_files.URL,
    publication=Rolling(step=timedelta(minutes=5), lag=timedelta(minutes=6)),
    stale_after_seconds=1_800,
    timezone=_files.ZONE,
    unit="MW",
    plausible=(-5_000.0, 60_000.0),
    columns=COLUMNS,
    requests=requests,
    parse=parse,
    archived_after=_files.DAYS_KEPT,
    source="mis.nyiso.com P-63; proven on recordings of 2016 and 2025",
)
