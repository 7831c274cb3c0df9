"""The ledger: what was decided has cost, and what the site would have cost without it."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query, Response

from vibelux.market.intervals import floor_to
from vibelux.realtime.ledger import Ledger
from vibelux.realtime.statement import Asked, flat
from vibelux.serve import examples
from vibelux.serve.answers import json_response
from vibelux.serve.auth import Asking, DoorOf, State
from vibelux.serve.exports import MEDIA_TYPES, table_file
from vibelux.serve.ports import ServeState
from vibelux.serve.routes._query import FacilityId, From, To, window
from vibelux.serve.shapes import FAILURES, Rows, answered
from vibelux.store.keys import Principal

router = APIRouter(prefix="/api/savings", tags=["savings"])

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_LONGEST = {"interval": 7 * _DAY, "hour": 92 * _DAY, "day": 3 * 366 * _DAY, "month": 20 * 366 * _DAY}
_USUAL = {"interval": _HOUR, "hour": _DAY, "day": 30 * _DAY, "month": 366 * _DAY}


@router.get(
    "",
    responses={200: answered(Rows, examples.SAVINGS), **FAILURES},
    summary="What decisions have cost, what was done instead, and three baselines",
)
async def savings(
    facility_id: FacilityId,
    caller: Asking,
    door: DoorOf,
    state: State,
    start: From = None,
    end: To = None,
    by: Literal["interval", "hour", "day", "month"] = "day",
    form: Annotated[Literal["json", "csv", "parquet", "arrow"], Query(alias="format")] = "json",
) -> Response:
    """At prices as they are known now; by whole hours, the last 30 days by default.

    `restatedUsd` is by how much corrections have changed hours that were settled. `by=interval` gives each decision
    with the price rows behind it (7 days at most). `format=csv|parquet|arrow` gives the rows as a table.
    """
    await door.facility(caller, facility_id, "read")
    first, last = window(start, end, state.clock.now(), _USUAL[by], longest=_LONGEST[by])
    ledger = _ledger(state, caller)
    facility = await ledger.facility(facility_id)
    if by == "interval":
        return json_response(await ledger.steps(facility, first, last))
    told = await ledger.savings(facility, Asked(floor_to(first, _HOUR), _whole(last), by))
    if form == "json":
        return json_response(told)
    named = {"Content-Disposition": f'attachment; filename="savings.{form}"', "Cache-Control": "no-store"}
    return Response(await table_file(flat(told), form), headers=named, media_type=MEDIA_TYPES[form])


@router.get(
    "/totals",
    responses={200: answered({"type": "object"}, examples.SAVINGS_TOTALS), **FAILURES},
    summary="Today, this month and this year by the facility's calendar, in one",
)
async def totals(facility_id: FacilityId, caller: Asking, door: DoorOf, state: State) -> Response:
    """The figures of `/api/savings` without rows, up to now."""
    await door.facility(caller, facility_id, "read")
    ledger = _ledger(state, caller)
    return json_response(await ledger.totals(await ledger.facility(facility_id)))


def _ledger(state: ServeState, caller: Principal) -> Ledger:
    if state.ledger is None:
        raise HTTPException(503, {"error": "The ledger is not kept here"})
    return state.ledger.in_name_of(caller)


def _whole(moment: datetime) -> datetime:
    """The end of the hour."""
    begun = floor_to(moment, _HOUR)
    return begun if begun == moment else begun + _HOUR
