"""Central prevailing time as ERCOT prints it, into UTC: hours by their end, runs by their second, with a flag.

The repeated autumn hour is marked `Y` on its second, standard-time pass, under several names of the flag; the
hour that spring skips is not printed. Each distinct stamp is resolved once; what cannot be known is set aside.
"""

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from vibelux.feeds.ercot._tables import set_aside
from vibelux.market.errors import TimeRefused
from vibelux.market.intervals import to_utc
from vibelux.market.records import Quarantined

if TYPE_CHECKING:
    import polars as pl

ZONE = "America/Chicago"
_DAY = re.compile(
    r"(?:(?P<m>\d{1,2})/(?P<d>\d{1,2})/(?P<y>\d{4})|(?P<iso>\d{4}-\d{2}-\d{2}))(?:[ T]00:00(?::00(?:\.0+)?)?)?"
)
_HOUR = re.compile(r"(0?\d|1\d|2[0-4])(?::00|\.0+)?")
_FLAGS = {"y": True, "n": False, "true": True, "false": False, "1": True, "0": False}
_STAMP_IN_NAME = re.compile(r"\.(20\d{6})\.(\d{2})(\d{2})(\d{2})?\d{0,3}\.")
_NEAR = timedelta(minutes=30)


def hours(frame: "pl.DataFrame", quarantined: list[Quarantined]) -> "pl.DataFrame":
    """Adds `start` and `end` to rows with `day`, `hour` ending, `flag` and maybe a quarter-hour `interval`."""
    import polars as pl

    frame = _resolved(frame, ("day", "hour", "flag"), _hour_start, "start", quarantined)
    if "interval" not in frame.columns:
        return frame.with_columns(end=pl.col("start") + pl.duration(hours=1))
    quarter = frame["interval"].cast(pl.Float64, strict=False)
    bad = ~quarter.is_in([1.0, 2.0, 3.0, 4.0]).fill_null(value=False)
    if bad.any():
        set_aside(frame.filter(bad), "the interval is none of 1 to 4", quarantined)
    start = pl.col("start") + pl.duration(minutes=15 * (pl.lit(quarter).cast(pl.Int64, strict=False) - 1))
    return frame.with_columns(start=start, end=start + pl.duration(minutes=15)).filter(~bad)


def runs(frame: "pl.DataFrame", quarantined: list[Quarantined]) -> "pl.DataFrame":
    """Adds `start`, the second of the dispatch run, and `end`, five minutes on: a run holds until about the next."""
    import polars as pl

    frame = _resolved(frame, ("run", "flag"), _moment, "start", quarantined)
    return frame.with_columns(end=pl.col("start") + pl.duration(minutes=5))


def endings(frame: "pl.DataFrame", quarantined: list[Quarantined]) -> "pl.DataFrame":
    """Adds `start` and `end` to rows with the end of five minutes, `ending`, and its `ending_flag`."""
    import polars as pl

    frame = _resolved(frame, ("ending", "ending_flag"), _moment, "end", quarantined)
    return frame.with_columns(start=pl.col("end") - pl.duration(minutes=5))


def issues(
    frame: "pl.DataFrame", name: str, received_at: datetime | None, quarantined: list[Quarantined]
) -> "pl.DataFrame":
    """Adds `issued`: from the column of posting times, else the file's name, else the fetch; null if none says."""
    import polars as pl

    if "posted" in frame.columns:
        return _resolved(frame, ("posted",), _moment, "issued", quarantined)
    return frame.with_columns(issued=pl.lit(issued_by_name(name, received_at), pl.Datetime("us", "UTC")))


def issued_by_name(name: str, received_at: datetime | None) -> datetime | None:
    """When a document was given out, by the stamp in its name (`cdr.….20250313.123000.….csv`), else the fetch."""
    match = _STAMP_IN_NAME.search(name)
    if match is None:
        return received_at
    day, hour, minute, second = match.groups()
    try:
        return near(datetime.strptime(f"{day}{hour}{minute}{second or '00'}", "%Y%m%d%H%M%S"), received_at)  # noqa: DTZ007
    except (TimeRefused, ValueError):
        return received_at


def near(local: datetime, received_at: datetime | None) -> datetime:
    """A local stamp without a flag as UTC; in the repeated hour the fetch tells which pass, if it was at once.

    Raises:
        TimeRefused: the stamp does not exist, or occurs twice and the fetch does not tell.
    """
    try:
        return to_utc(local, ZONE)
    except TimeRefused:
        for repeated in (False, True) if received_at is not None else ():
            moment = to_utc(local, ZONE, repeated=repeated)
            if received_at is not None and abs(received_at - moment) < _NEAR:
                return moment
        raise


def _resolved(
    frame: "pl.DataFrame",
    keys: Sequence[str],
    resolve: Callable[..., datetime],
    target: str,
    quarantined: list[Quarantined],
) -> "pl.DataFrame":
    """Adds a column of UTC times, by `resolve` of each distinct set of key cells; rows it refuses are set aside."""
    import polars as pl

    distinct = frame.select(keys).unique(maintain_order=True)
    moments: list[datetime | None] = []
    reasons: list[str | None] = []
    for cells in distinct.iter_rows():
        try:
            moment, reason = resolve(*cells), None
        except TimeRefused as error:
            moment, reason = None, str(error)
        moments.append(moment)
        reasons.append(reason)
    table = distinct.with_columns(
        pl.Series(target, moments, pl.Datetime("us", "UTC")), pl.Series("refused", reasons, pl.String())
    )
    joined = frame.join(table, on=list(keys), how="left", nulls_equal=True, maintain_order="left")
    for reason in table["refused"].drop_nulls().unique(maintain_order=True):
        set_aside(joined.filter(pl.col("refused") == reason).drop("refused", target), reason, quarantined)
    return joined.filter(pl.col("refused").is_null()).drop("refused")


def _hour_start(day: str | None, hour: str | None, flag: str | None) -> datetime:
    ending = _HOUR.fullmatch(hour or "")
    if ending is None or int(ending[1]) == 0:
        raise TimeRefused(f"{hour!r} is not an hour ending 1 to 24")
    return to_utc(_date(day) + timedelta(hours=int(ending[1]) - 1), ZONE, repeated=_flag(flag))


def _moment(text: str | None, flag: str | None = None) -> datetime:
    day, _, clock = (text or "").replace("T", " ").partition(" ")
    try:
        time = datetime.strptime(clock.partition(".")[0], "%H:%M:%S")  # noqa: DTZ007 (naive on purpose)
    except ValueError as error:
        raise TimeRefused(f"{text!r} is not a time") from error
    since_midnight = timedelta(hours=time.hour, minutes=time.minute, seconds=time.second)
    return to_utc(_date(day) + since_midnight, ZONE, repeated=_flag(flag))


def _date(text: str | None) -> datetime:
    match = _DAY.fullmatch(text or "")
    if match is None:
        raise TimeRefused(f"{text!r} is not a date")
    try:
        if match["iso"]:
            return datetime.fromisoformat(match["iso"])
        return datetime(int(match["y"]), int(match["m"]), int(match["d"]))  # noqa: DTZ001 (naive on purpose)
    except ValueError as error:
        raise TimeRefused(f"{text!r} is not a date") from error


def _flag(text: str | None) -> bool | None:
    """None where ERCOT left it blank: then only the repeated hour is unknown."""
    if not text:
        return None
    flag = _FLAGS.get(text.lower())
    if flag is None:
        raise TimeRefused(f"the flag of the repeated hour is {text!r}")
    return flag
