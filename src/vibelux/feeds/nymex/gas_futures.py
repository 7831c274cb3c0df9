"""The futures curve of natural gas: a settlement for each contract month of a trading day.

CME tells the whole curve at once; when it does not answer, Yahoo is asked for the nearest contracts one by one, and
is a day behind. Both forbid redistribution, so the feed is off until the operator accepts that. History before
April 2024 is in EIA's workbooks of the first four contracts.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import time, timedelta
from typing import TYPE_CHECKING

from vibelux.feeds._check import shaped
from vibelux.feeds._feed import Ask, Daily, Feed, Payload, Request, Service
from vibelux.feeds._html import refuse_page
from vibelux.feeds._json import parse_json
from vibelux.feeds._text import excerpt, without_bom
from vibelux.feeds._xls import looks_like_workbook
from vibelux.feeds.eia import _workbook
from vibelux.feeds.nymex import _cme, _yahoo
from vibelux.feeds.nymex._settled import Settled
from vibelux.market.contracts import contract_code, front_month, is_business_day, next_month, previous_business_day
from vibelux.market.errors import Corrupt, SchemaChanged
from vibelux.market.intervals import local_date
from vibelux.market.records import GAS_PRICE, Parsed, Quarantined

if TYPE_CHECKING:
    import polars as pl

_ZONE = "America/Chicago"
_CME = Service("www.cmegroup.com", seconds_between=10.0)
_FALLBACK_MONTHS = 13
_EIA_SERIES = re.compile(r"RNGC([1-4])")
_SPANS = ((5, "5d"), (28, "1mo"), (90, "3mo"), (365, "1y"))


def requests(ask: Ask) -> Iterator[Request]:
    """CME's settlements of each business day of the window, or of the last one before it."""
    first, last = (local_date(moment, _ZONE) for moment in (ask.window.start, ask.window.end - timedelta(seconds=1)))
    days = [day for n in range((last - first).days + 1) if is_business_day(day := first + timedelta(days=n))]
    days = days or [previous_business_day(first)]
    span = next((span for longest, span in _SPANS if len(days) <= longest), "max")
    front = front_month(days[-1])
    nearest = tuple(_yahoo.request(next_month(front, n), span) for n in range(_FALLBACK_MONTHS))
    for day in days:
        yield _cme.request(day, nearest if day == days[-1] else ())


def parse(payload: Payload) -> Parsed:
    """One row a contract month and trading day; delivery is the first of its month. A day without any gives none.

    Raises:
        UpstreamError: the contract is not known any more.
        SchemaChanged: another product or another form.
    """
    refuse_page(payload.body, payload.name, "settlements")
    parsed = Parsed()
    parsed.frames[GAS_PRICE.name] = _records(list(_settlements(payload, parsed.quarantined)))
    return parsed


def _settlements(payload: Payload, quarantined: list[Quarantined]) -> Iterable[Settled]:
    body = without_bom(payload.body).lstrip()
    if looks_like_workbook(payload.body):
        return _history(payload)
    if _yahoo.is_export(body):
        return _yahoo.exported(body, payload.name, quarantined)
    if not body.startswith((b"{", b"[")):
        raise Corrupt(f"{payload.name or 'payload'}: no settlements: {excerpt(body)}")
    document = parse_json(payload.body, payload.name)
    if isinstance(document, dict) and isinstance(document.get("settlements"), list):
        return _cme.settled(document, payload.name, quarantined)
    if isinstance(document, dict) and isinstance(document.get("chart"), dict):
        return _yahoo.settled(document, payload.name, quarantined)
    raise SchemaChanged(
        f"{payload.name or 'payload'}: neither CME's settlements nor a chart: {excerpt(body)}",
        missing=("settlements", "chart"),
    )


def _history(payload: Payload) -> Iterator[Settled]:
    history = _workbook.read(payload.body, payload.name)
    match = _EIA_SERIES.fullmatch(history.key)
    if match is None or history.frequency != "daily":
        found = f"the {history.frequency} series {history.key}"
        raise SchemaChanged(f"{payload.name or 'payload'}: {found} where daily RNGC1 to RNGC4 are read")
    for day, price in history.rows:
        if price:
            yield Settled(day, _yahoo.stitched(day, int(match[1])), float(price), f"EIA workbook {history.key}")


def _records(rows: list[Settled]) -> "pl.DataFrame":
    import polars as pl

    frame = pl.DataFrame(
        {
            "price_per_mmbtu": [row.price for row in rows],
            "trading_date": [row.day for row in rows],
            "delivery_date": [row.delivery for row in rows],
            "contract": [None if row.delivery is None else contract_code(row.delivery) for row in rows],
            "data_source": [row.source for row in rows],
        },
        schema={name: GAS_PRICE.schema()[name] for name in _FILLED},
    )
    return shaped(
        GAS_PRICE,
        frame.with_columns(
            hub_name=pl.lit("Henry Hub"),
            region=pl.lit("Louisiana"),
            currency=pl.lit("USD"),
            contract_type=pl.lit("futures"),
        ),
    )


_FILLED = ("price_per_mmbtu", "trading_date", "delivery_date", "contract", "data_source")

FEED = Feed(
    provider="nymex",
    data_type="gas-futures",
    region="Louisiana",
    kind="gas-price",
    reports=("settlements", "chart", "RNGC1"),
    service=_CME,
    url=_cme.URL,
    publication=Daily(at=time(18, 30), timezone=_ZONE, days_ahead=0, open_on=is_business_day),
    stale_after_seconds=96 * 3600,
    timezone=_ZONE,
    unit="USD/MMBtu",
    plausible=(-10.0, 200.0),
    columns=("month", "settle"),
    requests=requests,
    parse=parse,
    source="EIA's workbook and a client's export proven on recordings; CME's rows and Yahoo's chart on other futures",
)
