"""Plans kept from decision to decision: as good as exact ones, and their counterfactuals too."""

from datetime import timedelta

import numpy as np
import pytest

from dispatch.ahead import demands, outlook
from dispatch.plants import NOW, at_price, engine, facility
from vibelux.dispatch.foresight import Slopes, exactly, foresee
from vibelux.dispatch.horizon import build_case
from vibelux.dispatch.keeper import PlanKeeper
from vibelux.dispatch.planner import replan
from vibelux.dispatch.state import PlantState

STORE = {"capacity_kwh": 6000, "charge_max_kw": 2000, "discharge_max_kw": 2000, "initial_kwh": 1000}
SITE = facility(chp=[engine(start_cost_usd=40.0, min_up_h=2.0)], heat_storage=STORE)


def case_at(price: float, later: timedelta = timedelta(0)):
    now = NOW + later
    found = build_case(
        SITE,
        at_price(SITE, price, now=now),
        outlook(SITE, {18: 0.2, 19: 0.2}, 0.02, now),
        demands(SITE, now),
        PlantState(at=now),
        now,
    )
    assert found is not None
    return found


@pytest.mark.parametrize("price", [-0.02, 0.02, 0.09])
def test_a_kept_plan_explains_itself_as_an_exact_one_does(price):
    case = case_at(price)
    exact = foresee(case, price, Slopes())
    kept = foresee(case, price, Slopes(), planned=PlanKeeper().at(NOW, proof_seconds=20.0))
    assert kept.plan.status == "optimal"
    assert kept.plan.objective_usd == pytest.approx(exact.plan.objective_usd, rel=1e-6)
    assert kept.runs == exact.runs
    assert kept.other.objective_usd == pytest.approx(exact.other.objective_usd, rel=1e-6)
    assert kept.break_even == pytest.approx(exact.break_even, abs=1e-5)


def test_the_next_plan_starts_from_the_last_and_its_gap_holds():
    keeper = PlanKeeper()
    keeper.at(NOW, proof_seconds=20.0)(case_at(0.02), None)
    later = case_at(0.05, timedelta(minutes=5))
    again = keeper.at(NOW + timedelta(minutes=5))(later, None)
    optimum = exactly(later)
    assert again.objective_usd <= optimum.objective_usd * (1 + np.sign(optimum.objective_usd) * 1e-3)
    assert again.bound_usd <= optimum.objective_usd + 1e-6


def test_of_the_last_plan_and_one_that_is_offered_the_next_starts_from_the_better():
    case = case_at(0.09)
    good = replan(case)
    runs = {name: not run.on[0] for name, run in good.solution.found.chp.items()}
    poor = replan(case, first=runs)
    assert poor.solution.objective_usd > good.solution.objective_usd + 0.01
    keeper = PlanKeeper()
    keeper._kept = poor
    assert keeper.at(NOW)(case, None).objective_usd == poor.solution.objective_usd
    keeper.offer(good, NOW)
    assert keeper.at(NOW)(case, None).objective_usd == good.solution.objective_usd
    keeper.offer(poor, NOW)
    assert keeper.at(NOW)(case, None).objective_usd == good.solution.objective_usd


def test_a_counterfactual_that_is_cheaper_becomes_the_plan_and_the_next_one_starts_from_it():
    case = case_at(0.09)
    good = replan(case)
    does = {name: bool(run.on[0]) for name, run in good.solution.found.chp.items()}
    poor = replan(case, first={name: not on for name, on in does.items()})
    keeper = PlanKeeper()
    keeper._kept = good.instead(poor)
    seen = foresee(case, 0.09, Slopes(), planned=keeper.at(NOW, haste=True))
    assert seen.plan.objective_usd == pytest.approx(good.solution.objective_usd, rel=1e-9)
    assert seen.other.objective_usd == pytest.approx(poor.solution.objective_usd, rel=1e-9)
    # The bound is that of a plan that may do either, not of one that was held to its action.
    assert seen.plan.bound_usd <= exactly(case).objective_usd + 1e-6
    assert keeper._kept.solution.objective_usd == seen.plan.objective_usd
    assert keeper.at(NOW)(case, None).objective_usd == pytest.approx(seen.plan.objective_usd, rel=1e-9)
