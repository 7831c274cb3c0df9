"""The rows of CARB's summary of auctions: a name, then offered, sold and price of the current and the advance auction.

`February 2026 Joint Auction #46  54,975,757  54,975,757  $27.94  ...`. The text of a PDF may break a number by a stray
blank, so blanks are dropped and numbers told apart by their commas; where the six columns are not in this order,
nothing is read.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vibelux.market.errors import SchemaChanged
from vibelux.market.records import Quarantined

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_NAMED = re.compile(rf"({'|'.join(MONTHS)})\s+(\d{{4}})\s+(.*?)#\s*(\d+)\s+(.*)")
_COUNT, _PRICE = r"(\d{1,3}(?:,\d{3})*)", r"\$(\d+\.\d\d)"
_NONE = r"(?:N/A|--?|—)"
_COLUMNS = re.compile(rf"{_COUNT}{_COUNT}{_PRICE}(?:{_COUNT}{_COUNT}{_PRICE}|{_NONE}+)\**")


@dataclass(frozen=True, slots=True)
class Auction:
    """Settlement prices of an auction, USD per metric ton; `advance` is None where none was held."""

    year: int
    month: int
    current: float
    advance: float | None


def auctions(lines: Sequence[str], name: str, quarantined: list[Quarantined]) -> list[Auction]:
    """The auctions of a summary.

    Raises:
        SchemaChanged: no auction at all, or columns in another order.
    """
    label = name or "payload"
    found: list[Auction] = []
    unread: list[Quarantined] = []
    heading: list[str] = []
    for line in lines:
        match = _NAMED.match(line)
        if match is None:
            heading += [] if found or unread else [line]
            continue
        month, year, _, number, rest = match.groups()
        columns = _COLUMNS.fullmatch(re.sub(r"\s+", "", rest))
        if columns is None:
            unread.append(Quarantined("not the six columns of an auction", f"{month} {year} #{number}", line))
            continue
        advance = None if columns[6] is None else float(columns[6])
        found.append(Auction(int(year), MONTHS.index(month) + 1, float(columns[3]), advance))
    if not found:
        seen = f"; a row reads {unread[0].raw!r}" if unread else ""
        raise SchemaChanged(f"{label}: no auction with offered, sold and price, twice{seen}", missing=("price",))
    _order(" ".join(heading).lower(), label)
    quarantined += unread
    return found


def _order(heading: str, label: str) -> None:
    """The advance auction's three columns look like the current one's: only the heading tells them apart."""
    current, advance = heading.find("current"), heading.find("advance")
    if current < 0 or advance < 0 or advance < current:
        raise SchemaChanged(
            f"{label}: the heading does not name the current auction before the advance one", missing=("Current",)
        )
