"""What a schedule cost: the parts of a dispatch result for the whole window, and the same by step and by month.

The sums are the checker's (`dispatch.costing`). What belongs to single steps is reckoned here once more by step; what
does not (demand charges, light that a day lacks, what a storage lacks in the end) counts in the months it belongs to.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vibelux.backtest.window import Bools, Window
from vibelux.dispatch.case import Case, Engine
from vibelux.dispatch.checker import audit
from vibelux.dispatch.costing import Audit, add_costs
from vibelux.dispatch.document import Array, Steps
from vibelux.dispatch.model import fuel_cost, import_cost
from vibelux.dispatch.schedule import Schedule
from vibelux.market.units import KWH_PER_MMBTU
from vibelux.outlook.past import wall_minutes

_TOLD = 5


@dataclass(frozen=True)
class Account:
    """A strategy's schedule, judged and reckoned up."""

    name: str
    schedule: Schedule
    found: Audit
    by_step: Array
    """USD of each step's flows and starts, shape (T,)."""
    bound_usd: float | None = None
    """No schedule of the window costs less; only where that was looked for."""

    @property
    def usd(self) -> float:
        """What it cost in all."""
        return self.found.objective_usd


def account(case: Case, name: str, schedule: Schedule, bound_usd: float | None = None) -> Account:
    """Judges a schedule by the window's own case and reckons it up."""
    return Account(name, schedule, audit(case, schedule), by_step(case, schedule), bound_usd)


def by_step(case: Case, schedule: Schedule) -> Array:
    """What each step's flows and starts cost, USD, shape (T,)."""
    hours, penalties = case.step_hours, case.penalties
    rate = schedule.import_kw * import_cost(case) - schedule.export_kw * case.prices.export_usd_per_kwh
    rate = rate + fuel_kw(schedule, case) * fuel_cost(case)
    starts = np.zeros(case.steps)
    for engine in case.chp:
        run = schedule.chp[engine.id]
        rate = rate + run.power_kw * engine.om_usd_per_kwh + run.on * engine.om_usd_per_run_hour
        starts = starts + engine.start_cost_usd * started(engine, schedule)
    for boiler in case.boiler:
        rate = rate + schedule.boiler[boiler.id].heat_kw * boiler.om_usd_per_kwh
    for storage, store in ((case.heat_storage, schedule.heat_storage), (case.battery, schedule.battery)):
        if storage is not None and store is not None:
            rate = rate + store.discharge_kw * storage.wear_usd_per_kwh
    rate = rate + schedule.unserved_power_kw * penalties.power_usd_per_kwh
    rate = rate + schedule.unserved_heat_kw * penalties.heat_usd_per_kwh
    rate = rate + schedule.spill_kw * penalties.spill_usd_per_kwh
    usd: Array = rate * hours + starts
    if case.co2 is not None and schedule.co2 is not None:
        usd = usd + schedule.co2.liquid_kg * case.co2.liquid_usd_per_kg
        usd = usd + schedule.co2.unserved_kg * penalties.co2_usd_per_kg
    return usd


def fuel_kw(schedule: Schedule, case: Case) -> Array:
    """All that is burnt, kW HHV."""
    total = np.zeros(case.steps)
    for engine in schedule.chp.values():
        total = total + engine.fuel_kw
    for boiler in schedule.boiler.values():
        total = total + boiler.fuel_kw
    return total


def started(engine: Engine, schedule: Schedule) -> Bools:
    """Whether an engine starts in each step."""
    on = schedule.chp[engine.id].on
    return np.asarray(on & ~np.concatenate(([engine.initial_on], on[:-1])))


def months(window: Window) -> tuple[list[str], Steps]:
    """The calendar months of the market's local time, and in which of them each step starts."""
    wall = wall_minutes(window.starts, window.recorded.rules.zone_name)
    found, place = np.unique(wall.astype("datetime64[m]").astype("datetime64[M]"), return_inverse=True)
    return [str(month) for month in found], np.asarray(place)


