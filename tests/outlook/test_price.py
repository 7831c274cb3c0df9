"""The price outlook: what is known, what is forecast, that they stay apart, and that nothing comes from the future."""

import doctest
import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from outlook.histories import FIRST, day_ahead, noisy, real_time, shape
from vibelux.market.errors import UsageError
from vibelux.outlook import bands, past, price, tidy
from vibelux.outlook.features import F, Known, features
from vibelux.outlook.learn import History, Model, Rules, learn, samples
from vibelux.outlook.past import DAY, Series, utc_minutes, wall_minutes
from vibelux.outlook.price import KINDS, Kind, Steps, expect, horizon

DAYS = 40
CENTRAL = timedelta(hours=5)
NOON = datetime(2025, 6, 2, 12, tzinfo=UTC) + timedelta(days=DAYS) + CENTRAL


def cut(values: np.ndarray, minutes: int, step: int = 60) -> np.ndarray:
    """The values up to so many minutes after FIRST."""
    known = values.copy()
    known[minutes // step :] = np.nan
    return known


def at_noon(values: np.ndarray, ahead: np.ndarray) -> History:
    """Real-time prices known to noon of the last day, day-ahead prices to its end."""
    return real_time(cut(values, DAYS * DAY + 12 * 60), cut(ahead, (DAYS + 1) * DAY))


@pytest.mark.parametrize("module", [past, bands, price, tidy])
def test_the_documentation_in_the_modules_is_true(module):
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("minute", [0, 2, 13, 59])
def test_the_horizon_has_no_gap_and_each_step_lies_in_one_interval_of_its_length(minute):
    steps = horizon(NOON + timedelta(minutes=minute))
    assert np.array_equal(steps.starts[1:], (steps.starts + steps.lengths)[:-1])
    assert not (steps.starts % steps.lengths).any()
    ahead = steps.starts - utc_minutes(NOON + timedelta(minutes=minute))
    assert set(steps.lengths[ahead < 115]) == {5}
    assert set(steps.lengths[(ahead > 135) & (ahead < 700)]) == {15}
    assert set(steps.lengths[ahead > 780]) == {60}
    assert ahead[-1] + 60 >= 48 * 60


def test_each_step_says_its_kind_and_known_prices_are_as_published():
    values, ahead = noisy(DAYS + 3), shape(DAYS + 3)
    known = at_noon(values, ahead)
    steps = Steps(utc_minutes(NOON) + 60 * np.arange(-1, 24), np.full(25, 60))
    look = Series.of(FIRST, 60, cut(values + 0.001, DAYS * DAY + 13 * 60))
    outlook = expect(learn([known]), NOON, known, advisory=look, steps=steps)
    kinds = [KINDS[place] for place in outlook.kind[0]]
    assert kinds == [Kind.REAL_TIME, Kind.ADVISORY, *[Kind.DAY_AHEAD] * 11, *[Kind.FORECAST] * 12]
    at = DAYS * 24 + 11
    assert outlook.price[0, 0] == pytest.approx(values[at])
    assert outlook.price[0, 1] == pytest.approx(values[at + 1] + 0.001)
    assert outlook.price[0, 2:13] == pytest.approx(ahead[at + 2 : at + 13])
    assert np.isnan(outlook.quantiles[0, 0]).all()
    assert np.array_equal(outlook.price[0, 13:], outlook.quantiles[0, 13:, 1])
    assert np.array_equal(outlook.expected[0, 1:], outlook.quantiles[0, 1:, 1])


def test_an_hour_that_is_only_partly_out_is_not_called_known():
    values = noisy(DAYS + 3, step=15)
    known = real_time(cut(values, DAYS * DAY + 12 * 60 + 30, 15), step=15)
    steps = Steps(utc_minutes(NOON) + np.array([0, 15, 30]), np.array([15, 15, 60]))
    whole = expect(learn([known]), NOON, known, steps=Steps(utc_minutes(NOON) + np.array([0]), np.array([60])))
    parts = expect(learn([known]), NOON, known, steps=steps)
    assert [KINDS[place] for place in whole.kind[0]] == [Kind.FORECAST]
    assert [KINDS[place] for place in parts.kind[0]] == [Kind.REAL_TIME, Kind.REAL_TIME, Kind.FORECAST]


def test_quantiles_are_in_order_and_a_forecast_follows_the_daily_shape():
    known = real_time(cut(noisy(DAYS + 3, sigma=0.002), DAYS * DAY + 12 * 60))
    outlook = expect(learn([known]), NOON, known)
    p10, p50, p90 = np.moveaxis(outlook.quantiles[outlook.kind == KINDS.index(Kind.FORECAST)], -1, 0)
    assert (p10 < p50).all()
    assert (p50 < p90).all()
    wall = wall_minutes(outlook.steps.starts, "America/Chicago") + outlook.steps.lengths / 2
    came = 0.04 - 0.02 * np.cos(wall / DAY * 2 * np.pi)
    forecast = outlook.kind[0] == KINDS.index(Kind.FORECAST)
    assert np.abs(p50 - came[forecast]).max() < 0.009


def test_rows_are_json_with_a_source_in_words():
    known = at_noon(noisy(DAYS + 3), shape(DAYS + 3))
    rows = json.loads(json.dumps(expect(learn([known]), NOON, known).rows()))
    assert rows[0]["start"] == "2025-07-12T17:00:00Z"
    assert rows[0]["kind"] == "day-ahead"
    assert rows[0]["source"] == "day-ahead-hourly, published"
    assert rows[-1]["kind"] == "forecast"
    assert rows[-1]["source"].startswith("forecast of real-time-15min: same hours of the last 14 days")
    assert rows[-1]["p10"] < rows[-1]["p50"] == rows[-1]["price"] < rows[-1]["p90"]


def test_without_any_past_a_price_is_missing_and_not_invented():
    nothing = real_time(np.full(DAYS * 24, np.nan))
    outlook = expect(Model("ERCOT", "real-time-15min", 0.5), NOON, nothing)
    assert set(outlook.kind[0]) == {KINDS.index(Kind.MISSING)}
    assert outlook.rows()[0]["price"] is None


def test_nothing_that_comes_later_changes_a_forecast():
    values, ahead = noisy(DAYS + 3), shape(DAYS + 3)
    known = real_time(values, ahead)
    now = np.array([FIRST + DAYS * DAY + 12 * 60])
    starts = now[:, None] + 60 * np.arange(1, 48)
    what = known.known(now)
    assert int(what.until[0]) == now[0] - 60  # ERCOT's last quarter comes two minutes after the hour
    assert int(what.day_ahead_until[0]) == FIRST + (DAYS + 1) * DAY
    before = features(what, starts, starts + 60)
    later_values, later_ahead = values.copy(), ahead.copy()
    later_values[(int(what.until[0]) - FIRST) // 60 :] = 9.0
    later_ahead[(DAYS + 1) * 24 :] = 9.0
    later = features(real_time(later_values, later_ahead).known(now), starts, starts + 60)
    assert np.array_equal(before.values, later.values)
    assert np.array_equal(before.newest_day, later.newest_day)
    assert np.array_equal(before.week, later.week)


def test_a_forecast_is_the_same_from_a_whole_history_and_from_what_was_known_of_it():
    values, ahead = noisy(DAYS + 3), shape(DAYS + 3)
    model, known = learn([real_time(values, ahead)]), at_noon(values, ahead)
    now = np.array([FIRST + DAYS * DAY + 12 * 60])
    starts = now[:, None] + 60 * np.arange(1, 36)
    whole = Known(Series.of(FIRST, 60, values), now, Series.of(FIRST, 60, ahead), np.array([FIRST + (DAYS + 1) * DAY]))
    once = model.quantiles(features(whole, starts, starts + 60), starts, now[:, None])
    steps = Steps(utc_minutes(NOON) + 60 * np.arange(1, 36), np.full(35, 60))
    assert expect(model, NOON, known, steps=steps).quantiles == pytest.approx(once, nan_ok=True)


def test_many_nodes_at_once_are_each_as_alone():
    alone = [at_noon(noisy(DAYS + 3, seed), shape(DAYS + 3) + 0.001 * seed) for seed in range(3)]
    alone[1].prices.values[100:130] = np.nan
    series = [Series.of(FIRST, 60, one.prices.values) for one in alone]
    model = learn(alone)
    together = History(
        alone[0].rules,
        alone[0].market,
        Series.of(FIRST, 60, np.stack([one.values for one in series])),
        Series.of(FIRST, 60, np.stack([one.day_ahead.values for one in alone])),
    )
    outlook = expect(model, NOON, together)
    for node, one in enumerate(series):
        single = expect(model, NOON, History(alone[0].rules, alone[0].market, one, alone[node].day_ahead))
        assert outlook.price[node] == pytest.approx(single.price[0])
        assert np.array_equal(outlook.kind[node], single.kind[0])


def test_the_day_ahead_price_and_a_lasting_spread_are_learnt():
    rng = np.random.default_rng(3)
    ahead = np.repeat(rng.uniform(0.02, 0.08, 60 * 4), 6)
    values = ahead + np.repeat(rng.normal(0, 0.01, 60), 24)  # each day's spread is one number
    history = real_time(values, ahead)
    found = samples(history)
    model = learn([history])
    close = found.usable & found.ahead.published & (found.starts - found.until < 120)
    close &= found.starts // DAY == (found.until - 1) // DAY
    forecast = model.quantiles(found.ahead, found.starts, found.until)[..., 1]
    of_day_ahead = history.day_ahead.mean(found.starts, found.ends)
    assert np.abs(forecast - found.came)[close].mean() < 0.35 * np.abs(of_day_ahead - found.came)[close].mean()


def test_load_that_explains_the_price_is_learnt():
    rng = np.random.default_rng(5)
    load = 40_000 + np.repeat(rng.normal(0, 8_000, 60), 24)
    values = shape(60) + (load - 40_000) * 2e-6
    without = day_ahead(values)
    with_load = History(without.rules, without.market, without.prices, load=Series.of(FIRST, 60, load))

    def off(history: History) -> float:
        found, model = samples(history), learn([history])
        forecast = model.quantiles(found.ahead, found.starts, found.until)[..., 1]
        return float(np.abs(forecast - found.came)[found.usable].mean())

    assert off(with_load) < 0.5 * off(without)


def test_one_spike_does_not_move_the_next_days_forecast():
    values = noisy(DAYS + 3)
    spiked = values.copy()
    spiked[(DAYS - 1) * 24 + 20] = 5.0
    plain, moved = (real_time(cut(one, DAYS * DAY + 12 * 60)) for one in (values, spiked))
    model = learn([plain])
    difference = expect(model, NOON, moved).price - expect(model, NOON, plain).price
    wall = wall_minutes(horizon(NOON).starts, "America/Chicago")
    assert np.abs(difference[0, wall // 60 % 24 != 20]).max() < 0.004


def test_a_model_survives_json_and_is_refused_for_another_grid():
    known = real_time(noisy(DAYS))
    model = learn([known])
    again = Model.from_json(json.loads(json.dumps(model.as_json())))
    assert np.array_equal(again.weights, model.weights)
    assert np.array_equal(again.bands, model.bands)
    assert len(json.dumps(model.as_json())) < 20_000
    with pytest.raises(UsageError, match="of ERCOT real-time-15min, not of PJM"):
        expect(model, NOON, History(Rules.of("PJM"), known.market, known.prices))
    with pytest.raises(UsageError, match="another version"):
        Model.from_json(model.as_json() | {"weights": [[0.0]]})


def test_too_short_and_mixed_histories_are_refused():
    with pytest.raises(UsageError, match="at least 5 are needed"):
        learn([real_time(noisy(3))])
    with pytest.raises(UsageError, match="one grid and market"):
        learn([real_time(noisy(DAYS)), day_ahead(noisy(DAYS))])


def test_a_same_hour_is_one_of_the_wall_clock_across_a_clock_change():
    start = utc_minutes(datetime(2025, 10, 20, 5, tzinfo=UTC))
    utc = start + 60 * np.arange(20 * 24)
    hour = wall_minutes(utc, "America/Chicago") // 60 % 24
    series = Series.at_utc(utc, hour.astype(float), 60, "America/Chicago")
    monday = utc_minutes(datetime(2025, 11, 3, tzinfo=UTC))
    past_hours = monday - DAY * np.arange(1, 10) + 7 * 60
    assert set(series.mean(past_hours, past_hours + 60)) == {7.0}


def test_publication_rules_tell_what_was_out():
    rules = Rules.of("ERCOT")
    now = FIRST + np.array([13 * 60 + 29, 13 * 60 + 30])
    assert list(rules.day_ahead_until(now) - FIRST) == [DAY, 2 * DAY]
    now = FIRST + np.array([12 * 60 + 2, 12 * 60 + 3])
    assert list(rules.real_time_until(now, 15) - FIRST) == [11 * 60 + 45, 12 * 60]
    assert list(rules.real_time_until(now, 60) - FIRST) == [11 * 60, 12 * 60]


def test_an_unpublished_day_ahead_price_is_no_feature():
    values = noisy(DAYS + 3)
    now = np.array([FIRST + DAYS * DAY + 12 * 60])
    starts = now[:, None] + np.array([[60, 13 * 60]])
    ahead = features(real_time(values, values + 0.01).known(now), starts, starts + 60)
    assert ahead.published.tolist() == [[True, False]]
    assert ahead.values[0, 1, F.DAY_AHEAD] == ahead.values[0, 1, F.MEDIAN_14]


def test_the_end_of_what_is_known_is_that_of_the_node_known_longest():
    values = np.ones((2, 48))
    values[0, 30:] = np.nan
    values[1, 5:20] = values[1, 34:] = np.nan
    assert Series.of(FIRST, 60, values).known_until == FIRST + 34 * 60
    assert Series.of(FIRST, 60, np.full(48, np.nan)).known_until == FIRST
