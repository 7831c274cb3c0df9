"""When the engines and lamps should run, by the marginal prices of a linear solution: proposals for a plan.

An engine at a time, by dynamic programming; lamps that cannot be dimmed where they cost least.
"""

from dataclasses import dataclass, replace

import numpy as np

from vibelux.dispatch.case import Case, Engine
from vibelux.dispatch.commitment import Bools, best_run
from vibelux.dispatch.document import Array
from vibelux.dispatch.highs import Answer
from vibelux.dispatch.lamps import best_light, lit
from vibelux.dispatch.model import Model, import_cost
from vibelux.dispatch.model_engines import fuel_line, heat_line
from vibelux.dispatch.moves import Surroundings
from vibelux.dispatch.onward import must_and_may

_HOPELESS_USD = 1e7
"""What a start may count at most when there are too many."""


@dataclass(frozen=True)
class Attempt:
    """How to look for a set of runs."""

    anew: bool = False
    """From the relaxation, and not from the best plan so far."""
    backwards: bool = False
    """The engines from the last to the first."""
    alone: bool = False
    """Each engine as if those after it did not run."""
    capped: bool = False
    """With the peak so far as a limit, in place of its marginal price."""


def attempts(case: Case) -> list[Attempt]:
    """What is worth trying for this plant, the most promising first."""
    several, peak = len(case.chp) > 1, bool(case.demand_charges)
    attempts = [Attempt(anew=True)]
    if peak:
        attempts.append(Attempt(anew=True, capped=True))
    if several:
        attempts.append(Attempt(anew=True, alone=True, capped=peak))
        attempts.append(Attempt(anew=True, backwards=True, capped=peak))
    attempts.append(Attempt(capped=peak))
    if several:
        attempts.append(Attempt(backwards=True, capped=peak))
    return attempts


def chosen(model: Model, around: Answer, attempt: Attempt) -> Array:
    """Values for all columns, of which only those of the integer ones mean anything: lamps, then engine by engine."""
    if around.x is None:
        raise ValueError("runs are looked for around a linear solution, and there is none")
    x = around.x.copy()
    values = np.rint(np.clip(x, model.program.lower, model.program.upper))
    for group, lights in zip(model.case.lights, model.lights, strict=True):
        if not group.dimmable:
            values[lights.level] = x[lights.level] = lit(model.case, group, x[lights.level])
    shares = [np.clip(x[columns.on], 0.0, 0.0 if attempt.alone else 1.0) for columns in model.engines]
    engines = [at for at, engine in enumerate(model.case.chp) if not engine.outage.all()]
    for at in reversed(engines) if attempt.backwards else engines:
        engine, columns = model.case.chp[at], model.engines[at]
        surroundings = _surroundings(model, at, x, shares, around, capped=attempt.capped)
        on = _run(model.case, engine, surroundings, *must_and_may(model, at))
        shares[at] = values[columns.on] = on.astype(np.float64)
    return values


def relit(model: Model, around: Answer, values: Array) -> Array | None:
    """The same with lamps that cannot be dimmed where light costs least while these engines run; None without such."""
    if around.x is None or all(group.dimmable for group in model.case.lights):
        return None
    x, values = around.x.copy(), values.copy()
    shares = [values[columns.on] for columns in model.engines]
    heat = np.zeros(model.case.steps) if around.row_dual is None else around.row_dual[model.common.heat]
    for group, lights in zip(model.case.lights, model.lights, strict=True):
        if not group.dimmable:
            x[lights.level] = 0.0
            without = _surroundings(model, None, x, shares, around, capped=True)
            on = best_light(model.case, group, without, heat / model.case.step_hours)
            x[lights.level] = values[lights.level] = on.astype(np.float64)
    return values


def _run(case: Case, engine: Engine, around: Surroundings, must: Bools, may: Bools) -> Bools:
    """When the engine is on, with no more starts than it may have: a start counts more until they are few enough."""
    on = best_run(case, engine, around, must, may)
    dear = max(engine.start_cost_usd, 1.0)
    while engine.max_starts is not None and _starts(engine, on) > engine.max_starts:
        dear *= 8
        if dear > _HOPELESS_USD:
            return must
        on = best_run(case, replace(engine, start_cost_usd=dear), around, must, may)
    return on


