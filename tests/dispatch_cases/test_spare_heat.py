"""Heat that nobody takes goes into the store as far as it has room, and none is taken out to be thrown away."""

from dataclasses import replace

import numpy as np
import pytest

from dispatch_cases.plants import engine, prices, site, solved
from vibelux.dispatch.case_reader import read_case
from vibelux.dispatch.checker import audit
from vibelux.dispatch.schedule import StorageRun
from vibelux.dispatch.solve import solve
from vibelux.dispatch.spare_heat import with_spare_heat_kept

STORE = {"capacity_kwh": 2500, "charge_max_kw": 600, "discharge_max_kw": 2000, "initial_kwh": 1500}


def sold_power(steps: int, **storage: float) -> dict:
    """Power sells well, so the engine makes 1000 kW of heat in each step; 200 kW are needed."""
    return site(
        steps=steps,
        demand={"heat_kw": 200},
        prices=prices(0.3, 0.25),
        grid={"import_max_kw": 5000, "export_max_kw": 5000},
        chp=[engine()],
        heat_storage=STORE | storage,
    )


def test_spare_heat_fills_the_store_before_any_is_thrown_away():
    answer = solved(sold_power(3))["schedule"]
    assert answer["heat_storage"]["level_kwh"] == pytest.approx([2100, 2500, 2500])
    assert answer["heat_dump_kw"] == pytest.approx([200, 400, 800])
    assert answer["heat_storage"]["discharge_kw"] == pytest.approx([0, 0, 0])


def test_a_store_that_was_emptied_into_the_open_air_is_kept_as_full_as_later_steps_leave_room():
    case = read_case(sold_power(3, capacity_kwh=3000, loss_per_h=0.01, charge_efficiency=0.9, discharge_efficiency=0.8))
    plan = solve(case).found
    kept = 0.99
    level = [kept * 1500 - 800 / 0.8, 0.0, 0.0]
    level[1] = kept * level[0] + 0.9 * 600
    level[2] = kept * level[1] + 0.9 * 600
    wasteful = replace(
        plan,
        heat_storage=StorageRun(np.array([0.0, 600.0, 600.0]), np.array([800.0, 0.0, 0.0]), np.array(level)),
        heat_dump_kw=np.array([1600.0, 200.0, 200.0]),
    )
    assert audit(case, wasteful).violations == []
    thrifty = with_spare_heat_kept(case, wasteful)
    assert audit(case, thrifty).violations == []
    assert audit(case, thrifty).objective_usd == pytest.approx(audit(case, wasteful).objective_usd)
    assert thrifty.heat_storage.discharge_kw[0] < 1.0
    assert thrifty.heat_storage.level_kwh.max() == pytest.approx(3000)
    assert thrifty.heat_dump_kw.sum() < wasteful.heat_dump_kw.sum() - 800
