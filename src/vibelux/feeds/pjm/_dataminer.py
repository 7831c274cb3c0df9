"""PJM Data Miner 2, as all its reports are answered: JSON in its envelope or as a bare list, and CSV.

Rows carry their time twice, in UTC and in Eastern prevailing time. UTC alone is read; where a file has lost it,
the Eastern stamps are turned round by `market.intervals`, and those that could mean two moments are set aside.
CSV has US dates; a spreadsheet that saved it again leaves out seconds and AM/PM, and then means a 24-hour clock.
"""

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from vibelux.feeds._csv import header_of, read_csv
from vibelux.feeds._feed import Payload
from vibelux.feeds._json import parse_json_as
from vibelux.feeds._text import without_bom
from vibelux.feeds._zip import unpack
from vibelux.feeds.pjm import _times
from vibelux.feeds.pjm._refusals import raise_for, refuse
from vibelux.market.errors import SchemaChanged
from vibelux.market.records import Parsed, Quarantined

if TYPE_CHECKING:
    import polars as pl

_REPORT_IN_LINK = re.compile(r"/api/v1/(\w+)")
_VERSION = ("row_is_current", "version_nbr")


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

    def fits(self, header: Sequence[str]) -> bool:
        """Whether a header can be this report's."""
        have = set(header)
        timed = all(f"{name}_utc" in have or f"{name}_ept" in have for name in self.times)
        return timed and have.issuperset((*self.texts, *self.numbers, *self.marks))


Convert = Callable[[Report, "pl.DataFrame"], "Iterable[tuple[str, pl.DataFrame]]"]
"""From a report's rows (`start`, `end`, `issued` in UTC, texts, numbers) to records, by name of their kind."""


def read_reports(payload: Payload, reports: Sequence[Report], convert: Convert) -> Parsed:
    """All rows of a payload as records; those that PJM marks as replaced go to `superseded`.

    Raises:
        AccessDenied, Throttled, UpstreamError: PJM says so in the body.
        SchemaChanged: the payload is of no report of this feed.
        Corrupt: neither JSON nor CSV.
    """
    import polars as pl

    parsed = Parsed()
    current: dict[str, list[pl.DataFrame]] = {}
    replaced: dict[str, list[pl.DataFrame]] = {}
    for report, frame in _tables(payload, reports, parsed.quarantined):
        now, old = _by_version(report, frame)
        for kept, rows in ((current, now), (replaced, old)):
            for kind, records in convert(report, rows):
                kept.setdefault(kind, []).append(records)
    parsed.frames = {kind: pl.concat(frames) for kind, frames in current.items()}
    older = {kind: pl.concat(frames) for kind, frames in replaced.items()}
    parsed.superseded = {kind: frame for kind, frame in older.items() if frame.height}
    return parsed


def _tables(
    payload: Payload, reports: Sequence[Report], quarantined: list[Quarantined]
) -> "Iterator[tuple[Report, pl.DataFrame]]":
    for member in unpack(payload.body, payload.name):
        refuse(member.body, member.name)
        body = without_bom(member.body).lstrip()
        json = body.startswith((b"{", b"["))
        items, linked = _items(body, member.name) if json else (body, None)
        header = _keys(items, member.name) if json else header_of(body)
        named = payload.report or linked
        candidates = _candidates(reports, header, named, member.name or payload.name)
        for report in candidates:
            raw = _from_json(items, report, member.name) if json else _from_csv(body, report, member.name)
            aside: list[Quarantined] = []
            frame = _typed(report, raw, aside)
            if _steps_fit(report, frame):
                break
        else:
            raise SchemaChanged(
                f"{member.name or 'payload'}: the stamps are not those of {candidates[0].name}, whose rows last "
                f"{candidates[0].step}; it may be another report with the same columns",
            )
        quarantined += aside
        yield report, frame


