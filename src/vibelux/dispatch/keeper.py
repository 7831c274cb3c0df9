"""The plans of one plant, each started from the last, as the solver that a decision asks (`foresight.Solve`).

The plan itself is searched for with proof where there is time for it; its counterfactuals ("what if not", "at which
price") start from it, as they differ in one step: on varied plants they come out as exact solves do, at a tenth of
the time.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from vibelux.dispatch.case import Case
from vibelux.dispatch.foresight import GAP, Solve, exactly
from vibelux.dispatch.planner import Plan, replan
from vibelux.dispatch.solve import DEFAULT_GAP, Solution, solve

_HOUR = timedelta(hours=1)
_FIRST_SECONDS = 1.0


class PlanKeeper:
    """Keeps the last plan of one plant."""

    def __init__(self) -> None:
        self._kept: Plan | None = None
        self._at: datetime | None = None

    def at(self, now: datetime, *, proof_seconds: float = 0.0) -> Solve:
        """The solver for a decision at a moment.

        Args:
            now: the moment.
            proof_seconds: how long a proven optimum may be searched for; 0: the quick plan does.
        """
        later_h = 0.0 if self._at is None else (now - self._at) / _HOUR
        self._at = now
        base: list[Plan] = []

        def planned(case: Case, first: Mapping[str, bool] | None = None) -> Solution:
            if not case.chp:
                return exactly(case)
            if not base:
                base.append(self._plan(case, max(later_h, 0.0), proof_seconds))
                self._kept = base[0]
            if first is None and case is base[0].solution.case:
                return base[0].solution
            return replan(case, base[0], first=first).solution

        return planned

    def _plan(self, case: Case, later_h: float, proof_seconds: float) -> Plan:
        """The better of the quick plan and what is found with proof."""
        quick = replan(case, self._kept, later_h=later_h, seconds=0.0 if proof_seconds > 0 else _FIRST_SECONDS)
        if proof_seconds <= 0 or quick.solution.proven:
            return quick
        searched = solve(case, time_limit=proof_seconds, gap=GAP)
        better = searched.schedule is not None and searched.objective_usd < quick.solution.objective_usd
        best = searched if better else quick.solution
        best = replace(best, bound_usd=max(searched.bound_usd, quick.solution.bound_usd))
        return replace(quick, solution=replace(best, proven=best.gap <= DEFAULT_GAP))
