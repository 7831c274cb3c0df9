"""Prices of one node as they came, on the clock that never jumps: UTC minutes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from vibelux.outlook.learn import DAY_AHEAD, History, Rules
from vibelux.outlook.past import Minutes, Series, wall_minutes
from vibelux.outlook.sun import Array

_HALF_A_DAY = 14 * 60
"""No zone is further from UTC."""


@dataclass(frozen=True)
class Points:
    """Prices in USD/kWh, each from its start for `step` minutes; starts rise, in UTC minutes."""

    starts: Minutes
    values: Array
    step: int

    @classmethod
    def of(cls, starts: Minutes, values: Array) -> Self:
        """Prices in any order, of two for one start the first; the step is the usual distance.

        Raises:
            ValueError: fewer than two prices.
        """
        known = np.isfinite(values)
        starts, first = np.unique(starts[known], return_index=True)
        if len(starts) < 2:
            raise ValueError("fewer than two prices")
        between, often = np.unique(np.diff(starts), return_counts=True)
        return cls(starts, values[known][first], min(int(between[often.argmax()]), 60))

    @classmethod
    def of_wall(cls, series: Series, zone_name: str) -> Self:
        """Prices that were kept by the clock on the wall: both passes of autumn's hour have what the first had."""
        first, steps = series.first, series.values.shape[-1]
        utc = np.arange(first - _HALF_A_DAY, first + steps * series.step + _HALF_A_DAY, series.step)
        at = (wall_minutes(utc, zone_name) - first) // series.step
        inside = (at >= 0) & (at < steps)
        return cls.of(utc[inside], series.values[at[inside]])

    @property
    def end(self) -> int:
        """The UTC minute at which the last one ends."""
        return int(self.starts[-1]) + self.step

    def at(self, minutes: Minutes) -> Array:
        """The price that holds at each UTC minute, NaN where none does."""
        place = np.searchsorted(self.starts, minutes, side="right") - 1
        near = np.maximum(place, 0)
        holds = (place >= 0) & (minutes < self.starts[near] + self.step)
        return np.where(holds, self.values[near], np.nan)

    def series(self, zone_name: str) -> Series:
        """The same by the clock on the wall."""
        return Series.at_utc(self.starts, self.values, self.step, zone_name)


@dataclass(frozen=True)
class Recorded:
    """What was recorded of one node."""

    node: str
    rules: Rules
    market: str
    """In which the facility settles."""
    prices: Points
    """Of that market."""
    day_ahead: Points | None = None
    """Beside real-time prices."""

    @property
    def cleared_ahead(self) -> bool:
        """Whether it settles in the day-ahead market."""
        return self.market == DAY_AHEAD

    def history(self) -> History:
        """All of it, as the outlook reads prices."""
        zone = self.rules.zone_name
        beside = None if self.day_ahead is None else self.day_ahead.series(zone)
        return History(self.rules, self.market, self.prices.series(zone), beside)


def chosen(found: Mapping[str, Points], rules: Rules, node: str, own: str, market: str | None) -> Recorded | None:
    """What to settle in, of several markets' prices; None where the one that is asked for is not there.

    Args:
        found: by market.
        rules: of the grid.
        node: whose prices they are.
        own: the grid's own real-time market.
        market: which one to settle in; None: real-time before day-ahead, the grid's own first.
    """
    order = [own, "real-time-5min", "real-time-15min", "real-time-hourly", *found]
    real_time = [name for name in order if name in found and name != DAY_AHEAD]
    wanted = market or next(iter(real_time), DAY_AHEAD)
    if wanted not in found:
        return None
    beside = found.get(DAY_AHEAD) if wanted != DAY_AHEAD else None
    return Recorded(node, rules, wanted, found[wanted], beside)
