"""PJM's binding constraints and what one more megawatt would be worth: rt_marginal_value and da_marginal_value."""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from vibelux.feeds._check import shaped
from vibelux.feeds._feed import Ask, Feed, Payload, Request, Rolling
from vibelux.feeds.pjm import _requests
from vibelux.feeds.pjm._dataminer import read_reports
from vibelux.feeds.pjm._report import Report
from vibelux.market.intervals import Interval
from vibelux.market.records import CONSTRAINT, Parsed

if TYPE_CHECKING:
    import polars as pl


def _report(name: str, step: timedelta) -> Report:
    return Report(
        name,
        texts=("monitored_facility",),
        numbers=("shadow_price",),
        step=step,
        end="datetime_ending",
        optional_texts=("contingency_facility",),
    )


_REAL_TIME = _report("rt_marginal_value", timedelta(minutes=5))
_DAY_AHEAD = _report("da_marginal_value", timedelta(hours=1))
_MARKETS = {_REAL_TIME.name: "real-time-5min", _DAY_AHEAD.name: "day-ahead-hourly"}


def requests(ask: Ask) -> Iterator[Request]:
    """Both markets over the window, the day-ahead one as far as it can be out."""
    yield from _requests.report_requests(Ask(ask.window), _REAL_TIME.name)
    ahead = Interval(ask.window.start, ask.window.end + timedelta(hours=36))
    yield from _requests.report_requests(Ask(ahead), _DAY_AHEAD.name)


def parse(payload: Payload) -> Parsed:
    """PJM prints a binding limit's value below zero (relaxing it lowers cost); records have it above."""
    return read_reports(payload, (_REAL_TIME, _DAY_AHEAD), _records)


def _records(report: Report, rows: "pl.DataFrame") -> "Iterator[tuple[str, pl.DataFrame]]":
    import polars as pl

    yield (
        CONSTRAINT.name,
        shaped(
            CONSTRAINT,
            rows.select(
                iso_region=pl.lit("PJM"),
                constraint_name="monitored_facility",
                contingency="contingency_facility",
                market=pl.lit(_MARKETS[report.name]),
                shadow_price=pl.col("shadow_price").abs(),
                interval_start="start",
                interval_end="end",
                data_source=pl.lit(f"PJM Data Miner 2 {report.name}"),
            ),
        ),
    )


FEED = Feed(
    provider="pjm",
    data_type="congestion",
    region="PJM",
    kind="constraint",
    reports=(_REAL_TIME.name, _DAY_AHEAD.name),
    service=_requests.SERVICE,
    url=f"{_requests.URL}/{_REAL_TIME.name}",
    publication=Rolling(step=timedelta(hours=1), lag=timedelta(minutes=75), reread=timedelta(hours=24)),
    stale_after_seconds=24 * 3600,
    timezone=_requests.ZONE,
    unit="USD/MWh",
    plausible=(0.0, 100_000.0),
    columns=_REAL_TIME.columns,
    requests=requests,
    parse=parse,
    follow=_requests.next_page,
    auth="pjm",
    needs_key=_requests.NEEDS_KEY,
    source="PJM Data Miner 2; both reports proven on recordings of September 2024",
)
