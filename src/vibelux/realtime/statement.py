"""The ledger's answers: rows by period that add up to the totals, each baseline beside what was decided."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from vibelux.dispatch.facility import Facility
from vibelux.dispatch.horizon import holding_charges
from vibelux.dispatch.ledger import BASELINES, CHALLENGER, DECIDED, OPERATED, Cost, Entry
from vibelux.market.dr_events import Event
from vibelux.market.intervals import floor_to, iso_z, local_date, local_day
from vibelux.outlook.past import utc_minutes
from vibelux.store.savings import PARTS, By, HourCost, Sum

_HOUR = timedelta(hours=1)
_DIGITS = 6

Period = tuple[Event, Mapping[str, Any]]
"""A demand-response event, and what the facility gave in it."""
Peak = tuple[datetime, str, float]
"""Hour, plan and highest import, kW."""


@dataclass(frozen=True)
class Asked:
    """A stretch of time, by periods of the facility's calendar. It is taken by whole hours."""

    first: datetime
    last: datetime
    by: By


@dataclass
class _Tally:
    """One plan over a period."""

    hours: float = 0.0
    unsettled_hours: float = 0.0
    parts: dict[str, Decimal] = field(default_factory=lambda: dict.fromkeys(PARTS, Decimal(0)))
    known_usd: Decimal = Decimal(0)
    decided_usd: Decimal = Decimal(0)
    restated_usd: Decimal = Decimal(0)

    def add(self, row: Sum | HourCost) -> None:
        self.hours += row.hours
        self.unsettled_hours += row.unsettled_hours
        for part in PARTS:
            self.parts[part] += row.parts[part] if isinstance(row, HourCost) else getattr(row, part)
        self.known_usd += row.known_usd or 0
        self.decided_usd += row.decided_usd or 0
        if isinstance(row, Sum):
            self.restated_usd += row.restated_usd

    @property
    def cost_usd(self) -> Decimal:
        return sum(self.parts.values(), Decimal(0))


_Tallies = dict[str, _Tally]


def begin_of(name: str, moment: datetime, zone_name: str) -> datetime:
    """The first moment of `today`, `month` or `year`, or of an `hour` or `day`, in a time zone."""
    if name == "hour":
        return floor_to(moment, _HOUR)
    day = local_date(moment, zone_name)
    day = day.replace(day=1) if name in {"month", "year"} else day
    return local_day(day.replace(month=1) if name == "year" else day, zone_name).start


def savings(
    facility: Facility,
    asked: Asked,
    rows: Sequence[Sum | HourCost],
    peaks: Sequence[Peak],
    corrections: Sequence[Mapping[str, Any]],
    events: Sequence[Period],
) -> dict[str, Any]:
    """The answer of `/api/savings`: totals, and a row a period. The rows add up to the totals."""
    periods: dict[datetime, _Tallies] = {}
    for row in rows:
        moment = row.hour if isinstance(row, HourCost) else row.period
        _add(periods.setdefault(begin_of(asked.by, moment, facility.zone_name), {}), [row])
    return {
        "facilityId": facility.id,
        **total(asked.first, asked.last, rows),
        "by": asked.by,
        **demand(facility, peaks),
        "demandResponse": [_event(event, body) for event, body in events],
        "demandResponseUsd": paid(events),
        "rows": [_row(facility, asked.by, at, own) for at, own in sorted(periods.items())],
        "restatements": [_restatement(one) for one in corrections],
        "next": None,
    }


def total(first: datetime, last: datetime, rows: Iterable[Sum | HourCost]) -> dict[str, Any]:
    """What everything together came to."""
    plans: _Tallies = {}
    _add(plans, rows)
    decided = plans.get(DECIDED, _Tally())
    operated, challenger = plans.get(OPERATED), plans.get(CHALLENGER)
    return {
        "from": iso_z(first),
        "to": iso_z(last),
        "decided": _figures(decided) | {"parts": _parts(decided)},
        "operated": None if operated is None else _beside(operated) | {"parts": _parts(operated)},
        "challenger": None if challenger is None else _beside(challenger) | {"parts": _parts(challenger)},
        "baselines": {
            plan: {"costUsd": _round(plans.get(plan, _Tally()).cost_usd), "parts": _parts(plans.get(plan, _Tally()))}
            for plan in BASELINES
        },
        "savingsUsd": _saved(plans),
        "hoursCovered": _round(decided.hours),
        "hoursMissing": _round(max((last - first) / _HOUR - decided.hours, 0.0)),
        "hoursUnsettled": _round(decided.unsettled_hours),
    }


def demand(facility: Facility, peaks: Sequence[Peak]) -> dict[str, Any]:
    """The demand charges of some months, and what was saved of them against each baseline."""
    charges = list(_demand_charges(facility, peaks))
    saved = {
        plan: sum(one["costUsd"].get(plan, 0.0) - one["costUsd"].get(DECIDED, 0.0) for one in charges)
        for plan in BASELINES
    }
    return {"demandCharges": charges, "demandSavingsUsd": {plan: _round(usd) for plan, usd in saved.items()}}


def paid(events: Iterable[Period]) -> float:
    """What demand response has earned, USD."""
    return _round(sum(body.get("payUsd") or 0.0 for _, body in events))


def steps(facility: Facility, first: datetime, last: datetime, found: Sequence[Entry]) -> dict[str, Any]:
    """Each decision with the price rows that it is reckoned at."""
    return {
        "facilityId": facility.id,
        "from": iso_z(first),
        "to": iso_z(last),
        "by": "interval",
        "rows": [_step(entry) for entry in found],
        "next": None,
    }


