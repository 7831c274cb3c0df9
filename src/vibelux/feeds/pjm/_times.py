"""Data Miner's stamps as UTC: ISO in JSON, US dates in CSV, Eastern time only where UTC has been lost."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from vibelux.feeds.pjm._requests import ZONE
from vibelux.market.errors import TimeRefused
from vibelux.market.intervals import sequence_to_utc, to_utc

if TYPE_CHECKING:
    import polars as pl

_FORMS = (
    "%Y-%m-%dT%H:%M:%S%.f",
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %I:%M %p",
)
_FIRST_YEAR = 1997
"""PJM's market opened; an earlier year is one that lost its century."""


def moments(frame: "pl.DataFrame", name: str, series: Sequence[str]) -> "pl.Series":
    """The times of `name` in UTC; null where a stamp is none or could mean two moments.

    Args:
        frame: has `name_utc` or, without it, `name_ept`, as text.
        name: the column without its ending.
        series: the columns that tell one series of stamps from another, each in the order of the file.
    """
    if f"{name}_utc" in frame.columns:
        return _read(frame[f"{name}_utc"]).dt.replace_time_zone("UTC")
    return _from_eastern(frame.select(*series, stamp=_read(frame[f"{name}_ept"])), series)


def _read(stamps: "pl.Series") -> "pl.Series":
    """Stamps without zone, by the first form that each has."""
    import polars as pl

    result = pl.Series(stamps.name, [None], pl.Datetime("us")).new_from_index(0, stamps.len())
    for form in _FORMS:
        if not result.null_count():
            break
        found = stamps.str.to_datetime(form, time_unit="us", strict=False)
        result = result.zip_with(result.is_not_null(), found)
    return result.zip_with(result.dt.year() >= _FIRST_YEAR, pl.Series([None], dtype=pl.Datetime("us")))


def _from_eastern(frame: "pl.DataFrame", series: Sequence[str]) -> "pl.Series":
    """Each series by itself: in the order of the file, or stamp by stamp where the file has another order."""
    import polars as pl

    places = frame.with_row_index("place").filter(pl.col("stamp").is_not_null())
    found: list[datetime | None] = [None] * frame.height
    for part in places.partition_by(list(series)) if series else [places]:
        stamps = part["stamp"].to_list()
        try:
            converted: list[datetime | None] = list(sequence_to_utc(stamps, ZONE))
        except TimeRefused:
            converted = [_alone(stamp) for stamp in stamps]
        for place, moment in zip(part["place"].to_list(), converted, strict=True):
            found[place] = moment
    return pl.Series("moment", found, pl.Datetime("us", "UTC"))


def _alone(stamp: datetime) -> datetime | None:
    try:
        return to_utc(stamp, ZONE)
    except TimeRefused:
        return None
