"""What of the last plan still holds: its runs, brought to a later moment and within the rules, and its bases."""

from dataclasses import dataclass

import numpy as np

from vibelux.dispatch.case import Case, Engine
from vibelux.dispatch.commitment import Bools, obligations
from vibelux.dispatch.document import Array, Steps
from vibelux.dispatch.fallback import first_off
from vibelux.dispatch.lamps import lit
from vibelux.dispatch.linear import Index, Program
from vibelux.dispatch.model import Model
from vibelux.dispatch.model_engines import TIME_TOLERANCE_H
from vibelux.dispatch.warm import Basis


@dataclass(frozen=True)
class Onward:
    """Where each column, row and step of a model stood in the model of the last plan."""

    model: Model
    before: Model
    columns: Index
    rows: Index
    same: bool
    """Whether they are the same columns and rows, and the same moment."""

    def integers(self, values: Array) -> Array:
        """The last plan's integers, shape (columns before,), as values for the columns of the model."""
        if self.same and self.model.program.lower is self.before.program.lower:
            return values  # nothing but prices has changed
        moved = values.copy() if self.same else np.where(self.columns >= 0, values[self.columns], 0.0)
        for at, (engine, columns) in enumerate(zip(self.model.case.chp, self.model.engines, strict=True)):
            must, may = must_and_may(self.model, at)
            moved[columns.on] = allowed_run(self.model.case, engine, moved[columns.on] > 0, must, may)
        if not self.same:
            for group, lights in zip(self.model.case.lights, self.model.lights, strict=True):
                if not group.dimmable:
                    on = moved[lights.level] > 0
                    moved[lights.level] = lit(self.model.case, group, on.astype(np.float64), on)
        return moved

    def basis(self, basis: Basis | None) -> Basis | None:
        """The last plan's basis for the model; what is new starts at its bound."""
        if basis is None or self.same:
            return basis
        return basis.brought(self.model.program, self.columns, self.rows)


def onward(model: Model, before: Model, later_h: float) -> Onward | None:
    """Compares a model with that of the last plan, which began `later_h` hours earlier; None for another plant."""
    case, then = model.case, before.case
    if [engine.id for engine in case.chp] != [engine.id for engine in then.chp]:
        return None
    if [group.id for group in case.lights] != [group.id for group in then.lights]:
        return None
    now, old = model.program, before.program
    same = later_h == 0 and np.array_equal(case.step_hours, then.step_hours) and _alike(now, old)
    if same:
        columns, rows = (np.arange(count, dtype=np.int32) for count in (len(now.cost), len(now.row_lower)))
        return Onward(model, before, columns, rows, same=True)
    passed = np.searchsorted(then.starts_h, case.starts_h + later_h + TIME_TOLERANCE_H, side="right") - 1
    step_of: Steps = np.clip(passed, 0, then.steps - 1)
    return Onward(
        model,
        before,
        now.column_labels.found_in(old.column_labels, step_of),
        now.row_labels.found_in(old.row_labels, step_of),
        same=False,
    )


def _alike(one: Program, other: Program) -> bool:
    return one.column_labels is other.column_labels or (
        len(one.cost) == len(other.cost)
        and len(one.row_lower) == len(other.row_lower)
        and np.array_equal(one.column_labels.at, other.column_labels.at)
        and np.array_equal(one.row_labels.at, other.row_labels.at)
    )


def must_and_may(model: Model, at: int) -> tuple[Bools, Bools]:
    """Where an engine has to be on, and may be, by its state before the first step, outages and what is held."""
    on = model.engines[at].on
    engine = model.case.chp[at]
    must, may = model.program.lower[on] > 0, model.program.upper[on] > 0
    if engine.initial_on and may[0]:
        must[: first_off(model.case, engine, must)] = True
    return must, may


def allowed_run(case: Case, engine: Engine, wanted: Bools, must: Bools, may: Bools) -> Bools:
    """The run nearest to a wanted one that switches no earlier than it may, and starts no oftener, shape (T,)."""
    up, down = obligations(case, engine)
    running, held, starts = engine.initial_on, 0, 0
    most = case.steps if engine.max_starts is None else engine.max_starts
    on = np.zeros(case.steps, dtype=np.bool_)
    asked = (wanted | must).tolist()
    for step, (ask, free) in enumerate(zip(asked, may.tolist(), strict=True)):
        if running and (not free or (held == 0 and not ask)):
            running, held = False, int(down[step])
        elif not running and ask and free and held == 0 and starts < most:
            running, held, starts = True, int(up[step]), starts + 1
        else:
            held = max(held - 1, 0)
        on[step] = running
    return on
