"""PJM load: five-minute instants by area (inst_load), and the hourly meters that settle (hrl_load_metered)."""

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

_METERED = Report("hrl_load_metered", texts=("load_area",), numbers=("mw",))
_INSTANT = Report("inst_load", texts=("area",), numbers=("instantaneous_load",), step=timedelta())


def requests(ask: Ask) -> Iterator[Request]:
    """A poll asks for instants (kept for 30 days); a longer window for the meters as well."""
    window = Ask(ask.window)
    yield from _requests.report_requests(window, _INSTANT.name)
    if _requests.is_history(ask.window):
        yield from _requests.report_requests(window, _METERED.name)


def parse(payload: Payload) -> Parsed:
    """Instants stand at seconds of their own; meters are corrected for months, always under the same hour."""
    return read_reports(payload, (_METERED, _INSTANT), _records)


def _records(report: Report, rows: "pl.DataFrame") -> "Iterator[tuple[str, pl.DataFrame]]":
    import polars as pl

    yield SERIES.name, series(report, rows, "load", report.numbers[0], location=pl.col(report.texts[0]))


FEED = Feed(
    provider="pjm",
    data_type="load",
    region="PJM",
    kind="series",
    reports=(_METERED.name, _INSTANT.name),
    service=_requests.SERVICE,
    url=f"{_requests.URL}/{_INSTANT.name}",
    publication=Rolling(step=timedelta(minutes=5), lag=timedelta(minutes=2)),
    stale_after_seconds=1_800,
    timezone=_requests.ZONE,
    unit="MW",
    plausible=(0.0, 250_000.0),
    columns=_METERED.columns,
    requests=requests,
    parse=parse,
    follow=_requests.next_page,
    auth="pjm",
    needs_key=_requests.NEEDS_KEY,
    source="PJM Data Miner 2; hrl_load_metered proven on recordings of 2018 to 2025 (CSV), inst_load not yet",
)
