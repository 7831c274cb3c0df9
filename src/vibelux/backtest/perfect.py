"""Perfect foresight: the one problem of the whole window with every price known, solved as far as time allows.

A window of up to some hundred steps is one mixed-integer program. A longer one is solved in overlapping stretches, each
from the state that the one before leaves; then the linear relaxation of the whole says how much dearer than the optimum
that may be.
"""

import math
from dataclasses import dataclass

from vibelux.backtest.drive import Checkpoint, Tick, drive
from vibelux.backtest.known import Known
from vibelux.backtest.strategies import Open, Searched
from vibelux.backtest.window import Window
from vibelux.dispatch import highs
from vibelux.dispatch.case import Case
from vibelux.dispatch.model import build
from vibelux.dispatch.planner import replan
from vibelux.dispatch.schedule import Schedule

WHOLE_STEPS = 1100
_MOST_STEPS_OF_BOUND = 20_000
_STRETCH = {60: (7, 5), 30: (6, 4), 15: (5, 3), 5: (4, 2)}
"""By minutes of a step: days of a stretch, and how many of them are kept."""
_STRETCH_SECONDS = 2.0
"""Twice the time makes a month of the lit greenhouse of `examples/study` 0.02 % cheaper."""


@dataclass(frozen=True)
class Perfect:
    """What was found."""

    schedule: Schedule
    bound_usd: float | None
    """No schedule costs less; None where the window is too long to say."""
    how: str
    """In words."""


def perfect(
    window: Window, case: Case, *, seconds: float, kept: Checkpoint | None = None, tick: Tick = lambda _: None
) -> Perfect:
    """The best schedule of a window that is found.

    Args:
        window: what is played again.
        case: its one problem.
        seconds: how long that may be searched for.
        kept: where a long run is kept.
        tick: told of the progress.

    Raises:
        VibeluxError: no schedule keeps the hard rules.
    """
    if case.steps <= WHOLE_STEPS:
        found = replan(case, seconds=seconds).solution
        if found.schedule is not None:
            tick(case.steps)
            bound = found.bound_usd if math.isfinite(found.bound_usd) else None
            return Perfect(found.schedule, bound, "one problem of the whole window")
    days, keeps = next((of for least, of in _STRETCH.items() if window.step >= least), (3, 1))
    schedule = drive(
        window,
        Searched(_STRETCH_SECONDS),
        Open(window, Known(window, foreseen=True), days),
        follow_minutes=keeps * 24 * 60,
        kept=kept,
        tick=tick,
    )
    bound = None
    if case.steps <= _MOST_STEPS_OF_BOUND:
        loose = highs.solve(build(case).program, relaxed=True)
        bound = loose.bound if math.isfinite(loose.bound) else None
    told = "its gap is to the linear relaxation of the whole" if bound is not None else "with no bound for the whole"
    return Perfect(schedule, bound, f"in stretches of {days} days, of each {keeps} kept; {told}")
