"""PJM's load forecasts by area: seven days ahead (load_frcstd_7_day), its past issues, and the next two hours."""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from vibelux.feeds._feed import Ask, Feed, Payload, Request, Rolling
from vibelux.feeds.pjm import _requests
from vibelux.feeds.pjm._dataminer import read_reports
from vibelux.feeds.pjm._report import Report
from vibelux.feeds.pjm._series import series
from vibelux.market.records import SERIES, Parsed

if TYPE_CHECKING:
    import polars as pl

_AREA, _MW = ("forecast_area",), ("forecast_load_mw",)
_SEVEN_DAYS = Report(
    "load_frcstd_7_day",
    texts=_AREA,
    numbers=_MW,
    start="forecast_datetime_beginning",
    end="forecast_datetime_ending",
    issued="evaluated_at_datetime",
)
_PAST = Report("load_frcstd_hist", texts=_AREA, numbers=_MW, start="forecast_hour_beginning", issued="evaluated_at")
_SHORT = Report(
    "very_short_load_frcst",
    texts=_AREA,
    numbers=_MW,
    step=timedelta(minutes=5),
    start="forecast_datetime_beginning",
    end="forecast_datetime_ending",
    issued="evaluated_at",
)


def requests(ask: Ask) -> Iterator[Request]:
    """The seven-day report holds its newest issue only and is asked for whole; longer windows get past issues."""
    yield _requests.request(_SEVEN_DAYS.name, {})
    if _requests.is_history(ask.window):
        yield from _requests.report_requests(Ask(ask.window), _PAST.name, by="forecast_hour_beginning")


def parse(payload: Payload) -> Parsed:
    """Each issue is a series of its own, told apart by the time at which it was evaluated."""
    return read_reports(payload, (_SEVEN_DAYS, _PAST, _SHORT), _records)


def _records(report: Report, rows: "pl.DataFrame") -> "Iterator[tuple[str, pl.DataFrame]]":
    import polars as pl

    yield SERIES.name, series(report, rows, "load-forecast", report.numbers[0], location=pl.col(report.texts[0]))


FEED = Feed(
    provider="pjm",
    data_type="load-forecast",
    region="PJM",
    kind="series",
    reports=(_SEVEN_DAYS.name, _PAST.name, _SHORT.name),
    service=_requests.SERVICE,
    url=f"{_requests.URL}/{_SEVEN_DAYS.name}",
    publication=Rolling(step=timedelta(minutes=30), lag=timedelta(minutes=16)),
    stale_after_seconds=3 * 3600,
    timezone=_requests.ZONE,
    unit="MW",
    plausible=(0.0, 250_000.0),
    columns=_SEVEN_DAYS.columns,
    requests=requests,
    parse=parse,
    follow=_requests.next_page,
    auth="pjm",
    needs_key=_requests.NEEDS_KEY,
    source="PJM Data Miner 2; load_frcstd_7_day proven on a recording of 2025, the other two not yet",
)
