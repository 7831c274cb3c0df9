"""What a schedule costs, reckoned from its flows alone: the checker's half that deals with money.

Like the checker it shares nothing with the model and writes every formula of the contract down a second time.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from vibelux.dispatch.case import Case, DemandCharge, Engine
from vibelux.dispatch.document import Array
from vibelux.dispatch.schedule import EngineRun, Schedule

KWH_PER_MMBTU = 293.07107
"""The contract's own number, written down a second time like everything here."""

_HOURS = 1e-9

_DUST = 1e-5
"""A lack of kWh, or an excess of kW, that is nothing but the solver's arithmetic."""


@dataclass
class Audit:
    """What was found."""

    violations: list[str] = field(default_factory=list)
    """One sentence for each broken rule; empty for an acceptable schedule."""
    cost: dict[str, float] = field(default_factory=dict)
    """USD by the contract's names; revenues are negative."""
    unserved: dict[str, float] = field(default_factory=dict)
    light_missing_kwh: dict[str, list[float]] = field(default_factory=dict)
    """What each target of each group lacks."""
    dr_excess_kwh: dict[str, float] = field(default_factory=dict)
    terminal_missing_kwh: dict[str, float] = field(default_factory=dict)

    @property
    def objective_usd(self) -> float:
        """The sum of the costs."""
        return math.fsum(self.cost.values())


def add_costs(found: Audit, case: Case, schedule: Schedule) -> None:
    """Puts the costs of a schedule, and what it does not serve, into what was found."""
    hours, prices, penalties = case.step_hours, case.prices, case.penalties
    engines = [(engine, schedule.chp[engine.id]) for engine in case.chp]
    boilers = [(boiler, schedule.boiler[boiler.id]) for boiler in case.boiler]
    fuel = sum((run.fuel_kw for _, run in engines), np.zeros(case.steps))
    fuel = sum((run.fuel_kw for _, run in boilers), fuel)
    mmbtu = fuel * hours / KWH_PER_MMBTU
    gas_tons = mmbtu * case.carbon.gas_kg_per_mmbtu / 1000 * case.carbon.obligated_fraction
    imported = schedule.import_kw * hours
    grid_tons = imported * case.carbon.grid_kg_per_kwh / 1000 * case.carbon.grid_obligated_fraction
    dr_paid, dr_fined = _dr(found, case, schedule)
    stores = [
        (name, storage, run)
        for name, storage, run in (
            ("heat storage", case.heat_storage, schedule.heat_storage),
            ("battery", case.battery, schedule.battery),
        )
        if storage is not None and run is not None
    ]
    for name, storage, run in stores:
        found.terminal_missing_kwh[name] = _lack(storage.terminal_min_kwh - float(run.level_kwh[-1]))
    for group in case.lights:
        found.light_missing_kwh[group.id] = [
            _lack(target.energy_kwh - _delivered(case, schedule.lights[group.id], target.from_step, target.to_step))
            for target in group.targets
        ]
    co2 = schedule.co2
    unserved = {
        "power_kwh": _total(schedule.unserved_power_kw * hours),
        "heat_kwh": _total(schedule.unserved_heat_kw * hours),
        "co2_kg": 0.0 if co2 is None else _total(co2.unserved_kg),
        "light_kwh": math.fsum(value for values in found.light_missing_kwh.values() for value in values),
        "terminal_kwh": math.fsum(found.terminal_missing_kwh.values()),
        "spill_kwh": _total(schedule.spill_kw * hours),
        "dr_excess_kwh": math.fsum(found.dr_excess_kwh.values()),
    }
    found.unserved = unserved
    found.cost = {
        "energy_import": _total(imported * (prices.import_usd_per_kwh + case.energy_adder_usd_per_kwh)),
        "energy_export": 0.0 - _total(schedule.export_kw * hours * prices.export_usd_per_kwh),
        "gas": _total(mmbtu * prices.gas_usd_per_mmbtu),
        "carbon": _total((gas_tons + grid_tons) * prices.carbon_usd_per_t),
        "om": math.fsum(
            [
                *(
                    _total(hours * (run.power_kw * engine.om_usd_per_kwh + run.on * engine.om_usd_per_run_hour))
                    for engine, run in engines
                ),
                *(_total(hours * run.heat_kw * boiler.om_usd_per_kwh) for boiler, run in boilers),
            ]
        ),
        "starts": math.fsum(engine.start_cost_usd * _starts(engine, run) for engine, run in engines),
        "co2_liquid": 0.0 if co2 is None or case.co2 is None else _total(co2.liquid_kg) * case.co2.liquid_usd_per_kg,
        "battery_wear": math.fsum(
            storage.wear_usd_per_kwh * _total(run.discharge_kw * hours) for _, storage, run in stores
        ),
        "demand_charge": math.fsum(
            charge.usd_per_kw * max(0.0, _metered_peak(case, charge, schedule.import_kw) - _base(charge))
            for charge in case.demand_charges
        ),
        "dr_payment": 0.0 - dr_paid,
        "terminal_value": 0.0
        - math.fsum(storage.terminal_value_usd_per_kwh * float(run.level_kwh[-1]) for _, storage, run in stores),
        "penalties": dr_fined
        + unserved["power_kwh"] * penalties.power_usd_per_kwh
        + unserved["heat_kwh"] * penalties.heat_usd_per_kwh
        + unserved["co2_kg"] * penalties.co2_usd_per_kg
        + unserved["light_kwh"] * penalties.light_usd_per_kwh
        + unserved["terminal_kwh"] * penalties.terminal_usd_per_kwh
        + unserved["spill_kwh"] * penalties.spill_usd_per_kwh,
    }


