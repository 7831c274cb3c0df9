"""The key's own facilities, and the lights of the feeds they hang on."""

from fastapi import APIRouter, Response

from vibelux.serve.answers import json_response
from vibelux.serve.auth import DOCUMENTED, Asking, DoorOf, State, need
from vibelux.serve.lights import feed_lights
from vibelux.serve.shapes import FAILURES, Facilities, Rows

router = APIRouter(prefix="/api", tags=["facilities"], dependencies=DOCUMENTED)


@router.get(
    "/facilities", responses={200: {"model": Facilities}, **FAILURES}, summary="The facilities that the key may see"
)
async def facilities(caller: Asking, state: State) -> Response:
    """The facility file's objects, same keys."""
    need(caller, "read")
    own = [row for row in await state.store.facilities() if caller.owns(row["id"])]
    return json_response({"facilities": own})


@router.get("/facilities/{facility_id}", responses=FAILURES, summary="One facility, as its file has it")
async def facility(facility_id: str, caller: Asking, door: DoorOf) -> Response:
    """404 for unknown and others' alike."""
    return json_response(await door.facility(caller, facility_id, "read"))


@router.get("/feeds", responses={200: {"model": Rows}, **FAILURES}, summary="Every feed: age, limit, last error")
async def feeds(caller: Asking, state: State) -> Response:
    """One light a feed: `good`, `stale`, `missing`, `off`."""
    need(caller, "read")
    return json_response({"rows": feed_lights(state, await state.store.feed_status()), "next": None})
