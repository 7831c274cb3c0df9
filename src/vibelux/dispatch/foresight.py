"""What a decision sees ahead: the best plan, the best plan that does the other thing now, and the one without CHP.

All three are solutions of the same case, so that every figure that is told can be confirmed by solving again. A new
plan that would switch an engine takes the place of the one in force only where it gains more than a threshold.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from vibelux.dispatch import highs
from vibelux.dispatch.case import Case
from vibelux.dispatch.explain import LimitPrices, binding_limits, without_chp
from vibelux.dispatch.solve import Solution, solve

TIME_LIMIT_S = 5.0
GAP = 1e-7
"""Tighter than a plan needs: five minutes are compared within the cost of two days."""

_PRICE_TOLERANCE = 2e-6
"""USD/kWh to which a break-even is found."""
_LOWEST, _HIGHEST = -2.0, 10.0
"""USD/kWh: between the floors and caps of all four grids there are no other prices."""

Solve = Callable[[Case, Mapping[str, bool] | None], Solution]


@dataclass(frozen=True)
class Limit:
    """A limit that binds, by the case's own name, and what one unit more of it would save."""

    name: str
    unit: str
    shadow_price: float


@dataclass(frozen=True)
class Margin:
    """What one unit more is worth in the first step, from the duals with every switching decision held."""

    heat_usd_per_kwh: float
    co2_usd_per_kg: float
    stored_heat_usd_per_kwh: float
    battery_usd_per_kwh: float
    limits: tuple["Limit", ...]
    """Those that bind in the first step, the most telling first."""


@dataclass(frozen=True)
class Slopes:
    """What a market price of the first step is to the site: d(import price)/dp and d(export price)/dp."""

    bought: float = 1.0
    sold: float = 1.0


@dataclass(frozen=True)
class Foresight:
    """The plan and what explains it."""

    case: Case
    plan: Solution
    other: Solution | None
    """The best plan that does the other thing in the first step; None where that cannot be."""
    without: Solution | None
    """The best plan without CHP; None for a site that has none."""
    break_even: float | None
    """The market price of the first step, USD/kWh, at which its action would change; None where none would."""
    margin: Margin
    market_price: float
    """Of the first step, USD/kWh."""
    slopes: Slopes
    kept_for_usd: float | None = None
    """What the best plan would gain over this one, which is kept for stability; None where this is the best."""

    @property
    def runs(self) -> bool:
        """Whether an engine is on in the first step."""
        return running(self.plan)

    def light(self) -> "Foresight":
        """The same without what only a solver needs, so that it is quickly sent from one process to another."""
        return replace(
            self,
            plan=_light(self.plan),
            other=None if self.other is None else _light(self.other),
            without=None if self.without is None else _light(self.without),
        )


def _light(solution: Solution) -> Solution:
    return replace(solution, model=None, integers=None)


def exactly(case: Case, first: Mapping[str, bool] | None = None) -> Solution:
    """The best schedule, with some engines as asked in the first step."""
    return solve(case, time_limit=TIME_LIMIT_S, gap=GAP, first=first)


def foresee(
    case: Case,
    market_price: float,
    slopes: Slopes,
    *,
    in_force: Mapping[str, bool] | None = None,
    threshold_usd: Callable[[frozenset[str]], float] = lambda _: 0.0,
    planned: Solve = exactly,
) -> Foresight | None:
    """Plans, and finds what explains the plan; None where no schedule keeps the hard rules.

    Args:
        case: what is known.
        market_price: of the first step, USD/kWh.
        slopes: how the site's own prices follow it.
        in_force: what the plan in force does with the engines now.
        threshold_usd: for engines that a new plan would switch against the one in force, what it has to gain.
        planned: the solver.
    """
    plan, other, kept_for = steadied(case, in_force or {}, threshold_usd, planned)
    if plan.schedule is None:
        return None
    even = None if other is None else _break_even(case, plan, other, market_price, slopes, planned)
    without = planned(without_chp(case), None) if case.chp else None
    return Foresight(
        case=case,
        plan=plan,
        other=other,
        without=without if without is not None and without.schedule is not None else None,
        break_even=even,
        margin=_margin(plan),
        market_price=market_price,
        slopes=slopes,
        kept_for_usd=kept_for,
    )


def steadied(
    case: Case,
    in_force: Mapping[str, bool],
    threshold_usd: Callable[[frozenset[str]], float],
    planned: Solve,
) -> tuple[Solution, Solution | None, float | None]:
    """The best plan, or the one that leaves the engines as they are in force, where switching gains too little.

    Returns:
        the plan, without a schedule where there is none; the best one that does the other thing in the first step; and
        what the best plan would gain over the one that is kept.
    """
    best = planned(case, None)
    if best.schedule is None:
        return best, None, None
    other = _other(case, best, planned)
    if other is not None and other.objective_usd < best.objective_usd:  # a quick plan need not be the best
        best, other = other.bounded_by(best.bound_usd), best
    if switched := frozenset(name for name, on in in_force.items() if _first(best)[name] != on):
        kept = planned(case, in_force)
        if kept.schedule is not None and kept.objective_usd - best.objective_usd < threshold_usd(switched):
            gain = max(kept.objective_usd - best.objective_usd, 0.0)
            other = best if running(kept) != running(best) else other
            return kept.bounded_by(best.bound_usd), other, gain
    return best, other, None


