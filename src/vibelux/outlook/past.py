"""Prices of the past on the market's wall clock, such that the mean over any stretch costs two look-ups.

A same hour is one by the clock on the wall, so all times here are minutes of local time since 1970 ("wall minutes").
The hour that spring skips has no price; of the hour that autumn repeats the first pass counts.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Self

import numpy as np
from numpy.typing import NDArray

from vibelux.market.intervals import zone
from vibelux.outlook.sun import Array

Minutes = NDArray[np.int64]
DAY = 1440
_SOON = 60 * 24
"""Hours: within two months a zone that has the same offset at both ends has it throughout."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc_minutes(moment: datetime) -> int:
    """Whole minutes since 1970, UTC."""
    return (moment - _EPOCH) // timedelta(minutes=1)


def wall_minutes(utc: Minutes, zone_name: str) -> Minutes:
    """UTC minutes as wall minutes of a zone, any shape.

    >>> int(wall_minutes(np.array([utc_minutes(datetime(2025, 7, 1, 7, tzinfo=UTC))]), "America/Los_Angeles")[0]) % 1440
    0
    """
    if utc.size == 0:
        return utc
    hours = utc // 60
    first, last = int(hours.min()), int(hours.max())
    if last - first < _SOON and (ahead := _offset(first, zone_name)) == _offset(last, zone_name):
        return utc + ahead
    offsets = np.array([_offset(hour, zone_name) for hour in range(first, last + 1)], dtype=np.int64)
    return np.add(utc, offsets[hours - first])


@lru_cache(maxsize=100_000)
def _offset(utc_hour: int, zone_name: str) -> int:
    ahead = (_EPOCH + timedelta(hours=utc_hour)).astimezone(zone(zone_name)).utcoffset()
    return (ahead or timedelta(0)) // timedelta(minutes=1)


def kind_of_day(day: Minutes) -> Minutes:
    """0 for a workday, 1 for a Saturday, 2 for a Sunday; days are counted since 1970 (a Thursday)."""
    weekday = (day + 3) % 7
    return np.asarray(np.maximum(weekday - 4, 0))


@dataclass(frozen=True, slots=True)
class Series:
    """One price (or load) a step, without gaps: NaN where nothing is known. Leading axes are nodes."""

    first: int
    """The wall minute at which the first step starts, a local midnight."""
    step: int
    """Minutes."""
    values: Array
    """Shape (..., steps)."""
    sums: Array
    counts: Array
    solid: int
    """So many of the first steps are known at every node."""
    known_until: int
    """The wall minute at which its newest known value ends; its first minute where it has none."""

    @classmethod
    def of(cls, first: int, step: int, values: Array) -> Self:
        """A series from its values, shape (..., steps)."""
        known = np.isfinite(values)
        ahead = [(0, 0)] * (values.ndim - 1) + [(1, 0)]
        by_step = known.reshape(-1, known.shape[-1])
        return cls(
            first,
            step,
            values,
            np.pad(np.cumsum(np.where(known, values, 0.0), axis=-1), ahead),
            np.pad(np.cumsum(known, axis=-1, dtype=np.float64), ahead),
            int(np.argmin(np.append(by_step.all(axis=0), False))),
            first + step * int(np.max(np.flatnonzero(by_step.any(axis=0)) + 1, initial=0)),
        )

    @classmethod
    def at_wall(cls, starts: Minutes, values: Array, step: int) -> Self:
        """A series from intervals in any order, by their starts in wall minutes; the first of two equal ones counts."""
        first = int(starts.min()) // DAY * DAY
        days = int(starts.max()) // DAY + 1 - first // DAY
        grid = np.full(days * (DAY // step), np.nan)
        places, rows = np.unique((starts - first) // step, return_index=True)
        grid[places] = values[rows]
        return cls.of(first, step, grid)

    @classmethod
    def at_utc(cls, starts: Minutes, values: Array, step: int, zone_name: str) -> Self:
        """The same from UTC minutes."""
        order = np.argsort(starts, kind="stable")
        return cls.at_wall(wall_minutes(starts[order], zone_name), values[order], step)

    @property
    def days(self) -> int:
        """How many local days it spans."""
        return int(self.values.shape[-1]) * self.step // DAY

    def mean(self, starts: Minutes, ends: Minutes, *, whole: bool = False) -> Array:
        """The mean over each [start, end) in wall minutes, shape (nodes..., *starts.shape), NaN where unknown.

        Steps that a stretch only touches count as a whole.

        Args:
            starts: any shape.
            ends: the same shape.
            whole: NaN also where a part is unknown.
        """
        return self._mean((starts - self.first) // self.step, -((self.first - ends) // self.step), whole=whole)

    def _mean(self, begin: Minutes, end: Minutes, *, whole: bool) -> Array:
        """The mean from one step to before another."""
        if end.max() <= self.solid and begin.min() >= 0:
            return np.asarray((self.sums.take(end, axis=-1) - self.sums.take(begin, axis=-1)) / (end - begin))
        steps = self.values.shape[-1]
        low, high = np.minimum(np.maximum(begin, 0), steps), np.minimum(np.maximum(end, 0), steps)
        count = self.counts.take(high, axis=-1) - self.counts.take(low, axis=-1)
        total = self.sums.take(high, axis=-1) - self.sums.take(low, axis=-1)
        least = np.maximum(end - begin, 1) if whole else 1
        return np.where(count >= least, total / np.maximum(count, 1.0), np.nan)

    def rows(self, starts: Minutes, ends: Minutes, *, whole: bool = False) -> Array:
        """As `mean`; of many nodes at one moment (starts of shape (1, ...)) each is a row."""
        return self._rows(self.mean(starts, ends, whole=whole))

    def rows_back(self, starts: Minutes, ends: Minutes, days: Minutes) -> Array:
        """As `rows`, of the same stretches so many whole days before, shape (..., days).

        Args:
            starts: any shape.
            ends: the same shape.
            days: that shape with one axis more.
        """
        back = days * (DAY // self.step)
        begin, end = (starts - self.first) // self.step, -((self.first - ends) // self.step)
        return self._rows(self._mean(begin[..., None] - back, end[..., None] - back, whole=False))

    def _rows(self, found: Array) -> Array:
        return found[:, 0] if self.values.ndim > 1 else found


def mean_known(values: Array, among: NDArray[np.bool_] | None = None) -> Array:
    """The mean of the known values along the last axis; NaN where there is none."""
    known = np.isfinite(values) if among is None else np.isfinite(values) & among
    if known.all():
        return np.asarray(values.sum(axis=-1) / values.shape[-1])
    count = known.sum(axis=-1)
    return np.where(count > 0, np.where(known, values, 0.0).sum(axis=-1) / np.maximum(count, 1), np.nan)


def median_known(values: Array) -> Array:
    """The median of the known values along the last axis; NaN where there is none.

    >>> median_known(np.array([[3.0, np.nan, 1.0], [np.nan, np.nan, np.nan]]))
    array([ 2., nan])
    """
    upward = np.sort(values, axis=-1)
    if np.isfinite(upward[..., -1]).all():
        return np.asarray(upward[..., (upward.shape[-1] - 1) // 2] + upward[..., upward.shape[-1] // 2]) / 2.0
    last = np.maximum(np.isfinite(values).sum(axis=-1, keepdims=True) - 1, 0)
    low, high = last // 2, (last + 1) // 2
    middle: Array = np.take_along_axis(upward, low, axis=-1) + np.take_along_axis(upward, high, axis=-1)
    return middle[..., 0] / 2.0
