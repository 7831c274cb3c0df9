"""What a Data Miner report is made of, and how a payload's report is recognised."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from vibelux.market.errors import SchemaChanged

if TYPE_CHECKING:
    import polars as pl

VERSION = ("row_is_current", "version_nbr")
"""Columns of the reports that PJM corrects."""


@dataclass(frozen=True, slots=True)
class Report:
    """One report: the columns that must be there, and how long its rows last."""

    name: str
    texts: tuple[str, ...]
    numbers: tuple[str, ...]
    step: timedelta | None = timedelta(hours=1)
    """Length of each interval; zero for an instant, None where it changed over the years."""
    start: str = "datetime_beginning"
    """Columns of time are named without `_utc` and `_ept`."""
    end: str = ""
    issued: str = ""
    marks: tuple[str, ...] = ()
    """Columns that tell it from a report with the same others."""
    optional_texts: tuple[str, ...] = ()
    optional_numbers: tuple[str, ...] = ()

    @property
    def times(self) -> tuple[str, ...]:
        """Its columns of time."""
        return tuple(name for name in (self.start, self.end, self.issued) if name)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that must be there, times in UTC."""
        return (*(f"{name}_utc" for name in self.times), *self.texts, *self.numbers)

    @property
    def width(self) -> int:
        """How many columns it is recognised by."""
        return len(self.columns) + len(self.marks)

    def fits(self, header: Sequence[str]) -> bool:
        """Whether a header can be this report's."""
        have = set(header)
        timed = all(f"{name}_utc" in have or f"{name}_ept" in have for name in self.times)
        return timed and have.issuperset((*self.texts, *self.numbers, *self.marks))


def candidates(reports: Sequence[Report], header: Sequence[str], named: str | None, name: str) -> list[Report]:
    """The reports that the payload may be of, likeliest first: by what it says itself, its columns, its name."""
    if named is not None:
        said = [report for report in reports if report.name == named]
        if not said:
            known = ", ".join(report.name for report in reports)
            raise SchemaChanged(
                f"{name or 'payload'}: it is the report {named}; this feed reads {known}", extra=(named,)
            )
        return said
    if not header:
        return [reports[0]]
    fitting = [report for report in reports if report.fits(header)]
    in_name = [report for report in fitting if report.name in name]
    if in_name:
        return [max(in_name, key=lambda report: len(report.name))]
    closest = max((report.width for report in fitting), default=0)
    return [report for report in fitting if report.width == closest] or [reports[0]]


def steps_fit(report: Report, frame: "pl.DataFrame") -> bool:
    """Whether the stamps can be of a report with that step: hourly and 5-minute prices have the same columns."""
    if report.step is None or not report.step or frame.is_empty():
        return True
    if report.end:
        return bool((frame["end"] - frame["start"] == report.step).all())
    starts = frame["start"].unique()
    on_the_hour = starts.dt.truncate("1h") == starts
    if report.step >= timedelta(hours=1):
        return bool(on_the_hour.all())
    return starts.len() < 2 or not on_the_hour.all()
