"""The first step again at a new price, within milliseconds: which of the two plans of the last decision is right now?

A decision compares the best plan with the best one that does the other thing, and finds the price of this step at
which they cost the same. So a price that comes later in the same step needs no plan to be made to tell whether to run
or to stop. Set-points are those of the plan that is followed; the next whole decision moves them.
"""

import time
from dataclasses import replace
from datetime import datetime

from vibelux.dispatch.build import obligation, step_prices
from vibelux.dispatch.decision import Action, Decision, confident
from vibelux.dispatch.facility import Facility
from vibelux.dispatch.foresight import Foresight, at_price, bought_kwh
from vibelux.dispatch.horizon import stands_at
from vibelux.dispatch.plan_reasons import briefly
from vibelux.dispatch.planned import Planned
from vibelux.dispatch.solve import Solution
from vibelux.dispatch.state import PlantState
from vibelux.outlook.conditions import Conditions
from vibelux.outlook.past import utc_minutes

RULE = "break-even"


def again(last: Decision, conditions: Conditions, state: PlantState, now: datetime) -> Decision | None:
    """The last decision at another market price of its first step.

    Args:
        last: a decision with a plan.
        conditions: the market now.
        state: of the plant, as the last decision set it or telemetry shows it.
        now: the moment, UTC.

    Returns:
        the decision; None where only a new plan can tell: there is none, its first step is over, another price than
        that of electricity has changed, or an engine may not be switched back so soon.
    """
    began = time.perf_counter()
    before, market_price = last.planned, conditions.electricity.value
    if before is None or market_price is None or not _holds(before, conditions, now):
        return None
    facility = before.facility
    seen = at_market_price(before.seen, market_price, facility)
    wanted = {name: bool(run.on[0]) for name, run in seen.plan.found.chp.items()}
    if not _may_be(facility, wanted, state, now):
        return None
    state = stands_at(facility, state, now)
    planned = replace(before, state=state, seen=seen, elapsed_h=(now - before.outlook.at).total_seconds() / 3600)
    flow = planned.flow()
    confidence, doubt = confident(conditions, seen.break_even)
    return replace(
        last,
        action=Action.RUN if flow.running else Action.STOP,
        rule=RULE,
        valid_from=now,
        units=flow.units,
        since={unit.id: state.since(unit.id, unit.on, now) for unit in flow.units},
        starts={unit.id: state.starts(unit.id, unit.on) for unit in flow.units},
        flow=flow,
        net_benefit_usd_per_h=planned.net_benefit_usd_per_h(),
        confidence=confidence,
        reasons=(*briefly(seen, before.seen.market_price), *doubt, *conditions.notes),
        basis={**conditions.basis(), "demand": last.basis["demand"], "state": state.source},
        status="heuristic",
        gap=None,
        planned=planned,
        milliseconds=(time.perf_counter() - began) * 1000,
    )


def at_market_price(seen: Foresight, market_price: float, facility: Facility) -> Foresight:
    """The plan that is right at another market price of the first step, the other beside it; no plan is made.

    The break-even stays what it is, for it does not depend on this price: above it the plan is right that buys less in
    this step, below it the other. The action changes only where that gains what switching has to
    (`Facility.least_gain_usd`).
    """
    case = at_price(seen.case, market_price - seen.market_price, seen.slopes)
    plan, other = seen.plan.at(case), None if seen.other is None else seen.other.at(case)
    without = None if seen.without is None else seen.without.at(replace(case, chp=()))
    kept_for, margin = None, seen.margin
    if other is not None and _is_right(other, plan, market_price, seen):
        gain = max(plan.objective_usd - other.objective_usd, 0.0)
        switched = frozenset(name for name, run in other.found.chp.items() if run.on[0] != plan.found.chp[name].on[0])
        if gain >= facility.least_gain_usd(switched):
            plan, other, margin = other, plan, replace(margin, limits=())
        else:
            kept_for = gain
    return replace(
        seen,
        case=case,
        plan=plan,
        other=other,
        without=without,
        margin=margin,
        market_price=market_price,
        kept_for_usd=kept_for,
    )


def _is_right(other: Solution, plan: Solution, market_price: float, seen: Foresight) -> bool:
    buys_less = bought_kwh(other, seen.slopes) < bought_kwh(plan, seen.slopes)
    return seen.break_even is not None and buys_less == (market_price > seen.break_even)


def _holds(planned: Planned, conditions: Conditions, now: datetime) -> bool:
    """Whether the plan's first step is not over, and gas and carbon cost what it was made with."""
    steps, case = planned.outlook.steps, planned.seen.case
    prices = step_prices(planned.facility, conditions)
    return (
        prices is not None
        and planned.outlook.at <= now
        and utc_minutes(now) < steps.starts[0] + steps.lengths[0]
        and prices.gas_usd_per_mmbtu == case.prices.gas_usd_per_mmbtu[0]
        and prices.carbon_usd_per_t == case.prices.carbon_usd_per_t[0]
    )


def _may_be(facility: Facility, wanted: dict[str, bool], state: PlantState, now: datetime) -> bool:
    """Whether no minimum time or outage forbids it."""
    for engine in facility.chp:
        must, _ = obligation(engine, state.units.get(engine.id), now, facility.zone_name)
        if must is not None and must != wanted[engine.id]:
            return False
    return True
