"""Demand-response events as parts of a dispatch case: what they pay and what they cap, step by step.

The baseline is the best plan of the same case without the events: what a site does anyway is no reduction. Where an
engine may not count (in California no gas engine may, see `dr_rules`) it is held, in the steps that pay, at or below
what it does in that plan. It runs for the price as before, and no kWh of it is sold as a reduction.

A kWh is sold once: of events that pay in the same step the one of the highest priority does, of equals the one that
pays most. Limits of the import hold all at once, the lowest of them.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from vibelux.dispatch.case import Case, DrEvent, Engine
from vibelux.dispatch.document import Array
from vibelux.dispatch.dr_rules import Verdict, may_count, resources
from vibelux.dispatch.facility import Facility
from vibelux.dispatch.solve import Solution
from vibelux.market.dr_events import IMPORT_LIMIT, LEVEL, PRICE, Event, Signal
from vibelux.market.intervals import zone
from vibelux.market.units import per_mwh
from vibelux.outlook.past import utc_minutes
from vibelux.outlook.price import Steps

NONCOMPLIANCE_USD_PER_KWH = 5.0
"""What import above a limit costs in a plan: more than any price, less than an unserved demand."""

_BOTH_WAYS = "OpenADR 3"
"""Where starts are shifted to both sides; elsewhere they are only put off."""
_FOREVER_MINUTES = 2**40

Solve = Callable[[Case, Mapping[str, bool] | None], Solution]


@dataclass(frozen=True)
class Called:
    """An event as it concerns one site, on the steps of a case."""

    event: Event
    reward: Array
    """USD/kWh of reduction, the mean over each step."""
    limit_kw: Array
    """Infinite where there is none."""
    counts: tuple[str, ...]
    """The site's resources whose reduction counts."""
    verdicts: tuple[tuple[str, Verdict], ...]


@dataclass(frozen=True)
class WithEvents:
    """A case with events, and the plan without them that gives the baseline (None where nothing pays)."""

    case: Case
    called: tuple[Called, ...] = ()
    without: Solution | None = None


def shift(event: Event, facility_id: str) -> timedelta:
    """By how much a site shifts the event's times, where that is asked for: always the same, for each site another."""
    most = event.randomize_start_seconds or 0
    text = "\0".join((facility_id, *event.key))
    chance = int.from_bytes(hashlib.sha256(text.encode()).digest()[:6]) / 2**48
    low = -most if event.source == _BOTH_WAYS else 0
    return timedelta(seconds=round(low + chance * (most - low)))


def called(facility: Facility, event: Event, steps: Steps, count: int) -> Called | None:
    """An event on the first `count` steps; None where it neither pays nor caps anything there."""
    later = shift(event, facility.id) // timedelta(minutes=1)
    reward, limit = np.zeros(count), np.full(count, np.inf)
    paid, level = event.signal(PRICE), event.signal(LEVEL)
    if paid is not None:
        reward = _mean(paid, steps, count, later, float)
    elif level is not None:
        reward = _mean(level, steps, count, later, lambda value: facility.dr.level_price(int(value)))
    reward = np.maximum(reward, 0.0)
    capped = event.signal(IMPORT_LIMIT)
    if capped is not None:
        most = facility.grid.import_max_kw
        # Of a step that it holds for in part only the mean can be capped.
        saved = _mean(capped, steps, count, later, lambda value: max(most - value, 0.0))
        limit = np.where(saved > 0, most - saved, np.inf)
    verdicts = tuple((name, may_count(facility, name, event.program)) for name in resources(facility))
    counts = tuple(name for name, verdict in verdicts if verdict.counts)
    if not reward.any() and not np.isfinite(limit).any():
        return None
    return Called(event, reward if counts else np.zeros(count), limit, counts, verdicts)


def case_events(found: Sequence[Called], baseline_kw: Array) -> tuple[DrEvent, ...]:
    """The events of a case; the contract has one reward and one limit an event, so some become several.

    Args:
        found: in any order.
        baseline_kw: the import of the plan without them, shape (T,).
    """
    if not found:
        return ()
    order = sorted(found, key=lambda one: (one.event.priority is None, one.event.priority or 0, -one.reward.max()))
    taken = np.zeros(len(baseline_kw), dtype=np.bool_)
    events = []
    for one in order:
        mine = (one.reward > 0) & ~taken
        taken |= mine
        for reward in np.unique(one.reward[mine]):
            events.append(_paid(one, np.flatnonzero(mine & (one.reward == reward)), float(reward), baseline_kw))
    limit = np.min([one.limit_kw for one in order], axis=0)
    for most in np.unique(limit[np.isfinite(limit)]):
        at = np.flatnonzero(limit == most)
        events.append(DrEvent(f"import limit {most:g} kW", at, float(most), NONCOMPLIANCE_USD_PER_KWH, 0.0,
                              np.zeros(len(at)), np.inf))  # fmt: skip
    return tuple(events)


