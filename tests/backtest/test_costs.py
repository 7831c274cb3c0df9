"""What strategies cost, reckoned by hand, and how they stand to each other."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from backtest.recorded import FIXED_GAS, START, day_ahead, recorded, site, stored, wave, window
from dispatch.plants import engine
from vibelux.backtest.accounts import month_costs
from vibelux.backtest.steps_file import steps_of, write_steps
from vibelux.backtest.strategies import ALWAYS_ON, GRID_ONLY, HEAT_LED, PERFECT, STATIC_THRESHOLD, STRATEGIES, VIBELUX
from vibelux.backtest.study import Outcome, Study, backtest
from vibelux.dispatch.facility import Facility


def run(facility: Facility, prices: object, *strategies: str, **more: object) -> Outcome:
    study = Study.of(window(facility, prices, **more), learns=False)  # type: ignore[arg-type]
    return backtest(study, strategies or STRATEGIES, workers=1)


def test_grid_only_pays_its_import_and_the_boiler() -> None:
    outcome = run(site(), recorded([0.06] * 24), GRID_ONLY)
    # 400 kW at 0.06 + 0.05, and 800 kW of heat from a boiler of 0.8 on gas at 0.03: 44 + 30 USD/h.
    cost = outcome.accounts[GRID_ONLY].found.cost
    assert cost["energy_import"] == pytest.approx(24 * 44)
    assert cost["gas"] == pytest.approx(24 * 30)
    assert outcome.accounts[GRID_ONLY].usd == pytest.approx(24 * 74)


def test_always_on_runs_at_full_power_and_sells_what_is_left() -> None:
    outcome = run(site(), recorded([0.06] * 24), ALWAYS_ON)
    told = outcome.as_json()["strategies"][ALWAYS_ON]
    # 1000 kW from 2500 kW of gas: 75; upkeep 10; 600 kW sold at 0.055: 33; the heat of 1000 kW covers 800.
    assert told["total_cost_usd"] == pytest.approx(24 * (75 + 10 - 33))
    assert told["energy_kwh"]["export"] == pytest.approx(24 * 600)
    assert told["energy_kwh"]["heat_dumped"] == pytest.approx(24 * 200)
    assert told["starts"] == 1
    # 2500 kWh are 8.5304 MMBtu of 53.06 kg.
    assert told["co2_kg"] == pytest.approx(24 * 2500 / 293.07107 * 53.06)


def test_always_on_makes_no_more_than_the_grid_takes() -> None:
    outcome = run(site(grid={"import_max_kw": 4000, "export_max_kw": 350}), recorded([0.06] * 24), ALWAYS_ON)
    assert outcome.accounts[ALWAYS_ON].schedule.chp["engine-1"].power_kw == pytest.approx(np.full(24, 750))


def test_heat_led_makes_the_heat_that_is_wanted() -> None:
    outcome = run(site(), recorded([0.06] * 24), HEAT_LED)
    # 800 kW of heat are made at 800 kW: 2000 kW of gas and 8 of upkeep; 400 kW are sold at 0.055.
    assert outcome.accounts[HEAT_LED].usd == pytest.approx(24 * (60 + 8 - 22))


def test_static_threshold_runs_where_import_is_dearer_than_the_engine() -> None:
    # By hand 2.5 * 0.03 + 0.01 - 0.8 * 0.03 / 0.8 = 0.055 USD an imported kWh, which is 0.005 in the market.
    prices = [0.004] * 6 + [0.006] * 6
    outcome = run(site(), day_ahead(prices), STATIC_THRESHOLD)
    assert outcome.study.threshold == {"engine-1": pytest.approx(0.055)}
    assert outcome.accounts[STATIC_THRESHOLD].schedule.chp["engine-1"].on.tolist() == [False] * 6 + [True] * 6


def test_static_threshold_sees_a_real_time_price_only_once_it_is_out() -> None:
    outcome = run(site(), recorded([0.0] * 12 + [0.1] * 12, step=5), STATIC_THRESHOLD)
    # The price of 5 minutes comes half a minute after they have begun: one step later it is seen.
    assert outcome.accounts[STATIC_THRESHOLD].schedule.chp["engine-1"].on.tolist() == [False] * 13 + [True] * 11


def test_perfect_foresight_costs_no_more_than_any_strategy_and_all_end_alike() -> None:
    outcome = run(stored(), recorded(wave(30), ahead=wave(72, seed=2)))
    own = outcome.accounts[VIBELUX].usd
    for name, one in outcome.accounts.items():
        assert one.found.violations == []
        assert one.usd >= outcome.accounts[PERFECT].usd - 1e-6, name
        assert one.schedule.heat_storage is not None
        assert one.schedule.heat_storage.level_kwh[-1] >= 1000 - 1e-3
        if name != VIBELUX:
            assert outcome.savings_usd[name] == pytest.approx(one.usd - own)
    assert outcome.regret_usd == pytest.approx(own - outcome.accounts[PERFECT].usd)
    assert outcome.accounts[PERFECT].bound_usd is not None
    assert outcome.accounts[PERFECT].bound_usd <= outcome.accounts[PERFECT].usd + 1e-6


def test_the_causes_of_the_regret_add_up_to_it() -> None:
    outcome = run(stored(), recorded(wave(30)), VIBELUX, PERFECT)
    parts = outcome.regret_parts()
    assert parts is not None
    assert set(parts) == {"forecast", "stability", "missing_data", "horizon_and_model", "together"}
    assert math.fsum(parts.values()) == pytest.approx(outcome.regret_usd)
    assert parts["missing_data"] == 0.0
    assert parts["forecast"] > 1.0
    # With every price known two days are as good as a month: what is left is next to nothing.
    assert abs(parts["horizon_and_model"]) < 0.01 * outcome.accounts[PERFECT].usd


def test_one_market_is_forecast_and_settlement_at_once() -> None:
    outcome = run(site(), day_ahead(wave(24)), VIBELUX, PERFECT)
    # All prices are known from the start, and no step of this plant depends on another.
    assert outcome.regret_usd == pytest.approx(0.0, abs=1e-6)


def test_missing_prices_are_settled_on_a_line_and_told() -> None:
    prices = wave(30)
    prices[20:24] = np.nan
    outcome = run(site(), recorded(prices), VIBELUX, PERFECT)
    line = np.interp(np.arange(20, 24), [19, 24], prices[[19, 24]])
    assert outcome.study.window.settled[20:24] == pytest.approx(line)
    assert "4 of 30 prices are missing" in outcome.as_json()["notes"][0]
    assert "missing_data" in outcome.without


def test_without_any_history_the_first_hours_are_decided_by_the_price_of_now() -> None:
    outcome = run(site(), recorded([0.2] * 48, step=5), VIBELUX)
    on = outcome.accounts[VIBELUX].schedule.chp["engine-1"].on
    assert not on[0]  # no price was out
    assert on[2:].all()


@pytest.mark.parametrize(
    ("day", "hours"), [(datetime(2025, 3, 9, 8, tzinfo=UTC), 23), (datetime(2025, 11, 2, 7, tzinfo=UTC), 25)]
)
def test_a_day_on_which_clocks_change_has_its_own_number_of_steps(day: datetime, hours: int) -> None:
    prices = recorded(wave(72), start=day - timedelta(days=1), ahead=wave(72))
    lit = stored()
    outcome = run(lit, prices, ALWAYS_ON, VIBELUX, start=day, end=day + timedelta(hours=hours))
    assert len(outcome.study.window.settled) == hours
    for one in outcome.accounts.values():
        assert one.found.violations == []
        assert one.schedule.lights["lamps"].sum() == pytest.approx(2400)


def test_demand_charges_count_in_their_months() -> None:
    charge = {"id": "peak", "usd_per_kw": 10.0}
    facility = site(tariff={"demand_charges": [charge]})
    start = datetime(2025, 7, 31, 7, tzinfo=UTC)
    outcome = run(facility, day_ahead([0.06] * 48, start=start), GRID_ONLY)
    one = outcome.accounts[GRID_ONLY]
    assert one.found.cost["demand_charge"] == pytest.approx(2 * 400 * 10)
    months = month_costs(outcome.study.window, outcome.case, one)
    assert months == {"2025-07": pytest.approx(24 * 74 + 4000), "2025-08": pytest.approx(24 * 74 + 4000)}
    assert outcome.as_json()["strategies"][GRID_ONLY]["peak_kw"] == {"2025-07": 400.0, "2025-08": 400.0}


def test_the_steps_of_a_strategy_add_up_to_its_cost(tmp_path: object) -> None:
    outcome = run(stored(), recorded(wave(26), ahead=wave(48)), ALWAYS_ON, VIBELUX)
    path = tmp_path / "steps.parquet"  # type: ignore[operator]
    write_steps(outcome, path)
    frame = pl.read_parquet(path)
    assert frame.height == 52
    assert {"strategy", "start", "import_kw", "export_kw", "market_price_per_kwh", "cost_usd"} <= set(frame.columns)
    assert frame["start"][0] == START
    for name, one in outcome.accounts.items():
        assert frame.filter(pl.col("strategy") == name)["cost_usd"].sum() == pytest.approx(one.usd, abs=1e-6)
    balance = frame.select(
        pl.col("import_kw") - pl.col("export_kw") + pl.col("chp_power_kw") - pl.col("lights_kw")
        - pl.col("power_demand_kw")
    ).to_series()  # fmt: skip
    assert balance.abs().max() < 1e-3
    assert steps_of(outcome, outcome.accounts[VIBELUX]).columns == frame.columns


def test_a_rule_gives_way_where_lamps_could_not_burn() -> None:
    # No heat may be thrown away, and the storage is small: at full power the lamps' heat has nowhere to go.
    facility = stored(heat={"dump_max_kw": 0}, demand={"power_kw": 400, "heat_kw": 700})
    outcome = run(facility, day_ahead([0.06] * 24), ALWAYS_ON)
    one = outcome.accounts[ALWAYS_ON]
    assert one.found.violations == []
    assert one.found.cost["penalties"] == pytest.approx(0.0, abs=1e-6)


def test_starts_a_day_are_kept() -> None:
    facility = site(chp=[engine(max_starts=1, min_load=0.5)], prices=FIXED_GAS)
    prices = np.tile([0.2, -0.1], 24)
    outcome = run(facility, day_ahead(prices), VIBELUX)
    on = outcome.accounts[VIBELUX].schedule.chp["engine-1"].on
    starts = on & ~np.concatenate(([False], on[:-1]))
    assert starts[:24].sum() <= 1
    assert starts[24:].sum() <= 1
