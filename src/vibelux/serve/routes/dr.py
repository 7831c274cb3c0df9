"""Demand response: events, what sites answer to them, and what they could give."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response

from vibelux.market.errors import Conflict
from vibelux.market.intervals import parse_utc
from vibelux.market.records import DR_EVENT
from vibelux.realtime.dr_book import ACCEPTED, DECLINED, DrBook, entered
from vibelux.realtime.dr_desk import DrDesk
from vibelux.serve import examples
from vibelux.serve.answers import json_response
from vibelux.serve.auth import Asking, DoorOf, OwnStore, Reading, State, need
from vibelux.serve.bodies import read_body
from vibelux.serve.cursors import opened, sealed
from vibelux.serve.errors import conflict, not_found
from vibelux.serve.ports import Row, ServeState
from vibelux.serve.routes._query import After, FacilityId, From, OptionalText, To, next_url, window
from vibelux.serve.shapes import FAILURES, WRITES, Rows, answered, body_like, record_schema

router = APIRouter(prefix="/api/dr", tags=["demand response"])

_BACK, _AHEAD = timedelta(days=7), timedelta(days=31)
_LONGEST = timedelta(days=400)
_PLACE = (datetime, str, str)

_MOMENT = {"type": "string", "format": "date-time"}
_OR_NULL = {"type": ["string", "null"], "format": "date-time"}
_INTERVAL = {
    "type": "object",
    "required": ["starts_at", "ends_at", "value"],
    "additionalProperties": False,
    "properties": {"starts_at": _MOMENT, "ends_at": _OR_NULL, "value": {"type": "number"}},
}
_SIGNAL = {
    "type": "object",
    "required": ["type", "intervals"],
    "additionalProperties": False,
    "properties": {
        "type": {"enum": ["price", "level", "import-limit-kw"]},
        "unit": {"type": ["string", "null"], "description": "USD/kWh, level or kW: the type's own"},
        "intervals": {"type": "array", "items": _INTERVAL, "minItems": 1, "maxItems": 2000},
    },
}
_NAME = {"type": "string", "minLength": 1, "maxLength": 200}
_EVENT = {
    "type": "object",
    "required": ["program", "event_id", "starts_at", "ends_at"],
    "additionalProperties": False,
    "properties": {
        "program": _NAME,
        "event_id": _NAME,
        "status": {"type": "string", "description": "`cancelled` calls it off, also after it began"},
        "source": _NAME,
        "starts_at": _MOMENT,
        "ends_at": _OR_NULL | {"description": "null: until further notice"},
        "priority": {"type": ["integer", "null"], "minimum": 0, "description": "a lower number goes first"},
        "randomize_start_seconds": {"type": ["integer", "null"], "minimum": 0, "maximum": 86_400},
        "targets": {"type": "array", "items": _NAME, "description": "facilities, regions; none: all"},
        "signals": {"type": "array", "items": _SIGNAL, "maxItems": 20},
    },
}
_TOLD = record_schema(DR_EVENT)
_WITH_NOTE: dict[str, Any] = {
    "requestBody": {
        "required": False,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"note": {"type": ["string", "null"], "maxLength": 500}},
                },
                "example": {"note": "agreed with the grower"},
            }
        },
    }
}

Program = Annotated[OptionalText, Query(description="where several programmes have an event of that id")]
ForFacility = Annotated[OptionalText, Query(alias="facilityId", examples=["salinas-1"])]


class _Note(msgspec.Struct, forbid_unknown_fields=True):
    note: Annotated[str, msgspec.Meta(max_length=500)] | None = None


@router.get(
    "/events",
    responses={200: answered(Rows, {"rows": [examples.DR_EVENT_TOLD], "next": None}), **FAILURES},
    summary="Events that touch the key's facilities (default: a week back, a month ahead)",
)
async def list_events(
    request: Request,
    caller: Reading,
    door: DoorOf,
    state: State,
    store: OwnStore,
    facility_id: ForFacility = None,
    start: From = None,
    end: To = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    after: After = None,
) -> Response:
    """In order of their starts, with what each facility answered, and what it gave once they are over."""
    sites = await store.facilities()
    if facility_id is not None:
        sites = [await door.facility(caller, facility_id, "read")]
    now = state.clock.now()
    first, last = window(start, end, now + _AHEAD, _AHEAD + _BACK, longest=_LONGEST)
    rows = await _book(state).events(first, last, caller, sites)
    if facility_id is not None:
        rows = [row for row in rows if row["facilities"]]
    if after is not None:
        place = opened(after, _PLACE)
        rows = [row for row in rows if _place(row) > place]
    following = next_url(request, first, last, sealed(_place(rows[limit - 1]))) if len(rows) > limit else None
    return json_response({"rows": rows[:limit], "next": following})


@router.post(
    "/events",
    status_code=201,
    responses={
        201: answered(_TOLD, examples.DR_EVENT_TOLD),
        200: answered(_TOLD, examples.DR_EVENT_TOLD),
        **WRITES,
    },
    openapi_extra=body_like(_EVENT, examples.DR_EVENT),
    summary="Enters an event by hand, or changes one (scope operate)",
)
async def put_event(request: Request, caller: Asking, state: State, store: OwnStore) -> Response:
    """201 for a new one, 200 for one that was entered before: program and event_id say which.

    A key for some facilities names them as targets and changes only events of these. What a feed brings is changed by
    its feed alone; it may be declined.
    """
    need(caller, "operate")
    event = entered(await read_body(request, object))
    try:
        row, is_new = await _book(state).put(event, caller, await store.facilities())
    except Conflict as error:
        raise conflict(str(error)) from error
    _desk(state).look()
    return json_response(row, status=201 if is_new else 200)


@dataclass
class _Answering:
    """Who answers what for which facility: what accepting and declining take."""

    request: Request
    event_id: str
    caller: Asking
    door: DoorOf
    state: State
    store: OwnStore
    facility_id: ForFacility = None
    program: Program = None

    async def give(self, answer: str) -> Response:
        if self.facility_id is None:
            need(self.caller, "operate")
            sites = await self.store.facilities()
        else:
            sites = [await self.door.facility(self.caller, self.facility_id, "operate")]
        book = _book(self.state)
        site = await book.concerned(self.event_id, self.program, self.caller, sites)
        if site is None:
            raise not_found()
        self.request.state.about = site["id"]
        told = await read_body(self.request, _Note, empty=b"{}")
        try:
            row = await book.answer(self.event_id, self.program, site, answer, told.note, self.caller)
        except Conflict as error:
            raise conflict(str(error)) from error
        if row is None:
            raise not_found()
        _desk(self.state).look()
        return json_response(row)


@router.post(
    "/events/{event_id:path}/accept",
    responses={200: answered(_TOLD, examples.DR_EVENT_TOLD), **WRITES},
    openapi_extra=_WITH_NOTE,
    summary="A facility takes part in an event: from now on it is planned for (scope operate)",
)
async def accept_event(answering: Annotated[_Answering, Depends()]) -> Response:
    """The newest answer counts; each is kept, with who gave it. Of a key's only facility concerned no id is needed."""
    return await answering.give(ACCEPTED)


