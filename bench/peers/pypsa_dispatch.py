"""The comparable case in PyPSA: prints seconds of build and solve (best of some) and the cost."""

import json
import logging
import sys
import time
import warnings

import pandas as pd
import pypsa


def network(case: dict) -> pypsa.Network:
    hours = case["time"]["step_hours"]
    steps = range(len(hours))
    net = pypsa.Network(snapshots=list(steps))
    net.snapshot_weightings = pd.DataFrame(dict.fromkeys(net.snapshot_weightings.columns, hours), index=net.snapshots)
    prices, demand, chp, boiler = case["prices"], case["demand"], case["chp"][0], case["boiler"][0]
    gas = prices["gas_usd_per_mmbtu"] / 293.07107
    net.add("Bus", ["power", "heat", "gas"])
    net.add("Generator", "gas", bus="gas", p_nom=1e5, marginal_cost=gas)
    series = {name: pd.Series(prices[f"{name}_usd_per_kwh"], index=net.snapshots) for name in ("import", "export")}
    net.add("Generator", "import", bus="power", p_nom=case["grid"]["import_max_kw"], marginal_cost=series["import"])
    net.add(
        "Generator",
        "export",
        bus="power",
        sign=-1,
        p_nom=case["grid"]["export_max_kw"],
        marginal_cost=-series["export"],
    )
    net.add("Generator", "dump", bus="heat", sign=-1, p_nom=1e5)
    net.add("Load", "power", bus="power", p_set=pd.Series(demand["power_kw"], index=net.snapshots))
    net.add("Load", "heat", bus="heat", p_set=pd.Series(demand["heat_kw"], index=net.snapshots))
    electric, thermal = chp["electric_efficiency"]["full"], chp["thermal_efficiency"]["full"]
    net.add(
        "Link", "chp", bus0="gas", bus1="power", bus2="heat", efficiency=electric, efficiency2=thermal,
        p_nom=chp["rated_kw"] / electric, p_min_pu=chp["min_load"], committable=True,
        start_up_cost=chp["start_cost_usd"],
        marginal_cost=chp["om_usd_per_kwh"] * electric, min_up_time=chp["min_up_steps"],
        min_down_time=chp["min_down_steps"], up_time_before=0, down_time_before=1000,
    )  # fmt: skip
    net.add(
        "Link",
        "boiler",
        bus0="gas",
        bus1="heat",
        efficiency=boiler["efficiency"],
        p_nom=boiler["rated_kw"] / boiler["efficiency"],
    )
    for name, bus in (("heat_storage", "heat"), ("battery", "power")):
        store = case[name]
        net.add("Bus", name)
        # PyPSA lets nothing get lost of the initial energy in the first step; the contract does.
        lowest = [0.0] * (len(hours) - 1) + [store["initial_kwh"] / store["capacity_kwh"]]
        initial = store["initial_kwh"] * (1 - store["loss_per_h"]) ** hours[0]
        net.add(
            "Store", name, bus=name, e_nom=store["capacity_kwh"], e_initial=initial,
            standing_loss=store["loss_per_h"],
            e_min_pu=pd.Series(lowest, index=net.snapshots),
        )  # fmt: skip
        net.add(
            "Link",
            f"{name} in",
            bus0=bus,
            bus1=name,
            efficiency=store["charge_efficiency"],
            p_nom=store["charge_max_kw"],
        )
        net.add(
            "Link", f"{name} out", bus0=name, bus1=bus, efficiency=store["discharge_efficiency"],
            p_nom=store["discharge_max_kw"] / store["discharge_efficiency"],
            marginal_cost=store["wear_usd_per_kwh"] * store["discharge_efficiency"],
        )  # fmt: skip
    return net


def main() -> None:
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    with open(sys.argv[1]) as file:  # noqa: PTH123 - runs in an environment of its own
        case = json.load(file)
    seconds = []
    for _ in range(int(sys.argv[2])):
        began = time.perf_counter()
        net = network(case)
        net.optimize(
            solver_name="highs",
            solver_options={"mip_rel_gap": 1e-6, "threads": 1, "output_flag": False},
            log_to_console=False,
        )
        seconds.append(time.perf_counter() - began)
    print(json.dumps({"seconds": seconds, "objective_usd": float(net.objective)}))


main()
