"""Baseline and performance of an event that is over, from what the site's meter told: the ten-in-ten of CAISO.

The baseline is the mean, time of day by time of day, of the ten newest days before the event that are of its kind
(workdays; or weekends and holidays, then four), had no event, and lie within 45 days; five (four) at least. It is
multiplied by what the site drew in the three hours that end an hour before the event, against the baseline of these
hours, between 0.8 and 1.2 (the load point adjustment of the CAISO tariff's section 4.13.4). Terms of a programme go
before this: it is what the site may expect, no settlement.

What is compared is the import, and beside it what engines make that may not count: then their output moves neither.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np

from vibelux.dispatch.document import Array
from vibelux.dispatch.dr_case import shift
from vibelux.dispatch.dr_rules import may_count
from vibelux.dispatch.facility import Facility
from vibelux.market.contracts import holidays
from vibelux.market.dr_events import LEVEL, PRICE, Event, Signal
from vibelux.outlook.past import DAY, Minutes, utc_minutes, wall_minutes

BIN_MINUTES = 5
DAYS_BACK = 45
_DAYS = {"workday": (10, 5), "weekend or holiday": (4, 4)}
"""How many days of a kind are wanted, and how many are needed."""
_ADJUSTED_WITHIN = (0.8, 1.2)
_WHOLE = 0.8
"""Of a stretch so much has to be measured."""
_BEGIN = date(1970, 1, 1)
_HOUR_MINUTES = 60


@dataclass(frozen=True)
class Measured:
    """What a site drew, means over bins of five minutes; both of shape (bins,)."""

    starts: Minutes
    """UTC minutes, rising."""
    kw: Array
    source: str
    """`telemetry`, or `decisions` where nobody measures: what the site was advised to draw."""
    generated_kw: Mapping[str, Array] = field(default_factory=dict)
    """By engine; NaN where it was not measured."""


def performance(
    facility: Facility, event: Event, ended: int, measured: Measured, event_days: Collection[date]
) -> dict[str, Any]:
    """What the site gave in an event, and what that pays.

    Args:
        facility: whose.
        event: as it was in force.
        ended: UTC minute at which it ended or was called off.
        measured: over the event and `DAYS_BACK` days before it.
        event_days: local days of other events, which are no days to compare with.

    Returns:
        `status` `measured`, or `unknown` with the reason in `note`.
    """
    later = shift(event, facility.id) // timedelta(minutes=1)
    begin = utc_minutes(event.starts_at) + later
    starts, load = measured.starts, _counted(facility, event, measured)
    bins = np.arange(begin // BIN_MINUTES * BIN_MINUTES, ended, BIN_MINUTES)
    if not len(bins):
        return _unknown(measured, "it was called off before it began")
    wall = wall_minutes(starts, facility.zone_name)
    day = int(wall_minutes(bins[:1], facility.zone_name)[0]) // DAY
    at = _look_up(starts, load)
    actual = at(bins)
    if np.isfinite(actual).mean() < _WHOLE:
        return _unknown(measured, "less than four fifths of the event were measured")
    by_wall = _look_up(wall, load)
    event_wall = wall_minutes(bins, facility.zone_name)
    kind = _kind(day)
    most, least = _DAYS[kind]
    busy = {(one - _BEGIN).days for one in event_days}
    alike: list[tuple[int, Array]] = []
    for back in range(1, DAYS_BACK + 1):
        if _kind(day - back) != kind or day - back in busy or len(alike) == most:
            continue
        then = by_wall(event_wall - back * DAY)
        if np.isfinite(then).mean() >= _WHOLE:
            alike.append((back, then))
    if len(alike) < least:
        return _unknown(measured, f"{len(alike)} days alike are measured, {least} are needed")
    raw = np.nanmean([then for _, then in alike], axis=0)
    before = event_wall[0] - 4 * _HOUR_MINUTES + np.arange(0, 3 * _HOUR_MINUTES, BIN_MINUTES)
    factor = _factor(by_wall(before), [by_wall(before - back * DAY) for back, _ in alike])
    known = np.isfinite(actual) & np.isfinite(raw)
    share = np.minimum(bins + BIN_MINUTES, ended) - np.maximum(bins, begin)
    hours = np.where(known, share, 0) / _HOUR_MINUTES
    baseline = np.where(known, raw * factor, 0.0)
    reduction = (baseline - np.where(known, actual, 0.0)) * hours
    paid = _price(facility, event, bins, later)
    return {
        "status": "measured",
        "baselineKwh": _two(baseline @ hours),
        "measuredKwh": _two(np.where(known, actual, 0.0) @ hours),
        "reductionKwh": _two(reduction.sum()),
        "payUsd": _two(reduction @ paid),
        "adjustment": round(factor, 4),
        "days": [(_BEGIN + timedelta(days=day - back)).isoformat() for back, _ in alike],
        "source": measured.source,
        "method": "10-in-10, adjusted on the day" if kind == "workday" else "4-in-4, adjusted on the day",
        "note": None if measured.source == "telemetry" else "Nothing was metered: these are the imports advised.",
    }


def _counted(facility: Facility, event: Event, measured: Measured) -> Array:
    """The import, and what engines make that may not count as reduction."""
    load = measured.kw.copy()
    for engine in facility.chp:
        if engine.id in measured.generated_kw and not may_count(facility, engine.id, event.program).counts:
            load += measured.generated_kw[engine.id]
    return load


def _look_up(starts: Minutes, values: Array) -> Callable[[Minutes], Array]:
    """The bin that begins at a minute; NaN where there is none. Of a repeated hour the first pass counts."""
    minutes, first = np.unique(starts, return_index=True)
    chosen = values[first]

    def look(wanted: Minutes) -> Array:
        place = np.searchsorted(minutes, wanted)
        inside = np.minimum(place, max(len(minutes) - 1, 0))
        if not len(minutes):
            return np.full(len(wanted), np.nan)
        return np.where(minutes[inside] == wanted, chosen[inside], np.nan)

    return look


def _kind(day: int) -> str:
    that = _BEGIN + timedelta(days=day)
    return "workday" if that.weekday() < 5 and that not in holidays(that.year) else "weekend or holiday"


def _factor(actual: Array, alike: list[Array]) -> float:
    """What the day is against its like before the event; 1 where too little of it was measured."""
    known = np.isfinite(actual)
    usual = [then[known].mean() for then in alike if np.isfinite(then[known]).all() and known.any()]
    if known.mean() < _WHOLE or not usual or np.mean(usual) <= 0:
        return 1.0
    return float(np.clip(actual[known].mean() / np.mean(usual), *_ADJUSTED_WITHIN))


def _price(facility: Facility, event: Event, bins: Minutes, later: int) -> Array:
    """USD/kWh in each bin, by its middle."""
    price, level = event.signal(PRICE), event.signal(LEVEL)
    if price is not None:
        return _values(price, bins, later)
    if level is not None:
        return np.array([facility.dr.level_price(int(one)) for one in _values(level, bins, later)])
    return np.zeros(len(bins))


def _values(signal: Signal, bins: Minutes, later: int) -> Array:
    found, middle = np.zeros(len(bins)), bins + BIN_MINUTES / 2
    for one in signal.intervals:
        end = np.inf if one.ends_at is None else utc_minutes(one.ends_at) + later
        found[(utc_minutes(one.starts_at) + later <= middle) & (middle < end)] = one.value
    return found


def _unknown(measured: Measured, why: str) -> dict[str, Any]:
    return {"status": "unknown", "source": measured.source, "note": f"The performance is not known: {why}."}


def _two(value: Any) -> float:
    return round(float(value), 2) + 0.0
