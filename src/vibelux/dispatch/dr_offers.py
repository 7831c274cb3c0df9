"""What a site could give in an event or a price spike: how much, when, at what cost, for what pay.

Each figure is the difference of two plans of the same case. For an event: the best plan with it against the best one
without. For a spike: the best plan at the prices expected, against the best one at ordinary prices, both then charged
the prices expected. `most` is what could be shed if each kWh were worth almost as much as an unserved demand costs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vibelux.dispatch.case import Case
from vibelux.dispatch.document import Array
from vibelux.dispatch.dr_case import Called, Solve, called, shift, with_events
from vibelux.dispatch.dr_rules import may_count, resources
from vibelux.dispatch.facility import Facility
from vibelux.dispatch.solve import Solution, solve
from vibelux.market.dr_events import PRICE, Event, Signal, SignalInterval
from vibelux.market.intervals import iso_z
from vibelux.outlook.price import Steps

_GAP, _TIME_LIMIT_S = 1e-4, 5.0
_DEAREST = 0.95
_TIMES_ORDINARY = 1.5
"""A dear twentieth of a flat day is no spike: it has to stand so far above the median."""
_LEAST_RISE = 0.01
"""USD/kWh."""
_MOST_SPIKES = 3
_SHARE_OF_PENALTY = 0.99
_SHOWN_KWH = 0.05


@dataclass(frozen=True)
class Ahead:
    """A site and what lies ahead of it."""

    facility: Facility
    case: Case
    """Without any event."""
    steps: Steps
    market: Array
    """The market prices expected, USD/kWh, shape (T,)."""

    @property
    def starts(self) -> list[datetime]:
        """The start of each step, UTC."""
        return [_EPOCH + timedelta(minutes=int(one)) for one in self.steps.starts[: self.case.steps]]


Window = NDArray[np.bool_]
"""The steps that an offer is about, shape (T,)."""
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def quickly(case: Case, first: Any = None) -> Solution:
    """A plan good enough to compare with."""
    return solve(case, time_limit=_TIME_LIMIT_S, gap=_GAP, first=first)


def event_offer(ahead: Ahead, event: Event, planned: Solve = quickly) -> dict[str, Any] | None:
    """What the site could give in an event; None where the horizon does not reach it or no plan keeps the rules."""
    window = _window(ahead, event)
    if not window.any():
        return None
    own = called(ahead.facility, event, ahead.steps, ahead.case.steps)
    offered = with_events(ahead.case, ahead.facility, [event], ahead.steps, planned)
    without = offered.without or planned(ahead.case, None)
    plan = planned(offered.case, None) if offered.called else without
    if without.schedule is None or plan.schedule is None:
        return None
    return {
        "kind": "event",
        "program": event.program,
        "event_id": event.event_id,
        "startsAt": iso_z(event.starts_at + shift(event, ahead.facility.id)),
        "endsAt": None if event.ends_at is None else iso_z(event.ends_at + shift(event, ahead.facility.id)),
        "resources": _resources(ahead.facility, event.program),
        "offer": _compared(ahead, window, without, plan),
        "most": _most(ahead, event, window, without, planned),
        "importLimitKw": _lowest(own),
    }


def spike_offers(ahead: Ahead, planned: Solve = quickly) -> Iterator[dict[str, Any]]:
    """What the site makes of the dearest hours ahead, the dearest of them first."""
    spikes = sorted(_spikes(ahead), key=lambda window: -float(ahead.market[window].max()))[:_MOST_SPIKES]
    plan = planned(ahead.case, None) if spikes else None
    if plan is None or plan.schedule is None:
        return
    for window in spikes:
        rise = np.where(window, ahead.market - float(np.median(ahead.market)), 0.0)
        prices, rules = ahead.case.prices, ahead.facility.prices
        calm = replace(
            prices,
            import_usd_per_kwh=prices.import_usd_per_kwh - rules.import_factor * rise,
            export_usd_per_kwh=prices.export_usd_per_kwh - rules.export_factor * rise,
        )
        usual = planned(replace(ahead.case, prices=calm), None)
        if usual.schedule is None:
            continue
        flows = usual.found
        dearer = (prices.import_usd_per_kwh - calm.import_usd_per_kwh) * flows.import_kw
        dearer -= (prices.export_usd_per_kwh - calm.export_usd_per_kwh) * flows.export_kw
        unchanged_usd = usual.objective_usd + float(dearer @ ahead.case.step_hours)
        at = np.flatnonzero(window)
        ends = ahead.starts[at[-1]] + timedelta(minutes=int(ahead.steps.lengths[at[-1]]))
        yield {
            "kind": "price-spike",
            "startsAt": iso_z(ahead.starts[at[0]]),
            "endsAt": iso_z(ends),
            "highestPrice": round(float(ahead.market[window].max()), 6),
            "usualPrice": round(float(np.median(ahead.market)), 6),
            "offer": _flows(ahead, window, usual, plan)
            | {"worthUsd": _usd(unchanged_usd - plan.objective_usd), "rewardUsd": 0.0},
        }


def _spikes(ahead: Ahead) -> Iterator[Window]:
    """Stretches of steps at or over the site's threshold, else of the dearest twentieth of the time ahead."""
    price, threshold = ahead.market, ahead.facility.dr.price_threshold_usd_per_kwh
    if threshold is None:
        order = np.argsort(price)
        share = np.cumsum(ahead.case.step_hours[order]) / ahead.case.step_hours.sum()
        dearest = float(price[order][np.searchsorted(share, _DEAREST)])
        ordinary = float(np.median(price))
        threshold = max(dearest, _TIMES_ORDINARY * ordinary, ordinary + _LEAST_RISE)
    high = price >= threshold
    edges = np.flatnonzero(np.diff(np.concatenate(([False], high, [False])).astype(np.int8)))
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        window = np.zeros(len(price), dtype=np.bool_)
        window[begin:end] = True
        yield window


