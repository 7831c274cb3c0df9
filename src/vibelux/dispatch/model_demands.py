"""Lights and CO2 in the program."""

from dataclasses import dataclass

import numpy as np

from vibelux.dispatch.case import Case, Lights
from vibelux.dispatch.linear import Builder, Index
from vibelux.dispatch.model_parts import Common, LightColumns


@dataclass(frozen=True)
class Co2Columns:
    """Liquid and unserved CO2, kg a step; `balance` is demand less both, to be covered by exhaust."""

    liquid: Index
    unserved: Index
    balance: Index


def add_co2(builder: Builder, case: Case) -> Co2Columns | None:
    """Adds the crop's CO2: liquid + unserved + usable exhaust >= demand; what is left of the exhaust is vented."""
    co2 = case.co2
    if co2 is None:
        return None
    most = np.minimum(co2.liquid_max_kg_per_h * case.step_hours, co2.demand_kg)
    liquid = builder.columns(case.steps, cost=co2.liquid_usd_per_kg, upper=most)
    unserved = builder.columns(case.steps, cost=case.penalties.co2_usd_per_kg, upper=co2.demand_kg)
    balance = builder.rows(case.steps, lower=co2.demand_kg)
    builder.put(balance, liquid, 1.0)
    builder.put(balance, unserved, 1.0)
    return Co2Columns(liquid, unserved, balance)


def add_lights(common: Common, group: Lights, rows: dict[str, Index]) -> LightColumns:
    """Adds a group of lamps: power within the photoperiod, or all or nothing where it cannot be dimmed."""
    case, builder = common.case, common.builder
    most = group.max_kw * group.allowed
    scale = np.ones(case.steps) if group.dimmable else most
    upper = most if group.dimmable else (most > 0).astype(np.float64)
    level = builder.columns(case.steps, upper=upper, integer=not group.dimmable)
    builder.put(common.power, level, -scale)
    builder.put(common.heat, level, group.heat_fraction * scale)
    missing = builder.columns(len(group.targets), cost=case.penalties.light_usd_per_kwh)
    for at, target in enumerate(group.targets):
        span = slice(target.from_step, target.to_step)
        energy = (scale * case.step_hours)[span]
        least = builder.rows(1, lower=target.energy_kwh)
        builder.put(np.repeat(least, len(energy)), level[span], energy)
        builder.put(least, missing[at : at + 1], 1.0)
        rows[f"lights {group.id} targets[{at}] energy_kwh"] = least
        if np.isfinite(target.max_energy_kwh):
            most_energy = builder.rows(1, upper=target.max_energy_kwh)
            builder.put(np.repeat(most_energy, len(energy)), level[span], energy)
            rows[f"lights {group.id} targets[{at}] max_energy_kwh"] = most_energy
    return LightColumns(level=level, scale=scale, missing=missing)
