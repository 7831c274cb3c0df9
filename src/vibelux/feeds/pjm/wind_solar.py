"""PJM's wind and solar power: what ran, by area, and each hourly and five-minute forecast that PJM gave out.

An hourly forecast is for the area that hourly reports of generation call `RTO`. Five-minute reports name no area
and stand under `PJM`: so an hour and its first five minutes, issued at one moment, are never taken for each other.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from vibelux.feeds._feed import Ask, Feed, Payload, Request, Rolling
from vibelux.feeds.pjm import _requests
from vibelux.feeds.pjm._dataminer import read_reports
from vibelux.feeds.pjm._report import Report
from vibelux.feeds.pjm._series import SYSTEM, series
from vibelux.market.records import SERIES, Parsed

if TYPE_CHECKING:
    import polars as pl

_HOUR, _FIVE_MINUTES = timedelta(hours=1), timedelta(minutes=5)
_BEHIND_THE_METER = "solar_forecast_btm_mwh"


def _forecast(name: str, step: timedelta) -> Report:
    source = "wind" if "wind" in name else "solar"
    return Report(
        name,
        texts=(),
        numbers=(f"{source}_forecast_mwh",),
        step=step,
        end="datetime_ending",
        issued="evaluated_at",
        optional_numbers=(_BEHIND_THE_METER,) if source == "solar" else (),
    )


_HOURLY = (
    Report("wind_gen", texts=("area",), numbers=("wind_generation_mw",)),
    Report("solar_gen", texts=("area",), numbers=("solar_generation_mw",)),
)
_HOURLY_FORECASTS = (_forecast("hourly_wind_power_forecast", _HOUR), _forecast("hourly_solar_power_forecast", _HOUR))
_QUICK = (
    _forecast("five_min_wind_power_forecast", _FIVE_MINUTES),
    _forecast("five_min_solar_power_forecast", _FIVE_MINUTES),
    Report("five_min_solar_generation", texts=(), numbers=("solar_generation_mw",), step=_FIVE_MINUTES),
    Report("instantaneous_wind_gen", texts=(), numbers=("wind_generation_mw",), step=timedelta()),
)
_REPORTS = (*_HOURLY, *_HOURLY_FORECASTS, *_QUICK)


def requests(ask: Ask) -> Iterator[Request]:
    """The hourly reports; forecasts by the time at which they were given out."""
    for report in _HOURLY_FORECASTS:
        yield from _requests.report_requests(Ask(ask.window), report.name, by=report.issued)
    for report in _HOURLY:
        yield from _requests.report_requests(Ask(ask.window), report.name)


def parse(payload: Payload) -> Parsed:
    """Solar panels behind customers' meters are a category of their own beside the grid's."""
    return read_reports(payload, _REPORTS, _records)


def _records(report: Report, rows: "pl.DataFrame") -> "Iterator[tuple[str, pl.DataFrame]]":
    import polars as pl

    source = "wind" if "wind" in report.name else "solar"
    variable = f"{source}-forecast" if report.issued else f"{source}-generation"
    location = pl.col("area") if report.texts else pl.lit("RTO" if report.step == _HOUR else SYSTEM)
    yield SERIES.name, series(report, rows, variable, report.numbers[0], location=location)
    for column in report.optional_numbers:
        known = rows.filter(pl.col(column).is_not_null())
        category = pl.lit("behind-the-meter")
        yield SERIES.name, series(report, known, variable, column, location=location, category=category)


FEED = Feed(
    provider="pjm",
    data_type="wind-solar",
    region="PJM",
    kind="series",
    reports=tuple(report.name for report in _REPORTS),
    service=_requests.SERVICE,
    url=f"{_requests.URL}/{_HOURLY_FORECASTS[1].name}",
    publication=Rolling(step=_HOUR, lag=timedelta(minutes=10), reread=timedelta(hours=36)),
    stale_after_seconds=3 * 3600,
    timezone=_requests.ZONE,
    unit="MW",
    plausible=(-500.0, 150_000.0),
    columns=_HOURLY_FORECASTS[1].columns,
    requests=requests,
    parse=parse,
    follow=_requests.next_page,
    auth="pjm",
    needs_key=_requests.NEEDS_KEY,
    source="PJM Data Miner 2; solar_gen and hourly wind, hourly and 5-min solar forecasts proven on recordings",
)
