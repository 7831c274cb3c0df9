"""Heat-led running: the engine makes the heat that is wanted, keeps its rules, and tells where it cannot."""

import pytest

from dispatch_cases.plants import boiler, engine, prices, site
from vibelux.dispatch.case_reader import read_case
from vibelux.dispatch.explain import explain
from vibelux.dispatch.heat_led_case import heat_led
from vibelux.dispatch.solve import solve


def powers(heat: list[float], *engines: dict, **blocks) -> list[list[float]]:
    """Of each engine; one makes as much heat as power, 500 to 1000 kW."""
    blocks.setdefault("chp", list(engines) or [engine()])
    blocks.setdefault("boiler", [boiler()])
    case = read_case(site(len(heat), demand={"heat_kw": heat, "power_kw": 100}, **blocks))
    schedule = heat_led(case).found
    return [[round(power, 6) + 0.0 for power in schedule.chp[one.id].power_kw] for one in case.chp]


def test_an_engine_makes_the_heat_that_is_wanted_whatever_power_is_worth():
    for price in (-0.5, 2.0):
        assert powers([700, 300, 1200, 0], prices=prices(price)) == [[700, 0, 1000, 0]]


def test_a_second_engine_makes_what_the_first_leaves():
    both = [engine(id="a"), engine(id="b")]
    assert powers([700, 1400, 1700], chp=both) == [[700, 1000, 1000], [0, 0, 700]]


def test_it_starts_only_where_heat_is_wanted_for_its_minimum_running_time():
    assert powers([700, 600, 300, 600, 600, 600], engine(min_up_h=3)) == [[0, 0, 0, 600, 600, 600]]


def test_an_outage_ends_the_minimum_running_time():
    one = engine(min_up_h=3, availability=[1, 1, 0, 1])
    assert powers([700, 600, 300, 300], one) == [[700, 600, 0, 0]]


def test_it_rests_for_its_minimum_down_time():
    assert powers([700, 0, 700, 700], engine(min_down_h=2)) == [[700, 0, 0, 700]]


def test_what_is_left_of_a_minimum_running_time_is_run_at_the_least_load():
    running = engine(min_up_h=3, initial={"on": True, "hours_in_state": 1, "power_kw": 800})
    assert powers([0, 0, 0], running) == [[500, 500, 0]]


def test_ramps_bend_what_heat_asks_for_and_delay_a_stop():
    slow = engine(ramp_up_kw_per_h=100, ramp_down_kw_per_h=150, initial={"on": True, "power_kw": 600})
    # Up by 100 an hour to 800; then no heat is wanted: down by 150 to 650, to the least 500, and only then off.
    assert powers([1000, 1000, 0, 0, 0], slow) == [[700, 800, 650, 500, 0]]


def test_starts_are_counted():
    assert powers([700, 0, 700, 0], engine(max_starts=1)) == [[700, 0, 0, 0]]


def test_a_limit_that_the_rule_cannot_keep_is_told():
    must = engine(min_up_h=3, initial={"on": True, "hours_in_state": 0})
    case = read_case(site(2, chp=[must], heat={"dump_max_kw": 0}, demand={"power_kw": 500}))
    led = heat_led(case)
    assert led.schedule is None
    assert "more heat than may be thrown away" in led.reason


def test_a_battery_that_could_burn_power_keeps_to_one_direction():
    case = read_case(
        site(
            2,
            prices=prices([-1.0, 0.1]),
            chp=[engine()],
            battery={"capacity_kwh": 10, "charge_max_kw": 100, "discharge_max_kw": 100, "charge_efficiency": 0.5},
            penalties={"spill_usd_per_kwh": 10},
        )
    )
    battery = heat_led(case).found.battery
    assert battery is not None
    assert (battery.charge_kw * battery.discharge_kw).tolist() == [0, 0]
    assert battery.charge_kw[0] == pytest.approx(20)


def test_the_explanation_tells_what_the_plan_saves_against_heat_led_running():
    case = read_case(
        site(
            2,
            prices=prices([0.2, 0.01], 0.0),
            chp=[engine()],
            boiler=[boiler()],
            demand={"heat_kw": 600, "power_kw": 600},
        )
    )
    solution = solve(case)
    told = explain(solution, time_limit=5, gap=1e-6)["heat_led"]
    # Led by heat it runs twice: 2 * 600 * 0.05 = 60. At 1 cent grid and boiler cost 600 * 0.01 + 600 * 0.025 = 21.
    assert told["objective_usd"] == pytest.approx(60)
    assert told["plan_saves_usd"] == pytest.approx(60 - 30 - 21)
    assert told["status"] == "feasible"
