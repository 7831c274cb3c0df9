"""The engines of the baselines: rules that look at no forecast. Everything but the engines is planned as always.

A rule says where each engine should run and at which power; minimum times, ramps and starts a day are kept. Where
that leaves the site short of something (lamps cannot burn, as their heat has nowhere to go), the rule gives way: first
its power may be lower, then its engines may be off.
"""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from vibelux.dispatch import highs
from vibelux.dispatch.case import Case, Engine
from vibelux.dispatch.document import Array
from vibelux.dispatch.facility import Facility
from vibelux.dispatch.heat_led_case import follow_heat, led
from vibelux.dispatch.model import Model, build, fuel_cost
from vibelux.dispatch.model_engines import fuel_line, heat_line
from vibelux.dispatch.solve import Solution, judged

Bools = npt.NDArray[np.bool_]
Rule = Callable[[Model, Array], None]
"""Holds the engines of a program, by the price of an imported kWh that the rule sees in each step."""

_GAP = 1e-6
_SECONDS = 10.0
_WORTH_GIVING_WAY_USD = 0.01


def grid_only(model: Model, seen: Array) -> None:
    """No engine ever runs that does not have to."""
    _hold(model, lambda _: np.zeros(len(seen), dtype=np.bool_))


def always_on(model: Model, seen: Array) -> None:
    """Every engine runs whenever it can, at the power that site and grid take, up to its full one."""
    _hold(model, lambda _: np.ones(len(seen), dtype=np.bool_))


def heat_led(model: Model, _seen: Array) -> None:
    """Engines make the heat that is wanted and no more (`dispatch.heat_led_case`)."""
    follow_heat(model)


def static_threshold(price: Mapping[str, float]) -> Rule:
    """An engine runs at full power while an imported kWh costs at least its own price.

    Args:
        price: by engine, USD for an imported kWh.
    """

    def rule(model: Model, seen: Array) -> None:
        _hold(model, lambda engine: np.nan_to_num(seen, nan=-np.inf) >= price[engine.id])

    return rule


def break_even(facility: Facility, case: Case) -> dict[str, float]:
    """What an imported kWh has to cost before an engine is worth running, by hand, at the first step's gas price.

    At full load a kWh of power takes `fuel / P` of gas and its upkeep, and its heat spares a boiler: with 1,000 kW from
    2,500 kW of gas at 3 cents, 1,000 kW of heat and a boiler of 0.8 it is 2.5 * 0.03 - 1.0 * 0.03 / 0.8 = 0.0375 USD.
    The heat counts as far as the mean demand of the case, engine after engine, takes it.
    """
    fuel_usd = float(fuel_cost(case)[0])
    heats = [fuel_usd / boiler.efficiency + boiler.om_usd_per_kwh for boiler in case.boiler]
    heat_usd = min(heats, default=0.0)
    wanted = float(case.heat_kw.mean())
    prices = {}
    for engine in case.chp:
        power = engine.rated_kw
        fuel, heat = fuel_line(engine), heat_line(engine)
        made = heat.fixed + heat.slope * power
        used = min(made, wanted)
        wanted -= used
        cost = (fuel.fixed + fuel.slope * power) * fuel_usd + engine.om_usd_per_kwh * power + engine.om_usd_per_run_hour
        prices[engine.id] = (cost - used * heat_usd) / power
    return prices


def first_held(case: Case, units: Mapping[str, tuple[bool, float]]) -> Solution:
    """The cheapest schedule with the engines' first step as it is told.

    Args:
        case: what is known.
        units: by engine whether it is on, and at which power, kW.
    """
    model = build(case, np.arange(case.steps))
    lower, upper = model.program.lower, model.program.upper
    for engine, columns in zip(case.chp, model.engines, strict=True):
        on, power = units[engine.id]
        above = max(power - engine.min_load * engine.rated_kw, 0.0) if on else 0.0
        for column, value in ((columns.on[0], float(on)), (columns.above[0], above)):
            lower[column] = upper[column] = min(max(value, lower[column]), upper[column])
    found, _ = judged(model, highs.solve(model.program, time_limit=_SECONDS, gap=_GAP))
    return found


def ruled(case: Case, seen: Array, rule: Rule) -> Solution:
    """The cheapest schedule with the engines led by a rule, which gives way where the site would go short."""
    best = Solution(case, reason="the rule breaks a limit")
    for gives_way in range(3):
        found = _solved(case, seen, rule, gives_way)
        if found.audit is None:
            continue
        if best.audit is None or _short_usd(found) < _short_usd(best) - _WORTH_GIVING_WAY_USD:
            best = found
        if _short_usd(best) < _WORTH_GIVING_WAY_USD:
            break
    return best


def _short_usd(found: Solution) -> float:
    return 0.0 if found.audit is None else found.audit.cost["penalties"]


def _solved(case: Case, seen: Array, rule: Rule, gives_way: int) -> Solution:
    """With the engines as the rule says (0), at that power at most (1), or also off (2)."""
    found = Solution(case)
    for one_way in (None, np.arange(case.steps)):
        model = build(case, one_way)
        lower = model.program.lower
        obliged = [lower[columns.on].copy() for columns in model.engines]
        rule(model, seen)
        for must, columns in zip(obliged, model.engines, strict=True):
            if gives_way > 0:
                lower[columns.above] = 0.0
            if gives_way > 1:
                lower[columns.on] = must
        answer = highs.solve(model.program, time_limit=_SECONDS, gap=_GAP)
        found, crossed = judged(model, answer)
        if not len(crossed) or found.gap_to(answer.bound) <= _GAP:
            break
    return found


def _hold(model: Model, wanted: Callable[[Engine], Bools]) -> None:
    case, lower, upper = model.case, model.program.lower, model.program.upper
    room_kw, room_heat = case.power_kw + case.export_max_kw, case.heat_kw + case.dump_max_kw
    for engine, columns in zip(case.chp, model.engines, strict=True):
        line = heat_line(engine)
        most = np.minimum(room_kw, (room_heat - line.fixed) / line.slope if line.slope > 0 else np.inf)
        must, may = lower[columns.on] > 0, upper[columns.on] > 0
        on, power = led(case, engine, wanted(engine), most, must, may, sure=False)
        lower[columns.on] = upper[columns.on] = on
        room_kw = room_kw - power
        room_heat = room_heat - np.where(on, line.fixed + line.slope * power, 0.0)
        above = np.where(on, power - engine.min_load * engine.rated_kw, 0.0)
        lower[columns.above] = upper[columns.above] = np.clip(above, lower[columns.above], upper[columns.above])
