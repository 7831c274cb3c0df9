"""The book of demand-response events: who may enter, see, accept, decline and call off what."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from vibelux.dispatch.dr_case import shift
from vibelux.market.clock import Clock
from vibelux.market.dr_events import CANCELLED, UNITS, Event, State, is_region, names_of
from vibelux.market.errors import Conflict, UsageError
from vibelux.market.intervals import iso_z
from vibelux.market.records import DR_EVENT
from vibelux.store import dr_events as store
from vibelux.store.database import Database, Readable
from vibelux.store.dr_events import KeptEvent
from vibelux.store.keys import Principal

Row = dict[str, Any]
Sites = Sequence[Mapping[str, Any]]
"""The facility file's objects, each with its id."""

ACCEPTED, DECLINED = "accepted", "declined"


def entered(body: object) -> Event:
    """An event as a person or program enters it.

    Raises:
        UsageError: it is none; the text names the member.
    """
    try:
        event = msgspec.convert(body, Event)
    except msgspec.ValidationError as error:
        raise UsageError(str(error)) from error
    for signal in event.signals:
        if signal.type not in UNITS:
            raise UsageError(f"signals: {signal.type!r} is not one of {', '.join(UNITS)}")
    return event


class DrBook:
    """Reads and writes events in the name of callers.

    Args:
        db: the store.
        clock: the service's.
    """

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def put(self, event: Event, caller: Principal, sites: Sites) -> tuple[Row, bool]:
        """Enters an event, or changes one that was entered before; the event, and whether it is new.

        Raises:
            UsageError: a target that nobody goes by (or that is none of the caller's).
            Conflict: the event is a feed's, or another's.
            StoreUnavailable: the database is away.
        """
        _refuse_strangers(event, caller, sites)
        found = await store.events_called(self._db, event.event_id, event.program)
        if found:
            await self._refuse_others(found[0], caller)
        now = self._clock.now()
        await store.put_event(self._db, event, now=now, caller_id=caller.id, caller=caller.name)
        (kept,) = await store.events_called(self._db, event.event_id, event.program)
        (row,) = await self._shown([kept], caller, sites)
        return row, not found

    async def cancel(self, event_id: str, program: str | None, caller: Principal, sites: Sites) -> Row | None:
        """Calls off an event that was entered by hand, also after it began; None where the caller sees none such.

        Raises:
            UsageError: several programmes have an event of that id.
            Conflict: it is a feed's, another's, over or called off.
            StoreUnavailable: the database is away.
        """
        kept = await self._one(event_id, program, caller, sites)
        if kept is None:
            return None
        await self._refuse_others(kept, caller)
        self._refuse_past(kept.event)
        called_off = msgspec.structs.replace(kept.event, status=CANCELLED)
        await store.put_event(self._db, called_off, now=self._clock.now(), caller_id=caller.id, caller=caller.name)
        (kept,) = await store.events_called(self._db, event_id, kept.event.program)
        (row,) = await self._shown([kept], caller, sites)
        return row

    async def answer(
        self,
        event_id: str,
        program: str | None,
        site: Mapping[str, Any],
        answer: str,
        note: str | None,
        caller: Principal,
    ) -> Row | None:
        """A site accepts or declines; None where the event does not concern it.

        Raises:
            UsageError: several programmes have an event of that id.
            Conflict: it is over or called off.
            StoreUnavailable: the database is away.
        """
        kept = await self._one(event_id, program, caller, [site])
        if kept is None:
            return None
        self._refuse_past(kept.event)
        await store.add_answer(
            self._db, site["id"], kept.event.key, answer, caller_id=caller.id, caller=caller.name, note=note,
            now=self._clock.now(),
        )  # fmt: skip
        (row,) = await self._shown([kept], caller, [site])
        return row

    async def concerned(
        self, event_id: str, program: str | None, caller: Principal, sites: Sites
    ) -> Mapping[str, Any] | None:
        """The one of the sites that an event concerns; None where it concerns none of them, or there is none such.

        Raises:
            UsageError: it concerns several of them, or several programmes have an event of that id.
            StoreUnavailable: the database is away.
        """
        kept = await self._one(event_id, program, caller, sites)
        touched = [] if kept is None else [site for site in sites if kept.event.touches(site)]
        if len(touched) > 1:
            raise UsageError(f"{event_id} concerns {', '.join(site['id'] for site in touched)}: name one by facilityId")
        return touched[0] if touched else None

    async def events(self, start: datetime, end: datetime, caller: Principal, sites: Sites) -> list[Row]:
        """The events of a stretch of time that touch the caller's sites, in order; all, for a key of all facilities.

        Raises:
            StoreUnavailable: the database is away.
        """
        found = await store.events_between(self._seen_by(caller), start, end)
        return await self._shown(found, caller, sites)

    async def _one(self, event_id: str, program: str | None, caller: Principal, sites: Sites) -> KeptEvent | None:
        found = await store.events_called(self._seen_by(caller), event_id, program)
        seen = [kept for kept in found if any(kept.event.touches(site) for site in sites)]
        if len(seen) > 1:
            programs = ", ".join(kept.event.program for kept in seen)
            raise UsageError(f"several programmes have an event {event_id!r}: name one by `program` ({programs})")
        return seen[0] if seen else None

    async def _refuse_others(self, kept: KeptEvent, caller: Principal) -> None:
        event = kept.event
        if not await store.owners(self._db, [event.key]):
            raise Conflict(
                f"{event.program} {event.event_id} comes from {event.source}: it may be declined, not changed"
            )
        if caller.facilities and not (event.targets and caller.facilities.issuperset(event.targets)):
            raise Conflict(
                f"there is an event {event.event_id} of {event.program} already, which is not this key's own"
            )

    def _refuse_past(self, event: Event) -> None:
        state = event.state(self._clock.now())
        if state in {State.ENDED, State.CANCELLED}:
            said = "over" if state is State.ENDED else "called off"
            raise Conflict(f"{event.program} {event.event_id} is {said} already")

    async def _shown(self, found: Iterable[KeptEvent], caller: Principal, sites: Sites) -> list[Row]:
        now = self._clock.now()
        touched = [(kept, [site for site in sites if kept.event.touches(site)]) for kept in found]
        touched = [(kept, own) for kept, own in touched if own or not caller.facilities]
        keys = [kept.event.key for kept, _ in touched]
        read = self._seen_by(caller)
        answers = await store.answers(read, keys)
        measured = await store.performances(read, keys)
        return [shown(kept, now, own, answers, measured) for kept, own in touched]

    def _seen_by(self, caller: Principal) -> Readable:
        return self._db.limited_to(caller.facilities) if caller.facilities else self._db


