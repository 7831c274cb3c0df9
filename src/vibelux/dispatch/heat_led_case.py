"""What a case costs when engines follow the heat demand, as most plants are run: what a plan has to beat.

The rule looks at no price. Engine after engine, in their order: one runs while the heat that is still wanted is at
least its heat at the least load, at the power that makes this heat, within ramps. It starts only where that holds for
its whole minimum running time, so that it never has to throw heat away for having started. All else (boilers,
storage, battery, lamps, CO2, grid) is then chosen at its cheapest: what is compared is the engines' running alone.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from vibelux.dispatch import highs
from vibelux.dispatch.case import Case, Engine
from vibelux.dispatch.document import Array
from vibelux.dispatch.model import Model, build
from vibelux.dispatch.model_engines import POWER_TOLERANCE_KW, TIME_TOLERANCE_H, heat_line
from vibelux.dispatch.solve import DEFAULT_GAP, Solution, judged

Bools = npt.NDArray[np.bool_]

_BREAKS = "engines that follow the heat demand break a limit: what must run makes more heat than may be thrown away"


def heat_led(case: Case, *, time_limit: float = 10.0, gap: float = DEFAULT_GAP) -> Solution:
    """The case with its engines led by heat, audited; without a schedule where a limit forbids that.

    Args:
        case: what is known.
        time_limit: seconds for what the engines leave open; it is linear but for lamps that cannot be dimmed and
            directions of grid and battery.
        gap: its relative gap.
    """
    found = Solution(case)
    for one_way in (None, np.arange(case.steps)):
        model = build(case, one_way)
        follow_heat(model)
        answer = highs.solve(model.program, time_limit=time_limit, gap=gap)
        found, crossed = judged(model, answer)
        if not len(crossed) or found.gap_to(answer.bound) <= gap:
            break
        # The battery gained by burning power: now its direction has to be a variable.
    return found if found.schedule is not None else replace(found, reason=_BREAKS)


def follow_heat(model: Model) -> None:
    """Holds the engines of a program at what the rule says."""
    case, lower, upper = model.case, model.program.lower, model.program.upper
    wanted = case.heat_kw.copy()
    for engine, columns in zip(case.chp, model.engines, strict=True):
        must, may = lower[columns.on] > 0, upper[columns.on] > 0
        on, power = _run(case, engine, wanted, must, may)
        lower[columns.on] = upper[columns.on] = on
        above = np.where(on, power - engine.min_load * engine.rated_kw, 0.0)
        lower[columns.above] = upper[columns.above] = np.clip(above, lower[columns.above], upper[columns.above])
        fixed, slope = heat_line(engine)
        wanted = np.maximum(wanted - np.where(on, fixed + slope * power, 0.0), 0.0)


def _run(case: Case, engine: Engine, wanted: Array, must: Bools, may: Bools) -> tuple[Bools, Array]:
    """When an engine runs and at which power, kW, to make the heat that is wanted."""
    least = engine.min_load * engine.rated_kw
    fixed, slope = heat_line(engine)
    fits = wanted >= fixed + slope * least
    ideal = (wanted - fixed) / slope if slope > 0 else np.full(case.steps, least)
    return led(case, engine, fits, ideal, must, may, sure=True)


def led(
    case: Case, engine: Engine, fits: Bools, ideal: Array, must: Bools, may: Bools, *, sure: bool
) -> tuple[Bools, Array]:
    """When an engine runs, and at which power, under a rule that looks at one step after the other.

    Args:
        case: what is known.
        engine: one of it.
        fits: where the rule would have it run, shape (T,).
        ideal: at which power, kW; it is brought into the engine's range and ramps.
        must: where it has to be on.
        may: where it may be.
        sure: whether it starts only where the rule would have it run for all of its minimum running time.
    """
    least = engine.min_load * engine.rated_kw
    runs, powers = np.zeros(case.steps, dtype=np.bool_), np.zeros(case.steps)
    on, power, before = engine.initial_on, engine.initial_kw, engine.initial_kw
    bound_until, starts = -np.inf, 0
    for step, (begins, hours) in enumerate(zip(case.starts_h, case.step_hours, strict=True)):
        available = float(engine.availability[step]) * engine.rated_kw
        climb, fall = engine.ramp_up_kw_per_h * float(hours), engine.ramp_down_kw_per_h * float(hours)
        falls_freely = available < before
        free = begins >= bound_until - TIME_TOLERANCE_H and not must[step]
        if on:
            low_enough = falls_freely or power <= max(least, fall) + POWER_TOLERANCE_KW
            stays = bool(may[step]) and (bool(fits[step]) or not (free and low_enough))
        else:
            spare = engine.max_starts is None or starts < engine.max_starts
            wanted = _fits_on(case, engine, fits, step) if sure else bool(fits[step])
            stays = free and spare and bool(may[step]) and wanted
        if stays:
            highest = min(available, power + climb if on else max(least, climb))
            lowest = max(least, power - fall) if on and not falls_freely else least
            power = max(min(float(ideal[step]), highest), lowest)
            runs[step], powers[step] = True, power
        if stays != on:
            bound_until = begins + (engine.min_up_h if stays else engine.min_down_h)
            starts += stays
        on, before = stays, available
    return runs, powers


def _fits_on(case: Case, engine: Engine, fits: Bools, step: int) -> bool:
    """Whether the heat is wanted for as long as a start obliges the engine to run."""
    ends = int(np.searchsorted(case.starts_h, case.starts_h[step] + engine.min_up_h - TIME_TOLERANCE_H))
    outages = np.flatnonzero(engine.outage[step:])
    until = min(max(ends, step + 1), step + int(outages[0]) if len(outages) else case.steps)
    return bool(fits[step:until].all())
