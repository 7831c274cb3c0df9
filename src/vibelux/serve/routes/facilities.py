"""The key's own facilities: their objects, as a facility file has them, and what may be done to them."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response

from vibelux.dispatch.facility import Facility
from vibelux.market.errors import ConfigError
from vibelux.serve import examples
from vibelux.serve.answers import json_bytes, json_response, tagged
from vibelux.serve.auth import Asking, DoorOf, OwnStore, Reading, State, need
from vibelux.serve.bodies import read_body
from vibelux.serve.errors import bad_request, conflict, not_found
from vibelux.serve.lights import feed_lights
from vibelux.serve.ports import Row
from vibelux.serve.shapes import FAILURES, WRITES, Facilities, Rows, answered, body_like

router = APIRouter(prefix="/api", tags=["facilities"])

_ANYWHERE = Path("/")
_FACILITY: dict[str, Any] = {"type": "object", "description": "The facility file's object, same keys"}
_BODY = body_like(_FACILITY, examples.FACILITY)


@router.get(
    "/facilities",
    responses={200: answered(Facilities, {"facilities": [examples.FACILITY]}), **FAILURES},
    summary="The facilities that the key may see",
)
async def list_facilities(request: Request, caller: Reading, store: OwnStore) -> Response:
    """The facility file's objects, same keys."""
    own = [row for row in await store.facilities() if caller.owns(row["id"])]
    return tagged(request, json_bytes({"facilities": own}))


@router.post(
    "/facilities",
    status_code=201,
    responses={201: answered(_FACILITY, examples.FACILITY), **WRITES},
    openapi_extra=_BODY,
    summary="Adds a facility (scope admin)",
)
async def create_facility(request: Request, caller: Asking, store: OwnStore) -> Response:
    """The desk takes it up within seconds. A key for some facilities may make those, and no others.

    Files are not read for a request: `demand.file` and `prices.urdb_tariff` are refused.
    """
    if not caller.facilities:
        need(caller, "admin")
    body = await read_body(request, dict[str, Any])
    facility_id = body.get("id")
    if isinstance(facility_id, str):
        request.state.about = facility_id
        if not caller.owns(facility_id):
            raise not_found()
    need(caller, "admin")
    taken = conflict(f"there is a facility {facility_id} already; PUT replaces it")
    if isinstance(facility_id, str) and await store.facility(facility_id) is not None:
        raise taken
    facility = _read(body, held=None)
    if not await store.add_facility(facility.id, facility.as_dict()):
        raise taken
    return json_response(facility.as_dict(), status=201, headers={"Location": f"/api/facilities/{facility.id}"})


@router.get(
    "/facilities/{facility_id}",
    responses={200: answered(_FACILITY, examples.FACILITY), **FAILURES},
    summary="One facility, as its file has it",
)
async def get_facility(request: Request, facility_id: str, caller: Asking, door: DoorOf) -> Response:
    """404 for unknown and others' alike."""
    return tagged(request, json_bytes(await door.facility(caller, facility_id, "read")))


@router.put(
    "/facilities/{facility_id}",
    responses={200: answered(_FACILITY, examples.FACILITY), **WRITES},
    openapi_extra=_BODY,
    summary="Replaces a facility whole (scope operate)",
)
async def replace_facility(
    request: Request, facility_id: str, caller: Asking, door: DoorOf, store: OwnStore
) -> Response:
    """Takes what GET gives. The id stays; a demand file that an operator has named may stay, no other may come.

    A facility of the configuration file keeps this change until its place in that file changes.
    """
    held = await door.facility(caller, facility_id, "operate")
    body = await read_body(request, dict[str, Any])
    if body.setdefault("id", facility_id) != facility_id:
        raise bad_request(f"facility: id: should be {facility_id!r}; a facility keeps its id")
    facility = _read(body, held)
    if not await store.replace_facility(facility_id, facility.as_dict()):
        raise not_found()
    return json_response(facility.as_dict())


@router.delete(
    "/facilities/{facility_id}",
    status_code=204,
    responses={409: WRITES[409], **FAILURES},
    summary="Takes a facility out (scope admin)",
)
async def remove_facility(facility_id: str, caller: Asking, door: DoorOf, store: OwnStore) -> Response:
    """Its decisions stay. One that stands in the configuration file is taken out there: it would come back."""
    await door.facility(caller, facility_id, "admin")
    if await store.stands_in_file(facility_id):
        raise conflict("it stands in the service's configuration file and would come back: take it out there")
    if not await store.remove_facility(facility_id):
        raise not_found()
    return Response(status_code=204)


@router.get(
    "/feeds",
    responses={200: answered(Rows, {"rows": [examples.FEED], "next": None}), **FAILURES},
    summary="Every feed: age, limit, last error",
)
async def feeds(_: Reading, state: State) -> Response:
    """One light a feed: `good`, `stale`, `missing`, `off`."""
    return json_response({"rows": feed_lights(state, await state.store.feed_status()), "next": None})


def _read(body: Row, held: Row | None) -> Facility:
    """The facility that a request describes.

    Raises:
        HTTPException: 400, with the name of the field that is wrong.
    """
    file = _demand_file(body)
    known = file is not None and held is not None and file == _demand_file(held)
    try:
        return Facility.from_dict(body, folder=_ANYWHERE if known and "urdb_tariff" not in _prices(body) else None)
    except ConfigError as error:
        raise bad_request(str(error)) from error


def _demand_file(body: Row) -> object:
    demand = body.get("demand")
    return demand.get("file") if isinstance(demand, dict) else None


def _prices(body: Row) -> Row:
    prices = body.get("prices")
    return prices if isinstance(prices, dict) else {}
