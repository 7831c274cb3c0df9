"""How good the data of each feed were on each market day, measured against what its declaration promises."""

from collections.abc import Collection, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from vibelux.feeds import Daily, Feed, all_feeds
from vibelux.market.clock import Clock
from vibelux.market.errors import UsageError
from vibelux.market.intervals import local_date, local_day
from vibelux.market.records import KINDS, Type
from vibelux.store.database import Database
from vibelux.store.feed_intervals import REGULAR
from vibelux.store.quality import FeedDay, counted
from vibelux.store.tables import TABLES

_DAY = timedelta(days=1)
_JUST_BEFORE = timedelta(microseconds=1)
_DATED = frozenset(
    kind for kind in REGULAR if any(f.name == TABLES[kind].time and f.type is Type.DATE for f in KINDS[kind].fields)
)


class DataQuality:
    """Counts what came against what should have come.

    Args:
        db: where from.
        clock: today's last intervals are not due yet.
        running: feeds that are asked; a day on which one brought nothing is a row too. Of all others only days on which
            something came are.
    """

    def __init__(self, db: Database, clock: Clock, running: Collection[str]) -> None:
        self._db = db
        self._clock = clock
        self._running = frozenset(running)

    async def rows(
        self, start: datetime, end: datetime, *, feed: str | None = None, provider: str | None = None
    ) -> list[dict[str, Any]]:
        """A row a feed and market day that [start, end) touches, the newest day first.

        Raises:
            UsageError: there is no such feed or provider.
            StoreUnavailable: the database is away.
        """
        wanted = [one for one in all_feeds() if feed in {None, one.name} and provider in {None, one.provider}]
        if not wanted:
            raise UsageError(f"no feed is called {feed or provider!r}; `vibelux feeds` lists them")
        now = self._clock.now()
        days = [(one, day) for one in wanted for day in _days(one, start, min(end, now))]
        days.sort(key=lambda pair: (-pair[1].toordinal(), pair[0].name))
        asked = [_asked(one, day, now) for one, day in days]
        found = await counted(self._db, asked)
        return [
            _row(one, what, now, row)
            for (one, _), what, row in zip(days, asked, found, strict=True)
            if row["stored"] or row["payloads"] or (_known_before(what, row) and one.name in self._running)
        ]


def _days(feed: Feed, start: datetime, end: datetime) -> Iterator[date]:
    if end <= start or not feed.url:
        return
    day, last = local_date(start, feed.timezone), local_date(end - _JUST_BEFORE, feed.timezone)
    while day <= last:
        yield day
        day += _DAY


def _asked(feed: Feed, day: date, now: datetime) -> FeedDay:
    publication, whole = feed.publication, local_day(day, feed.timezone)
    start, until = whole.start, whole.end
    if feed.kind in _DATED:
        start, until = local_day(day, "UTC").start, local_day(day, "UTC").end
    elif not isinstance(publication, Daily):
        until = max(start, min(until, publication.known_until(now)))
    return FeedDay(
        feed=feed.name,
        provider=feed.provider,
        data_type=feed.data_type,
        kind=feed.kind,
        market=feed.market,
        day=day,
        start=start,
        until=until,
        step=None if isinstance(publication, Daily) else publication.step,
        ends=whole.end if feed.kind in _DATED else None,
        day_start=whole.start,
        day_end=whole.end,
    )


def _known_before(day: FeedDay, row: dict[str, Any]) -> bool:
    return row["first_came"] is not None and row["first_came"] < day.day_start


def _since(day: FeedDay, row: dict[str, Any]) -> datetime | None:
    """From when on a feed's first day counts: the first interval of it that came, or in which it was first asked."""
    first = row["first_came"]
    if day.step is None or day.ends is not None or first is None or not day.day_start <= first < day.day_end:
        return None
    asked = day.day_start + (first - day.day_start) // day.step * day.step
    since = min(asked, row["earliest"] or asked)
    return since if since > day.day_start else None


def expected(
    feed: Feed, day: date, now: datetime, shortest: timedelta | None, since: datetime | None = None
) -> int | None:
    """How many intervals of a market day should be there; None where that cannot be told.

    Args:
        feed: with its cadence.
        day: of the market's calendar.
        now: what is not out yet is not expected.
        shortest: the length of the day's intervals, of a feed that comes a day at a time; None: none has come.
        since: what starts before it is not expected; None: the whole day is.
    """
    publication, whole = feed.publication, local_day(day, feed.timezone)
    if feed.kind not in REGULAR:
        return None
    if not isinstance(publication, Daily):
        due = min(whole.end, publication.known_until(now)) - (since or whole.start)
        return max(0, due // publication.step)
    if publication.open_on is not None:
        return None  # upstream's own calendar of trading days
    if publication.known_until(now) < whole.end:
        return 0
    return 1 if feed.kind in _DATED or not shortest else (whole.end - whole.start) // shortest


def _row(feed: Feed, day: FeedDay, now: datetime, row: dict[str, Any]) -> dict[str, Any]:
    since = _since(day, row)
    due = expected(feed, day.day, now, row["shortest"], since)
    half, most = (round(seconds, 1) for seconds in row["lateness"]) if row["lateness"] else (None, None)
    return {
        "day": day.day,
        "feed": feed.name,
        "provider": feed.provider,
        "data_type": feed.data_type,
        "region": feed.region,
        "timezone": feed.timezone,
        "intervalsExpected": due,
        "intervalsStored": row["stored"],
        "completeness": round(min(1.0, row["stored"] / due), 4) if due else None,
        "latenessP50Seconds": half,
        "latenessP95Seconds": most,
        **{name: row[name] for name in ("payloads", "failures", "corrections", "quarantined", "implausible")},
        "disagreements": row["disagreements"],
        "knownBefore": _known_before(day, row),
        "since": since,
    }
