"""Random plants: no rule is ever broken, no plan is dearer than heat-led running, and a second model agrees.

The second model is written from the contract's text alone.
"""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatch_cases.random_plants import random_case
from dispatch_cases.second_model import SecondModel
from vibelux.dispatch.case_reader import read_case
from vibelux.dispatch.checker import audit
from vibelux.dispatch.heat_led_case import heat_led
from vibelux.dispatch.solve import solve

SOAK = bool(os.environ.get("VIBELUX_SOAK"))

seeds = st.integers(0, 2**32 - 1)
quietly = {"deadline": None, "derandomize": not SOAK, "suppress_health_check": list(HealthCheck)}


@pytest.mark.timeout(20_000 if SOAK else 600)
@settings(max_examples=20_000 if SOAK else 500, **quietly)
@given(seeds)
def test_random_plant_gets_a_proven_schedule_that_breaks_no_rule_and_is_no_dearer_than_heat_led(seed):
    case = read_case(random_case(seed, max_steps=12))

    solution, led = solve(case), heat_led(case)

    assert solution.status == "optimal"
    assert solution.schedule is not None
    assert audit(case, solution.schedule).violations == []
    assert audit(case, led.found).violations == []
    slack = 1e-6 * max(1.0, abs(led.objective_usd))
    assert solution.bound_usd - slack <= solution.objective_usd <= led.objective_usd + slack


@settings(max_examples=5_000 if SOAK else 50, **quietly)
@given(seeds)
def test_second_model_finds_the_same_cost(seed):
    document = random_case(seed, max_steps=8)

    solution = solve(read_case(document))

    assert solution.objective_usd == pytest.approx(SecondModel(document).least_cost(), rel=2e-6, abs=2e-6)


@settings(max_examples=2_000 if SOAK else 30, **quietly)
@given(seeds)
def test_time_limit_that_is_too_short_still_gives_a_schedule_within_all_rules(seed):
    case = read_case(random_case(seed, max_steps=24))

    solution = solve(case, time_limit=1e-6)

    assert solution.schedule is not None
    assert audit(case, solution.schedule).violations == []
    assert solution.bound_usd <= solution.objective_usd + 1e-6 * max(1.0, abs(solution.objective_usd))