def month_costs(window: Window, case: Case, one: Account) -> dict[str, float]:
    """What each month cost; all of them together are the total."""
    names, place = months(window)
    costs = dict(zip(names, np.bincount(place, one.by_step, len(names)).tolist(), strict=True))
    for month, charges in demand_charges(window, case, one).items():
        costs[month] += math.fsum(charges.values())
    for group in case.lights:
        for target, lacks in zip(group.targets, one.found.light_missing_kwh[group.id], strict=True):
            costs[names[place[target.from_step]]] += lacks * case.penalties.light_usd_per_kwh
    rest = one.usd - math.fsum(costs.values())
    costs[names[-1]] += rest
    return costs


def demand_charges(window: Window, case: Case, one: Account) -> dict[str, dict[str, float]]:
    """What each demand charge came to in each month in which it holds, USD by month and charge."""
    names, place = months(window)
    found: dict[str, dict[str, float]] = {}
    for charge in case.demand_charges:
        month = names[place[charge.steps[0]]]
        usd = _charge_usd(case, one.schedule, charge.id)
        found.setdefault(month, {})[charge.id.removesuffix(f" {month}")] = usd
    return found


def _charge_usd(case: Case, schedule: Schedule, charge_id: str) -> float:
    """What one demand charge of a case costs under a schedule."""
    found = Audit()
    only = tuple(charge for charge in case.demand_charges if charge.id == charge_id)
    add_costs(found, replace(case, demand_charges=only), schedule)
    return found.cost["demand_charge"]


def as_json(window: Window, case: Case, one: Account) -> dict[str, Any]:
    """The contract's object of one strategy."""
    names, place = months(window)
    peaks = np.full(len(names), 0.0)
    np.maximum.at(peaks, place, one.schedule.import_kw)
    hours = case.step_hours
    body: dict[str, Any] = {
        "total_cost_usd": one.usd,
        "cost": {name: value + 0.0 for name, value in one.found.cost.items()},
        "energy_kwh": {
            "import": _kwh(one.schedule.import_kw, hours),
            "export": _kwh(one.schedule.export_kw, hours),
            "chp_power": sum(_kwh(run.power_kw, hours) for run in one.schedule.chp.values()),
            "chp_heat": sum(_kwh(run.heat_kw, hours) for run in one.schedule.chp.values()),
            "boiler_heat": sum(_kwh(run.heat_kw, hours) for run in one.schedule.boiler.values()),
            "heat_dumped": _kwh(one.schedule.heat_dump_kw, hours),
            "lights": sum(_kwh(power, hours) for power in one.schedule.lights.values()),
            "fuel_hhv": _kwh(fuel_kw(one.schedule, case), hours),
        },
        "starts": sum(int(started(engine, one.schedule).sum()) for engine in case.chp),
        "run_hours": sum(float((run.on * hours).sum()) for run in one.schedule.chp.values()),
        "peak_kw": dict(zip(names, peaks.tolist(), strict=True)),
        "co2_kg": _kwh(fuel_kw(one.schedule, case), hours) / KWH_PER_MMBTU * case.carbon.gas_kg_per_mmbtu,
        "cost_by_month_usd": month_costs(window, case, one),
        "demand_charges_usd": demand_charges(window, case, one),
        "unserved": {name: round(value, 9) + 0.0 for name, value in one.found.unserved.items()},
        "end": _end(one.schedule),
    }
    if one.bound_usd is not None:
        body["bound_usd"] = one.bound_usd
        body["gap"] = max(one.usd - one.bound_usd, 0.0) / max(abs(one.usd), 1e-9)
    if one.found.violations:
        body["violations"] = one.found.violations[:_TOLD]
    return body


def _kwh(power: Array, hours: Array) -> float:
    return float((power * hours).sum())


def _end(schedule: Schedule) -> dict[str, float]:
    stores = (("storage_kwh", schedule.heat_storage), ("battery_kwh", schedule.battery))
    return {name: float(store.level_kwh[-1]) for name, store in stores if store is not None}
