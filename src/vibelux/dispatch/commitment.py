"""When one engine should run: a dynamic program over its state and the level of the heat storage.

The quick half of a re-plan. Prices, lamps, battery and the other engines are held as a linear solution has them; the
engine's power, boilers, dump and storage are chosen in each step from a few corner points, which is where the best
of a linear cost lies. The value function is kept at some levels and is straight between them. What comes out is only
when the engine is on; the linear program that follows finds all flows exactly.

All arrays over steps have shape (T, …); the axes behind are: power candidates (4), storage policies (3), levels.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vibelux.dispatch.case import Case, Engine
from vibelux.dispatch.document import Array, Steps
from vibelux.dispatch.model_engines import TIME_TOLERANCE_H, fuel_line, heat_line

LEVELS = 21

_NEVER = 1e12
"""USD: what a step costs that cannot be taken."""

Bools = npt.NDArray[np.bool_]


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
    """and how much heat comes with a kWh of it."""
    import_usd_per_kwh: Array
    """With everything that import touches at the margin."""
    cap_kw: Array
    """Import above it raises the metered peak."""
    above_cap_usd_per_kwh: Array
    fuel_usd_per_kwh: Array
    """The engine's, less what its CO2 is worth."""
    boilers: tuple[tuple[Array, Array], ...]
    """(most heat, USD/kWh), the cheapest first."""
    must: Bools
    may: Bools


@dataclass(frozen=True)
class _Moves:
    """What each choice costs, USD, and where it leads: the level's place on the grid, shape (T, choices, levels)."""

    cost: Array
    below: npt.NDArray[np.intp]
    share: Array
    """Of the grid level above `below`."""
    next_level: Array


def best_run(case: Case, engine: Engine, around: Surroundings) -> Bools:
    """When the engine is on, shape (T,)."""
    grid = _grid(case)
    least, most = engine.min_load * engine.rated_kw, engine.rated_kw * engine.availability
    span = np.maximum(most, least)
    heat = heat_line(engine)
    match_heat = np.clip((around.heat_kw - heat.fixed) / heat.slope, least, span) if heat.slope > 0 else span
    powers = np.stack((np.full(case.steps, least), span, np.clip(around.power_kw, least, span), match_heat), axis=1)
    fuel = fuel_line(engine)
    burnt = fuel.fixed + fuel.slope * powers
    running = burnt * around.fuel_usd_per_kwh[:, None] + powers * engine.om_usd_per_kwh + engine.om_usd_per_run_hour
    on = _with_others(case, around, grid, powers, running, heat.fixed + heat.slope * powers)
    nothing = np.zeros((case.steps, 1))
    off = _with_others(case, around, grid, nothing, nothing, nothing)
    return _Program(case, engine, around, grid).solve(on, off)


def _with_others(case: Case, around: Surroundings, grid: Array, powers: Array, usd_per_h: Array, heat: Array) -> _Moves:
    """The engine's choices with what the other engines then do: stay at their least, go to their most, or follow."""
    most = around.other_kw[:, None]
    if most.any():
        follow = np.clip(around.power_kw[:, None] - powers, 0.0, most)
        more = np.concatenate((np.zeros_like(powers), np.broadcast_to(most, powers.shape), follow), axis=1)
        powers, usd_per_h, heat = np.tile(powers, 3), np.tile(usd_per_h, 3), np.tile(heat, 3)
        usd_per_h = usd_per_h + more * around.other_usd_per_kwh[:, None]
        heat = heat + more * around.other_heat[:, None]
        powers = powers + more
    return _moves(case, around, grid, usd_per_h + _grid_cost(case, around, powers), heat)


def _grid(case: Case) -> Array:
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


def _moves(case: Case, around: Surroundings, grid: Array, usd_per_h: Array, heat_kw: Array) -> _Moves:
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
        usd = usd + np.where(dumped > case.dump_max_kw[:, None, None] + 1e-6, _NEVER, 0.0)
        costs.append(np.broadcast_to(hours * usd, shape))
        levels.append(np.broadcast_to(kept + hours * (gain * put - taken / loss), shape))
    cost, level = np.concatenate(costs, axis=1), np.concatenate(levels, axis=1)
    if len(grid) == 1:
        return _Moves(cost, np.zeros(level.shape, dtype=np.intp), np.zeros(level.shape), level)
    place = np.clip((level - grid[0]) / (grid[1] - grid[0]), 0, len(grid) - 1)
    below = np.minimum(place.astype(np.intp), len(grid) - 2)
    return _Moves(cost, below, place - below, level)


def _boiler_cost(case: Case, around: Surroundings, asked: Array) -> Array:
    """USD/h of heat from the boilers, the cheapest first; what they cannot give is unserved."""
    cost = np.zeros_like(asked)
    for most, price in around.boilers:
        given = np.minimum(asked, most[:, None, None])
        cost = cost + given * price[:, None, None]
        asked = asked - given
    unserved: Array = cost + asked * case.penalties.heat_usd_per_kwh
    return unserved


