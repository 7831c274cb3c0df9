"""The decision as the first step of a plan: its figures are confirmed by solving again."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from dispatch.ahead import demands, outlook, planned, view
from dispatch.plants import NOW, at_price, engine, facility
from vibelux.dispatch.decision import Decision
from vibelux.dispatch.facility import Facility
from vibelux.dispatch.foresight import Foresight, Slopes, exactly
from vibelux.dispatch.foresight import at_price as moved
from vibelux.dispatch.horizon import build_case
from vibelux.dispatch.plan_reasons import account
from vibelux.dispatch.state import Group, PlantState, UnitState

STORE = {"capacity_kwh": 6000, "charge_max_kw": 2000, "discharge_max_kw": 2000, "initial_kwh": 1000}
STARTS = {"start_cost_usd": 40.0, "min_up_h": 2.0, "min_down_h": 1.0}


def seen(decision: Decision) -> Foresight:
    assert decision.planned is not None
    return decision.planned.seen


def standing(*, on: bool, **more: object) -> PlantState:
    return PlantState({"engine-1": UnitState(on, NOW - timedelta(hours=8), 1000.0 if on else 0.0)}, **more)


@pytest.mark.parametrize("price", [0.0, 0.03, 0.12])
@pytest.mark.parametrize(
    "site", [facility(chp=[engine(**STARTS)], heat_storage=STORE), facility(chp=[engine(), engine(id="engine-2")])]
)
def test_what_the_other_action_costs_is_what_solving_it_gives(site: Facility, price: float) -> None:
    found = planned(site, price, view(site, {17: 0.2, 18: 0.2}, 0.02))
    plan = seen(found)
    assert plan.other is not None
    held = dict.fromkeys(plan.plan.found.chp, not plan.runs)
    forced = (
        exactly(plan.case, held)
        if plan.runs
        else min((exactly(plan.case, {name: True}) for name in held), key=lambda one: one.objective_usd)
    )
    dearer = forced.objective_usd - plan.plan.objective_usd
    assert plan.other.objective_usd - plan.plan.objective_usd == pytest.approx(dearer, abs=1e-3)
    assert dearer >= -1e-3
    assert any(f"{dearer:.2f} USD more" in reason or "the same" in reason for reason in found.reasons)


@pytest.mark.parametrize("price", [0.0, 0.02, 0.12])
@pytest.mark.parametrize("on", [True, False])
def test_beyond_the_break_even_the_best_plan_does_the_other_thing(price: float, on: bool) -> None:
    site = facility(chp=[engine(**STARTS)], heat_storage=STORE)
    found = planned(site, price, view(site, {20: 0.15}, 0.015), standing(on=on))
    plan, even = seen(found), found.break_even
    assert even is not None
    for side, runs in ((-2e-4, False), (2e-4, True)):
        again = exactly(moved(plan.case, even + side - price, Slopes(1.0, site.prices.export_factor)))
        assert bool(again.found.chp["engine-1"].on[0]) is runs


def test_a_plan_runs_before_a_start_would_pay_alone_where_the_evening_pays_it() -> None:
    site = facility(chp=[engine(start_cost_usd=60.0, min_up_h=4.0)])
    dear_evening = planned(site, 0.02, view(site, dict.fromkeys(range(13, 18), 0.3), 0.0))
    cheap_evening = planned(site, 0.02, view(site, {}, 0.0))
    assert dear_evening.action == "run"
    assert cheap_evening.action == "stop"
    assert cheap_evening.rule == dear_evening.rule == "plan"


def test_noise_does_not_switch_an_engine_and_the_decision_says_that_the_plan_is_kept() -> None:
    site = facility(chp=[engine(**STARTS)])
    even = 0.0085  # at which an hour of running costs what it saves
    below = even - 0.004
    kept = planned(site, below, view(site, {}, even, in_force={"engine-1": True}), standing(on=True))
    free = seen(kept)
    assert kept.action == "run"
    assert free.kept_for_usd is not None
    assert 0 <= free.kept_for_usd < 4.0  # a tenth of the start
    assert any(f"changing it now would gain only {free.kept_for_usd:.2f} USD" in reason for reason in kept.reasons)
    eager = site.model_copy(update={"stability": site.stability.model_copy(update={"least_gain_usd": 0.0})})
    assert (
        planned(eager, below, view(eager, {}, even - 0.02, in_force={"engine-1": True}), standing(on=True)).action
        == "stop"
    )


def test_the_account_adds_up_and_its_heat_credit_is_the_plans_own_marginal_heat() -> None:
    site = facility(chp=[engine()])
    found = planned(site, 0.1, view(site, {}, 0.1))
    told = account(seen(found).case, seen(found).plan, seen(found))
    assert told is not None
    # 400 kW save imports at 0.15, 600 kW earn 0.095; 2500 kW of gas at 0.03; heat beyond the demand is worth nothing.
    assert told.worth == pytest.approx((400 * 0.15 + 600 * 0.095) / 1000)
    assert told.gas == pytest.approx(0.075)
    assert told.heat_credit == pytest.approx(0.0)
    assert found.reasons[0].startswith("Run engine-1 at 1000 kW: power is worth 117.00 USD/MWh, making it costs")


def test_lamps_are_owed_the_rest_of_today_and_the_part_of_the_last_day_that_is_in_sight() -> None:
    site = facility(lights=[{"id": "l", "max_kw": 100, "photoperiod": {"start": "06:00", "end": "22:00"}}])
    ahead = outlook(site, {}, 0.03)
    state = PlantState(lights={"l": Group(100.0, 400.0)}, at=NOW)
    case = build_case(site, at_price(site, 0.03), ahead, demands(site, l=1000.0), state, NOW)
    assert case is not None
    today, tomorrow, last = case.lights[0].targets
    assert today.energy_kwh == 600.0
    assert tomorrow.energy_kwh == 1000.0
    # NOW is 13:02 in California; the horizon ends with an hour at 14:00, eight of the sixteen hours later.
    hours = (
        (NOW + timedelta(hours=48)).replace(minute=0) + timedelta(hours=1) - datetime(2026, 7, 16, 13, 0, tzinfo=UTC)
    )
    assert last.energy_kwh == pytest.approx(1000.0 * (hours / timedelta(hours=1)) / 16)
    assert not case.lights[0].allowed[np.flatnonzero(case.starts_h > 9.5)[0]]  # 22:30


def test_an_engine_without_a_start_left_stays_off_today() -> None:
    site = facility(chp=[engine(max_starts=2)])
    used_up = PlantState({"engine-1": UnitState(False, NOW - timedelta(hours=5), 0.0, 2)}, at=NOW)
    ahead = view(site, {}, 0.3)
    assert (
        planned(site, 0.3, ahead, replace(used_up, units={"engine-1": UnitState(False, None, 0.0, 1)})).action == "run"
    )
    found = planned(site, 0.3, ahead, used_up)
    assert found.action == "stop"
    assert found.reasons[0] == "Stop: no engine can run now."
    runs = seen(found).plan.found.chp["engine-1"].on
    assert runs[np.flatnonzero(seen(found).case.starts_h > 11)[0]]  # tomorrow


def test_a_peak_that_is_paid_for_costs_nothing_more_and_the_next_month_has_its_own() -> None:
    now = datetime(2026, 7, 31, 20, 2, tzinfo=UTC)
    site = facility(tariff={"demand_charges": [{"id": "all", "usd_per_kw": 9.0}]})
    state = PlantState(peaks_kw={"all": 700.0}, at=now)
    ahead = outlook(site, {}, 0.03, now)
    case = build_case(site, at_price(site, 0.03, now=now), ahead, demands(site, now), state, now)
    assert case is not None
    july, august = case.demand_charges
    assert (july.id, july.peak_so_far_kw) == ("all", 700.0)
    assert (august.id, august.peak_so_far_kw) == ("all 2026-08", 0.0)
    local_midnight = datetime(2026, 8, 1, 7, 0, tzinfo=UTC)
    assert len(july.steps) == int((ahead.steps.starts < local_midnight.timestamp() / 60).sum())
    assert len(july.steps) + len(august.steps) == case.steps


def test_the_rows_of_the_schedule_follow_each_other_and_balance() -> None:
    site = facility(
        chp=[engine(**STARTS)], heat_storage=STORE, lights=[{"id": "l", "max_kw": 100, "heat_fraction": 0.5}]
    )
    found = planned(site, 0.05, view(site, {18: 0.2}, 0.02, l=900.0))
    assert found.planned is not None
    rows = found.planned.rows()
    assert all(one["end"] == two["start"] for one, two in itertools.pairwise(rows))
    for row in rows:
        made = sum(unit["powerKw"] for unit in row["units"])
        used = row["powerDemandKw"] + row["lightingKw"] + row["gridExportKw"]
        assert made + row["gridImportKw"] + row["unservedPowerKw"] == pytest.approx(used, abs=0.01)
    body = found.as_json()
    assert body["storageKwh"] == 1000.0
    assert rows[0]["storageKwh"] == pytest.approx(1000.0 + body["storageChangeKw"] / 12, abs=0.01)
    assert body["solve"]["gap"] <= 1e-6
    assert body["plan"]["until"] == rows[-1]["end"]


def test_where_prices_do_not_reach_two_hours_one_step_is_decided_and_says_what_it_leaves_alone() -> None:
    site = facility(heat_storage=STORE)
    ahead = outlook(site, {}, 0.05)
    short = replace(
        ahead,
        price=np.where(np.arange(ahead.price.shape[1]) < 10, ahead.price, np.nan),
        quantiles=ahead.quantiles * np.nan,
    )
    found = planned(site, 0.05, replace(view(site, {}, 0.05), outlook=short))
    assert found.rule == "least-cost"
    assert any("Left alone" in reason and "heat storage" in reason for reason in found.reasons)


def test_the_last_plan_tells_what_is_in_force_later_and_nothing_past_its_end() -> None:
    site = facility(chp=[engine()])
    found = planned(site, 0.2, view(site, {14: -0.1}, 0.2))
    assert found.planned is not None
    assert found.planned.engines_at(NOW + timedelta(minutes=3)) == {"engine-1": True}
    assert found.planned.engines_at(datetime(2026, 7, 14, 21, 30, tzinfo=UTC)) == {"engine-1": False}
    assert found.planned.engines_at(NOW + timedelta(hours=60)) is None
