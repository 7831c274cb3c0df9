"""What stands behind a plan: the limits that bind it, what a unit more of each is worth, and the plan without CHP.

Shadow prices are the duals of the linear program that is left when every switching decision is held: they say what
a small change of a limit would do to the cost, other decisions as they are. They are reported per unit and per hour,
that is USD/kWh for a limit in kW, as savings: positive where more room would make the plan cheaper.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vibelux.dispatch import highs
from vibelux.dispatch.case import Case
from vibelux.dispatch.document import Array
from vibelux.dispatch.heat_led_case import heat_led
from vibelux.dispatch.linear import Index
from vibelux.dispatch.model import Model
from vibelux.dispatch.solve import Solution, solve

_WORTH_TELLING = 1e-6


@dataclass(frozen=True)
class LimitPrices:
    """Duals of the program with its integers held, as what one unit more is worth."""

    of_upper: Array
    """Of each column's upper bound, USD a unit."""
    of_lower: Array
    """What each column's lower bound costs, USD a unit."""
    of_row: Array


def explain(solution: Solution, *, time_limit: float, gap: float) -> dict[str, Any]:
    """Explains a solution that has a schedule.

    Args:
        solution: what was found.
        time_limit: seconds for each of the other ways to run the site.
        gap: their gap.

    Returns:
        `binding_limits` (each with `limit`, `unit`, `steps`, `shadow_price`), `marginal_usd_per_kwh` of power and
        heat in every step, `without_chp`: the best plan of the same site without its engines, and `heat_led`: the
        same site with its engines led by the heat demand.
    """
    explanation: dict[str, Any] = {}
    model = solution.model
    if model is not None and solution.integers is not None:
        answer = highs.solve(model.program, fixed=solution.integers)
        if answer.row_dual is not None and answer.column_dual is not None:
            prices = LimitPrices(np.maximum(-answer.column_dual, 0), np.maximum(answer.column_dual, 0), answer.row_dual)
            hours = solution.case.step_hours
            explanation["binding_limits"] = binding_limits(model, solution.integers, prices)
            explanation["marginal_usd_per_kwh"] = {
                "power": _rounded(answer.row_dual[model.common.power] / hours),
                "heat": _rounded(answer.row_dual[model.common.heat] / hours),
            }
    if solution.case.chp:
        explanation["without_chp"] = _compared(
            solution, solve(without_chp(solution.case), time_limit=time_limit, gap=gap), "chp_is_worth_usd"
        )
        explanation["heat_led"] = _compared(
            solution, heat_led(solution.case, time_limit=time_limit, gap=gap), "plan_saves_usd"
        )
    return explanation


def binding_limits(model: Model, integers: Array, prices: LimitPrices) -> list[dict[str, Any]]:
    """Every limit with a shadow price, by the case's own names; the most telling first."""
    case, hours = model.case, model.case.step_hours
    limits = [
        _by_step("grid.import_max_kw", prices.of_upper, model.imported, hours),
        _by_step("grid.export_max_kw", prices.of_upper, model.exported, hours),
        _by_step("heat.dump_max_kw", prices.of_upper, model.dump, hours),
    ]
    for boiler, columns in zip(case.boiler, model.boilers, strict=True):
        limits.append(_by_step(f"boiler {boiler.id} rated_kw * availability", prices.of_upper, columns, hours))
    for engine, engine_columns in zip(case.chp, model.engines, strict=True):
        on = integers[engine_columns.on] > 0
        most = prices.of_upper[engine_columns.above] - prices.of_row[model.rows[f"chp {engine.id} power"]]
        limits.append(_limit(f"chp {engine.id} rated_kw * availability", np.where(on, most / hours, 0.0), "USD/kWh"))
        least = prices.of_lower[engine_columns.above]
        limits.append(_limit(f"chp {engine.id} min_load", np.where(on, least / hours, 0.0), "USD/kWh"))
    for name, storage in (("heat_storage", model.heat_storage), ("battery", model.battery)):
        if storage is not None:
            limits += [
                _by_step(f"{name}.charge_max_kw", prices.of_upper, storage.charge, hours),
                _by_step(f"{name}.discharge_max_kw", prices.of_upper, storage.discharge, hours),
                _limit(f"{name}.capacity_kwh", prices.of_upper[storage.level], "USD/kWh"),
                _limit(f"{name}.min_kwh", prices.of_lower[storage.level], "USD/kWh"),
            ]
    for group, lights in zip(case.lights, model.lights, strict=True):
        if group.dimmable:
            limits.append(_by_step(f"lights {group.id} max_kw * allowed", prices.of_upper, lights.level, hours))
    if model.liquid is not None:
        limits.append(_by_step("co2.liquid_max_kg_per_h", prices.of_upper, model.liquid, np.ones_like(hours), "USD/kg"))
    for name, rows in model.rows.items():
        if not name.startswith("chp "):
            limits.append(_limit(name, np.abs(prices.of_row[rows]), "USD/kW" if "charge" in name else "USD/kWh"))
    told = [limit for limit in limits if limit is not None]
    return sorted(told, key=lambda limit: -float(max(limit["shadow_price"])))


def _by_step(name: str, worth: Array, columns: Index, hours: Array, unit: str = "USD/kWh") -> dict[str, Any] | None:
    return _limit(name, worth[columns] / hours, unit)


def _limit(name: str, worth: Array, unit: str) -> dict[str, Any] | None:
    at = np.flatnonzero(worth > _WORTH_TELLING)
    if not len(at):
        return None
    return {"limit": name, "unit": unit, "steps": at.tolist(), "shadow_price": _rounded(worth[at])}


def _rounded(values: Array) -> list[float]:
    return [float(value) + 0.0 for value in np.round(values, 6)]


def _compared(solution: Solution, other: Solution, gain: str) -> dict[str, Any]:
    """Another way to run the site, and by how much it is dearer."""
    if other.audit is None:
        return {"status": other.status, "reason": other.reason}
    proven = {"gap": other.gap} if math.isfinite(other.gap) else {}
    return {
        "status": other.status,
        "objective_usd": other.objective_usd,
        **proven,
        gain: other.objective_usd - solution.objective_usd,
        "cost": other.audit.cost,
        "unserved": other.audit.unserved,
    }


def without_chp(case: Case) -> Case:
    """The same site without its engines."""
    return replace(case, chp=())
