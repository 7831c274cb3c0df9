"""Engines, each rule with figures that were reckoned by hand."""

import pytest

from dispatch_cases.plants import boiler, engine, prices, site, solved

EXPORT = {"import_max_kw": 5000, "export_max_kw": 5000}
RUNNING = {"on": True, "hours_in_state": 100, "power_kw": 1000}


def powers(answer: dict) -> list[float]:
    return answer["schedule"]["chp"]["e"]["power_kw"]


def sold_at(market: list[float], **changes) -> dict:
    """An engine that sells all it makes at these prices; a kWh costs it 5 cents, and its heat is worth nothing."""
    return site(len(market), prices=prices(market, market), grid=EXPORT, chp=[engine(**changes)])


def test_engine_runs_at_full_load_while_power_is_worth_more_than_its_fuel():
    answer = solved(sold_at([0.06, 0.04, 0.06]))

    assert powers(answer) == [1000, 0, 1000]
    assert answer["objective_usd"] == pytest.approx(-2 * 1000 * (0.06 - 0.05))


def test_part_load_follows_the_line_through_half_and_full_load():
    case = site(
        demand={"power_kw": 750, "heat_kw": 0},
        prices=prices(1.0, -1.0),
        chp=[engine(electric_efficiency={"full": 0.4, "half": 0.36}, thermal_efficiency={"full": 0.4, "half": 0.5})],
    )

    run = solved(case)["schedule"]["chp"]["e"]

    # Fuel 2500 kW at full, 500 / 0.36 at half load; heat 1000 and 0.5 * 500 / 0.36; 750 kW lies half way.
    assert run["fuel_kw"] == [pytest.approx((2500 + 500 / 0.36) / 2)]
    assert run["heat_kw"] == [pytest.approx((1000 + 250 / 0.36) / 2)]


def test_start_cost_keeps_a_short_gain_from_being_taken():
    assert powers(solved(sold_at([0.04, 0.06, 0.04], start_cost_usd=9))) == [0, 1000, 0]
    assert powers(solved(sold_at([0.04, 0.06, 0.04], start_cost_usd=11))) == [0, 0, 0]


def test_start_limit_leaves_the_better_of_two_runs():
    assert powers(solved(sold_at([0.06, 0.0, 0.07], max_starts=1))) == [0, 0, 1000]


def test_start_binds_for_the_minimum_up_time():
    # Two more hours at half load cost 500 * 0.05 each: 50 USD for a gain of 60.
    assert powers(solved(sold_at([0.11, 0.0, 0.0, 0.0], min_up_h=3))) == [1000, 500, 500, 0]
    assert powers(solved(sold_at([0.09, 0.0, 0.0, 0.0], min_up_h=3))) == [0, 0, 0, 0]


def test_outage_ends_the_minimum_up_time():
    answer = solved(sold_at([0.07, 0.0, 0.0, 0.0], min_up_h=4, availability=[1, 0, 1, 1]))

    assert powers(answer) == [1000, 0, 0, 0]


def test_stop_binds_for_the_minimum_down_time_after_an_outage_too():
    case = sold_at([0.1, 0.1, 0.1, 0.1], min_down_h=2, availability=[1, 0, 1, 1], initial=RUNNING)

    assert powers(solved(case)) == [1000, 0, 0, 1000]


@pytest.mark.parametrize(("hours", "expected"), [(0.5, [500, 500, 0]), (1.0, [500, 0, 0]), (2.0, [0, 0, 0])])
def test_engine_that_runs_since_shortly_stays_on_until_its_minimum_up_time_is_over(hours, expected):
    case = sold_at([0.0, 0.0, 0.0], min_up_h=2, initial={"on": True, "hours_in_state": hours, "power_kw": 500})

    assert powers(solved(case)) == expected


def test_engine_that_stands_since_shortly_stays_off_until_its_minimum_down_time_is_over():
    case = sold_at([0.1, 0.1, 0.1], min_down_h=2.5, initial={"on": False, "hours_in_state": 1})

    assert powers(solved(case)) == [0, 0, 1000]


