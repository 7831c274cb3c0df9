"""What to do now, and what was decided then."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from vibelux.market.intervals import iso_z
from vibelux.serve.answers import json_response, unavailable
from vibelux.serve.auth import DOCUMENTED, Asking, DoorOf, State
from vibelux.serve.errors import not_found
from vibelux.serve.routes._query import FacilityId, From, OptionalText, To, moment, window
from vibelux.serve.shapes import FAILURES, DecisionAnswer, DecisionRows, Rows

_DAY = timedelta(days=1)
_JUST_NOW = timedelta(seconds=1)
"""The end is not included, and a decision of this very moment should be."""

router = APIRouter(prefix="/api/chp", tags=["decisions"], dependencies=DOCUMENTED)


@router.get(
    "/decision",
    responses={200: {"model": DecisionAnswer}, **FAILURES},
    summary="The decision now, or as it was known at a moment",
)
async def decision(
    facility_id: FacilityId, caller: Asking, door: DoorOf, state: State, at: OptionalText = None
) -> Response:
    """The whole answer: decision, market conditions, operations, freshness."""
    await door.facility(caller, facility_id, "read")
    if at is None:
        answer = await state.desk.latest(facility_id)
        return json_response(answer or unavailable(state.clock.now()))
    then = await state.store.answer_at(facility_id, moment(at))
    if then is None:
        raise not_found()
    return json_response(then)


@router.get(
    "/schedule",
    responses={200: {"model": Rows}, **FAILURES},
    summary="The whole plan to the horizon, a row a step",
)
async def schedule(facility_id: FacilityId, caller: Asking, door: DoorOf, state: State) -> Response:
    """Prices, flows and levels of each step; no rows where the newest decision rests on no plan, and why in `detail`."""
    await door.facility(caller, facility_id, "read")
    plan = await state.desk.schedule(facility_id)
    none = {"facilityId": facility_id, "rows": [], "next": None, "detail": "The newest decision rests on no plan."}
    return json_response(plan or none)


@router.get(
    "/decisions",
    responses={200: {"model": DecisionRows}, **FAILURES},
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
) -> Response:
    """Oldest first; `next` goes on where a page ends."""
    await door.facility(caller, facility_id, "read")
    first, last = window(start, end, state.clock.now() + _JUST_NOW, _DAY, longest=31 * _DAY)
    rows = await state.store.answers(facility_id, first, last, limit + 1)
    following = None
    if len(rows) > limit:
        goes_on = {"from": rows[limit]["timestamp"], "to": iso_z(last)}
        following = str(request.url.include_query_params(**goes_on))
    return json_response({"rows": rows[:limit], "next": following})
