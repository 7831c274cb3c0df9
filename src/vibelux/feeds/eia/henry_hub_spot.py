"""The spot price at the Henry Hub by trading day, one number from three places: EIA's API, its workbook, FRED.

Each row says which of them it is from. The API needs a key; without one the workbook is asked, and FRED when that is
away. Weekends and holidays have no price: what is traded on a Friday is delivered until Monday.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from statistics import median

from vibelux.feeds._check import shaped
from vibelux.feeds._csv import csv_lines
from vibelux.feeds._feed import Ask, Daily, Feed, Payload, Request, Service
from vibelux.feeds._html import refuse_page
from vibelux.feeds._text import excerpt, without_bom
from vibelux.feeds._xls import looks_like_workbook
from vibelux.feeds.eia import _api, _workbook
from vibelux.market.errors import Corrupt, SchemaChanged
from vibelux.market.intervals import local_date
from vibelux.market.records import GAS_PRICE, Parsed, Quarantined

HUB, LOUISIANA, ZONE = "Henry Hub", "Louisiana", "America/Chicago"
SERIES, FRED_SERIES = "RNGWHHD", "DHHNGSP"
WEBSITE = Service("www.eia.gov", seconds_between=5.0)
_FRED = Service("fred.stlouisfed.org", seconds_between=5.0)
_URL = "https://www.eia.gov/dnav/ng/hist_xls/RNGWHHDd.xls"
_FRED_URL = "https://fred.stlouisfed.org/graph/fredgraph.csv"
_WEDNESDAY = 2
_BACK = timedelta(days=14)
_DAILY_GAP = 4
"""Days from one price to the next, in the middle of all: a weekly series has 7, a monthly one 30."""
_NO_PRICE = {"", "."}
_COLUMNS = {
    "observation_date": "FRED",
    "DATE": "FRED",
    "Date": "EIA RNGWHHD as CSV",
    "Day": "EIA RNGWHHD as CSV",
    "Month": "monthly",
}
"""Names of the day's column, and whose file has it so."""
_PRICE_COLUMNS = ("Price", "Henry Hub Natural Gas Spot Price")
_FORMS = ("%Y-%m-%d", "%m/%d/%Y")

Row = tuple[str, object]


def requests(ask: Ask) -> Iterator[Request]:
    """The API over the window and the two weeks before, or all there is from the workbook, or the window from FRED."""
    first, last = (local_date(moment, ZONE) for moment in (ask.window.start - _BACK, ask.window.end))
    fred = Request(f"{_FRED_URL}?id={FRED_SERIES}&cosd={first}&coed={last}", service=_FRED)
    workbook = Request(_URL, fallback=(fred,))
    yield replace(_api.request("natural-gas/pri/fut", "daily", (SERIES,), str(first)), fallback=(workbook,))


def parse(payload: Payload) -> Parsed:
    """One price a trading day, whichever of the forms came.

    Raises:
        AccessDenied: the API wants a key, or a page says so.
        SchemaChanged: another series, or one that is not daily.
        Corrupt: none of the forms.
    """
    refuse_page(payload.body, payload.name, "a series of prices")
    body = without_bom(payload.body).lstrip()
    if looks_like_workbook(payload.body):
        source, rows = _from_workbook(payload)
    elif body.startswith((b"{", b"[")):
        source, rows = _from_api(payload)
    else:
        source, rows = _from_csv(payload, body)
    return _records(source, rows, payload.name)


def _from_workbook(payload: Payload) -> tuple[str, Sequence[Row]]:
    history = _workbook.read(payload.body, payload.name)
    _only(history.key, SERIES, payload.name)
    _daily(history.frequency, payload.name)
    made = f", released {history.released}" if history.released else ""
    return f"EIA workbook {SERIES}{made}", [(str(day), price) for day, price in history.rows if price]


