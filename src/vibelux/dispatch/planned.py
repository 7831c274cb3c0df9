"""A plan as a decision's figures: the flows of its first step, what it is worth, and all its steps as rows."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from vibelux.dispatch.case import Storage
from vibelux.dispatch.economics import Flow, Unit
from vibelux.dispatch.facility import Facility
from vibelux.dispatch.foresight import Foresight, Margin
from vibelux.dispatch.limit_words import in_words
from vibelux.dispatch.model import fuel_cost, import_cost
from vibelux.dispatch.plan_reasons import bought_usd_per_kwh, moment, next_change
from vibelux.dispatch.schedule import StorageRun
from vibelux.dispatch.solve import Solution
from vibelux.dispatch.state import Group, PlantState
from vibelux.market.intervals import iso_z
from vibelux.outlook.past import utc_minutes
from vibelux.outlook.price import Outlook


@dataclass(frozen=True)
class Planned:
    """A plan that a decision follows."""

    facility: Facility
    state: PlantState
    outlook: Outlook
    seen: Foresight
    elapsed_h: float = 0.0
    """How much of its first step had passed when it was decided on."""

    def flow(self) -> Flow:
        """The set-point of the first step."""
        plan = self.seen.plan.found
        return Flow(
            units=tuple(
                Unit(name, bool(run.on[0]), float(run.power_kw[0]), float(run.heat_kw[0]), float(run.fuel_kw[0]))
                for name, run in plan.chp.items()
            ),
            imported_kw=float(plan.import_kw[0]),
            exported_kw=float(plan.export_kw[0]),
            boiler_kw=sum(float(run.heat_kw[0]) for run in plan.boiler.values()),
            dumped_kw=float(plan.heat_dump_kw[0]),
            unserved_power_kw=float(plan.unserved_power_kw[0]),
            unserved_heat_kw=float(plan.unserved_heat_kw[0]),
        )

    def net_benefit_usd_per_h(self) -> float | None:
        """What the first step is worth against the same step of the best plan without CHP, USD/h.

        The costs of the step's flows in both, and what both put into or take out of the storages at what a stored
        kWh is worth in the plan. Starts and demand charges belong to no single step and are left out.
        """
        if self.seen.without is None:
            return None
        margin = self.seen.margin
        return _rate(self.seen.without, margin) - _rate(self.seen.plan, margin)

    def engines_at(self, at: datetime) -> dict[str, bool] | None:
        """What it has the engines do at a moment (UTC), which the next plan is compared with; None past its end."""
        step = int(np.searchsorted(self.outlook.steps.starts, utc_minutes(at), side="right")) - 1
        steps = self.outlook.steps
        if not 0 <= step < self.seen.case.steps or utc_minutes(at) >= steps.starts[step] + steps.lengths[step]:
            return None
        return {name: bool(run.on[step]) for name, run in self.seen.plan.found.chp.items()}

    def figures(self) -> dict[str, Any]:
        """What stands in the decision beside the flows; names as in the contract's manner."""
        steps = self.outlook.steps
        change = next_change(self.seen, steps)
        plan, case = self.seen.plan.found, self.seen.case
        hours, last = case.step_hours, case.steps - 1
        return {
            "lightingKw": _kw(sum(float(power[0]) for power in plan.lights.values())),
            "lights": [
                {
                    "id": name,
                    "powerKw": _kw(float(power[0])),
                    "todayKwh": _kw(self.state.lights.get(name, Group()).today_kwh),
                }
                for name, power in plan.lights.items()
            ],
            "storageKwh": self._level(plan.heat_storage, case.heat_storage),
            "storageChangeKw": _change(plan.heat_storage, case.heat_storage, hours[0]),
            "batteryKwh": self._level(plan.battery, case.battery),
            "batteryChangeKw": _change(plan.battery, case.battery, hours[0]),
            "peaksKw": {name: _kw(peak) for name, peak in self.state.peaks_kw.items()},
            "nextChange": None if change is None else {"at": iso_z(change.at), "id": change.id, "on": change.on},
            "bindingLimits": [
                {
                    "limit": limit.name,
                    "words": in_words(limit.name),
                    "unit": limit.unit,
                    "shadowPrice": limit.shadow_price,
                }
                for limit in self.seen.margin.limits
            ],
            "plan": {
                "until": iso_z(moment(steps, last) + timedelta(minutes=int(steps.lengths[last]))),
                "costUsd": round(self.seen.plan.objective_usd, 2),
                "withoutChpUsd": None if self.seen.without is None else round(self.seen.without.objective_usd, 2),
                "keptForUsd": None if self.seen.kept_for_usd is None else round(self.seen.kept_for_usd, 2),
            },
        }

    def _level(self, run: StorageRun | None, storage: Storage | None) -> float | None:
        change = _change(run, storage, self.seen.case.step_hours[0])
        return None if storage is None or change is None else _kw(storage.initial_kwh + change * self.elapsed_h)

    def rows(self) -> list[dict[str, Any]]:
        """The whole plan, a row a step; powers in kW, levels at the end of the step."""
        plan, case = self.seen.plan.found, self.seen.case
        expected, import_price = self.outlook.rows(), import_cost(case)
        rows = []
        for step in range(case.steps):
            rows.append(
                {
                    "start": expected[step]["start"],
                    "end": expected[step]["end"],
                    "price": expected[step],
                    "importPrice": round(float(import_price[step]), 6),
                    "exportPrice": round(float(case.prices.export_usd_per_kwh[step]), 6),
                    "units": [
                        {
                            "id": name,
                            "on": bool(run.on[step]),
                            "powerKw": _kw(run.power_kw[step]),
                            "heatKw": _kw(run.heat_kw[step]),
                            "fuelKwHhv": _kw(run.fuel_kw[step]),
                        }
                        for name, run in plan.chp.items()
                    ],
                    "gridImportKw": _kw(plan.import_kw[step]),
                    "gridExportKw": _kw(plan.export_kw[step]),
                    "boilerKw": _kw(sum(run.heat_kw[step] for run in plan.boiler.values())),
                    "lightingKw": _kw(sum(power[step] for power in plan.lights.values())),
                    "heatDumpKw": _kw(plan.heat_dump_kw[step]),
                    "storageKwh": None if plan.heat_storage is None else _kw(plan.heat_storage.level_kwh[step]),
                    "batteryKwh": None if plan.battery is None else _kw(plan.battery.level_kwh[step]),
                    "co2LiquidKg": None if plan.co2 is None else _kw(plan.co2.liquid_kg[step]),
                    "co2ExhaustKg": None if plan.co2 is None else _kw(plan.co2.exhaust_kg[step]),
                    "powerDemandKw": _kw(case.power_kw[step]),
                    "heatDemandKw": _kw(case.heat_kw[step]),
                    "unservedPowerKw": _kw(plan.unserved_power_kw[step]),
                    "unservedHeatKw": _kw(plan.unserved_heat_kw[step]),
                }
            )
        return rows


