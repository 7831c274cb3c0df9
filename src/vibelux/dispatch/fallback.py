"""A set of switching decisions that keeps every rule, found without a search.

Used where the time limit ends before the solver has found any schedule. Each engine is off as soon as its state
before step 0 lets it be, and stays off; lamps that cannot be dimmed are off; the grid is for import.
"""

import numpy as np
import numpy.typing as npt

from vibelux.dispatch.case import Case, Engine
from vibelux.dispatch.document import Array
from vibelux.dispatch.model import Model


def fallback_integers(model: Model) -> Array:
    """Values for all columns, of which only those of the integer ones mean anything."""
    values = np.zeros(len(model.program.cost))
    values[model.importing] = 1.0
    for engine, columns in zip(model.case.chp, model.engines, strict=True):
        if engine.initial_on:
            must = model.program.lower[columns.on] > 0
            values[columns.on[: first_off(model.case, engine, must)]] = 1.0
    return values


def first_off(case: Case, engine: Engine, must: npt.NDArray[np.bool_]) -> int:
    """The first step in which a running engine can be off: nothing holds it, and it has come down far enough."""
    least = engine.min_load * engine.rated_kw
    power, available = engine.initial_kw, engine.initial_kw
    for step, hours in enumerate(case.step_hours):
        now = float(engine.availability[step]) * engine.rated_kw
        fall = engine.ramp_down_kw_per_h * float(hours)
        falls = now < available
        if engine.outage[step] or (not must[step] and (falls or power <= max(least, fall))):
            return step
        power = least if falls else max(least, power - fall)
        available = now
    return case.steps
