"""PJM's generation by fuel, hourly: Data Miner 2 gen_by_fuel."""

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

_REPORT = Report("gen_by_fuel", texts=("fuel_type",), numbers=("mw",))


def requests(ask: Ask) -> Iterator[Request]:
    """All fuels over the window."""
    return _requests.report_requests(Ask(ask.window), _REPORT.name)


def parse(payload: Payload) -> Parsed:
    """A fuel is a category; storage that charges is below zero."""
    return read_reports(payload, (_REPORT,), _records)


def _records(report: Report, rows: "pl.DataFrame") -> "Iterator[tuple[str, pl.DataFrame]]":
    import polars as pl

    yield SERIES.name, series(report, rows, "fuel-mix", "mw", category=pl.col("fuel_type"))


FEED = Feed(
    provider="pjm",
    data_type="fuel-mix",
    region="PJM",
    kind="series",
    reports=(_REPORT.name,),
    service=_requests.SERVICE,
    url=f"{_requests.URL}/{_REPORT.name}",
    publication=Rolling(step=timedelta(hours=1), lag=timedelta(minutes=75), reread=timedelta(hours=6)),
    stale_after_seconds=3 * 3600,
    timezone=_requests.ZONE,
    unit="MW",
    plausible=(-20_000.0, 250_000.0),
    columns=_REPORT.columns,
    requests=requests,
    parse=parse,
    follow=_requests.next_page,
    auth="pjm",
    needs_key=_requests.NEEDS_KEY,
    source="PJM Data Miner 2; proven on a recording of 2025",
)
