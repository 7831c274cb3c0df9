"""What a site will need of power, heat, light and CO2, and the weather behind it."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from vibelux.serve import examples
from vibelux.serve.answers import json_response
from vibelux.serve.auth import Asking, DoorOf, State
from vibelux.serve.errors import error_response
from vibelux.serve.routes._query import FacilityId
from vibelux.serve.shapes import FAILURES, answered

router = APIRouter(prefix="/api/chp/outlook", tags=["decisions"])

_EXAMPLE = examples.SITE_OUTLOOK
_NUMBER = {"type": ["number", "null"]}
_PLAIN = {"type": "number"}
_FIT: dict[str, Any] = {
    "type": ["object", "null"],
    "description": "how well the greenhouse's heat model tells what its heat meter showed; null: it is not fitted",
    "required": list(_EXAMPLE["fit"]),
    "properties": {
        "at": {"type": "string", "format": "date-time"},
        "hours": {"type": "integer"},
        **dict.fromkeys(("lossFactor", "solarGain", "uaKwPerK", "r2", "rmseKw"), _PLAIN),
        "used": {"type": "boolean", "description": "false: it explains less than half of the heat"},
    },
}
_ANSWER: dict[str, Any] = {
    "type": "object",
    "required": list(_EXAMPLE),
    "properties": {
        "facilityId": {"type": "string"},
        "timestamp": {"type": "string", "format": "date-time"},
        "source": {"type": ["string", "null"]},
        "quality": {"enum": ["constant", "file", "forecast", "model", "estimated", "missing"]},
        "notes": {"type": "array", "items": {"type": "string"}},
        "fit": _FIT,
        "light": {"type": "array", "items": {"type": "object", "required": ["id", "day", "kwh"]}},
        "degreeDays": {"type": "object", "required": ["baseC", "unit", "rows"]},
        "rows": {
            "type": "array",
            "items": {
                "type": "object",
                "required": list(_EXAMPLE["rows"][0]),
                "properties": dict.fromkeys(list(_EXAMPLE["rows"][0])[2:], _NUMBER),
            },
        },
        "next": {"type": "null"},
    },
}

BaseC = Annotated[
    float | None,
    Query(alias="baseC", ge=-10, le=45, description="what degree days count from, Celsius; default the facility's own"),
]


@router.get(
    "",
    responses={200: answered(_ANSWER, _EXAMPLE), **FAILURES},
    summary="What a facility will need in the next 48 hours",
)
async def site_outlook(
    facility_id: FacilityId, caller: Asking, door: DoorOf, state: State, base_c: BaseC = None
) -> Response:
    """Five minutes for 2 h, 15 minutes to 12 h, hours beyond; `powerKw` is without the site's own solar power.

    A step beyond what is known has nulls. `degreeDays` are of yesterday, today and tomorrow.
    """
    await door.facility(caller, facility_id, "read")
    found = None if state.site_outlooks is None else await state.site_outlooks.of(facility_id, base_c)
    if found is None:
        return error_response(503, "Unavailable", "this process looks ahead for no facility of that name")
    return json_response(found)
