"""The checker finds what is wrong with a schedule that was tampered with, and so does not only nod."""

from dataclasses import replace

import numpy as np
import pytest

from dispatch_cases.plants import boiler, engine, prices, site
from vibelux.dispatch.case_reader import read_case
from vibelux.dispatch.checker import audit
from vibelux.dispatch.schedule import Schedule
from vibelux.dispatch.solve import solve

CASE = read_case(
    site(
        4,
        demand={"power_kw": 400, "heat_kw": 900},
        prices=prices([0.2, 0.0, 0.2, 0.0], 0.0),
        grid={"import_max_kw": 1000, "export_max_kw": 1000},
        chp=[engine(min_up_h=2, min_down_h=2, ramp_up_kw_per_h=700, max_starts=1)],
        boiler=[boiler()],
        heat_storage={"capacity_kwh": 500, "charge_max_kw": 100, "discharge_max_kw": 100, "initial_kwh": 100},
        battery={"capacity_kwh": 50, "charge_max_kw": 20, "discharge_max_kw": 20, "initial_kwh": 25},
        lights=[{"id": "l", "max_kw": 10, "dimmable": False}],
        co2={"demand_kg": 5, "liquid_max_kg_per_h": 5},
    )
)


def scheduled() -> Schedule:
    schedule = solve(CASE).schedule
    assert schedule is not None
    return schedule


def test_sound_schedule_passes():
    assert audit(CASE, scheduled()).violations == []


def running(pattern: list[int], kw: list[float]) -> Schedule:
    """The schedule with another run of the engine; power and heat are kept in balance by spill and dump."""
    schedule = scheduled()
    before = schedule.chp["e"]
    on, power = np.array(pattern, dtype=bool), np.array(kw)
    run = replace(before, on=on, power_kw=power, fuel_kw=2.5 * power, heat_kw=power)
    return replace(
        schedule,
        chp={"e": run},
        spill_kw=schedule.spill_kw + power - before.power_kw + 1000,
        import_kw=schedule.import_kw + 1000,
        heat_dump_kw=schedule.heat_dump_kw + power - before.power_kw,
    )


@pytest.mark.parametrize(
    ("pattern", "kw", "rule"),
    [
        ([1, 0, 0, 0], [500, 0, 0, 0], "minimum up time"),
        ([1, 1, 0, 1], [500, 500, 0, 500], "minimum down time"),
        ([1, 1, 0, 1], [500, 500, 0, 500], "2 starts"),
        ([1, 1, 1, 1], [1000, 1000, 1000, 1000], "rises too fast into step 0"),
        ([1, 1, 1, 1], [400, 500, 500, 500], "below minimum load"),
        ([1, 1, 1, 1], [500, 1100, 500, 500], "above available power"),
        ([0, 0, 0, 0], [0, 500, 0, 0], "power while off"),
    ],
)
def test_broken_engine_rule_is_found(pattern, kw, rule):
    assert any(rule in violation for violation in audit(CASE, running(pattern, kw)).violations)


def flows(name: str, more: float) -> Schedule:
    schedule = scheduled()
    return replace(schedule, **{name: getattr(schedule, name) + more})


@pytest.mark.parametrize(
    ("schedule", "rule"),
    [
        (lambda: flows("import_kw", 1.0), "power balance"),
        (lambda: flows("heat_dump_kw", 1.0), "heat balance"),
        (lambda: flows("import_kw", -2000.0), "import_kw negative"),
        (lambda: flows("export_kw", 2000.0), "export_kw: over"),
        (lambda: flows("unserved_heat_kw", 2000.0), "unserved_heat_kw: over"),
        (lambda: replace(scheduled(), lights={"l": np.full(4, 5.0)}), "lights l dimmed"),
        (lambda: replace(scheduled(), co2=None), "co2: demanded"),
    ],
)
def test_broken_balance_or_limit_is_found(schedule, rule):
    assert any(rule in violation for violation in audit(CASE, schedule()).violations)


@pytest.mark.parametrize("name", ["battery", "heat_storage"])
def test_level_that_does_not_follow_from_the_flows_is_found(name):
    schedule = scheduled()
    run = getattr(schedule, name)
    schedule = replace(schedule, **{name: replace(run, level_kwh=run.level_kwh + 0.01)})

    assert any("level does not follow" in violation for violation in audit(CASE, schedule).violations)


def test_battery_that_flows_both_ways_is_found():
    schedule = scheduled()
    assert schedule.battery is not None
    both = replace(
        schedule.battery, charge_kw=schedule.battery.charge_kw + 1, discharge_kw=schedule.battery.discharge_kw + 1
    )

    assert any(
        "charges and discharges" in violation for violation in audit(CASE, replace(schedule, battery=both)).violations
    )
