"""Load by zone, as measured and as forecast: a column a zone, told apart into weather and forecast zones.

Both kinds have a zone called North and one called West, so the kind of zone is the records' category.
"""

from typing import TYPE_CHECKING

from vibelux.feeds._feed import Payload
from vibelux.feeds.ercot._series import SYSTEM, Meaning, gathered, series
from vibelux.feeds.ercot._tables import Layout, Table, squashed, tables
from vibelux.feeds.ercot._time import hours, issues
from vibelux.market.records import SERIES, Parsed, Quarantined

if TYPE_CHECKING:
    import polars as pl

WEATHER = ("coast", "east", "farwest", "north", "northcentral|northc", "southcentral|southc", "southern", "west")
FORECAST = ("north", "south", "west", "houston")
TOTAL = "total|systemtotal"
_NO_ZONES = {"day", "hour", "flag", "posted", "in_use", "category", "start", "end", "issued"}
_MEASURED, _FORECAST = "operday|operatingday", "deliverydate"
"""How ERCOT calls the day of what was, and of what will be: nothing else tells the two apart."""


def measured(report: str, zones: tuple[str, ...]) -> Layout:
    """A report of load with a column for each of the zones and one for the whole system."""
    return _layout(report, _MEASURED, zones)


def forecast(report: str, zones: tuple[str, ...], *more: str) -> Layout:
    """A report of its forecast, in the same form."""
    return _layout(report, _FORECAST, (*more, *zones))


def _layout(report: str, day: str, columns: tuple[str, ...]) -> Layout:
    return Layout(report, (day, "hourending", "dstflag", *columns, TOTAL))


def load(payload: Payload, layouts: dict[Layout, str], *, forecast: bool) -> Parsed:
    """Load records of all zones; `layouts` says for each report by what its rows or zones are split."""
    quarantined: list[Quarantined] = []
    category = {layout.report: split for layout, split in layouts.items()}
    frames = [
        _records(table, category[table.report], payload, quarantined, forecast=forecast)
        for table in tables(payload, tuple(layouts))
    ]
    return gathered(SERIES, frames, quarantined)


def _records(
    table: Table, category: str, payload: Payload, quarantined: list[Quarantined], *, forecast: bool
) -> "pl.DataFrame":
    frame = hours(table.frame, quarantined)
    if forecast:
        frame = issues(frame, table.name, payload.received_at, quarantined)
    if category in frame.columns:
        frame = frame.rename({category: "category"})
    variable = "load-forecast" if forecast else "load"
    meanings = {
        column: Meaning(variable, SYSTEM if squashed(column) in TOTAL.split("|") else column, category, forecast)
        for column in frame.columns
        if column not in _NO_ZONES
    }
    return series(frame, meanings, f"ERCOT {table.report}", quarantined)
