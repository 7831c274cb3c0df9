"""Demand response as it happens: tells sites of events, gives the desk those that they take part in, measures after.

What is told is told once for each version of an event and each answer, however often the service is started, and by
whichever of its processes comes first.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Protocol

import numpy as np
import structlog

from vibelux.dispatch.dr_case import shift
from vibelux.dispatch.dr_offers import Ahead, offers
from vibelux.dispatch.dr_performance import DAYS_BACK, Measured, performance
from vibelux.dispatch.facility import Facility
from vibelux.dispatch.horizon import build_case, stands_at
from vibelux.ingest.events import MarketDataUpdated
from vibelux.market.clock import Clock
from vibelux.market.dr_events import Event, State
from vibelux.market.errors import StoreUnavailable
from vibelux.market.intervals import iso_z, local_date
from vibelux.market.records import DR_EVENT
from vibelux.outlook.past import utc_minutes
from vibelux.realtime.dr_book import ACCEPTED, DECLINED, shown
from vibelux.realtime.situation import Situation
from vibelux.store import dr_events as store
from vibelux.store import imports
from vibelux.store.database import Database
from vibelux.store.dr_events import KeptEvent

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 5.0
"""Of the wall: an answer that another process took is seen as soon as this."""
_MEASURE_AFTER = timedelta(minutes=15)
"""The last reports of an event may be late."""
_MEASURED_WITHIN = timedelta(days=3)
_TOLD_BEFORE = timedelta(days=31)
_PLANNED = timedelta(days=3)
_MOST_OFFERS = 5


class Deciding(Protocol):
    """What is needed of the desk."""

    @property
    def facilities(self) -> Sequence[Facility]:
        """All that it decides for."""
        ...

    def reconsider(self, facility_id: str) -> None:
        """Decides for a facility soon, though no price has come."""
        ...

    async def situation(self, facility_id: str) -> Situation | None:
        """See `Situation`; None for a facility that there is not."""
        ...


@dataclass(slots=True)
class _Site:
    """What is known of one site's events."""

    accepted: tuple[KeptEvent, ...] = ()
    told: dict[tuple[str, str], str] = field(default_factory=dict)
    offers: tuple[tuple[Any, ...], dict[str, Any]] | None = None


