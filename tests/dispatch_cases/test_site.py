"""Grid, tariff, storage, lights, CO2 and demand response, each rule with figures that were reckoned by hand."""

import pytest

from dispatch_cases.plants import boiler, engine, prices, site, solved

FULL_BATTERY = {
    "capacity_kwh": 50,
    "charge_max_kw": 100,
    "discharge_max_kw": 100,
    "charge_efficiency": 0.9,
    "discharge_efficiency": 0.9,
    "initial_kwh": 50,
}


def test_export_that_pays_more_than_import_costs_is_no_money_pump():
    case = site(demand={"power_kw": 100}, prices=prices(0.1, 0.3), grid={"import_max_kw": 5000, "export_max_kw": 5000})

    answer = solved(case)

    assert answer["first_step"]["import_kw"] == pytest.approx(100)
    assert answer["objective_usd"] == pytest.approx(10)


def test_export_that_pays_more_lets_the_engine_sell_only_what_the_site_does_not_use():
    case = site(
        demand={"power_kw": 100},
        prices=prices(0.01, 0.3),
        grid={"import_max_kw": 5000, "export_max_kw": 5000},
        chp=[engine()],
    )

    answer = solved(case)

    assert answer["schedule"]["export_kw"] == [pytest.approx(900)]
    assert answer["objective_usd"] == pytest.approx(1000 * 0.05 - 900 * 0.3)


def test_battery_may_not_burn_power_where_taking_it_is_paid():
    # Charging at 100 kW while 81 kW come out again would leave the level and take 19 kW at -0.5 USD/kWh.
    case = site(demand={"power_kw": 100}, prices=prices(-0.5), battery=FULL_BATTERY)

    answer = solved(case)

    assert answer["schedule"]["battery"]["charge_kw"] == [0]
    assert answer["objective_usd"] == pytest.approx(-50)


def test_battery_may_not_burn_the_surplus_of_an_engine_that_has_to_run():
    held = engine(min_up_h=1, initial={"on": True, "hours_in_state": 0, "power_kw": 500})
    case = site(chp=[held], battery=FULL_BATTERY, prices=prices(0.1))

    answer = solved(case)

    assert answer["unserved"]["spill_kwh"] == pytest.approx(500)


def test_battery_shifts_power_with_its_losses_and_wear():
    battery = FULL_BATTERY | {"initial_kwh": 0, "wear_usd_per_kwh": 0.01}
    case = site(2, demand={"power_kw": [0, 100]}, prices=prices([0.1, 0.3]), battery=battery)

    answer = solved(case)

    # 50 kWh stored take 50 / 0.9 kWh and give 45 kWh; the other 55 kWh are bought dear.
    assert answer["cost"]["energy_import"] == pytest.approx(50 / 0.9 * 0.1 + 55 * 0.3)
    assert answer["cost"]["battery_wear"] == pytest.approx(0.45)


def test_negative_prices_are_taken_up_to_what_spilling_costs():
    case = site(demand={"power_kw": 100}, prices=prices([-0.9]))
    assert solved(case)["objective_usd"] == pytest.approx(-90)

    case = site(demand={"power_kw": 100}, prices=prices([-1.1]))
    # Each of the other 4900 kWh earns 1.1 and costs 1 to spill.
    assert solved(case)["objective_usd"] == pytest.approx(-110 - 4900 * 0.1)


def test_power_beyond_the_import_limit_is_unserved_and_explained():
    answer = solved(site(2, demand={"power_kw": 250}, grid={"import_max_kw": [250, 100]}))

    assert answer["unserved"]["power_kwh"] == pytest.approx(150)
    assert answer["served"] is False
    assert answer["cost"]["penalties"] == pytest.approx(1500)
    assert answer["reasons"] == ["power: 150 kWh unserved in step 1: import is at its limit of 100 kW"]


def test_heat_without_a_source_is_unserved_and_explained():
    answer = solved(site(3, demand={"heat_kw": 3500}, boiler=[boiler(availability=[1, 0, 0])]))

    assert answer["unserved"]["heat_kwh"] == pytest.approx(500 + 3500 + 3500)
    assert answer["reasons"][0].startswith("heat: 7,500 kWh unserved in steps 0-2: b at its limit")


def test_adder_is_paid_on_top_of_the_import_price():
    case = site(2, demand={"power_kw": 100}, tariff={"energy_adder_usd_per_kwh": [0.05, 0.0]})

    assert solved(case)["cost"]["energy_import"] == pytest.approx(100 * 0.15 + 100 * 0.1)


def test_demand_charge_counts_what_lies_above_peak_and_ratchet():
    charge = {"id": "d", "usd_per_kw": 9, "steps": [1], "peak_so_far_kw": 400, "ratchet_floor_kw": 500}
    case = site(2, demand={"power_kw": [5000, 700]}, tariff={"demand_charges": [charge]})

    assert solved(case)["cost"]["demand_charge"] == pytest.approx(9 * 200)


def test_demand_is_metered_as_the_mean_of_an_interval():
    charge = {"id": "d", "usd_per_kw": 1, "steps": "all", "interval_h": 0.25}
    case = site(demand={"power_kw": [900, 0, 0, 300, 300, 300, 350]}, tariff={"demand_charges": [charge]})
    case["time"]["step_hours"] = [1 / 12] * 6 + [0.25]

    # Means 300 and 300 kW; the last step is an interval of its own.
    assert solved(case)["cost"]["demand_charge"] == pytest.approx(350)


