"""PJM's capacity prices: what each locational delivery area pays by delivery year, from the files of RPM auctions.

Workbooks on pjm.com, keyless. A sheet has the table somewhere below its title: a header row with `LDA` and one or
more columns of clearing prices, a row an area, and then a footnote or another table. CSV has the same columns, and
may have the delivery year and the auction in columns of its own. For an auction to come, pjm.com answers with a page.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from datetime import date, time
from typing import TYPE_CHECKING

from vibelux.feeds._check import shaped
from vibelux.feeds._csv import csv_lines
from vibelux.feeds._feed import Ask, Daily, Feed, Payload, Request, Service
from vibelux.feeds._text import looks_like_html, without_bom
from vibelux.feeds._zip import unpack
from vibelux.feeds.pjm._requests import ZONE
from vibelux.market.errors import Corrupt, NotYetPublished, SchemaChanged
from vibelux.market.intervals import local_date
from vibelux.market.records import CAPACITY_PRICE, Parsed, Quarantined

if TYPE_CHECKING:
    import polars as pl

_URL = "https://www.pjm.com/-/media/DotCom/markets-ops/rpm/rpm-auction-info"
_OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"
_SHORT_NAMES_FROM = 2026
_YEAR = re.compile(r"(?<!\d)(20\d\d)\s*[/-]\s*(?:20)?(\d\d)(?!\d)")
_AUCTIONS = {
    "Base Residual Auction": re.compile(r"base residual|(?<![a-z])bra(?![a-z])", re.IGNORECASE),
    "First Incremental Auction": re.compile(r"first incremental|1st incremental|(?<![a-z0-9])1ia", re.IGNORECASE),
    "Second Incremental Auction": re.compile(r"second incremental|2nd incremental|(?<![a-z0-9])2ia", re.IGNORECASE),
    "Third Incremental Auction": re.compile(r"third incremental|3rd incremental|(?<![a-z0-9])3ia", re.IGNORECASE),
}
_PRICE = re.compile(r"(?:resource\s+)?clearing\s+prices?|\(?\$?/?\s*mw[- ]day\)?|[*$()]", re.IGNORECASE)
_BLANK = {"", "n/a", "na", "-"}
Cells = Sequence[Sequence[str]]


def requests(ask: Ask) -> Iterator[Request]:
    """The base auction's workbook of each delivery year that the window touches."""
    years = [_delivery_year(local_date(moment, ZONE)) for moment in (ask.window.start, ask.window.end)]
    for year in range(years[0], years[1] + 1):
        span = f"{year}-{year + 1}"
        stem = "bra-results" if year >= _SHORT_NAMES_FROM else "base-residual-auction-results"
        yield Request(f"{_URL}/{span}/{span}-{stem}.xlsx")


def parse(payload: Payload) -> Parsed:
    """One price an area, delivery year and auction.

    Raises:
        NotYetPublished: a page came, as for an auction that has not been held.
        SchemaChanged: no table of clearing prices, or nothing says which delivery year it is for.
    """
    if looks_like_html(payload.body):
        raise NotYetPublished(f"{payload.name or 'payload'}: pjm.com has a page there and no auction results")
    parsed = Parsed()
    rows: list[tuple[str, str, int, float]] = []
    for name, cells in _tables(payload):
        rows += _rows(name, cells, payload, parsed.quarantined)
    if not rows and not parsed.quarantined:
        raise SchemaChanged(
            f"{payload.name or 'payload'}: no table with LDA and a clearing price", missing=("LDA", "Clearing Price")
        )
    parsed.frames[CAPACITY_PRICE.name] = _records(rows)
    return parsed


def _tables(payload: Payload) -> Iterator[tuple[str, Cells]]:
    """Sheets of a workbook, or the members of anything else as CSV."""
    if b"xl/workbook.xml" in payload.body:
        from vibelux.feeds._xlsx import sheets

        for name, sheet in sheets(payload.body, payload.name):
            first = ["" if column.startswith("__UNNAMED__") else column for column in sheet.columns]
            yield name, [first, *([cell or "" for cell in row] for row in sheet.rows())]
    else:
        for member in unpack(payload.body, payload.name):
            yield member.name, _csv_cells(member.body, member.name or payload.name)


def _csv_cells(body: bytes, name: str) -> Cells:
    if body.startswith(_OLD_WORKBOOK):
        raise Corrupt(f"{name or 'payload'}: a workbook of the old .xls form is not read; save it as .xlsx or .csv")
    try:
        return csv_lines(without_bom(body).decode("utf-8", "replace"))
    except csv.Error as error:
        raise Corrupt(f"{name or 'payload'}: not a CSV table: {error}") from error


