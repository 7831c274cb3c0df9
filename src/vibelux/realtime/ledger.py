"""The ledger: hour by hour what was decided has cost, what was done instead, and what the baselines would have cost.

Hours are kept as they end, and reckoned anew when a price of theirs comes late or is corrected, or a report comes late;
what a settled hour came to before is kept. What is asked for beyond the last kept hour is reckoned there and then.
"""

import asyncio
import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Self

import structlog

from vibelux.dispatch.facility import Facility
from vibelux.dispatch.ledger import CHALLENGER, DECIDED, HOLDS_ON, OPERATED, Answer, Entry, Material, entries
from vibelux.dispatch.operated import HOLDS
from vibelux.market.clock import Clock
from vibelux.market.errors import StoreUnavailable, UsageError
from vibelux.market.intervals import floor_to, iso_z
from vibelux.market.regions import region_of
from vibelux.realtime import statement
from vibelux.realtime.recall import facility_of
from vibelux.realtime.statement import Asked, Period
from vibelux.store import savings as store
from vibelux.store.challengers import challenger_decisions
from vibelux.store.database import Database, Readable
from vibelux.store.decisions import decisions
from vibelux.store.dr_events import events_between, performances
from vibelux.store.facilities import one_facility
from vibelux.store.keys import Principal
from vibelux.store.operations import reports_between
from vibelux.store.reader import prices
from vibelux.store.savings import HourCost

log = structlog.get_logger(__name__)

_HOUR = timedelta(hours=1)
_AT_ONCE = 24 * _HOUR
_FRESH = 6 * _HOUR
"""So much at most is reckoned for an answer, beyond the last kept hour."""
_LOOKED_AGAIN = timedelta(days=60)
"""Settlement runs of the grids correct prices for some weeks."""
_LOOK_SECONDS = 300.0
_WHOLE = 0.95
_DIGITS = Decimal("0.000001")


class Ledger:
    """Keeps hours, and tells of them.

    Args:
        db: the store.
        clock: the service's.
    """

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._read: Readable = db
        self._clock = clock

    def in_name_of(self, caller: Principal) -> Self:
        """The same, reading nothing of facilities that are not the caller's."""
        if not caller.facilities:
            return self
        own = copy.copy(self)
        own._read = self._db.limited_to(caller.facilities)  # noqa: SLF001 (a copy of our own)
        return own

    async def run(self, facilities: Callable[[], Sequence[Facility]]) -> None:
        """Keeps the hours of all facilities until cancelled; the store being away is waited out."""
        while True:
            for facility in facilities():
                try:
                    await self.keep(facility)
                except StoreUnavailable as error:
                    log.warning("the store is away; the ledger waits", error=str(error))
                except Exception:  # a fault of ours with one facility must not end the work for all
                    log.exception("hours were not reckoned", facility=facility.id)
            await self._clock.sleep(_LOOK_SECONDS)

    async def keep(self, facility: Facility) -> None:
        """Reckons the hours that have ended since the last one kept, and those that would now come to something else.

        Raises:
            StoreUnavailable: the database is away.
        """
        now = self._clock.now()
        ended = floor_to(now, _HOUR)
        until = await store.reckoned_until(self._db, facility.id)
        missing = [] if until is None else _hours(floor_to(until, _HOUR), ended)
        if not missing:  # once an hour is often enough to look what has changed
            return
        stale = await store.stale_hours(self._db, facility.id, _subject(facility), ended - _LOOKED_AGAIN)
        for first, last in _stretches([*stale, *missing]):
            found = await reckoned(self._db, facility, first, last)
            rows = list(hour_costs(found))
            rows += await _challenger(self._db, facility, first, last, rows)
            restated = await store.put_hours(self._db, facility.id, rows, now)
            if restated:
                log.info("hours were restated", facility=facility.id, first=first, last=last, rows=restated)

    async def facility(self, facility_id: str) -> Facility:
        """A facility as the store has it.

        Raises:
            ConfigError: it cannot be read.
            StoreUnavailable: the database is away.
        """
        row = await one_facility(self._read, facility_id)
        if row is None:
            raise UsageError(f"there is no facility {facility_id}")
        return facility_of(row)

    async def savings(self, facility: Facility, asked: Asked) -> dict[str, Any]:
        """What decisions have cost over a stretch of time, by period.

        Raises:
            StoreUnavailable: the database is away.
        """
        held = await store.sums(
            self._read, facility.id, asked.first, asked.last, by=asked.by, zone_name=facility.zone_name
        )
        fresh = await self._fresh(facility, asked.first, asked.last)
        peaks = await self._peaks(facility, asked.first, asked.last, fresh)
        corrections = await store.restatements(self._read, facility.id, asked.first, asked.last)
        events = await self._events(facility, asked.first, asked.last)
        return statement.savings(facility, asked, [*held, *fresh], peaks, corrections, events)

    async def totals(self, facility: Facility) -> dict[str, Any]:
        """Today, this month and this year by the facility's own calendar, and `since` when there is anything at all.

        Raises:
            StoreUnavailable: the database is away.
        """
        now, told = self._clock.now(), {}
        fresh = await self._fresh(facility, now - _FRESH, now)
        for name in ("today", "month", "year"):
            first = statement.begin_of(name, now, facility.zone_name)
            held = await store.sums(self._read, facility.id, first, now, by="year", zone_name=facility.zone_name)
            own = [row for row in fresh if row.hour >= first]
            told[name] = statement.total(first, now, [*held, *own])
            told[name]["demandResponseUsd"] = statement.paid(await self._events(facility, first, now))
            if name == "month":
                told[name] |= statement.demand(facility, await self._peaks(facility, first, now, own))
        since = await store.reckoned_since(self._read, facility.id)
        return {"facilityId": facility.id, "at": iso_z(now), "since": since and iso_z(since), **told}

    async def steps(self, facility: Facility, first: datetime, last: datetime) -> dict[str, Any]:
        """Each decision of a stretch of time, with the price rows that it is reckoned at.

        Raises:
            StoreUnavailable: the database is away.
        """
        return statement.steps(facility, first, last, await reckoned(self._read, facility, first, last))

    async def _fresh(self, facility: Facility, first: datetime, last: datetime) -> list[HourCost]:
        """What is not kept yet of a stretch of time."""
        until = await store.reckoned_until(self._read, facility.id)
        end = min(last, self._clock.now())
        if until is None or until >= end:
            return []
        begin = floor_to(max(first, until, end - _FRESH), _HOUR)
        rows = list(hour_costs(await reckoned(self._read, facility, begin, end)))
        return [*rows, *await _challenger(self._read, facility, begin, end, rows)]

    async def _peaks(
        self, facility: Facility, first: datetime, last: datetime, fresh: Sequence[HourCost]
    ) -> list[tuple[datetime, str, float]]:
        if not facility.tariff.demand_charges:
            return []
        held = await store.peaks(self._read, facility.id, first, last)
        return [*held, *((row.hour, row.plan, row.peak_kw) for row in fresh)]

    async def _events(self, facility: Facility, first: datetime, last: datetime) -> list[Period]:
        """The demand-response events of a stretch of time in which the facility was measured."""
        kept = [one.event for one in await events_between(self._read, first, last)]
        gave = await performances(self._read, [event.key for event in kept])
        own = ((event, gave.get((facility.id, *event.key))) for event in kept)
        return [(event, row["body"]) for event, row in own if row is not None]


