"""From the program's solution back to a schedule."""

from dataclasses import dataclass

import numpy as np

from vibelux.dispatch.case import Case, Storage
from vibelux.dispatch.document import Array, Steps
from vibelux.dispatch.model import Model
from vibelux.dispatch.model_engines import fuel_line, heat_line
from vibelux.dispatch.model_parts import StorageColumns
from vibelux.dispatch.schedule import BoilerRun, Co2Run, EngineRun, Schedule, StorageRun
from vibelux.dispatch.spare_heat import with_spare_heat_kept

DECIMALS = 9

_DUST_KW = 1e-6
"""A shortfall that is nothing but the solver's arithmetic."""


@dataclass(frozen=True)
class Reading:
    """A schedule, and the steps in which the battery's solution had to be set right."""

    schedule: Schedule
    battery_crossed: Steps


def read(model: Model, x: Array) -> Reading:
    """Reads a solution: on is rounded to 0 or 1, tiny negatives are cut, opposite flows are netted, spare heat is kept.

    Import and export are netted where both flow, which costs nothing unless export pays more (then a binary keeps
    them apart). The battery is netted so that its level stays; what it would have burnt lowers the import, else
    raises the export, else is spilt. Whether that was for free shows when the schedule is costed.
    """
    case = model.case
    x = _tidy(np.maximum(x, 0.0))
    flow = {
        "import": x[model.imported],
        "export": x[model.exported],
        "spill": x[model.spill],
        "unserved_power": x[model.unserved_power],
        "unserved_heat": x[model.unserved_heat],
    }
    battery, crossed = None, np.empty(0, dtype=np.intp)
    if model.battery is not None and case.battery is not None:
        battery, crossed = _one_way_battery(case, case.battery, x, model.battery, flow)
    both = np.minimum(flow["import"], flow["export"])
    return Reading(
        with_spare_heat_kept(
            case,
            Schedule(
                import_kw=_tidy(flow["import"] - both),
                export_kw=_tidy(flow["export"] - both),
                spill_kw=_tidy(_no_dust(flow["spill"])),
                unserved_power_kw=_no_dust(flow["unserved_power"]),
                unserved_heat_kw=_no_dust(flow["unserved_heat"]),
                heat_dump_kw=x[model.dump],
                chp={engine.id: _engine(model, at, x) for at, engine in enumerate(case.chp)},
                boiler={
                    boiler.id: BoilerRun(x[columns], _tidy(x[columns] / boiler.efficiency))
                    for boiler, columns in zip(case.boiler, model.boilers, strict=True)
                },
                heat_storage=None if model.heat_storage is None else _storage(x, model.heat_storage),
                battery=battery,
                lights={
                    group.id: _tidy(columns.scale * (x[columns.level] if group.dimmable else np.rint(x[columns.level])))
                    for group, columns in zip(case.lights, model.lights, strict=True)
                },
                co2=_co2(model, x),
            ),
        ),
        crossed,
    )


def _no_dust(values: Array) -> Array:
    return np.where(values > _DUST_KW, values, 0.0)


def _tidy(values: Array) -> Array:
    rounded: Array = np.round(values, DECIMALS) + 0.0
    return rounded


def _engine(model: Model, at: int, x: Array) -> EngineRun:
    engine, columns = model.case.chp[at], model.engines[at]
    on = np.rint(x[columns.on]) > 0
    power = _tidy(np.where(on, engine.min_load * engine.rated_kw + x[columns.above], 0.0))
    fuel, heat = fuel_line(engine), heat_line(engine)
    return EngineRun(
        on=on,
        power_kw=power,
        heat_kw=_tidy(on * heat.fixed + heat.slope * power),
        fuel_kw=_tidy(on * fuel.fixed + fuel.slope * power),
    )


def _storage(x: Array, columns: StorageColumns) -> StorageRun:
    return StorageRun(x[columns.charge], x[columns.discharge], x[columns.level])


def _one_way_battery(
    case: Case, battery: Storage, x: Array, columns: StorageColumns, flow: dict[str, Array]
) -> tuple[StorageRun, Steps]:
    charge, discharge = x[columns.charge], x[columns.discharge]
    stored = charge * battery.charge_efficiency - discharge / battery.discharge_efficiency
    crossed = np.flatnonzero(np.minimum(charge, discharge) > 10.0**-DECIMALS)
    net_charge = np.where(stored > 0, stored / battery.charge_efficiency, 0.0)
    net_discharge = np.where(stored < 0, -stored * battery.discharge_efficiency, 0.0)
    surplus = np.zeros(case.steps)
    surplus[crossed] = (net_discharge - net_charge - discharge + charge)[crossed]
    charge[crossed], discharge[crossed] = net_charge[crossed], net_discharge[crossed]
    less_import = np.minimum(surplus, flow["import"])
    flow["import"] = flow["import"] - less_import
    surplus = surplus - less_import
    more_export = np.minimum(surplus, np.where(flow["import"] > 0, 0.0, case.export_max_kw - flow["export"]))
    flow["export"] = flow["export"] + more_export
    flow["spill"] = flow["spill"] + surplus - more_export
    return StorageRun(_tidy(charge), _tidy(discharge), x[columns.level]), crossed


def _co2(model: Model, x: Array) -> Co2Run | None:
    if model.liquid is None or model.unserved_co2 is None or model.case.co2 is None:
        return None
    demand = model.case.co2.demand_kg
    liquid = np.minimum(x[model.liquid], demand)
    unserved = np.minimum(_no_dust(x[model.unserved_co2]), demand - liquid)
    return Co2Run(_tidy(liquid), _tidy(demand - liquid - unserved), _tidy(unserved))
