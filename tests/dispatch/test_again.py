"""A new price within the step: one of two known plans, no plan made, and silence where only a plan can tell."""

from dataclasses import replace
from datetime import timedelta

import pytest

from dispatch.ahead import view
from dispatch.plants import NOW, at_price, engine, facility
from vibelux.dispatch.again import RULE, again
from vibelux.dispatch.checker import audit
from vibelux.dispatch.decision import Decision, decide
from vibelux.dispatch.facility import Facility
from vibelux.dispatch.state import PlantState, UnitState

LATER = NOW + timedelta(minutes=2)
STORE = {"capacity_kwh": 6000, "charge_max_kw": 2000, "discharge_max_kw": 2000, "initial_kwh": 3000}
SITE = facility(chp=[engine(start_cost_usd=5.0)], heat_storage=STORE, stability={"least_gain_usd": 0.0})
OFF = PlantState({"engine-1": UnitState(on=False, since=NOW - timedelta(hours=5))}, storage_kwh=3000.0, at=NOW)


def whole(site: Facility, price: float, state: PlantState = OFF, now=NOW) -> Decision:
    """Decided anew, with all plans made."""
    return decide(site, at_price(site, price, now=now), state, now, view(site, {18: 0.3, 19: 0.3}, 0.02, now=now))


def after(last: Decision) -> PlantState:
    return PlantState.from_decision(last.as_json())


@pytest.mark.parametrize("before", [0.0, 0.5])
@pytest.mark.parametrize("price", [-0.05, 0.0, 0.06, 0.1, 0.3, 0.9])
def test_the_action_is_that_of_a_whole_decision_at_the_new_price(before, price):
    last = whole(SITE, before)
    swift = again(last, at_price(SITE, price, now=NOW), OFF, NOW)
    anew = whole(SITE, price)
    assert swift.rule == RULE
    assert swift.action == anew.action
    assert swift.break_even == pytest.approx(anew.break_even, abs=1e-5)
    # Its set-points are those of the old price: five minutes at 500 kW too little or too much, at 0.95 USD/kWh at most.
    dearer = swift.planned.seen.plan.objective_usd - anew.planned.seen.plan.objective_usd
    assert -1e-6 <= dearer < 500 / 12 * 0.95


def test_both_actions_occur():
    last = whole(SITE, 0.0)
    assert last.action == "stop"
    assert again(last, at_price(SITE, 0.9, now=NOW), OFF, NOW).action == "run"
    assert 0.0 < last.break_even < 0.9


def test_money_is_reckoned_anew_from_the_flows_at_the_new_price():
    swift = again(whole(SITE, 0.0), at_price(SITE, 0.9, now=NOW), OFF, NOW)
    for solution in (swift.planned.seen.plan, swift.planned.seen.other, swift.planned.seen.without):
        assert solution.case.prices.import_usd_per_kwh[0] == pytest.approx(0.95)
        found = audit(solution.case, solution.found)
        assert not found.violations
        assert solution.objective_usd == pytest.approx(found.objective_usd, abs=1e-9)
    unit = swift.units[0]
    assert (unit.on, swift.since["engine-1"], swift.starts["engine-1"]) == (True, NOW, 1)
    assert swift.net_benefit_usd_per_h > 100
    assert "is above the break-even" in swift.reasons[0]
    assert swift.as_json()["solve"]["gap"] is None


def test_a_store_goes_on_from_where_it_is():
    last = whole(SITE, 0.0)
    change_kw = last.as_json()["storageChangeKw"]
    assert change_kw < 0  # the engine rests, the store gives
    swift = again(last, at_price(SITE, 0.0, now=LATER), after(last), LATER)
    assert swift.as_json()["storageKwh"] == pytest.approx(3000 + change_kw * 2 / 60, abs=2e-3)
    assert swift.as_json()["storageKwh"] == pytest.approx(whole(SITE, 0.0, after(last), LATER).as_json()["storageKwh"])


def test_a_change_that_gains_too_little_is_not_made_and_said_so():
    site = facility(chp=[engine(start_cost_usd=5.0)], heat_storage=STORE, stability={"least_gain_usd": 500.0})
    last = whole(site, 0.0)
    swift = again(last, at_price(site, 0.9, now=NOW), OFF, NOW)
    assert (last.action, swift.action) == ("stop", "stop")
    assert any("is kept" in reason for reason in swift.reasons)


def test_no_answer_where_only_a_new_plan_can_tell():
    last = whole(SITE, 0.0)
    dear_gas = at_price(SITE, 0.9, now=NOW)
    dear_gas = replace(dear_gas, prices=replace(dear_gas.prices, gas_usd_per_mmbtu=20.0))
    assert again(last, dear_gas, OFF, NOW) is None
    next_step = NOW + timedelta(minutes=5)
    assert again(last, at_price(SITE, 0.9, now=next_step), OFF, next_step) is None
    assert again(replace(last, planned=None), at_price(SITE, 0.9, now=NOW), OFF, NOW) is None


def test_an_engine_that_was_just_started_is_not_stopped_before_its_time():
    site = facility(chp=[engine(min_up_h=2.0)], heat_storage=STORE, stability={"least_gain_usd": 0.0})
    last = whole(site, 0.5)
    assert last.action == "run"
    cheap = at_price(site, -0.5, now=LATER)
    assert again(last, cheap, OFF, LATER).action == "stop"  # not started yet, so it may stay off
    assert again(last, cheap, after(last), LATER) is None


def test_what_was_imported_until_now_stays_in_the_month_s_peak():
    charge = {"id": "peak", "usd_per_kw": 5.0}
    site = facility(chp=[engine()], heat_storage=STORE, tariff={"demand_charges": [charge]})
    last = whole(site, 0.0)
    taken = replace(after(last), import_kw=900.0)  # as the meter says
    swift = again(last, at_price(site, 0.0, now=LATER), taken, LATER)
    assert swift.as_json()["peaksKw"] == whole(site, 0.0, taken, LATER).as_json()["peaksKw"] == {"peak": 900.0}
