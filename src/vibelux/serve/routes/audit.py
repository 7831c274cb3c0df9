"""Who did what."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from vibelux.serve import examples
from vibelux.serve.answers import json_response
from vibelux.serve.auth import Asking, DoorOf, OwnStore, State, need
from vibelux.serve.routes._query import After, From, OptionalText, To, next_url, window
from vibelux.serve.shapes import FAILURES, Rows, answered

router = APIRouter(prefix="/api", tags=["access"])

_DAYS = timedelta(days=30)
_JUST_NOW = timedelta(seconds=1)


@router.get(
    "/audit",
    responses={200: answered(Rows, {"rows": [examples.DEED], "next": None}), **FAILURES},
    summary="Who did what, when, from where, and what came of it (scope admin)",
)
async def audit(
    request: Request,
    caller: Asking,
    door: DoorOf,
    state: State,
    store: OwnStore,
    facility_id: Annotated[OptionalText, Query(alias="facilityId", examples=["salinas-1"])] = None,
    start: From = None,
    end: To = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    after: After = None,
) -> Response:
    """Newest first; writes over REST and changes of keys. A key for some facilities sees what was done to those."""
    if facility_id is not None:
        await door.facility(caller, facility_id, "admin")
    need(caller, "admin")
    first, last = window(start, end, state.wall.now() + _JUST_NOW, _DAYS)
    wanted = caller.facilities if facility_id is None else frozenset({facility_id})
    rows, cursor = await store.deeds(first, last, wanted, limit, after)
    following = None if cursor is None else next_url(request, first, last, cursor)
    return json_response({"rows": rows, "next": following})
