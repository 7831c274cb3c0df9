"""CO2 of the power that serves CAISO's load, by resource, each five minutes: Today's Outlook co2.

Upstream prints metric tons per hour; divided by the demand of `caiso/load` they are the average intensity.
"""

from collections.abc import Iterator
from datetime import timedelta

from vibelux.feeds._check import shaped
from vibelux.feeds._feed import Ask, Feed, Payload, Request, Rolling
from vibelux.feeds.caiso import _outlook
from vibelux.market.errors import SchemaChanged
from vibelux.market.records import SERIES, Parsed
from vibelux.market.units import KG_PER_METRIC_TON

_MARK = "CO2"


def requests(ask: Ask) -> Iterator[Request]:
    """The current file, or the history of each day."""
    return _outlook.outlook_requests(ask, "co2")


def parse(payload: Payload) -> Parsed:
    """`Natural Gas CO2` is the category `Natural Gas`; the chart's `CO2` is the total and has no category.

    Exports carry CO2 away, so imports may be negative.

    Raises:
        SchemaChanged: a series is not of CO2.
    """
    import polars as pl

    parsed = Parsed()
    long = _outlook.long_rows(payload, parsed.quarantined, wanted=[{name} for name in FEED.columns[1:]])
    other = [name for name in long["what"].unique() if not name.endswith(_MARK)]
    if other:
        raise SchemaChanged(
            f"{payload.name or 'payload'}: series that are not of CO2: {', '.join(sorted(other))}",
            missing=(_MARK,),
            extra=sorted(other),
        )
    resource = pl.col("what").str.strip_suffix(_MARK).str.strip_chars()
    parsed.frames[SERIES.name] = shaped(
        SERIES,
        long.select(
            provider=pl.lit("caiso"),
            category=pl.when(resource != "").then(resource),
            variable=pl.lit("co2-emissions"),
            location=pl.lit(_outlook.LOCATION),
            unit=pl.lit("kg/h"),
            value=pl.col("value") * KG_PER_METRIC_TON,
            valid_start="moment",
            valid_end="moment",
            data_source=pl.lit("CAISO Today's Outlook co2"),
        ),
    )
    return parsed


FEED = Feed(
    provider="caiso",
    data_type="carbon-intensity",
    region="California",
    kind="series",
    reports=("co2",),
    service=_outlook.OUTLOOK,
    url=_outlook.URL,
    publication=Rolling(step=timedelta(minutes=5), lag=timedelta(minutes=7)),
    stale_after_seconds=1_800,
    timezone=_outlook.ZONE,
    unit="metric tons per hour",
    plausible=(-30e6, 60e6),
    columns=("Time", "Natural Gas CO2", "Imports CO2"),
    requests=requests,
    parse=parse,
    source="Today's Outlook; the transposed form proven on a download of 2018, the daily file not yet",
)
