"""CAISO's demand each five minutes, with the forecasts drawn beside it: Today's Outlook, demand and netdemand.

Upstream prints no issue time of the forecasts. A day-ahead one was out when its day began; an hour-ahead one, at
the latest, when its own time came, or with the file that shows it.
"""

from collections.abc import Iterator
from datetime import timedelta

from vibelux.feeds._check import shaped
from vibelux.feeds._feed import Ask, Feed, Payload, Request, Rolling
from vibelux.feeds.caiso import _outlook
from vibelux.market.errors import SchemaChanged
from vibelux.market.intervals import local_day
from vibelux.market.records import SERIES, Parsed

MEASURED = {
    "Current demand": "load",
    "Demand (5 min. avg.)": "load",
    "Demand": "load",
    "Net demand": "net-load",
    "Net Demand": "net-load",
    "Demand response": "demand-response",
}
_LOADS = [name for name, variable in MEASURED.items() if variable != "demand-response"]
DAY_AHEAD = {
    "Day ahead forecast": "load-forecast",
    "Day-ahead demand forecast": "load-forecast",
    "Day-ahead net demand forecast": "net-load-forecast",
}
HOUR_AHEAD = {"Hour ahead forecast": "load-forecast", "Net demand forecast": "net-load-forecast"}


def requests(ask: Ask) -> Iterator[Request]:
    """The current file, or the history of each day."""
    return _outlook.outlook_requests(ask, "demand")


def parse(payload: Payload) -> Parsed:
    """Measurements have no category; a forecast's is its curve, so that day-ahead and hour-ahead differ.

    Raises:
        SchemaChanged: none of the curves is of demand.
    """
    import polars as pl

    parsed = Parsed()
    long = _outlook.long_rows(payload, parsed.quarantined, MEASURED.__contains__, wanted=[_LOADS])
    variables = MEASURED | DAY_AHEAD | HOUR_AHEAD
    curves = long["what"].unique().sort()
    if not curves.is_empty() and not curves.is_in(list(variables)).any():
        raise SchemaChanged(
            f"{payload.name or 'payload'}: no curve is of demand: {', '.join(curves)}", missing=("Current demand",)
        )
    long = long.filter(pl.col("what").is_in(list(variables)))
    days = long["day"].unique()
    begins = pl.col("day").replace_strict(
        days, [local_day(day, _outlook.ZONE).start for day in days], return_dtype=long.schema["moment"]
    )
    measured = pl.col("what").is_in(list(MEASURED))
    newest = pl.col("moment").filter(measured).max()
    hour_ahead = pl.when(pl.col("what").is_in(list(HOUR_AHEAD))).then(pl.min_horizontal("moment", newest))
    parsed.frames[SERIES.name] = shaped(
        SERIES,
        long.select(
            provider=pl.lit("caiso"),
            category=pl.when(~measured).then("what"),
            variable=pl.col("what").replace_strict(variables),
            location=pl.lit(_outlook.LOCATION),
            unit=pl.lit("MW"),
            value="value",
            valid_start="moment",
            valid_end="moment",
            issued_at=pl.when(pl.col("what").is_in(list(DAY_AHEAD))).then(begins).otherwise(hour_ahead),
            data_source=pl.lit("CAISO Today's Outlook demand"),
        ),
    )
    return parsed


FEED = Feed(
    provider="caiso",
    data_type="load",
    region="California",
    kind="series",
    reports=("demand", "netdemand", "rtm_forecast_7day"),
    service=_outlook.OUTLOOK,
    url=_outlook.URL,
    publication=Rolling(step=timedelta(minutes=5), lag=timedelta(minutes=7)),
    stale_after_seconds=1_800,
    timezone=_outlook.ZONE,
    unit="MW",
    plausible=(-30_000.0, 80_000.0),
    columns=("Time", "Current demand"),
    requests=requests,
    parse=parse,
    source="Today's Outlook; proven on downloads of 2018 to 2020, the spring day among them, and of 2026",
)
