"""Judges a schedule by the rules of the contract, and says what it costs.

Nothing here is shared with the model that made the schedule: every rule is written down a second time, plainly, from
the contract's text, so that an error in one of the two shows. What a result reports as cost comes from here.
"""

import math

import numpy as np
import numpy.typing as npt

from vibelux.dispatch.case import Boiler, Case, Engine, Lights, Storage
from vibelux.dispatch.costing import KWH_PER_MMBTU, Audit, add_costs
from vibelux.dispatch.document import Array
from vibelux.dispatch.schedule import BoilerRun, EngineRun, Schedule, StorageRun

KW = 1e-4
KWH = 1e-3
HOURS = 1e-9


def audit(case: Case, schedule: Schedule) -> Audit:
    """Checks every rule (1e-4 kW, 1e-3 kWh) and computes every cost from the flows."""
    found = Audit()
    judge = _Judge(found.violations)
    _flows(judge, case, schedule)
    _balances(judge, case, schedule)
    for engine in case.chp:
        _engine(judge, case, engine, schedule.chp[engine.id])
    for boiler in case.boiler:
        _boiler(judge, boiler, schedule.boiler[boiler.id])
    if case.heat_storage is not None and schedule.heat_storage is not None:
        _storage(judge, case, "heat storage", case.heat_storage, schedule.heat_storage)
    if case.battery is not None and schedule.battery is not None:
        _storage(judge, case, "battery", case.battery, schedule.battery)
        judge.below(
            "battery: charges and discharges",
            np.minimum(schedule.battery.charge_kw, schedule.battery.discharge_kw),
            0.0,
        )
    for group in case.lights:
        _lights(judge, case, group, schedule.lights[group.id])
    _co2(judge, case, schedule)
    add_costs(found, case, schedule)
    return found


class _Judge:
    """Compares whole series and writes down the worst excess."""

    def __init__(self, violations: list[str]) -> None:
        self.violations = violations

    def below(self, what: str, values: Array, limit: Array | float, tolerance: float = KW) -> None:
        excess = values - limit
        if np.count_nonzero(excess <= tolerance) < excess.size:
            at = int(np.nanargmax(excess)) if not np.isnan(excess).all() else 0
            self.violations.append(f"{what}: over its limit by {excess[at]:.6g} in step {at}")

    def equal(self, what: str, values: Array, others: Array | float, tolerance: float = KW) -> None:
        self.below(what, np.abs(values - others), 0.0, tolerance)

    def broken(self, sentence: str) -> None:
        self.violations.append(sentence)


def _flows(judge: _Judge, case: Case, schedule: Schedule) -> None:
    limits: dict[str, Array | float] = {
        "import_kw": case.import_max_kw,
        "export_kw": case.export_max_kw,
        "spill_kw": math.inf,
        "unserved_power_kw": case.power_kw,
        "unserved_heat_kw": case.heat_kw,
        "heat_dump_kw": case.dump_max_kw,
    }
    for name, limit in limits.items():
        values = getattr(schedule, name)
        if values.shape != (case.steps,):
            judge.broken(f"{name}: not one value a step")
        judge.below(f"{name} negative", -values, 0.0)
        judge.below(name, values, limit)
    judge.below("import and export at once", np.minimum(schedule.import_kw, schedule.export_kw), 0.0)


def _balances(judge: _Judge, case: Case, schedule: Schedule) -> None:
    power = schedule.import_kw - schedule.export_kw - schedule.spill_kw + schedule.unserved_power_kw
    heat = schedule.unserved_heat_kw - schedule.heat_dump_kw
    for engine in schedule.chp.values():
        power = power + engine.power_kw
        heat = heat + engine.heat_kw
    for boiler in schedule.boiler.values():
        heat = heat + boiler.heat_kw
    for group in case.lights:
        power = power - schedule.lights[group.id]
        heat = heat + group.heat_fraction * schedule.lights[group.id]
    if schedule.battery is not None:
        power = power + schedule.battery.discharge_kw - schedule.battery.charge_kw
    if schedule.heat_storage is not None:
        heat = heat + schedule.heat_storage.discharge_kw - schedule.heat_storage.charge_kw
    judge.equal("power balance", power, case.power_kw)
    judge.equal("heat balance", heat, case.heat_kw)