def _lack(value: float) -> float:
    return value if value > _DUST else 0.0


def _total(values: Array) -> float:
    return float(np.sum(values)) + 0.0


def _delivered(case: Case, power: Array, start: int, end: int) -> float:
    return _total(power[start:end] * case.step_hours[start:end])


def _starts(engine: Engine, run: EngineRun) -> int:
    before = np.concatenate(([engine.initial_on], run.on[:-1]))
    return int(np.sum(run.on & ~before))


def _base(charge: DemandCharge) -> float:
    return max(charge.peak_so_far_kw, charge.ratchet_floor_kw)


def _metered_peak(case: Case, charge: DemandCharge, imported: Array) -> float:
    """The highest metered demand in the window: single steps, or means over metering intervals."""
    tau = np.cumsum(case.step_hours) - case.step_hours
    energy: dict[int, float] = {}
    span: dict[int, float] = {}
    peak = 0.0
    for step in charge.steps:
        hours = float(case.step_hours[step])
        if charge.interval_h is None or hours >= charge.interval_h - _HOURS:
            peak = max(peak, float(imported[step]))
            continue
        number = math.floor((float(tau[step]) + charge.elapsed_h + _HOURS) / charge.interval_h)
        if number not in energy:
            energy[number] = charge.elapsed_kwh if number == 0 else 0.0
            span[number] = charge.elapsed_h if number == 0 else 0.0
        energy[number] += float(imported[step]) * hours
        span[number] += hours
    return max([peak, *(energy[number] / span[number] for number in energy)])


def _dr(found: Audit, case: Case, schedule: Schedule) -> tuple[float, float]:
    """What events pay, and what import above their limits costs."""
    paid = fined = 0.0
    for event in case.dr_events:
        excess = 0.0
        for step, baseline in zip(event.steps, event.baseline_kw, strict=True):
            imported, hours = float(schedule.import_kw[step]), float(case.step_hours[step])
            paid += event.reward_usd_per_kwh * hours * min(float(baseline) - imported, event.max_reduction_kw)
            excess += _lack(imported - event.import_max_kw) * hours
        found.dr_excess_kwh[event.id] = found.dr_excess_kwh.get(event.id, 0.0) + excess
        fined += event.noncompliance_usd_per_kwh * excess
    return paid, fined
