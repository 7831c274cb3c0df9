"""What to do now, and what was decided then."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from vibelux.market.errors import ConfigError
from vibelux.serve import examples
from vibelux.serve.answers import json_response, unavailable
from vibelux.serve.auth import Asking, DoorOf, State, door_of, state_of
from vibelux.serve.bodies import read_body
from vibelux.serve.errors import bad_request, not_found
from vibelux.serve.routes._query import After, FacilityId, From, OptionalText, To, moment, next_url, window
from vibelux.serve.shapes import FAILURES, WRITES, DecisionAnswer, DecisionRows, Rows, answered, body_like

_DAY = timedelta(days=1)
_JUST_NOW = timedelta(seconds=1)
"""The end is not included, and a decision of this very moment should be."""

_NUMBER = {"type": "number"}
_ASSUMED: dict[str, Any] = {
    "type": "object",
    "required": ["facilityId"],
    "properties": {
        "facilityId": {"type": "string"},
        "gridPrice": _NUMBER | {"description": "USD/kWh in this step"},
        "gasPrice": _NUMBER | {"description": "USD/MMBtu (HHV), of the market"},
        "co2Price": _NUMBER | {"description": "USD per metric ton"},
        "expectedPriceFactor": _NUMBER | {"minimum": 0, "description": "every expected price times this"},
        "expectedPriceAdder": _NUMBER | {"description": "and this added, USD/kWh"},
        "set": {"type": "object", "description": "fields of the facility by their paths"},
    },
    "additionalProperties": False,
}

router = APIRouter(prefix="/api/chp", tags=["decisions"])


@router.get(
    "/decision",
    responses={200: answered(DecisionAnswer, examples.DECISION), **FAILURES},
    summary="The decision now, or as it was known at a moment",
)
async def decision(request: Request, facility_id: FacilityId, caller: Asking, at: OptionalText = None) -> Response:
    """The whole answer: decision, market conditions, operations, freshness."""
    door, state = door_of(request), state_of(request)  # asked for most of all: two dependencies would cost a sixth
    await door.sees(caller, facility_id)
    if at is None:
        answer = await state.desk.latest(facility_id)
        return json_response(answer or unavailable(state.clock.now()))
    then = await door.store_of(caller).answer_at(facility_id, moment(at))
    if then is None:
        raise not_found()
    return json_response(then)


@router.get(
    "/schedule",
    responses={200: answered(Rows, examples.SCHEDULE), **FAILURES},
    summary="The whole plan to the horizon, a row a step, now or as it was at a moment",
)
async def schedule(
    facility_id: FacilityId, caller: Asking, door: DoorOf, state: State, at: OptionalText = None
) -> Response:
    """Prices, flows and levels of each step; no rows where the decision rests on no plan; `detail` says so.

    Plans of past moments are kept for `KEEP_OUTBOX_DAYS`.
    """
    await door.sees(caller, facility_id)
    if at is None:
        plan = await state.desk.schedule(facility_id)
    else:
        plan = await door.store_of(caller).schedule_at(facility_id, moment(at))
    none: dict[str, Any] = {
        "facilityId": facility_id,
        "rows": [],
        "next": None,
        "detail": "The newest decision rests on no plan." if at is None else "No plan of that moment is kept.",
    }
    return json_response(plan or none)


@router.post(
    "/what-if",
    responses={200: answered(DecisionAnswer, examples.DECISION), **FAILURES, 413: WRITES[413]},
    openapi_extra=body_like(
        _ASSUMED, {"facilityId": "salinas-1", "gridPrice": 0.09, "set": {"chp.engine-1.rated_kw": 800}}
    ),
    summary="The decision under other assumptions",
)
async def what_if(request: Request, caller: Asking, door: DoorOf, state: State) -> Response:
    """As `/decision`, with `assumed`, the `schedule` and the decision `inForce`. Nothing is stored or told."""
    body = await read_body(request, dict[str, Any])
    facility_id = body.pop("facilityId", None)
    if not isinstance(facility_id, str):
        raise bad_request("facilityId: should be the id of a facility")
    await door.sees(caller, facility_id)
    try:
        answer = await state.desk.what_if(facility_id, body)
    except ConfigError as error:
        raise bad_request(str(error)) from error
    return json_response(answer or unavailable(state.clock.now()))


@router.get(
    "/decisions",
    responses={200: answered(DecisionRows, {"rows": [examples.DECISION], "next": None}), **FAILURES},
    summary="The decisions of a stretch of time (default: the last 24 hours)",
)
async def decisions(
    request: Request,
    facility_id: FacilityId,
    caller: Asking,
    door: DoorOf,
    state: State,
    start: From = None,
    end: To = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 300,
    after: After = None,
) -> Response:
    """Oldest first; `next` goes on where a page ends."""
    await door.sees(caller, facility_id)
    first, last = window(start, end, state.clock.now() + _JUST_NOW, _DAY, longest=31 * _DAY)
    rows, cursor = await door.store_of(caller).answers(facility_id, first, last, limit, after)
    following = None if cursor is None else next_url(request, first, last, cursor)
    return json_response({"rows": rows, "next": following})
