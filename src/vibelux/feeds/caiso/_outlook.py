"""Today's Outlook, CAISO's public charts as CSV: a row each five minutes, or transposed with a row a series.

Times are bare Pacific clock times. The day stands in the file's name or address, or in the header of the
transposed form; without it the file is refused. In spring the hour that does not exist is printed with empty
cells, and a `00:00` at the end of a whole day is the next day's. Stamps are kept as instants: nothing says whether
one opens or closes its five minutes (the steps of the forecast curves suggest that it closes them).
"""

import csv
import io
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from vibelux.feeds._feed import Ask, Payload, Request, Service
from vibelux.feeds._text import excerpt, refuse_html, without_bom
from vibelux.feeds._zip import Member, unpack
from vibelux.market.errors import Corrupt, SchemaChanged, TimeRefused, TooLarge
from vibelux.market.intervals import local_date, local_day, local_naive, sequence_to_utc, to_utc
from vibelux.market.records import Quarantined

if TYPE_CHECKING:
    import polars as pl

OUTLOOK = Service("www.caiso.com", seconds_between=1.0)
URL = "https://www.caiso.com/outlook"
ZONE = "America/Los_Angeles"
LOCATION = "CAISO"
MOST_CELLS = 1_000_000
"""A day has some thousands."""
_CURRENT = "current/"
_DAY_IN_NAME = re.compile(r"(?<!\d)(?P<y>20\d{2})-?(?P<m>[01]\d)-?(?P<d>[0-3]\d)(?!\d)")
_DAY_IN_HEADER = re.compile(r"(?P<m>\d{1,2})/(?P<d>\d{1,2})/(?P<y>20\d{2})")
_STAMP = re.compile(rf"(?:{_DAY_IN_HEADER.pattern} )?(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)(?::00)?")
_AHEAD_OF_THE_FETCH = timedelta(minutes=10)


def outlook_requests(ask: Ask, name: str) -> Iterator[Request]:
    """The current file for a poll (a window under a day), else the history file of each Pacific day."""
    if ask.window.end - ask.window.start < timedelta(hours=23):
        yield Request(f"{URL}/{_CURRENT}{name}.csv")
        return
    day = local_date(ask.window.start, ZONE)
    while local_day(day, ZONE).start < ask.window.end:
        yield Request(f"{URL}/history/{day:%Y%m%d}/{name}.csv")
        day += timedelta(days=1)


def long_rows(
    payload: Payload,
    quarantined: list[Quarantined],
    measured: Callable[[str], bool] = bool,
    wanted: Sequence[Collection[str]] = (),
) -> "pl.DataFrame":
    """All cells that hold a value: `what` (upstream's name of the series), `moment` (UTC), `day`, `value`.

    Args:
        payload: as served; its name is the address or the file's name.
        quarantined: times and values that cannot be read are put here.
        measured: whether a series is one that the future has no values of.
        wanted: names of which a table with a row a time must have one each; it is said where none is there.

    Raises:
        Corrupt: a page or nothing where CSV was promised; TooLarge for a monstrous table.
        SchemaChanged: no times beside values, or nothing that says which day it is.
    """
    import polars as pl

    schema = {"what": pl.String(), "moment": pl.Datetime("us", "UTC"), "day": pl.Date(), "value": pl.Float64()}
    found: list[tuple[str, datetime, date, float]] = []
    for member in unpack(payload.body, payload.name):
        lines = _upright(member)
        if lines[0][0] != "Time" and not any(_STAMP.fullmatch(row[0]) for row in lines[1:]):
            raise SchemaChanged(
                f"{member.name or 'payload'}: no times beside values in {excerpt(member.body)!r}", missing=("Time",)
            )
        _miss(wanted if lines[0][0] == "Time" else (), lines[0], member.name, quarantined)
        rows = [row for row in lines[1:] if any(row[1:])]
        if not rows:
            continue
        stamps = [_STAMP.fullmatch(row[0]) for row in rows]
        columns = [at for at, series in enumerate(lines[0]) if at and measured(series)]
        past = [stamp for stamp, row in zip(stamps, rows, strict=True) if stamp and any(row[at] for at in columns)]
        day = _day(lines[0][0], stamps[0], past, member.name, payload)
        found += _values(lines[0], rows, _in_utc(stamps, day), day, quarantined)
    return pl.DataFrame(found, schema=schema, orient="row")


