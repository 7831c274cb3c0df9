"""Events in the plan: what they pay, what they cap, and which engines are kept out of what is sold."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import pytest

from dispatch import ahead
from dispatch.plants import NOW, at_price, engine, facility
from vibelux.dispatch.dr_case import called, case_events, sentences, shift, with_events
from vibelux.dispatch.dr_offers import Ahead, event_offer, offers, quickly, spike_offers
from vibelux.dispatch.facility import Facility
from vibelux.dispatch.foresight import exactly
from vibelux.dispatch.horizon import build_case
from vibelux.dispatch.state import PlantState
from vibelux.market.dr_events import Event
from vibelux.market.intervals import iso_z
from vibelux.outlook.price import horizon

FROM, TO = NOW + timedelta(minutes=28), NOW + timedelta(minutes=88)
"""20:30 to 21:30: on the edges of steps."""


def event(
    value: float,
    kind: str = "price",
    *,
    start: datetime = FROM,
    end: datetime = TO,
    program: str = "CBP",
    event_id: str = "e-1",
    **more: Any,
) -> Event:
    interval = {"starts_at": iso_z(start), "ends_at": iso_z(end), "value": value}
    body = {"program": program, "event_id": event_id, "starts_at": iso_z(start), "ends_at": iso_z(end)}
    return msgspec.convert(body | {"signals": [{"type": kind, "intervals": [interval]}]} | more, Event)


LAMPS = [{"id": "row-1", "max_kw": 600.0}]


def site(**changes: Any) -> Facility:
    """A glasshouse with lamps and an engine that is dearer than the grid at the prices of these tests."""
    dr = {"prohibited_resources_attested": True, "level_prices_usd_per_kwh": [0, 0.1, 0.2, 1.0]}
    return facility(**({"lights": LAMPS, "dr": dr} | changes))


def case_of(one: Facility, price: float = 0.03, by_hour: dict[int, float] | None = None):
    view = ahead.view(one, by_hour or {}, price, **({"row_1": 3000.0} if one.lights else {}))
    view.demands.light_kwh.update({("row-1", day): kwh for (_, day), kwh in view.demands.light_kwh.items()})
    case = build_case(one, at_price(one, price), view.outlook, view.demands, PlantState(), NOW)
    assert case is not None
    return case, view.outlook


def test_a_price_signal_is_a_reward_on_exactly_its_steps_with_the_baseline_of_the_plan_without_it() -> None:
    one = site()
    case, outlook = case_of(one)
    found = with_events(case, one, [event(0.5)], outlook.steps, exactly)
    (paid,) = found.case.dr_events
    inside = [start for start in Ahead(one, case, outlook.steps, outlook.expected[0]).starts if FROM <= start < TO]
    assert len(paid.steps) == len(inside) == 12
    assert paid.reward_usd_per_kwh == 0.5
    assert found.without is not None
    assert list(paid.baseline_kw) == list(found.without.found.import_kw[paid.steps])


def test_a_reward_moves_the_lamps_out_of_the_event() -> None:
    one = site()
    case, outlook = case_of(one)
    told = event_offer(Ahead(one, case, outlook.steps, outlook.expected[0]), event(0.5), quickly)
    assert told is not None
    offer = told["offer"]
    assert offer["rewardUsd"] == pytest.approx(0.5 * offer["reductionKwh"], abs=0.01)
    assert offer["shedKwh"]["row-1"] == pytest.approx(offer["reductionKwh"], abs=0.1)
    assert offer["netUsd"] == pytest.approx(offer["rewardUsd"] - offer["costUsd"], abs=0.011)
    assert offer["netUsd"] >= 0, "taking part is never worse than not"
    assert told["most"]["reductionKwh"] >= offer["reductionKwh"] - 0.1


def test_a_gas_engine_in_california_makes_no_more_for_a_reward_and_elsewhere_it_does() -> None:
    here = site(lights=[])
    case, outlook = case_of(here, price=-0.01)
    barred = with_events(case, here, [event(5.0)], outlook.steps, exactly)
    plan = exactly(barred.case)
    assert plan.found.chp["engine-1"].power_kw[barred.case.dr_events[0].steps].max() == 0
    assert "engine-1" not in barred.called[0].counts
    there = site(lights=[], iso_region="ERCOT")
    case, outlook = case_of(there, price=-0.01)
    free = with_events(case, there, [event(5.0)], outlook.steps, exactly)
    made = exactly(free.case).found.chp["engine-1"].power_kw[free.case.dr_events[0].steps]
    assert made.min() > 0


def test_an_engine_that_runs_for_the_price_goes_on_in_a_californian_event_and_is_not_paid_for_it() -> None:
    here = site(lights=[])
    case, outlook = case_of(here, price=0.5)
    barred = with_events(case, here, [event(5.0)], outlook.steps, exactly)
    plan = exactly(barred.case)
    assert plan.found.chp["engine-1"].on[barred.case.dr_events[0].steps].all()
    assert plan.audit is not None
    assert plan.audit.cost["dr_payment"] == pytest.approx(0.0, abs=1e-6)


def test_a_site_that_has_attested_nothing_is_paid_nothing_in_california() -> None:
    one = site(dr={})
    case, outlook = case_of(one)
    found = with_events(case, one, [event(0.5)], outlook.steps, exactly)
    assert found.case.dr_events == ()
    (told,) = sentences(found, exactly(case), one, outlook.steps)
    assert told.startswith("Event CBP e-1 pays nothing here.")
    assert "attest" in told


def test_an_import_limit_caps_what_is_bought_and_needs_no_plan_without_it() -> None:
    one = site(battery={"capacity_kwh": 400, "charge_max_kw": 200, "discharge_max_kw": 200, "initial_kwh": 300})
    case, outlook = case_of(one)
    found = with_events(case, one, [event(250, "import-limit-kw")], outlook.steps, exactly)
    (limit,) = found.case.dr_events
    assert found.without is None
    assert limit.import_max_kw == 250
    assert exactly(found.case).found.import_kw[limit.steps].max() <= 250 + 1e-3


def test_a_level_is_worth_what_the_facility_says() -> None:
    one = site()
    case, outlook = case_of(one)
    assert called(one, event(3, "level"), outlook.steps, case.steps).reward.max() == 1.0
    assert called(one, event(0, "level"), outlook.steps, case.steps) is None


def test_a_kwh_is_sold_once_to_the_event_that_goes_first() -> None:
    one = site()
    case, outlook = case_of(one)
    dear, first = event(0.9, event_id="dear"), event(0.2, event_id="first", priority=0)
    later = event(0.4, event_id="later", start=FROM, end=TO + timedelta(hours=1), priority=1)
    found = [called(one, each, outlook.steps, case.steps) for each in (dear, later, first)]
    events = case_events([each for each in found if each is not None], np.zeros(case.steps))
    assert [(each.reward_usd_per_kwh, len(each.steps)) for each in events] == [(0.2, 12), (0.4, 8)]


def test_of_several_import_limits_the_lowest_holds() -> None:
    one = site()
    case, outlook = case_of(one)
    tight, loose = event(200, "import-limit-kw"), event(900, "import-limit-kw", event_id="e-2")
    found = [called(one, each, outlook.steps, case.steps) for each in (tight, loose)]
    (only,) = case_events([each for each in found if each is not None], np.zeros(case.steps))
    assert only.import_max_kw == 200


def test_an_event_that_covers_a_part_of_a_step_pays_a_part() -> None:
    one = site()
    case, outlook = case_of(one)
    half = event(0.6, start=FROM, end=FROM + timedelta(minutes=7, seconds=30))
    found = called(one, half, outlook.steps, case.steps)
    assert found.reward[found.reward > 0] == pytest.approx([0.6, 0.24])  # whole minutes


def test_randomised_starts_differ_by_site_stay_the_same_and_keep_within_their_bounds() -> None:
    both = event(0.5, randomize_start_seconds=600, source="OpenADR 3")
    late = event(0.5, randomize_start_seconds=600, source="OpenADR 2.0b")
    sites = [f"site-{n}" for n in range(50)]
    shifts = [shift(both, name) for name in sites]
    assert shifts == [shift(both, name) for name in sites]
    assert len(set(shifts)) > 40
    assert min(shifts) < timedelta(0) < max(shifts)
    assert max(map(abs, shifts)) <= timedelta(seconds=600)
    assert min(shift(late, name) for name in sites) >= timedelta(0)
    assert shift(event(0.5), "site-1") == timedelta(0)


def test_the_decision_tells_of_the_event_that_it_takes_part_in() -> None:
    one = site()
    view = ahead.view(one, {}, 0.03)
    view.demands.light_kwh.update({("row-1", NOW.date() + timedelta(days=day)): 3000.0 for day in range(-1, 4)})
    running = event(0.5, start=NOW - timedelta(minutes=2), end=NOW + timedelta(minutes=58))
    decision = ahead.planned(one, 0.03, type(view)(view.outlook, view.demands, events=(running,)))
    told = " ".join(decision.reasons)
    assert decision.rule == "plan"
    assert "Event CBP e-1 pays up to 500.00 USD/MWh" in told
    assert "engine-1 may not count" in told
    assert decision.planned is not None


def test_dear_hours_ahead_are_told_as_an_opportunity_with_what_they_are_worth() -> None:
    one = site(chp=[engine(start_cost_usd=5)])
    case, outlook = case_of(one, by_hour={17: 0.8, 18: 0.9})
    spikes = list(spike_offers(Ahead(one, case, outlook.steps, outlook.expected[0][: case.steps])))
    assert spikes
    (offer,) = [spike["offer"] for spike in spikes if spike["highestPrice"] == 0.9][:1]
    assert offer["worthUsd"] > 0
    assert offer["reductionKwh"] + offer["exportedKwh"] > 0
    flat, steady = case_of(one)
    assert list(spike_offers(Ahead(one, flat, steady.steps, steady.expected[0]))) == []


def test_a_site_may_set_from_which_price_on_it_is_told() -> None:
    one = site(dr={"price_threshold_usd_per_kwh": 0.02})
    case, outlook = case_of(one)
    (spike,) = spike_offers(Ahead(one, case, outlook.steps, outlook.expected[0]))
    assert spike["endsAt"] == iso_z(NOW.replace(minute=0) + timedelta(hours=49))


def test_events_beyond_the_horizon_are_no_offer() -> None:
    one = site()
    case, outlook = case_of(one)
    far = event(0.5, start=NOW + timedelta(days=9), end=NOW + timedelta(days=9, hours=1))
    assert offers(Ahead(one, case, outlook.steps, outlook.expected[0]), [far]) == []
    assert len(horizon(NOW).starts) == case.steps
