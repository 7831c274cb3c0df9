"""What an engine can do in each step, beside all else on the site, and what that costs.

Prices, lamps, battery and the other engines are held as a linear solution has them; the engine's power, boilers, dump,
heat storage and CO2 are chosen in each step from a few corner points, which is where the best of a linear cost lies.

All arrays over steps have shape (T, …); the axes behind are: power candidates, storage policies (3), levels.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vibelux.dispatch.case import Case, Engine
from vibelux.dispatch.document import Array
from vibelux.dispatch.model_engines import fuel_line, heat_line

LEVELS = 21

NEVER = 1e12
"""USD: what a step costs that cannot be taken."""


@dataclass(frozen=True)
class Surroundings:
    """What an engine meets in each step, kW and USD."""

    power_kw: Array
    """What the site needs beside this engine's power, other engines at their least."""
    heat_kw: Array
    """What the site needs beside this engine, the boilers and the storage, other engines at their least."""
    other_kw: Array
    """What the other engines can make above their least."""
    other_usd_per_kwh: Array
    """What that costs,"""
    other_heat: Array
    """how much heat comes with a kWh of it,"""
    other_co2: Array
    """and how much usable CO2, kg."""
    import_usd_per_kwh: Array
    """With everything that import touches at the margin."""
    cap_kw: Array
    """Import above it raises the metered peak."""
    above_cap_usd_per_kwh: Array
    fuel_usd_per_kwh: Array
    co2_kg: Array
    """What the crop needs in a step beside this engine, other engines at their least."""
    co2_per_kwh: float
    """Usable kg of a kWh of the engine's fuel."""
    boilers: tuple[tuple[Array, Array], ...]
    """(most heat, USD/kWh), the cheapest first."""


@dataclass(frozen=True)
class Moves:
    """What each choice costs, USD, and where it leads: the level's place on the grid, shape (T, choices, levels)."""

    cost: Array
    below: npt.NDArray[np.intp]
    share: Array
    """Of the grid level above `below`."""
    next_level: Array


def moves(case: Case, engine: Engine, around: Surroundings, grid: Array) -> tuple[Moves, Moves]:
    """Every choice with the engine on, and off, at each level of the storage."""
    least, most = engine.min_load * engine.rated_kw, engine.rated_kw * engine.availability
    span = np.maximum(most, least)
    heat = heat_line(engine)
    match_heat = np.clip((around.heat_kw - heat.fixed) / heat.slope, least, span) if heat.slope > 0 else span
    powers = [np.full(case.steps, least), span, np.clip(around.power_kw, least, span), match_heat]
    fuel = fuel_line(engine)
    if around.co2_per_kwh > 0:
        wanted = around.co2_kg / (around.co2_per_kwh * case.step_hours)
        powers.append(np.clip((wanted - fuel.fixed) / fuel.slope, least, span))
    on = _with_others(case, around, grid, _running(engine, around, np.stack(powers, axis=1), case.step_hours))
    nothing = np.zeros((case.steps, 1))
    off = _with_others(case, around, grid, _Output(nothing, nothing, nothing, nothing))
    return on, off


@dataclass(frozen=True)
class _Output:
    """What engines make by each choice of power, and what that costs before grid and boilers; shape (T, choices)."""

    power_kw: Array
    heat_kw: Array
    co2_kg: Array
    usd_per_h: Array


def _running(engine: Engine, around: Surroundings, powers: Array, hours: Array) -> _Output:
    fuel, heat = fuel_line(engine), heat_line(engine)
    burnt = fuel.fixed + fuel.slope * powers
    usd_per_h = burnt * around.fuel_usd_per_kwh[:, None] + powers * engine.om_usd_per_kwh + engine.om_usd_per_run_hour
    co2 = burnt * around.co2_per_kwh * hours[:, None]
    return _Output(powers, heat.fixed + heat.slope * powers, co2, usd_per_h)


def _with_others(case: Case, around: Surroundings, grid: Array, made: _Output) -> Moves:
    """The engine's choices with what the other engines then do: stay at their least, go to their most, or follow."""
    powers, most = made.power_kw, around.other_kw[:, None]
    if most.any():
        follow = np.clip(around.power_kw[:, None] - powers, 0.0, most)
        more = np.concatenate((np.zeros_like(powers), np.broadcast_to(most, powers.shape), follow), axis=1)
        made = _Output(
            np.tile(powers, 3) + more,
            np.tile(made.heat_kw, 3) + more * around.other_heat[:, None],
            np.tile(made.co2_kg, 3) + more * (around.other_co2 * case.step_hours)[:, None],
            np.tile(made.usd_per_h, 3) + more * around.other_usd_per_kwh[:, None],
        )
    usd_per_h = made.usd_per_h + _grid_cost(case, around, made.power_kw) + _co2_cost(case, around, made.co2_kg)
    return _moves(case, around, grid, usd_per_h, made.heat_kw)


