"""What people should know of their facilities."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from vibelux.serve import examples
from vibelux.serve.answers import json_response
from vibelux.serve.auth import OwnStore, Reading, State
from vibelux.serve.errors import not_found
from vibelux.serve.routes._query import After, From, OptionalText, moment
from vibelux.serve.shapes import FAILURES, Rows, answered

router = APIRouter(prefix="/api", tags=["alerts"])

_DAYS = timedelta(days=7)


@router.get(
    "/alerts",
    responses={200: answered(Rows, {"rows": [examples.ALERT], "next": None}), **FAILURES},
    summary="Alerts that are open, and those of the last days (default: 7)",
)
async def alerts(
    request: Request,
    caller: Reading,
    state: State,
    store: OwnStore,
    facility_id: Annotated[OptionalText, Query(alias="facilityId", examples=["salinas-1"])] = None,
    start: From = None,
    only_open: Annotated[bool, Query(alias="open", description="only those that are open")] = False,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    after: After = None,
) -> Response:
    """Newest first. `state` is `open`, `resolved` or, for what is over at once, `happened`."""
    if facility_id is not None and (not caller.owns(facility_id) or await store.facility(facility_id) is None):
        raise not_found()
    wanted = caller.facilities if facility_id is None else frozenset({facility_id})
    since = moment(start) if start else state.clock.now() - _DAYS
    rows, cursor = await store.alerts(wanted, since, only_open=only_open, limit=limit, after=after)
    following = None if cursor is None else str(request.url.include_query_params(after=cursor))
    return json_response({"rows": rows, "next": following})