def _window(ahead: Ahead, event: Event) -> Window:
    """The steps that lie in the event at least by half."""
    later = shift(event, ahead.facility.id)
    middle = [one + timedelta(hours=float(hours) / 2)
              for one, hours in zip(ahead.starts, ahead.case.step_hours, strict=True)]  # fmt: skip
    ends = None if event.ends_at is None else event.ends_at + later
    return np.array([event.starts_at + later <= one and (ends is None or one < ends) for one in middle], dtype=np.bool_)


def _resources(facility: Facility, program: str) -> list[dict[str, Any]]:
    told = []
    for name in resources(facility):
        verdict = may_count(facility, name, program)
        told.append({"id": name, "counts": verdict.counts, "why": verdict.why})
    return told


def _lowest(own: Called | None) -> float | None:
    lowest = np.inf if own is None else float(own.limit_kw.min())
    return lowest if np.isfinite(lowest) else None


def _compared(ahead: Ahead, window: Window, without: Solution, plan: Solution) -> dict[str, Any]:
    paid = 0.0 if plan.audit is None else -plan.audit.cost["dr_payment"]
    cost = plan.objective_usd + paid - without.objective_usd
    told = _flows(ahead, window, without, plan)
    kwh = told["reductionKwh"]
    return told | {
        "costUsd": _usd(cost),
        "rewardUsd": _usd(paid),
        "netUsd": _usd(paid - cost),
        "usdPerKwh": round(cost / kwh, 4) + 0.0 if kwh > _SHOWN_KWH else None,
    }


def _most(ahead: Ahead, event: Event, window: Window, without: Solution, planned: Solve) -> dict[str, Any] | None:
    """The same with a reward that only unserved demands withstand."""
    penalties = ahead.case.penalties
    reward = _SHARE_OF_PENALTY * min(
        penalties.power_usd_per_kwh, penalties.heat_usd_per_kwh, penalties.light_usd_per_kwh
    )
    at = np.flatnonzero(window)
    last = ahead.starts[at[-1]] + timedelta(minutes=int(ahead.steps.lengths[at[-1]]))
    asked = Signal(PRICE, (SignalInterval(ahead.starts[at[0]], last, reward),))
    probe = Event(program=event.program, event_id=event.event_id, starts_at=ahead.starts[at[0]], ends_at=last,
                  signals=(asked,))  # fmt: skip
    probed = with_events(ahead.case, ahead.facility, [probe], ahead.steps, lambda *_: without)
    if not probed.called:
        return None
    plan = planned(probed.case, None)
    if plan.schedule is None:
        return None
    told = _compared(ahead, window, without, plan)
    return {name: value for name, value in told.items() if name not in {"rewardUsd", "netUsd", "intervals"}}


def _flows(ahead: Ahead, window: Window, before: Solution, after: Solution) -> dict[str, Any]:
    """What changes at the meter and behind it, in the window."""
    case, hours = ahead.case, ahead.case.step_hours * window
    one, two = before.found, after.found
    less = one.import_kw - two.import_kw
    shed: dict[str, float] = {name: float((power - two.lights[name]) @ hours) for name, power in one.lights.items()}
    if one.battery is not None and two.battery is not None:
        given = (two.battery.discharge_kw - two.battery.charge_kw) - (one.battery.discharge_kw - one.battery.charge_kw)
        shed["battery"] = float(given @ hours)
    made = {name: float((two.chp[name].power_kw - run.power_kw) @ hours) for name, run in one.chp.items()}
    return {
        "reductionKwh": _kwh(less @ hours),
        "peakReductionKw": _kwh(np.max(less[np.flatnonzero(window)], initial=0.0)),
        "shedKwh": {name: _kwh(value) for name, value in shed.items()},
        "madeKwh": {name: _kwh(value) for name, value in made.items()},
        "exportedKwh": _kwh((two.export_kw - one.export_kw) @ hours),
        "intervals": [
            {
                "startsAt": iso_z(ahead.starts[step]),
                "hours": round(float(case.step_hours[step]), 6),
                "baselineKw": _kwh(one.import_kw[step]),
                "importKw": _kwh(two.import_kw[step]),
            }
            for step in np.flatnonzero(window)
        ],
    }


def offers(ahead: Ahead, events: Sequence[Event], planned: Solve = quickly) -> list[dict[str, Any]]:
    """Offers for the events, in their order, then for the price spikes."""
    told = (event_offer(ahead, event, planned) for event in events)
    return [one for one in told if one is not None] + list(spike_offers(ahead, planned))


def _kwh(value: Any) -> float:
    return round(float(value), 2) + 0.0


def _usd(value: float) -> float:
    return round(value, 2) + 0.0
