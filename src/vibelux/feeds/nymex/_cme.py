"""CME's settlements: a JSON list of contract months with every number as text, made after each trading day.

The address is undocumented and its terms forbid redistribution. A day without trading, or one that is not over, is
answered by `empty: true`: a good answer without rows, in whose place nobody else is to be asked.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from vibelux.feeds._feed import Request
from vibelux.feeds.nymex._settled import Settled
from vibelux.market.contracts import contract_code, last_trading_day
from vibelux.market.errors import SchemaChanged
from vibelux.market.records import Quarantined

PRODUCT_ID = "444"
"""Henry Hub natural gas, NG."""
URL = f"https://www.cmegroup.com/CmeWS/mvc/Settlements/Futures/Settlements/{PRODUCT_ID}/FUT"
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JLY", "AUG", "SEP", "OCT", "NOV", "DEC")
_ALSO = {"JUL": "JLY", "SEPT": "SEP"}
_MONTH = re.compile(r"([A-Z]{3,4}) (\d\d)")
_PRICE = re.compile(r"(-?[\d,]*\.?\d+)[AB]?")
"""Bid and asked prices have a letter behind; `UNCH` and `-` are no price."""


def request(day: date, fallback: tuple[Request, ...]) -> Request:
    """The settlements of one trading day."""
    query = f"strategy=DEFAULT&tradeDate={day:%m/%d/%Y}&pageSize=500&isProtected"
    return Request(f"{URL}?{query}", headers={"Accept": "application/json"}, fallback=fallback)


def settled(document: Mapping[str, Any], name: str, quarantined: list[Quarantined]) -> Iterator[Settled]:
    """One settlement a contract month; none where nothing was settled on that day.

    Raises:
        SchemaChanged: another product, or no trade date.
    """
    label = name or "payload"
    product = str(document.get("productId", PRODUCT_ID))
    if product != PRODUCT_ID:
        raise SchemaChanged(f"{label}: settlements of product {product}, not {PRODUCT_ID} (NG)", extra=(product,))
    rows = document["settlements"]
    try:
        day = datetime.strptime(str(document.get("tradeDate")), "%m/%d/%Y").date()  # noqa: DTZ007 (no zone)
    except ValueError as error:
        raise SchemaChanged(f"{label}: settlements without a trade date: {error}", missing=("tradeDate",)) from error
    report = str(document.get("reportType") or "").lower()
    source = "CME settlements" + (f", {report}" if report else "")
    for row in rows:
        if not isinstance(row, dict):
            quarantined.append(Quarantined("no row of settlements", str(day), str(row)))
            continue
        month = str(row.get("month", ""))
        if month == "Total":
            continue
        delivery, price = _delivery(month), _PRICE.fullmatch(str(row.get("settle", "")).strip())
        place = f"{contract_code(delivery) if delivery else month} {day}"
        if delivery is None:
            quarantined.append(Quarantined("no contract month", place, str(row)))
        elif price is None:
            quarantined.append(Quarantined("no settlement price", place, str(row)))
        elif last_trading_day(delivery) < day:
            quarantined.append(Quarantined(f"expired on {last_trading_day(delivery)}", place, str(row)))
        else:
            yield Settled(day, delivery, float(price[1].replace(",", "")), source)


def _delivery(text: str) -> date | None:
    match = _MONTH.fullmatch(text.strip().upper())
    if match is None:
        return None
    name = _ALSO.get(match[1], match[1])
    return date(2000 + int(match[2]), _MONTHS.index(name) + 1, 1) if name in _MONTHS else None