def shown(
    kept: KeptEvent,
    now: datetime,
    sites: Sites,
    answers: Mapping[tuple[str, str, str], Mapping[str, Any]],
    measured: Mapping[tuple[str, str, str], Mapping[str, Any]],
) -> Row:
    """An event as it is told: the record, where it stands, and what each site answered and gave."""
    event = kept.event
    record = {"kind": DR_EVENT.name} | event.as_row()
    return record | {
        "starts_at": iso_z(event.starts_at),
        "ends_at": None if event.ends_at is None else iso_z(event.ends_at),
        "origin": kept.origin,
        "known_at": iso_z(kept.known_at),
        "state": event.state(now).value,
        "facilities": [_site(event, site["id"], answers, measured) for site in sites],
    }


def _site(
    event: Event,
    facility_id: str,
    answers: Mapping[tuple[str, str, str], Mapping[str, Any]],
    measured: Mapping[tuple[str, str, str], Mapping[str, Any]],
) -> Row:
    place = (facility_id, *event.key)
    answer, gave = answers.get(place), measured.get(place)
    return {
        "facilityId": facility_id,
        "startsAt": iso_z(event.starts_at + shift(event, facility_id)),
        "answer": None if answer is None else answer["answer"],
        "answeredBy": None if answer is None else answer["caller"],
        "answeredAt": None if answer is None else iso_z(answer["at"]),
        "note": None if answer is None else answer["note"],
        "performance": None if gave is None else gave["body"],
    }


def _refuse_strangers(event: Event, caller: Principal, sites: Sites) -> None:
    if caller.facilities and not event.targets:
        raise UsageError("targets: a key for some facilities has to name them")
    for target in event.targets:
        own = caller.owns(target) and any(site["id"] == target for site in sites)
        if own or (not caller.facilities and _is_known(target, sites)):
            continue
        regions = "" if caller.facilities else ", region"
        raise UsageError(f"targets: {target!r} is no facility{regions} or other name that this key may call")


def _is_known(target: str, sites: Collection[Mapping[str, Any]]) -> bool:
    said = target.casefold()
    return is_region(target) or any(said == name.casefold() for site in sites for name in names_of(site))