def flat(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of `savings` as a table: a column a figure."""
    return [
        {
            "start": row["start"],
            "hours": row["hours"],
            "cost_usd": row["costUsd"],
            "known_usd": row["knownUsd"],
            "restated_usd": row["restatedUsd"],
            "operated_usd": (row["operated"] or {}).get("costUsd"),
            "operated_hours": (row["operated"] or {}).get("hours", 0.0),
        }
        | {f"{plan.replace('-', '_')}_usd": row["baselines"][plan] for plan in BASELINES}
        for row in told["rows"]
    ]


def _add(plans: _Tallies, rows: Iterable[Sum | HourCost]) -> None:
    for row in rows:
        plans.setdefault(row.plan, _Tally()).add(row)


def _row(facility: Facility, by: By, start: datetime, plans: _Tallies) -> dict[str, Any]:
    day = local_date(start, facility.zone_name).isoformat()
    named = {"day": {"day": day}, "month": {"month": day[:7]}}.get(by, {})
    decided, operated = plans.get(DECIDED, _Tally()), plans.get(OPERATED)
    return {
        "start": iso_z(start),
        **named,
        "hours": _round(decided.hours),
        **_figures(decided),
        "operated": None if operated is None else _beside(operated),
        "baselines": {plan: _round(plans.get(plan, _Tally()).cost_usd) for plan in BASELINES},
        "savingsUsd": _saved(plans),
    }


def _figures(decided: _Tally) -> dict[str, float]:
    return {
        "costUsd": _round(decided.cost_usd),
        "knownUsd": _round(decided.known_usd),
        "restatedUsd": _round(decided.restated_usd),
    }


def _beside(done: _Tally) -> dict[str, float]:
    """What was done, or would have been in shadow, beside what was decided for the same time."""
    return {
        "hours": _round(done.hours),
        "costUsd": _round(done.cost_usd),
        "decidedUsd": _round(done.decided_usd),
        "differenceUsd": _round(done.cost_usd - done.decided_usd),
    }


def _saved(plans: _Tallies) -> dict[str, float]:
    decided = plans.get(DECIDED, _Tally()).cost_usd
    return {plan: _round(plans.get(plan, _Tally()).cost_usd - decided) for plan in BASELINES}


def _parts(tally: _Tally) -> dict[str, float]:
    return {part: _round(usd) for part, usd in tally.parts.items()}


def _restatement(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "hour": iso_z(one["hour"]),
        "plan": one["plan"],
        "restatedAt": iso_z(one["restated_at"]),
        "wasUsd": _round(one["was_usd"]),
        "isUsd": _round(one["is_usd"]),
    }


def _step(entry: Entry) -> dict[str, Any]:
    cost = entry.costs[DECIDED]
    done = entry.costs.get(OPERATED)
    return {
        "start": iso_z(entry.start),
        "end": iso_z(entry.end),
        "costUsd": _round(cost.usd),
        "parts": _cost_parts(cost),
        "knownUsd": _round(entry.known_usd),
        "operatedUsd": None if done is None else _round(done.usd),
        "baselines": {plan: _round(entry.costs[plan].usd) for plan in BASELINES},
        "savingsUsd": {plan: _round(entry.costs[plan].usd - cost.usd) for plan in BASELINES},
        "knownPrice": entry.known_price,
        "payloadSha256": entry.payload_sha256,
        "settledPrice": round(entry.settled_price, 9),
        "settled": entry.settled,
        "prices": [
            {
                "id": row.get("id"),
                "start": iso_z(row["market_interval_start"]),
                "pricePerKwh": row["price_per_kwh"],
                "knownAt": iso_z(row["known_at"]),
                "payloadSha256": row["payload_sha256"],
            }
            for row in entry.prices
        ],
    }


def _cost_parts(cost: Cost) -> dict[str, float]:
    return {part: _round(usd) for part, usd in cost.parts.items()}


def _event(event: Event, body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "program": event.program,
        "eventId": event.event_id,
        "startsAt": iso_z(event.starts_at),
        "endsAt": None if event.ends_at is None else iso_z(event.ends_at),
        **{name: body.get(name) for name in ("status", "reductionKwh", "payUsd", "method", "source", "note")},
    }


def _demand_charges(facility: Facility, peaks: Sequence[Peak]) -> Iterator[dict[str, Any]]:
    """Each charge in each local month: the peaks so far, and what they cost."""
    highest: dict[tuple[str, str], dict[str, float]] = {}
    for hour, plan, kw in peaks:
        month = f"{local_date(hour, facility.zone_name):%Y-%m}"
        for charge, holds in holding_charges(facility, utc_minutes(hour)).items():
            if holds and plan not in {OPERATED, CHALLENGER}:
                here = highest.setdefault((month, charge), {})
                here[plan] = max(here.get(plan, 0.0), kw)
    charges = {charge.id: charge for charge in facility.tariff.demand_charges}
    for (month, name), by_plan in sorted(highest.items()):
        own = charges[name]
        usd = {plan: _round(own.usd_per_kw * max(peak, own.ratchet_floor_kw)) for plan, peak in by_plan.items()}
        yield {"month": month, "charge": name, "peakKw": by_plan, "costUsd": usd}


def _round(value: float | Decimal) -> float:
    return round(float(value), _DIGITS) + 0.0
