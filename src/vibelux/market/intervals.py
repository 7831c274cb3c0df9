"""The one place where market-local time becomes UTC. All intervals are half-open: [start, end).

Upstreams print time in their own way; what cannot be understood without guessing is refused
(`TimeRefused`), never repaired. No other module builds a zone.
"""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from vibelux.market.errors import TimeRefused, UsageError

_ISO_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)(Z|[+-]\d{2}:?\d{2})")


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """A half-open stretch of time in UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Refuses an interval that does not go forwards or is not UTC."""
        for moment in (self.start, self.end):
            if moment.utcoffset() != timedelta(0):
                raise TimeRefused(f"an interval is kept in UTC, got {moment!r}")
        if self.end <= self.start:
            raise TimeRefused(f"an interval must end after it starts: {self.start} .. {self.end}")

    def contains(self, moment: datetime) -> bool:
        """True from the start on, up to the end and without it."""
        return self.start <= moment < self.end


@cache
def zone(name: str) -> ZoneInfo:
    """The IANA zone of that name.

    Raises:
        TimeRefused: there is none.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise TimeRefused(f"unknown time zone {name!r}") from error


def _offsets(local: datetime, zone_name: str) -> list[datetime]:
    """The UTC moments that a naive local time can mean: none, one or two.

    Raises:
        TimeRefused: it lies at an end of the calendar, where the offset leads out of it.
    """
    tz = zone(zone_name)
    moments = []
    for fold in (0, 1):
        try:
            moment = local.replace(tzinfo=tz, fold=fold).astimezone(UTC)
            back = moment.astimezone(tz).replace(tzinfo=None)
        except OverflowError as error:
            raise TimeRefused(f"{local.isoformat(sep=' ')} is at the end of the calendar") from error
        if back == local and moment not in moments:
            moments.append(moment)
    return sorted(moments)


def to_utc(local: datetime, zone_name: str, *, repeated: bool | None = None) -> datetime:
    """A naive local time as UTC.

    Args:
        local: without a zone.
        zone_name: the market's zone.
        repeated: for an hour that occurs twice in autumn, whether the second (standard time) is meant;
            None where the upstream does not say.

    Raises:
        TimeRefused: the time does not exist (spring), or occurs twice and `repeated` is None,
            or it is said to be the repeated hour and is not.
    """
    if local.tzinfo is not None:
        raise TimeRefused(f"{local.isoformat()} already has a zone")
    moments = _offsets(local, zone_name)
    if not moments:
        raise TimeRefused(f"{local.isoformat(sep=' ')} does not exist in {zone_name} (clocks went forward)")
    if len(moments) == 1:
        if repeated:
            raise TimeRefused(
                f"{local.isoformat(sep=' ')} is marked as a repeated hour, but {zone_name} has it once that day"
            )
        return moments[0]
    if repeated is None:
        raise TimeRefused(f"{local.isoformat(sep=' ')} occurs twice in {zone_name} and nothing says which is meant")
    return moments[1] if repeated else moments[0]


def sequence_to_utc(locals_in_order: Sequence[datetime], zone_name: str) -> list[datetime]:
    """Naive local stamps of one series, in the order of the file, as UTC.

    The repeated autumn hour is told apart by order alone: both passes must be there, the second starting
    again where the first began, so that the result rises strictly.

    Raises:
        TimeRefused: a stamp does not exist, or only one pass of the repeated hour is in the file.
    """
    candidates = [_offsets(stamp, zone_name) for stamp in locals_in_order]
    for stamp, moments in zip(locals_in_order, candidates, strict=True):
        if not moments:
            raise TimeRefused(f"{stamp.isoformat(sep=' ')} does not exist in {zone_name} (clocks went forward)")
    result: list[datetime] = []
    at = 0
    while at < len(candidates):
        if len(candidates[at]) == 1:
            result.append(candidates[at][0])
            at += 1
            continue
        run_end = at
        while run_end < len(candidates) and len(candidates[run_end]) == 2:
            run_end += 1
        run = list(locals_in_order[at:run_end])
        second = next((i for i in range(1, len(run)) if run[i] <= run[i - 1]), None)
        if second is None or run[:second] != run[second:]:
            raise TimeRefused(
                f"the repeated hour from {run[0].isoformat(sep=' ')} in {zone_name} is not there in two equal passes"
            )
        result += [candidates[at + i][0] for i in range(second)]
        result += [candidates[at + i][1] for i in range(second, len(run))]
        at = run_end
    for earlier, later in itertools.pairwise(result):
        if later <= earlier:
            raise TimeRefused(f"stamps in {zone_name} do not rise at {later.isoformat()}")
    return result


@lru_cache(maxsize=10_000)
def local_day(day: date, zone_name: str) -> Interval:
    """A market's calendar day in UTC: 23, 24 or 25 hours long."""
    start = to_utc(datetime(day.year, day.month, day.day), zone_name, repeated=False)  # noqa: DTZ001 (naive on purpose)
    following = day + timedelta(days=1)
    end = to_utc(datetime(following.year, following.month, following.day), zone_name, repeated=False)  # noqa: DTZ001
    return Interval(start, end)