def _upright(member: Member) -> list[list[str]]:
    """The cells with a row a time, all rows equally long; the first row names the series."""
    refuse_html(member.body, member.name, "CSV")
    text = io.StringIO(without_bom(member.body).decode("utf-8", "replace"))
    try:
        lines = [line for line in ([cell.strip() for cell in line] for line in csv.reader(text)) if any(line)]
    except csv.Error as error:
        raise Corrupt(f"{member.name or 'payload'}: not a CSV table: {error}") from error
    if not lines:
        raise Corrupt(f"{member.name or 'payload'}: empty where CSV was promised")
    width = max(len(line) for line in lines)
    if width * len(lines) > MOST_CELLS:
        raise TooLarge(f"{member.name or 'payload'}: {width} columns by {len(lines)} rows")
    lines = [[*line, *[""] * (width - len(line))] for line in lines]
    return lines if lines[0][0] == "Time" else [list(column) for column in zip(*lines, strict=True)]


def _miss(wanted: Sequence[Collection[str]], header: Sequence[str], name: str, quarantined: list[Quarantined]) -> None:
    """Says which series are not there any more, maybe under a new name; the others are read all the same."""
    for names in wanted:
        if not set(names) & set(header):
            quarantined.append(Quarantined(f"the column {' or '.join(names)} is missing", name, ",".join(header)))


def _values(
    names: Sequence[str],
    rows: Sequence[Sequence[str]],
    moments: Sequence[datetime | str],
    day: date,
    quarantined: list[Quarantined],
) -> Iterator[tuple[str, datetime, date, float]]:
    for row, moment in zip(rows, moments, strict=True):
        if isinstance(moment, str):
            quarantined.append(Quarantined(moment, f"{day} {row[0]}", ",".join(row)))
            continue
        for series, cell in zip(names[1:], row[1:], strict=True):
            if cell:
                try:
                    yield series, moment, day, float(cell)
                except ValueError:
                    quarantined.append(Quarantined("the value is not a number", f"{series} {day} {row[0]}", cell))


def _day(label: str, first: re.Match[str] | None, past: Sequence[re.Match[str]], name: str, payload: Payload) -> date:
    """The Pacific day of a file's first row.

    The current file is dated by its address alone: it is the day of the fetch, or the day before where it shows
    measurements of a time of day that the fetch had not reached (after midnight it is yesterday's for a while).
    """
    written = first if first is not None and first["y"] else _DAY_IN_HEADER.search(label)
    found = (
        _date(written) or payload.day or _date(_DAY_IN_NAME.search(payload.name)) or _date(_DAY_IN_NAME.search(name))
    )
    if found is not None:
        return found
    if _CURRENT in payload.name and payload.received_at is not None:
        fetched = local_naive(payload.received_at, ZONE)
        newest = max((_local(stamp, fetched.date()) for stamp in past), default=fetched)
        return fetched.date() - timedelta(days=int(newest > fetched + _AHEAD_OF_THE_FETCH))
    raise SchemaChanged(
        f"{name or 'payload'}: times without a day; it must be in the file's name, or be given (--date)",
        missing=("day",),
    )


def _date(match: re.Match[str] | None) -> date | None:
    try:
        return None if match is None else date(int(match["y"]), int(match["m"]), int(match["d"]))
    except ValueError:
        return None


def _local(stamp: re.Match[str], day: date) -> datetime:
    return datetime(day.year, day.month, day.day, int(stamp["hour"]), int(stamp["minute"]))  # noqa: DTZ001 (wall clock)


def _in_utc(stamps: Sequence[re.Match[str] | None], day: date) -> list[datetime | str]:
    """Each stamp as UTC, or in words why not."""
    walls: list[datetime | None] = []
    for at, stamp in enumerate(stamps):
        own_day = _date(stamp) if stamp is not None and stamp["y"] else day
        wall = None if stamp is None or own_day is None else _local(stamp, own_day)
        last = at == len(stamps) - 1 and at > 0 and walls[-1] is not None and walls[-1].hour == 23
        if last and wall is not None and stamp is not None and not stamp["y"] and wall.hour == wall.minute == 0:
            wall += timedelta(days=1)
        walls.append(wall)
    try:
        told = iter(sequence_to_utc([wall for wall in walls if wall is not None and _comes_twice(wall)], ZONE))
    except TimeRefused:
        told = iter(())
    return [_moment(wall, told) for wall in walls]


def _moment(wall: datetime | None, told: Iterator[datetime]) -> datetime | str:
    if wall is None:
        return "the time is none"
    if _comes_twice(wall):
        return next(told, f"{wall} occurs twice in {ZONE} and the order of the rows does not tell which it is")
    try:
        return to_utc(wall, ZONE)
    except TimeRefused as error:
        return str(error)


def _comes_twice(wall: datetime) -> bool:
    try:
        to_utc(wall, ZONE, repeated=True)
    except TimeRefused:
        return False
    return True
