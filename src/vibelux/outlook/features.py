"""What a price forecast is made of: recent same hours of each step, and how the newest prices depart from theirs.

All numbers are without unit: z = asinh((price - centre) / scale). The centre is the median of the newest 24 known
hours and the scale the median departure of 28 days from their own median, so a spike weighs as its logarithm, a
market that has moved to a new level is judged from there, and one model serves every node of a grid. Nothing is read
beyond `known`, the end of the newest known price, and (day-ahead) beyond `day_ahead_known`.
"""

from dataclasses import dataclass, fields
from enum import IntEnum
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vibelux.outlook.past import DAY, Minutes, Series, kind_of_day, mean_known, median_known
from vibelux.outlook.sun import Array

PAST_DAYS = 14
SCALE_DAYS = 28
_SCALE_HOURS = 60 * np.arange(1, SCALE_DAYS * 24 + 1)
LEAST_SCALE = 0.001
"""USD/kWh: a flatter market is not blown up."""
_LEVEL_DAYS = 7
_DAYS_BACK = DAY * np.arange(_LEVEL_DAYS + 1)
_PAST = np.arange(PAST_DAYS)
_SAME_TYPE_DAYS = 4
_MAD_TO_SIGMA = 1.4826
_LEAST_OF_LEVEL = 0.1
_OF_FIRST_LEVEL = 0.3
"""The scale of a history without a whole day, in its centre: about what a year's is."""
_ENVELOPE = 0.3


class F(IntEnum):
    """The features, by their place."""

    ONE = 0
    NEWEST_DAY = 1
    """The same hour of the newest day on which it is known."""
    SAME_TYPE = 2
    """Mean of the same hour of the newest four days of the same type (workday, Saturday, Sunday)."""
    WEEK = 3
    """The same hour a whole number of weeks ago."""
    MEDIAN_7 = 4
    MEDIAN_14 = 5
    LEVEL = 6
    """How the newest 24 hours depart from the medians of their hours over the 7 days before."""
    LAST_STEP = 7
    """The same of the newest step, the newest hour and the newest three hours: these decay with the lead."""
    LAST_HOUR = 8
    LAST_3_HOURS = 9
    DAY_AHEAD = 10
    """The published day-ahead price of the step itself; MEDIAN_14 where there is none."""
    DAY_AHEAD_CHANGE = 11
    """The same less the day-ahead prices of recent same hours."""
    SPREAD_STEP = 12
    """Real-time less day-ahead over the newest step, hour, three hours and 24 hours."""
    SPREAD_HOUR = 13
    SPREAD_3_HOURS = 14
    SPREAD_DAY = 15
    DAY_AHEAD_LEVEL = 16
    """How the newest published 24 hours depart from the medians of their hours over the 7 days before."""
    LOAD_TYPE = 17
    """Forecast (net) load less that of recent same hours, in its standard deviations."""
    LOAD_DAY = 18


class Known(NamedTuple):
    """What is known at the moments of forecasting; one node's past and many moments, or many nodes at one moment.

    With many nodes their axis leads the series, and the minutes have the shapes (1,) and (1, steps).
    """

    prices: Series
    until: Minutes
    """Wall minutes, shape (rows,): the end of the newest known price."""
    day_ahead: Series | None = None
    day_ahead_until: Minutes | None = None
    load: Series | None = None
    """Load, best less wind and sun, as it was forecast before the moment."""
    load_until: Minutes | None = None
    """Wall minutes, shape (rows,): up to where; None: wherever there is one."""


