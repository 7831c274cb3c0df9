"""The decision: actions, figures in its reasons, minimum times, hysteresis, and the ladder when prices are missing."""

import itertools
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from dispatch.plants import EXAMPLES, GAS_AT_3_CENTS, NOW, at_price, carbon, engine, facility, gas, real_time
from vibelux.dispatch.decision import Decision, decide
from vibelux.dispatch.facility import Facility, load_facilities
from vibelux.dispatch.state import PlantState, UnitState
from vibelux.outlook.conditions import MarketRows, conditions

SITE = facility()
HOUR = timedelta(hours=1)
DIRECT_PRICES = {"gas_hub": "FRPGE1", "carbon": "direct"}


def standing(*, on: bool, since: datetime | None = None, power_kw: float | None = None) -> PlantState:
    return PlantState({"engine-1": UnitState(on, since, power_kw)}, source="telemetry")


def decided(price: float, *, site: Facility = SITE, state: PlantState | None = None, now: datetime = NOW) -> Decision:
    return decide(site, at_price(site, price, now=now), state or PlantState(), now)


def said(decision: Decision) -> str:
    return " ".join(decision.reasons)


def test_a_decision_has_the_fields_of_the_contract():
    found = decided(0.1).as_json()
    assert found | {"basis": None, "solve": None, "reasons": None} == {
        "action": "run",
        "rule": "least-cost",
        "validFrom": "2026-07-14T20:02:00Z",
        "validUntil": "2026-07-14T20:05:00Z",
        "units": [
            {
                "id": "engine-1",
                "on": True,
                "powerKw": 1000.0,
                "heatKw": 1000.0,
                "fuelKwHhv": 2500.0,
                "since": "2026-07-14T20:02:00Z",
                "startsToday": 0,
            }
        ],
        "gridImportKw": 0.0,
        "gridExportKw": 600.0,
        "boilerKw": 0.0,
        "heatDumpKw": 200.0,
        "unservedPowerKw": 0.0,
        "unservedHeatKw": 0.0,
        "lightingKw": 0.0,
        "storageKwh": None,
        "netBenefitUsdPerHour": 62.0,  # 400 * 0.15 + 800 * 0.0375 = 90 without; 28 with
        "breakEvenGridPrice": 0.0085,
        "confidence": 95,
        "reasons": None,
        "basis": None,
        "solve": None,
    }
    assert found["solve"]["status"] == "optimal"
    assert found["solve"]["gap"] == 0.0
    assert found["solve"]["milliseconds"] >= 0.0
    assert found["basis"]["electricity"]["payloadSha256"] == "ab"
    assert found["basis"]["demand"] == {"powerKw": 400.0, "heatKw": 800.0, "source": "constant"}


def test_the_reasons_of_a_run_hold_its_figures():
    assert decided(0.1).reasons == (
        (
            "Run engine-1 at 1000 kW: power worth 117.00 USD/MWh costs 55.00 to make "
            "(gas 75.00, O&M 10.00, heat credit -30.00). That is worth 62.00 USD/h against the plant without it."
        ),
        "Would stop below a market price of 8.50 USD/MWh.",
        "The heat demand of 800 kW limits useful heat; 200 kW is dumped.",
        (
            "At a market price of 100.00 USD/MWh an imported MWh costs 150.00 and an exported one earns 95.00; "
            "gas costs 8.79 USD/MMBtu."
        ),
    )


def test_the_reasons_of_a_stop_hold_those_of_the_best_run():
    found = decided(-0.02)
    assert found.action == "stop"
    assert found.net_benefit_usd_per_h == 0.0
    assert found.reasons[:2] == (
        (
            "Stop: at best (engine-1 at 500 kW) power worth 19.00 USD/MWh would cost 47.50 to make "
            "(gas 75.00, O&M 10.00, heat credit -37.50)."
        ),
        "Would run above a market price of 8.50 USD/MWh.",
    )


@pytest.mark.parametrize("state", [PlantState(), standing(on=True), standing(on=False)])
def test_the_action_changes_at_the_break_even_price_and_nowhere_near_it(state):
    site = facility(chp=[engine(start_cost_usd=10, min_up_h=2)])
    edge = decided(0.05, site=site, state=state).break_even
    assert edge is not None
    assert decided(edge - 1e-6, site=site, state=state).action == "stop"
    assert decided(edge + 1e-6, site=site, state=state).action == "run"


def test_half_a_start_is_laid_on_each_change_so_that_the_plant_does_not_flap():
    site = facility(chp=[engine(start_cost_usd=10, min_up_h=2, min_down_h=0)])
    off, on = standing(on=False), standing(on=True, power_kw=500)
    assert decided(0.05, site=site, state=PlantState()).break_even == pytest.approx(0.0085)
    assert decided(0.05, site=site, state=off).break_even == pytest.approx((23.75 - 19.5 + 2.5) / 500)
    assert decided(0.05, site=site, state=on).break_even == pytest.approx((23.75 - 19.5 - 5.0) / 500)
    waiting = decided(0.0115, site=site, state=off)
    assert waiting.action == "stop"
    assert "engine-1 is not started: running would gain 1.50 USD/h, less than the 2.50 USD/h" in said(waiting)
    kept = decided(0.0065, site=site, state=on)
    assert kept.action == "run"
    assert kept.net_benefit_usd_per_h == pytest.approx(-1.0)
    assert "engine-1 is kept running: stopping would save 1.00 USD/h, less than the 5.00 USD/h" in said(kept)
    assert "Starting engine-1 counts 2.50 USD/h" in said(decided(0.1, site=site, state=off))


