"""NYISO's load by zone, each five minutes: pal (P-58B). Stamps are instants, irregular ones among them."""

from collections.abc import Iterator
from datetime import timedelta

from vibelux.feeds._check import shaped
from vibelux.feeds._feed import Ask, Feed, Payload, Request, Rolling
from vibelux.feeds.nyiso import _files
from vibelux.market.records import SERIES, Parsed

COLUMNS = (_files.STAMP, "Time Zone", "Name", "Load")


def requests(ask: Ask) -> Iterator[Request]:
    """The file of each day."""
    return _files.file_requests(ask, "pal/pal")


def parse(payload: Payload) -> Parsed:
    """One record a zone and stamp; an empty cell stays without value. No total is printed and none is made up."""
    import polars as pl

    parsed = Parsed()
    form = _files.Form(columns=COLUMNS, numbers=("Load",), series=("Name",))
    frame = _files.all_rows(payload, form, parsed.quarantined)
    parsed.frames[SERIES.name] = shaped(
        SERIES,
        frame.select(
            provider=pl.lit("nyiso"),
            variable=pl.lit("load"),
            location="Name",
            unit=pl.lit("MW"),
            value="Load",
            valid_start="moment",
            valid_end="moment",
            data_source=pl.lit("NYISO pal"),
        ),
    )
    return parsed


FEED = Feed(
    provider="nyiso",
    data_type="load",
    region="New York",
    kind="series",
    reports=("pal",),
    service=_files.MIS,
    url=_files.URL,
    publication=Rolling(step=timedelta(minutes=5), lag=timedelta(minutes=6)),
    stale_after_seconds=1_800,
    timezone=_files.ZONE,
    unit="MW",
    plausible=(0.0, 60_000.0),
    columns=COLUMNS,
    requests=requests,
    parse=parse,
    archived_after=_files.DAYS_KEPT,
    source="mis.nyiso.com P-58B; proven on recordings of 2017 and 2019, the autumn day among them",
)