def test_interval_in_progress_counts_what_has_passed():
    charge = {"id": "d", "usd_per_kw": 1, "steps": "all", "interval_h": 0.25, "elapsed_h": 1 / 6, "elapsed_kwh": 100}
    case = site(demand={"power_kw": [600, 500]}, tariff={"demand_charges": [charge]})
    case["time"]["step_hours"] = [1 / 12, 1 / 12]

    # (100 + 600 / 12) kWh in a quarter of an hour: 600 kW; the second step begins the next interval, at 500 kW.
    assert solved(case)["cost"]["demand_charge"] == pytest.approx(600)


@pytest.mark.parametrize(
    ("event", "payment"),
    [
        ({"baseline_kw": 600}, -0.4 * 350),
        ({"baseline_kw": 600, "max_reduction_kw": 100}, -0.4 * 100),
        ({"baseline_kw": 100}, 0.4 * 150),
        ({"baseline_kw": 100, "max_reduction_kw": 10}, 0.4 * 150),
    ],
)
def test_reduction_is_paid_and_import_above_the_baseline_is_paid_back(event, payment):
    event = {"id": "r", "steps": [0], "reward_usd_per_kwh": 0.4} | event

    assert solved(site(demand={"power_kw": 250}, dr_events=[event]))["cost"]["dr_payment"] == pytest.approx(payment)


def test_import_above_an_events_limit_is_fined_and_explained():
    event = {"id": "r", "steps": [1], "import_max_kw": 100}

    answer = solved(site(2, demand={"power_kw": 250}, dr_events=[event]))

    assert answer["unserved"]["dr_excess_kwh"] == pytest.approx(150)
    assert answer["cost"]["penalties"] == pytest.approx(5 * 150)
    assert answer["reasons"][0].startswith("demand response: import is 150 kWh above the 100 kW of r in step 1")


def test_storage_loses_by_the_hour_and_its_lack_at_the_end_is_priced():
    storage = {"capacity_kwh": 2000, "charge_max_kw": 0, "discharge_max_kw": 0, "loss_per_h": 0.1, "initial_kwh": 1000}
    case = site(heat_storage=storage)
    case["time"]["step_hours"] = [2.0]

    answer = solved(case)

    assert answer["schedule"]["heat_storage"]["level_kwh"] == [pytest.approx(810)]
    assert answer["unserved"]["terminal_kwh"] == pytest.approx(190)
    assert answer["reasons"][0].startswith("terminal: heat storage ends 190 kWh below the 1,000 kWh")


def test_what_is_left_at_the_end_is_paid_for():
    storage = {"capacity_kwh": 2000, "charge_max_kw": 500, "discharge_max_kw": 0, "terminal_value_usd_per_kwh": 0.03}

    answer = solved(site(boiler=[boiler()], heat_storage=storage))

    assert answer["objective_usd"] == pytest.approx(500 * (0.025 - 0.03))


def lamps(**changes) -> dict:
    return {"id": "l", "max_kw": 100, "targets": [{"from_step": 0, "to_step": 2, "energy_kwh": 150}]} | changes


def test_lamps_take_the_cheapest_steps_that_their_photoperiod_allows():
    case = site(3, prices=prices([0.1, 0.2, 0.01]), lights=[lamps(allowed=[1, 1, 0])])

    assert solved(case)["schedule"]["lights"]["l"] == [pytest.approx(100), pytest.approx(50), 0]


def test_lamps_that_cannot_be_dimmed_are_on_or_off():
    assert solved(site(2, lights=[lamps(dimmable=False)]))["schedule"]["lights"]["l"] == [100, 100]


def test_most_light_is_never_exceeded():
    capped = lamps(dimmable=False, targets=[{"from_step": 0, "to_step": 2, "energy_kwh": 150, "max_energy_kwh": 150}])

    answer = solved(site(2, prices=prices([0.2, 0.1]), lights=[capped]))

    assert answer["schedule"]["lights"]["l"] == [0, 100]
    assert answer["unserved"]["light_kwh"] == pytest.approx(50)
    assert answer["reasons"][0].startswith("light: l misses 50 kWh in steps 0-1")


def test_share_of_lamp_power_heats_the_house():
    case = site(2, demand={"heat_kw": 40}, lights=[lamps(heat_fraction=0.4)], boiler=[boiler()])

    # 150 kWh of light give 60 of the 80 kWh of heat; no more light is lit, for 0.4 * 2.5 cents do not pay 10 cents.
    assert solved(case)["cost"]["gas"] == pytest.approx(20 * 0.025)


def test_exhaust_doses_first_and_liquid_fills_up():
    case = site(
        demand={"heat_kw": 800},
        boiler=[boiler(co2_usable_fraction=0.5)],
        co2={"demand_kg": 150, "liquid_usd_per_kg": 0.2, "liquid_max_kg_per_h": 40},
    )

    answer = solved(case)

    exhaust = 0.5 * 1000 / 293.07107 * 53.06
    # A kg of exhaust more would take 11 kWh of gas, 22 cents; a kg that is missing counts 5 USD.
    assert answer["cost"]["co2_liquid"] == pytest.approx(8)
    assert answer["unserved"]["co2_kg"] == pytest.approx(0, abs=1e-6)
    assert answer["schedule"]["co2"]["exhaust_kg"] == [pytest.approx(110)]
    assert answer["cost"]["gas"] == pytest.approx(0.02 * 1000 * 110 / exhaust)


def test_missing_co2_is_explained():
    answer = solved(site(co2={"demand_kg": 50, "liquid_max_kg_per_h": 20}))

    assert answer["unserved"]["co2_kg"] == pytest.approx(30)
    assert answer["reasons"][0].startswith("co2: 30.0 kg unserved in step 0: liquid CO2 is at its limit of 20 kg/h")