def _rows(
    sheet: str, cells: Cells, payload: Payload, quarantined: list[Quarantined]
) -> Iterator[tuple[str, str, int, float]]:
    """Area, auction, delivery year and price of each row of a sheet's table of clearing prices."""
    head = next((at for at, row in enumerate(cells) if _area_column(row) is not None and _price_columns(row)), None)
    if head is None:
        return
    header = [cell.strip() for cell in cells[head]]
    area_at = _area_column(header)
    title = " ".join(cell for row in cells[:head] for cell in row)
    context = (title, sheet, payload.name)
    for line in cells[head + 1 :]:
        row = [cell.strip() for cell in line] + [""] * (len(header) - len(line))
        area = row[area_at or 0].rstrip("* ")
        if not any(row):
            continue
        if not area or not any(row[at] for at in _price_columns(header)) or _starts_another_table(row, header):
            return
        own = dict(zip((name.casefold().replace("_", " ") for name in header), row, strict=False))
        year = _year((own.get("delivery year", ""), *context))
        if year is None:
            raise SchemaChanged(f"{payload.name or 'payload'}: nothing says which delivery year it is for")
        auction = own.get("auction") or own.get("auction type") or _auction(context)
        for at in _price_columns(header):
            product = " ".join(_PRICE.sub(" ", header[at].replace("_", " ")).split())
            price = _number(row[at])
            if price is not None:
                yield area, f"{auction} {product}".strip(), year, price
            elif row[at].casefold() not in _BLANK:
                quarantined.append(Quarantined("the price is not a number", f"{area} {year}", ",".join(row)))


def _area_column(row: Sequence[str]) -> int | None:
    return next(
        (at for at, cell in enumerate(row) if cell.strip().casefold() in {"lda", "locational delivery area"}), None
    )


def _price_columns(row: Sequence[str]) -> list[int]:
    return [
        at for at, cell in enumerate(row) if "clearing price" in " ".join(cell.casefold().replace("_", " ").split())
    ]


def _starts_another_table(row: Sequence[str], header: Sequence[str]) -> bool:
    """A row of words where prices stand: the heading of the megawatts, a footnote over several cells."""
    cells = [row[at] for at in _price_columns(header) if row[at]]
    return row[0].startswith("*") or all(cell[0].isalpha() and cell.casefold() not in _BLANK for cell in cells)


def _number(text: str) -> float | None:
    try:
        return float(text.replace("$", "").replace(",", ""))
    except ValueError:
        return None


def _year(texts: Sequence[str]) -> int | None:
    """The year in which the delivery year begins, from the first text that has one (`2025/2026`, `2025-26`)."""
    for text in texts:
        for first, second in _YEAR.findall(text):
            if (int(first) + 1) % 100 == int(second):
                return int(first)
    return None


def _delivery_year(day: date) -> int:
    return day.year if day.month >= 6 else day.year - 1


def _auction(texts: Sequence[str]) -> str:
    for text in texts:
        for name, form in _AUCTIONS.items():
            if form.search(text.replace("_", " ")):
                return name
    return "RPM"


def _records(rows: Sequence[tuple[str, str, int, float]]) -> "pl.DataFrame":
    import polars as pl

    frame = pl.DataFrame(
        {
            "iso_region": ["PJM"] * len(rows),
            "region": [area for area, _, _, _ in rows],
            "auction": [auction for _, auction, _, _ in rows],
            "delivery_start": [date(year, 6, 1) for _, _, year, _ in rows],
            "delivery_end": [date(year + 1, 5, 31) for _, _, year, _ in rows],
            "price_per_mw_day": [price for _, _, _, price in rows],
            "data_source": ["PJM RPM auction results"] * len(rows),
        },
        schema=CAPACITY_PRICE.schema(),
    )
    return shaped(CAPACITY_PRICE, frame)


FEED = Feed(
    provider="pjm",
    data_type="capacity-prices",
    region="PJM",
    kind="capacity-price",
    reports=("RPM",),
    service=Service("www.pjm.com", seconds_between=5.0),
    url=_URL,
    publication=Daily(at=time(17, 0), timezone=ZONE, days_ahead=0),
    stale_after_seconds=400 * 86_400,
    timezone=ZONE,
    unit="USD/MW-day",
    plausible=(0.0, 2_000.0),
    columns=("LDA", "Resource Clearing Price"),
    requests=requests,
    parse=parse,
    source="workbooks of RPM auction results on pjm.com; form as others describe it, not yet proven on a recording",
)
