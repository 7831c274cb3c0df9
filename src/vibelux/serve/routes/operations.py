"""What a facility reports of itself: handing it in, and what follows from it."""

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response

from vibelux.market.intervals import iso_z, local_date, local_day
from vibelux.market.operations import ratings_of
from vibelux.market.regions import region_of
from vibelux.market.site_messages import reports_of
from vibelux.serve import examples
from vibelux.serve.answers import json_response
from vibelux.serve.auth import Asking, DoorOf, State
from vibelux.serve.bodies import read_body
from vibelux.serve.operations import Operations
from vibelux.serve.ports import ServeState
from vibelux.serve.routes._query import From, To, window
from vibelux.serve.shapes import FAILURES, WRITES, answered, body_like

router = APIRouter(prefix="/api/facilities", tags=["facilities"])

_DAY = timedelta(days=1)
_MOST_DAYS = timedelta(days=31)

_KW: dict[str, Any] = {"type": ["number", "null"], "minimum": -1e7, "maximum": 1e7}
_KWH: dict[str, Any] = {"type": ["number", "null"], "minimum": 0, "maximum": 1e8}
_UNIT_SCHEMA = {
    "type": "object",
    "required": ["id", "on"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string", "minLength": 1, "maxLength": 200, "description": "one of the facility's engines"},
        "on": {"type": "boolean"},
        **dict.fromkeys(("powerKw", "heatKw", "fuelKwHhv"), _KW),
    },
}
_REPORT_SCHEMA = {
    "type": "object",
    "required": ["timestamp"],
    "additionalProperties": False,
    "properties": {
        "timestamp": {"type": "string", "format": "date-time", "description": "when it was measured, with its offset"},
        "units": {"type": "array", "items": _UNIT_SCHEMA, "maxItems": 100},
        "storageKwh": _KWH | {"description": "heat"},
        "batteryKwh": _KWH,
        "gridImportKw": _KW | {"description": "below zero: export"},
        "heatDemandKw": _KW | {"description": "the heat that the site takes, whoever makes it"},
        "frequencyHz": {"type": ["number", "null"], "minimum": 40, "maximum": 70},
        "voltageV": {"type": ["number", "null"], "minimum": 0, "maximum": 1e6},
    },
}
_BODY_SCHEMA = {"oneOf": [_REPORT_SCHEMA, {"type": "array", "items": _REPORT_SCHEMA, "minItems": 1, "maxItems": 1000}]}
_COUNT = {"type": "integer", "minimum": 0}
_TAKEN_SCHEMA = {
    "type": "object",
    "required": list(examples.TAKEN),
    "properties": {
        **dict.fromkeys(("new", "corrected", "duplicates", "late"), _COUNT),
        "newest": {"type": ["string", "null"], "format": "date-time"},
        "notes": {"type": "array", "items": {"type": "string"}},
    },
}
_RAN_SCHEMA = {
    "type": "object",
    "required": list(examples.RAN),
    "properties": {
        "operations": {"type": ["object", "null"]},
        "units": {"type": "array", "items": {"type": "object", "required": ["id", "knownHours", "hoursRun", "starts"]}},
    },
}


@router.post(
    "/{facility_id}/operations",
    status_code=202,
    responses={
        202: answered(_TAKEN_SCHEMA, examples.TAKEN),
        200: answered(_TAKEN_SCHEMA, examples.TAKEN | {"new": 0, "duplicates": 1}),
        **WRITES,
    },
    openapi_extra=body_like(_BODY_SCHEMA, examples.REPORT),
    summary="Takes a report of the facility, or a list of them (scope operate)",
)
async def report_operations(request: Request, facility_id: str, caller: Asking, door: DoorOf, state: State) -> Response:
    """202 when something new was told, 200 when all of it was known. All of a list is taken or nothing.

    What is left out is not known. A report may come late and twice; another one of the same moment is a correction.
    `notes` tells a sender of a clock that seems to be behind; one that is ahead is refused.
    """
    facility = await door.facility(caller, facility_id, "operate")
    operations = _operations(state)
    reports = reports_of(await read_body(request, object), None)
    taken, notes = await operations.take(facility_id, ratings_of(facility), reports, "rest")
    body = {
        "new": taken.new,
        "corrected": taken.corrected,
        "duplicates": taken.duplicates,
        "late": taken.late,
        "newest": None if taken.newest is None else iso_z(taken.newest),
        "notes": notes,
    }
    return json_response(body, status=202 if taken.new or taken.corrected else 200)


@router.get(
    "/{facility_id}/operations",
    responses={200: answered(_RAN_SCHEMA, examples.RAN), **FAILURES},
    summary="The newest report, and what the engines did in a stretch of time (default: the last 24 hours)",
)
async def get_operations(
    facility_id: str, caller: Asking, door: DoorOf, state: State, start: From = None, end: To = None
) -> Response:
    """Hours, starts, energies and efficiencies (HHV) of each engine, and for how long they are known at all."""
    facility = await door.facility(caller, facility_id, "read")
    now = state.clock.now()
    first, last = window(start, end, now, _DAY, longest=_MOST_DAYS)
    zone_name = facility.get("timezone") or region_of(facility["iso_region"]).timezone
    operations = _operations(state).in_name_of(caller)
    today = local_day(local_date(now, zone_name), zone_name)
    body = {
        "operations": await operations.latest(facility_id, now, today.start),
        "from": iso_z(first),
        "to": iso_z(last),
        "units": await operations.ran(facility_id, first, last),
    }
    return json_response(body)


def _operations(state: ServeState) -> Operations:
    if state.operations is None:
        raise HTTPException(503, {"error": "Telemetry is not taken here"})
    return state.operations