def _engine(judge: _Judge, case: Case, engine: Engine, run: EngineRun) -> None:
    name = f"chp {engine.id}"
    rated, on = engine.rated_kw, run.on
    least = engine.min_load * rated
    available = engine.availability * rated
    judge.below(f"{name} power while off", np.where(on, 0.0, np.abs(run.power_kw)), 0.0)
    judge.below(f"{name} below minimum load", np.where(on, least - run.power_kw, 0.0), 0.0)
    judge.below(f"{name} above available power", np.where(on, run.power_kw - available, 0.0), 0.0)
    fuel, heat = _lines(engine, on, run.power_kw)
    judge.equal(f"{name} fuel", run.fuel_kw, fuel)
    judge.equal(f"{name} heat", run.heat_kw, heat)

    starts = 0
    was_on, was_kw, was_available = engine.initial_on, engine.initial_kw, engine.initial_kw
    hold_on = engine.min_up_h - engine.initial_hours if was_on else -math.inf
    hold_off = engine.min_down_h - engine.initial_hours if not was_on else -math.inf
    tau = 0.0
    steps = zip(case.step_hours.tolist(), on.tolist(), run.power_kw.tolist(), available.tolist(), strict=True)
    for step, (hours, now_on, now_kw, now_available) in enumerate(steps):
        if now_available < least or now_available <= 0:
            if now_on:
                judge.broken(f"{name}: on in step {step}, an outage")
            hold_on = -math.inf
        if not now_on and tau < hold_on - HOURS:
            judge.broken(f"{name}: off in step {step} within its minimum up time")
        if now_on and tau < hold_off - HOURS:
            judge.broken(f"{name}: on in step {step} within its minimum down time")
        if now_on and not was_on:
            starts += 1
            hold_on = tau + engine.min_up_h
        if was_on and not now_on:
            hold_off = tau + engine.min_down_h
        up, down = engine.ramp_up_kw_per_h * hours, engine.ramp_down_kw_per_h * hours
        if now_on and now_kw - was_kw > (up if was_on else max(least, up)) + KW:
            judge.broken(f"{name}: rises too fast into step {step}")
        falls_freely = now_available < was_available
        if was_on and not falls_freely and was_kw - now_kw > (down if now_on else max(least, down)) + KW:
            judge.broken(f"{name}: falls too fast into step {step}")
        was_on, was_kw, was_available = now_on, now_kw, now_available
        tau += hours
    if engine.max_starts is not None and starts > engine.max_starts:
        judge.broken(f"{name}: {starts} starts")


def _lines(engine: Engine, on: npt.NDArray[np.bool_], power: Array) -> tuple[Array, Array]:
    """Fuel and heat between the points at half and at full load."""
    whole, half = engine.rated_kw, engine.rated_kw / 2
    burnt_whole, burnt_half = whole / engine.electric.full, half / engine.electric.half
    warm_whole, warm_half = engine.thermal.full * burnt_whole, engine.thermal.half * burnt_half
    share = (power - half) / half
    fuel = np.where(on, burnt_half + share * (burnt_whole - burnt_half), 0.0)
    heat = np.where(on, warm_half + share * (warm_whole - warm_half), 0.0)
    return fuel, heat


def _boiler(judge: _Judge, boiler: Boiler, run: BoilerRun) -> None:
    name = f"boiler {boiler.id}"
    judge.below(f"{name} negative", -run.heat_kw, 0.0)
    judge.below(name, run.heat_kw, boiler.rated_kw * boiler.availability)
    judge.equal(f"{name} fuel", run.fuel_kw * boiler.efficiency, run.heat_kw)


def _storage(judge: _Judge, case: Case, name: str, storage: Storage, run: StorageRun) -> None:
    judge.below(f"{name} charge negative", -run.charge_kw, 0.0)
    judge.below(f"{name} discharge negative", -run.discharge_kw, 0.0)
    judge.below(f"{name} charge", run.charge_kw, storage.charge_max_kw)
    judge.below(f"{name} discharge", run.discharge_kw, storage.discharge_max_kw)
    judge.below(f"{name} level", run.level_kwh, storage.capacity_kwh, KWH)
    judge.below(f"{name} level below its least", storage.min_kwh - run.level_kwh, 0.0, KWH)
    stored = storage.charge_efficiency * run.charge_kw - run.discharge_kw / storage.discharge_efficiency
    before = np.concatenate(([storage.initial_kwh], run.level_kwh[:-1]))
    level = before * (1.0 - storage.loss_per_h) ** case.step_hours + case.step_hours * stored
    judge.equal(f"{name}: level does not follow from its flows", level, run.level_kwh, KWH)


def _lights(judge: _Judge, case: Case, group: Lights, power: Array) -> None:
    name = f"lights {group.id}"
    most = group.max_kw * group.allowed
    judge.below(f"{name} negative", -power, 0.0)
    judge.below(name, power, most)
    if not group.dimmable:
        judge.below(f"{name} dimmed", np.minimum(power, most - power), 0.0)
    for target in group.targets:
        span = slice(target.from_step, target.to_step)
        given = float(np.sum(power[span] * case.step_hours[span]))
        if given > target.max_energy_kwh + KWH:
            judge.broken(f"{name}: {given:.3f} kWh, over its most")


def _co2(judge: _Judge, case: Case, schedule: Schedule) -> None:
    if case.co2 is None:
        return
    run = schedule.co2
    if run is None:
        judge.broken("co2: demanded, but not scheduled")
        return
    usable = np.zeros(case.steps)
    for engine in case.chp:
        usable += engine.co2_usable_fraction * schedule.chp[engine.id].fuel_kw
    for boiler in case.boiler:
        usable += boiler.co2_usable_fraction * schedule.boiler[boiler.id].fuel_kw
    usable *= case.carbon.gas_kg_per_mmbtu / KWH_PER_MMBTU * case.step_hours
    for name, values in (("liquid", run.liquid_kg), ("exhaust", run.exhaust_kg), ("unserved", run.unserved_kg)):
        judge.below(f"co2 {name} negative", -values, 0.0)
    judge.below("co2 liquid", run.liquid_kg, case.co2.liquid_max_kg_per_h * case.step_hours)
    judge.below("co2 exhaust", run.exhaust_kg, usable, KWH)
    judge.equal("co2 balance", run.liquid_kg + run.exhaust_kg + run.unserved_kg, case.co2.demand_kg, KWH)