@pytest.mark.parametrize(("on", "price", "told"), [(True, -0.05, "run"), (False, 0.5, "rest")])
def test_minimum_times_bind_until_they_are_over(on, price, told):
    site = facility(chp=[engine(min_up_h=2, min_down_h=2)])
    state = standing(on=on, since=NOW - HOUR)
    bound = decided(price, site=site, state=state)
    assert bound.as_json()["units"][0]["on"] is on
    assert bound.as_json()["units"][0]["since"] == "2026-07-14T19:02:00Z"
    assert bound.break_even is None
    assert f"engine-1 has to {told} until 14:02 -07:00" in said(bound)
    free = decided(price, site=site, state=state, now=NOW + HOUR)
    assert free.as_json()["units"][0]["on"] is not on
    assert free.as_json()["units"][0]["since"] == "2026-07-14T21:02:00Z"


def test_an_outage_comes_before_a_minimum_time():
    site = facility(chp=[engine(min_up_h=2, availability=0.4)])
    found = decided(0.5, site=site, state=standing(on=True, since=NOW))
    assert found.action == "stop"
    assert "engine-1 is not available." in said(found)
    assert decided(0.5, site=facility(chp=[engine(availability=0.7)])).units[0].power_kw == 700


def test_what_is_the_one_step_leaves_alone_is_said():
    store = {"capacity_kwh": 10, "charge_max_kw": 5, "discharge_max_kw": 5}
    site = facility(
        heat_storage=store,
        battery=store,
        lights=[{"id": "l", "max_kw": 100}],
        co2={"demand_kg_per_h": 5},
        tariff={"demand_charges": [{"id": "d", "usd_per_kw": 8}]},
        chp=[engine(ramp_up_kw_per_h=100, max_starts=2)],
    )
    assert (
        "Left alone, since nothing is known of what lies ahead: heat storage, battery, lights, CO2 dosing, "
        "demand charges, ramp limits, starts a day." in said(decided(0.1, site=site))
    )


def test_the_tariffs_adder_is_part_of_the_import_price():
    site = facility(tariff={"energy_adder_usd_per_kwh": 0.03})
    assert at_price(site, 0.1).prices.import_usd_per_kwh == pytest.approx(0.18)
    assert decided(0.1, site=site).net_benefit_usd_per_h == pytest.approx(62.0 + 400 * 0.03)


def test_shortfalls_and_limits_are_said():
    site = facility(grid={"import_max_kw": 100}, demand={"power_kw": 600, "heat_kw": 9000})
    found = decided(0.5, site=site)
    assert found.units[0].power_kw == pytest.approx(600)
    assert "Power follows the own demand of 600 kW." in said(found)
    assert "5400 kW of the heat demand is not met" in said(found)  # 9000 less 600 of the engine, 3000 of the boiler
    alone = decided(0.1, site=facility(grid={"import_max_kw": 100}, chp=[]))
    assert "300 kW of the power demand is not met: import is at its limit of 100 kW." in said(alone)
    export = decided(5.0, site=facility(grid={"import_max_kw": 100, "export_max_kw": 300}))
    assert "The export limit of 300 kW holds the power down." in said(export)


def test_a_band_that_holds_the_break_even_price_halves_the_confidence():
    history = [
        real_time(price, end=NOW + 3 * HOUR / 60 - n * 24 * HOUR) for n, price in enumerate((0.0, 0.02, 0.04), 1)
    ]
    found = decide(SITE, conditions(SITE, NOW, MarketRows(history=history, gas=gas(GAS_AT_3_CENTS))), PlantState(), NOW)
    assert found.action == "run"
    assert found.confidence == 22
    assert "holds the break-even price" in said(found)


