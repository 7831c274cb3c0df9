"""NYISO's public files: a CSV a market day, or a zip with a month of them, in Eastern time without an offset.

A `Time Zone` column says which pass of the repeated autumn hour is meant; where there is none, the order of a
series in its file says it, or those rows are refused. Offsets change on the hour, so each distinct hour is
resolved once and ordinary rows never meet Python.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from vibelux.feeds._csv import read_csv
from vibelux.feeds._feed import Ask, Payload, Request, Service
from vibelux.feeds._text import excerpt, looks_like_html, without_bom
from vibelux.feeds._zip import Member, unpack
from vibelux.market.errors import NotYetPublished, TimeRefused
from vibelux.market.intervals import local_date, local_day, local_naive, sequence_to_utc, to_utc
from vibelux.market.records import Quarantined

if TYPE_CHECKING:
    import polars as pl

MIS = Service("mis.nyiso.com", seconds_between=1.0)
URL = "http://mis.nyiso.com/public/csv"
ZONE = "America/New_York"
STAMP, LABEL = "Time Stamp", "Time Zone"
DAYS_KEPT = timedelta(days=7)
"""Daily files stay for seven to ten days, monthly archives for ever."""
_BEHIND_UTC = {"EST": timedelta(hours=5), "EDT": timedelta(hours=4)}


def file_requests(ask: Ask, *files: str) -> Iterator[Request]:
    """Requests for files, each named `folder/file`: one a market day, or one a month for days that are long past."""
    day, archived = local_date(ask.window.start, ZONE), ""
    while (whole := local_day(day, ZONE)).start < ask.window.end:
        if whole.end >= ask.asked_at - DAYS_KEPT:
            for file in files:
                yield _request(file, f"{day:%Y%m%d}", ".csv")
        elif archived != (month := f"{day:%Y%m}01"):
            archived = month
            for file in files:
                yield _request(file, month, "_csv.zip")
        day += timedelta(days=1)


def _request(file: str, stamp: str, ending: str) -> Request:
    folder, _, name = file.partition("/")
    return Request(f"{URL}/{folder}/{stamp}{name}{ending}")


def members(payload: Payload) -> list[Member]:
    """The CSV files of a payload, without byte order marks and blank first lines.

    Raises:
        NotYetPublished: the page that stands for a file that is not there.
        Corrupt, TooLarge: a damaged or monstrous archive.
    """
    found = [Member(member.name, without_bom(member.body).lstrip()) for member in unpack(payload.body, payload.name)]
    for member in found:
        page = member.body[:4096].lower()
        if looks_like_html(member.body) and (b"404" in page or b"not found" in page):
            raise NotYetPublished(f"{member.name or 'payload'}: NYISO has no such file: {excerpt(member.body)}")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How a report is printed.

    `series` are the columns that tell series apart whose order counts; an empty cell of `numbers` is null.
    """

    columns: Sequence[str]
    numbers: Sequence[str]
    series: Sequence[str] = ()
    stamp: str = STAMP
    aliases: Mapping[str, Sequence[str]] = field(default_factory=dict)
    optional: Sequence[str] = ()


def table(member: Member, form: Form, quarantined: list[Quarantined]) -> "pl.DataFrame":
    """The wanted columns of one file with `moment`, its stamps in UTC; rows in the order of the file.

    Rows with a time or a number that cannot be read are set aside.

    Raises:
        SchemaChanged, Corrupt: see `read_csv`.
    """
    return _with_moment(_columns(member, form, quarantined), form, quarantined)


def all_rows(payload: Payload, form: Form, quarantined: list[Quarantined]) -> "pl.DataFrame":
    """The same of all files of a payload, which have one form; `file` counts them.

    Raises:
        FeedError: see `members` and `table`.
    """
    import polars as pl

    parts = [
        _columns(member, form, quarantined).with_columns(file=pl.lit(at, pl.UInt32()))
        for at, member in enumerate(members(payload))
    ]
    return _with_moment(pl.concat(parts), form, quarantined)