class DrDesk:
    """See the module.

    Args:
        db: the store.
        clock: the service's.
        publish: passes on messages that were committed.
    """

    def __init__(self, db: Database, clock: Clock, publish: Callable[[str, Sequence[dict[str, Any]]], None]) -> None:
        self._db = db
        self._clock = clock
        self._publish = publish
        self._desk: Deciding | None = None
        self._sites: dict[str, _Site] = defaultdict(_Site)
        self._wake = asyncio.Event()

    def serve(self, desk: Deciding) -> None:
        """Takes up the desk that it works for: the two know each other."""
        self._desk = desk

    def accepted(self, facility: Facility, now: datetime) -> tuple[Event, ...]:
        """The events that a facility takes part in and that are not over at a moment, as last looked up."""
        held = self._sites[facility.id].accepted
        return tuple(kept.event for kept in held if kept.event.state(now) in {State.UPCOMING, State.ACTIVE})

    def on_market_data(self, event: MarketDataUpdated) -> None:
        """Looks soon where an event is new or another."""
        if event.kind == DR_EVENT.name:
            self._wake.set()

    def look(self) -> None:
        """Looks soon: an answer was given."""
        self._wake.set()

    async def run(self) -> None:
        """Works until cancelled; the store being away is waited out."""
        while True:
            try:
                await self.refresh()
                await self.measure()
            except StoreUnavailable as error:
                log.warning("the store is away; events wait", error=str(error))
            except Exception:  # a fault of ours with one event must not end the work for all
                log.exception("events were not taken up")
            self._wake.clear()
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def refresh(self) -> None:
        """Reads events and answers, tells sites what is new, and has those decide again whose part changed.

        Raises:
            StoreUnavailable: the database is away.
        """
        if self._desk is None:
            return
        now = self._clock.now()
        found = await store.events_between(self._db, now, now + _TOLD_BEFORE)
        answers = await store.answers(self._db, [kept.event.key for kept in found])
        for facility in self._desk.facilities:
            body = facility.as_dict()
            own = [kept for kept in found if kept.event.touches(body)]
            held = self._sites[facility.id]
            await self._tell(facility.id, body, own, answers, now)
            accepted = tuple(kept for kept in own if _answer(facility.id, kept, answers) == ACCEPTED)
            if accepted != held.accepted:
                held.accepted = accepted
                self._desk.reconsider(facility.id)

    async def _tell(
        self,
        facility_id: str,
        body: Mapping[str, Any],
        own: Sequence[KeptEvent],
        answers: Mapping[tuple[str, str, str], Mapping[str, Any]],
        now: datetime,
    ) -> None:
        held = self._sites[facility_id]
        news = []
        for kept in own:
            answer = answers.get((facility_id, *kept.event.key))
            version = f"{iso_z(kept.known_at)} {'' if answer is None else answer['id']}"
            if held.told.get(kept.event.key) != version:
                news.append((kept.event.key, version, {"data": shown(kept, now, [body], answers, {})}))
        if news:
            self._publish(facility_id, await store.tell(self._db, facility_id, news, now))
            held.told |= {key: version for key, version, _ in news}

    async def opportunities(self, facility_id: str) -> dict[str, Any] | None:
        """What a facility could give in the events that concern it and in dear hours; None if there is none such.

        Reckoned anew when the decision or an event is another.

        Raises:
            StoreUnavailable: the database is away.
        """
        situation = None if self._desk is None else await self._desk.situation(facility_id)
        if situation is None:
            return None
        now, facility = situation.now, situation.facility
        found = await store.events_between(self._db, now, now + _PLANNED)
        answers = await store.answers(self._db, [kept.event.key for kept in found])
        own = [kept for kept in found if kept.event.touches(facility.as_dict()) and not kept.event.is_cancelled]
        own = [kept for kept in own if _answer(facility_id, kept, answers) != DECLINED][:_MOST_OFFERS]
        version = (situation.seq, *(kept.event for kept in own))
        held = self._sites[facility_id]
        if held.offers is None or held.offers[0] != version:
            events = [kept.event for kept in own]
            held.offers = version, await asyncio.to_thread(_offers, situation, events)
        told = held.offers[1]
        rows = [
            row | {"answer": answers.get((facility_id, row["program"], row["event_id"]), {}).get("answer")}
            if row["kind"] == "event"
            else row
            for row in told["rows"]
        ]
        return told | {"rows": rows}

    async def measure(self) -> None:
        """Measures what sites gave in accepted events that are over; each once, as soon as late reports are in.

        Raises:
            StoreUnavailable: the database is away.
        """
        if self._desk is None:
            return
        now = self._clock.now()
        found = [
            kept
            for kept in await store.events_between(self._db, now - _MEASURED_WITHIN, now)
            if (over := _over(kept)) is not None and over + _MEASURE_AFTER <= now
        ]
        keys = [kept.event.key for kept in found]
        answers = await store.answers(self._db, keys)
        done = await store.performances(self._db, keys)
        for facility in self._desk.facilities:
            for kept in found:
                if _answer(facility.id, kept, answers) == ACCEPTED and (facility.id, *kept.event.key) not in done:
                    await self._measure(facility, kept, now)

    async def _measure(self, facility: Facility, kept: KeptEvent, now: datetime) -> None:
        over, event = _over(kept), kept.event
        if event.is_cancelled:
            event = await store.before_cancelled(self._db, event.key) or event
        elif over is not None:
            over += shift(event, facility.id)
        if over is None or over + _MEASURE_AFTER > now:
            return
        since = event.starts_at - timedelta(days=DAYS_BACK + 1)
        measured = await self._read(facility.id, since, over + timedelta(hours=1))
        others = await self._event_days(facility, event, since)
        told = await asyncio.to_thread(performance, facility, event, utc_minutes(over), measured, others)
        await store.put_performance(self._db, facility.id, event.key, told, now)
        log.info("an event was measured", facility=facility.id, program=event.program, event_id=event.event_id, **told)

    async def _read(self, facility_id: str, since: datetime, until: datetime) -> Measured:
        """From the meter; where it told nothing of the event, from the decisions."""
        minutes, kw = await imports.measured_import(self._db, facility_id, since, until)
        if not len(minutes) or minutes[-1] < utc_minutes(until) - 24 * 60:
            minutes, kw = await imports.advised_import(self._db, facility_id, since, until)
            return Measured(minutes, kw, "decisions")
        units = await imports.generated(self._db, facility_id, since, until)
        made = {}
        for unit, (at, power) in units.items():
            place = np.clip(np.searchsorted(at, minutes), 0, len(at) - 1)
            made[unit] = np.where(at[place] == minutes, power[place], np.nan)
        return Measured(minutes, kw, "telemetry", made)

    async def _event_days(self, facility: Facility, event: Event, since: datetime) -> set[date]:
        """Local days with another event that the site took part in."""
        found = await store.events_between(self._db, since, event.starts_at)
        answers = await store.answers(self._db, [kept.event.key for kept in found])
        return {
            local_date(kept.event.starts_at, facility.zone_name)
            for kept in found
            if kept.event.key != event.key and _answer(facility.id, kept, answers) == ACCEPTED
        }


def _answer(facility_id: str, kept: KeptEvent, answers: Mapping[tuple[str, str, str], Mapping[str, Any]]) -> str | None:
    answer = answers.get((facility_id, *kept.event.key))
    return None if answer is None else str(answer["answer"])


def _over(kept: KeptEvent) -> datetime | None:
    """When an event ended or was called off after it began; None while it lasts, and where it never began."""
    event = kept.event
    if event.is_cancelled:
        return kept.known_at if event.ends_at is None else min(kept.known_at, event.ends_at)
    return event.ends_at


def _offers(situation: Situation, events: list[Event]) -> dict[str, Any]:
    """In a thread: a few plans of the facility's case."""
    facility, now, view = situation.facility, situation.now, situation.view
    told: dict[str, Any] = {"facilityId": facility.id, "at": iso_z(now), "rows": [], "next": None}
    state = stands_at(facility, situation.state, now)
    case = None
    if view is not None:
        case = build_case(facility, situation.conditions, view.outlook, view.demands, state, now)
    if view is None or case is None:
        return told | {"detail": "Nothing can be reckoned: prices or demands ahead are not known."}
    market = view.outlook.expected[0][: case.steps].copy()
    market[0] = situation.conditions.electricity.value
    return told | {"rows": offers(Ahead(facility, case, view.outlook.steps, market), events)}
