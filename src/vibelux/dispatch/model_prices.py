"""New prices for a model that exists: only its costs change, and they are straight in the prices."""

from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from vibelux.dispatch.case import Case
from vibelux.dispatch.model import Model, both_ways_pay, fuel_cost, import_cost
from vibelux.dispatch.model_engines import fuel_line


def repriced(model: Model, case: Case) -> Model | None:
    """The model of a case that differs from the model's own in nothing but prices; None where more differs.

    Also None where export pays more than import costs in some step: which steps these are changes the columns.
    """
    before = model.case
    if len(model.importing) or both_ways_pay(case).any():
        return None
    if not _same(replace(case, prices=before.prices, name=before.name), before):
        return None
    hours, cost = case.step_hours, model.program.cost.copy()
    cost[model.imported] += hours * (import_cost(case) - import_cost(before))
    cost[model.exported] -= hours * (case.prices.export_usd_per_kwh - before.prices.export_usd_per_kwh)
    fuel = fuel_cost(case)
    dearer = hours * (fuel - model.common.fuel_usd_per_kwh)
    if dearer.any():
        for engine, columns in zip(case.chp, model.engines, strict=True):
            line = fuel_line(engine)
            cost[columns.on] += dearer * (line.fixed + line.slope * engine.min_load * engine.rated_kw)
            cost[columns.above] += dearer * line.slope
        for boiler, heat in zip(case.boiler, model.boilers, strict=True):
            cost[heat] += dearer / boiler.efficiency
    return replace(
        model,
        case=case,
        program=replace(model.program, cost=cost),
        common=replace(model.common, case=case, fuel_usd_per_kwh=fuel),
    )


def _same(one: Any, other: Any) -> bool:
    """Whether two values of a case say the same, names apart."""
    if one is other:
        return True
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    if is_dataclass(one) and other is not None:
        return all(_same(getattr(one, part.name), getattr(other, part.name)) for part in fields(one))
    return bool(one == other)