def _candidates(
    reports: Sequence[Report], header: Sequence[str], named: str | None, name: str
) -> list[Report]:
    """The reports that the payload may be of, likeliest first: by what it says itself, its columns, its name."""
    if named is not None:
        said = [report for report in reports if report.name == named]
        if not said:
            known = ", ".join(report.name for report in reports)
            raise SchemaChanged(f"{name or 'payload'}: it is the report {named}; this feed reads {known}", extra=(named,))
        return said
    if not header:
        return [reports[0]]
    fitting = [report for report in reports if report.fits(header)]
    in_name = [report for report in fitting if report.name in name]
    if in_name:
        return [max(in_name, key=lambda report: len(report.name))]
    return fitting or [reports[0]]


class _Document(msgspec.Struct):
    """Either rows, or what PJM says instead."""

    items: msgspec.Raw = msgspec.Raw()
    links: list[dict[str, Any]] = []
    errors: Any = None
    statusCode: Any = None  # noqa: N815 (upstream's name)


def _items(body: bytes, name: str) -> tuple[bytes, str | None]:
    """The JSON list of rows, and the report's name where a link gives it."""
    if body.startswith(b"["):
        return body, None
    document = parse_json_as(body, _Document, name)
    if document.errors or document.statusCode or not bytes(document.items):
        raise_for(parse_json_as(body, dict[str, Any], name), name)
    for link in document.links:
        if found := _REPORT_IN_LINK.search(str(link.get("href", ""))):
            return bytes(document.items), found[1]
    return bytes(document.items), None


def _keys(items: bytes, name: str) -> list[str]:
    rows = parse_json_as(items, list[msgspec.Raw], name)
    return list(parse_json_as(bytes(rows[0]), dict[str, Any], name)) if rows else []


def _from_json(items: bytes, report: Report, name: str) -> "pl.DataFrame":
    """Columns of a list of rows: by typed structs, or as texts where a cell is of another type than declared."""
    import polars as pl

    shape, schema = _shape(report)
    try:
        rows = parse_json_as(items, list[shape], name)  # type: ignore[valid-type] # made at run time
    except SchemaChanged:
        return _texts_of(parse_json_as(items, list[dict[str, Any]], name), report, name)
    cells = {column: list(map(operator.attrgetter(column), rows)) for column in schema}
    return pl.DataFrame(cells, schema=schema)


@cache
def _shape(report: Report) -> tuple[type[msgspec.Struct], dict[str, Any]]:
    """A struct of a row with times in UTC, and the polars types of its columns."""
    import polars as pl

    texts = (*(f"{name}_utc" for name in report.times), *report.texts)
    required = {**dict.fromkeys(texts, str | None), **dict.fromkeys(report.numbers, float | None)}
    optional = {
        **dict.fromkeys(report.optional_texts, str | None),
        **dict.fromkeys(report.optional_numbers, float | None),
        "row_is_current": bool | None,
        "version_nbr": float | None,
    }
    fields: list[Any] = [*required.items(), *((column, type_, None) for column, type_ in optional.items())]
    polars_of = {str | None: pl.String(), float | None: pl.Float64(), bool | None: pl.Boolean()}
    schema = {column: polars_of[type_] for column, type_ in (required | optional).items()}
    return msgspec.defstruct(report.name, fields, gc=False), schema


def _texts_of(rows: Sequence[dict[str, Any]], report: Report, name: str) -> "pl.DataFrame":
    import polars as pl

    have = list(dict.fromkeys(column for row in rows for column in row))
    wanted, optional = _wanted(report, have)
    missing = [column for column in wanted if column not in have]
    if missing:
        raise SchemaChanged(
            f"{name or 'payload'}: {report.name} without {', '.join(missing)}; it has {', '.join(have)}",
            missing=missing,
            extra=[column for column in have if column not in wanted],
        )
    columns = [*wanted, *(column for column in optional if column in have)]
    cells = {column: [None if row.get(column) is None else str(row[column]) for row in rows] for column in columns}
    return pl.DataFrame(cells, schema=dict.fromkeys(columns, pl.String()))


