"""A good plan in milliseconds: the last plan at the new prices, and a search only where that may gain.

The plan obeys every rule exactly (the checker says so), and its gap is proven against the linear relaxation. That bound
is loose: the plan is mostly far nearer to the optimum than its gap says. How much dearer than the relaxation a plan is
hardly changes with the prices, so the growth of that difference tells when to search. Who needs the proof asks `solve`.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from vibelux.dispatch import highs
from vibelux.dispatch.blocks import blocks, changed
from vibelux.dispatch.case import Case
from vibelux.dispatch.document import Array
from vibelux.dispatch.fallback import fallback_integers
from vibelux.dispatch.heat_led_case import follow_heat
from vibelux.dispatch.highs import Answer
from vibelux.dispatch.linear import Builder
from vibelux.dispatch.model import Model, build, held_first
from vibelux.dispatch.model_prices import repriced
from vibelux.dispatch.onward import onward
from vibelux.dispatch.runs import attempts, chosen, relit
from vibelux.dispatch.solve import DEFAULT_GAP, Solution, judged, solve
from vibelux.dispatch.warm import Basis, WarmProgram

FIRST_SECONDS = 2.0

TRIES = 3

WORTH = 5e-3
"""A search is worth its time where it may save this share of the cost;"""

WORTH_IN_HASTE = 2e-2
"""and this share where thousands of plants wait."""

FAR = 3e-3
"""A plan that is this share of its cost further above the relaxation than before is changed block by block too."""

BLOCKS = 100
"""How many of them are tried."""

_HEAT_SECONDS = 0.5

_GOOD = 1e-4
"""A first plan within this gap is not searched on."""


@dataclass(frozen=True)
class Plan:
    """A solution, and what the next plan starts from."""

    solution: Solution
    relaxed: Basis | None = None
    """Where the relaxation ended,"""
    held: Basis | None = None
    """and the program with the plan's integers held."""
    slack_usd: float = -math.inf
    """How much dearer than the relaxation the plan was when it was last searched for."""

    def instead(self, found: "Plan") -> "Plan":
        """A cheaper plan of the same case, which was found with engines held in the first step, in the place of this.

        What bounds this one bounds it too; what was proven with the engines held does not.
        """
        gained = self.solution.objective_usd - found.solution.objective_usd
        solution = found.solution.bounded_by(self.solution.bound_usd)
        return replace(found, solution=solution, relaxed=self.relaxed, slack_usd=self.slack_usd - gained)


def replan(
    case: Case,
    previous: Plan | None = None,
    *,
    later_h: float = 0.0,
    first: Mapping[str, bool] | None = None,
    seconds: float = FIRST_SECONDS,
    haste: bool = False,
) -> Plan:
    """Plans anew: in milliseconds from the last plan of the same plant, well enough to start from without one.

    Args:
        case: what is known now.
        previous: the last plan; of another plant it does not help.
        later_h: how many hours later than the previous case this one begins.
        first: engines that have to be on, or off, in the first step, by id.
        seconds: how long a first plan may be searched for, once there is a quick one that is not proven.
        haste: take the last plan at the new prices, unless it has become much worse.

    Returns:
        a plan; its solution has the status `error` where no schedule keeps the hard rules.
    """
    began = time.perf_counter()
    model = _model(case, previous)
    asked = held_first(model, first or {})
    if asked is None:
        return Plan(Solution(case, reason="an engine cannot be in the first step as is asked"))
    search = _Search(asked)
    goes_on = previous is not None and search.go_on(previous, later_h, haste=haste)
    if not goes_on and not search.relax():
        return Plan(solve(case, first=first))
    known = previous.slack_usd if goes_on and previous is not None else -math.inf
    if not goes_on or search.has_lost(WORTH_IN_HASTE if haste else WORTH, known):
        search.by_engine()
        if not goes_on and search.best.gap_to(search.bound) > _GOOD:
            search.by_heat(_HEAT_SECONDS)
        blockwise = not first and not (goes_on and haste)
        if blockwise and search.has_lost(FAR, max(known, 0.0)):
            search.by_block()
        if not goes_on and search.best.gap_to(search.bound) > _GOOD and seconds > 0:
            search.everywhere(seconds)
        known = search.slack_usd
    if search.best.schedule is None:
        return Plan(solve(case, first=first))
    best = replace(search.best, model=model, seconds=time.perf_counter() - began).bounded_by(search.bound)
    return Plan(best, search.relaxed_basis, search.held_basis, min(known, search.slack_usd))


def _model(case: Case, previous: Plan | None) -> Model:
    """The last model at the new prices where nothing else has changed; else a new one."""
    before = None if previous is None else previous.solution.model
    model = None if before is None else repriced(before, case)
    if model is None:
        model = build(case)
        # What the program was gathered from need not be kept for thousands of facilities.
        model = replace(model, common=replace(model.common, builder=Builder(case.steps)))
    return model


