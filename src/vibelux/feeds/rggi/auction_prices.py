"""Clearing prices of RGGI's quarterly auctions: one table of all of them on one page.

An allowance is one short ton of CO2, so prices become those of a metric ton. From 2009 to 2011 allowances of a later
period were sold on the same days (`Auction 3 (Future)`): a market of their own here, as the page gives no vintage.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date, time, timedelta
from typing import TYPE_CHECKING

from vibelux.feeds._check import shaped
from vibelux.feeds._csv import csv_lines
from vibelux.feeds._feed import Ask, Daily, Feed, Payload, Request, Service
from vibelux.feeds._html import Rows, parse_html, rows_of
from vibelux.feeds._text import excerpt, looks_like_markup, without_bom
from vibelux.market.contracts import nth_weekday
from vibelux.market.errors import Corrupt, SchemaChanged
from vibelux.market.records import CARBON_PRICE, Parsed, Quarantined
from vibelux.market.units import METRIC_TON_PER_SHORT_TON

if TYPE_CHECKING:
    import polars as pl

MARKET, FUTURE_MARKET = "RGGI", "RGGI (Future)"
_URL = "https://www.rggi.org/auctions/auction-results/prices-volumes"
_COLUMNS = ("Auction", "Date", "Clearing Price")
_CSV_COLUMNS = ("auction_num", "auction_date", "clearing_price_usd")
_ZONE = "America/New_York"
_MONTHS = {3, 6, 9, 12}
_WEDNESDAY = 2
_AUCTION = re.compile(r"(?:Auction )?(\d+)( \(Future\))?")

Row = tuple[str, str, str]


def requests(ask: Ask) -> Iterator[Request]:
    """The page with all auctions to date."""
    del ask
    yield Request(_URL)


def parse(payload: Payload) -> Parsed:
    """One price an auction; a CSV of the same table is read as well.

    Raises:
        AccessDenied: a page that refuses the client.
        SchemaChanged: no table with these columns.
        Corrupt: neither page nor CSV.
    """
    parsed = Parsed()
    if looks_like_markup(payload.body):
        tables = [rows_of(table) for table in parse_html(payload.body, payload.name).iter("table")]
        rows, source = _columns(tables, _COLUMNS, payload), "RGGI prices and volumes"
    else:
        text = without_bom(payload.body).decode("utf-8", "replace")
        if "," not in text.partition("\n")[0]:
            raise Corrupt(
                f"{payload.name or 'payload'}: neither the page of auctions nor a CSV: {excerpt(payload.body)}"
            )
        lines = csv_lines(text)
        rows, source = _columns([lines], _CSV_COLUMNS, payload), "RGGI prices and volumes, as CSV"
    parsed.frames[CARBON_PRICE.name] = _records(rows, source, parsed.quarantined)
    return parsed


def _columns(tables: Sequence[Rows], wanted: Sequence[str], payload: Payload) -> list[Row]:
    """Auction, day and price of each row of the one table that has them, wherever the columns stand."""
    seen: list[str] = []
    for rows in tables:
        for at, head in enumerate(rows):
            if all(name in head for name in wanted):
                auction, day, price = (head.index(name) for name in wanted)
                return [(row[auction], row[day], row[price]) for row in rows[at + 1 :] if len(row) >= len(head)]
        seen += rows[0] if rows else []
    missing = [name for name in wanted if name not in seen]
    raise SchemaChanged(
        f"{payload.name or 'payload'}: no table with {', '.join(wanted)}; there is {', '.join(seen)[:200] or 'none'}",
        missing=missing or wanted,
        extra=seen,
    )


def _records(rows: Sequence[Row], source: str, quarantined: list[Quarantined]) -> "pl.DataFrame":
    import polars as pl

    found: list[tuple[str, date, float]] = []
    for auction, day, price in rows:
        match = _AUCTION.fullmatch(auction.strip())
        try:
            number = float(price.replace("$", "").replace(",", ""))
            held = date.fromisoformat(day.strip())
        except ValueError:
            match = None
        if match is None:
            place = f"{auction} {day}"
            quarantined.append(Quarantined("no auction with day and price", place, f"{place},{price}"))
        else:
            found.append((FUTURE_MARKET if match[2] else MARKET, held, number / METRIC_TON_PER_SHORT_TON))
    frame = pl.DataFrame(
        found,
        schema={"market_name": pl.String(), "trading_date": pl.Date(), "price_per_metric_ton": pl.Float64()},
        orient="row",
    )
    return shaped(
        CARBON_PRICE,
        frame.with_columns(
            pl.col("price_per_metric_ton").round(6),
            region=pl.lit("Northeast"),
            currency=pl.lit("USD"),
            market_type=pl.lit("compliance"),
            data_source=pl.lit(source),
        ),
    )


def _may_be_out_on(day: date) -> bool:
    """The Friday after the first Wednesday of a month with an auction, or after the second: it is held on either."""
    held = day - timedelta(days=2)
    return held.month in _MONTHS and held in {nth_weekday(held.year, held.month, _WEDNESDAY, nth) for nth in (1, 2)}


FEED = Feed(
    provider="rggi",
    data_type="auction-prices",
    region="Northeast",
    kind="carbon-price",
    reports=("prices-volumes",),
    service=Service("www.rggi.org", seconds_between=30.0),
    url=_URL,
    publication=Daily(at=time(12, 0), timezone=_ZONE, days_ahead=-9, open_on=_may_be_out_on),
    stale_after_seconds=110 * 86_400,
    timezone=_ZONE,
    unit="USD/short ton",
    plausible=(0.5, 1_000.0),
    columns=_COLUMNS,
    requests=requests,
    parse=parse,
    source="the page as two readers describe it; its numbers proven on a transcript of 70 auctions",
)
