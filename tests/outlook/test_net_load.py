"""Forecast net load: which issues count, what adds up, and that no outlook learns from what was not out."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest

from outlook.histories import FIRST, noisy, shape
from vibelux.outlook.features import F, features
from vibelux.outlook.learn import History, Rules, learn, samples
from vibelux.outlook.net_load import AHEAD, PARTS, net_load, stretches
from vibelux.outlook.past import DAY, Series

NOW = datetime(2026, 7, 14, 19, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
START = NOW.replace(minute=0) - timedelta(hours=30)


def test_hours_gone_by_count_as_they_were_two_days_before_and_hours_to_come_as_they_are_now():
    past, to_come = stretches(Rules.of("ERCOT"), START, START + 60 * HOUR, NOW)
    assert past == (START, NOW.replace(minute=0) + HOUR, AHEAD)
    assert to_come == (NOW.replace(minute=0) + HOUR, START + 60 * HOUR, NOW)


def test_where_only_the_next_day_is_forecast_hours_count_as_when_its_prices_came_out():
    *days, to_come = stretches(Rules.of("CAISO"), START, START + 60 * HOUR, NOW)
    midnight = datetime(2026, 7, 14, 7, tzinfo=UTC)
    out = midnight - timedelta(hours=11)  # 13:00 Pacific the day before
    assert days == [(START, midnight, out - timedelta(days=1)), (midnight, NOW.replace(minute=0) + HOUR, out)]
    assert to_come[2] == NOW


def test_stretches_have_no_gap_across_a_clock_change_and_on_a_full_hour():
    first = datetime(2026, 10, 30, tzinfo=UTC)
    now = datetime(2026, 11, 3, tzinfo=UTC)
    found = stretches(Rules.of("CAISO"), first, now + 48 * HOUR, now)
    assert (found[0][0], found[-1]) == (first, (now, now + 48 * HOUR, now))
    assert all(one[1] == after[0] for one, after in pairwise(found))
    assert [rule.hour for _, _, rule in found[:-1]] == [20, 20, 20, 20, 21]  # 13:00 Pacific, in UTC


def test_net_load_is_load_less_wind_and_sun_in_the_hours_that_have_all_of_them():
    rules = Rules.of("ERCOT")
    midnight = int(datetime(2026, 7, 14, 5, tzinfo=UTC).timestamp()) // 60
    hours = midnight + 60 * np.arange(3)
    parts = [(hours, np.array([50.0, 51.0, 52.0])), (hours[1:], np.array([10.0, 11.0])), (hours[:2], np.array([5, 6]))]
    series = net_load(rules, parts)
    assert series.values[:3].tolist() == pytest.approx([np.nan, 35.0, np.nan], nan_ok=True)
    assert net_load(rules, [parts[0], parts[1], (hours[:0], np.array([]))]) is None


def test_each_grid_has_load_to_add_and_takes_the_rest_away():
    for parts in PARTS.values():
        assert [part.sign for part in parts] == [1.0] + [-1.0] * (len(parts) - 1)


def history(load: np.ndarray, *, of_day_ahead: bool) -> History:
    prices = Series.of(FIRST, 60, noisy(30))
    rules, loads = Rules.of("CAISO"), Series.of(FIRST, 60, load)
    return History(rules, "real-time-5min", prices, load=loads, load_of_day_ahead=of_day_ahead)


def test_load_that_comes_out_with_the_day_ahead_prices_is_not_seen_beyond_them():
    load = shape(30) * 1e6 + np.random.default_rng(2).normal(0, 1000, 30 * 24)
    now = np.array([FIRST + 20 * DAY + 10 * 60, FIRST + 20 * DAY + 14 * 60])  # before and after 13:00
    starts = now[:, None] + 60 * np.arange(1, 40)
    for of_day_ahead in (True, False):
        known = history(load, of_day_ahead=of_day_ahead).known(now)
        seen = features(known, starts, starts + 60).values[..., F.LOAD_DAY] != 0.0
        until = FIRST + np.array([[21 * DAY], [22 * DAY]]) if of_day_ahead else FIRST + 30 * DAY
        assert np.array_equal(seen, np.broadcast_to(starts + 60 <= until, seen.shape))


def test_wind_that_lowers_the_price_is_learnt_through_net_load():
    rng = np.random.default_rng(5)
    wind = np.repeat(rng.uniform(0, 20_000, 60), 24)
    values = shape(60) + (40_000 - wind) * 1e-6
    rules, prices = Rules.of("ERCOT"), Series.of(FIRST, 60, values)

    def off(load: np.ndarray) -> float:
        one = History(rules, "real-time-15min", prices, load=Series.of(FIRST, 60, load))
        found, model = samples(one), learn([one])
        forecast = model.quantiles(found.ahead, found.starts, found.until)[..., 1]
        return float(np.abs(forecast - found.came)[found.usable].mean())

    assert off(40_000 - wind) < 0.5 * off(np.full(60 * 24, 40_000.0) + rng.normal(0, 1, 60 * 24))
