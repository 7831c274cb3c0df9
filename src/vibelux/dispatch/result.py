"""A solution as the contract's result: one JSON object."""

import math
from typing import Any

from vibelux.dispatch.schedule import Schedule, StorageRun
from vibelux.dispatch.shortfalls import shortfalls
from vibelux.dispatch.solve import Solution

SCHEMA = "vibelux.dispatch.result/1"

SERVED_BELOW = 1e-6


def result(solution: Solution) -> dict[str, Any]:
    """The result of a solution.

    Without a schedule it holds the status `error` and the reason only.
    """
    head = {"schema": SCHEMA, "case": solution.case.name, "status": solution.status}
    schedule, found = solution.schedule, solution.audit
    if schedule is None or found is None:
        return head | {"served": False, "solve_seconds": round(solution.seconds, 6), "reasons": [solution.reason]}
    unserved = {name: _plain(value) for name, value in found.unserved.items()}
    cost = {name: value + 0.0 for name, value in found.cost.items()}
    return head | {
        "served": all(value < SERVED_BELOW for value in unserved.values()),
        "objective_usd": math.fsum(cost.values()),
        "bound_usd": solution.bound_usd if math.isfinite(solution.bound_usd) else None,
        "gap": solution.gap if math.isfinite(solution.gap) else None,
        "solve_seconds": round(solution.seconds, 6),
        "cost": cost,
        "first_step": _first_step(schedule),
        "schedule": _schedule(schedule),
        "unserved": unserved,
        "reasons": shortfalls(solution.case, schedule, found),
    }


def _plain(value: float) -> float:
    """A quantity without the dust of adding up."""
    return round(value, 9) + 0.0


def _first_step(schedule: Schedule) -> dict[str, Any]:
    first: dict[str, Any] = {
        "import_kw": float(schedule.import_kw[0]),
        "export_kw": float(schedule.export_kw[0]),
        "chp": {
            name: {"on": bool(run.on[0]), "power_kw": float(run.power_kw[0])} for name, run in schedule.chp.items()
        },
        "boiler": {name: float(run.heat_kw[0]) for name, run in schedule.boiler.items()},
    }
    for name, run in (("heat_storage_net_kw", schedule.heat_storage), ("battery_net_kw", schedule.battery)):
        if run is not None:
            first[name] = float(run.discharge_kw[0] - run.charge_kw[0])
    first["lights"] = {name: float(power[0]) for name, power in schedule.lights.items()}
    return first


def _schedule(schedule: Schedule) -> dict[str, Any]:
    body: dict[str, Any] = {
        name: getattr(schedule, name).tolist()
        for name in (
            "import_kw",
            "export_kw",
            "spill_kw",
            "unserved_power_kw",
            "unserved_heat_kw",
            "heat_dump_kw",
        )
    }
    body["chp"] = {
        name: {
            "on": run.on.tolist(),
            "power_kw": run.power_kw.tolist(),
            "heat_kw": run.heat_kw.tolist(),
            "fuel_kw": run.fuel_kw.tolist(),
        }
        for name, run in schedule.chp.items()
    }
    body["boiler"] = {
        name: {"heat_kw": run.heat_kw.tolist(), "fuel_kw": run.fuel_kw.tolist()}
        for name, run in schedule.boiler.items()
    }
    for name, run in (("heat_storage", schedule.heat_storage), ("battery", schedule.battery)):
        if run is not None:
            body[name] = _storage(run)
    body["lights"] = {name: power.tolist() for name, power in schedule.lights.items()}
    if schedule.co2 is not None:
        body["co2"] = {
            "liquid_kg": schedule.co2.liquid_kg.tolist(),
            "exhaust_kg": schedule.co2.exhaust_kg.tolist(),
            "unserved_kg": schedule.co2.unserved_kg.tolist(),
        }
    return body


def _storage(run: StorageRun) -> dict[str, list[float]]:
    return {
        "charge_kw": run.charge_kw.tolist(),
        "discharge_kw": run.discharge_kw.tolist(),
        "level_kwh": run.level_kwh.tolist(),
    }
