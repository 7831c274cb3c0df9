"""When lamps that cannot be dimmed are on: for each target the steps in which light costs least.

The engines are held at when they run; between their limits they follow. A step in which the lamps would raise a metered
peak is as dear as the raise, but the raise is paid once, for all steps: so a few heights of the peak are tried, each
with the steps that stay below it.
"""

from dataclasses import replace

import numpy as np

from vibelux.dispatch.case import Case, Lights
from vibelux.dispatch.commitment import Bools
from vibelux.dispatch.document import Array
from vibelux.dispatch.moves import Surroundings, balance_cost

_RAISES = np.linspace(0.0, 1.0, 9)
"""Of the lamps' power: by how much a peak may be raised for them."""


def best_light(case: Case, group: Lights, around: Surroundings, heat_usd_per_kwh: Array) -> Bools:
    """When the lamps are on, shape (T,).

    Args:
        case: what is known.
        group: the lamps.
        around: what the site needs without them, with all engines among the others.
        heat_usd_per_kwh: what heat is worth in each step.
    """
    lamps_kw = group.max_kw * group.allowed
    energy = lamps_kw * case.step_hours
    peaks = bool(around.above_cap_usd_per_kwh.any())
    best, least = np.zeros(case.steps, dtype=np.bool_), np.inf
    for raised in _RAISES * group.max_kw if peaks else (0.0,):
        higher = replace(around, cap_kw=around.cap_kw + raised)
        lit_up = replace(higher, power_kw=around.power_kw + lamps_kw)
        dearer = balance_cost(case, lit_up, heat_usd_per_kwh) - balance_cost(case, higher, heat_usd_per_kwh)
        usd = case.step_hours * (dearer - group.heat_fraction * lamps_kw * heat_usd_per_kwh)
        on = lit(case, group, -usd / np.maximum(energy, 1e-9), usd < 0)
        total = float(usd @ on) + raised * _peak_usd_per_kw(case) + _lacking_usd(case, group, energy, on)
        if total < least:
            best, least = on, total
    return best


def _peak_usd_per_kw(case: Case) -> float:
    """What a kW more costs in all demand charges together."""
    return sum(charge.usd_per_kw for charge in case.demand_charges)


def _lacking_usd(case: Case, group: Lights, energy: Array, on: Bools) -> float:
    given = [float((energy * on)[target.from_step : target.to_step].sum()) for target in group.targets]
    lacks = [max(target.energy_kwh - kwh, 0.0) for target, kwh in zip(group.targets, given, strict=True)]
    return sum(lacks) * case.penalties.light_usd_per_kwh


def lit(case: Case, group: Lights, wanted: Array, on: Bools | None = None) -> Bools:
    """For each target the steps that are wanted most, shape (T,).

    Args:
        case: what is known.
        group: the lamps.
        wanted: how much a kWh of each step is wanted.
        on: steps that are lit already; some are put out where a target may not get so much.
    """
    energy = group.max_kw * group.allowed * case.step_hours
    on = np.zeros(case.steps, dtype=np.bool_) if on is None else on & (energy > 0)
    for target in group.targets:
        span = np.arange(target.from_step, target.to_step)
        order = span[np.argsort(-wanted[span], kind="stable")].tolist()
        given = float(energy[span] @ on[span])
        added = []
        for step in reversed(order):
            if given > target.max_energy_kwh and on[step]:
                on[step] = False
                given -= float(energy[step])
        for step in order:
            if given >= target.energy_kwh:
                break
            if not on[step] and energy[step] > 0 and given + energy[step] <= target.max_energy_kwh:
                on[step] = True
                given += float(energy[step])
                added.append(step)
        for step in reversed(added):
            # The last one often gives more than was lacking: what is then too much is put out, the dearest first.
            if given - energy[step] >= target.energy_kwh:
                on[step] = False
                given -= float(energy[step])
    return on
