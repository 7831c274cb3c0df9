"""The comparable case in oemof-solph: prints seconds of build and solve (best of some) and the cost."""

import json
import logging
import sys
import time
import warnings

import pandas as pd
import pyomo.environ as pyo
from oemof import solph


def system(case: dict) -> solph.EnergySystem:
    hours = case["time"]["step_hours"]
    start = pd.Timestamp("2026-01-01")
    ends = pd.to_timedelta(pd.Series([0.0, *hours]).cumsum(), unit="h")
    es = solph.EnergySystem(timeindex=pd.DatetimeIndex(start + ends), infer_last_interval=False)
    prices, demand, chp, boiler = case["prices"], case["demand"], case["chp"][0], case["boiler"][0]
    power, heat, gas = solph.Bus(label="power"), solph.Bus(label="heat"), solph.Bus(label="gas")
    flow, cmp = solph.Flow, solph.components
    electric, thermal = chp["electric_efficiency"]["full"], chp["thermal_efficiency"]["full"]
    es.add(
        power,
        heat,
        gas,
        cmp.Source(label="gas_in", outputs={gas: flow(variable_costs=prices["gas_usd_per_mmbtu"] / 293.07107)}),
        cmp.Source(
            label="import",
            outputs={
                power: flow(nominal_capacity=case["grid"]["import_max_kw"], variable_costs=prices["import_usd_per_kwh"])
            },
        ),
        cmp.Sink(
            label="export",
            inputs={
                power: flow(
                    nominal_capacity=case["grid"]["export_max_kw"],
                    variable_costs=[-price for price in prices["export_usd_per_kwh"]],
                )
            },
        ),
        cmp.Sink(label="dump", inputs={heat: flow()}),
        cmp.Sink(label="power_demand", inputs={power: flow(fix=demand["power_kw"], nominal_capacity=1)}),
        cmp.Sink(label="heat_demand", inputs={heat: flow(fix=demand["heat_kw"], nominal_capacity=1)}),
        cmp.Converter(
            label="chp",
            inputs={gas: flow()},
            outputs={
                power: flow(
                    nominal_capacity=chp["rated_kw"],
                    minimum=chp["min_load"],
                    variable_costs=chp["om_usd_per_kwh"],
                    nonconvex=solph.NonConvex(
                        startup_costs=chp["start_cost_usd"],
                        minimum_uptime=chp["min_up_steps"],
                        minimum_downtime=chp["min_down_steps"],
                        initial_status=0,
                    ),
                ),
                heat: flow(),
            },
            conversion_factors={power: electric, heat: thermal},
        ),
        cmp.Converter(
            label="boiler",
            inputs={gas: flow()},
            outputs={heat: flow(nominal_capacity=boiler["rated_kw"])},
            conversion_factors={heat: boiler["efficiency"]},
        ),
    )
    for name, bus in (("heat_storage", heat), ("battery", power)):
        store = case[name]
        es.add(
            cmp.GenericStorage(
                label=name,
                inputs={bus: flow(nominal_capacity=store["charge_max_kw"])},
                outputs={
                    bus: flow(nominal_capacity=store["discharge_max_kw"], variable_costs=store["wear_usd_per_kwh"])
                },
                nominal_capacity=store["capacity_kwh"],
                initial_storage_level=store["initial_kwh"] / store["capacity_kwh"],
                balanced=True,
                loss_rate=store["loss_per_h"],
                inflow_conversion_factor=store["charge_efficiency"],
                outflow_conversion_factor=store["discharge_efficiency"],
            )
        )
    return es


def main() -> None:
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    with open(sys.argv[1]) as file:  # noqa: PTH123 - runs in an environment of its own
        case = json.load(file)
    seconds = []
    for _ in range(int(sys.argv[2])):
        began = time.perf_counter()
        model = solph.Model(system(case))
        solver = pyo.SolverFactory("appsi_highs")
        solver.highs_options = {"mip_rel_gap": 1e-6, "threads": 1}
        for name in ("dual", "rc"):  # None, over which the direct interface stumbles
            setattr(model, name, pyo.Suffix(direction=pyo.Suffix.LOCAL))
        solver.solve(model)
        seconds.append(time.perf_counter() - began)
    print(json.dumps({"seconds": seconds, "objective_usd": float(pyo.value(model.objective))}))


main()