@router.post(
    "/events/{event_id:path}/decline",
    responses={200: answered(_TOLD, examples.DR_EVENT_TOLD), **WRITES},
    openapi_extra=_WITH_NOTE,
    summary="A facility does not take part in an event, or no longer (scope operate)",
)
async def decline_event(answering: Annotated[_Answering, Depends()]) -> Response:
    """As for accepting."""
    return await answering.give(DECLINED)


@router.post(
    "/events/{event_id:path}/cancel",
    responses={200: answered(_TOLD, examples.DR_EVENT_TOLD | {"status": "cancelled"}), **WRITES},
    summary="Calls off an event that was entered by hand, also after it began (scope operate)",
)
async def cancel_event(
    event_id: str, caller: Asking, state: State, store: OwnStore, program: Program = None
) -> Response:
    """What was given until then is measured all the same."""
    need(caller, "operate")
    try:
        row = await _book(state).cancel(event_id, program, caller, await store.facilities())
    except Conflict as error:
        raise conflict(str(error)) from error
    if row is None:
        raise not_found()
    _desk(state).look()
    return json_response(row)


@router.get(
    "/opportunities",
    responses={200: answered(Rows, {"rows": [examples.OPPORTUNITY], "next": None}), **FAILURES},
    summary="What a facility could shed or make in the events ahead and in dear hours, at what cost",
)
async def opportunities(facility_id: FacilityId, caller: Asking, door: DoorOf, state: State) -> Response:
    """Each figure is the difference of two plans: with and without the event, at the prices expected and at usual ones.

    `resources` says what may count in the programme at this place, and why.
    """
    await door.facility(caller, facility_id, "read")
    found = await _desk(state).opportunities(facility_id)
    none: Row = {"facilityId": facility_id, "rows": [], "next": None, "detail": "No decision has been made here yet."}
    return json_response(found or none)


def _place(row: Row) -> tuple[Any, ...]:
    return parse_utc(row["starts_at"]), row["program"], row["event_id"]


def _book(state: ServeState) -> DrBook:
    if state.dr_book is None:
        raise HTTPException(503, {"error": "Demand response is not served here"})
    return state.dr_book


def _desk(state: ServeState) -> DrDesk:
    if state.dr_desk is None:
        raise HTTPException(503, {"error": "Demand response is not served here"})
    return state.dr_desk