def running(solution: Solution) -> bool:
    """Whether an engine is on in the first step."""
    return any(_first(solution).values())


def _first(solution: Solution) -> dict[str, bool]:
    return {name: bool(run.on[0]) for name, run in solution.found.chp.items()}


def _other(case: Case, plan: Solution, planned: Solve) -> Solution | None:
    """All engines off where one runs; where none does, the cheapest plan with one on."""
    found = [planned(case, held) for held in _flips(case, running(plan))]
    found = [solution for solution in found if solution.schedule is not None]
    return min(found, key=lambda solution: solution.objective_usd, default=None)


def _flips(case: Case, runs: bool) -> Iterator[dict[str, bool]]:
    if runs:
        yield {engine.id: False for engine in case.chp}
    else:
        yield from ({engine.id: True} for engine in case.chp)


def _break_even(
    case: Case, plan: Solution, other: Solution, market_price: float, slopes: Slopes, planned: Solve
) -> float | None:
    """Where both plans cost the same, other prices as they are.

    The least cost with the first step's engines held is concave and straight by pieces over the step's price, its
    slope the energy that is then bought less what is sold. Where the straight lines at one price cross, both are
    solved again (Newton's method on a function of straight pieces), until the crossing is where they were solved.
    """
    here, there = (_held(solution) for solution in (plan, other))
    price, one, two = market_price, plan, other
    for _ in range(8):
        steepness = bought_kwh(two, slopes) - bought_kwh(one, slopes)
        if abs(steepness) < 1e-9:
            return None
        crossing = price - (two.objective_usd - one.objective_usd) / steepness
        if not _LOWEST <= crossing <= _HIGHEST:
            return None
        if abs(crossing - price) < _PRICE_TOLERANCE:
            return crossing
        price = crossing
        moved = at_price(case, price - market_price, slopes)
        one, two = planned(moved, here), planned(moved, there)
        if one.schedule is None or two.schedule is None:
            return None
    return price


def _held(solution: Solution) -> dict[str, bool]:
    """The first step's engines; of a plan that runs only those that do, so that the others may join or leave."""
    first = _first(solution)
    return {name: on for name, on in first.items() if on} or first


def at_price(case: Case, rise: float, slopes: Slopes) -> Case:
    """The same case with the market price of its first step higher by `rise`, USD/kWh."""
    bought, sold = case.prices.import_usd_per_kwh.copy(), case.prices.export_usd_per_kwh.copy()
    bought[0] += slopes.bought * rise
    sold[0] += slopes.sold * rise
    return replace(case, prices=replace(case.prices, import_usd_per_kwh=bought, export_usd_per_kwh=sold))


def bought_kwh(solution: Solution, slopes: Slopes) -> float:
    """How much the plan's cost rises with the market price of the first step."""
    schedule = solution.found
    flow = slopes.bought * schedule.import_kw[0] - slopes.sold * schedule.export_kw[0]
    return float(solution.case.step_hours[0] * flow)


def _margin(plan: Solution) -> Margin:
    model, integers = plan.model, plan.integers
    answer = None if model is None or integers is None else highs.solve(model.program, fixed=integers, presolve=False)
    if model is None or integers is None or answer is None or answer.row_dual is None or answer.column_dual is None:
        return Margin(0.0, 0.0, 0.0, 0.0, ())
    row, column = answer.row_dual, answer.column_dual
    prices = LimitPrices(np.maximum(-column, 0), np.maximum(column, 0), row)
    limits = []
    for limit in binding_limits(model, integers, prices):
        if 0 in limit["steps"]:
            worth = limit["shadow_price"][limit["steps"].index(0)]
            limits.append(Limit(limit["limit"], limit["unit"], worth))
    heat, battery, co2 = model.heat_storage, model.battery, model.common.usable_co2
    return Margin(
        heat_usd_per_kwh=float(row[model.common.heat[0]] / plan.case.step_hours[0]),
        co2_usd_per_kg=0.0 if co2 is None else float(row[co2[0]]),
        stored_heat_usd_per_kwh=0.0 if heat is None else -float(row[heat.balance[0]]),
        battery_usd_per_kwh=0.0 if battery is None else -float(row[battery.balance[0]]),
        limits=tuple(sorted(limits, key=lambda limit: -limit.shadow_price)),
    )