@dataclass(frozen=True, slots=True)
class Features:
    """What the steps to come look like; shapes (rows, steps) but for `values` (rows, steps, features)."""

    values: Array
    centre: Array
    """Shape (rows, 1), USD/kWh."""
    scale: Array
    published: NDArray[np.bool_]
    """Whether the step's day-ahead price is out."""
    low: Array
    """The lowest and highest z that recent prices make thinkable."""
    high: Array
    newest_day: Array
    """The two naive forecasts, USD/kWh: the newest known same hour, and that of a whole number of weeks ago."""
    week: Array

    def part(self, rows: NDArray[np.bool_]) -> "Features":
        """Those of some rows."""
        return Features(**{one.name: getattr(self, one.name)[rows] for one in fields(self)})

    def price(self, z: Array) -> Array:
        """USD/kWh of z, shape (rows, steps)."""
        return self.centre + self.scale * np.sinh(z)

    def z(self, price: Array) -> Array:
        """The z of USD/kWh, shape (rows, steps)."""
        return np.arcsinh((price - self.centre) / self.scale)


def features(known: Known, starts: Minutes, ends: Minutes) -> Features:
    """The features of each step.

    Args:
        known: what is known.
        starts: wall minutes, shape (moments, steps), none before `known.until` where the result is to be used.
        ends: likewise.
    """
    prices, until = known.prices, known.until[:, None]
    windows = _days_back(until, until // 60 * 60, (prices.step, 60, 180))
    recent = prices.rows(*windows)
    centre, scale = _yardstick(prices, known.until, recent[:, 3:, 0])

    def z(price: Array) -> Array:
        return np.arcsinh((price - centre[:, :, None]) / scale[:, :, None])

    newest_back = np.maximum(-((until - ends) // DAY), 1)
    back = newest_back[..., None] + _PAST
    alike = _ALIKE[starts // DAY % 7, newest_back % 7]
    raw = prices.rows_back(starts, ends, back)
    past = z(raw)
    # A whole number of weeks back: at most six days more than the newest day.
    last_week = np.arange(raw.shape[0])[:, None], np.arange(raw.shape[1]), -newest_back % 7
    usual = median_known(past)
    base = np.where(np.isfinite(usual), usual, 0.0)
    newest = z(recent)
    departs = newest[..., 0] - median_known(newest[..., 1:])
    today = newest[:, 3:, 0]
    by_step: dict[F, Array] = {
        F.ONE: np.ones_like(base),
        F.NEWEST_DAY: past[..., 0],
        F.SAME_TYPE: mean_known(past, alike),
        F.WEEK: past[last_week],
        F.MEDIAN_7: median_known(past[..., :_LEVEL_DAYS]),
        F.MEDIAN_14: base,
        F.DAY_AHEAD: base,
    }
    by_row: dict[F, Array] = {F.LEVEL: mean_known(departs[:, 3:]), **_three(F.LAST_STEP, departs)}
    low = np.fmin(np.fmin.reduce(past, axis=-1), np.fmin.reduce(today, axis=-1)[:, None])
    high = np.fmax(np.fmax.reduce(past, axis=-1), np.fmax.reduce(today, axis=-1)[:, None])
    published = np.zeros(base.shape, dtype=bool)
    if known.day_ahead is not None and known.day_ahead_until is not None:
        ahead, out = known.day_ahead, known.day_ahead_until[:, None]
        price = z(ahead.rows(starts, ends)[..., None])[..., 0]
        published = np.isfinite(price) & (ends <= out)
        price = np.where(published, price, base)
        before = mean_known(z(ahead.rows_back(starts, ends, back[..., :_LEVEL_DAYS])))
        by_step[F.DAY_AHEAD] = price
        by_step[F.DAY_AHEAD_CHANGE] = np.where(published & np.isfinite(before), price - before, 0.0)
        spread = (newest[..., :1] - z(ahead.rows(windows[0][..., :1], windows[1][..., :1])))[..., 0]
        by_row |= _three(F.SPREAD_STEP, spread)
        by_row[F.SPREAD_DAY] = mean_known(spread[:, 3:])
        published_day = z(ahead.rows(*_days_back(out, out)))
        by_row[F.DAY_AHEAD_LEVEL] = mean_known(published_day[..., 0] - median_known(published_day[..., 1:]))
        low, high = np.fmin(low, price), np.fmax(high, price)
    values = np.zeros((*base.shape, len(F)))
    for feature, row in by_row.items():
        values[..., feature] = row[:, None]
    np.copyto(values, 0.0, where=np.isnan(values))
    for feature, column in by_step.items():
        values[..., feature] = column
    np.copyto(values, base[..., None], where=np.isnan(values))
    if known.load is not None:
        load = _load(known.load, starts, ends, back, alike)
        if known.load_until is not None:
            load = np.where((ends <= known.load_until[:, None])[..., None], load, 0.0)
        values[..., F.LOAD_TYPE :] = load
    envelope = low - _ENVELOPE, high + _ENVELOPE
    return Features(values, centre, scale, published, *envelope, raw[..., 0], raw[last_week])


def _alike() -> NDArray[np.bool_]:
    """Which of 14 days back count as of the same type, by the weekday and by how far the newest one lies back, mod 7.

    Shape (7, 7, 14); the weekdays are counted as days are.
    """
    day, newest_back = np.arange(7)[:, None, None], np.arange(7)[:, None]
    alike: NDArray[np.bool_] = kind_of_day(day - newest_back - _PAST) == kind_of_day(day)
    alike &= np.cumsum(alike, axis=-1) <= _SAME_TYPE_DAYS
    return alike


_ALIKE = _alike()


def _three(first: F, columns: Array) -> dict[F, Array]:
    return {F(first + at): columns[:, at] for at in range(3)}


def _days_back(until: Minutes, full_hour: Minutes, lengths: tuple[int, ...] = ()) -> tuple[Minutes, Minutes]:
    """Starts and ends of the newest windows of some lengths, then of the newest 24 hours, today and on 7 days before.

    Args:
        until: where the windows end, shape (moments, 1).
        full_hour: where the hours end, likewise.
        lengths: of the windows, minutes.

    Returns:
        both of shape (moments, windows + 24, 8).
    """
    before, long = _windows(lengths)
    ends = np.concatenate((np.repeat(until, len(lengths), axis=1), full_hour - before), axis=1)
    all_ends = ends[..., None] - _DAYS_BACK
    return all_ends - long, all_ends


@cache
def _windows(lengths: tuple[int, ...]) -> tuple[Minutes, Minutes]:
    """How long before the newest full hour each of 24 hours ends, and how long each window and hour is."""
    return 60 * np.arange(24), np.array([*lengths, *[60] * 24])[:, None]


def _yardstick(prices: Series, until: Minutes, newest_day: Array) -> tuple[Array, Array]:
    """Centre and scale of each row, shape (rows, 1); `newest_day` are its newest 24 hours."""
    centre = median_known(newest_day)
    days, which = np.unique(until // DAY, return_inverse=True) if len(until) > 1 else (until // DAY, None)
    hours = days[:, None] * DAY - _SCALE_HOURS
    past = prices.rows(hours, hours + 60)
    usual = median_known(past)
    departure = _MAD_TO_SIGMA * median_known(np.abs(past - usual[:, None]))
    scale = np.fmax(departure, _LEAST_OF_LEVEL * np.abs(usual))
    if which is not None:
        usual, scale = usual[which], scale[which]
    scale = np.where(np.isfinite(usual), scale, _OF_FIRST_LEVEL * np.abs(centre))
    return np.where(np.isfinite(centre), centre, usual)[:, None], np.fmax(scale, LEAST_SCALE)[:, None]


def _load(load: Series, starts: Minutes, ends: Minutes, back: Minutes, alike: NDArray[np.bool_]) -> Array:
    """The two features of load; 0 where it is unknown."""
    to_come, past = load.rows(starts, ends), load.rows_back(starts, ends, back)
    usual = np.stack((mean_known(past, alike), past[..., 0]), axis=-1)
    departs = (to_come[..., None] - usual) / (float(np.nanstd(load.values)) or 1.0)
    return np.where(np.isfinite(departs), departs, 0.0)
