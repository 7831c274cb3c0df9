"""PJM's prices of reserves and regulation, real-time and day-ahead; and what regulation was bought, as series.

A locale is a region: PJM's whole reserve zone is `PJM`, its subzone keeps upstream's name (`MAD`). Regulation is
paid for capability and for performance; their sum is its price, and the parts are products beside it.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from vibelux.feeds._check import shaped
from vibelux.feeds._feed import Ask, Feed, Payload, Request, Rolling
from vibelux.feeds.pjm import _requests
from vibelux.feeds.pjm._dataminer import read_reports
from vibelux.feeds.pjm._regulation import MARKET_RESULTS, market_results
from vibelux.feeds.pjm._report import Report
from vibelux.feeds.pjm._series import SYSTEM, series
from vibelux.market.intervals import Interval
from vibelux.market.records import ANCILLARY_PRICE, SERIES, Parsed

if TYPE_CHECKING:
    import polars as pl

_RESERVES = Report(
    "reserve_market_results",
    texts=("locale", "service"),
    numbers=("mcp",),
    step=None,
    marks=("reg_ccp",),
    optional_numbers=("reg_ccp", "reg_pcp"),
)
_DAY_AHEAD_RESERVES = Report("da_reserve_market_results", texts=("locale", "service"), numbers=("mcp",))
_REGULATION = Report(
    "reg_prices",
    texts=("area",),
    numbers=("market_clearing_price", "capability_clearing_price", "performance_clearing_price"),
    step=timedelta(minutes=5),
)
_NAMED = Report("ancillary_services", texts=("ancillary_service", "unit"), numbers=("value",))
_DAY_AHEAD_NAMED = Report("da_ancillary_services", texts=_NAMED.texts, numbers=_NAMED.numbers)
_REPORTS = (_RESERVES, _DAY_AHEAD_RESERVES, _REGULATION, _NAMED, _DAY_AHEAD_NAMED, MARKET_RESULTS)
_FIVE_MINUTES_SINCE = datetime(2022, 9, 1, 4, tzinfo=UTC)
"""Real-time reserves were hourly before."""

_SERVICES = {
    "REG": "regulation",
    "SR": "spinning",
    "PR": "primary",
    "30MIN": "operating-30min",
    "reg_ccp": "regulation-capability",
    "reg_pcp": "regulation-performance",
    "market_clearing_price": "regulation",
    "capability_clearing_price": "regulation-capability",
    "performance_clearing_price": "regulation-performance",
}
_SERVICES_IN_NAMES = {
    "Regulation Capability": "regulation-capability",
    "Regulation Mileage": "regulation-performance",
    "Regulation Performance": "regulation-performance",
    "Regulation": "regulation",
    "Non-Synchronized Reserve": "non-spinning",
    "Synchronized Reserve": "spinning",
    "Primary Reserve": "primary",
    "Secondary Reserve": "operating-30min",
    "Thirty Minute": "operating-30min",
}


def requests(ask: Ask) -> Iterator[Request]:
    """Prices of both markets over the window, the day-ahead one as far as it can be out."""
    for report in (_REGULATION, _RESERVES):
        yield from _requests.report_requests(Ask(ask.window), report.name)
    ahead = Interval(ask.window.start, ask.window.end + timedelta(hours=36))
    yield from _requests.report_requests(Ask(ahead), _DAY_AHEAD_RESERVES.name)


def parse(payload: Payload) -> Parsed:
    """Prices of every report; `reg_market_results` has none and gives series."""
    return read_reports(payload, _REPORTS, _records)


def _records(report: Report, rows: "pl.DataFrame") -> "Iterator[tuple[str, pl.DataFrame]]":
    import polars as pl

    if report is MARKET_RESULTS:
        yield SERIES.name, market_results(rows)
    elif report is _REGULATION:
        for column in report.numbers:
            yield ANCILLARY_PRICE.name, _prices(report, rows, column, product=pl.lit(column), region=pl.col("area"))
    elif "value" in report.numbers:
        yield from _named(report, rows)
    else:
        timed = _with_ends(rows) if report is _RESERVES else rows
        locale = pl.col("locale")
        yield ANCILLARY_PRICE.name, _prices(report, timed, "mcp", product=pl.col("service"), region=locale)
        for column in report.optional_numbers:
            known = timed.filter(pl.col(column).is_not_null())
            yield ANCILLARY_PRICE.name, _prices(report, known, column, product=pl.lit(column), region=locale)


def _named(report: Report, rows: "pl.DataFrame") -> "Iterator[tuple[str, pl.DataFrame]]":
    """Reports with one row a named value, of which `unit` says whether it is a price."""
    import polars as pl

    name, is_price = pl.col("ancillary_service"), pl.col("unit").str.to_lowercase() == "price"
    region = name.str.extract(r"^(\S+)")
    yield ANCILLARY_PRICE.name, _prices(report, rows.filter(is_price), "value", product=name, region=region)
    ratios = rows.filter(~is_price)
    if ratios.height:
        yield SERIES.name, series(report, ratios, "regulation-mileage-ratio", "value", category=name, unit="1")


def _prices(
    report: Report, rows: "pl.DataFrame", value: str, *, product: "pl.Expr", region: "pl.Expr"
) -> "pl.DataFrame":
    import polars as pl

    whole = region.str.contains("(?i)RTO|^PJM$")
    named = pl.lit(None, pl.String)
    for part, service in reversed(_SERVICES_IN_NAMES.items()):
        named = pl.when(pl.col("product").str.contains(part, literal=True)).then(pl.lit(service)).otherwise(named)
    return shaped(
        ANCILLARY_PRICE,
        rows.select(
            iso_region=pl.lit("PJM"),
            region=pl.when(whole).then(pl.lit(SYSTEM)).otherwise(region),
            product=product,
            market=pl.lit(_market(report)) if report is not _RESERVES else _market_by_length(),
            price_per_mw_hour=value,
            interval_start="start",
            interval_end="end",
            data_source=pl.lit(f"PJM Data Miner 2 {report.name}"),
        ).with_columns(
            service=pl.coalesce(
                pl.col("product").replace_strict(_SERVICES, default=None, return_dtype=pl.String), named, "product"
            )
        ),
    )


def _market(report: Report) -> str:
    if report.name.startswith("da_"):
        return "day-ahead-hourly"
    return "real-time-5min" if report is _REGULATION else "real-time-hourly"


def _market_by_length() -> "pl.Expr":
    import polars as pl

    hourly = pl.col("end") - pl.col("start") == timedelta(hours=1)
    return pl.when(hourly).then(pl.lit("real-time-hourly")).otherwise(pl.lit("real-time-5min"))


def _with_ends(rows: "pl.DataFrame") -> "pl.DataFrame":
    """Hours before the change, five minutes since; but stamps that all stand on the hour are hours."""
    import polars as pl

    recent = rows.filter(pl.col("start") >= _FIVE_MINUTES_SINCE)["start"].unique()
    hourly = recent.len() > 1 and bool((recent.dt.truncate("1h") == recent).all())
    length = pl.lit(timedelta(hours=1) if hourly else timedelta(minutes=5))
    lasts = pl.when(pl.col("start") < _FIVE_MINUTES_SINCE).then(pl.lit(timedelta(hours=1))).otherwise(length)
    return rows.with_columns(end=pl.col("start") + lasts)


FEED = Feed(
    provider="pjm",
    data_type="ancillary-services",
    region="PJM",
    kind="ancillary-price",
    reports=tuple(report.name for report in _REPORTS),
    service=_requests.SERVICE,
    url=f"{_requests.URL}/{_RESERVES.name}",
    publication=Rolling(step=timedelta(hours=1), lag=timedelta(minutes=10), reread=timedelta(hours=72)),
    stale_after_seconds=5 * 86_400,
    timezone=_requests.ZONE,
    unit="USD/MW/h",
    plausible=(-100.0, 20_000.0),
    columns=_RESERVES.columns,
    requests=requests,
    parse=parse,
    follow=_requests.next_page,
    auth="pjm",
    needs_key=_requests.NEEDS_KEY,
    source="PJM Data Miner 2; reg_market_results proven on an excerpt of 2025, the price reports not yet",
)
