"""The plans of one plant, each started from the last, as the solver that a decision asks (`foresight.Solve`).

The plan itself is searched for with proof where there is time for it; its counterfactuals ("what if not", "at which
price") start from it, as they differ in one step: on varied plants they come out as exact solves do, at a tenth of
the time.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from vibelux.dispatch.case import Case
from vibelux.dispatch.foresight import GAP, Solve, exactly
from vibelux.dispatch.planner import Plan, replan
from vibelux.dispatch.solve import Solution, solve

_HOUR = timedelta(hours=1)


class PlanKeeper:
    """Keeps the last plan of one plant.

    Args:
        first_seconds: how long the first plan, or one without proof, may be searched for beyond the quick way.
    """

    def __init__(self, first_seconds: float = 1.0) -> None:
        self._first_seconds = first_seconds
        self._kept: Plan | None = None
        self._without: Plan | None = None
        self._at: datetime | None = None
        self._offered: tuple[Plan, datetime] | None = None

    def offer(self, plan: Plan, at: datetime) -> None:
        """Has the next plan start from this one too, which was made for a moment; the better of the two is taken."""
        self._offered = (plan, at)

    def at(self, now: datetime, *, proof_seconds: float = 0.0, haste: bool = False) -> Solve:
        """The solver for a decision at a moment.

        Args:
            now: the moment.
            proof_seconds: how long a proven optimum may be searched for; 0: the quick plan does.
            haste: search as little as may be, for many more plants wait (`replan`).
        """
        later_h = 0.0 if self._at is None else max((now - self._at) / _HOUR, 0.0)
        self._at = now
        base: list[Plan] = []
        asked: dict[frozenset[tuple[str, bool]], Plan] = {}

        def planned(case: Case, first: Mapping[str, bool] | None = None) -> Solution:
            if not case.chp:
                return self._plan_without(case, later_h, haste)
            if not base:
                base.append(self._plan(case, now, later_h, proof_seconds, haste))
                self._kept = base[0]
            if first is None and case is base[0].solution.case:
                return base[0].solution
            what_if = frozenset((first or {}).items())
            last = asked.get(what_if, base[0])
            plan = replan(case, last, first=first, seconds=self._first_seconds, haste=haste)
            if plan.solution.schedule is not None:
                asked[what_if] = plan  # the same is asked again, at other prices
                if case is base[0].solution.case and _cost(plan) < _cost(self._kept):
                    self._kept = base[0].instead(plan)
            return plan.solution

        return planned

    def _plan_without(self, case: Case, later_h: float, haste: bool) -> Solution:
        """The best plan of the site without its engines, which needs no search where lamps can be dimmed."""
        plan = replan(case, self._without, later_h=later_h, seconds=0.0, haste=haste)
        if not plan.solution.proven:
            return exactly(case)
        self._without = plan
        return plan.solution

    def _plan(self, case: Case, now: datetime, later_h: float, proof_seconds: float, haste: bool) -> Plan:
        """The better of the quick plan and what is found with proof."""
        first_seconds = 0.0 if proof_seconds > 0 else self._first_seconds
        quick = replan(case, self._kept, later_h=later_h, seconds=first_seconds, haste=haste)
        if self._offered is not None:
            (plan, at), self._offered = self._offered, None
            other = replan(case, plan, later_h=max((now - at) / _HOUR, 0.0), seconds=0.0, haste=haste)
            quick = min(quick, other, key=_cost)
        if proof_seconds <= 0 or quick.solution.proven:
            return quick
        searched = solve(case, time_limit=proof_seconds, gap=GAP)
        better = searched.schedule is not None and searched.objective_usd < quick.solution.objective_usd
        best = searched if better else quick.solution
        return replace(quick, solution=best.bounded_by(max(searched.bound_usd, quick.solution.bound_usd)))


def _cost(plan: Plan | None) -> float:
    return math.inf if plan is None or plan.solution.schedule is None else plan.solution.objective_usd
