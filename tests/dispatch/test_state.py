"""The state of the plant: what the last decision left, and what telemetry corrects."""

from datetime import UTC, datetime, timedelta

import pytest

from dispatch.plants import NOW, at_price, facility
from vibelux.dispatch.decision import decide
from vibelux.dispatch.horizon import stands_at
from vibelux.dispatch.state import PlantState, UnitState
from vibelux.market.intervals import parse_utc

SITE = facility()
LATER = datetime(2026, 7, 14, 21, 0, tzinfo=UTC)


def test_a_decision_is_the_state_that_the_next_one_starts_from():
    first = decide(SITE, at_price(SITE, 0.1), PlantState(), NOW).as_json()
    state = PlantState.from_decision(first)
    assert state == PlantState({"engine-1": UnitState(True, NOW, 1000.0)}, at=NOW, source="last decision")
    later = NOW + timedelta(minutes=5)
    again = decide(SITE, at_price(SITE, 0.1, now=later), state, later).as_json()
    assert again["units"][0]["since"] == "2026-07-14T20:02:00Z"
    assert again["basis"]["state"] == "last decision"


def test_a_decision_without_units_leaves_the_state_unknown():
    assert PlantState.from_decision({"units": []}) == PlantState()


def test_telemetry_wins_where_it_speaks_and_keeps_the_time_of_what_has_not_changed():
    state = PlantState({"a": UnitState(True, NOW, 900.0), "b": UnitState(True, NOW, 500.0)}, source="last decision")
    told = {
        "timestamp": "2026-07-14T21:00:00Z",
        "units": [{"id": "a", "on": True, "powerKw": 870.0}, {"id": "b", "on": False, "powerKw": 0.0}],
        "storageKwh": 120.0,
    }
    assert state.with_operations(told) == PlantState(
        {"a": UnitState(True, NOW, 870.0), "b": UnitState(False, LATER, 0.0)}, 120.0, source="telemetry"
    )


def test_a_unit_first_seen_in_telemetry_is_known_since_then_and_storage_is_kept():
    told = {"timestamp": "2026-07-14T21:00:00Z", "units": [{"id": "c", "on": True}]}
    assert PlantState(storage_kwh=5.0).with_operations(told) == PlantState(
        {"c": UnitState(True, LATER, None)}, 5.0, source="telemetry"
    )


def test_what_runs_goes_on_until_the_next_decision_and_a_new_day_counts_anew():
    decision = {
        "validFrom": "2026-07-15T06:45:00Z",  # 23:45 in California
        "units": [{"id": "a", "on": True, "since": None, "powerKw": 900.0, "startsToday": 2}],
        "storageKwh": 1000.0,
        "storageChangeKw": -400.0,
        "lights": [{"id": "l", "powerKw": 300.0, "todayKwh": 5000.0}],
        "gridImportKw": 700.0,
        "peaksKw": {"summer": 650.0},
    }
    state = PlantState.from_decision(decision)
    before = state.advanced(datetime(2026, 7, 15, 6, 55, tzinfo=UTC), "America/Los_Angeles")
    assert before.lights["l"].today_kwh == 5050.0  # 10 minutes at 300 kW
    assert before.units["a"].starts_today == 2
    assert before.storage_kwh == 1000.0 - 400 / 6
    after = state.advanced(datetime(2026, 7, 15, 7, 15, tzinfo=UTC), "America/Los_Angeles")
    assert after.lights["l"].today_kwh == 75.0  # the quarter of an hour since midnight
    assert after.units["a"].starts_today == 0
    assert after.storage_kwh == 800.0
    assert after.peaks_kw == {"summer": 650.0}


@pytest.mark.parametrize(
    ("began", "later", "peak_kw"),
    [
        ("2026-07-14T22:55:00Z", 5, 650.0),  # 15:55 in California: the charge holds from 16:00 on
        ("2026-07-14T23:00:00Z", 5, 700.0),
        ("2026-07-15T03:55:00Z", 5, 700.0),  # 20:55: it held when the power flowed, though it holds no longer
        ("2026-08-01T03:55:00Z", 24 * 60, None),  # what flowed in July is July's
    ],
)
def test_an_import_counts_against_the_charge_that_held_when_it_flowed(began, later, peak_kw):
    charge = {"id": "evening", "usd_per_kw": 20.0, "hours": {"start": "16:00", "end": "21:00"}}
    site = facility(tariff={"demand_charges": [charge]})
    at = parse_utc(began)
    state = PlantState(import_kw=700.0, peaks_kw={"evening": 650.0}, at=at)
    assert stands_at(site, state, at + timedelta(minutes=later)).peaks_kw.get("evening") == peak_kw


def test_a_new_month_has_no_peak_yet_and_a_store_does_not_go_below_empty():
    state = PlantState(storage_kwh=10.0, storage_change_kw=-100.0, peaks_kw={"all": 900.0}, at=NOW)
    august = state.advanced(datetime(2026, 8, 1, 7, 0, tzinfo=UTC), "America/Los_Angeles")
    assert august.peaks_kw == {}
    assert august.storage_kwh == 0.0
