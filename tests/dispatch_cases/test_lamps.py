"""Lamps that cannot be dimmed: their light where it costs least, no more of it than is owed, a peak raised once."""

import numpy as np

from dispatch_cases.fleet_plants import plant
from dispatch_cases.plants import boiler, prices, site
from vibelux.dispatch.case_reader import read_case
from vibelux.dispatch.lamps import best_light, lit
from vibelux.dispatch.moves import Surroundings
from vibelux.dispatch.planner import replan
from vibelux.dispatch.solve import solve


def lamps(energy_kwh: float, price: list[float], **blocks):
    group = {"id": "l", "max_kw": 100, "dimmable": False}
    group["targets"] = [{"from_step": 0, "to_step": len(price), "energy_kwh": energy_kwh}]
    blocks = {"boiler": [boiler()], "prices": prices(0.1) | {"import_usd_per_kwh": price}} | blocks
    return read_case(site(len(price), lights=[group], **blocks))


def around(case, **changes) -> Surroundings:
    """A site with nothing but the grid, which costs what it costs."""
    none = np.zeros(case.steps)
    fields = {
        "power_kw": case.power_kw, "heat_kw": case.heat_kw, "other_kw": none, "other_usd_per_kwh": none,
        "other_heat": none, "other_co2": none, "import_usd_per_kwh": case.prices.import_usd_per_kwh,
        "cap_kw": none + np.inf, "above_cap_usd_per_kwh": none, "fuel_usd_per_kwh": none, "co2_kg": none,
        "co2_per_kwh": 0.0, "boilers": (),
    }  # fmt: skip
    return Surroundings(**(fields | changes))


def test_light_is_given_in_the_cheapest_steps_and_where_it_is_paid_for():
    case = lamps(200, [0.3, 0.1, 0.2, -0.1, -0.2])
    on = best_light(case, case.lights[0], around(case), np.zeros(5))
    assert on.tolist() == [False, False, False, True, True]


def test_a_step_that_gives_more_than_is_lacking_puts_out_what_is_then_too_much():
    case = lamps(100, [0.1, 0.2], time={"step_hours": [0.25, 1.0]})
    assert lit(case, case.lights[0], -case.prices.import_usd_per_kwh).tolist() == [False, True]


def test_a_peak_is_raised_where_that_costs_less_than_dear_power():
    power = {"power_kw": [300, 300, 100, 100]}
    for usd_per_kw, expected in ((0.1, [True, True, False, False]), (10.0, [False, False, True, True])):
        charge = {"id": "peak", "usd_per_kw": usd_per_kw, "steps": "all", "peak_so_far_kw": 300}
        case = lamps(200, [0.05, 0.05, 0.3, 0.3], demand=power, tariff={"demand_charges": [charge]})
        met = around(case, cap_kw=np.full(4, 300.0), above_cap_usd_per_kwh=np.full(4, usd_per_kw))
        assert best_light(case, case.lights[0], met, np.zeros(4)).tolist() == expected


def test_a_plant_with_such_lamps_is_planned_near_its_optimum():
    case = read_case(plant(24))
    optimum = solve(case, gap=1e-4).objective_usd
    assert replan(case, seconds=0.0).solution.objective_usd <= optimum + 0.02 * abs(optimum)
