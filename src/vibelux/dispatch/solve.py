"""Answers a case: the best schedule that is proven in time, judged and costed by the checker.

A solver's word is not taken as proof. Each schedule is audited by `checker`, which shares nothing with the model; what
does not pass, or costs other than the solver says, is solved again: with the integers fixed, then without presolve.
"""

import math
import time
from dataclasses import dataclass, replace

import numpy as np

from vibelux.dispatch import highs
from vibelux.dispatch.case import Case
from vibelux.dispatch.checker import Audit, audit
from vibelux.dispatch.document import Array, Steps
from vibelux.dispatch.fallback import fallback_integers
from vibelux.dispatch.highs import Answer
from vibelux.dispatch.model import Model, build
from vibelux.dispatch.model_read import read
from vibelux.dispatch.schedule import Schedule

DEFAULT_GAP = 1e-6

DEFAULT_TIME_LIMIT_S = 45.0

_COST_FLOOR_USD = 1e-3
"""Gaps are relative to the cost, but never to less than this."""


@dataclass(frozen=True)
class Solution:
    """A schedule with its proof; without a schedule, `reason` says why there is none."""

    case: Case
    schedule: Schedule | None
    audit: Audit | None
    bound_usd: float
    seconds: float
    proven: bool
    """Whether the gap is within what was asked."""
    model: Model | None = None
    integers: Array | None = None
    """A solution whose integer columns are those of the schedule."""
    reason: str = ""

    @property
    def objective_usd(self) -> float:
        """What the schedule costs, by the checker."""
        return math.nan if self.audit is None else self.audit.objective_usd

    @property
    def gap(self) -> float:
        """How much dearer than the bound, relative to the cost; infinite without a bound."""
        return gap_of(self.objective_usd, self.bound_usd)

    @property
    def status(self) -> str:
        """`optimal`, `feasible` or `error`."""
        if self.schedule is None:
            return "error"
        return "optimal" if self.proven else "feasible"


def gap_of(objective: float, bound: float) -> float:
    """The relative gap.

    >>> gap_of(100.0, 99.0)
    0.01
    """
    return max(0.0, objective - bound) / max(abs(objective), _COST_FLOOR_USD)


def solve(case: Case, *, time_limit: float = DEFAULT_TIME_LIMIT_S, gap: float = DEFAULT_GAP) -> Solution:
    """Finds the cheapest schedule.

    Args:
        case: what is known.
        time_limit: seconds after which the best schedule found so far is given.
        gap: the relative gap that counts as proven.

    Returns:
        a solution; its status is `error` where no schedule keeps the hard rules.
    """
    began = time.perf_counter()
    search = _Search(case, began + time_limit, gap)
    return replace(search.run(), seconds=time.perf_counter() - began)


class _Search:
    """One case's search: the best schedule so far and the best bound so far."""

    def __init__(self, case: Case, until: float, gap: float) -> None:
        self.case = case
        self.until = until
        self.gap = gap
        self.best: Solution | None = None
        self.bound = -math.inf

    def run(self) -> Solution:
        exclusive: Steps = np.empty(0, dtype=np.intp)
        for presolve in (True, False, False):
            model = build(self.case, exclusive)
            answer = highs.solve(
                model.program, time_limit=self._left(), gap=self.gap / 2, presolve=presolve
            )
            if answer.infeasible and presolve:
                continue
            if answer.infeasible:
                return self._none("no schedule keeps the hard rules: " + "the demands of the state before step 0, "
                                  "the limits of storage or the limit on dumped heat contradict each other")
            self.bound = max(self.bound, answer.bound)
            crossed = self._take(model, answer)
            if self._proven() or self._left() <= 0:
                break
            # Only a battery that gains by burning power leaves a gap here, or a solver that erred.
            exclusive = np.union1d(exclusive, crossed) if presolve else np.arange(self.case.steps)
            if presolve and len(crossed):
                self.bound = -math.inf if not math.isfinite(self.bound) else self.bound
        if self.best is None:
            self._fall_back()
        return self._finished()

    def _left(self) -> float:
        return self.until - time.perf_counter()
