"""When one engine should run: a dynamic program over its state and the level of the heat storage.

The quick half of a re-plan. The value function is kept at some levels and is straight between them. What comes out is
only when the engine is on; the linear program that follows finds all flows exactly.
"""

import numpy as np
import numpy.typing as npt

from vibelux.dispatch.case import Case, Engine
from vibelux.dispatch.document import Array, Steps
from vibelux.dispatch.model_engines import TIME_TOLERANCE_H
from vibelux.dispatch.moves import NEVER, Moves, Surroundings, levels, moves

Bools = npt.NDArray[np.bool_]


def best_run(case: Case, engine: Engine, around: Surroundings, must: Bools, may: Bools) -> Bools:
    """When the engine is on, shape (T,), where it has to be and may be."""
    grid = levels(case)
    return _Program(case, engine, must, may, grid).solve(*moves(case, engine, around, grid))


class _Program:
    """Backwards over the steps, then forwards along the best choices.

    States: on or off, and for how many more steps that is obliged (0: free). Whether obliged or free, the choice at a
    level is the one that is best when free: what differs is when the engine may switch, hardly what it then makes.
    """

    def __init__(self, case: Case, engine: Engine, must: Bools, may: Bools, grid: Array) -> None:
        self.case, self.engine, self.must, self.may, self.grid = case, engine, must, may, grid
        self.up, self.down = obligations(case, engine)

    def solve(self, on: Moves, off: Moves) -> Bools:
        storage, steps, places = self.case.heat_storage, self.case.steps, len(self.grid)
        end = np.zeros(places)
        if storage is not None:
            lack = np.maximum(storage.terminal_min_kwh - self.grid, 0.0)
            end = lack * self.case.penalties.terminal_usd_per_kwh - self.grid * storage.terminal_value_usd_per_kwh
        rows_on, rows_off = _rows(self.up).tolist(), _rows(self.down).tolist()
        value_on, value_off = np.tile(end, (rows_on[-1], 1)), np.tile(end, (rows_off[-1], 1))
        cease, begin = np.zeros((2, steps, places), dtype=np.bool_)
        up, down = self.up.tolist(), self.down.tolist()
        levels_on, levels_off = np.empty((2, steps, places))
        for step in range(steps - 1, -1, -1):
            run, levels_on[step] = _best(on, step, value_on)
            rest, levels_off[step] = _best(off, step, value_off)
            outage = self.engine.outage[step]
            if outage or not self.may[step]:
                run.fill(NEVER)
            if self.must[step]:
                rest += NEVER
            started, stopped = run[up[step]] + self.engine.start_cost_usd, rest[down[step]]
            cease[step], begin[step] = stopped < run[0], started < rest[0]
            value_on, value_off = np.empty((rows_on[step], places)), np.empty((rows_off[step], places))
            np.minimum(run[0], stopped, out=value_on[0])
            np.minimum(rest[0], started, out=value_off[0])
            value_on[1:] = stopped if outage else run[: len(value_on) - 1]
            value_off[1:] = rest[: len(value_off) - 1]
        return self._forward(levels_on, levels_off, cease, begin)

    def _forward(self, levels_on: Array, levels_off: Array, cease: Bools, begin: Bools) -> Bools:
        running, obliged = self.engine.initial_on, 0
        level = 0.0 if self.case.heat_storage is None else self.case.heat_storage.initial_kwh
        lowest, last = float(self.grid[0]), len(self.grid) - 1
        width = float(self.grid[1]) - lowest if last else 1.0
        pattern = np.zeros(self.case.steps, dtype=np.bool_)
        blocked = (self.engine.outage | ~self.may).tolist()
        for step in range(self.case.steps):
            at = min(max(round((level - lowest) / width), 0), last)
            if running:
                switch = blocked[step] or (obliged == 0 and cease[step, at] and not self.must[step])
            else:
                switch = obliged == 0 and begin[step, at] and not blocked[step]
            if switch:
                running = not running
                obliged = int((self.up if running else self.down)[step])
            else:
                obliged = max(obliged - 1, 0)
            level += float((levels_on if running else levels_off)[step, at]) - float(self.grid[at])
            pattern[step] = running
        return pattern


def _rows(obliged: Steps) -> Steps:
    """How many states of obligation there can be before each step, and after the last: shape (T + 1,)."""
    before = np.arange(len(obliged) + 1)
    reach = np.maximum.accumulate(np.concatenate(([0], np.arange(len(obliged)) + obliged + 1)))
    return np.maximum(reach - before, 0) + 1


def _best(moves: Moves, step: int, value: Array) -> tuple[Array, Array]:
    """For each row of `value` (the value after the step) the cost to go at each level; and the level it leads to."""
    below, share, cost = moves.below[step], moves.share[step], moves.cost[step]
    places = value.shape[1]
    after = value[0].take(below)
    if places > 1:
        after += share * (value[0].take(below + 1) - after)
    after += cost
    at = after.argmin(axis=0) * places + np.arange(places)
    below = below.take(at)
    best = value.take(below, axis=1)
    if places > 1:
        best += share.take(at) * (value.take(below + 1, axis=1) - best)
    best += cost.take(at)
    return best, moves.next_level[step].take(at)


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
