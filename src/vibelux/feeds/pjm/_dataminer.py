"""PJM Data Miner 2, as all its reports are answered: JSON in its envelope or as a bare list, and CSV.

Rows carry their time twice, in UTC and in Eastern prevailing time. UTC alone is read; where a file has lost it,
the Eastern stamps are turned round by `market.intervals`, and those that could mean two moments are set aside.
CSV has US dates; a spreadsheet that saved it again leaves out seconds and AM/PM, and then means a 24-hour clock.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from vibelux.feeds._csv import header_of
from vibelux.feeds._feed import Payload
from vibelux.feeds._text import without_bom
from vibelux.feeds._zip import Member, unpack
from vibelux.feeds.pjm import _rows, _times
from vibelux.feeds.pjm._refusals import refuse
from vibelux.feeds.pjm._report import VERSION, Report, candidates, steps_fit
from vibelux.market.errors import SchemaChanged
from vibelux.market.records import Parsed, Quarantined

if TYPE_CHECKING:
    import polars as pl

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
    for member in unpack(payload.body, payload.name):
        report, frame = _table(member, payload, reports, parsed.quarantined)
        now, old = _by_version(report, frame)
        for kept, rows in ((current, now), (replaced, old)):
            for kind, records in convert(report, rows):
                kept.setdefault(kind, []).append(records)
    parsed.frames = {kind: pl.concat(frames) for kind, frames in current.items()}
    older = {kind: pl.concat(frames) for kind, frames in replaced.items()}
    parsed.superseded = {kind: frame for kind, frame in older.items() if frame.height}
    return parsed


def _table(
    member: Member, payload: Payload, reports: Sequence[Report], quarantined: list[Quarantined]
) -> "tuple[Report, pl.DataFrame]":
    """A member's report and its readable rows: the first report whose columns and stamps are the payload's."""
    name = member.name or payload.name
    refuse(member.body, name)
    body = without_bom(member.body).lstrip()
    json = body.startswith((b"{", b"["))
    rows, linked = _rows.items(body, name) if json else (body, None)
    header = _rows.keys(rows, name) if json else header_of(rows)
    possible = candidates(reports, header, payload.report or linked, name)
    for report in possible:
        raw = _rows.from_json(rows, report, name) if json else _rows.from_csv(rows, report, name)
        aside: list[Quarantined] = []
        frame = _typed(report, raw, aside)
        if steps_fit(report, frame):
            quarantined += aside
            return report, frame
    raise SchemaChanged(
        f"{name or 'payload'}: the stamps are not those of {possible[0].name}, whose rows last {possible[0].step}; "
        "it may be another report with the same columns"
    )


def _typed(report: Report, raw: "pl.DataFrame", quarantined: list[Quarantined]) -> "pl.DataFrame":
    """The rows with times in UTC and numbers as numbers; those that cannot be read are set aside."""
    import polars as pl

    frame = raw
    for column in (*report.texts, *report.numbers, *report.optional_texts, *report.optional_numbers, *VERSION):
        if column not in frame.columns:
            frame = frame.with_columns(pl.lit(None, pl.String).alias(column))
    moments = {alias: _times.moments(frame, name, report.texts) for alias, name in _aliased(report).items()}
    bad = pl.Series([False]).new_from_index(0, frame.height)
    for series in moments.values():
        bad |= series.is_null()
    _set_aside(frame.filter(bad), "the time cannot be read without guessing", quarantined)
    for column in report.texts:
        unnamed = frame[column].is_null() | (frame[column] == "")
        _set_aside(frame.filter(unnamed & ~bad), f"{column} is missing", quarantined)
        bad |= unnamed
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
    return words.replace_strict(
        {"true": True, "1": True, "false": False, "0": False}, default=None, return_dtype=pl.Boolean
    )


def _set_aside(frame: "pl.DataFrame", reason: str, quarantined: list[Quarantined]) -> None:
    for row in frame.iter_rows():
        cells = [str(cell) for cell in row if cell is not None]
        quarantined.append(Quarantined(reason, " ".join(cells[:3]), ",".join(cells)))


def _by_version(report: Report, frame: "pl.DataFrame") -> "tuple[pl.DataFrame, pl.DataFrame]":
    """Rows that hold, and rows that a later version has replaced: by PJM's own flag, else by the highest version."""
    import polars as pl

    holds = pl.col("row_is_current")
    if frame["row_is_current"].null_count() and frame["version_nbr"].null_count() < frame.height:
        newest = pl.col("version_nbr").max().over("start", *report.texts, *report.optional_texts)
        holds = holds.fill_null(pl.col("version_nbr").eq_missing(newest))
    mask = frame.select(holds.fill_null(value=True))["row_is_current"]
    return frame.filter(mask), frame.filter(~mask)