class _Program:
    """Backwards over the steps, then forwards along the best choices.

    States: on or off, and for how many more steps that is obliged (0: free).
    """

    def __init__(self, case: Case, engine: Engine, around: Surroundings, grid: Array) -> None:
        self.case, self.engine, self.around, self.grid = case, engine, around, grid
        self.up, self.down = obligations(case, engine)

    def solve(self, on: _Moves, off: _Moves) -> Bools:
        storage, steps = self.case.heat_storage, self.case.steps
        end = np.zeros(len(self.grid))
        if storage is not None:
            lack = np.maximum(storage.terminal_min_kwh - self.grid, 0.0)
            end = lack * self.case.penalties.terminal_usd_per_kwh - self.grid * storage.terminal_value_usd_per_kwh
        rows_on, rows_off = _rows(self.up), _rows(self.down)
        value_on, value_off = np.tile(end, (rows_on[-1], 1)), np.tile(end, (rows_off[-1], 1))
        cease = np.zeros((steps, len(self.grid)), dtype=np.bool_)
        begin = np.zeros((steps, len(self.grid)), dtype=np.bool_)
        after: list[tuple[Array, Array]] = []
        for step in range(steps - 1, -1, -1):
            after.append((value_on, value_off))
            run, rest = _best(on, step, value_on), _best(off, step, value_off)
            outage = self.engine.outage[step]
            if outage or not self.around.may[step]:
                run = np.full_like(run, _NEVER)
            if self.around.must[step]:
                rest = rest + _NEVER
            started = run[self.up[step]] + self.engine.start_cost_usd
            stopped = rest[self.down[step]]
            cease[step], begin[step] = stopped < run[0], started < rest[0]
            value_on = np.empty((rows_on[step], len(self.grid)))
            value_off = np.empty((rows_off[step], len(self.grid)))
            value_on[0], value_off[0] = np.minimum(run[0], stopped), np.minimum(rest[0], started)
            value_on[1:] = stopped if outage else run[: len(value_on) - 1]
            value_off[1:] = rest[: len(value_off) - 1]
        return self._forward(on, off, cease, begin, after[::-1])

    def _forward(self, on: _Moves, off: _Moves, cease: Bools, begin: Bools, after: list[tuple[Array, Array]]) -> Bools:
        running, obliged = self.engine.initial_on, 0
        level = 0.0 if self.case.heat_storage is None else self.case.heat_storage.initial_kwh
        width = self.grid[1] - self.grid[0] if len(self.grid) > 1 else 1.0
        pattern = np.zeros(self.case.steps, dtype=np.bool_)
        for step, values in enumerate(after):
            at = min(max(round((level - self.grid[0]) / width), 0), len(self.grid) - 1)
            blocked = self.engine.outage[step] or not self.around.may[step]
            if running:
                switch = blocked or (obliged == 0 and cease[step, at] and not self.around.must[step])
            else:
                switch = obliged == 0 and begin[step, at] and not blocked
            if switch:
                running = not running
                obliged = int((self.up if running else self.down)[step])
            else:
                obliged = max(obliged - 1, 0)
            moves, value = (on, values[0]) if running else (off, values[1])
            chosen = _choice(moves, step, at, value[obliged])
            level = float(moves.next_level[step, chosen, at]) + level - float(self.grid[at])
            pattern[step] = running
        return pattern


def _rows(obliged: Steps) -> Steps:
    """How many states of obligation there can be before each step, and after the last: shape (T + 1,)."""
    before = np.arange(len(obliged) + 1)
    reach = np.maximum.accumulate(np.concatenate(([0], np.arange(len(obliged)) + obliged + 1)))
    return np.maximum(reach - before, 0) + 1


def _best(moves: _Moves, step: int, value: Array) -> Array:
    """The least cost to go at each level for each row of `value`, the value after the step."""
    below = moves.below[step]
    after = value.take(below, axis=1)
    if value.shape[1] > 1:
        after += moves.share[step] * (value.take(below + 1, axis=1) - after)
    after += moves.cost[step]
    least: Array = after.min(axis=1)
    return least


def _choice(moves: _Moves, step: int, at: int, value: Array) -> int:
    """Which choice is the best at one level."""
    below, share = moves.below[step, :, at], moves.share[step, :, at]
    after = value[below]
    if len(value) > 1:
        after = after + share * (value[below + 1] - after)
    return int((moves.cost[step, :, at] + after).argmin())


def obligations(case: Case, engine: Engine) -> tuple[Steps, Steps]:
    """For each step, how many steps after it a start, and a stop, in it still binds, shape (T,)."""
    here = np.arange(case.steps)
    until = np.append(np.flatnonzero(engine.outage), case.steps)
    next_outage = until[np.searchsorted(until, here)]
    up = np.minimum(_obliged(case, engine.min_up_h), np.maximum(next_outage - here - 1, 0))
    return up, _obliged(case, engine.min_down_h)


def _obliged(case: Case, least_h: float) -> Steps:
    """For each step, how many steps after it a switch in it still binds, shape (T,)."""
    tau = case.starts_h
    end = np.searchsorted(tau, tau + least_h - TIME_TOLERANCE_H, side="left")
    later: Steps = np.maximum(end - np.arange(case.steps) - 1, 0)
    return later