def _starts(engine: Engine, on: Bools) -> int:
    return int(np.sum(on & ~np.concatenate(([engine.initial_on], on[:-1]))))


def _surroundings(
    model: Model, at: int | None, x: Array, shares: list[Array], around: Answer, *, capped: bool
) -> Surroundings:
    """What the linear solution leaves for one engine, at its marginal prices: reduced costs and the balances' duals.

    Without an engine (None) all are among the others.
    """
    case, hours, common = model.case, model.case.step_hours, model.common
    row, column = around.row_dual, around.column_dual
    if row is None or column is None:
        row, column = np.zeros(len(model.program.row_lower)), model.program.cost
    power, heat = case.power_kw.copy(), case.heat_kw.copy()
    room, room_usd, room_heat, room_co2 = np.zeros((4, case.steps))
    co2 = np.zeros(case.steps) if case.co2 is None else case.co2.demand_kg.copy()
    for other, (engine, share) in enumerate(zip(case.chp, shares, strict=True)):
        if other == at:
            continue
        least, line = share * engine.min_load * engine.rated_kw, heat_line(engine)
        more = np.maximum(share * engine.rated_kw * engine.availability - least, 0.0)
        power -= least
        heat -= share * line.fixed + line.slope * least
        room += more
        room_usd += more * (fuel_line(engine).slope * common.fuel_usd_per_kwh + engine.om_usd_per_kwh)
        room_heat += more * line.slope
        fuel, usable = fuel_line(engine), engine.co2_usable_fraction * common.fuel_kg_per_kwh
        co2 -= usable * (share * fuel.fixed + fuel.slope * least) * hours
        room_co2 += more * fuel.slope * usable
    for group, lights in zip(case.lights, model.lights, strict=True):
        power = power + lights.scale * x[lights.level]
        heat = heat - group.heat_fraction * lights.scale * x[lights.level]
    if model.battery is not None:
        power = power + x[model.battery.charge] - x[model.battery.discharge]
    for boiler, columns in zip(case.boiler, model.boilers, strict=True):
        co2 -= x[columns] / boiler.efficiency * boiler.co2_usable_fraction * common.fuel_kg_per_kwh * hours
    boilers = [
        (boiler.rated_kw * boiler.availability, (column[columns] + row[common.heat]) / hours)
        for boiler, columns in zip(case.boiler, model.boilers, strict=True)
    ]
    import_price = (column[model.imported] + row[common.power]) / hours
    cap, above = np.full(case.steps, np.inf), np.zeros(case.steps)
    for charge in case.demand_charges if capped else ():
        peak = max(
            charge.peak_so_far_kw, charge.ratchet_floor_kw, float(x[model.imported][charge.steps].max(initial=0))
        )
        cap[charge.steps] = np.minimum(cap[charge.steps], peak)
        above[charge.steps] += charge.usd_per_kw / hours[charge.steps]
        # The peak is dealt with by the cap, and no longer by its marginal price.
        import_price = import_cost(case) + _rewards(case, x[model.imported])
    return Surroundings(
        power_kw=power,
        heat_kw=heat,
        other_kw=room,
        other_usd_per_kwh=room_usd / np.maximum(room, 1e-9),
        other_heat=room_heat / np.maximum(room, 1e-9),
        other_co2=room_co2 / np.maximum(room, 1e-9),
        import_usd_per_kwh=import_price,
        cap_kw=cap,
        above_cap_usd_per_kwh=above,
        fuel_usd_per_kwh=common.fuel_usd_per_kwh,
        co2_kg=np.maximum(co2, 0.0),
        co2_per_kwh=0.0
        if at is None or case.co2 is None
        else case.chp[at].co2_usable_fraction * common.fuel_kg_per_kwh,
        boilers=tuple(sorted(boilers, key=lambda boiler: float(boiler[1].mean()))),
    )


def _rewards(case: Case, imported: Array) -> Array:
    """USD/kWh that events pay for importing less, where not all that they pay for is reduced already."""
    paid = np.zeros(case.steps)
    for event in case.dr_events:
        reducing = imported[event.steps] >= event.baseline_kw - event.max_reduction_kw - 1e-6
        paid[event.steps] += event.reward_usd_per_kwh * reducing
    return paid
