"""What a schedule does not deliver, in plain sentences: how much, in which steps, and which limits stand in the way.

A sentence names a limit only where the schedule is at it; where none is reached, going short was the cheaper choice,
and the sentence says that.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from vibelux.dispatch.case import Case
from vibelux.dispatch.costing import Audit
from vibelux.dispatch.document import Array
from vibelux.dispatch.schedule import Schedule

SHORT_KW = 1e-6

_AT_LIMIT_KW = 1e-3

_Steps = npt.NDArray[np.intp]


def shortfalls(case: Case, schedule: Schedule, found: Audit) -> list[str]:
    """One sentence at least for each kind of shortfall; none where all is served."""
    return [
        *_power(case, schedule),
        *_heat(case, schedule),
        *_co2(case, schedule),
        *_light(case, schedule, found),
        *_terminal(case, found),
        *_spill(case, schedule),
        *_dr(case, schedule),
    ]


def spans(steps: _Steps) -> str:
    """Step numbers as people write them.

    >>> spans(np.array([2, 3, 4, 7]))
    'steps 2-4, 7'
    """
    breaks = np.flatnonzero(np.diff(steps) > 1) + 1
    parts = [f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in np.split(steps, breaks)]
    return f"step{'s' if len(steps) > 1 else ''} {', '.join(parts)}"


def _short(values: Array) -> _Steps:
    return np.flatnonzero(values > SHORT_KW)


def _kwh(value: float) -> str:
    return f"{value:,.0f} kWh" if value >= 10 else f"{value:.3g} kWh"


def _because(causes: list[str], otherwise: str) -> str:
    return "; ".join(causes) if causes else otherwise


def _power(case: Case, schedule: Schedule) -> Iterator[str]:
    steps = _short(schedule.unserved_power_kw)
    if not len(steps):
        return
    causes = list(_engines_out(case, schedule, steps))
    if (schedule.import_kw[steps] >= case.import_max_kw[steps] - _AT_LIMIT_KW).any():
        causes.append(f"import is at its limit of {_range(case.import_max_kw[steps])} kW")
    kwh = float((schedule.unserved_power_kw * case.step_hours)[steps].sum())
    yield f"power: {_kwh(kwh)} unserved in {spans(steps)}: " + _because(causes, _cheaper("power", case))


def _heat(case: Case, schedule: Schedule) -> Iterator[str]:
    steps = _short(schedule.unserved_heat_kw)
    if not len(steps):
        return
    causes = []
    for boiler in case.boiler:
        heat, most = schedule.boiler[boiler.id].heat_kw[steps], (boiler.rated_kw * boiler.availability)[steps]
        out = (boiler.availability[steps] == 0).all()
        if out:
            causes.append(f"{boiler.id} unavailable")
        elif (heat >= most - _AT_LIMIT_KW).all():
            causes.append(f"{boiler.id} at its limit of {_range(most)} kW")
        elif (heat >= most - _AT_LIMIT_KW).any():
            causes.append(f"{boiler.id} at its limit in some of them")
    causes += _engines_out(case, schedule, steps)
    if not causes and not case.boiler and not case.chp:
        causes.append("no source of heat beyond the storage")
    kwh = float((schedule.unserved_heat_kw * case.step_hours)[steps].sum())
    yield f"heat: {_kwh(kwh)} unserved in {spans(steps)}: " + _because(causes, _cheaper("heat", case))


def _engines_out(case: Case, schedule: Schedule, steps: _Steps) -> Iterator[str]:
    for engine in case.chp:
        run = schedule.chp[engine.id]
        most = engine.availability[steps] * engine.rated_kw
        if engine.outage[steps].all():
            yield f"{engine.id} unavailable"
        elif (run.power_kw[steps] >= most - _AT_LIMIT_KW).all():
            yield f"{engine.id} at its limit of {_range(most)} kW"
        elif not run.on[steps].any():
            yield f"{engine.id} off"


def _cheaper(kind: str, case: Case) -> str:
    price = {
        "power": f"{case.penalties.power_usd_per_kwh:g} USD/kWh",
        "heat": f"{case.penalties.heat_usd_per_kwh:g} USD/kWh",
        "co2": f"{case.penalties.co2_usd_per_kg:g} USD/kg",
        "light": f"{case.penalties.light_usd_per_kwh:g} USD/kWh",
    }[kind]
    return f"supplying it would cost more than the {price} that a shortfall counts"


def _range(values: Array) -> str:
    low, high = float(values.min()), float(values.max())
    return f"{low:,.0f}" if high - low < 0.5 else f"{low:,.0f} to {high:,.0f}"


def _co2(case: Case, schedule: Schedule) -> Iterator[str]:
    if case.co2 is None or schedule.co2 is None:
        return
    steps = _short(schedule.co2.unserved_kg)
    if not len(steps):
        return
    most = case.co2.liquid_max_kg_per_h * case.step_hours
    causes = []
    if (schedule.co2.liquid_kg[steps] >= most[steps] - _AT_LIMIT_KW).all():
        causes.append(f"liquid CO2 is at its limit of {case.co2.liquid_max_kg_per_h:g} kg/h and exhaust gives no more")
    kg = float(schedule.co2.unserved_kg[steps].sum())
    yield f"co2: {kg:,.1f} kg unserved in {spans(steps)}: " + _because(causes, _cheaper("co2", case))


def _light(case: Case, schedule: Schedule, found: Audit) -> Iterator[str]:
    for group in case.lights:
        for target, missing in zip(group.targets, found.light_missing_kwh[group.id], strict=True):
            if missing <= SHORT_KW:
                continue
            span = slice(target.from_step, target.to_step)
            most = float((group.max_kw * group.allowed * case.step_hours)[span].sum())
            causes = []
            if most < target.energy_kwh:
                causes.append(f"the photoperiod allows {_kwh(most)} of {_kwh(target.energy_kwh)}")
            elif target.max_energy_kwh < target.energy_kwh:
                causes.append(f"max_energy_kwh is {_kwh(target.max_energy_kwh)}")
            elif (schedule.unserved_power_kw[span] > SHORT_KW).any():
                causes.append("power is short too")
            where = f"steps {target.from_step}-{target.to_step - 1}" if target.to_step > target.from_step else "no step"
            yield f"light: {group.id} misses {_kwh(missing)} in {where}: " + _because(causes, _cheaper("light", case))


def _terminal(case: Case, found: Audit) -> Iterator[str]:
    for name, storage in (("heat storage", case.heat_storage), ("battery", case.battery)):
        missing = found.terminal_missing_kwh.get(name, 0.0)
        if storage is None or missing <= SHORT_KW:
            continue
        causes = []
        if storage.terminal_min_kwh > storage.capacity_kwh:
            causes.append(f"its capacity is {_kwh(storage.capacity_kwh)}")
        yield (
            f"terminal: {name} ends {_kwh(missing)} below the {_kwh(storage.terminal_min_kwh)} it should hold: "
            + _because(
                causes, f"filling it costs more than {case.penalties.terminal_usd_per_kwh:g} USD/kWh, or cannot be done"
            )
        )


def _spill(case: Case, schedule: Schedule) -> Iterator[str]:
    steps = _short(schedule.spill_kw)
    if not len(steps):
        return
    causes = []
    if (schedule.export_kw[steps] >= case.export_max_kw[steps] - _AT_LIMIT_KW).all():
        causes.append(f"export is at its limit of {_range(case.export_max_kw[steps])} kW")
    kwh = float((schedule.spill_kw * case.step_hours)[steps].sum())
    yield f"spill: {_kwh(kwh)} of surplus power in {spans(steps)}: " + _because(
        causes, f"no use is left that costs less than the {case.penalties.spill_usd_per_kwh:g} USD/kWh of spilling"
    )


def _dr(case: Case, schedule: Schedule) -> Iterator[str]:
    for event in case.dr_events:
        over = np.sort(event.steps[schedule.import_kw[event.steps] > event.import_max_kw + SHORT_KW])
        if len(over):
            kwh = float(((schedule.import_kw - event.import_max_kw) * case.step_hours)[over].sum())
            yield (
                f"demand response: import is {_kwh(kwh)} above the {event.import_max_kw:,.0f} kW of {event.id} "
                f"in {spans(over)}: going lower would cost more than {event.noncompliance_usd_per_kwh:g} USD/kWh, "
                "or cannot be done"
            )