def _columns(member: Member, form: Form, quarantined: list[Quarantined]) -> "pl.DataFrame":
    import polars as pl

    frame = read_csv(
        member.body,
        form.columns,
        name=member.name,
        numbers=form.numbers,
        aliases=form.aliases,
        optional=form.optional,
    )
    frame = frame.filter(~pl.all_horizontal(pl.all().is_null()))
    for number in form.numbers:
        if frame.schema.get(number) == pl.String:
            value = frame[number].cast(pl.Float64, strict=False)
            bad = value.is_null() & (frame[number].fill_null("") != "")
            _set_aside(frame.filter(bad), f"{number} is not a number", form, quarantined)
            frame = frame.with_columns(value).filter(~bad)
    return frame


def _with_moment(frame: "pl.DataFrame", form: Form, quarantined: list[Quarantined]) -> "pl.DataFrame":
    import polars as pl

    local = pl.coalesce(
        pl.col(form.stamp).str.to_datetime(pattern, strict=False, time_unit="us")
        for pattern in ("%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M")
    )
    frame = frame.with_columns(local=local).with_columns(hour=pl.col("local").dt.truncate("1h"))
    told_by = ("hour", LABEL) if LABEL in frame.columns else ("hour",)
    hours = frame.select(told_by).unique().drop_nulls()
    resolved = [_labelled(*key) if len(told_by) > 1 else _first_pass(*key) for key in hours.iter_rows()]
    hours = hours.with_columns(pl.Series("moment", resolved, pl.Datetime("us", "UTC")))
    frame = frame.join(hours, on=told_by, how="left", maintain_order="left").with_columns(
        pl.col("moment") + (pl.col("local") - pl.col("hour"))
    )
    if len(told_by) == 1:
        frame = _told_by_order(frame, [hour for (hour,) in hours.select("hour").iter_rows()], form.series)
    bad = frame["moment"].is_null()
    if bad.any():
        _set_aside(frame.filter(bad), "the time is none in New York, or one of two", form, quarantined)
        frame = frame.filter(~bad)
    return frame.drop("local", "hour", form.stamp)


def _labelled(hour: datetime, label: str) -> datetime | None:
    """The hour by its `Time Zone` cell; None where the clocks of that day contradict it."""
    behind = _BEHIND_UTC.get(label)
    if behind is None:
        return None
    try:
        moment = (hour + behind).replace(tzinfo=UTC)
    except OverflowError:
        return None
    return moment if local_naive(moment, ZONE) == hour else None


def _first_pass(hour: datetime) -> datetime | None:
    try:
        return to_utc(hour, ZONE, repeated=False)
    except TimeRefused:
        return None


def _comes_twice(hour: datetime) -> bool:
    try:
        to_utc(hour, ZONE, repeated=True)
    except TimeRefused:
        return False
    return True


def _told_by_order(frame: "pl.DataFrame", hours: Sequence[datetime], series: Sequence[str]) -> "pl.DataFrame":
    """Resolves the repeated hour, if the file has it: both passes in order a series, else null."""
    import polars as pl

    twice = [hour for hour in hours if _comes_twice(hour)]
    if not twice:
        return frame
    frame = frame.with_row_index("row")
    moments: dict[tuple[datetime, ...], Sequence[datetime | None]] = {}
    rows: list[int] = []
    resolved: list[datetime | None] = []
    repeated = frame.filter(pl.col("hour").is_in(twice))
    groups = repeated.partition_by(series, maintain_order=True) if series else [repeated]
    for group in groups:
        run = tuple(group["local"].to_list())
        if run not in moments:
            try:
                moments[run] = sequence_to_utc(run, ZONE)
            except TimeRefused:
                moments[run] = [None] * len(run)
        rows += group["row"].to_list()
        resolved += moments[run]
    told = pl.DataFrame(
        {"row": rows, "told": resolved}, schema={"row": frame.schema["row"], "told": frame.schema["moment"]}
    )
    return (
        frame.join(told, on="row", how="left", maintain_order="left")
        .with_columns(moment=pl.when(pl.col("hour").is_in(twice)).then("told").otherwise("moment"))
        .drop("row", "told")
    )


def _set_aside(frame: "pl.DataFrame", reason: str, form: Form, quarantined: list[Quarantined]) -> None:
    for row in frame.iter_rows(named=True):
        cells = (str(cell) for name, cell in row.items() if name not in {"local", "hour", "moment"})
        quarantined.append(
            Quarantined(reason, " ".join(str(row[name]) for name in (form.stamp, *form.series)), ",".join(cells))
        )
