"""Engines in the program: load range, starts, minimum times, ramps, outages and the state they start from.

With u (on, 0 or 1), v (start) and q (power above the least load m·P): power = m·P·u + q. Only u is integer: v is the
smallest number that u allows, and a stop is w[t] = v[t] - u[t] + u[t-1]. Minimum times are the rows

    sum of v over [a, s] <= u[s]          (a start within the last min_up_h)
    sum of v over [a, s] <= 1 - u[a-1]    (a stop within the last min_down_h)

which with v, w >= 0 describe their convex hull; D. Rajan and S. Takriti, "Minimum Up/Down Polytopes of the Unit
Commitment Problem with Start-Up Costs", IBM Research Report RC23628 (2005). Ramps are written for q, which is tighter
than for power; G. Morales-España et al., IEEE Trans. Power Systems 28(4), 2013, doi:10.1109/TPWRS.2013.2251373.
"""

from typing import NamedTuple

import numpy as np

from vibelux.dispatch.case import Case, Engine
from vibelux.dispatch.document import Array, Steps
from vibelux.dispatch.linear import Builder, Index
from vibelux.dispatch.model_parts import Common, EngineColumns

TIME_TOLERANCE_H = 1e-9

POWER_TOLERANCE_KW = 1e-6


class Line(NamedTuple):
    """`fixed * on + slope * power`, kW."""

    fixed: float
    slope: float


def fuel_line(engine: Engine) -> Line:
    """The line through P / full at P and (P/2) / half at P/2: slope 2/full - 1/half, fixed P * (1/half - 1/full)."""
    full, half = engine.electric.full, engine.electric.half
    return Line(engine.rated_kw * (1 / half - 1 / full), 2 / full - 1 / half)


def heat_line(engine: Engine) -> Line:
    """The line through thermal efficiency times fuel at P and at P/2."""
    at_full = engine.thermal.full / engine.electric.full
    at_half = engine.thermal.half / engine.electric.half
    return Line(engine.rated_kw * (at_half - at_full), 2 * at_full - at_half)


def add_engine(common: Common, engine: Engine, rows: dict[str, Index]) -> EngineColumns:
    """Adds an engine to the program and its limits to `rows`."""
    case, builder = common.case, common.builder
    hours = case.step_hours
    least = engine.min_load * engine.rated_kw
    most = engine.rated_kw * engine.availability
    room = np.where(engine.outage, 0.0, most - least)
    fuel, heat = fuel_line(engine), heat_line(engine)

    must, may = _bounds_of_on(case, engine)
    on = builder.columns(
        case.steps,
        cost=hours * (engine.om_usd_per_run_hour + engine.om_usd_per_kwh * least),
        lower=must,
        upper=may,
        integer=True,
    )
    above = builder.columns(case.steps, cost=hours * engine.om_usd_per_kwh, upper=_first_step_room(case, engine, room))
    builder.put(common.power, on, least)
    builder.put(common.power, above, 1.0)
    builder.put(common.heat, on, heat.fixed + heat.slope * least)
    builder.put(common.heat, above, heat.slope)
    common.put_fuel(on, fuel.fixed + fuel.slope * least, engine.co2_usable_fraction)
    common.put_fuel(above, fuel.slope, engine.co2_usable_fraction)

    start = _add_starts(builder, case, engine, on, rows)
    limit = builder.rows(case.steps, upper=0.0)
    builder.put(limit, above, 1.0)
    builder.put(limit, on, -room)
    rows[f"chp {engine.id} power"] = limit
    if start is not None:
        _add_ramps(builder, case, engine, on, above, start, limit)
    return EngineColumns(on=on, above=above, start=start)


def _bounds_of_on(case: Case, engine: Engine) -> tuple[Array, Array]:
    """Where it must be on and may be on: outages, what is left of a minimum time, and ramps out of the first state."""
    must = np.zeros(case.steps)
    may = np.where(engine.outage, 0.0, 1.0)
    least_h = engine.min_up_h if engine.initial_on else engine.min_down_h
    kept = case.starts_h < least_h - engine.initial_hours - TIME_TOLERANCE_H
    if not engine.initial_on:
        may[kept] = 0.0
        return must, may
    must[kept & ~np.logical_or.accumulate(engine.outage)] = 1.0
    least = engine.min_load * engine.rated_kw
    if engine.initial_kw + engine.ramp_up_kw_per_h * case.step_hours[0] < least - POWER_TOLERANCE_KW:
        may[0] = 0.0
    slowest = max(least, engine.ramp_down_kw_per_h * case.step_hours[0])
    if engine.initial_kw > slowest + POWER_TOLERANCE_KW and not _falls_into_first(engine):
        must[0] = 1.0
    return must, may


def _falls_into_first(engine: Engine) -> bool:
    """Whether less power is available in the first step than runs before it: then no ramp holds into it."""
    return bool(engine.availability[0] * engine.rated_kw < engine.initial_kw)


