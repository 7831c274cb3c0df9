"""The ledger: what stored decisions cost at the prices that came, and the baselines beside them, by hand."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backtest.recorded import site
from vibelux.dispatch.facility import Facility
from vibelux.dispatch.ledger import Entry, Material, entries
from vibelux.market.intervals import iso_z
from vibelux.market.operations import Report, UnitReport

NOON = datetime(2026, 7, 14, 19, tzinfo=UTC)
FIVE = timedelta(minutes=5)
GAS = 0.03 * 293.07107


def answer(at: datetime, price: float, *, power: float = 0.0, **more: Any) -> dict[str, Any]:
    """A decision for the plant of `dispatch.plants`: 2.5 kWh of gas and 1 kWh of heat for each kWh of power."""
    heat = power
    decision = {
        "validFrom": iso_z(at),
        "validUntil": iso_z(at + FIVE),
        "units": [{"id": "engine-1", "on": power > 0, "powerKw": power, "heatKw": heat, "fuelKwHhv": 2.5 * power,
                   "since": iso_z(NOON)}],
        "gridImportKw": max(400 - power, 0.0),
        "gridExportKw": max(power - 400, 0.0),
        "boilerKw": max(800 - heat, 0.0),
        "basis": {"demand": {"powerKw": 400, "heatKw": 800}, "electricity": {"payloadSha256": "ab"}},
    } | more  # fmt: skip
    return {
        "decision": decision,
        "marketConditions": {"gridPrice": price, "facilityPrices": {"gasPrice": GAS, "carbonPrice": 0.0}},
    }


def prices(*values: float) -> list[dict[str, Any]]:
    return [
        {
            "market_interval_start": NOON + at * FIVE,
            "market_interval_end": NOON + (at + 1) * FIVE,
            "price_per_kwh": price,
        }
        for at, price in enumerate(values)
    ]


def found(
    *answers: dict[str, Any],
    facility: Facility | None = None,
    came: list[dict[str, Any]] | None = None,
    reports: list[Report] | None = None,
    end: datetime = NOON + timedelta(days=1),
) -> list[Entry]:
    material = Material(answers, came or [], reports or [])
    return list(entries(facility or site(), material, NOON, end))


def report(minutes: float, *, power: float | None, on: bool = True, **more: Any) -> Report:
    return Report(
        timestamp=NOON + timedelta(minutes=minutes), units=(UnitReport(id="engine-1", on=on, power_kw=power),), **more
    )


def test_a_decision_costs_what_it_let_flow_at_the_price_that_came() -> None:
    (entry,) = found(answer(NOON, 0.06, power=800.0), came=prices(0.07))
    # 400 kW sold at 0.07 - 0.005, 2000 kW of gas at 0.03, 8 of upkeep, for a twelfth of an hour.
    assert entry.costs["decided"].usd == pytest.approx((60 + 8 - 400 * 0.065) / 12)
    assert entry.known_usd == pytest.approx((60 + 8 - 400 * 0.055) / 12)
    assert entry.settled
    assert entry.payload_sha256 == "ab"


def test_the_baselines_are_reckoned_for_the_same_demand() -> None:
    (entry,) = found(answer(NOON, 0.06, power=800.0), came=prices(0.06))
    assert entry.costs["grid-and-boiler"].usd == pytest.approx((44 + 30) / 12)
    assert entry.costs["always-on"].usd == pytest.approx((75 + 10 - 33) / 12)
    assert entry.costs["heat-led"].usd == pytest.approx((60 + 8 - 22) / 12)


def test_a_decision_holds_until_the_next_one() -> None:
    first, second = found(
        answer(NOON, 0.06), answer(NOON + timedelta(minutes=2), 0.06, power=800.0), came=prices(0.06, 0.06)
    )
    assert (first.end, second.start) == (NOON + timedelta(minutes=2), NOON + timedelta(minutes=2))
    # The second one holds until 19:07, over two prices.
    assert second.end == NOON + timedelta(minutes=7)


def test_a_set_point_stays_until_the_next_decision_that_comes_a_little_late() -> None:
    late, far = NOON + timedelta(minutes=6), NOON + timedelta(hours=1)
    first, second, third = found(answer(NOON, 0.06), answer(late, 0.06), answer(far, 0.06), came=prices(0.06, 0.06))
    assert first.end == late
    assert second.end == late + FIVE
    assert third.start == far


def test_a_price_that_changes_within_a_decision_counts_by_its_time() -> None:
    (entry,) = found(answer(NOON + timedelta(minutes=2), 0.06), came=prices(0.05, 0.10))
    assert entry.settled_price == pytest.approx((3 * 0.05 + 2 * 0.10) / 5)


def test_without_a_price_that_came_the_known_one_counts_and_is_told() -> None:
    (entry,) = found(answer(NOON, 0.06))
    assert not entry.settled
    assert entry.costs["decided"].usd == pytest.approx(entry.known_usd)


def test_what_a_storage_takes_up_is_worth_what_a_boiler_would_burn() -> None:
    (entry,) = found(answer(NOON, 0.06, power=1000.0, storageChangeKw=200.0), came=prices(0.06, 0.06))
    assert entry.costs["decided"].parts["stored"] == pytest.approx(-200 * 0.03 / 0.8 / 12)


def test_a_start_is_paid_once() -> None:
    facility = site(chp=[site().as_dict()["chp"][0] | {"start_cost_usd": 12.0}])
    both = found(
        answer(NOON, 0.06, power=800.0), answer(NOON + FIVE, 0.06, power=800.0), facility=facility,
        came=prices(0.06, 0.06),
    )  # fmt: skip
    assert [entry.costs["decided"].parts["starts"] for entry in both] == [12.0, 0.0]
    assert [entry.costs["heat-led"].parts["starts"] for entry in both] == [12.0, 0.0]


def test_without_decisions_there_are_no_entries() -> None:
    assert found(came=prices(0.06)) == []


def test_a_decision_without_flows_gives_no_entry() -> None:
    assert found(answer(NOON, 0.06, gridImportKw=None), answer(NOON + FIVE, 0.06, basis={})) == []


def test_no_entry_goes_over_a_full_hour() -> None:
    late = answer(NOON + timedelta(minutes=58), 0.06)
    late["decision"]["validUntil"] = iso_z(NOON + timedelta(minutes=63))
    first, second = found(late, came=prices(*[0.06] * 13))
    assert (first.end, second.start) == (NOON + timedelta(hours=1), NOON + timedelta(hours=1))
    (alone,) = found(late, came=prices(*[0.06] * 13), end=NOON + timedelta(hours=1))
    assert alone == first


def test_the_price_rows_behind_an_entry_are_told() -> None:
    came = prices(0.05, 0.10)
    (entry,) = found(answer(NOON + timedelta(minutes=2), 0.06), came=came)
    assert list(entry.prices) == came


def test_what_was_done_is_costed_beside_what_was_decided() -> None:
    (entry,) = found(
        answer(NOON, 0.06, power=800.0), came=prices(0.06), reports=[report(-5, power=600.0), report(0, power=600.0)]
    )
    done = entry.costs["operated"]
    # 600 kW of power and heat from 1500 kW of gas, 200 kW sold, 200 kW of heat from 250 kW of gas, 6 of upkeep.
    assert done.usd == pytest.approx(((1500 + 250) * 0.03 + 6 - 200 * 0.055) / 12)
    assert done.parts["starts"] == 0


def test_metered_import_and_fuel_go_before_what_the_plant_would_say() -> None:
    told = Report(
        timestamp=NOON,
        units=(UnitReport(id="engine-1", on=True, power_kw=600.0, heat_kw=550.0, fuel_kw_hhv=1600.0),),
        grid_import_kw=-150.0,
    )
    (entry,) = found(answer(NOON, 0.06, power=800.0), came=prices(0.06), reports=[told])
    assert entry.costs["operated"].parts["energy_export"] == pytest.approx(-150 * 0.055 / 12)
    assert entry.costs["operated"].parts["gas"] == pytest.approx((1600 + 250 / 0.8) * 0.03 / 12)


def test_a_start_is_seen_where_an_engine_was_off_in_the_report_before() -> None:
    facility = site(chp=[site().as_dict()["chp"][0] | {"start_cost_usd": 12.0}])
    reports = [report(-1, power=0.0, on=False), report(0, power=600.0)]
    (entry,) = found(answer(NOON, 0.06), facility=facility, came=prices(0.06), reports=reports)
    assert entry.costs["operated"].parts["starts"] == 12.0


@pytest.mark.parametrize(
    "reports", [[], [report(-20, power=600.0)], [report(0, power=None)], [report(3, power=600.0)]]
)  # fmt: skip
def test_what_is_not_told_of_is_not_made_up(reports: list[Report]) -> None:
    (entry,) = found(answer(NOON, 0.06), came=prices(0.06), reports=reports)
    assert "operated" not in entry.costs


def test_a_level_that_rises_is_worth_what_a_boiler_would_burn() -> None:
    reports = [report(0, power=800.0, storage_kwh=100.0), report(5, power=800.0, storage_kwh=110.0)]
    (entry,) = found(answer(NOON, 0.06, power=800.0), came=prices(0.06), reports=reports)
    # 120 kW go into the storage, and so 120 kW come from the boiler.
    assert entry.costs["operated"].parts["stored"] == pytest.approx(-120 * 0.03 / 0.8 / 12)
    assert entry.costs["operated"].parts["gas"] == pytest.approx((2000 + 120 / 0.8) * 0.03 / 12)
