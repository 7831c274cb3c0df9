"""Series records: of wide tables, a column a zone or a kind of number, and of numbers one by one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from vibelux.feeds._check import empty, shaped
from vibelux.feeds.ercot._tables import numbers
from vibelux.market.records import SERIES, Kind, Parsed, Quarantined

if TYPE_CHECKING:
    import polars as pl

SYSTEM = "ERCOT"
"""The location of system totals, however a report calls them (`TOTAL`, `SystemTotal`, `SYSTEM_WIDE`)."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one number or column of a report is."""

    variable: str
    location: str = SYSTEM
    category: str | None = None
    forecast: bool = False
    unit: str = "MW"


def series(
    frame: "pl.DataFrame", meanings: Mapping[str, Meaning], source: str, quarantined: list[Quarantined]
) -> "pl.DataFrame":
    """Series records of the columns that have a meaning; a blank cell is no record, and not zero.

    Args:
        frame: has `start`, `end`, and maybe `issued` (used for forecasts) and `category` (goes before the meaning's).
        meanings: by column.
        source: the records' `data_source`.
        quarantined: cells that are no number are put here.
    """
    import polars as pl

    columns = list(meanings)
    if any(frame.schema[column] == pl.String for column in columns):
        frame = frame.with_columns(pl.col(columns).cast(pl.String))
    table = pl.DataFrame(
        {
            "column": columns,
            "variable": [meaning.variable for meaning in meanings.values()],
            "location": [meaning.location for meaning in meanings.values()],
            "meaning": [meaning.category for meaning in meanings.values()],
            "unit": [meaning.unit for meaning in meanings.values()],
            "forecast": [meaning.forecast for meaning in meanings.values()],
        },
        schema_overrides={"meaning": pl.String()},
    )
    index = [name for name in ("start", "end", "issued", "category") if name in frame.columns]
    long = frame.unpivot(columns, index=index, variable_name="column", value_name="value")
    long = long.join(table, on="column", how="left", maintain_order="left").filter(pl.col("value").is_not_null())
    issued = pl.col("issued") if "issued" in index else pl.lit(None)
    category = pl.coalesce("category", "meaning") if "category" in index else pl.col("meaning")
    return shaped(
        SERIES,
        numbers(long, "value", quarantined).with_columns(
            provider=pl.lit("ercot"),
            category=category,
            valid_start="start",
            valid_end="end",
            issued_at=pl.when("forecast").then(issued),
            data_source=pl.lit(source),
        ),
    )


def points(
    numbers_found: Iterable[tuple[Meaning, datetime, datetime, float]], issued: datetime | None, source: str
) -> "pl.DataFrame":
    """Series records of single numbers: what each is, its start and end, its value."""
    import polars as pl

    rows = [
        {
            "provider": "ercot",
            "category": meaning.category,
            "variable": meaning.variable,
            "location": meaning.location,
            "unit": meaning.unit,
            "value": value,
            "valid_start": start,
            "valid_end": end,
            "issued_at": issued if meaning.forecast else None,
            "data_source": source,
        }
        for meaning, start, end, value in numbers_found
    ]
    return pl.DataFrame(rows, schema=SERIES.schema())


def gathered(kind: Kind, frames: "Iterable[pl.DataFrame]", quarantined: list[Quarantined]) -> Parsed:
    """What a payload holds, of however many tables."""
    import polars as pl

    found = [frame for frame in frames if frame.height]
    return Parsed({kind.name: pl.concat(found) if found else empty(kind)}, quarantined)
