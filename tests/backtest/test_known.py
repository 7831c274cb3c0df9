"""What is known at a moment: prices from their publication on, and nothing of what is to come."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from backtest.recorded import START, day_ahead, recorded, site, stored, wave, window
from vibelux.backtest.gas import GasIndex
from vibelux.backtest.known import Known, cleared_until, learn_along, published_until
from vibelux.backtest.strategies import ALWAYS_ON, HEAT_LED, STATIC_THRESHOLD, VIBELUX
from vibelux.backtest.study import Study, backtest
from vibelux.backtest.window import ahead, moment
from vibelux.market.errors import UsageError
from vibelux.outlook.learn import Rules
from vibelux.outlook.past import utc_minutes
from vibelux.outlook.price import KINDS, Kind, Steps


def at(*when: int) -> int:
    return utc_minutes(datetime(*when, tzinfo=UTC))


@pytest.mark.parametrize(
    ("grid", "hour", "minute"),
    [("CAISO", 20, 0), ("ERCOT", 18, 30), ("PJM", 17, 30), ("NYISO", 15, 0)],
)
def test_day_ahead_prices_are_known_from_their_hour_the_day_before(grid: str, hour: int, minute: int) -> None:
    # July 2025, all in daylight time: 13:00 Pacific, 13:30 Central, 13:30 and 11:00 Eastern.
    rules = Rules.of(grid)
    offset = {"CAISO": 7, "ERCOT": 5}.get(grid, 4)
    out = at(2025, 7, 10, hour, minute)
    assert cleared_until(rules, out - 1) == at(2025, 7, 11, offset)
    assert cleared_until(rules, out) == at(2025, 7, 12, offset)


@pytest.mark.parametrize(
    ("grid", "step", "known"), [("CAISO", 5, 0), ("NYISO", 5, 0), ("PJM", 5, 0), ("ERCOT", 15, -15), ("ERCOT", 60, -60)]
)
def test_real_time_prices_are_known_when_the_feed_has_published_them(grid: str, step: int, known: int) -> None:
    now = np.array([at(2025, 7, 10, 12)])
    assert published_until(Rules.of(grid), now, step).tolist() == [now[0] + known]


@pytest.mark.parametrize("ahead_prices", [None, wave(120, seed=5)])
def test_later_prices_change_no_earlier_step(ahead_prices: np.ndarray | None) -> None:
    prices, turns = wave(54), 40
    others = prices.copy()
    others[turns:] -= 0.2
    later = None if ahead_prices is None else ahead_prices.copy()
    if later is not None:
        later[72:] += 0.1  # of the day after tomorrow: out at 13:00 tomorrow
    found = []
    for values, beside in ((prices, ahead_prices), (others, later)):
        start = START + timedelta(days=1)
        study = Study.of(window(stored(), recorded(values, ahead=beside), start=start))
        outcome = backtest(study, [ALWAYS_ON, HEAT_LED, STATIC_THRESHOLD, VIBELUX], workers=1)
        found.append(outcome.accounts)
    until = min(turns, 24 + 13) - 24
    for name, one in found[0].items():
        other = found[1][name].schedule
        assert np.array_equal(one.schedule.chp["engine-1"].power_kw[:until], other.chp["engine-1"].power_kw[:until])
        assert np.array_equal(one.schedule.import_kw[:until], other.import_kw[:until])
    changed = (one[VIBELUX].schedule.chp["engine-1"].power_kw for one in found)
    assert not np.array_equal(*changed)


def test_models_are_learnt_of_what_was_known_only() -> None:
    prices = wave(24 * 16)
    others = prices.copy()
    others[24 * 12 :] += 0.3
    start = START + timedelta(days=9)
    learnt = []
    for values in (prices, others):
        one = window(site(), recorded(values), start=start)
        learnt.append(learn_along(one, Known(one)))
    same = [since <= at(2025, 7, 13, 7) for since in learnt[0].since]
    assert learnt[0].since == learnt[1].since
    assert same.count(True) >= 3
    for early, one, other in zip(same, learnt[0].models, learnt[1].models, strict=True):
        assert one.is_learnt
        assert np.array_equal(one.weights, other.weights) is early


def test_the_price_of_now_is_the_newest_that_is_out() -> None:
    prices = wave(48)
    one = window(site(), recorded(prices, step=5))
    known = Known(one)
    now = one.start + 30
    market, _ = known.at(now, ahead(now, one.end, 5))
    assert market.electricity.value == prices[5]
    assert known.newest(np.array([now])).tolist() == [prices[5]]


def test_of_an_hourly_price_the_outlook_is_the_price_of_now() -> None:
    prices, cleared = wave(96), wave(120, seed=3)
    one = window(site(), recorded(prices, ahead=cleared), start=START + timedelta(days=2))
    market, outlook = Known(one).at(one.start, ahead(one.start, one.end, 60))
    assert market.electricity.value == outlook.expected[0, 0]
    assert market.electricity.value != prices[48]


def test_a_cleared_price_is_known_for_its_own_hours() -> None:
    prices = wave(72)
    one = window(site(), day_ahead(prices))
    market, outlook = Known(one).at(one.start, ahead(one.start, one.end, 60))
    assert market.electricity.value == prices[0]
    # At midnight the prices of today are out, of tomorrow they come at 13:00.
    assert outlook.expected[0, :24] == pytest.approx(prices[:24])
    assert (outlook.kind[0, 24:] != KINDS.index(Kind.DAY_AHEAD)).all()
    later = one.start + 13 * 60
    _, outlook = Known(one).at(later, ahead(later, one.end, 60))
    assert outlook.expected[0, :35] == pytest.approx(prices[13:48])


def test_a_horizon_ends_with_the_window() -> None:
    end = at(2025, 7, 1, 20)
    assert ahead(at(2025, 7, 1, 19, 50), end, 5).starts.tolist() == [end - 10, end - 5]
    assert ahead(at(2025, 7, 1, 7), end, 60).lengths.tolist() == [60] * 13
    whole = ahead(at(2025, 7, 1, 7, 15), at(2025, 7, 9), 15)
    assert set(whole.lengths.tolist()) == {15, 60}
    assert moment(int(whole.starts[-1] + whole.lengths[-1])) >= datetime(2025, 7, 3, 7, 15, tzinfo=UTC)


def test_gas_is_the_newest_price_traded_before_the_day() -> None:
    index = GasIndex.of([(date(2025, 7, 3), 3.0), (date(2025, 7, 2), 2.5)])
    assert index.traded_before(date(2025, 7, 3)) == (date(2025, 7, 2), 2.5)
    assert index.traded_before(date(2025, 7, 7)) == (date(2025, 7, 3), 3.0)
    assert index.traded_before(date(2025, 6, 30)) == (date(2025, 7, 2), 2.5)  # begins over a weekend
    assert index.traded_before(date(2025, 6, 20)) is None
    assert index.traded_before(date(2025, 9, 1)) is None


def test_later_gas_prices_change_no_earlier_step() -> None:
    # The gas of 3 July is known from the midnight that ends it, 8 steps on; plans before it see beyond.
    facility = stored(prices={"gas_hub": "FRPGE1", "import_adder_usd_per_kwh": 0.01}, lights=[])
    found = []
    for later in (0.5, 40.0):
        gas = GasIndex.of((date(2025, 7, day), later if day >= 3 else 4.0) for day in range(1, 5))
        one = window(facility, recorded(wave(24 * 3 + 4)), gas=gas, start=START + timedelta(days=2, hours=16))
        outcome = backtest(Study.of(one), [STATIC_THRESHOLD, VIBELUX], workers=1)
        found.append({name: each.schedule for name, each in outcome.accounts.items()})
    for name, schedule in found[0].items():
        other = found[1][name]
        assert np.array_equal(schedule.chp["engine-1"].power_kw[:8], other.chp["engine-1"].power_kw[:8]), name
        assert np.array_equal(schedule.import_kw[:8], other.import_kw[:8]), name
    cheap, dear = (one[VIBELUX].chp["engine-1"].power_kw[8:].sum() for one in found)
    assert cheap > dear


def test_no_step_is_handed_a_gas_price_that_is_traded_later_than_the_day_before() -> None:
    traded = [(date(2025, 6, 30) + timedelta(days=one), 4.0 + one) for one in range(6)]
    facility = site(prices={"gas_hub": "FRPGE1"})
    one = window(facility, recorded(wave(24 * 4)), gas=GasIndex.of(traded), start=START + timedelta(days=2))
    known = Known(one)
    handed = [known.at(now, ahead(now, now + 60, 60))[0].gas.value for now in one.starts.tolist()]
    # 3 July has what was traded on 2 July, and so on: the hub's price, by the day on the site's clock.
    assert handed == [6.0] * 24 + [7.0] * 24


def test_a_missing_gas_price_names_the_day_and_the_option() -> None:
    with pytest.raises(UsageError, match=r"no gas price of FRPGE1 is known for 2025-07-01: give a file.*--gas"):
        window(site(prices={"gas_hub": "FRPGE1"}), recorded([0.06] * 24))


def test_a_greenhouse_has_the_usual_weather_of_its_grid_and_the_result_says_so() -> None:
    house = {"area_m2": 5000}
    facility = site(demand={"power_kw": 50.0}, greenhouse=house, latitude=36.0, longitude=-120.0)
    summer = window(facility, recorded([0.06] * 24))
    winter = window(facility, recorded([0.06] * 24, start=START + timedelta(days=190)))
    heat = [one.demands(Steps(one.starts, np.full(24, 60))).heat_kw.sum() for one in (summer, winter)]
    assert heat[1] > heat[0] >= 0
    assert any("usual weather around Sacramento" in note for note in winter.notes())
