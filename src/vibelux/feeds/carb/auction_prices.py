"""Settlement prices of California's (with Quebec's) auctions of allowances: CARB's summary, one PDF for all of them.

One allowance is one metric ton CO2e. The current auction sells allowances that can be used now, the advance auction
those of three years later (17 CCR 95910(c)). The summary names only the month: a price is dated on its third Wednesday,
the usual day of an auction, and comes out about a week later, at noon.
"""

from collections.abc import Iterator, Sequence
from datetime import date, time, timedelta
from typing import TYPE_CHECKING

from vibelux.feeds._check import shaped
from vibelux.feeds._csv import csv_lines
from vibelux.feeds._feed import Ask, Daily, Feed, Payload, Request, Service
from vibelux.feeds._html import refuse_page
from vibelux.feeds._pdf import pdf_lines
from vibelux.feeds._text import without_bom
from vibelux.feeds.carb._summary import Auction, auctions
from vibelux.market.contracts import nth_weekday
from vibelux.market.errors import Corrupt, SchemaChanged
from vibelux.market.records import CARBON_PRICE, Parsed, Quarantined

if TYPE_CHECKING:
    import polars as pl

MARKET = "California Cap-and-Trade"
_URL = "https://ww2.arb.ca.gov/sites/default/files/2020-08/results_summary.pdf"
_HEADERS = {"User-Agent": "Mozilla/5.0 (compatible; Vibelux)"}
"""The site answers 503 to what does not look like a browser."""
_ZONE = "America/Los_Angeles"
_MONTHS = {2, 5, 8, 11}
_PUBLISHED_AFTER = timedelta(days=7)
_WEDNESDAY, _THIRD = 2, 3
_ADVANCE_YEARS = 3
_DAY = ("auction_date", "auction_date_approx")
_CURRENT = ("current_settlement_price_usd", "current_auction_price_usd")
_ADVANCE = ("advance_settlement_price_usd", "advance_auction_price_usd")


def requests(ask: Ask) -> Iterator[Request]:
    """The summary of all auctions to date."""
    del ask
    yield Request(_URL, headers=_HEADERS)


def parse(payload: Payload) -> Parsed:
    """Two prices an auction, told apart by vintage; a CSV with one auction a row is read as well.

    Raises:
        AccessDenied: a page that refuses the client.
        SchemaChanged: columns are missing or in another order.
        Corrupt: neither PDF nor CSV.
    """
    refuse_page(payload.body, payload.name, "PDF")
    parsed = Parsed()
    if payload.body.lstrip().startswith(b"%PDF-"):
        found = auctions(pdf_lines(payload.body, payload.name), payload.name, parsed.quarantined)
        source = "CARB auction summary"
    else:
        found = list(_from_csv(payload, parsed.quarantined))
        source = "CARB auction summary, as CSV"
    parsed.frames[CARBON_PRICE.name] = _records(found, source)
    return parsed


def _from_csv(payload: Payload, quarantined: list[Quarantined]) -> Iterator[Auction]:
    text = without_bom(payload.body).decode("utf-8", "replace")
    if "," not in text.partition("\n")[0]:
        raise Corrupt(f"{payload.name or 'payload'}: neither the PDF of auctions nor a CSV of them: {text[:120]!r}")
    header, *lines = csv_lines(text, payload.name)
    day, current, advance = (_column(header, names, payload) for names in (_DAY, _CURRENT, _ADVANCE))
    for line in lines:
        row = dict(zip(header, line, strict=False))
        try:
            held = date.fromisoformat(row[day])
            yield Auction(held.year, held.month, float(row[current]), float(row[advance]) if row[advance] else None)
        except (KeyError, ValueError):
            quarantined.append(
                Quarantined("no auction with its prices", str(row.get(day)), ",".join(map(str, row.values())))
            )


def _column(header: Sequence[str], names: Sequence[str], payload: Payload) -> str:
    found = next((name for name in names if name in header), None)
    if found is None:
        raise SchemaChanged(
            f"{payload.name or 'payload'}: column {names[0]} is missing; the header is {', '.join(header)[:200]!r}",
            missing=(names[0],),
            extra=tuple(header),
        )
    return found


def _records(found: Sequence[Auction], source: str) -> "pl.DataFrame":
    import polars as pl

    rows = [(one.current, one.year, one) for one in found]
    rows += [(one.advance, one.year + _ADVANCE_YEARS, one) for one in found if one.advance is not None]
    rows.sort(key=lambda row: (row[2].year, row[2].month, row[1]))
    frame = pl.DataFrame(
        {
            "price_per_metric_ton": [price for price, _, _ in rows],
            "vintage_year": [vintage for _, vintage, _ in rows],
            "trading_date": [_held_on(one.year, one.month) for _, _, one in rows],
        },
        schema={name: CARBON_PRICE.schema()[name] for name in ("price_per_metric_ton", "vintage_year", "trading_date")},
    )
    return shaped(
        CARBON_PRICE,
        frame.with_columns(
            market_name=pl.lit(MARKET),
            region=pl.lit("California"),
            currency=pl.lit("USD"),
            market_type=pl.lit("compliance"),
            data_source=pl.lit(source),
        ),
    )


def _held_on(year: int, month: int) -> date:
    return nth_weekday(year, month, _WEDNESDAY, _THIRD)


def _is_out_on(day: date) -> bool:
    held = day - _PUBLISHED_AFTER
    return held.month in _MONTHS and held == _held_on(held.year, held.month)


FEED = Feed(
    provider="carb",
    data_type="auction-prices",
    region="California",
    kind="carbon-price",
    reports=("results_summary",),
    service=Service("ww2.arb.ca.gov", seconds_between=30.0),
    url=_URL,
    publication=Daily(at=time(12, 15), timezone=_ZONE, days_ahead=-_PUBLISHED_AFTER.days, open_on=_is_out_on),
    stale_after_seconds=110 * 86_400,
    timezone=_ZONE,
    unit="USD/allowance",
    plausible=(1.0, 1_000.0),
    columns=("Current Auction", "Advance Auction"),
    requests=requests,
    parse=parse,
    source="the rows as two readers of the PDF print them; numbers proven on their CSVs, the PDF itself not yet",
)
