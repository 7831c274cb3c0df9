"""The state of the plant: what the last decision left, and what telemetry corrects."""

from datetime import UTC, datetime, timedelta

from dispatch.plants import NOW, at_price, facility
from vibelux.dispatch.decision import decide
from vibelux.dispatch.state import PlantState, UnitState

SITE = facility()
LATER = datetime(2026, 7, 14, 21, 0, tzinfo=UTC)


def test_a_decision_is_the_state_that_the_next_one_starts_from():
    first = decide(SITE, at_price(SITE, 0.1), PlantState(), NOW).as_json()
    state = PlantState.from_decision(first)
    assert state == PlantState({"engine-1": UnitState(True, NOW, 1000.0)}, source="last decision")
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
        {"a": UnitState(True, NOW, 870.0), "b": UnitState(False, LATER, 0.0)}, 120.0, "telemetry"
    )


def test_a_unit_first_seen_in_telemetry_is_known_since_then_and_storage_is_kept():
    told = {"timestamp": "2026-07-14T21:00:00Z", "units": [{"id": "c", "on": True}]}
    assert PlantState(storage_kwh=5.0).with_operations(told) == PlantState(
        {"c": UnitState(True, LATER, None)}, 5.0, "telemetry"
    )
