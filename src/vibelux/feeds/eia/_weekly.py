"""The Natural Gas Weekly Update: a table of four places by trading day, and prose that quotes others on two Wednesdays.

`At the Algonquin Citygate, which serves ..., the price fell 55 cents from $2.09/MMBtu last Wednesday to $1.54/MMBtu
yesterday.` Yesterday is the Wednesday with which the week ends. A price is taken only where its own sentence names
one place that is known; the prices of futures in the same prose are left to their own feed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from lxml import etree

from vibelux.feeds._html import rows_of
from vibelux.market.records import Quarantined

_WEEK = re.compile(r"week ending (?:Wednesday, )?([A-Z][a-z]+ \d{1,2}, \d{4})")
_SENTENCE = re.compile(r"(?<=[.:;])\s+(?=[A-Z(•*-])")
_PRICE = r"(-?\$?-?\d+\.\d+)(?:/MMBtu| per million British thermal units \(MMBtu\))?"
_MOVED = re.compile(rf"from {_PRICE}(?: last Wednesday)?,? to {_PRICE} yesterday")
_FUTURES = re.compile(r"NYMEX|contract|futures|strip", re.IGNORECASE)
_COLUMN = re.compile(r"(\d{1,2})[-\s]+([A-Z][a-z]{2})")
_TABLE = re.compile(r"^Spot Prices", re.IGNORECASE)
_ROWS = {
    "Henry Hub": "Henry Hub",
    "New York": "Transco Zone 6 NY",
    "Chicago": "Chicago Citygate",
    "Cal. Comp. Avg": "California Composite",
}
_PLACES = (
    ("Henry Hub", r"Henry Hub"),
    ("Algonquin Citygate", r"Algonquin Citygate"),
    ("Transco Zone 6 NY", r"Transco(?:ntinental Pipeline)? Zone 6(?: NY)?"),
    ("Tennessee Zone 4 Marcellus", r"Tennessee Zone 4 Marcellus"),
    ("Eastern Gas South", r"Eastern Gas South"),
    ("Chicago Citygate", r"Chicago Citygate"),
    ("Houston Ship Channel", r"Houston Ship Channel"),
    ("Waha", r"Waha(?: Hub)?"),
    ("PG&E Citygate", r"PG&E Citygate"),
    ("SoCal Citygate", r"SoCal Citygate"),
    ("SoCal Border", r"SoCal Border(?: Average)?"),
    ("Northwest Sumas", r"(?:Northwest )?Sumas"),
    ("Opal", r"Opal(?: Hub)?"),
    ("Florida Gas Zone 3", r"Florida Gas(?: Transmission)? Zone 3"),
)
_ANY_PLACE = re.compile("|".join(f"(?P<p{at}>{form})" for at, (_, form) in enumerate(_PLACES)))


@dataclass(frozen=True, slots=True)
class Quoted:
    """A price at a place on a trading day, USD/MMBtu."""

    hub: str
    day: date
    price: float


def week_end(text: str) -> date | None:
    """The Wednesday with which the report's week ends; None where nothing says so."""
    match = _WEEK.search(text)
    return named_day(match[1]) if match else None


def prose(text: str, week: date, quarantined: list[Quarantined]) -> Iterator[Quoted]:
    """The prices of the text: where one is told for this Wednesday, that of the Wednesday before goes with it."""
    for sentence in _SENTENCE.split(text):
        for moved in _MOVED.finditer(sentence):
            if _FUTURES.search(sentence[: moved.start()]):
                continue
            places = list(_ANY_PLACE.finditer(sentence, 0, moved.start()))
            if not places:
                quarantined.append(Quarantined("a price without a place that is known", str(week), sentence[:300]))
                continue
            hub = _PLACES[int(str(places[-1].lastgroup)[1:])][0]
            before, now = (float(moved[group].replace("$", "")) for group in (1, 2))
            yield Quoted(hub, week - timedelta(days=7), before)
            yield Quoted(hub, week, now)


def table(root: etree._Element, week: date, quarantined: list[Quarantined]) -> Iterator[Quoted]:
    """The prices of the tables of spot prices; after holidays there are several, one a week."""
    for found in root.iter("table"):
        rows = [row for row in rows_of(found) if row]
        if not rows or not _TABLE.match(rows[0][0]):
            continue
        days = [_column_day(cell, week) for cell in rows[0]]
        for row in rows[1:]:
            hub = next((hub for label, hub in _ROWS.items() if row[0].startswith(label)), None)
            for day, cell in zip(days[1:], row[1:], strict=False):
                if hub is None or day is None or cell.upper().replace("/", "") in {"NA", ""}:
                    continue
                try:
                    yield Quoted(hub, day, float(cell.replace("$", "")))
                except ValueError:
                    quarantined.append(Quarantined("the price is not a number", f"{hub} {day}", cell))


def _column_day(text: str, week: date) -> date | None:
    """`Thu, 1-Jan` in the year that brings it nearest to the report's week."""
    match = _COLUMN.search(text)
    if match is None:
        return None
    near = [named_day(f"{match[2]} {match[1]}, {year}") for year in (week.year - 1, week.year, week.year + 1)]
    return min((day for day in near if day is not None), key=lambda day: abs(day - week), default=None)


def named_day(text: str) -> date | None:
    """A day with its month's name, whole or short; None where it is no day."""
    for form in ("%B %d, %Y", "%b %d, %Y"):
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 (a trading date has no zone)
        except ValueError:
            continue
    return None