def hours_of_day(day: date, zone_name: str) -> list[Interval]:
    """The 23, 24 or 25 hours of a market day, in order; the n-th is what a grid calls hour n by count."""
    whole = local_day(day, zone_name)
    hours = []
    start = whole.start
    while start < whole.end:
        hours.append(Interval(start, start + timedelta(hours=1)))
        start += timedelta(hours=1)
    return hours


def local_date(moment: datetime, zone_name: str) -> date:
    """The market's calendar date at a moment."""
    return moment.astimezone(zone(zone_name)).date()


def local_naive(moment: datetime, zone_name: str) -> datetime:
    """The market's wall clock at a moment, without zone: for request windows and labels."""
    return moment.astimezone(zone(zone_name)).replace(tzinfo=None)


def parse_utc(text: str) -> datetime:
    """An ISO 8601 stamp with an offset (`Z`, `+00:00`, OASIS's `-00:00`) as UTC.

    Raises:
        TimeRefused: no offset, or not a time.
    """
    match = _ISO_TIME.fullmatch(text.strip())
    if match is None:
        raise TimeRefused(f"{text!r} is not a time with an offset")
    day, clock, offset = match.groups()
    try:
        return datetime.fromisoformat(f"{day}T{clock}{offset.replace('Z', '+00:00')}").astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise TimeRefused(f"{text!r} is not a time: {error}") from error


def moment_argument(text: str) -> datetime:
    """A moment as a user writes it in a command or a query: `2026-07-14`, or a stamp with an offset; UTC.

    Raises:
        UsageError: neither.
    """
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
        return parse_utc(text)
    except (TimeRefused, ValueError) as error:
        raise UsageError(f"{text!r} is not a time; write 2026-07-14 or 2026-07-14T07:00:00Z") from error


def iso_z(moment: datetime) -> str:
    """A moment as the contracts print it: UTC with `Z`, seconds, a fraction only where there is one."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def local_time(at: datetime, now: datetime, zone_name: str) -> str:
    """A time as people at the site say it, with the offset from UTC.

    >>> from datetime import UTC
    >>> local_time(datetime(2026, 7, 15, 3, 15, tzinfo=UTC), datetime(2026, 7, 14, 3, tzinfo=UTC), "America/New_York")
    '23:15 -04:00 tomorrow'
    """
    here, today = at.astimezone(zone(zone_name)), now.astimezone(zone(zone_name)).date()
    offset = here.strftime("%z")
    days = (here.date() - today) // timedelta(days=1)
    day = {0: "", 1: " tomorrow"}.get(days, f" on {here:%A}")
    return f"{here:%H:%M} {offset[:3]}:{offset[3:]}{day}"


def floor_to(moment: datetime, step: timedelta) -> datetime:
    """The latest multiple of `step` (counted from midnight UTC) not after `moment`."""
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (moment - midnight) // step * step