def _first_step_room(case: Case, engine: Engine, room: Array) -> Array:
    """Upper bounds of power above the least load, with the ramp out of the first state."""
    least = engine.min_load * engine.rated_kw
    climb = engine.ramp_up_kw_per_h * case.step_hours[0]
    reach = engine.initial_kw + climb if engine.initial_on else max(least, climb)
    bounds = room.copy()
    bounds[0] = min(room[0], max(0.0, reach - least))
    return bounds


def _add_starts(builder: Builder, case: Case, engine: Engine, on: Index, rows: dict[str, Index]) -> Index | None:
    """Starts, minimum times and their number; None where nothing depends on starts."""
    up_from = _window(case, engine.min_up_h)
    last_outage = np.maximum.accumulate(np.where(engine.outage, np.arange(case.steps), -1))
    up_from = np.maximum(up_from, np.minimum(last_outage + 1, np.arange(case.steps)))
    down_from = _window(case, engine.min_down_h)
    here = np.arange(case.steps)
    ramps = np.isfinite(engine.ramp_up_kw_per_h) or np.isfinite(engine.ramp_down_kw_per_h)
    binds = (up_from < here).any() or (down_from < here).any()
    if not (engine.start_cost_usd > 0 or engine.max_starts is not None or ramps or binds):
        return None
    start = builder.columns(case.steps, cost=engine.start_cost_usd, upper=np.where(engine.outage, 0.0, 1.0))
    before = float(engine.initial_on)
    switch = builder.rows(case.steps, lower=np.where(here == 0, -before, 0.0))
    builder.put(switch, start, 1.0)
    builder.put(switch, on, -1.0)
    builder.put(switch[1:], on[:-1], 1.0)

    at = np.flatnonzero((up_from < here) & ~engine.outage)
    held = builder.rows(len(at), upper=0.0, at=at)
    builder.put_windows(held, start, up_from[at], at)
    builder.put(held, on[at], -1.0)

    at = np.flatnonzero(down_from < here)
    first = down_from[at]
    held = builder.rows(len(at), upper=np.where(first == 0, 1.0 - before, 1.0), at=at)
    builder.put_windows(held, start, first, at)
    builder.put(held[first > 0], on[first[first > 0] - 1], 1.0)

    if engine.max_starts is not None:
        count = builder.rows(1, upper=float(engine.max_starts))
        builder.put(np.repeat(count, case.steps), start, 1.0)
        rows[f"chp {engine.id} max_starts"] = count
    return start


def _window(case: Case, least_h: float) -> Steps:
    """For each step the first one in which a switch still binds it."""
    tau = case.starts_h
    first = np.searchsorted(tau, tau - least_h + TIME_TOLERANCE_H, side="right")
    return np.minimum(first, np.arange(case.steps))


def _add_ramps(
    builder: Builder, case: Case, engine: Engine, on: Index, above: Index, start: Index, limit: Index
) -> None:
    least, most = engine.min_load * engine.rated_kw, engine.rated_kw * engine.availability
    # A climb beyond the whole range binds nothing, and infinity cannot be reckoned with.
    climb = np.minimum(engine.ramp_up_kw_per_h * case.step_hours, engine.rated_kw)
    first_reach = np.maximum(least, climb)
    slow_start = ~engine.outage & (first_reach < most)
    builder.put(limit[slow_start], start[slow_start], (most - first_reach)[slow_start])
    at = np.flatnonzero((climb < engine.rated_kw - least) & (case.starts_h > 0))
    rows = builder.rows(len(at), upper=0.0, at=at)
    builder.put(rows, above[at], 1.0)
    builder.put(rows, above[at - 1], -1.0)
    builder.put(rows, on[at], -climb[at])
    builder.put(rows, start[at], (climb - first_reach + least)[at])

    fall = np.minimum(engine.ramp_down_kw_per_h * case.step_hours, engine.rated_kw)
    last_reach = np.maximum(least, fall)
    applies = np.concatenate(([False], most[1:] >= most[:-1]))
    at = np.flatnonzero(applies & (fall < engine.rated_kw - least))
    rows = builder.rows(len(at), upper=0.0, at=at)
    stop = (last_reach - least)[at]
    builder.put(rows, above[at - 1], 1.0)
    builder.put(rows, above[at], -1.0)
    builder.put(rows, on[at], stop - fall[at])
    builder.put(rows, on[at - 1], -stop)
    builder.put(rows, start[at], fall[at] - stop)

    # Before a stop: q[t-1] <= (most - least) * u[t-1] - (most - last_reach) * w[t].
    lost = np.concatenate(([0.0], np.maximum(most[:-1] - last_reach[1:], 0.0)))
    at = np.flatnonzero(applies & (lost > 0))
    rows = builder.rows(len(at), upper=0.0, at=at)
    builder.put(rows, above[at - 1], 1.0)
    builder.put(rows, on[at - 1], lost[at] - (most[at - 1] - least))
    builder.put(rows, on[at], -lost[at])
    builder.put(rows, start[at], lost[at])

    if engine.initial_on and not _falls_into_first(engine):
        lowest = engine.initial_kw - engine.ramp_down_kw_per_h * case.step_hours[0] - least
        if lowest > 0:
            row = builder.rows(1, lower=0.0)
            builder.put(row, above[:1], 1.0)
            builder.put(row, on[:1], -lowest)