@pytest.mark.parametrize("known", list(itertools.product([True, False], repeat=3)))
@pytest.mark.parametrize("state", [PlantState(), standing(on=True, since=NOW - HOUR, power_kw=900)])
@pytest.mark.parametrize("demand", ["known", "missing"])
def test_any_set_of_missing_inputs_gives_a_safe_labelled_decision(tmp_path, known, state, demand):
    site = facility(prices=DIRECT_PRICES)
    if demand == "missing":
        site = without_demand(tmp_path)
    electricity, gas_known, carbon_known = known
    rows = MarketRows(
        real_time=real_time(0.1) if electricity else None,
        gas=gas(GAS_AT_3_CENTS) if gas_known else None,
        carbon=carbon(30.0) if carbon_known else None,
    )
    found = decide(site, conditions(site, NOW, rows), state, NOW)
    if demand == "missing":
        assert found.action == ("hold" if state.units else "unavailable")
        assert "loads.csv holds no demand for 2026-07-14T20:02:00Z." in found.reasons
        assert found.as_json()["gridImportKw"] is None
    elif all(known):
        assert (found.rule, found.confidence) == ("least-cost", 95)
    elif not electricity and not state.units:
        assert (found.action, found.units, found.confidence) == ("unavailable", (), 0)
    else:
        # 800 kW of heat at 1 kW of heat for each kW of power
        assert (found.action, found.rule, found.confidence) == ("run", "heat-led", 20)
        assert found.units[0].power_kw == pytest.approx(800)
        assert "Heat-led rule, since prices are missing: run engine-1 at 800 kW" in said(found)
    if not all(known):
        assert found.net_benefit_usd_per_h is None
        assert found.break_even is None
    for name, there in zip(("electricity price of NODE", "gas price of FRPGE1", "carbon price"), known, strict=True):
        assert there is (f"No {name}" not in said(found))


def without_demand(folder: Path) -> Facility:
    (folder / "loads.csv").write_text("time,power_kw,heat_kw\n2026-07-14T00:00:00Z,1,2\n2026-07-14T01:00:00Z,1,2\n")
    (folder / "site.toml").write_text(
        """id = "site-1"
iso_region = "CAISO"
pricing_node = "NODE"
prices = { gas_hub = "FRPGE1", carbon = "direct" }
grid = { import_max_kw = 1 }
demand = { file = "loads.csv" }
chp = [{ id = "engine-1", rated_kw = 1000, electric_efficiency = { full = 0.4 }, thermal_efficiency = { full = 0.4 } }]
"""
    )
    return load_facilities(folder / "site.toml")[0]


def test_a_held_set_point_is_the_last_one_within_the_engines_range(tmp_path):
    site = without_demand(tmp_path)
    for power, held in ((900.0, 900.0), (100.0, 500.0), (2000.0, 1000.0), (None, 500.0)):
        found = decide(site, at_price(site, 0.1), standing(on=True, power_kw=power), NOW)
        assert found.units[0].power_kw == held
        assert f"The last set-point is kept: engine-1 at {held:.0f} kW." in found.reasons
    off = decide(site, at_price(site, 0.1), standing(on=False), NOW)
    assert "The last set-point is kept: all engines off." in off.reasons


def test_a_grid_whose_key_is_missing_is_unavailable_and_says_which_to_set():
    site = facility(iso_region="PJM")
    market = conditions(site, NOW, MarketRows(gas=gas(3.8)), missing_keys={"electricity": "PJM_API_KEY"})
    found = decide(site, market, standing(on=True), NOW)
    assert found.action == "unavailable"
    assert "set PJM_API_KEY" in said(found)


def test_ercot_steps_last_a_quarter_of_an_hour():
    assert decided(0.1, site=facility(iso_region="ERCOT")).as_json()["validUntil"] == "2026-07-14T20:15:00Z"


def test_two_engines_follow_heat_in_their_order_and_within_the_grid():
    site = facility(
        chp=[engine(), engine(id="engine-2", rated_kw=400)],
        demand={"power_kw": 400, "heat_kw": 1250},
        prices=DIRECT_PRICES,
    )
    market = conditions(site, NOW, MarketRows(real_time=real_time(0.1)))
    assert [unit.power_kw for unit in decide(site, market, PlantState(), NOW).units] == pytest.approx([1000, 250])
    tight = Facility.from_dict(site.as_dict() | {"grid": {"import_max_kw": 100, "export_max_kw": 350}})
    assert [unit.power_kw for unit in decide(tight, market, PlantState(), NOW).units] == pytest.approx([750, 0])


def test_the_heat_led_rule_gives_up_a_minimum_time_that_would_break_a_limit():
    site = facility(chp=[engine(min_up_h=9)], grid={"import_max_kw": 900}, demand={"power_kw": 100, "heat_kw": 800})
    market = conditions(site, NOW, MarketRows(real_time=real_time(0.1)))
    found = decide(site, market, standing(on=True, since=NOW - HOUR), NOW)
    assert found.action == "stop"
    assert "A minimum running time is given up" in said(found)


def test_the_same_inputs_give_the_same_decision():
    first, second = (decided(0.03).as_json() | {"solve": None} for _ in range(2))
    assert first == second


def test_the_salinas_example_stops_at_noon_and_runs_in_the_evening():
    (site,) = load_facilities(EXAMPLES / "caiso.toml")
    found = [decide(site, at_price(site, price, gas_price=3.8), PlantState(), NOW) for price in (-0.02, 0.03, 0.12)]
    assert [one.action for one in found] == ["stop", "run", "run"]
    assert found[0].break_even == pytest.approx(0.0175, abs=1e-4)
    assert [one.units[0].power_kw for one in found] == [0.0, 500.0, 1000.0]
