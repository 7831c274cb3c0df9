"""The workbooks of one series each that EIA serves without a key: `Contents` says what it is, `Data 1` has the rows.

They are made anew each Wednesday with data up to the trading day before, so their newest price is up to eight days old.
"""

from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise

from vibelux.feeds._xls import sheets
from vibelux.market.errors import SchemaChanged

_MARKER = "Sourcekey"


@dataclass(frozen=True, slots=True)
class History:
    """A series by day: upstream's key, its title, how often it comes, when it was made, and its rows as text."""

    key: str
    title: str
    frequency: str
    released: date | None
    rows: tuple[tuple[date, str], ...]


def read(body: bytes, name: str) -> History:
    """The first series of a workbook.

    Raises:
        Corrupt, TooLarge: it cannot be read.
        SchemaChanged: sheets or rows are not where they were.
    """
    contents, data = sheets(body, ("Contents", "Data 1"), name)
    head = next((at for at, row in enumerate(data) if row[0] == _MARKER), None)
    if head is None or len(data) < head + 2 or len(data[head]) < 2 or data[head + 1][0] != "Date":
        raise SchemaChanged(f"{name or 'payload'}: `Data 1` without {_MARKER} and Date", missing=(_MARKER, "Date"))
    try:
        rows = tuple((datetime.fromisoformat(row[0]).date(), row[1]) for row in data[head + 2 :] if row[0])
    except ValueError as error:
        raise SchemaChanged(f"{name or 'payload'}: a date of `Data 1` is none: {error}") from error
    return History(
        key=data[head][1],
        title=data[head + 1][1],
        frequency=_below(contents, "Frequency").lower(),
        released=_day(_beside(contents, "Release Date:")),
        rows=rows,
    )


def _beside(cells: list[list[str]], label: str) -> str:
    return next((row[1] for row in cells if row[0] == label), "")


def _below(cells: list[list[str]], label: str) -> str:
    for above, below in pairwise(cells):
        if label in above:
            return below[above.index(label)]
    return ""


def _day(text: str) -> date | None:
    """`8/19/2026`; a label that is missing or in another form is no reason to lose the prices."""
    month, _, rest = text.partition("/")
    day, _, year = rest.partition("/")
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None
