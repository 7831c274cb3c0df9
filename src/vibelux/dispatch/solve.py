"""Answers a case: the best schedule that is proven in time, judged and costed by the checker.

A solver's word is not taken as proof. Each schedule is audited by `checker`, which shares nothing with the model; what
does not pass, or costs other than the solver says, is solved again: with the integers fixed, then without presolve.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from vibelux.dispatch import highs
from vibelux.dispatch.case import Case
from vibelux.dispatch.checker import audit
from vibelux.dispatch.costing import Audit, add_costs
from vibelux.dispatch.document import Array, Steps
from vibelux.dispatch.fallback import fallback_integers
from vibelux.dispatch.highs import Answer
from vibelux.dispatch.model import Model, build, held_first
from vibelux.dispatch.model_read import read
from vibelux.dispatch.schedule import Schedule

DEFAULT_GAP = 1e-6

DEFAULT_TIME_LIMIT_S = 45.0

_BOUND_TOLERANCE = 1e-6
"""By how much, relative to the cost, a bound may lie above a schedule before one of them must be wrong."""

_CONTRADICTION = (
    "no schedule keeps the hard rules: the state before step 0, the limits of the storage levels "
    "and the limit on dumped heat contradict each other"
)

_COST_FLOOR_USD = 1e-3
"""Gaps are relative to the cost, but never to less than this."""


@dataclass(frozen=True)
class Solution:
    """A schedule with its proof; without a schedule, `reason` says why there is none."""

    case: Case
    schedule: Schedule | None = None
    audit: Audit | None = None
    bound_usd: float = -math.inf
    seconds: float = 0.0
    proven: bool = False
    """Whether the gap is within 1e-6, whatever was asked."""
    model: Model | None = None
    integers: Array | None = None
    """A solution whose integer columns are those of the schedule."""
    reason: str = ""

    @property
    def found(self) -> Schedule:
        """The schedule of a solution that has one."""
        if self.schedule is None:
            raise ValueError(f"{self.case.name}: a solution without a schedule")
        return self.schedule

    @property
    def objective_usd(self) -> float:
        """What the schedule costs, by the checker."""
        return math.nan if self.audit is None else self.audit.objective_usd

    @property
    def gap(self) -> float:
        """How much dearer than the bound, relative to the cost; infinite without a bound."""
        return self.gap_to(self.bound_usd)

    @property
    def gap_of_turnover(self) -> float:
        """The gap relative to all that is paid and earned, which tells more where both nearly cancel."""
        turnover = 0.0 if self.audit is None else math.fsum(abs(part) for part in self.audit.cost.values())
        return self.gap * max(abs(self.objective_usd), _COST_FLOOR_USD) / max(turnover, _COST_FLOOR_USD)

    def gap_to(self, bound: float) -> float:
        """The gap against a bound; infinite where the bound is dearer than the schedule, for then it is none."""
        cost = self.objective_usd
        if math.isnan(cost) or bound - cost > _BOUND_TOLERANCE * max(abs(cost), 1.0):
            return math.inf
        return max(0.0, cost - bound) / max(abs(cost), _COST_FLOOR_USD)

    def at(self, case: Case) -> "Solution":
        """The same schedule under a case that differs in its prices alone; nothing is proven of it there."""
        found = Audit()
        add_costs(found, case, self.found)
        return replace(self, case=case, audit=found, bound_usd=-math.inf, proven=False, model=None)

    def bounded_by(self, bound: float) -> "Solution":
        """The same with another bound."""
        found = replace(self, bound_usd=bound)
        return replace(found, proven=found.gap <= DEFAULT_GAP)

    @property
    def status(self) -> str:
        """`optimal`, `feasible` or `error`."""
        if self.schedule is None:
            return "error"
        return "optimal" if self.proven else "feasible"


def solve(
    case: Case,
    *,
    time_limit: float = DEFAULT_TIME_LIMIT_S,
    gap: float = DEFAULT_GAP,
    first: Mapping[str, bool] | None = None,
) -> Solution:
    """Finds the cheapest schedule.

    Args:
        case: what is known.
        time_limit: seconds after which the best schedule found so far is given.
        gap: the relative gap at which the search ends.
        first: engines that have to be on, or off, in the first step, by id: the question "what if not".

    Returns:
        a solution; its status is `error` where no schedule keeps the hard rules.
    """
    began = time.perf_counter()
    until = began + time_limit
    solution = _search(case, until, gap, first or {})
    if solution is None:
        solution = Solution(case, bound_usd=-math.inf, reason=_CONTRADICTION)
    elif solution.schedule is None and not first:
        solution = _with_fallback(case, solution.bound_usd)
    return replace(solution, seconds=time.perf_counter() - began, proven=solution.gap <= DEFAULT_GAP)


def _search(case: Case, until: float, gap: float, first: Mapping[str, bool]) -> Solution | None:
    """The best schedule of a few solves, empty where none was found in time; None where none can exist."""
    best, bound = Solution(case), -math.inf
    exclusive: Steps | None = None
    presolve = True
    while True:
        model = held_first(build(case, exclusive), first)
        if model is None:
            return None
        answer = highs.solve(model.program, time_limit=until - time.perf_counter(), gap=gap / 2, presolve=presolve)
        if answer.infeasible and not presolve:
            return None
        if not answer.infeasible:
            found, crossed = judged(model, answer)
            if best.schedule is None or found.objective_usd < best.objective_usd:
                best = found
            bound = max(bound, answer.bound)
            if best.gap_to(bound) <= gap or time.perf_counter() >= until:
                break
            if len(crossed) and exclusive is None:
                # The battery gains by burning power: now its direction has to be a variable.
                exclusive = np.arange(case.steps)
                continue
            if not presolve:
                break
        presolve = False
        bound = -math.inf
    return replace(best, bound_usd=bound)


def judged(model: Model, answer: Answer) -> tuple[Solution, Steps]:
    """The answer as an audited schedule, empty if it breaks a rule even with its integers held; and crossed steps."""
    nothing: Steps = np.empty(0, dtype=np.intp)
    if answer.x is None:
        return Solution(model.case), nothing
    reading = read(model, answer.x)
    found = audit(model.case, reading.schedule)
    if found.violations:
        polished = highs.solve(model.program, fixed=np.rint(answer.x))
        if polished.x is None:
            return Solution(model.case), nothing
        reading = read(model, polished.x)
        found = audit(model.case, reading.schedule)
        if found.violations:
            return Solution(model.case), reading.battery_crossed
    return Solution(
        model.case, reading.schedule, found, model=model, integers=np.rint(answer.x)
    ), reading.battery_crossed


def _with_fallback(case: Case, bound: float) -> Solution:
    """A plain schedule for want of a better: engines off as soon as they may be, lamps off, the rest at its best."""
    model = build(case, np.arange(case.steps))
    plain = highs.solve(model.program, fixed=fallback_integers(model))
    found, _ = judged(model, plain)
    if found.schedule is None:
        return replace(found, reason="no schedule was found within the time limit")
    if math.isinf(bound):
        bound = highs.solve(model.program, relaxed=True).bound
    return replace(found, bound_usd=bound)
