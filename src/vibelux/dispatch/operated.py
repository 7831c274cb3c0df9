"""What a site did over a stretch of time, from its reports: flows in place of those that were advised.

A report speaks until the next one, a quarter of an hour at most. What was not measured follows from the plant: fuel and
heat from the engine's lines, the import from the demand, the boilers from the heat that lacks.
"""

import bisect
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise, zip_longest

from vibelux.dispatch.economics import Flow, Unit
from vibelux.dispatch.facility import Facility
from vibelux.dispatch.plant import Engine
from vibelux.dispatch.step import Step
from vibelux.market.operations import Report, UnitReport

HOLDS = timedelta(minutes=15)
_HOUR = timedelta(hours=1)
_LEAST = 0.8
"""Of a stretch so much has to be told of."""


@dataclass(frozen=True)
class Done:
    """What a plant did, or was to do."""

    flow: Flow
    heat_stored_kw: float = 0.0
    power_stored_kw: float = 0.0
    started: Sequence[str] = ()
    """Engines that were started within it."""


@dataclass(frozen=True)
class _Span:
    hours: float
    report: Report


def done(
    facility: Facility, step: Step, advised: Done, reports: Sequence[Report], start: datetime, end: datetime
) -> Done | None:
    """What was done; None where reports tell too little of it.

    Args:
        facility: whose.
        step: its demand then, the lamps as advised.
        advised: tells what storages took up where no report does.
        reports: by time, from `HOLDS` before the start on.
        start: where the stretch begins.
        end: where it ends.
    """
    near = _near(reports, start, end)
    spans = list(_spans(near, start, end))
    told = math.fsum(span.hours for span in spans)
    if told < _LEAST * ((end - start) / _HOUR):
        return None
    units = [_unit(engine, spans, told) for engine in facility.chp]
    if any(unit is None for unit in units):
        return None
    known = [unit for unit in units if unit is not None]
    metered = [(span.hours, span.report.grid_import_kw) for span in spans]
    if all(kw is not None for _, kw in metered):
        flows = [(hours, kw or 0.0) for hours, kw in metered]
    else:
        flows = [(told, step.power_kw - math.fsum(unit.power_kw for unit in known))]
    heat = _slope((one.timestamp, one.storage_kwh) for one in near)
    power = _slope((one.timestamp, one.battery_kwh) for one in near)
    stored = advised.heat_stored_kw if heat is None else heat
    lacking = step.heat_kw + stored - math.fsum(unit.heat_kw for unit in known)
    flow = Flow(
        units=tuple(known),
        imported_kw=math.fsum(hours * max(kw, 0.0) for hours, kw in flows) / told,
        exported_kw=math.fsum(hours * max(-kw, 0.0) for hours, kw in flows) / told,
        boiler_kw=max(lacking, 0.0),
        dumped_kw=max(-lacking, 0.0),
        unserved_power_kw=0.0,
        unserved_heat_kw=0.0,
    )
    began = [engine.id for engine in facility.chp if _starts(engine.id, near, start, end)]
    return Done(flow, stored, advised.power_stored_kw if power is None else power, began)


def _near(reports: Sequence[Report], start: datetime, end: datetime) -> Sequence[Report]:
    """Those that may say something of a stretch."""
    low = bisect.bisect_left(reports, start - HOLDS, key=lambda report: report.timestamp)
    high = bisect.bisect_right(reports, end + HOLDS, key=lambda report: report.timestamp)
    return reports[low:high]


def _spans(reports: Sequence[Report], start: datetime, end: datetime) -> Iterator[_Span]:
    for report, following in zip_longest(reports, reports[1:]):
        until = end if following is None else following.timestamp
        begins, ends = max(report.timestamp, start), min(until, report.timestamp + HOLDS, end)
        if begins < ends:
            yield _Span((ends - begins) / _HOUR, report)


def _unit(engine: Engine, spans: Sequence[_Span], told: float) -> Unit | None:
    """Its means; None where it is not told of, or ran at a power that nobody knows."""
    power = heat = fuel = on = 0.0
    for span in spans:
        unit = _reported(span.report, engine.id)
        if unit is None or (unit.on and unit.power_kw is None):
            return None
        made = unit.power_kw or 0.0
        power += span.hours * made
        heat += span.hours * (unit.heat_kw if unit.heat_kw is not None else engine.heat.at(made) * unit.on)
        fuel += span.hours * (unit.fuel_kw_hhv if unit.fuel_kw_hhv is not None else engine.fuel.at(made) * unit.on)
        on += span.hours * unit.on
    return Unit(engine.id, on=2 * on > told, power_kw=power / told, heat_kw=heat / told, fuel_kw=fuel / told)


def _reported(report: Report, engine_id: str) -> UnitReport | None:
    return next((unit for unit in report.units if unit.id == engine_id), None)


def _starts(engine_id: str, reports: Sequence[Report], start: datetime, end: datetime) -> bool:
    """Whether a report within the stretch has it on that was off in the one before."""
    for before, after in pairwise(reports):
        was, came = _reported(before, engine_id), _reported(after, engine_id)
        if was is not None and came is not None and start <= after.timestamp < end and came.on and not was.on:
            return True
    return False


def _slope(levels: Iterable[tuple[datetime, float | None]]) -> float | None:
    """By how much a level rose, kW; None with fewer than two readings."""
    known = [(at, level) for at, level in levels if level is not None]
    if len(known) < 2:
        return None
    (first, low), (last, high) = known[0], known[-1]
    return (high - low) / ((last - first) / _HOUR)