def _from_api(payload: Payload) -> tuple[str, Sequence[Row]]:
    series = _api.read(payload.body, payload.name)
    _daily(series.frequency, payload.name)
    for row in series.rows:
        _only(str(row.get("series")), SERIES, payload.name)
        _only(str(row.get("units")).upper(), "$/MMBTU", payload.name)
    if not series.rows:
        raise SchemaChanged(f"{payload.name or 'payload'}: EIA knows no row of {SERIES}", missing=(SERIES,))
    return f"EIA API v2 {SERIES}", [(str(row.get("period")), row.get("value")) for row in series.rows]


def _from_csv(payload: Payload, body: bytes) -> tuple[str, Sequence[Row]]:
    """Two columns under a header, which EIA's own browser puts below some lines of title."""
    lines = csv_lines(body.decode("utf-8", "replace"))
    head = next((at for at, line in enumerate(lines[:10]) if len(line) == 2 and line[0].strip() in _COLUMNS), None)
    if head is None:
        raise Corrupt(f"{payload.name or 'payload'}: no series of prices: {excerpt(body)}")
    day, price = (cell.strip() for cell in lines[head])
    _daily("monthly" if day == "Month" else "daily", payload.name)
    fred = _COLUMNS[day] == "FRED"
    if (price != FRED_SERIES) if fred else not price.startswith(_PRICE_COLUMNS):
        raise SchemaChanged(f"{payload.name or 'payload'}: a column {price!r}", missing=(FRED_SERIES,), extra=(price,))
    rows = [(line[0].strip(), line[1].strip()) for line in lines[head + 1 :] if len(line) == 2]
    return f"FRED {FRED_SERIES}" if fred else _COLUMNS[day], [row for row in rows if row[1] not in _NO_PRICE]


def _only(found: str, wanted: str, name: str) -> None:
    if found != wanted:
        raise SchemaChanged(
            f"{name or 'payload'}: {found} where {wanted} was promised", missing=(wanted,), extra=(found,)
        )


def _daily(frequency: str, name: str) -> None:
    if frequency != "daily":
        raise SchemaChanged(f"{name or 'payload'}: a {frequency} series where the daily one was promised")


def _records(source: str, rows: Iterable[Row], name: str) -> Parsed:
    import polars as pl

    parsed = Parsed()
    days: list[date] = []
    prices: list[float] = []
    for text, value in rows:
        try:
            day, price = _date(text), float(str(value))
        except ValueError:
            parsed.quarantined.append(Quarantined("no day with a price", text, f"{text},{value}"))
            continue
        days.append(day)
        prices.append(price)
    gaps = [(later - earlier).days for earlier, later in pairwise(sorted(days))]
    if gaps and median(gaps) > _DAILY_GAP:
        raise SchemaChanged(
            f"{name or 'payload'}: prices {median(gaps):.0f} days apart where the daily series was promised"
        )
    frame = pl.DataFrame(
        {"trading_date": days, "price_per_mmbtu": prices}, schema_overrides={"trading_date": pl.Date()}
    )
    parsed.frames[GAS_PRICE.name] = shaped(
        GAS_PRICE,
        frame.with_columns(
            hub_name=pl.lit(HUB),
            region=pl.lit(LOUISIANA),
            basis_differential=pl.lit(0.0),
            currency=pl.lit("USD"),
            contract_type=pl.lit("spot"),
            data_source=pl.lit(source),
        ),
    )
    return parsed


def _date(text: str) -> date:
    for form in _FORMS:
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 (a trading date has no zone)
        except ValueError:
            continue
    raise ValueError(f"{text!r} is no date")


FEED = Feed(
    provider="eia",
    data_type="henry-hub-spot",
    region=LOUISIANA,
    kind="gas-price",
    reports=(SERIES, FRED_SERIES),
    service=WEBSITE,
    url=_URL,
    publication=Daily(at=time(9, 30), timezone=ZONE, days_ahead=-2, open_on=lambda day: day.weekday() == _WEDNESDAY),
    stale_after_seconds=10 * 86_400,
    timezone=ZONE,
    unit="$/MMBTU",
    plausible=(0.0, 200.0),
    columns=("period", "value"),
    requests=requests,
    parse=parse,
    auth="eia",
    source="workbook and CSVs proven on recordings; API and FRED on recordings of other series in the same form",
)
