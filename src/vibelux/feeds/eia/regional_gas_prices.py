"""Gas prices by region, from three publications of EIA: Daily Prices, the Natural Gas Weekly Update, and the API.

The daily page prints one price a region, traded the business day before for delivery on the page's own day, and is not
kept by EIA: what is not stored on its day is lost. Monthly citygate prices, $/MCF, come two months late.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import TYPE_CHECKING

from lxml import etree

from vibelux.feeds._check import shaped
from vibelux.feeds._feed import Ask, Daily, Feed, Payload, Request
from vibelux.feeds._html import Rows, parse_html, rows_of, text_of
from vibelux.feeds._text import excerpt, looks_like_markup, without_bom
from vibelux.feeds.eia import _api, _weekly
from vibelux.feeds.eia.henry_hub_spot import WEBSITE
from vibelux.market.contracts import is_business_day, next_month, previous_business_day
from vibelux.market.errors import Corrupt, SchemaChanged
from vibelux.market.intervals import local_date
from vibelux.market.records import GAS_PRICE, Parsed, Quarantined
from vibelux.market.units import MMBTU_PER_MCF

if TYPE_CHECKING:
    import polars as pl

_ZONE = "America/New_York"
_URL = "https://www.eia.gov/todayinenergy/prices.php"
_WEEKLY_URL = "https://www.eia.gov/naturalgas/weekly/"
_CITYGATE = ("N3050CA3", "N3050TX3", "N3050NY3", "N3050PA3", "N3050NJ3", "N3050MD3", "N3050OH3", "N3050VA3")
_MONTHS_BACK = timedelta(days=150)
_THURSDAY = 3
_REGIONS = {
    "New England": ("New England", "Algonquin Citygate"),
    "New York City": ("New York", "Transco Zone 6 NY"),
    "Mid-Atlantic": ("PJM", "TETCO-M3"),
    "Midwest": ("Midwest", "Chicago Citygate"),
    "Louisiana": ("Louisiana", "Henry Hub"),
    "Houston": ("Texas", "Houston Ship Channel"),
    "Southwest": ("Southwest", "El Paso San Juan"),
    "Southern CA": ("California", "SoCal Border"),
    "Northern CA": ("California", "PG&E Citygate"),
    "Northwest": ("Northwest", "Northwest Sumas"),
}
"""Region of the page, ours, and the point whose price it is (EIA, Regions for Select Spot Prices)."""
_HUB_REGIONS = {hub: region for region, hub in _REGIONS.values()} | {
    "Tennessee Zone 4 Marcellus": "PJM",
    "Eastern Gas South": "PJM",
    "Waha": "Texas",
    "SoCal Citygate": "California",
    "California Composite": "California",
    "Opal": "Rockies",
    "Florida Gas Zone 3": "Florida",
}
_AREAS = {"CA": "California", "TX": "Texas", "NY": "New York"}
_LONG_DATE = re.compile(r"[A-Z][a-z]+ \d{1,2}, \d{4}")
_MONTHLY = ("area-name", "period", "series", "series-description")
_UNIT_NOTE = re.compile(r"\s*\(Dollars per [^)]*\)")
_HENRY_HUB = "Henry Hub"
_NO_PRICE = {"NA", "N/A", "--", "-", ""}


@dataclass(frozen=True, slots=True)
class _Price:
    hub: str
    region: str
    day: date
    delivery: date | None
    contract_type: str
    price: float
    source: str


def requests(ask: Ask) -> Iterator[Request]:
    """The daily page as it is now, on Thursdays the weekly update too, and with a key the citygate prices."""
    first, last = (local_date(moment, _ZONE) for moment in (ask.window.start, ask.window.end - timedelta(seconds=1)))
    yield Request(_URL)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    if any(day.weekday() == _THURSDAY for day in days):
        yield Request(_WEEKLY_URL)
    start = f"{first - _MONTHS_BACK:%Y-%m}"
    yield _api.request("natural-gas/pri/sum", "monthly", _CITYGATE, start)


def parse(payload: Payload) -> Parsed:
    """One price a hub and trading day; the basis is to the Henry Hub price of the same publication and day.

    Raises:
        AccessDenied: a page or a reply that refuses the client.
        SchemaChanged: the tables are not where they were, or a series is in another unit.
        Corrupt: none of the publications.
    """
    parsed = Parsed()
    if without_bom(payload.body).lstrip().startswith((b"{", b"[")):
        prices = list(_monthly(payload, parsed.quarantined))
    elif looks_like_markup(payload.body):
        prices = _page(payload, parsed.quarantined)
    else:
        text = " ".join(without_bom(payload.body).decode("utf-8", "replace").split())
        prices = _update(None, text, payload.name, parsed.quarantined)
    parsed.frames[GAS_PRICE.name] = _records(prices)
    return parsed


def _page(payload: Payload, quarantined: list[Quarantined]) -> list[_Price]:
    root = parse_html(payload.body, payload.name)
    heads = {text_of(head) for head in root.iter("h1", "h2")}
    if any(head.endswith("Daily Prices") for head in heads):
        return list(_daily(root, payload.name, quarantined))
    return _update(root, text_of(root), payload.name, quarantined)


def _daily(root: etree._Element, name: str, quarantined: list[Quarantined]) -> Iterator[_Price]:
    label = name or "payload"
    spans = [text_of(span) for span in root.iter("span") if span.get("class") == "date"]
    match = _LONG_DATE.search(" ".join(spans))
    delivery = _weekly.named_day(match[0]) if match else None
    if delivery is None:
        raise SchemaChanged(f"{label}: Daily Prices without their date", missing=("date",))
    rows, column = _price_column([rows_of(table) for table in root.iter("table")], label)
    for row in rows:
        if row[0] not in _REGIONS or len(row) <= column:
            continue
        region, hub = _REGIONS[row[0]]
        try:
            price = float(row[column].replace("$", "").replace(",", ""))
        except ValueError:
            reason = "no price" if row[column].upper() in _NO_PRICE else "the price is not a number"
            quarantined.append(Quarantined(reason, f"{hub} {delivery}", " | ".join(row)))
            continue
        day = previous_business_day(delivery)
        yield _Price(hub, region, day, delivery, "next-day", price, f"EIA Daily Prices, {row[0]}")


def _price_column(tables: Sequence[Rows], label: str) -> tuple[Rows, int]:
    """The table of regions, and its column of gas prices: the first per million Btu that is no change in percent."""
    for rows in tables:
        first = next((at for at, row in enumerate(rows) if row and row[0] in _REGIONS), None)
        if first is None or not any(row and row[0] == "Louisiana" for row in rows):
            continue
        heads = rows[:first]
        for column in range(1, len(rows[first])):
            said = " ".join(row[column] for row in heads if len(row) > column and len(set(row)) > 1).lower()
            if "btu" in said and not re.search(r"%|percent|change|chg", said):
                return rows, column
    raise SchemaChanged(f"{label}: Daily Prices without a table of gas by region in $/million Btu", missing=("Region",))


def _update(root: etree._Element | None, text: str, name: str, quarantined: list[Quarantined]) -> list[_Price]:
    week = _weekly.week_end(text)
    if week is None:
        raise Corrupt(f"{name or 'payload'}: neither Daily Prices nor a Weekly Update: {excerpt(text.encode())}")
    quoted = [] if root is None else list(_weekly.table(root, week, quarantined))
    have = {(one.hub, one.day) for one in quoted}
    quoted += [one for one in _weekly.prose(text, week, quarantined) if (one.hub, one.day) not in have]
    if not quoted:
        raise SchemaChanged(f"{name or 'payload'}: a Weekly Update without spot prices", missing=("Spot Prices",))
    source = f"EIA Weekly Update, week to {week}"
    return [_Price(q.hub, _HUB_REGIONS.get(q.hub, q.hub), q.day, None, "next-day", q.price, source) for q in quoted]


def _monthly(payload: Payload, quarantined: list[Quarantined]) -> Iterator[_Price]:
    """Monthly means in $/MCF, dated on the last day of their month, in USD/MMBtu by the heat content of gas."""
    series = _api.read(payload.body, payload.name)
    if series.frequency != "monthly":
        raise SchemaChanged(
            f"{payload.name or 'payload'}: a {series.frequency} series where monthly ones were promised"
        )
    for row in series.rows:
        unit = str(row.get("units"))
        if unit.upper() != "$/MCF":
            raise SchemaChanged(f"{payload.name or 'payload'}: prices in {unit}, not in $/MCF", extra=(unit,))
        area, period, key, description = (str(row.get(name) or "") for name in _MONTHLY)
        nameless = [name for name in _MONTHLY if not row.get(name)]
        if nameless:
            quarantined.append(Quarantined(f"no {', '.join(nameless)}", f"{key} {period}".strip(), str(row)))
            continue
        try:
            month = date.fromisoformat(f"{period}-01")
            price = float(str(row.get("value"))) / MMBTU_PER_MCF
        except ValueError:
            quarantined.append(Quarantined("no month with a price", f"{key} {period}", str(row)))
            continue
        hub = _UNIT_NOTE.sub("", description).strip()
        region = _AREAS.get(area.removeprefix("USA-"), area)
        last = next_month(month) - timedelta(days=1)
        yield _Price(hub, region, last, None, "monthly-average", round(price, 6), f"EIA API v2 {key}, $/MCF")


def _records(prices: Sequence[_Price]) -> "pl.DataFrame":
    import polars as pl

    henry_hub = {(one.day, one.delivery): one.price for one in prices if one.hub == _HENRY_HUB}

    def basis(one: _Price) -> float | None:
        at_henry_hub = henry_hub.get((one.day, one.delivery))
        return None if at_henry_hub is None else round(one.price - at_henry_hub, 6)

    frame = pl.DataFrame(
        {
            "hub_name": [one.hub for one in prices],
            "region": [one.region for one in prices],
            "price_per_mmbtu": [one.price for one in prices],
            "basis_differential": [basis(one) for one in prices],
            "currency": ["USD"] * len(prices),
            "trading_date": [one.day for one in prices],
            "delivery_date": [one.delivery for one in prices],
            "contract_type": [one.contract_type for one in prices],
            "contract": [None] * len(prices),
            "data_source": [one.source for one in prices],
        },
        schema=GAS_PRICE.schema(),
    )
    return shaped(GAS_PRICE, frame)


FEED = Feed(
    provider="eia",
    data_type="regional-gas-prices",
    region="US",
    kind="gas-price",
    reports=("Daily Prices", "Weekly Update", "citygate"),
    service=WEBSITE,
    url=_URL,
    publication=Daily(at=time(8, 30), timezone=_ZONE, days_ahead=-4, open_on=is_business_day),
    stale_after_seconds=96 * 3600,
    timezone=_ZONE,
    unit="$/MMBTU, $/MCF",
    plausible=(-20.0, 200.0),
    columns=("Region", "$/million Btu"),
    requests=requests,
    parse=parse,
    auth="eia",
    source="prose of the Weekly Update and the API proven on recordings; the daily page as others describe it",
)
