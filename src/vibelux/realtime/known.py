"""The prices that are known of a node, and the grid's forecasts: read once, then held in memory and added to."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Self

import numpy as np

from vibelux.market.errors import UsageError
from vibelux.market.intervals import floor_to
from vibelux.market.regions import region_of
from vibelux.outlook.learn import DAY_AHEAD, History, Rules
from vibelux.outlook.net_load import OF_DAY_AHEAD, PARTS, net_load, stretches
from vibelux.outlook.past import DAY, Series, utc_minutes, wall_minutes
from vibelux.store import points
from vibelux.store.database import Database
from vibelux.store.points import Points

HELD_DAYS = 30
"""An outlook reads four weeks back."""
_REACH = timedelta(days=3)
_AGAIN = timedelta(hours=2)
"""How much of the newest is read again each time, for corrections."""
_HOUR = timedelta(hours=1)
_WHOLE_AGAIN = timedelta(hours=3)
"""Where nobody has read all again in the meantime."""
_MINUTES = {"5min": 5, "15min": 15, "hourly": 60}
_LOOK_AHEAD = (
    "indicative-5min",
    "advisory-5min",
    "real-time-15min",
    "indicative-15min",
    "advisory-15min",
    "hasp-15min",
)
"""Markets that price the next hours before the real-time price is out, the best first."""
_LOOK_AHEAD_STEP = 5
NEVER = datetime.min.replace(tzinfo=UTC)


class Subject(NamedTuple):
    """What an outlook is of."""

    iso_region: str
    pricing_node: str
    market: str


def checked(subject: Subject) -> Subject:
    """The same, if there is an outlook of it.

    Raises:
        UsageError: no such grid, or a market that is neither its real-time market nor day-ahead.
    """
    real_time = region_of(subject.iso_region).real_time_market
    if subject.market not in {real_time, DAY_AHEAD}:
        said = f"{subject.iso_region} has no outlook of {subject.market!r}"
        raise UsageError(f"{said}; there are {real_time} and {DAY_AHEAD}")
    return subject


class NodePrices:
    """The prices of one node in its own market, day-ahead and looked ahead to, as known at a moment.

    Args:
        db: where from.
        subject: of which node and market.
    """

    def __init__(self, db: Database, subject: Subject) -> None:
        self.subject = subject
        self.rules = Rules.of(subject.iso_region)
        self.known_at = NEVER
        """When the newest of what is held became known: any moment from then to the last reading sees the same."""
        self._db = db
        self._beside = () if subject.market == DAY_AHEAD else (DAY_AHEAD,)
        self._looks = () if subject.market == DAY_AHEAD else tuple(m for m in _LOOK_AHEAD if m != subject.market)
        self._held: dict[str, Points] = {}
        self._read_at = NEVER
        self._whole_at = NEVER

    async def read(self, now: datetime, days: int = HELD_DAYS) -> None:
        """Reads so many days whole, as they were known at `now`.

        Raises:
            StoreUnavailable: the database is away.
        """
        since = dict.fromkeys((self.subject.market, *self._beside), now - timedelta(days=days))
        self._take(await self._points(since | self._since_now(now), now), {})
        self._read_at = self._whole_at = now

    async def follow(self, now: datetime) -> bool:
        """Reads what has come since, or all where that was last done too long ago; True if any of it is new.

        Raises:
            StoreUnavailable: the database is away.
        """
        before = self._held
        if now - self._whole_at >= _WHOLE_AGAIN:
            await self.read(now)
        else:
            since = {market: self._tail(market, now) for market in (self.subject.market, *self._beside)}
            self._take(await self._points(since | self._since_now(now), now), since)
            self._read_at = now
        return not _alike(before, self._held)

    def is_old(self, now: datetime) -> bool:
        """Whether all should be read again: history may have been backfilled or corrected."""
        return self._whole_at != NEVER and now - self._whole_at >= _HOUR

    def is_as(self, other: Self) -> bool:
        """Whether the same prices are held."""
        return _alike(self._held, other._held)

    @property
    def count(self) -> int:
        """How many prices of its own market are held."""
        held = self._held.get(self.subject.market)
        return 0 if held is None else len(held.minutes)

    @property
    def days(self) -> int:
        """How many whole days lie between the first and the newest of them."""
        minutes = self._held[self.subject.market].minutes if self.count else np.zeros(1, dtype=np.int64)
        return int(minutes[-1] - minutes[0]) // DAY

    @property
    def newest(self) -> int:
        """Where its newest own price starts, in UTC minutes; 0 where there is none."""
        held = self._held.get(self.subject.market)
        return 0 if held is None or not len(held.minutes) else int(held.minutes[-1])

    def history(self, load: Series | None) -> History:
        """What is held, on the wall clock.

        Args:
            load: the grid's net load, on the same clock.
        """
        return History(
            self.rules,
            self.subject.market,
            self.own(),
            self._series(self._beside[0]) if self._beside else None,
            load,
            load_of_day_ahead=self.subject.iso_region in OF_DAY_AHEAD,
        )

    def own(self) -> Series:
        """The prices of its own market, on the wall clock."""
        own = self._series(self.subject.market)
        return own if own is not None else self._nothing()

    def look_ahead(self) -> Series | None:
        """The grid's own look ahead, in steps of five minutes; None where there is none."""
        minutes, values = [], []
        for market in self._looks:
            held, within = self._held[market], np.arange(0, _step(market), _LOOK_AHEAD_STEP)
            minutes.append((held.minutes[:, None] + within).ravel())
            values.append(np.repeat(held.values, len(within)))
        if not sum(map(len, minutes)):
            return None
        # Of two markets' prices for one moment the first counts, so the best goes first.
        return Series.at_utc(np.concatenate(minutes), np.concatenate(values), _LOOK_AHEAD_STEP, self.rules.zone_name)

    async def _points(self, since: Mapping[str, datetime], now: datetime) -> dict[str, Points]:
        iso_region, node, _ = self.subject
        return await points.price_points(self._db, iso_region, node, since, until=now + _REACH, as_of=now)

    def _since_now(self, now: datetime) -> dict[str, datetime]:
        return dict.fromkeys(self._looks, floor_to(now, timedelta(minutes=15)))

    def _tail(self, market: str, now: datetime) -> datetime:
        minutes = self._held[market].minutes
        newest = _moment(minutes[-1]) if len(minutes) else now - timedelta(days=HELD_DAYS)
        return min(newest, now) - _AGAIN

    def _take(self, found: dict[str, Points], since: Mapping[str, datetime]) -> None:
        """Puts what was read in the place of what was held from those moments on."""
        held = {}
        for market, new in found.items():
            keep = 0
            if market in since:
                keep = int(np.searchsorted(self._held[market].minutes, utc_minutes(since[market])))
            old = self._held.get(market, new)
            held[market] = Points(
                np.concatenate((old.minutes[:keep], new.minutes)), np.concatenate((old.values[:keep], new.values))
            )
            self.known_at = max(self.known_at, new.known_at)
        self._held = held

    def _series(self, market: str) -> Series | None:
        held = self._held[market]
        if not len(held.minutes):
            return None
        return Series.at_utc(held.minutes, held.values, _step(market), self.rules.zone_name)

    def _nothing(self) -> Series:
        """A day without a price."""
        step = _step(self.subject.market)
        today = wall_minutes(np.array([utc_minutes(self._read_at)]), self.rules.zone_name)[0]
        return Series.of(int(today) // DAY * DAY, step, np.full(DAY // step, np.nan))


class GridLoad:
    """A grid's forecast net load by the hour, in memory; read again once an hour.

    Args:
        db: where from.
        iso_region: of which grid.
    """

    def __init__(self, db: Database, iso_region: str) -> None:
        self.known_at = NEVER
        """As in `NodePrices`."""
        self._db = db
        self._rules = Rules.of(iso_region)
        parts = PARTS[iso_region]
        self._series = [points.Series(iso_region.casefold(), p.variable, p.location, p.category) for p in parts]
        self._held = [Points.none() for _ in parts]
        self._read_at: datetime | None = None
        self._load: Series | None = None

    async def at(self, now: datetime, days: int = HELD_DAYS) -> Series | None:
        """The net load of so many days back, and ahead as far as is known; None where nothing is.

        Raises:
            StoreUnavailable: the database is away.
        """
        if self._read_at is not None and now < floor_to(self._read_at, _HOUR) + _HOUR:
            return self._load
        first = floor_to(now - timedelta(days=days), _HOUR)
        since = first if self._read_at is None else floor_to(self._read_at, _HOUR)
        wanted = stretches(self._rules, since, floor_to(now + _REACH, _HOUR), now)
        found = await points.forecast_points(self._db, self._series, wanted, as_of=now)
        self._held = [_joined(old, new, since, first) for old, new in zip(self._held, found, strict=True)]
        self.known_at = max(self.known_at, *(one.known_at for one in found))
        self._load = net_load(self._rules, [(one.minutes, one.values) for one in self._held])
        self._read_at = now
        return self._load


def _step(market: str) -> int:
    """Minutes of a market's interval, which its name says."""
    return _MINUTES[market.rsplit("-", 1)[1]]


def _moment(minute: np.int64) -> datetime:
    return datetime.fromtimestamp(int(minute) * 60, UTC)


def _joined(old: Points, new: Points, since: datetime, first: datetime) -> Points:
    """The old up to `since` and the new, from `first` on."""
    kept = (old.minutes >= utc_minutes(first)) & (old.minutes < utc_minutes(since))
    return Points(np.concatenate((old.minutes[kept], new.minutes)), np.concatenate((old.values[kept], new.values)))


def _alike(one: dict[str, Points], other: dict[str, Points]) -> bool:
    return one.keys() == other.keys() and all(
        np.array_equal(held.minutes, other[market].minutes) and np.array_equal(held.values, other[market].values)
        for market, held in one.items()
    )
