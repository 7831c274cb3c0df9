"""The tariff: when its charges hold, and what they add."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from dispatch.ahead import demands, outlook
from dispatch.plants import NOW, at_price, engine, facility
from vibelux.dispatch.build import step_prices
from vibelux.dispatch.decision import decide
from vibelux.dispatch.facility import Facility
from vibelux.dispatch.horizon import build_case
from vibelux.dispatch.state import PlantState
from vibelux.dispatch.tariff import DemandCharge, Tariff
from vibelux.market.errors import ConfigError
from vibelux.outlook.past import utc_minutes, wall_minutes


def wall(*local: str) -> np.ndarray:
    """Wall minutes of local times, written `2026-07-14 16:00` (a Tuesday)."""
    return np.array([utc_minutes(datetime.fromisoformat(text).replace(tzinfo=UTC)) for text in local])


def charge(**window) -> DemandCharge:
    return DemandCharge.model_validate({"id": "peak", "usd_per_kw": 20} | window)


PEAK = {"start": "16:00", "end": "21:00"}


@pytest.mark.parametrize(
    ("window", "inside", "outside"),
    [
        ({}, ["2026-01-01 00:00", "2026-07-18 12:00"], []),
        ({"months": [6, 12]}, ["2026-06-01 00:00", "2026-12-31 23:55"], ["2026-05-31 23:55", "2027-01-01 00:00"]),
        ({"days": "weekdays"}, ["2026-07-13 00:00", "2026-07-17 23:55"], ["2026-07-18 00:00", "2026-07-19 23:55"]),
        ({"days": "weekends"}, ["2026-07-18 00:00", "2026-07-19 23:55"], ["2026-07-13 00:00", "2026-07-17 23:55"]),
        ({"hours": PEAK}, ["2026-07-14 16:00", "2026-07-14 20:55"], ["2026-07-14 15:55", "2026-07-14 21:00"]),
        (
            {"hours": {"start": "22:00", "end": "06:00"}},
            ["2026-07-14 22:00", "2026-07-14 05:59"],
            ["2026-07-14 06:00", "2026-07-14 21:59"],
        ),
        ({"hours": {"start": "00:00", "end": "24:00"}}, ["2026-07-14 00:00", "2026-07-14 23:59"], []),
        (
            {"hours": [PEAK, {"start": "07:30", "end": "09:00"}]},
            ["2026-07-14 16:00", "2026-07-14 07:30"],
            ["2026-07-14 07:29", "2026-07-14 09:00"],
        ),
        (
            {"hours": PEAK, "weekend_hours": {"start": "18:00", "end": "20:00"}},
            ["2026-07-17 16:00", "2026-07-18 18:00"],
            ["2026-07-18 16:00", "2026-07-18 20:00"],
        ),
        (
            {"days": "weekends", "hours": {"start": "22:00", "end": "02:00"}},
            ["2026-07-18 01:00", "2026-07-19 23:00"],
            ["2026-07-20 01:00", "2026-07-17 23:00"],
        ),
    ],
)
def test_a_charge_holds_in_its_months_days_and_hours_and_not_beside_them(window, inside, outside):
    assert charge(**window).holds_over(wall(*inside)).all()
    assert not charge(**window).holds_over(wall(*outside, "2026-07-18 12:00")[: len(outside)]).any()


def test_adders_that_hold_at_once_add_up_and_the_shape_is_kept():
    made = Tariff.model_validate(
        {
            "energy_adder_usd_per_kwh": 0.02,
            "energy_adders": [
                {"usd_per_kwh": 0.10, "hours": PEAK},
                {"usd_per_kwh": -0.01, "months": [7], "days": "weekdays"},
            ],
        }
    )
    times = wall("2026-07-14 15:00", "2026-07-14 16:00", "2026-07-18 16:00", "2026-08-14 03:00").reshape(2, 2)
    assert made.energy_adder_over(times) == pytest.approx(np.array([[0.01, 0.11], [0.12, 0.02]]))


def test_hours_are_by_the_clock_on_the_wall_on_both_sides_of_a_change_of_clocks():
    made = Tariff.model_validate({"energy_adders": [{"usd_per_kwh": 0.1, "hours": PEAK}]})
    for day in (datetime(2026, 3, 7, tzinfo=UTC), datetime(2026, 3, 9, tzinfo=UTC)):
        utc = np.array([utc_minutes(day + timedelta(minutes=minute)) for minute in range(8 * 60, 32 * 60, 5)])
        local = wall_minutes(utc, "America/Los_Angeles")
        paid = local[made.energy_adder_over(local) > 0]
        assert (paid.min() % 1440 // 60, paid.max() % 1440 // 60, len(paid)) == (16, 20, 60)


def test_the_live_decision_pays_the_adder_of_its_local_hour():
    site = facility(tariff={"energy_adders": [{"usd_per_kwh": 0.2, "hours": {"start": "13:00", "end": "14:00"}}]})
    assert NOW.isoformat() == "2026-07-14T20:02:00+00:00"  # 13:02 in California
    later = NOW + timedelta(hours=1)
    assert at_price(site, 0.04).prices.import_usd_per_kwh == pytest.approx(0.04 + 0.05 + 0.2)
    assert at_price(site, 0.04, now=later).prices.import_usd_per_kwh == pytest.approx(0.04 + 0.05)
    assert step_prices(site, at_price(site, 0.04)).import_adder == pytest.approx(0.25)
    assert step_prices(site, at_price(site, 0.04, now=later)).import_adder == pytest.approx(0.05)


def test_a_tariff_is_read_back_as_it_was_given():
    site = facility(tariff={"demand_charges": [{"id": "d", "usd_per_kw": 1, "hours": PEAK, "days": "weekdays"}]})
    assert Facility.from_dict(site.as_dict()) == site


@pytest.mark.parametrize(
    ("tariff", "told"),
    [
        ({"energy_adders": [{"usd_per_kwh": 1, "hour": PEAK}]}, r"energy_adders\[0\]\.hour: unknown key; did you mean"),
        ({"energy_adders": [{"usd_per_kwh": 1, "days": "sunday"}]}, r"energy_adders\[0\]\.days: should be 'all'"),
        ({"energy_adders": [{"usd_per_kwh": 1, "months": [0]}]}, r"energy_adders\[0\]\.months\[0\]: should be greater"),
        ({"energy_adders": [{"usd_per_kwh": 1, "months": []}]}, r"energy_adders\[0\]\.months: .* at least 1"),
        ({"demand_charges": [{"id": "d"}]}, r"demand_charges\[0\]\.usd_per_kw: is missing"),
        (
            {"demand_charges": [{"id": "d", "usd_per_kw": 1, "hours": {"start": "16:00", "end": "25:00"}}]},
            r"demand_charges\[0\]\.hours\[0\]\.end: should be a local time",
        ),
        (
            {"demand_charges": [{"id": "d", "usd_per_kw": 1}, {"id": "d", "usd_per_kw": 2}]},
            "tariff: the id d is given twice",
        ),
        ({"energy_adders": [{"usd_per_kwh": 1, "days": "weekends", "weekend_hours": PEAK}]}, 'go with days = "all"'),
    ],
)
def test_a_wrong_tariff_is_told_by_path(tariff, told):
    with pytest.raises(ConfigError, match=told):
        facility(tariff=tariff)


def test_a_rate_that_holds_the_energy_is_paid_whatever_the_market_does_and_export_still_earns_the_market_price():
    prices = {"gas_hub": "FRPGE1", "import_factor": 0.0, "export_adder_usd_per_kwh": -0.005}
    site = facility(prices=prices, tariff={"energy_adder_usd_per_kwh": 0.15}, chp=[], boiler=[])
    for market in (0.02, 0.4):
        found = at_price(site, market).prices
        assert (found.import_usd_per_kwh, found.export_usd_per_kwh) == pytest.approx((0.15, market - 0.005))


def test_an_engine_that_only_replaces_such_a_rate_has_no_market_price_at_which_it_would_stop():
    # 0.15 USD/kWh saved against 1000 kW of fuel for 400 kW (30 USD), O&M of 4 and 400 kW of boiler heat (15 USD).
    prices = {"gas_hub": "FRPGE1", "import_factor": 0.0}
    site = facility(prices=prices, tariff={"energy_adder_usd_per_kwh": 0.15}, chp=[engine(min_load=0.1)])
    site = Facility.from_dict(site.as_dict() | {"grid": {"import_max_kw": 4000}})
    decision = decide(site, at_price(site, -0.3), PlantState(), NOW)
    assert (decision.action, decision.break_even) == ("run", None)
    assert decision.net_benefit_usd_per_h == pytest.approx(400 * 0.15 - (30 + 4 - 15))


def test_a_plan_pays_the_factor_and_the_adders_of_each_step():
    prices = {"gas_hub": "FRPGE1", "import_factor": 0.5, "import_adder_usd_per_kwh": 0.01}
    site = facility(prices=prices, tariff={"energy_adders": [{"usd_per_kwh": 0.2, "hours": PEAK}]})
    case = build_case(site, at_price(site, 0.04), outlook(site, {}, 0.04), demands(site), PlantState(), NOW)
    assert case is not None
    assert case.prices.import_usd_per_kwh == pytest.approx(np.full(case.steps, 0.03))
    local_hour = (13 + 2 / 60 + case.starts_h) % 24  # NOW is 13:02 in California
    assert case.energy_adder_usd_per_kwh == pytest.approx(np.where((local_hour >= 16) & (local_hour < 21), 0.2, 0.0))


def test_a_gas_table_is_the_price_of_each_local_day():
    table = [{"first_day": "2026-01-01", "usd_per_mmbtu": 6.0}, {"first_day": "2026-07-15", "usd_per_mmbtu": 9.0}]
    site = facility(prices={"gas": {"kind": "table", "table": table}})
    case = build_case(site, at_price(site, 0.04), outlook(site, {}, 0.04), demands(site), PlantState(), NOW)
    assert case is not None
    tomorrow = case.starts_h >= 24 - (13 + 2 / 60)  # NOW is 13:02 on 14 July in California
    assert case.prices.gas_usd_per_mmbtu == pytest.approx(np.where(tomorrow, 9.0, 6.0))