async def _challenger(
    db: Readable, facility: Facility, first: datetime, last: datetime, rows: Sequence[HourCost]
) -> list[HourCost]:
    """Its hours, as far as it decided for the whole of what was decided for."""
    if facility.challenger is None:
        return []
    shadow = await challenger_decisions(db, facility.id, first - _HOUR, last + HOLDS_ON)
    own = {row.hour: row for row in rows if row.plan == DECIDED}
    found = await reckoned(db, facility.challenged(), first, last, shadow)
    return [
        replace(row, plan=CHALLENGER, known_usd=None, decided_usd=own[row.hour].cost_usd)
        for row in hour_costs(found)
        if row.plan == DECIDED and row.hour in own and row.hours >= _WHOLE * own[row.hour].hours
    ]


async def reckoned(
    db: Readable, facility: Facility, first: datetime, last: datetime, found: Sequence[dict[str, Any]] | None = None
) -> list[Entry]:
    """The entries of a stretch of time, from what is known now.

    Args:
        db: where from.
        facility: whose.
        first: where it begins.
        last: where it ends.
        found: rows of other decisions than those that are kept.

    Raises:
        StoreUnavailable: the database is away.
    """
    if found is None:
        found = await decisions(db, facility.id, first - _HOUR, last + HOLDS_ON)
    region = region_of(facility.iso_region)
    rows = await prices(
        db,
        iso_region=region.iso_region,
        market=region.real_time_market,
        pricing_node=facility.pricing_node,
        start=first - _HOUR,
        end=last,
    )
    reports = await reports_between(db, facility.id, first - HOLDS, last + HOLDS)
    material = Material([_answer(row) for row in found], rows, reports)
    return await asyncio.to_thread(lambda: list(entries(facility, material, first, last)))


def hour_costs(found: Iterable[Entry]) -> Iterator[HourCost]:
    """Entries added up by hour and plan."""
    by_hour: dict[tuple[datetime, str], list[Entry]] = {}
    for entry in found:
        for plan in entry.costs:
            by_hour.setdefault((floor_to(entry.start, _HOUR), plan), []).append(entry)
    for (hour, plan), own in by_hour.items():
        yield HourCost(
            plan=plan,
            hour=hour,
            hours=sum(entry.hours for entry in own),
            unsettled_hours=sum(entry.hours for entry in own if not entry.settled),
            parts={part: _usd(entry.costs[plan].parts[part] for entry in own) for part in store.PARTS},
            known_usd=_usd(entry.known_usd for entry in own) if plan == DECIDED else None,
            decided_usd=_usd(entry.costs[DECIDED].usd for entry in own) if plan == OPERATED else None,
            peak_kw=max(entry.costs[plan].import_kw for entry in own),
        )


def _usd(values: Iterable[float]) -> Decimal:
    return sum((Decimal(value) for value in values), Decimal(0)).quantize(_DIGITS)


def _answer(row: dict[str, Any]) -> Answer:
    return {"decision": row["decision"], **row["conditions"]}


def _subject(facility: Facility) -> dict[str, str]:
    region = region_of(facility.iso_region)
    return {
        "iso_region": region.iso_region,
        "pricing_node": facility.pricing_node,
        "market": region.real_time_market,
    }


def _hours(first: datetime, last: datetime) -> list[datetime]:
    return [first + _HOUR * at for at in range((last - first) // _HOUR)]


def _stretches(hours: Iterable[datetime]) -> Iterator[tuple[datetime, datetime]]:
    """Hours that follow each other, a day's worth at most."""
    first = last = None
    for hour in sorted(set(hours)):
        if first is not None and last is not None and (hour != last or last - first >= _AT_ONCE):
            yield first, last
            first = None
        first = hour if first is None else first
        last = hour + _HOUR
    if first is not None and last is not None:
        yield first, last