def balance_cost(case: Case, around: Surroundings, heat_usd_per_kwh: Array) -> Array:
    """USD/h of grid, CO2 and what the other engines make, at the cheapest of their choices, shape (T,)."""
    most, need = around.other_kw, around.power_kw
    more = np.stack((np.zeros_like(most), most, np.clip(need, 0.0, most)), axis=1)
    usd_per_kwh = around.other_usd_per_kwh - around.other_heat * heat_usd_per_kwh
    co2 = _co2_cost(case, around, more * (around.other_co2 * case.step_hours)[:, None])
    least: Array = (more * usd_per_kwh[:, None] + _grid_cost(case, around, more) + co2).min(axis=1)
    return least


def _co2_cost(case: Case, around: Surroundings, exhaust_kg: Array) -> Array | float:
    """USD/h of what the exhaust does not cover: bought as far as may be, then not served."""
    co2 = case.co2
    if co2 is None:
        return 0.0
    lack = np.maximum(around.co2_kg[:, None] - exhaust_kg, 0.0)
    bought = np.minimum(lack, (co2.liquid_max_kg_per_h * case.step_hours)[:, None])
    cost = bought * co2.liquid_usd_per_kg + (lack - bought) * case.penalties.co2_usd_per_kg
    per_hour: Array = cost / case.step_hours[:, None]
    return per_hour


def levels(case: Case) -> Array:
    """The levels of the heat storage at which values are kept, kWh."""
    storage = case.heat_storage
    if storage is None or storage.capacity_kwh <= storage.min_kwh:
        return np.zeros(1)
    return np.linspace(storage.min_kwh, storage.capacity_kwh, LEVELS)


def _grid_cost(case: Case, around: Surroundings, powers: Array) -> Array:
    """USD/h of what the grid balances, shape of `powers`."""
    need = around.power_kw[:, None] - powers
    bought = np.clip(need, 0, case.import_max_kw[:, None])
    sold = np.clip(-need, 0, case.export_max_kw[:, None])
    cost: Array = (
        bought * around.import_usd_per_kwh[:, None]
        - sold * case.prices.export_usd_per_kwh[:, None]
        + np.maximum(bought - around.cap_kw[:, None], 0) * around.above_cap_usd_per_kwh[:, None]
        + np.maximum(need - bought, 0) * case.penalties.power_usd_per_kwh
        + np.maximum(-need - sold, 0) * case.penalties.spill_usd_per_kwh
    )
    return cost


def _moves(case: Case, around: Surroundings, grid: Array, usd_per_h: Array, heat_kw: Array) -> Moves:
    """Every choice of power (already costed) with every policy of the storage, at every level."""
    hours = case.step_hours[:, None, None]
    surplus = (heat_kw - around.heat_kw[:, None])[:, :, None]
    lack = np.maximum(-surplus, 0.0)
    storage = case.heat_storage
    if storage is None:
        kept, room, give = np.zeros((case.steps, 1, 1)), np.zeros(1), np.zeros(1)
        gain = loss = 1.0
    else:
        gain, loss = storage.charge_efficiency, storage.discharge_efficiency
        kept = (1 - storage.loss_per_h) ** hours * grid
        room = np.clip((storage.capacity_kwh - kept) / (gain * hours), 0, storage.charge_max_kw)
        give = np.clip((kept - storage.min_kwh) * loss / hours, 0, storage.discharge_max_kw)
    charged = np.minimum(np.maximum(surplus, 0.0), room)
    dumped = np.maximum(surplus, 0.0) - charged
    discharged = np.minimum(lack, give)
    most = sum((limit for limit, _ in around.boilers), np.zeros(case.steps))[:, None, None]
    filled = np.minimum(np.maximum(most - lack, 0.0), room - charged)
    # Policies: the storage gives first; the boilers give first; the boilers fill it as well.
    policies = ((charged, discharged, lack - discharged), (charged, 0.0, lack), (charged + filled, 0.0, lack + filled))
    shape = np.broadcast_shapes(surplus.shape, (1, 1, len(grid)), kept.shape)
    costs, levels = [], []
    for put, taken, asked in policies:
        usd = usd_per_h[:, :, None] + _boiler_cost(case, around, asked)
        usd = usd + np.where(dumped > case.dump_max_kw[:, None, None] + 1e-6, NEVER, 0.0)
        costs.append(np.broadcast_to(hours * usd, shape))
        levels.append(np.broadcast_to(kept + hours * (gain * put - taken / loss), shape))
    cost, level = np.concatenate(costs, axis=1), np.concatenate(levels, axis=1)
    if len(grid) == 1:
        return Moves(cost, np.zeros(level.shape, dtype=np.intp), np.zeros(level.shape), level)
    place = np.clip((level - grid[0]) / (grid[1] - grid[0]), 0, len(grid) - 1)
    below = np.minimum(place.astype(np.intp), len(grid) - 2)
    return Moves(cost, below, place - below, level)


def _boiler_cost(case: Case, around: Surroundings, asked: Array) -> Array:
    """USD/h of heat from the boilers, the cheapest first; what they cannot give is unserved."""
    cost = np.zeros_like(asked)
    for most, price in around.boilers:
        given = np.minimum(asked, most[:, None, None])
        cost = cost + given * price[:, None, None]
        asked = asked - given
    unserved: Array = cost + asked * case.penalties.heat_usd_per_kwh
    return unserved