def _rate(solution: Solution, margin: Margin) -> float:
    """USD/h of the first step's flows, less what it stores."""
    case, plan = solution.case, solution.found
    fuel = sum(run.fuel_kw[0] for run in plan.chp.values()) + sum(run.fuel_kw[0] for run in plan.boiler.values())
    rate = plan.import_kw[0] * bought_usd_per_kwh(case) - plan.export_kw[0] * case.prices.export_usd_per_kwh[0]
    rate += fuel * fuel_cost(case)[0]
    for engine in case.chp:
        run = plan.chp[engine.id]
        rate += run.power_kw[0] * engine.om_usd_per_kwh + run.on[0] * engine.om_usd_per_run_hour
    for boiler in case.boiler:
        rate += plan.boiler[boiler.id].heat_kw[0] * boiler.om_usd_per_kwh
    rate += plan.unserved_power_kw[0] * case.penalties.power_usd_per_kwh
    rate += plan.unserved_heat_kw[0] * case.penalties.heat_usd_per_kwh
    hours = case.step_hours[0]
    if case.co2 is not None and plan.co2 is not None:
        rate += plan.co2.liquid_kg[0] * case.co2.liquid_usd_per_kg / hours
        rate += plan.co2.unserved_kg[0] * case.penalties.co2_usd_per_kg / hours
    stores = (
        (case.heat_storage, plan.heat_storage, margin.stored_heat_usd_per_kwh),
        (case.battery, plan.battery, margin.battery_usd_per_kwh),
    )
    for storage, run_of, worth in stores:
        if storage is not None and run_of is not None:
            rate += run_of.discharge_kw[0] * storage.wear_usd_per_kwh
            rate -= (run_of.level_kwh[0] - storage.initial_kwh) / hours * worth
    return float(rate)


def _change(run: StorageRun | None, storage: Storage | None, hours: float) -> float | None:
    return None if run is None or storage is None else _kw((run.level_kwh[0] - storage.initial_kwh) / hours)


def _kw(value: float | np.floating[Any]) -> float:
    return round(float(value), 3) + 0.0
