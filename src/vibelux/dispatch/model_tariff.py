"""Demand charges and demand-response events in the program."""

import numpy as np

from vibelux.dispatch.case import Case, DemandCharge
from vibelux.dispatch.document import Array
from vibelux.dispatch.linear import Builder, Index
from vibelux.dispatch.model_engines import TIME_TOLERANCE_H


def add_demand_charges(builder: Builder, case: Case, imported: Index, rows: dict[str, Index]) -> None:
    """Adds each charge: what the metered demand lies above the base costs, the base itself is sunk."""
    for charge in case.demand_charges:
        if len(charge.steps) == 0:
            continue
        base = max(charge.peak_so_far_kw, charge.ratchet_floor_kw)
        groups = _metered(case, charge)
        hours = case.step_hours[charge.steps]
        spans = np.bincount(groups, weights=hours)
        passed = np.zeros(len(spans))
        if (first := _interval_in_progress(case, charge)) is not None:
            group = groups[first]
            spans[group] += charge.elapsed_h
            passed[group] = charge.elapsed_kwh
        excess = builder.columns(1, cost=charge.usd_per_kw)
        first_steps = charge.steps[np.unique(groups, return_index=True)[1]]
        metered = builder.rows(len(spans), upper=base - passed / spans, at=first_steps)
        builder.put(metered[groups], imported[charge.steps], hours / spans[groups])
        builder.put(metered, np.repeat(excess, len(spans)), -1.0)
        rows[f"demand charge {charge.id}"] = metered


def _interval_numbers(case: Case, charge: DemandCharge) -> Array:
    """The metering interval of each step of the window; NaN for steps that count alone."""
    if charge.interval_h is None:
        return np.full(len(charge.steps), np.nan)
    short = case.step_hours[charge.steps] < charge.interval_h - TIME_TOLERANCE_H
    passed = case.starts_h[charge.steps] + charge.elapsed_h + TIME_TOLERANCE_H
    return np.where(short, np.floor(passed / charge.interval_h), np.nan)


def _interval_in_progress(case: Case, charge: DemandCharge) -> int | None:
    """Where in the window the interval stands that had begun before the first step."""
    found = np.flatnonzero(_interval_numbers(case, charge) == 0)
    return int(found[0]) if len(found) else None


def _metered(case: Case, charge: DemandCharge) -> Index:
    """A group number, from 0, for each step of the window: steps of one metering interval share it."""
    numbers = _interval_numbers(case, charge)
    alone = np.isnan(numbers)
    # Numbers below zero are free for the steps that count alone.
    numbers[alone] = -1.0 - np.arange(alone.sum())
    groups: Index = np.unique(numbers, return_inverse=True)[1].astype(np.int32)
    return groups


def add_dr_events(builder: Builder, case: Case, imported: Index, rows: dict[str, Index]) -> None:
    """Adds each event: a reward for reduction, negative above the baseline, and a price on import above its limit."""
    for event in case.dr_events:
        hours = case.step_hours[event.steps]
        reward = hours * event.reward_usd_per_kwh
        if event.reward_usd_per_kwh == 0:
            pass
        elif np.isinf(event.max_reduction_kw):
            builder.add_cost(imported[event.steps], reward)
            builder.offset -= float(reward @ event.baseline_kw)
        else:
            reduction = builder.columns(
                len(hours), cost=-reward, lower=-np.inf, upper=event.max_reduction_kw, at=event.steps
            )
            below = builder.rows(len(hours), upper=event.baseline_kw, at=event.steps)
            builder.put(below, reduction, 1.0)
            builder.put(below, imported[event.steps], 1.0)
        if np.isfinite(event.import_max_kw):
            excess = builder.columns(len(hours), cost=hours * event.noncompliance_usd_per_kwh, at=event.steps)
            capped = builder.rows(len(hours), upper=event.import_max_kw, at=event.steps)
            builder.put(capped, imported[event.steps], 1.0)
            builder.put(capped, excess, -1.0)
            rows[f"dr event {event.id} import_max_kw"] = capped