def _from_csv(body: bytes, report: Report, name: str) -> "pl.DataFrame":
    wanted, optional = _wanted(report, header_of(body))
    numbers = [*report.numbers, *report.optional_numbers]
    return read_csv(body, wanted, name=name, numbers=numbers, optional=optional)


def _wanted(report: Report, header: Sequence[str]) -> tuple[list[str], list[str]]:
    """The columns to read, those that must be there first; Eastern time only where UTC is missing."""
    times = [
        f"{name}_ept" if f"{name}_utc" not in header and f"{name}_ept" in header else f"{name}_utc"
        for name in report.times
    ]
    wanted = [*times, *report.texts, *report.numbers]
    return wanted, [*report.optional_texts, *report.optional_numbers, *_VERSION]


def _typed(report: Report, raw: "pl.DataFrame", quarantined: list[Quarantined]) -> "pl.DataFrame":
    """The rows with times in UTC and numbers as numbers; those that cannot be read are set aside."""
    import polars as pl

    frame = raw
    for column in (*report.texts, *report.numbers, *report.optional_texts, *report.optional_numbers, *_VERSION):
        if column not in frame.columns:
            frame = frame.with_columns(pl.lit(None, pl.String).alias(column))
    moments = {alias: _times.moments(frame, name, report.texts) for alias, name in _aliased(report).items()}
    bad = pl.Series([False]).new_from_index(0, frame.height)
    for series in moments.values():
        bad |= series.is_null()
    _set_aside(frame.filter(bad), "the time cannot be read without guessing", quarantined)
    for column in (*report.numbers, *report.optional_numbers):
        numbers = frame[column].cast(pl.Float64, strict=False)
        odd = numbers.is_null() & frame[column].is_not_null() & (frame[column].cast(pl.String) != "")
        _set_aside(frame.filter(odd & ~bad), f"{column} is not a number", quarantined)
        bad |= odd
        frame = frame.with_columns(numbers)
    frame = frame.with_columns(**moments, row_is_current=_boolean(frame["row_is_current"]))
    if not report.end:
        frame = frame.with_columns(end=pl.col("start") + (report.step or timedelta()))
    return frame.with_columns(pl.col("version_nbr").cast(pl.Float64, strict=False)).filter(~bad)


def _aliased(report: Report) -> dict[str, str]:
    named = {"start": report.start, "end": report.end, "issued": report.issued}
    return {alias: name for alias, name in named.items() if name}


def _boolean(cells: "pl.Series") -> "pl.Series":
    """`True`, `TRUE`, `true` or 1, and their opposites; null where nothing is said."""
    import polars as pl

    if cells.dtype == pl.Boolean:
        return cells
    words = cells.cast(pl.String).str.to_lowercase()
    return words.replace_strict({"true": True, "1": True, "false": False, "0": False}, default=None, return_dtype=pl.Boolean)


def _set_aside(frame: "pl.DataFrame", reason: str, quarantined: list[Quarantined]) -> None:
    for row in frame.iter_rows():
        cells = [str(cell) for cell in row if cell is not None]
        quarantined.append(Quarantined(reason, " ".join(cells[:3]), ",".join(cells)))


def _steps_fit(report: Report, frame: "pl.DataFrame") -> bool:
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


def _by_version(report: Report, frame: "pl.DataFrame") -> "tuple[pl.DataFrame, pl.DataFrame]":
    """Rows that hold, and rows that a later version has replaced: by PJM's own flag, else by the highest version."""
    import polars as pl

    holds = pl.col("row_is_current")
    if frame["row_is_current"].null_count() and frame["version_nbr"].null_count() < frame.height:
        newest = pl.col("version_nbr").max().over("start", *report.texts, *report.optional_texts)
        holds = holds.fill_null(pl.col("version_nbr").eq_missing(newest))
    mask = frame.select(holds.fill_null(value=True))["row_is_current"]
    return frame.filter(mask), frame.filter(~mask)

