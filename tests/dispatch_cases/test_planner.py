"""The quick plan: within every rule, near the optimum, and no worse for having a plan to start from."""

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatch_cases.fleet_plants import plant
from dispatch_cases.random_plants import random_case
from vibelux.dispatch import planner
from vibelux.dispatch.case_reader import read_case
from vibelux.dispatch.checker import audit
from vibelux.dispatch.costing import Audit
from vibelux.dispatch.heat_led_case import heat_led
from vibelux.dispatch.planner import Plan, replan
from vibelux.dispatch.runs import attempts
from vibelux.dispatch.solve import Solution, solve

SOAK = bool(os.environ.get("VIBELUX_SOAK"))
VARIED = settings(
    max_examples=5_000 if SOAK else 40,
    deadline=None,
    derandomize=not SOAK,
    suppress_health_check=list(HealthCheck),
)


@VARIED
@given(st.integers(0, 2**32 - 1))
def test_quick_plan_of_a_random_plant_breaks_no_rule_and_its_bound_holds(seed):
    case = read_case(random_case(seed, max_steps=16))

    solution = replan(case).solution
    exact = solve(case)

    assert solution.schedule is not None
    assert audit(case, solution.schedule).violations == []
    slack = 1e-6 * max(1.0, abs(exact.objective_usd))
    assert solution.bound_usd <= exact.objective_usd + slack
    assert solution.objective_usd >= exact.bound_usd - slack


@VARIED
@given(st.integers(0, 2**32 - 1))
def test_quick_plan_of_a_random_plant_is_no_dearer_than_one_led_by_heat(seed):
    case = read_case(random_case(seed, max_steps=16))

    quick, led = replan(case, seconds=0.0).solution, heat_led(case)

    assert led.schedule is None or quick.objective_usd <= led.objective_usd + 1e-3 * max(1.0, abs(led.objective_usd))


@pytest.mark.parametrize(("seed", "saved"), [(54, 0.1), (40, 0.05), (56, 0.015)])
def test_what_pays_only_together_is_found_block_by_block(monkeypatch, seed, saved):
    """A battery beside an engine that may not sell its power, and engines that take turns."""
    case = read_case(plant(seed))
    found = replan(case, seconds=0.0).solution
    monkeypatch.setattr(planner, "FAR", np.inf)
    without = replan(case, seconds=0.0).solution

    assert found.objective_usd < without.objective_usd * (1 - saved)


def test_most_plants_of_a_fleet_are_planned_to_a_thousandth():
    gaps = []
    for seed in (0, 2, 3, 6, 8, 9, 13, 14, 16, 18, 23):
        case = read_case(plant(seed))
        optimum = solve(case).objective_usd
        gaps.append((replan(case).solution.objective_usd - optimum) / abs(optimum))

    assert np.median(gaps) <= 1e-6
    assert np.mean(np.array(gaps) <= 1e-3) >= 0.9


def test_plan_at_a_new_price_starts_from_the_last_and_is_as_good():
    document = plant(2)
    before = replan(read_case(document))
    document["prices"]["import_usd_per_kwh"][0] += 0.3
    case = read_case(document)

    from_last, anew = replan(case, before).solution, replan(case).solution

    assert from_last.objective_usd == pytest.approx(anew.objective_usd, rel=1e-3)
    # A plan made anew is also searched for, and that finds a better bound than the relaxation.
    assert from_last.bound_usd <= anew.bound_usd + 1e-6


@pytest.mark.parametrize(("seed", "times", "searched"), [(2, 1.5, False), (13, 3.0, True)])
def test_in_haste_a_plan_is_searched_for_only_where_the_last_has_become_much_worse(monkeypatch, seed, times, searched):
    """With gas at so many times its price both plans are searched for where there is time."""
    document, asked = plant(seed), []
    before = replan(read_case(document), seconds=0.0)
    document["prices"]["gas_usd_per_mmbtu"] = (times * before.solution.case.prices.gas_usd_per_mmbtu).tolist()
    case = read_case(document)
    monkeypatch.setattr(planner, "attempts", lambda case: asked.append(case) or attempts(case))
    hasty, searched_in_haste = replan(case, before, seconds=0.0, haste=True).solution, bool(asked)
    asked.clear()
    thorough = replan(case, before, seconds=0.0).solution

    assert (searched_in_haste, bool(asked)) == (searched, True)
    assert audit(case, hasty.found).violations == []
    assert hasty.objective_usd <= thorough.objective_usd * (1 + 2e-2)


def test_plan_of_another_plant_is_no_hindrance():
    case = read_case(plant(2))
    other = replan(read_case(plant(4)))

    assert replan(case, other).solution.objective_usd == pytest.approx(replan(case).solution.objective_usd)


def test_gap_of_turnover_is_relative_to_all_that_is_paid_and_earned():
    costs = Audit(cost={"gas": 100.0, "energy_export": -99.0})
    solution = Solution(read_case(plant(2)), audit=costs, bound_usd=0.5)

    assert solution.gap == pytest.approx(0.5)
    assert solution.gap_of_turnover == pytest.approx(0.5 / 199)


def test_case_that_has_no_schedule_says_so():
    document = plant(2)
    document["heat_storage"]["initial_kwh"] = document["heat_storage"]["capacity_kwh"]
    document["heat_storage"] |= {"charge_max_kw": 0, "discharge_max_kw": 0, "loss_per_h": 0.5, "min_kwh": 1000}

    plan = replan(read_case(document))

    assert isinstance(plan, Plan)
    assert plan.solution.status == "error"
    assert plan.solution.reason
