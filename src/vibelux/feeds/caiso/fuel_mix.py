"""CAISO's generation by fuel, each five minutes: Today's Outlook fuelsource; supply, renewables, batteries charts."""

from collections.abc import Iterator
from datetime import timedelta

from vibelux.feeds._check import shaped
from vibelux.feeds._feed import Ask, Feed, Payload, Request, Rolling
from vibelux.feeds.caiso import _outlook
from vibelux.market.errors import SchemaChanged
from vibelux.market.records import SERIES, Parsed

KNOWN = {"solar", "wind", "natural gas", "nuclear", "batteries", "imports", "large hydro"}


def requests(ask: Ask) -> Iterator[Request]:
    """The current file, or the history of each day."""
    return _outlook.outlook_requests(ask, "fuelsource")


def parse(payload: Payload) -> Parsed:
    """One record a fuel and stamp, under upstream's names; sums that it prints (`Renewables`) are rows too.

    Raises:
        SchemaChanged: none of the series is a fuel.
    """
    import polars as pl

    parsed = Parsed()
    long = _outlook.long_rows(payload, parsed.quarantined, wanted=[{name} for name in FEED.columns[1:]])
    fuels = long["what"].unique().sort()
    if not fuels.is_empty() and KNOWN.isdisjoint(fuels.str.to_lowercase()):
        raise SchemaChanged(f"{payload.name or 'payload'}: no series is a fuel: {', '.join(fuels)}", missing=("Solar",))
    parsed.frames[SERIES.name] = shaped(
        SERIES,
        long.select(
            provider=pl.lit("caiso"),
            category="what",
            variable=pl.lit("fuel-mix"),
            location=pl.lit(_outlook.LOCATION),
            unit=pl.lit("MW"),
            value="value",
            valid_start="moment",
            valid_end="moment",
            data_source=pl.lit("CAISO Today's Outlook fuelsource"),
        ),
    )
    return parsed


FEED = Feed(
    provider="caiso",
    data_type="fuel-mix",
    region="California",
    kind="series",
    reports=("fuelsource", "supply", "renewables", "batteries"),
    service=_outlook.OUTLOOK,
    url=_outlook.URL,
    publication=Rolling(step=timedelta(minutes=5), lag=timedelta(minutes=7)),
    stale_after_seconds=1_800,
    timezone=_outlook.ZONE,
    unit="MW",
    plausible=(-30_000.0, 80_000.0),
    columns=("Time", "Solar", "Wind", "Natural Gas"),
    requests=requests,
    parse=parse,
    source="Today's Outlook; the transposed form proven on downloads of 2018, the daily file not yet",
)
