"""Yahoo's chart of one contract (`NGZ26.NYM`) or of the front month (`NG=F`): closes of days, keyless and unofficial.

The bar of a session that still runs is not a settlement, and after hours neither is the newest price: a day's close
is believed once a later day has begun. The front month is stitched: it jumps when one contract follows another.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from vibelux.feeds._csv import csv_lines
from vibelux.feeds._feed import Request, Service
from vibelux.feeds.nymex._settled import Settled
from vibelux.market.contracts import CALENDAR_FROM, contract_code, delivery_month, front_month, last_trading_day
from vibelux.market.errors import SchemaChanged, TimeRefused, UpstreamError
from vibelux.market.intervals import local_date
from vibelux.market.records import Quarantined

SERVICE = Service("query1.finance.yahoo.com", seconds_between=2.0)
URL = "https://query1.finance.yahoo.com/v8/finance/chart"
FRONT = "NG=F"
_CONTRACT = re.compile(r"(NG[FGHJKMNQUVXZ]\d\d)\.NYM")
_SOURCE = "Yahoo chart"
_TICK_DIGITS = 3
"""A tick is 0.001; further digits are those of a 32-bit float."""
_EXPORT_LINES = 3


def request(month: date, span: str) -> Request:
    """The days of one contract over a span such as `5d`."""
    return Request(f"{URL}/{contract_code(month)}.NYM?interval=1d&range={span}", service=SERVICE)


def settled(document: Mapping[str, Any], name: str, quarantined: list[Quarantined]) -> Iterator[Settled]:
    """One close a day.

    Raises:
        UpstreamError: Yahoo's own error; an expired contract is `Not Found`.
        SchemaChanged: another product, another interval, or no bars.
    """
    label = name or "payload"
    chart = document["chart"]
    if error := chart.get("error"):
        told = error if isinstance(error, dict) else {"description": error}
        code, text = (str(told.get(field, "")) for field in ("code", "description"))
        raise UpstreamError(f"{label}: Yahoo: {code}: {text}", code=code)
    try:
        result = chart["result"][0]
        meta = result["meta"]
        symbol, zone, newest = str(meta["symbol"]), str(meta["exchangeTimezoneName"]), int(meta["regularMarketTime"])
        stamps = [int(stamp) for stamp in result.get("timestamp") or ()]
        closes = result["indicators"]["quote"][0].get("close") or ()
        interval = meta.get("dataGranularity", "1d")
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise SchemaChanged(f"{label}: a chart without its bars: {error!r}", missing=("chart.result",)) from error
    if len(stamps) != len(closes) or interval != "1d":
        raise SchemaChanged(f"{label}: {len(stamps)} stamps and {len(closes)} closes at an interval of {interval}")
    delivery = _delivery(symbol, label)
    try:
        days = [local_date(datetime.fromtimestamp(stamp, UTC), zone) for stamp in stamps]
        running = local_date(datetime.fromtimestamp(newest, UTC), zone)
    except (TimeRefused, ValueError, OverflowError, OSError) as error:
        raise SchemaChanged(f"{label}: a stamp of the chart is none: {error}") from error
    for day, close in zip(days, closes, strict=True):
        month = delivery or stitched(day)
        if day >= running:
            quarantined.append(Quarantined("its session still ran: no settlement", f"{symbol} {day}", str(close)))
        elif not isinstance(close, int | float):
            quarantined.append(Quarantined("no price", f"{symbol} {day}", str(close)))
        elif month is not None and last_trading_day(month) < day:
            reason = f"expired on {last_trading_day(month)}"
            quarantined.append(Quarantined(reason, f"{symbol} {day}", str(close)))
        else:
            yield Settled(day, month, round(float(close), _TICK_DIGITS), f"{_SOURCE} {symbol}")


def is_export(body: bytes) -> bool:
    """The CSV that the yfinance client writes of a chart: a header of three lines."""
    return body.startswith(b"Price,") and b"\nTicker," in body[:200]


def exported(body: bytes, name: str, quarantined: list[Quarantined]) -> Iterator[Settled]:
    """One close a day of such a file; a last row that repeats the volume of the day before was taken mid-session.

    Raises:
        SchemaChanged: another product, or no column of closes.
    """
    label = name or "payload"
    lines = csv_lines(body.decode("utf-8", "replace"))
    head = lines[0]
    if "Close" not in head or "Volume" not in head or len(lines) < _EXPORT_LINES:
        raise SchemaChanged(f"{label}: an export without Close and Volume", missing=("Close", "Volume"))
    close, volume = head.index("Close"), head.index("Volume")
    symbol = lines[1][close]
    delivery = _delivery(symbol, label)
    rows = [line for line in lines[_EXPORT_LINES:] if line]
    for at, line in enumerate(rows):
        place = f"{symbol} {line[0]}"
        try:
            day, price = date.fromisoformat(line[0]), float(line[close])
        except (ValueError, IndexError):
            quarantined.append(Quarantined("no day with a price", place, ",".join(line)))
            continue
        if at == len(rows) - 1 and _same_volume(rows[-2:], volume):
            quarantined.append(Quarantined("taken in mid-session: no settlement", place, ",".join(line)))
            continue
        yield Settled(day, delivery or stitched(day), round(price, _TICK_DIGITS), f"{_SOURCE} {symbol}")


def stitched(day: date, nth: int = 1) -> date | None:
    """The delivery month behind a stitched nth contract on a day, as far back as the calendar is known."""
    return front_month(day, nth) if day >= CALENDAR_FROM else None


def _same_volume(rows: Sequence[Sequence[str]], volume: int) -> bool:
    return len(rows) == 2 and len({row[volume] for row in rows if len(row) > volume}) == 1


def _delivery(symbol: str, label: str) -> date | None:
    """The contract's month; None for the front month.

    Raises:
        SchemaChanged: the symbol is of another product.
    """
    match = _CONTRACT.fullmatch(symbol)
    if match is None and symbol != FRONT:
        raise SchemaChanged(f"{label}: a future of another product: {symbol}", missing=(FRONT,), extra=(symbol,))
    return delivery_month(match[1]) if match else None