def test_ramp_up_limits_the_start_and_each_step_after():
    # The start may reach max(500, 300) kW, then 300 kW more each hour.
    assert powers(solved(sold_at([0.1] * 4, ramp_up_kw_per_h=300))) == [500, 800, 1000, 1000]


def test_ramp_down_is_walked_down_to_a_stop():
    # A stop is allowed from max(500, 300) kW at most.
    case = sold_at([9.0, 0.0, 0.0, 0.0], ramp_down_kw_per_h=300, initial=RUNNING)

    assert powers(solved(case)) == [1000, 700, 500, 0]


def test_ramp_down_does_not_hold_into_an_outage_nor_into_less_available_power():
    into_outage = sold_at([1.0] * 3, ramp_down_kw_per_h=100, availability=[1, 0, 1], initial=RUNNING)
    into_less = sold_at([1.0, 1.0, 0.0], ramp_down_kw_per_h=100, availability=[1, 0.6, 1], initial=RUNNING)

    assert powers(solved(into_outage)) == [1000, 0, 1000]
    assert powers(solved(into_less)) == [1000, 600, 500]


def test_less_available_power_than_before_step_0_frees_the_first_ramp():
    case = sold_at([0.0, 0.0], ramp_down_kw_per_h=100, availability=[0.9, 0.9], initial=RUNNING)
    held = sold_at([0.0, 0.0], ramp_down_kw_per_h=100, availability=[1, 1], initial=RUNNING)

    assert powers(solved(case)) == [0, 0]
    assert powers(solved(held)) == [900, 800]


def test_availability_below_the_minimum_load_is_an_outage():
    assert powers(solved(sold_at([0.1, 0.1], availability=[0.49, 0.5]))) == [0, 500]


def test_forced_run_without_use_for_its_power_is_spilt():
    case = site(
        demand={"power_kw": 100}, chp=[engine(min_up_h=1, initial={"on": True, "hours_in_state": 0, "power_kw": 500})]
    )

    answer = solved(case)

    assert answer["unserved"]["spill_kwh"] == pytest.approx(400)
    assert answer["cost"]["penalties"] == pytest.approx(400)
    assert answer["reasons"] == ["spill: 400 kWh of surplus power in step 0: export is at its limit of 0 kW"]


def test_limit_on_dumped_heat_holds_the_engine_off():
    case = sold_at([0.2]) | {"heat": {"dump_max_kw": 499}}
    assert powers(solved(case)) == [0]
    assert powers(solved(case | {"heat": {"dump_max_kw": 600}})) == [600]


def test_heat_of_the_engine_replaces_the_boiler():
    case = site(
        demand={"heat_kw": 1000, "power_kw": 1000},
        prices=prices(0.03),
        chp=[engine(om_usd_per_kwh=0.004, om_usd_per_run_hour=0.5)],
        boiler=[boiler(om_usd_per_kwh=0.001)],
    )

    answer = solved(case)

    # Bought: 1000 * 0.03 + 1000 * (0.025 + 0.001) = 56; made: 1000 * (0.05 + 0.004) + 0.5 = 54.5.
    assert answer["objective_usd"] == pytest.approx(54.5)
    assert answer["cost"]["om"] == pytest.approx(4.5)


def test_carbon_is_paid_for_the_obligated_share_of_gas_and_grid():
    case = site(
        demand={"power_kw": 1000, "heat_kw": 800},
        prices=prices(0.03, carbon_usd_per_t=50),
        carbon={"obligated_fraction": 0.5, "grid_kg_per_kwh": 0.4, "grid_obligated_fraction": 0.25},
        boiler=[boiler()],
    )

    # Gas: 1000 kWh / 293.07107 * 53.06 kg * 0.5; grid: 1000 kWh * 0.4 kg * 0.25; both at 5 cents a kg.
    expected = 0.05 * (1000 / 293.07107 * 53.06 * 0.5 + 100)
    assert solved(case)["cost"]["carbon"] == pytest.approx(expected)
