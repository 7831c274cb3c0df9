"""What was known at each moment of the past, and nothing else: prices from their publication on, models learnt of them.

Real-time prices are known as the grid's feed publishes them (interval by interval, some minutes after its start),
day-ahead prices from their hour on the day before. The outlook and the market conditions are those of the live
service; they are handed what had been published and never see the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from vibelux.backtest.points import Points
from vibelux.backtest.window import Window, known_outlook, moment
from vibelux.market.errors import UsageError
from vibelux.market.intervals import local_date, local_day
from vibelux.outlook.conditions import Conditions, MarketRows
from vibelux.outlook.learn import DAY_AHEAD, LEARN_DAYS, History, Model, Rules, learn
from vibelux.outlook.past import DAY, Minutes, Series, utc_minutes, wall_minutes
from vibelux.outlook.price import Outlook, Steps, expect
from vibelux.outlook.quotes import Row
from vibelux.outlook.sun import Array

_HELD_DAYS = 30
"""An outlook reads four weeks back."""
_OFTENEST, _SELDOMEST = DAY, 7 * DAY
_RELEARN = 8
"""Learnt again after an eighth of the history so far, at least daily and at most weekly."""
_RECENT_DAYS = 14
_SOON_MINUTES = 60
"""A newest price that ended longer ago may be none: then what this hour has cost on recent days is looked up."""
_OWN_PRICE_MINUTES = 15
"""A longer interval's own price says little of the next one: then the outlook's first step is the price of now."""


def published_until(rules: Rules, now: Minutes, step: int) -> Minutes:
    """The end of the newest whole step whose real-time price is out; UTC minutes."""
    own, lag = rules.real_time.step.total_seconds(), rules.real_time.lag.total_seconds()
    out = np.floor((now * 60.0 - lag) / own) * own + own
    found: Minutes = np.floor(out / (60 * step)).astype(np.int64) * step
    return found


def cleared_until(rules: Rules, now: int) -> int:
    """The end of the newest market day whose day-ahead prices are out at a UTC minute; a UTC minute."""
    return utc_minutes(rules.day_ahead.known_until(moment(now)))


@dataclass(frozen=True)
class Learnt:
    """Price models, each from a UTC minute on."""

    since: Sequence[int]
    models: Sequence[Model]

    def at(self, now: int) -> Model:
        """The newest one that was learnt by then."""
        return self.models[max(int(np.searchsorted(self.since, now, side="right")) - 1, 0)]


class Known:
    """What is known at a moment.

    Args:
        window: whose prices.
        learnt: the models of its node; None: as there are before any history.
        whole: whether prices that are missing count as known.
        foreseen: whether all prices are known beforehand: what perfect forecasts would be worth.
    """

    def __init__(
        self, window: Window, learnt: Learnt | None = None, *, whole: bool = False, foreseen: bool = False
    ) -> None:
        recorded = window.recorded
        self._window = window
        self._foreseen = foreseen
        self._rules = recorded.rules
        self._points = recorded.prices
        if whole:
            at, own = np.concatenate((window.starts, recorded.prices.starts)), recorded.prices.values
            self._points = Points.of(at, np.concatenate((window.settled, own)))
        self._history = replace(recorded, prices=self._points).history()
        self.first_model = Model.at_start(self._rules.iso_region, recorded.market)
        """What there is before any history."""
        self._learnt = learnt or Learnt((window.start,), (self.first_model,))

    def at(self, now: int, steps: Steps) -> tuple[Conditions, Outlook]:
        """The market at a UTC minute, and the prices to expect on steps from then on."""
        window = self._window
        if self._foreseen:
            outlook = known_outlook(moment(now), steps, window.mean(steps))
            return window.conditions(now, MarketRows(real_time=self._row(now, float(outlook.price[0, 0])))), outlook
        outlook = expect(self._learnt.at(now), moment(now), self.history(now, _HELD_DAYS), steps=steps)
        return window.conditions(now, self._rows(now, outlook)), outlook

    def newest(self, now: Minutes) -> Array:
        """The newest price that is known at UTC minutes, USD/kWh; NaN where none is."""
        if self._window.recorded.cleared_ahead:
            return self._points.at(now)
        until = published_until(self._rules, now, self._points.step)
        place = np.searchsorted(self._points.starts + self._points.step, until, side="right") - 1
        return np.where(place >= 0, self._points.values[np.maximum(place, 0)], np.nan)

    def history(self, now: int, days: int) -> History:
        """What had been published at a UTC minute, of so many days."""
        wall = wall_minutes(np.array([now]), self._rules.zone_name)
        until = int(self._rules.real_time_until(wall, self._points.step)[0])
        cleared = int(self._rules.day_ahead_until(wall)[0])
        own = cleared if self._window.recorded.cleared_ahead else until
        ahead = self._history.day_ahead
        return replace(
            self._history,
            prices=_part(self._history.prices, own, days),
            day_ahead=None if ahead is None else _part(ahead, cleared, days),
        )

    def _rows(self, now: int, outlook: Outlook) -> MarketRows:
        """The records that live conditions would be made of."""
        recorded, step = self._window.recorded, self._points.step
        if recorded.cleared_ahead:
            held = self._points.at(np.array([now]))[0] if now < cleared_until(self._rules, now) else np.nan
            return MarketRows(real_time=self._row(now, held) if np.isfinite(held) else None)
        same_hour: list[Row] = []
        if recorded.day_ahead is not None and now < cleared_until(self._rules, now):
            hour = now // 60 * 60
            price = recorded.day_ahead.at(np.array([now]))[0]
            if np.isfinite(price):
                same_hour.append(self._row(hour, float(price), DAY_AHEAD, 60))
        if step > _OWN_PRICE_MINUTES:
            expected = float(outlook.expected[0, 0])
            rows = [self._row(now, expected, "outlook", step)] if np.isfinite(expected) else same_hour
            return MarketRows(same_hour=rows)
        until = int(published_until(self._rules, np.array([now]), step)[0])
        place = int(np.searchsorted(self._points.starts + step, until, side="right")) - 1
        if place < 0:
            return MarketRows(same_hour=same_hour)
        newest = self._row(int(self._points.starts[place]), float(self._points.values[place]))
        if same_hour or now - int(self._points.starts[place]) - step <= _SOON_MINUTES:
            return MarketRows(real_time=newest, same_hour=same_hour)
        first = int(np.searchsorted(self._points.starts, now - _RECENT_DAYS * DAY))
        recent = [
            self._row(int(self._points.starts[at]), float(self._points.values[at])) for at in range(first, place + 1)
        ]
        return MarketRows(real_time=newest, history=recent)

    def _row(self, start: int, price: float, market: str | None = None, minutes: int | None = None) -> Row:
        end = start + (self._points.step if minutes is None else minutes)
        return {
            "market": market or self._window.recorded.market,
            "pricing_node": self._window.recorded.node,
            "price_per_kwh": price,
            "market_interval_start": moment(start),
            "market_interval_end": moment(end),
            "origin": "recorded",
        }


def _part(series: Series, until: int, days: int) -> Series:
    """Some days of a series up to a wall minute; a day without a price where there is nothing."""
    begins = max(series.first, (until - 1) // DAY * DAY - days * DAY)
    low = (begins - series.first) // series.step
    high = (until - series.first) // series.step
    if high <= low:
        return Series.of(until // DAY * DAY, series.step, np.full(DAY // series.step, np.nan))
    return Series.of(begins, series.step, series.values[low:high])


def learn_along(window: Window, known: Known) -> Learnt:
    """The models that a live service would have had: each learnt of what was known then."""
    recorded = window.recorded
    first = int(recorded.prices.starts[0])
    zone = recorded.rules.zone_name
    since, models = [], []
    now = window.start
    while now < window.end:
        try:
            model = learn([known.history(now, LEARN_DAYS)])
        except UsageError:  # a few days: the weights of a start do
            model = known.first_model
        since.append(now)
        models.append(model)
        lasts = min(max((now - first) // _RELEARN, _OFTENEST), _SELDOMEST)
        due = local_day(local_date(moment(now + lasts), zone), zone).start
        now = max(utc_minutes(due), now + _OFTENEST // 2)
    return Learnt(tuple(since), tuple(models))
