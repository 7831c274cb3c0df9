"""Plans that differ from a plan in one block of hours: what a look at one engine after the other does not see.

An engine that runs beside a battery, or lamps that wait for an engine, pay only together: such a change is tried and
the linear program says what it costs. First come the blocks in which the relaxation would have it otherwise.
"""

from dataclasses import dataclass

import numpy as np

from vibelux.dispatch.case import Case
from vibelux.dispatch.commitment import Bools
from vibelux.dispatch.document import Array
from vibelux.dispatch.lamps import lit
from vibelux.dispatch.linear import Index
from vibelux.dispatch.model import Model, import_cost
from vibelux.dispatch.onward import allowed_run, must_and_may

_LENGTHS_H = (16.0, 8.0, 4.0, 2.0)


@dataclass(frozen=True)
class Block:
    """So many steps in which an engine, or lamps that cannot be dimmed, should be on, or off."""

    engine: bool
    at: int
    """Which of the engines, or of the groups of lamps."""
    steps: Bools
    on: bool


def blocks(model: Model, values: Array, relaxed: Array) -> list[Block]:
    """All blocks that differ from a plan, the most promising first.

    Args:
        model: the plant.
        values: the plan's integers, shape (columns,).
        relaxed: a solution in which integers need not be whole, of the same shape.
    """
    hours, windows = model.case.step_hours, _windows(model.case)
    found: list[tuple[float, Block]] = []
    for engine, at, columns in _switched(model):
        on = values[columns] > 0
        towards = np.clip(relaxed[columns], 0.0, 1.0) - on
        for steps in windows:
            for wanted in (True, False):
                differs = steps & (on != wanted)
                if differs.any():
                    gain = float(np.average(towards[differs], weights=hours[differs]))
                    found.append((gain if wanted else -gain, Block(engine, at, steps, wanted)))
    return [block for _, block in sorted(found, key=lambda one: -one[0])]


def changed(model: Model, values: Array, block: Block) -> Array:
    """A plan's integers with a block, and within the rules, shape (columns,)."""
    values = values.copy()
    if block.engine:
        on = model.engines[block.at].on
        wanted = np.where(block.steps, block.on, values[on] > 0)
        values[on] = allowed_run(model.case, model.case.chp[block.at], wanted, *must_and_may(model, block.at))
    else:
        level = model.lights[block.at].level
        price = import_cost(model.case)
        # What is lit stays lit unless the block says otherwise; what comes in its place comes where power is cheapest.
        wanted_most = np.where(block.steps, 2.0 * block.on - 1.0, values[level] > 0)
        cheapest = (price.max() - price) / max(float(np.ptp(price)), 1e-9)
        values[level] = lit(model.case, model.case.lights[block.at], 2.0 * wanted_most + cheapest)
    return values


def _switched(model: Model) -> list[tuple[bool, int, Index]]:
    """What is on or off: (whether an engine, which, its columns)."""
    engines = [(True, at, columns.on) for at, columns in enumerate(model.engines)]
    lamps = [
        (False, at, lights.level)
        for at, (group, lights) in enumerate(zip(model.case.lights, model.lights, strict=True))
        if not group.dimmable
    ]
    return [*engines, *lamps]


def _windows(case: Case) -> list[Bools]:
    """Blocks of each length, each overlapping the next by half."""
    begins = case.starts_h
    end = float(begins[-1] + case.step_hours[-1])
    windows = [
        (begins >= first) & (begins < first + length)
        for length in _LENGTHS_H
        for first in np.arange(0.0, end - length / 2, length / 2)
    ]
    return [window for window in windows if window.any()]