def with_events(case: Case, facility: Facility, events: Iterable[Event], steps: Steps, planned: Solve) -> WithEvents:
    """The case as the events change it.

    Args:
        case: without them.
        facility: whose case it is.
        events: those that it takes part in.
        steps: of the case, or more.
        planned: finds the plan without the events, if one of them pays.
    """
    found = tuple(one for event in events if (one := called(facility, event, steps, case.steps)) is not None)
    if not found:
        return WithEvents(case)
    paid = [one for one in found if one.reward.any()]
    without = planned(case, None) if paid else None
    if without is not None and without.schedule is None:
        return WithEvents(case)
    baseline = np.zeros(case.steps) if without is None else without.found.import_kw
    held = case if without is None else _held(case, paid, without)
    return WithEvents(replace(held, dr_events=case_events(found, baseline)), found, without)


def sentences(found: WithEvents, plan: Solution, facility: Facility, steps: Steps) -> Iterator[str]:
    """What the events mean for a plan of the case, in words."""
    for one in found.called:
        name = f"{one.event.program} {one.event.event_id}"
        if not one.counts:
            yield f"Event {name} pays nothing here. {one.verdicts[-1][1].why}"
        at = np.flatnonzero((one.reward > 0) | np.isfinite(one.limit_kw))
        if not len(at):
            continue
        begin = _at(steps, int(at[0])).astimezone(zone(facility.zone_name))
        when = f"from {begin:%H:%M on %d %B}"
        if one.reward.any() and found.without is not None:
            paid = one.reward > 0
            less = float(((found.without.found.import_kw - plan.found.import_kw) * plan.case.step_hours)[paid].sum())
            yield (
                f"Event {name} pays up to {per_mwh(float(one.reward.max()))} USD/MWh for less import {when}; this plan "
                f"imports {less:.0f} kWh less in it than the best plan without the event."
            )
            barred = [engine.id for engine in facility.chp if engine.id not in one.counts]
            if barred:
                yield f"In it {' and '.join(barred)} may not count, so no more is made there than without the event."
        if np.isfinite(one.limit_kw).any():
            yield f"Event {name} caps the import at {float(one.limit_kw.min()):.0f} kW {when}."


def _held(case: Case, paid: Sequence[Called], without: Solution) -> Case:
    """The case with engines that may not count held at what they do without the events."""
    engines = []
    for engine in case.chp:
        barred = [one.reward > 0 for one in paid if engine.id not in one.counts]
        engines.append(_capped(engine, np.any(barred, axis=0), without) if barred else engine)
    return replace(case, chp=tuple(engines))


def _capped(engine: Engine, barred: NDArray[np.bool_], without: Solution) -> Engine:
    run = without.found.chp[engine.id]
    least = np.maximum(run.power_kw, engine.min_load * engine.rated_kw) / engine.rated_kw
    most = np.where(run.on, least * (1 + 1e-9), 0.0)
    return replace(engine, availability=np.where(barred, np.minimum(engine.availability, most), engine.availability))


def _at(steps: Steps, step: int) -> datetime:
    return datetime.fromtimestamp(int(steps.starts[step]) * 60, UTC)


def _paid(one: Called, at: NDArray[np.intp], reward: float, baseline_kw: Array) -> DrEvent:
    name = f"{one.event.program} {one.event.event_id} at {reward:g} USD/kWh"
    return DrEvent(name, at, np.inf, NONCOMPLIANCE_USD_PER_KWH, reward, baseline_kw[at], np.inf)


def _mean(signal: Signal, steps: Steps, count: int, later: int, worth: Callable[[float], float]) -> Array:
    """The mean over each step of what the signal's value is worth, 0 outside its intervals."""
    starts, lengths = steps.starts[:count], steps.lengths[:count]
    total = np.zeros(count)
    for one in signal.intervals:
        begin = utc_minutes(one.starts_at) + later
        end = _FOREVER_MINUTES if one.ends_at is None else utc_minutes(one.ends_at) + later
        overlap = np.clip(np.minimum(starts + lengths, end) - np.maximum(starts, begin), 0, None)
        total += overlap / lengths * worth(one.value)
    return total