class _Search:
    """The best plan so far, and where to look for a better one."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.warm = WarmProgram(model.program)
        self.best = Solution(model.case)
        self.bound = self.relaxed_bound = -math.inf
        self.relaxed_basis: Basis | None = None
        self.held_basis: Basis | None = None
        self._held: Answer | None = None
        self._tried: set[bytes] = set()

    @property
    def slack_usd(self) -> float:
        """How much dearer than the relaxation the best plan is; infinite where there is none."""
        return math.inf if self.best.schedule is None else self.best.objective_usd - self.relaxed_bound

    def relax(self, basis: Basis | None = None) -> bool:
        """Solves the relaxation; False where it has no solution."""
        loose = self.warm.relaxed(basis, duals=False)
        if loose.x is None:
            return False
        self.bound = self.relaxed_bound = loose.bound
        self.relaxed_basis = self.warm.basis()
        return True

    def has_lost(self, share: float, known_usd: float) -> bool:
        """Whether the best plan is further above the relaxation than is known, by more than a share of its cost."""
        return self.slack_usd - known_usd > share * abs(self.best.objective_usd)

    def go_on(self, previous: Plan, later_h: float, *, haste: bool) -> bool:
        """Takes over the last plan's runs; False where they make no plan.

        In haste the relaxation is left out where it is clear without it that these runs have not lost much.
        """
        before, values = previous.solution.model, previous.solution.integers
        link = None if before is None else onward(self.model, before, later_h)
        if before is None or link is None or values is None:
            return False
        runs, basis = link.integers(values), link.basis(previous.held)
        if haste and link.same and self._consider(runs, basis):
            kept = _bound_kept(self.model, before, previous.solution.bound_usd)
            self.bound = self.relaxed_bound = max(kept, self._bound_by_duals())
            if not self.has_lost(WORTH_IN_HASTE, previous.slack_usd):
                self.relaxed_basis = previous.relaxed
                return True
        if not self.relax(link.basis(previous.relaxed)):
            return False
        self._consider(runs, basis, duals=False)
        return self.best.schedule is not None

    def _bound_by_duals(self) -> float:
        """What no plan costs less than, by the duals of the best one: each integer at the end that suits it better."""
        held, at, program = self._held, self.warm.integers, self.model.program
        if held is None or held.x is None or held.column_dual is None:
            return -math.inf
        dearer, here = held.column_dual[at], held.x[at]
        ends = np.minimum(dearer * (program.lower[at] - here), dearer * (program.upper[at] - here))
        return held.bound + float(ends.sum())

    def by_engine(self) -> None:
        """Tries runs of the engines, one engine at a time, around the relaxation and around the best plan so far."""
        loose = self.warm.relaxed(self.relaxed_basis)
        for attempt in attempts(self.model.case)[:TRIES]:
            start = loose if attempt.anew else self._around()
            if start is None or start.x is None:
                continue
            runs = chosen(self.model, start, attempt)
            self._consider(runs)
            if (lamps := relit(self.model, start, runs)) is not None:
                self._consider(lamps)
            if self.best.gap_to(self.bound) <= DEFAULT_GAP:
                break
        if self.best.schedule is None:
            self._consider(fallback_integers(self.model))

    def by_heat(self, seconds: float) -> None:
        """Has the engines follow the heat, as most are run, and all else at its best."""
        program = self.model.program
        held = replace(program, lower=program.lower.copy(), upper=program.upper.copy())
        follow_heat(replace(self.model, program=held))
        found = highs.solve(held, time_limit=seconds, gap=_GOOD)
        if found.x is not None:
            self._consider(np.rint(found.x))

    def by_block(self) -> None:
        """Changes a block of hours of the best plan at a time, for as long as that makes it cheaper."""
        relaxed, left, better = self.warm.relaxed(self.relaxed_basis, duals=False).x, BLOCKS, True
        while better and relaxed is not None:
            better = False
            for block in blocks(self.model, self._integers(), relaxed):
                before = len(self._tried)
                better |= self._consider(changed(self.model, self._integers(), block), duals=False)
                left -= len(self._tried) - before
                if left <= 0:
                    return

    def _integers(self) -> Array:
        if self.best.integers is None:
            raise ValueError("there is no plan to be changed")
        return self.best.integers

    def everywhere(self, seconds: float) -> None:
        """Searches around the best plan by branching and bounding; finds a better bound as well."""
        found = highs.solve(self.model.program, time_limit=seconds, gap=_GOOD, start=self.best.integers)
        self.bound = max(self.bound, found.bound)
        if found.x is not None:
            self._consider(np.rint(found.x))

    def _around(self) -> Answer | None:
        """The best plan's linear solution with its duals."""
        if self._held is not None and self._held.row_dual is None and self.best.integers is not None:
            self._held = self.warm.held(self.best.integers, self.held_basis)
        return self._held

    def _consider(self, values: Array, basis: Basis | None = None, *, duals: bool = True) -> bool:
        """Finds the flows for these integers, and keeps the plan if it is the best; whether it is."""
        key = values[self.warm.integers].tobytes()
        if key in self._tried:
            return False
        self._tried.add(key)
        held = self.warm.held(values, basis, duals=duals)
        least = math.inf if self.best.schedule is None else self.best.objective_usd
        if held.bound >= least:
            return False
        found = judged(self.model, held)[0]
        if found.schedule is None or found.objective_usd >= least:
            return False
        self.best, self._held, self.held_basis = found, held, self.warm.basis()
        return True


def _bound_kept(model: Model, before: Model, bound: float) -> float:
    """What is left of a bound after costs have changed: each changed column at its better end.

    Minus infinity where more than costs has changed, or such a column has no end.
    """
    now, then = model.program, before.program
    if now.row_lower is not then.row_lower:
        return -math.inf
    at = np.flatnonzero(now.cost != then.cost)
    dearer = now.cost[at] - then.cost[at]
    return bound + float(np.minimum(dearer * now.lower[at], dearer * now.upper[at]).sum())
