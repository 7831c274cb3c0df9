"""When a feed is asked next: at its publication, soon again if that is late or failed; never by a blind timer."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from vibelux.feeds import Daily, Feed, Rolling
from vibelux.market.clock import Clock
from vibelux.market.errors import CircuitOpen, FeedError, Throttled
from vibelux.market.intervals import Interval

_SOON = (10.0, 20.0, 30.0)
"""Seconds before a late price is asked for again; the last one stands for all further."""
_AFTER_FAULT_OF_PRICE = (10.0, 20.0, 25.0)
"""A price is asked for again within half a minute of a fault."""
_LONGEST_SECONDS = 1_800.0
_LATE_TRIES = 12
"""Daily data may come hours late; after so many looks the next publication is waited for."""
_PACED = {"electricity-price", "gas-price", "carbon-price"}
_LEAST_PACE_OF_DAILY = 3_600.0
_LONGEST_PATIENCE = 3_600.0
_LONGEST_WINDOW = timedelta(days=1)
_NAP = 60.0
"""Real seconds."""


async def sleep_until(clock: Clock, moment: datetime) -> None:
    """Waits for a moment of the clock; in naps, as clocks are set and laptops sleep."""
    while (left := (moment - clock.now()).total_seconds()) > 0:
        naps = max(1.0, clock.real_seconds(left) / _NAP)
        await clock.sleep(left / naps)


@dataclass(slots=True)
class Schedule:
    """The schedule of one feed.

    Args:
        feed: the feed.
        interval_seconds: the operator's own pace of price feeds: never above the host's budget, daily ones at
            most each hour. A publication is not missed for it, unless it is slower than what is published.
    """

    feed: Feed
    interval_seconds: float | None = None
    newest_end: datetime | None = None
    """The end of the newest interval known."""
    _tries: int = 0

    def window(self, now: datetime) -> Interval:
        """What to ask for now: the feed's window, and after a pause all since the newest interval, up to a day."""
        window = self.feed.publication.window(now)
        if not isinstance(self.feed.publication, Rolling) or self.newest_end is None:
            return window
        return Interval(max(min(window.start, self.newest_end), window.end - _LONGEST_WINDOW), window.end)

    def came(self, asked_at: datetime) -> datetime:
        """All that was due has come: when to ask next."""
        self._tries = 0
        return self._upcoming(asked_at)

    def late(self, asked_at: datetime, now: datetime, expected_at: datetime | None = None) -> datetime:
        """A good answer without what was due: when to ask next."""
        self._tries += 1
        upcoming = self._upcoming(asked_at)
        if expected_at is not None and expected_at > now:
            return min(expected_at, upcoming)
        if isinstance(self.feed.publication, Daily):
            seconds = _doubled(60.0, self._tries)
        elif self.feed.is_price:
            seconds = _SOON[min(self._tries, len(_SOON)) - 1]
        else:
            seconds = _doubled(30.0, self._tries)
        given_up = isinstance(self.feed.publication, Daily) and self._tries > _LATE_TRIES
        return upcoming if given_up else min(now + _after(seconds), upcoming)

    def failed(self, now: datetime, error: FeedError) -> datetime:
        """No usable answer: when to ask next."""
        self._tries += 1
        if isinstance(error, CircuitOpen):
            return error.retry_at
        if self.feed.is_price:
            seconds = _AFTER_FAULT_OF_PRICE[min(self._tries, len(_AFTER_FAULT_OF_PRICE)) - 1]
        else:
            seconds = _doubled(30.0, self._tries)
        if isinstance(error, Throttled) and error.retry_after_seconds is not None:
            seconds = max(seconds, min(error.retry_after_seconds, _LONGEST_PATIENCE))
        return now + _after(seconds)

    def _upcoming(self, asked_at: datetime) -> datetime:
        publication = self.feed.publication
        due = publication.next_after(asked_at)
        if self.interval_seconds is None or self.feed.kind not in _PACED:
            return due
        slowest = _LEAST_PACE_OF_DAILY if isinstance(publication, Daily) else self.feed.service.seconds_between
        pace = _after(max(self.interval_seconds, slowest))
        if isinstance(publication, Rolling) and pace > publication.step:
            return publication.next_after(asked_at + pace - publication.step)
        return min(due, asked_at + pace)


def _doubled(first: float, times: int) -> float:
    return min(first * 2.0 ** min(times - 1, 10), _LONGEST_SECONDS)


def _after(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)
